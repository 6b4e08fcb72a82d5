//! Why a call has no answer.

use super::limit::Limited;
use super::reference::ReferenceError;
use super::resolve::Operation;
use crate::adapter::provider::ErrorKind;
use crate::adapter::view::Refused;
use crate::billing::{CustomerError, Refusal};
use crate::counters::Cap;
use crate::upstream::UpstreamError;
use crate::wire::error::Code;
use crate::wire::request_error::RequestError;
use smol_str::SmolStr;

/// Everything that can end a call. `http::error` has the words of each.
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
    /// A cap has no room, or the customer may not call; `param` is where the customer was named.
    NotAdmitted { refusal: Refusal, param: &'static str },
    /// The customer's limits a minute are used up.
    Limited(Box<Limited>),
    /// The hold could not be written, so the call did not go out.
    Unrecorded(std::io::Error),
    /// The provider has no way to take a part of the request.
    Refused { provider: &'static str, refused: Refused },
    /// An image that the provider takes only as data could not be fetched.
    Image { param: String, why: String },
    /// No attempt gave an answer that fits the schema; what is wrong with the last one.
    Schema(Vec<String>),
    /// The provider failed or refused.
    Upstream(UpstreamError),
    /// The usage event could not be written, so the answer is withheld.
    Journal(std::io::Error),
    /// Models were called before the call failed with `cause`: all of them in order, and how many
    /// tries the last one had.
    Tried { cause: Box<Error>, models: Vec<SmolStr>, attempts: u32 },
}

impl Error {
    /// The contract's code of it.
    pub fn code(&self) -> Code {
        match self {
            Error::Request(error) if error.json => Code::InvalidJson,
            Error::Request(_) | Error::Unfit { .. } | Error::Refused { .. } => Code::InvalidRequest,
            Error::Image { .. } => Code::InvalidUrl,
            Error::Reference(_) => Code::InvalidModelRef,
            Error::Slot { .. } => Code::SlotNotFound,
            Error::Unlisted { .. } | Error::Ended { .. } => Code::ModelNotFound,
            Error::NotConfigured { .. } => Code::ProviderNotConfigured,
            Error::Limited(_) => Code::RateLimited,
            Error::Schema(_) => Code::ResponseSchemaValidationFailed,
            Error::Upstream(error) => match error.kind {
                ErrorKind::InvalidRequest => Code::UpstreamInvalidRequest,
                ErrorKind::ContextLength => Code::UpstreamContextLengthExceeded,
                ErrorKind::ContentFilter => Code::UpstreamContentFilter,
                ErrorKind::Auth => Code::UpstreamAuthFailed,
                ErrorKind::Quota => Code::UpstreamQuotaExceeded,
                ErrorKind::Unavailable => Code::UpstreamUnavailable,
            },
            Error::NotAdmitted { refusal, .. } => match refusal {
                Refusal::Short { short, .. } => match short.cap {
                    Cap::CustomerBudget => Code::CustomerBudgetExceeded,
                    Cap::CustomerWallet => Code::CustomerWalletEmpty,
                    Cap::AccountBudget => Code::AccountBudgetExceeded,
                    Cap::AccountWallet => Code::WalletEmpty,
                },
                Refusal::Unbounded => Code::PriceUnbounded,
                Refusal::Archived(_) | Refusal::Customer(CustomerError::Purged) => Code::CustomerArchived,
                Refusal::Customer(CustomerError::Unknown) => Code::CustomerNotFound,
                Refusal::Customer(CustomerError::NotAnId(_)) => Code::InvalidRequest,
                Refusal::Customer(CustomerError::Taken) => Code::ExternalIdTaken,
                Refusal::Customer(CustomerError::Journal(_)) | Refusal::Halted | Refusal::Lapsed => {
                    Code::CountersUnavailable
                }
            },
            Error::Unrecorded(_) => Code::CountersUnavailable,
            Error::Journal(_) => Code::InternalError,
            Error::Tried { cause, .. } => cause.code(),
        }
    }
}
