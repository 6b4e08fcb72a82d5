//! `Idempotency-Key` on any POST below `/v1`: the first answer that was worked for is given again,
//! and nothing is charged twice.
//!
//! A request with a key runs in a task of its own, so that a caller who hangs up ends nothing: the
//! call is drained, settled and kept. The key is claimed before anything is done and its row says
//! what became of it; [`record`] keeps the answer, [`request`] reads what a key stands for.
//! A request without a key passes by with one look at its headers.

mod record;
mod request;

pub use request::applies;

use super::answer;
use super::error::internal;
use super::state::Api;
use crate::access::Scopes;
use crate::id::Id;
use crate::store::idempotency::{self, Found, Stored};
use crate::wire::error::{ApiError, Code};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use record::Task;
use request::Keyed;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Calls that run under a key.
pub struct KeyedCalls {
    tasks: TaskTracker,
    give_up: CancellationToken,
    /// This process, as the owner of claims.
    owner: String,
}

impl Default for KeyedCalls {
    fn default() -> Self {
        Self { tasks: TaskTracker::new(), give_up: CancellationToken::new(), owner: Id::new("proc").into_string() }
    }
}

impl KeyedCalls {
    /// Lets what runs finish within `patience`, then cuts it off, which settles it. Says whether
    /// everything finished by itself.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.tasks.close();
        let finished = tokio::time::timeout(patience, self.tasks.wait()).await.is_ok();
        self.give_up.cancel();
        self.tasks.wait().await;
        finished
    }
}

/// Left on an answer that holds a secret which is shown once: it is not kept, and the key is given
/// free, so that the same request makes another.
#[derive(Clone, Copy, Debug)]
pub struct ShownOnce;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The `X-Request-Id` of the request whose answer is given again.
const ORIGINAL: HeaderName = HeaderName::from_static("original-request");

/// Runs a request that [`applies`].
pub async fn run(api: &Api, request: Request, next: Next) -> Response {
    let Some(caller) = request::caller(api, request.headers()) else {
        // Nobody's key: the route says what is wrong.
        return next.run(request).await;
    };
    let (keyed, request) = match Keyed::read(api, &caller, request).await {
        Ok(read) => read,
        Err(error) => return error.into_response(),
    };
    let (answer, given) = oneshot::channel();
    let calls = api.keyed_calls();
    let claim = keyed.claim(&calls.owner, api.clock().now());
    let give_up = calls.give_up.clone();
    let api = api.clone();
    calls.tasks.spawn(async move {
        // Claimed in here: a caller who leaves in between would leave the claim without an owner.
        let response = match idempotency::claim(api.store(), &claim, api.clock().now()).await {
            Ok(Found::Claimed) => {
                let task = Task { api, claim, answer };
                tokio::select! {
                    () = task.run(request, next) => {}
                    () = give_up.cancelled() => {}
                }
                return;
            }
            Ok(found) => replay(found, caller.scopes, &keyed.path).unwrap_or_else(ApiError::into_response),
            Err(error) => internal(&error).into_response(),
        };
        // A caller who has left does not ask.
        let _ = answer.send(response);
    });
    given.await.unwrap_or_else(|_| ApiError::internal().into_response())
}

/// What is answered to a request that is not the first of its key.
fn replay(found: Found, scopes: Scopes, path: &str) -> Result<Response, ApiError> {
    let look = |request_id: &str| format!("GET /v1/usage/events?request_id={request_id} shows whether it was charged");
    Err(match found {
        Found::Done { request_id, stored } if request::may_read(scopes, path) => return Ok(again(&request_id, stored)),
        Found::Done { .. } => ApiError::new(
            Code::InsufficientScope,
            "This token lacks the scope of the request whose answer it asks for again.",
        ),
        Found::Reused => ApiError::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used for another request: method, path and body must be the same. Use another key.",
        )
        .param("idempotency-key"),
        Found::Claimed | Found::Running => ApiError::new(
            Code::IdempotencyInProgress,
            "The first request with this Idempotency-Key is still running. Try again in a second; its answer is given then.",
        )
        .retry_after(Duration::from_secs(1)),
        Found::Incomplete { request_id } => ApiError::new(
            Code::IdempotencyStreamIncomplete,
            format!(
                "The first request with this Idempotency-Key was answered by a stream of more than 1 MiB, which is not kept. {}. Use another key to run it again.",
                look(&request_id)
            ),
        ),
        Found::Indeterminate { request_id } => ApiError::new(
            Code::IdempotencyIndeterminate,
            format!(
                "The first request with this Idempotency-Key was cut off, and its answer is not known. {}. Use another key to run it again.",
                look(&request_id)
            ),
        ),
    })
}

/// The kept answer: the same bytes, a stream as a stream.
fn again(request_id: &str, stored: Stored) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in &stored.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let body = Bytes::from(stored.body);
    let mut response = if record::is_stream(&headers) {
        Response::new(Body::from_stream(stream::iter([Ok::<_, Infallible>(body)])))
    } else {
        answer::raw_json(StatusCode::OK, body)
    };
    *response.status_mut() = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(ORIGINAL, id);
    }
    *response.headers_mut() = headers;
    response
}
