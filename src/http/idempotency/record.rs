//! Running the first request of a key, and keeping its answer.

use super::super::edge::panicked;
use super::super::error::ErrorCode;
use super::super::state::Api;
use super::ShownOnce;
use super::request::LEASE;
use crate::store::StoreError;
use crate::store::idempotency::{self, Claim, Stored};
use crate::wire::error::Code;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use tokio::sync::{mpsc, oneshot};

/// Bytes of a stream that are kept; a longer one is not.
const MOST: usize = 1 << 20;
/// Frames that may wait for a client that reads slowly.
const FRAMES: usize = 8;

/// The first request of a key.
pub(super) struct Task {
    pub api: Api,
    pub claim: Claim,
    /// Where the answer goes, while the caller is there.
    pub answer: oneshot::Sender<Response>,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is kept.
    Keep,
    /// Nothing was done, or doing it again does no harm: the key is free again.
    Forget,
    /// Nobody knows what was done.
    Unclear,
}

fn fate(response: &Response) -> Fate {
    let code = response.extensions().get::<ErrorCode>().map(|code| code.0);
    match (response.status(), code) {
        _ if response.extensions().get::<ShownOnce>().is_some() => Fate::Forget,
        (status, _) if status.is_success() => Fate::Keep,
        (StatusCode::UNPROCESSABLE_ENTITY, _) => Fate::Keep,
        (_, Some(Code::UpstreamInvalidRequest | Code::UpstreamContextLengthExceeded | Code::UpstreamContentFilter)) => {
            Fate::Keep
        }
        (StatusCode::INTERNAL_SERVER_ERROR, _) => Fate::Unclear,
        _ => Fate::Forget,
    }
}

/// Whether an answer is a stream of events.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

impl Task {
    /// Runs it to its end, whether the caller stays or not, and renews the claim meanwhile.
    pub async fn run(self, request: Request, next: Next) {
        let (api, claim) = (self.api.clone(), self.claim.clone());
        let renewing = async {
            loop {
                tokio::time::sleep(LEASE / 3).await;
                let until = api.clock().now().after(LEASE);
                if let Err(error) = idempotency::renew(api.store(), &claim, until).await {
                    tracing::warn!(%error, "the claim on an idempotency key could not be renewed");
                }
            }
        };
        tokio::select! {
            () = self.perform(request, next) => {}
            () = renewing => {}
        }
    }

    async fn perform(self, request: Request, next: Next) {
        let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let response = outcome.unwrap_or_else(|panic| panicked(&*panic));
        match fate(&response) {
            Fate::Keep if is_stream(response.headers()) => self.relay(response).await,
            Fate::Keep => self.keep(response).await,
            Fate::Forget => {
                // Free before the caller knows, who may come again at once.
                note(idempotency::release(self.api.store(), &self.claim).await);
                let _ = self.answer.send(response);
            }
            Fate::Unclear => {
                note(idempotency::indeterminate(self.api.store(), &self.claim).await);
                let _ = self.answer.send(response);
            }
        }
    }

    /// An answer in one piece: kept, then given.
    async fn keep(self, response: Response) {
        let (parts, body) = response.into_parts();
        let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            note(idempotency::indeterminate(self.api.store(), &self.claim).await);
            return;
        };
        let stored = stored(parts.status, &parts.headers, body.to_vec());
        note(idempotency::complete(self.api.store(), &self.claim, &stored).await);
        // A caller who has left asks again.
        let _ = self.answer.send(Response::from_parts(parts, Body::from(body)));
    }

    /// A stream: given as it comes, and kept before its last piece is given.
    async fn relay(self, response: Response) {
        let Self { api, claim, answer } = self;
        let (parts, mut body) = response.into_parts();
        let (status, headers) = (parts.status, parts.headers.clone());
        let (frames, waiting) = mpsc::channel::<Bytes>(FRAMES);
        let given = stream::unfold(waiting, async |mut waiting| {
            let frame = waiting.recv().await?;
            Some((Ok::<_, Infallible>(frame), waiting))
        });
        let there = answer.send(Response::from_parts(parts, Body::from_stream(given))).is_ok();
        let mut client = there.then_some(frames);
        let mut record = Some(Vec::new());
        let mut kept = false;
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            record = record.filter(|record| record.len() + data.len() <= MOST);
            if let Some(record) = &mut record {
                record.extend_from_slice(&data);
            }
            if body.is_end_stream() {
                finish(&api, &claim, status, &headers, record.take()).await;
                kept = true;
            }
            if let Some(frames) = &client
                && frames.send(data).await.is_err()
            {
                // The caller has left; the call goes on.
                client = None;
            }
        }
        if !kept {
            finish(&api, &claim, status, &headers, record).await;
        }
    }
}

async fn finish(api: &Api, claim: &Claim, status: StatusCode, headers: &HeaderMap, record: Option<Vec<u8>>) {
    note(match record {
        Some(record) => idempotency::complete(api.store(), claim, &stored(status, headers, record)).await,
        None => idempotency::incomplete(api.store(), claim).await,
    });
}

/// What is given again: all headers but those of one exchange.
fn stored(status: StatusCode, headers: &HeaderMap, body: Vec<u8>) -> Stored {
    let own = |name: &str| {
        matches!(name, "content-length" | "transfer-encoding" | "date" | "connection" | "x-request-id")
            || name.starts_with("x-ratelimit-")
    };
    let headers = headers.iter().filter(|(name, _)| !own(name.as_str()));
    let headers = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    Stored { status: status.as_u16(), headers: headers.collect(), body }
}

/// What can't be written leaves the claim standing, and its lease runs out: the key is
/// indeterminate then, and nothing is charged twice.
fn note(result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::error!(%error, "what became of an idempotency key could not be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::error::ApiError;
    use axum::response::IntoResponse as _;

    #[test]
    fn what_was_worked_for_is_kept_and_what_was_refused_is_not() {
        for code in Code::ALL {
            let expected = match code.text() {
                "upstream_invalid_request"
                | "upstream_context_length_exceeded"
                | "upstream_content_filter"
                | "response_schema_validation_failed"
                | "idempotency_key_reused" => Fate::Keep,
                "internal_error" => Fate::Unclear,
                _ => Fate::Forget,
            };
            assert_eq!(fate(&ApiError::new(*code, "").into_response()), expected, "{}", code.text());
        }
        let mut response = Response::new(Body::empty());
        assert_eq!(fate(&response), Fate::Keep);
        response.extensions_mut().insert(ShownOnce);
        assert_eq!(fate(&response), Fate::Forget, "a secret is shown once");
    }
}
