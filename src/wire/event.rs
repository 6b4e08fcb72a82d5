//! The usage event: what is known of one call, and what it cost.

use super::usage::Usage;
use crate::clock::Timestamp;
use crate::money::NanoUsd;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One call, finished. Written once, to the journal and from there to the database; never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageEvent {
    /// `use_…`.
    pub id: String,
    pub account_id: String,
    pub token_id: String,
    pub request_id: String,
    /// The provider's own id of the answer.
    pub response_id: Option<String>,
    /// Milliseconds since 1970, when the call was admitted.
    pub created: i64,
    /// The end customer, by the caller's own id.
    pub customer: Option<String>,
    /// `/v1/chat/completions` and the like.
    pub endpoint: String,
    /// As the caller wrote it.
    pub reference: String,
    pub provider: String,
    pub model: String,
    pub usage: Usage,
    /// The provider's own usage, as text.
    pub raw_usage: Option<String>,
    /// Whether Ringside counted, because the provider did not, or not credibly.
    pub estimated: bool,
    /// What the account is charged.
    pub cost: NanoUsd,
    /// Without the plan's markup.
    pub list_cost: NanoUsd,
    /// What the account charges its customer.
    pub billable: Option<NanoUsd>,
    /// Which prices were used.
    pub price_version: String,
    pub tags: Vec<String>,
    pub session_id: Option<String>,
    pub properties: BTreeMap<String, String>,
    /// `ok`, `error` or `aborted`.
    pub status: String,
    pub error_code: Option<String>,
    pub attempts: u32,
    pub streamed: bool,
    pub latency_ms: u64,
    pub first_token_ms: Option<u64>,
}

impl UsageEvent {
    /// When the call was admitted.
    pub fn created(&self) -> Timestamp {
        Timestamp(self.created)
    }

    /// Billable less cost, where a billable amount was given.
    pub fn margin(&self) -> Option<NanoUsd> {
        self.billable.map(|billable| billable.saturating_sub(self.cost))
    }
}
