//! From a reference to a provider's model.

use super::{Error, Gateway};
use crate::adapter::Provider;
use crate::adapter::provider::ModelKind;
use crate::billing::{Entry, Lookup};
use crate::near::nearest;
use crate::slots::FailoverOn;
use smol_str::{SmolStr, format_smolstr};

/// What a call asks of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Chat,
    Embeddings,
    Moderations,
}

impl Operation {
    /// Where it is in OpenAI's API.
    pub fn path(self) -> &'static str {
        match self {
            Operation::Chat => "/v1/chat/completions",
            Operation::Embeddings => "/v1/embeddings",
            Operation::Moderations => "/v1/moderations",
        }
    }

    /// As metrics and usage events name it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Chat => "chat",
            Operation::Embeddings => "embeddings",
            Operation::Moderations => "moderations",
        }
    }

    fn of(kind: ModelKind) -> Self {
        match kind {
            ModelKind::Chat => Operation::Chat,
            ModelKind::Embedding => Operation::Embeddings,
            ModelKind::Moderation => Operation::Moderations,
        }
    }

    fn offered_by(self, provider: &Provider) -> bool {
        match self {
            Operation::Chat => provider.chat.is_some(),
            Operation::Embeddings => provider.embeddings.is_some(),
            Operation::Moderations => provider.moderations.is_some(),
        }
    }
}

/// A model to call.
#[derive(Clone)]
pub struct Target {
    pub provider: &'static Provider,
    /// The provider's own id of the model.
    pub model: SmolStr,
    /// `fc:<provider>/<model>`.
    pub reference: SmolStr,
    /// Its row of the price book.
    pub entry: Entry,
    /// Failures after which another target of the call is tried.
    pub failover_on: FailoverOn,
}

/// Checks that a model can be called for `operation`. `reference` is what named it.
///
/// # Errors
/// Everything that makes it uncallable, from a model without a price to missing credentials.
pub(super) fn resolve(
    gateway: &Gateway,
    reference: &str,
    provider: &'static Provider,
    model: &str,
    operation: Operation,
) -> Result<Target, Error> {
    let entry = match gateway.prices.lookup(provider, model) {
        Lookup::Listed(entry) => entry,
        Lookup::Ended { successor } => {
            let successor = successor.map(|model| format!("fc:{}/{model}", provider.id));
            return Err(Error::Ended { reference: reference.to_owned(), successor });
        }
        Lookup::Unlisted => {
            let meant = nearest(model, provider.models.iter().map(|row| row.id));
            let meant = meant.map(|model| format!("fc:{}/{model}", provider.id));
            return Err(Error::Unlisted { provider: provider.id, model: model.to_owned(), meant });
        }
    };
    let kind = Operation::of(entry.kind);
    if kind != operation || !operation.offered_by(provider) {
        return Err(Error::Unfit {
            reference: reference.to_owned(),
            wanted: operation,
            is: (kind != operation).then_some(kind),
        });
    }
    if !gateway.configured.contains(provider.id) {
        let required = provider.credentials.iter().filter(|credential| credential.required());
        let variables = required.filter_map(|credential| credential.env.first().copied()).collect();
        return Err(Error::NotConfigured { provider: provider.id, variables });
    }
    Ok(Target {
        provider,
        model: model.into(),
        reference: format_smolstr!("fc:{}/{model}", provider.id),
        entry,
        failover_on: FailoverOn::none(),
    })
}
