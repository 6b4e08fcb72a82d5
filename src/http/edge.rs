//! What happens to every request, whatever its route: it gets an id, it is counted, a panic in it
//! is an answer, and what went wrong is logged under the id.

use super::error::{Cause, ErrorCode};
use super::idempotency;
use super::leftover::Leftover;
use super::state::Api;
use crate::id::Id;
use crate::wire::error::ApiError;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use smol_str::SmolStr;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use tokio::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, in its extensions and in `X-Request-Id`.
#[derive(Clone, Debug)]
pub struct RequestId(pub SmolStr);

/// The middleware; it stands around every route.
pub async fn edge(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let metrics = api.metrics();
    let id = Id::new("req").into_text();
    let header = HeaderValue::from_str(&id).ok();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    request.extensions_mut().insert(RequestId(id.clone()));
    let request = request.map(Leftover::read_out);

    let running = metrics.running();
    let start = Instant::now();
    let mut response = if idempotency::applies(&request) {
        Box::pin(idempotency::run(&api, request, next)).await
    } else {
        AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| panicked(&*panic))
    };
    drop(running);

    let (status, duration) = (response.status(), start.elapsed());
    metrics.request(route, status.as_u16(), duration);

    let code = response.extensions().get::<ErrorCode>().map(|code| code.0.text());
    let cause = response.extensions().get::<Cause>().map(|cause| cause.0.as_str());
    let milliseconds = duration.as_secs_f64() * 1000.0;
    let request_id = id.as_str();
    // The route's pattern is logged and never the path, which may hold a customer's name.
    if status.is_server_error() {
        tracing::warn!(request_id, %method, route, status = status.as_u16(), code, cause, milliseconds, "request");
    } else {
        tracing::debug!(request_id, %method, route, status = status.as_u16(), code, milliseconds, "request");
    }
    if let Some(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    response
}

/// The answer to a request whose handler panicked.
pub fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let mut response = ApiError::internal().into_response();
    response.extensions_mut().insert(Cause(format!("panic: {}", text.unwrap_or("no text"))));
    response
}
