//! A deadline that costs a timer only when it comes near.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Rings when nothing has happened for a while, or at a fixed end.
pub struct Watch {
    idle: Duration,
    end: Instant,
    last: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rang {
    Idle,
    End,
}

impl Watch {
    pub fn new(idle: Duration, end: Instant) -> Self {
        Self { idle, end, last: Instant::now(), timer: None }
    }

    /// Something happened.
    pub fn touch(&mut self) {
        self.last = Instant::now();
    }

    /// To be polled while nothing happens: the timer is left to ring at an older deadline and set
    /// anew then.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Rang> {
        let deadline = (self.last + self.idle).min(self.end);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(if deadline == self.end { Rang::End } else { Rang::Idle });
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
