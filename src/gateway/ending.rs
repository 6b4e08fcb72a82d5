//! What the end of a call tells of its target: whether it is to rest.

use super::Error;
use crate::adapter::provider::ErrorKind;
use crate::slots::Slots;
use std::sync::Arc;
use tokio::time::Instant;

/// Failures that another target may not have.
pub(super) enum Failure {
    Unavailable,
    Quota,
    Schema,
}

pub(super) fn failure(error: &Error) -> Option<Failure> {
    match error {
        Error::Upstream(error) => match error.kind {
            ErrorKind::Unavailable | ErrorKind::Auth => Some(Failure::Unavailable),
            ErrorKind::Quota => Some(Failure::Quota),
            ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentFilter => None,
        },
        Error::Schema(_) => Some(Failure::Schema),
        Error::Tried { cause, .. } => failure(cause),
        _ => None,
    }
}

/// How a call ended, as far as its target is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It answered: what it answered is no fault of its own.
    Answered,
    AtFault,
    /// It was not asked, or not heard out.
    Unknown,
}

impl Ending {
    pub fn of(error: &Error) -> Self {
        match (failure(error), error) {
            (Some(Failure::Unavailable | Failure::Quota), _) => Ending::AtFault,
            (_, Error::Tried { cause, .. }) => Ending::of(cause),
            (_, Error::Upstream(_) | Error::Schema(_)) => Ending::Answered,
            _ => Ending::Unknown,
        }
    }
}

/// A target whose failures are counted.
pub(super) struct Watch {
    pub slots: Arc<Slots>,
    pub target: String,
}

impl Watch {
    pub fn tell(&self, ending: Ending) {
        match ending {
            Ending::Answered => self.slots.rest.succeeded(&self.target),
            Ending::AtFault => self.slots.rest.failed(&self.target, Instant::now()),
            Ending::Unknown => {}
        }
    }
}
