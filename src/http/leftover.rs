//! What of a request's body nobody reads.
//!
//! Clients write the head and the body of a request one after the other. One whose head is refused
//! is answered in between, and would find its connection closed under the next request if the rest
//! were left unread.

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;

/// Bytes that are read for nobody; after that the connection is closed.
const MOST: usize = 256 * 1024;
/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request's body whose rest is read when it is dropped.
pub struct Leftover(Option<Body>);

impl Leftover {
    /// The same body, read to its end by somebody.
    pub fn read_out(body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(Self(Some(body))) }
    }
}

impl http_body::Body for Leftover {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Some(body) = self.0.take()
            && !body.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            // Whether it came to its end is seen by the connection.
            runtime.spawn(async move { tokio::time::timeout(PATIENCE, read(body)).await });
        }
    }
}

async fn read(mut body: Body) {
    let mut left = MOST;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}
