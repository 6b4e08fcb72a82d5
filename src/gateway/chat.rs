//! A chat call, from a body to an answer.

use super::admit::{Asked, admit};
use super::attempt::attempt;
use super::context::Context;
use super::resolve::{Operation, resolve};
use super::{Answer, Error, Gateway};
use crate::wire::chat::ChatRequest;
use bytes::Bytes;

/// Runs a call: the request path, in order.
///
/// # Errors
/// [`Error`]; whatever was held is settled by then.
pub async fn run(gateway: &Gateway, context: Context, body: Bytes) -> Result<Answer, Error> {
    let request = ChatRequest::parse(&body, gateway.json_depth).map_err(Error::Request)?;
    let target = resolve(gateway, &request.model, Operation::Chat)?;
    let running = admit(gateway, context, target, Asked::of_chat(&request, &body))?;
    attempt(gateway, &request, running).await
}
