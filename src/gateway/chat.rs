//! A chat call, from a body to an answer.

use super::admit::{Asked, admit};
use super::attempt::attempt;
use super::context::Context;
use super::enforce::Enforcement;
use super::resolve::Operation;
use super::route::route;
use super::{Answer, Error, Gateway, enforced, limit};
use crate::wire::chat::ChatRequest;
use bytes::Bytes;
use std::sync::Arc;

/// Runs a call: the request path, in order.
///
/// # Errors
/// [`Error`]; whatever was held is settled by then.
pub async fn run(gateway: &Arc<Gateway>, mut context: Context, body: Bytes) -> Result<Answer, Error> {
    let request = ChatRequest::parse(&body, gateway.json_depth).map_err(Error::Request)?;
    let enforcement = Enforcement::of(&request, &gateway.schemas).map_err(Error::Request)?;
    let route = route(gateway, &request.model, Operation::Chat)?;
    let output = request.output_limit.unwrap_or(0).saturating_mul(request.n);
    limit::take(gateway, &mut context, request.user.as_deref(), request.bytes, output)?;
    if let Some(enforcement) = enforcement.filter(|enforcement| enforced::concerns(enforcement, &route)) {
        // On the heap: its state would make that of every call larger.
        return Box::pin(enforced::run(gateway, context, body.clone(), &request, Arc::new(enforcement), route)).await;
    }
    let early = route.fails_over();
    let (request, body) = (&request, &body);
    route
        .run(gateway, |target| {
            let context = context.clone();
            async move {
                let running = admit(gateway, context, target, Asked::of_chat(request, body))?;
                attempt(gateway, request, running, early).await
            }
        })
        .await
}
