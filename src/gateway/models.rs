//! The catalogue as `GET /v1/models` shows it.

use crate::adapter::Provider;
use crate::adapter::price::{Price, Row, Window};
use crate::adapter::provider::ModelKind;
use crate::billing::{Listing, PriceBook};
use crate::clock::Timestamp;
use crate::wire::model::{Model, Pricing, Rates, Variant};

impl super::Gateway {
    /// Every model of every provider.
    pub fn catalogue(&self) -> Vec<Model> {
        let now = self.clock.now();
        let models = self.providers.iter().flat_map(|provider| of(provider, &self.prices, now)).collect();
        self.with_slots(models)
    }

    /// What can be called now: models of providers whose credentials are set, and that have not ended.
    pub fn callable(&self) -> Vec<Model> {
        let now = self.clock.now();
        let listed = |provider: &Provider| self.configured.contains(provider.id) && !self.assumed.contains(provider.id);
        let today = now.day();
        let providers = self.providers.iter().filter(|provider| listed(provider));
        let models = providers
            .flat_map(|provider| of(provider, &self.prices, now))
            .filter(|model| model.ends.as_ref().is_none_or(|ends| *ends > today))
            .collect();
        self.with_slots(models)
    }

    /// Adds the slots: each as the first of its targets that is among the models.
    fn with_slots(&self, mut models: Vec<Model>) -> Vec<Model> {
        let slots = self.slots.list().into_iter().filter_map(|listed| {
            let definition = self.slots.get(&listed.alias)?;
            let first = definition
                .targets
                .iter()
                .find_map(|target| models.iter().find(|model| model.id == target.target).cloned())?;
            Some(Model { id: format!("slot:{}", listed.alias), owned_by: "ringside", ..first })
        });
        let slots: Vec<Model> = slots.collect();
        models.extend(slots);
        models
    }
}

/// A provider's models, with the prices of a moment.
pub fn of(provider: &'static Provider, prices: &PriceBook, now: Timestamp) -> Vec<Model> {
    prices.models(provider).into_iter().map(|listing| shape(provider, listing, now)).collect()
}

fn shape(provider: &'static Provider, listing: Listing, now: Timestamp) -> Model {
    let known = |tokens: u32| (tokens > 0).then_some(tokens);
    Model {
        id: format!("fc:{}/{}", provider.id, listing.id),
        object: "model",
        created: 0,
        owned_by: provider.id,
        provider: provider.id,
        kind: match listing.kind {
            ModelKind::Chat => "chat",
            ModelKind::Embedding => "embedding",
            ModelKind::Moderation => "moderation",
        },
        context_window: known(listing.context_window),
        max_output_tokens: known(listing.max_output_tokens),
        pricing: pricing(&listing.price, now),
        capabilities: listing.capabilities.names().map(str::to_owned).collect(),
        ends: listing.ends,
        successor: listing.successor.map(|model| format!("fc:{}/{model}", provider.id)),
    }
}

/// The rates of a moment, and those that another moment, tier or prompt has.
fn pricing(price: &Price, now: Timestamp) -> Pricing {
    let period = price.rows.iter().map(|row| row.from).filter(|from| *from <= now).max().unwrap_or_default();
    let standard = price.row(now, "", 0);
    let shown = |row: &&Row| row.from >= period && standard.is_none_or(|standard| standard != *row);
    Pricing {
        rates: standard.map(rates).unwrap_or_default(),
        variants: price.rows.iter().filter(shown).map(|row| variant(row, now)).collect(),
        reported: price.reported,
        ceiling: price.ceiling,
    }
}

fn variant(row: &Row, now: Timestamp) -> Variant {
    Variant {
        from: (row.from > now).then(|| row.from.day()),
        hours: row.hours.iter().copied().map(hours).collect(),
        service_tier: (!row.tier.is_empty()).then(|| row.tier.clone().into_owned()),
        at_least: (row.at_least > 0).then_some(row.at_least),
        rates: rates(row),
    }
}

pub(super) fn rates(row: &Row) -> Rates {
    let named = row.rates.named().into_iter();
    named.filter(|named| named.follows != Some(named.rate)).map(|named| (named.name, named.shown())).collect()
}

/// Such as `mon-fri 01:00-04:00`.
fn hours(window: Window) -> String {
    const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let days: Vec<&str> =
        WEEK.iter().enumerate().filter(|(day, _)| window.days >> day & 1 == 1).map(|(_, name)| *name).collect();
    let days = match days.as_slice() {
        all if all.len() == 7 => "daily".to_owned(),
        ["mon", "tue", "wed", "thu", "fri"] => "mon-fri".to_owned(),
        some => some.join(","),
    };
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("{days} {}-{}", time(window.from), time(window.until))
}
