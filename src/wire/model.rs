//! `GET /v1/models`: OpenAI's list shape and Ringside's members.

use crate::money::NanoUsd;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// A list as OpenAI's API shapes it.
#[derive(Serialize)]
pub struct List<T> {
    pub object: &'static str,
    pub data: Vec<T>,
}

/// One model that can be called.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// The reference: `fc:<provider>/<model>`.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// Unix seconds; the catalogue does not know when a model was made, so 0.
    pub created: i64,
    /// The provider's id, as OpenAI's clients expect an owner.
    pub owned_by: &'static str,
    pub provider: &'static str,
    /// `chat`, `embedding` or `moderation`.
    pub kind: &'static str,
    /// Tokens of input and output together, where known.
    pub context_window: Option<u32>,
    pub max_output_tokens: Option<u32>,
    pub pricing: Pricing,
    pub capabilities: Vec<String>,
    /// The day it ends or ended, `YYYY-MM-DD`.
    pub ends: Option<String>,
    /// What to call instead, a reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
}

/// List prices of this moment, USD a million tokens (searches and requests: each). Numbers are
/// written digit by digit: exact.
#[derive(Clone, Debug)]
pub struct Pricing {
    pub rates: Rates,
    /// Where a call has other rates.
    pub variants: Vec<Variant>,
    /// Only the provider's answer says what a call costs.
    pub reported: bool,
    /// USD that no call costs more than.
    pub ceiling: Option<NanoUsd>,
}

/// Rates by name. `input` and `output` are always there, another where it differs from the rate
/// that it follows.
pub type Rates = Vec<(&'static str, NanoUsd)>;

/// Other rates, and when a call has them.
#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// From this day on, `YYYY-MM-DD`.
    pub from: Option<String>,
    /// At these hours, UTC, such as `mon-fri 01:00-04:00`.
    pub hours: Vec<String>,
    /// Where the answer reports this tier of service.
    pub service_tier: Option<String>,
    /// With at least this many tokens in the prompt.
    pub at_least: Option<u64>,
    pub rates: Rates,
}

impl Pricing {
    /// A rate by its name.
    pub fn rate(&self, name: &str) -> Option<NanoUsd> {
        self.rates.iter().find(|(known, _)| *known == name).map(|(_, rate)| *rate)
    }
}

impl Serialize for Pricing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("currency", "USD")?;
        map.serialize_entry("unit", "1M tokens")?;
        for (name, rate) in &self.rates {
            map.serialize_entry(name, rate)?;
        }
        if self.reported {
            map.serialize_entry("reported", &true)?;
        }
        if let Some(ceiling) = self.ceiling {
            map.serialize_entry("ceiling", &ceiling)?;
        }
        if !self.variants.is_empty() {
            map.serialize_entry("variants", &self.variants)?;
        }
        map.end()
    }
}

impl Serialize for Variant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(from) = &self.from {
            map.serialize_entry("from", from)?;
        }
        if !self.hours.is_empty() {
            map.serialize_entry("hours", &self.hours)?;
        }
        if let Some(tier) = &self.service_tier {
            map.serialize_entry("service_tier", tier)?;
        }
        if let Some(tokens) = self.at_least {
            map.serialize_entry("at_least", &tokens)?;
        }
        for (name, rate) in &self.rates {
            map.serialize_entry(name, rate)?;
        }
        map.end()
    }
}
