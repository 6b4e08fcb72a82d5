//! Which prices a recorded call was charged by.

use super::Gateway;
use super::models::rates;
use crate::billing::{Basis, Lookup, price_version};
use crate::wire::event::UsageEvent;
use crate::wire::model::Rates;

/// What a charge was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricesUsed {
    pub basis: Basis,
    /// USD a million tokens; searches and requests: each.
    pub rates: Rates,
}

impl Gateway {
    /// The row of the price book that an event was charged by, at its time; `None` where the book
    /// has changed since, so that only the event's `price_version` tells.
    pub fn prices_used(&self, event: &UsageEvent) -> Option<PricesUsed> {
        let provider = self.providers.iter().find(|provider| provider.id == event.provider)?;
        let Lookup::Listed(entry) = self.prices.lookup_at(provider, &event.model, event.created()) else {
            return None;
        };
        let tiers = entry.price.rows.iter().map(|row| &*row.tier).chain([""]);
        let bases = [Basis::Rates, Basis::Reported, Basis::Ceiling];
        let mut ways = tiers.flat_map(|tier| bases.into_iter().map(move |basis| (tier, basis)));
        let (tier, basis) =
            ways.find(|(tier, basis)| price_version(&entry, &event.usage, tier, *basis) == event.price_version)?;
        let row = entry.price.row(entry.at, tier, event.usage.prompt_tokens);
        Some(PricesUsed { basis, rates: row.map(rates).unwrap_or_default() })
    }
}
