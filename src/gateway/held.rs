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
    patience: Duration,
    explain: Explain,
}

impl Held {
    pub fn new(work: Work, explain: Explain) -> Self {
        Self::with_silence(SILENCE, work, explain)
    }

    fn with_silence(patience: Duration, work: Work, explain: Explain) -> Self {
        Self { work: Some(work), silence: Box::pin(tokio::time::sleep(patience)), patience, explain }
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
            this.silence.as_mut().reset(tokio::time::Instant::now() + this.patience);
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

    #[tokio::test]
    async fn comments_keep_the_connection_until_the_answer_comes() {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let work = async { Ok(answered.await.expect("it is sent")) };
        let mut body = Held::with_silence(Duration::from_millis(1), Box::pin(work), explain);
        for _ in 0..2 {
            let frame = body.frame().await.expect("a frame").expect("no error");
            assert_eq!(frame.into_data().expect("data"), COMMENT);
        }
        answer.send(Bytes::from_static(b"data: [DONE]\n\n")).expect("it is awaited");
        let rest = body.collect().await.expect("an end").to_bytes();
        assert!(rest.ends_with(b"data: [DONE]\n\n") && !body_begins_anew(&rest), "{rest:?}");
    }

    /// Whether anything but comments stands before the answer.
    fn body_begins_anew(bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes).replace(": the answer is being checked\n\n", "");
        text != "data: [DONE]\n\n"
    }

    #[tokio::test]
    async fn a_failure_is_one_event_without_an_end() {
        let work = async { Err(Error::Slot { alias: "x".to_owned() }) };
        let body = Held::new(Box::pin(work), explain).collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.starts_with("data: {\"error\":") && !text.contains("[DONE]"), "{text}");
    }
}
