//! One usage event with what its charge was made of.

use super::usage::{Shown, shape};
use crate::billing::Basis;
use crate::gateway::Gateway;
use crate::money::NanoUsd;
use crate::wire::event::UsageEvent;
use crate::wire::model::Rates;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// An event and its charge.
#[derive(serde::Serialize)]
pub struct Explained {
    #[serde(flatten)]
    event: Shown,
    charge: Charge,
}

#[derive(serde::Serialize)]
struct Charge {
    /// `rates`: tokens times prices; `reported`: the provider's own figure; `ceiling`: the most
    /// that such a call costs. `null` where the prices have changed since.
    basis: Option<&'static str>,
    prices: Option<Prices>,
    list_cost_usd: NanoUsd,
    /// What the plan adds.
    markup_usd: NanoUsd,
    cost_usd: NanoUsd,
    billable_usd: Option<NanoUsd>,
    margin_usd: Option<NanoUsd>,
}

struct Prices(Rates);

impl Serialize for Prices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("currency", "USD")?;
        map.serialize_entry("unit", "1M tokens")?;
        for (name, rate) in &self.0 {
            map.serialize_entry(name, rate)?;
        }
        map.end()
    }
}

/// Explains an event.
pub fn explain(gateway: &Gateway, event: UsageEvent) -> Explained {
    let used = gateway.prices_used(&event);
    let charge = Charge {
        basis: used.as_ref().map(|used| match used.basis {
            Basis::Rates => "rates",
            Basis::Reported => "reported",
            Basis::Ceiling => "ceiling",
        }),
        prices: used.map(|used| Prices(used.rates)),
        list_cost_usd: event.list_cost,
        markup_usd: event.cost.saturating_sub(event.list_cost),
        cost_usd: event.cost,
        billable_usd: event.billable,
        margin_usd: event.margin(),
    };
    Explained { event: shape(event), charge }
}
