//! Bytes that come at their times.

use bytes::Bytes;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// A stream written beforehand: each piece after its pause.
pub struct Script {
    pieces: VecDeque<(Duration, Bytes)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Script {
    pub fn new(pieces: impl IntoIterator<Item = (Duration, Bytes)>) -> Self {
        Self { pieces: pieces.into_iter().collect(), timer: None }
    }

    /// The next piece, when its time has come.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some((pause, _)) = self.pieces.front() else {
            return Poll::Ready(None);
        };
        if !pause.is_zero() {
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(*pause)));
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
        Poll::Ready(self.pieces.pop_front().map(|(_, bytes)| bytes))
    }
}
