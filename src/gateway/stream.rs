//! A streamed answer: one value that owns the provider's stream, the reply and the permit.
//!
//! The server polls it when the client can take more; each poll reads what the provider has sent,
//! maps it and hands it on as one frame. There is no task and no channel. Dropping it, which is
//! what a hang-up does, cancels the provider's call and settles.

use super::Error;
use super::attempt::Checked;
use super::ending::{Ending, Watch};
use super::enforce::Verdict;
use super::running::Running;
use super::settle::Status;
use crate::adapter::provider::ChatOperation;
use crate::adapter::reply::Reply;
use crate::adapter::verbatim;
use crate::upstream::{self, EventStream, UpstreamError};
use crate::wire::error::ApiError;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Turns what ends a stream early into the event that tells the client. `http::error` gives it,
/// so that a stream and an answer in one piece say the same of the same failure.
pub type Explain = fn(Error) -> ApiError;

/// The body of a streamed answer.
pub struct ChatStream {
    upstream: EventStream,
    operation: &'static ChatOperation,
    reply: Reply,
    /// Where the provider's own bytes pass: whether the client asked for usage.
    verbatim: Option<bool>,
    /// Choices asked for.
    choices: u64,
    /// `None` once settled.
    running: Option<Running>,
    explain: Explain,
    ended: bool,
    /// What the answer must fit.
    checked: Option<Checked>,
    /// What came before the stream was handed over.
    begun: Vec<u8>,
    /// Who wants to know how it ends.
    watch: Option<Watch>,
    /// How it ended.
    ending: Ending,
}

/// Whether more is to come.
enum Progress {
    More,
    /// The provider said that this is all.
    Done,
}

impl ChatStream {
    pub(super) fn new(
        upstream: EventStream,
        operation: &'static ChatOperation,
        reply: Reply,
        verbatim: Option<bool>,
        choices: u64,
        running: Running,
        explain: Explain,
    ) -> Self {
        Self {
            upstream,
            operation,
            reply,
            verbatim,
            choices,
            running: Some(running),
            explain,
            ended: false,
            checked: None,
            begun: Vec::new(),
            watch: None,
            ending: Ending::Unknown,
        }
    }

    /// Holds the answer to a schema: one that does not fit ends in an error instead of its end.
    pub(super) fn checked_against(mut self, checked: Checked) -> Self {
        self.reply.keep();
        self.checked = Some(checked);
        self
    }

    /// Tells `watch` how it ends, which it may have by now.
    pub(super) fn watched_by(&mut self, watch: Watch) {
        self.watch = Some(watch);
        self.tell();
    }

    /// Tells of the end, once.
    fn tell(&mut self) {
        if self.ending != Ending::Unknown
            && let Some(watch) = self.watch.take()
        {
            watch.tell(self.ending);
        }
    }

