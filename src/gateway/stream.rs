//! A streamed answer: one value that owns the provider's stream, the reply and the permit.
//!
//! The server polls it when the client can take more; each poll reads what the provider has sent,
//! maps it and hands it on as one frame. There is no task and no channel. Dropping it, which is
//! what a hang-up does, cancels the provider's call and settles.

use super::Error;
use super::settle::{Running, Status};
use crate::adapter::provider::ChatOperation;
use crate::adapter::reply::Reply;
use crate::adapter::verbatim;
use crate::upstream::{EventStream, UpstreamError};
use crate::wire::error::ApiError;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Turns what ends a stream early into the event that tells the client. `http::error` gives it,
/// so that a stream and an answer in one piece say the same of the same failure.
pub type Explain = fn(Error) -> ApiError;

/// The body of a streamed answer.
pub struct ChatStream {
    upstream: EventStream,
    operation: &'static ChatOperation,
    provider: &'static str,
    reply: Reply,
    /// Where the provider's own bytes pass: whether the client asked for usage.
    verbatim: Option<bool>,
    /// `None` once settled.
    running: Option<Running>,
    explain: Explain,
    ended: bool,
}

impl ChatStream {
    pub(super) fn new(
        upstream: EventStream,
        operation: &'static ChatOperation,
        provider: &'static str,
        reply: Reply,
        verbatim: Option<bool>,
        running: Running,
        explain: Explain,
    ) -> Self {
        Self { upstream, operation, provider, reply, verbatim, running: Some(running), explain, ended: false }
    }

    /// Maps the events that have come. Says whether the provider's last was among them.
    fn drain(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        while let Some(event) = self.upstream.next_event() {
            if self.operation.until.is_some_and(|until| event.data == until.as_bytes()) {
                return Ok(true);
            }
            (self.operation.on_event)(event.name, event.data, &mut self.reply)
                .map_err(|_| Error::Unreadable { provider: self.provider })?;
            let outcome = self.reply.outcome();
            if let Some(failure) = &outcome.failure {
                return Err(Error::Upstream(UpstreamError::in_stream(failure)));
            }
            let done = outcome.done;
            if let Some(include_usage) = self.verbatim {
                verbatim::rewrite(event.data, include_usage, out);
            } else {
                out.extend_from_slice(&self.reply.take_output());
            }
            if let Some(running) = &mut self.running {
                running.output_seen(self.reply.outcome().saw_output);
            }
            if done {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Settles, then writes the end: the client never sees the end of a call that is not recorded.
    fn finish(&mut self, out: &mut Vec<u8>) {
        self.ended = true;
        let Some(running) = self.running.take() else { return };
        match running.settle(&mut self.reply, Status::Ok) {
            Ok(_) if self.verbatim.is_some() => out.extend_from_slice(b"data: [DONE]\n\n"),
            Ok(_) => {
                self.reply.end();
                out.extend_from_slice(&self.reply.take_output());
            }
            Err(error) => out.extend_from_slice(&(self.explain)(Error::Journal(error)).to_event()),
        }
    }

    /// Settles what was produced and writes the one event that says why it ends here.
    fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        self.ended = true;
        let explained = (self.explain)(error);
        if let Some(running) = self.running.take()
            && let Err(error) = running.settle(&mut self.reply, Status::Failed(explained.code.text()))
        {
            tracing::error!(%error, "a failed stream could not be recorded");
        }
        out.extend_from_slice(&explained.to_event());
    }
}

impl Body for ChatStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let mut out = Vec::new();
        while !this.ended {
            match ready!(this.upstream.poll_batch(cx)) {
                Some(Ok(())) => match this.drain(&mut out) {
                    Ok(true) => this.finish(&mut out),
                    Ok(false) => {}
                    Err(error) => this.fail(error, &mut out),
                },
                Some(Err(error)) => this.fail(Error::Upstream(error), &mut out),
                // A provider that closes after it has said why the answer ends has said it all;
                // one that closes before has broken off.
                None if this.reply.outcome().finish_reasons.is_empty() => {
                    this.fail(Error::Upstream(UpstreamError::broken_off()), &mut out);
                }
                None => this.finish(&mut out),
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for ChatStream {
    fn drop(&mut self) {
        if let Some(running) = self.running.take()
            && let Err(error) = running.settle(&mut self.reply, Status::Aborted)
        {
            tracing::error!(%error, "a stream that was hung up on could not be recorded");
        }
    }
}
