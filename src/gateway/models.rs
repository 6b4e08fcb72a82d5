//! The catalogue as `GET /v1/models` shows it.

use crate::adapter::Provider;
use crate::adapter::provider::{Model as Row, ModelKind, Price};
use crate::money::Rate;
use crate::wire::model::{Model, Pricing};
use serde_json::value::RawValue;

impl super::Gateway {
    /// Every model of every provider.
    pub fn catalogue(&self) -> Vec<Model> {
        self.providers.iter().flat_map(|provider| of(provider)).collect()
    }

    /// What can be called now: models of providers whose credentials are set, and that have not ended.
    pub fn callable(&self) -> Vec<Model> {
        let today = self.clock.now().day();
        let configured = self.providers.iter().filter(|provider| self.configured.contains(provider.id));
        configured
            .flat_map(|provider| of(provider))
            .filter(|model| model.ends.is_none_or(|ends| ends > today.as_str()))
            .collect()
    }
}

/// A provider's models.
pub fn of(provider: &'static Provider) -> Vec<Model> {
    provider.models.iter().filter(|row| !row.id.contains('*')).map(|row| shape(provider, row)).collect()
}

fn shape(provider: &'static Provider, row: &'static Row) -> Model {
    let known = |tokens: u32| (tokens > 0).then_some(tokens);
    Model {
        id: format!("fc:{}/{}", provider.id, row.id),
        object: "model",
        created: 0,
        owned_by: provider.id,
        provider: provider.id,
        kind: match row.kind {
            ModelKind::Chat => "chat",
            ModelKind::Embedding => "embedding",
            ModelKind::Moderation => "moderation",
        },
        context_window: known(row.context_window),
        max_output_tokens: known(row.max_output_tokens),
        pricing: pricing(&row.price),
        capabilities: row.capabilities,
        ends: row.ends,
    }
}

fn pricing(price: &Price) -> Pricing {
    Pricing {
        currency: "USD",
        unit: "1M tokens",
        input: number(price.input),
        output: number(price.output),
        cached_input: price.cached_input.map(number),
        cache_write: price.cache_write.map(number),
        cache_write_1h: price.cache_write_1h.map(number),
    }
}

/// A price as a JSON number, digit by digit.
fn number(rate: Rate) -> Box<RawValue> {
    RawValue::from_string(rate.per_million().to_string()).unwrap_or_default()
}