    /// Waits for the first bytes of the answer.
    ///
    /// # Errors
    /// Where it fails before them; it is settled then.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        let mut out = Vec::new();
        let failed = poll_fn(|cx| self.poll_bytes(cx, &mut out)).await;
        match failed {
            // Bytes that came in the same read as the failure were an answer too.
            Some(error) if out.is_empty() => Err(self.settle_failure(error)),
            Some(error) => {
                self.fail(error, &mut out);
                self.begun = out;
                Ok(())
            }
            None => {
                self.begun = out;
                Ok(())
            }
        }
    }

    /// Reads until there are bytes for the caller, or there will be none. `Some`: it failed.
    fn poll_bytes(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<Option<Error>> {
        while !self.ended {
            let failed = match ready!(self.upstream.poll_batch(cx)) {
                Some(Ok(())) => match self.drain(out) {
                    Ok(Progress::Done) => self.finish(out),
                    Ok(Progress::More) => None,
                    Err(error) => Some(error),
                },
                Some(Err(error)) => Some(Error::Upstream(error)),
                // A provider that closes after it has said why the answer ends has said it all;
                // one that closes before has broken off.
                None if self.is_complete() => self.finish(out),
                None => Some(Error::Upstream(UpstreamError::broken_off())),
            };
            if failed.is_some() || !out.is_empty() {
                return Poll::Ready(failed);
            }
        }
        Poll::Ready(None)
    }

    /// Maps the events that have come.
    fn drain(&mut self, out: &mut Vec<u8>) -> Result<Progress, Error> {
        while let Some(event) = self.upstream.next_event() {
            if self.operation.until.is_some_and(|until| event.data == until.as_bytes()) {
                return Ok(Progress::Done);
            }
            if (self.operation.on_event)(event.name, event.data, &mut self.reply).is_err() {
                return Err(Error::Upstream(UpstreamError::unreadable()));
            }
            let outcome = self.reply.outcome();
            if let (Some(failure), Some(running)) = (&outcome.failure, &self.running) {
                return Err(Error::Upstream(upstream::in_stream(running.target().provider, failure)));
            }
            let done = outcome.done;
            match self.verbatim {
                Some(include_usage) => verbatim::rewrite(event.data, include_usage, out),
                None => self.reply.drain_output(out),
            }
            if let Some(running) = &mut self.running {
                running.output_seen(self.reply.outcome().saw_output);
            }
            if done {
                return Ok(Progress::Done);
            }
        }
        Ok(Progress::More)
    }

    /// Settles, then writes the end: the client never sees the end of a call that is not recorded, nor
    /// that of an answer which does not fit. `Some`: it does not.
    fn finish(&mut self, out: &mut Vec<u8>) -> Option<Error> {
        if let Some(Checked { enforcement, plan }) = &self.checked
            && let Verdict::Refused { mismatch, .. } = enforcement.judge(plan, self.reply.said())
        {
            return Some(Error::Schema(mismatch.errors));
        }
        self.ended = true;
        self.ending = Ending::Answered;
        self.tell();
        let running = self.running.take()?;
        match running.settle(self.reply.outcome(), Status::Ok) {
            Ok(_) if self.verbatim.is_some() => out.extend_from_slice(b"data: [DONE]\n\n"),
            Ok(settled) => {
                self.reply.end(&settled.usage);
                self.reply.drain_output(out);
            }
            Err(error) => out.extend_from_slice(&(self.explain)(Error::Journal(error)).to_event()),
        }
        None
    }

    /// Settles what was produced and writes the one event that says why it ends here.
    fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        if let Some(running) = &mut self.running {
            running.is_the_last();
        }
        let error = self.settle_failure(error);
        // What came before the failure in the same read was an answer too.
        self.reply.drain_output(out);
        out.extend_from_slice(&(self.explain)(error).to_event());
    }

    fn settle_failure(&mut self, error: Error) -> Error {
        self.ended = true;
        self.ending = Ending::of(&error);
        self.tell();
        match self.running.take() {
            Some(running) => running.fail_with(self.reply.outcome(), error),
            None => error,
        }
    }

    /// Whether the provider said of every choice why it ends.
    fn is_complete(&self) -> bool {
        let finished = self.reply.outcome().finish_reasons.len() as u64;
        finished > 0 && finished >= self.choices
    }
}

impl Body for ChatStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if !this.begun.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.begun).into()))));
        }
        let mut out = Vec::new();
        if let Some(running) = &mut this.running {
            running.renew();
        }
        if let Some(error) = ready!(this.poll_bytes(cx, &mut out)) {
            this.fail(error, &mut out);
        }
        Poll::Ready((!out.is_empty()).then(|| Ok(Frame::data(out.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.begun.is_empty()
    }
}

impl Drop for ChatStream {
    fn drop(&mut self) {
        // Who hangs up on an answer has had one.
        if self.reply.outcome().saw_output && self.ending == Ending::Unknown {
            self.ending = Ending::Answered;
            self.tell();
        }
        if let Some(running) = self.running.take()
            && let Err(error) = running.settle(self.reply.outcome(), Status::Aborted)
        {
            tracing::error!(%error, "a stream that was hung up on could not be recorded");
        }
    }
}
