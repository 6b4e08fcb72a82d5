//! A stream of events, polled by whoever sends it on. Dropping it closes the connection to the
//! provider, which is how a call is cancelled.

use super::deadline::{Rang, Watch};
use super::error::UpstreamError;
use super::framing::{Event, Framer, FramingError};
use super::simulator::Script;
use crate::adapter::provider::Framing;
use bytes::Bytes;
use http_body::Body as _;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Where the bytes come from.
pub(super) enum Source {
    Http(Box<reqwest::Body>),
    Script(Box<Script>),
    /// There are events, and nothing to read.
    Once,
    /// What is asked for after the last event, as the data of an event `settled`.
    Follow(Following),
    Ended,
}

pub(super) type Following = Pin<Box<dyn Future<Output = Bytes> + Send>>;

/// What comes after a stream's last event.
struct Follow {
    last: &'static str,
    then: Following,
}

/// The events of one answer.
pub struct EventStream {
    source: Source,
    framer: Framer,
    watch: Watch,
    /// Events that no framing made, ahead of those that one did.
    made: VecDeque<(&'static str, Bytes)>,
    current: Bytes,
    follow: Option<Follow>,
    failed: Option<FramingError>,
}

impl EventStream {
    pub(super) fn new(source: Source, framing: Framing, limit: usize, watch: Watch) -> Self {
        Self {
            source,
            framer: Framer::new(framing, limit),
            watch,
            made: VecDeque::new(),
            current: Bytes::new(),
            follow: None,
            failed: None,
        }
    }

    /// A stream of one event.
    pub(super) fn of_one(name: &'static str, data: Bytes, watch: Watch) -> Self {
        let mut stream = Self::new(Source::Once, Framing::Ndjson, 0, watch);
        stream.made.push_back((name, data));
        stream
    }

    /// The same with an event before its first, and with what follows the event named `last`.
    pub(super) fn within(mut self, first: (&'static str, Bytes), last: &'static str, then: Following) -> Self {
        self.made.push_back(first);
        self.follow = Some(Follow { last, then });
        self
    }

    /// Reads more bytes. `Ready(Some(Ok))`: there may be events now; `Ready(None)`: the stream has
    /// ended, and its last events have been given out.
    pub fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), UpstreamError>>> {
        if let Some(failed) = self.failed.take() {
            self.source = Source::Ended;
            let message = match failed {
                FramingError::TooLarge => {
                    "The provider sent an event larger than this gateway takes (setting upstream.event)."
                }
                FramingError::Broken => {
                    "The provider's answer was damaged on its way: a checksum is wrong. Send the request again."
                }
            };
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
            Source::Once => Poll::Ready(None),
            Source::Follow(follow) => follow.as_mut().poll(cx).map(|data| {
                self.made.push_back(("settled", data));
                None
            }),
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
        if let Some((name, data)) = self.made.pop_front() {
            self.current = data;
            return Some(Event { name, data: &self.current });
        }
        match self.framer.next_event() {
            Ok(event) => {
                if let Some(event) = &event
                    && self.follow.as_ref().is_some_and(|follow| follow.last == event.name)
                    && let Some(follow) = self.follow.take()
                {
                    self.source = Source::Follow(follow.then);
                }
                event
            }
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }
}
