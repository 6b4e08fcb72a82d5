//! Why a call has no answer.

use super::reference::ReferenceError;
use super::resolve::Operation;
use crate::adapter::view::Refused;
use crate::billing::Refusal;
use crate::upstream::UpstreamError;
use crate::wire::chat::RequestError;

/// Everything that can end a call. `http::error` has the status and the words of each.
#[derive(Debug)]
pub enum Error {
    /// The request is malformed.
    Request(RequestError),
    /// `model` is no reference.
    Reference(ReferenceError),
    /// No such alias.
    Slot { alias: String },
    /// The model has no price, so it can't be called.
    Unlisted { provider: &'static str, model: String, meant: Option<String> },
    /// The model has ended.
    Ended { reference: String, successor: Option<String> },
    /// The model is of another kind, or the provider has no such operation.
    Unfit { reference: String, wanted: Operation, is: Option<Operation> },
    /// The provider lacks credentials; these are the variables that would hold them.
    NotConfigured { provider: &'static str, variables: Vec<&'static str> },
    /// The provider has no way to take a part of the request.
    Refused { provider: &'static str, refused: Refused },
    /// The money does not allow it.
    Refusal(Refusal),
    /// The provider failed or refused.
    Upstream(UpstreamError),
    /// The provider said 200 and then nothing that can be read.
    Unreadable { provider: &'static str },
    /// The usage event could not be written, so the answer is withheld.
    Journal(std::io::Error),
}
