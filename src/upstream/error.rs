//! Why a provider gave no answer.

use crate::adapter::provider::ErrorKind;
use std::time::Duration;

/// A provider failed or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    pub kind: ErrorKind,
    /// The HTTP status, where an answer came.
    pub status: Option<u16>,
    /// For the caller: what happened. Secrets are cut out, length is bounded.
    pub message: String,
    /// The provider's own code.
    pub code: Option<String>,
    /// The request member that the provider blames.
    pub param: Option<String>,
    /// When the provider will have it tried again.
    pub retry_after: Option<Duration>,
    /// Tries that were made.
    pub attempts: u32,
    /// Whether another try may go better.
    pub(super) again: bool,
}

impl UpstreamError {
    /// The provider could not be reached, or what it sent is no answer.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            status: None,
            message: message.into(),
            code: None,
            param: None,
            retry_after: None,
            attempts: 1,
            again: false,
        }
    }

    /// The stream ended before the provider said that the answer ends.
    pub fn broken_off() -> Self {
        Self::unavailable("The provider broke off in the middle of its answer. Send the request again.")
    }

    /// The provider said 200 and then nothing that can be read.
    pub fn unreadable() -> Self {
        Self::unavailable(
            "The provider sent an answer that can't be read. Send the request again; if it stays so, check the provider's base URL.",
        )
    }
}
