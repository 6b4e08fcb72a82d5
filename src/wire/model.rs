//! `GET /v1/models`: OpenAI's list shape and Ringside's members.

use serde::Serialize;

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
    pub capabilities: &'static [&'static str],
    /// The day it ends or ended, `YYYY-MM-DD`.
    pub ends: Option<&'static str>,
}

/// List prices, USD a million tokens, as decimal text: exact.
#[derive(Clone, Debug, Serialize)]
pub struct Pricing {
    pub currency: &'static str,
    pub unit: &'static str,
    pub input: Box<serde_json::value::RawValue>,
    pub output: Box<serde_json::value::RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<Box<serde_json::value::RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Box<serde_json::value::RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Box<serde_json::value::RawValue>>,
}
