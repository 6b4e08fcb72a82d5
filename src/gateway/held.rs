//! A stream that is held back until its answer is known to fit: comment lines keep the connection,
//! then everything comes at once.

use super::error::Error;
use super::stream::Explain;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// How long a client hears nothing; proxies cut connections that are silent for a minute.
pub const SILENCE: Duration = Duration::from_secs(15);

/// A comment: clients of event streams pass over it.
const COMMENT: &[u8] = b": the answer is being checked\n\n";

/// What the work comes to: the whole stream.
pub type Work = Pin<Box<dyn Future<Output = Result<Bytes, Error>> + Send>>;

/// The body of a stream that is held back. Dropping it drops the work, which cancels and settles.
pub struct Held {
    work: Option<Work>,
    silence: Pin<Box<Sleep>>,
    explain: Explain,
}

impl Held {
    pub fn new(work: Work, explain: Explain) -> Self {
        Self { work: Some(work), silence: Box::pin(tokio::time::sleep(SILENCE)), explain }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let Some(work) = &mut this.work else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            this.work = None;
            let bytes = done.unwrap_or_else(|error| (this.explain)(error).to_event().into());
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if this.silence.as_mut().poll(cx).is_ready() {
            this.silence.as_mut().reset(tokio::time::Instant::now() + SILENCE);
            // Polled so that it wakes this task again.
            let _ = this.silence.as_mut().poll(cx);
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(COMMENT)))));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.work.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::error::ApiError;
    use http_body_util::BodyExt as _;

    fn explain(_: Error) -> ApiError {
        ApiError::internal()
    }

    #[tokio::test(start_paused = true)]
    async fn comments_keep_the_connection_until_the_answer_comes() {
        let work = async {
            tokio::time::sleep(SILENCE * 2 + Duration::from_secs(1)).await;
            Ok(Bytes::from_static(b"data: [DONE]\n\n"))
        };
        let body = Held::new(Box::pin(work), explain).collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(text.matches(": the answer is being checked\n\n").count(), 2);
        assert!(text.ends_with("\n\ndata: [DONE]\n\n"));
    }

    #[tokio::test]
    async fn a_failure_is_one_event_without_an_end() {
        let work = async { Err(Error::Slot { alias: "x".to_owned() }) };
        let body = Held::new(Box::pin(work), explain).collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.starts_with("data: {\"error\":") && !text.contains("[DONE]"), "{text}");
    }
}
