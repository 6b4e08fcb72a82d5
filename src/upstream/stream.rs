//! A stream of events, polled by whoever sends it on. Dropping it closes the connection to the
//! provider, which is how a call is cancelled.

use super::deadline::{Rang, Watch};
use super::error::UpstreamError;
use super::framing::{Event, Framer};
use super::simulator::Script;
use crate::adapter::provider::Framing;
use http_body::Body as _;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Where the bytes come from.
pub(super) enum Source {
    Http(Box<reqwest::Body>),
    Script(Box<Script>),
    Ended,
}

/// The events of one answer.
pub struct EventStream {
    source: Source,
    framer: Framer,
    watch: Watch,
    failed: bool,
}

impl EventStream {
    pub(super) fn new(source: Source, framing: Framing, limit: usize, watch: Watch) -> Self {
        Self { source, framer: Framer::new(framing, limit), watch, failed: false }
    }

    /// Reads more bytes. `Ready(Some(Ok))`: there may be events now; `Ready(None)`: the stream has
    /// ended, and its last events have been given out.
    pub fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), UpstreamError>>> {
        if self.failed {
            self.failed = false;
            self.source = Source::Ended;
            let message = "The provider sent an event larger than this gateway takes (setting upstream.event).";
            return Poll::Ready(Some(Err(UpstreamError::unavailable(message))));
        }
        let polled = match &mut self.source {
            Source::Ended => return Poll::Ready(None),
            Source::Http(body) => Pin::new(body.as_mut()).poll_frame(cx).map(|frame| {
                frame.map(|frame| {
                    frame.map(|frame| frame.into_data().unwrap_or_default()).map_err(|_| UpstreamError::broken_off())
                })
            }),
            Source::Script(script) => script.poll_bytes(cx).map(|bytes| bytes.map(Ok)),
        };
        match polled {
            Poll::Ready(Some(Ok(bytes))) => {
                self.watch.touch();
                self.framer.feed(&bytes);
                Poll::Ready(Some(Ok(())))
            }
            Poll::Ready(Some(Err(error))) => {
                self.source = Source::Ended;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                self.source = Source::Ended;
                self.framer.finish();
                Poll::Ready(Some(Ok(())))
            }
            Poll::Pending => self.watch.poll(cx).map(|rang| {
                self.source = Source::Ended;
                Some(Err(UpstreamError::unavailable(match rang {
                    Rang::Idle => "The provider stopped in the middle of its answer. Send the request again.",
                    Rang::End => "The provider did not finish its answer in time (setting upstream.total).",
                })))
            }),
        }
    }

    /// The next event of the bytes read so far.
    pub fn next_event(&mut self) -> Option<Event<'_>> {
        match self.framer.next_event() {
            Ok(event) => event,
            Err(_) => {
                self.failed = true;
                None
            }
        }
    }
}
