//! The catalogue as `GET /v1/models` shows it.

use crate::adapter::Provider;
use crate::adapter::provider::{Model as Row, ModelKind, Price};
use crate::money::Rate;
use crate::wire::model::{Model, Pricing};
use serde_json::value::RawValue;

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
