//! The usage event: what is known of one call, and what it cost.

use super::usage::Usage;
use crate::clock::Timestamp;
use crate::money::{NanoUsd, integer};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// One call, finished. Written once, to the journal and from there to the database; never changed.
///
/// Its texts are shared with the call and with each other where they can be: an event lives until the database has it,
/// and there are hundreds of them then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageEvent {
    /// `use_…`.
    pub id: SmolStr,
    pub account_id: SmolStr,
    pub token_id: SmolStr,
    pub request_id: SmolStr,
    /// The provider's own id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<SmolStr>,
    /// Milliseconds since 1970, when the call was admitted.
    pub created: i64,
    /// The end customer, by the caller's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<SmolStr>,
    /// The end customer, by ours: `cus_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<SmolStr>,
    /// `/v1/chat/completions` and the like.
    pub endpoint: SmolStr,
    /// As the caller wrote it.
    pub reference: SmolStr,
    pub provider: SmolStr,
    pub model: SmolStr,
    pub usage: Usage,
    /// The provider's own usage, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_usage: Option<String>,
    /// Whether Ringside counted, because the provider did not, or not credibly.
    pub estimated: bool,
    /// What the account is charged.
    #[serde(with = "integer")]
    pub cost: NanoUsd,
    /// Without the plan's markup.
    #[serde(with = "integer")]
    pub list_cost: NanoUsd,
    /// What the account charges its customer.
    #[serde(with = "integer::option", default, skip_serializing_if = "Option::is_none")]
    pub billable: Option<NanoUsd>,
    /// What was held for it: the most that it could cost.
    #[serde(with = "integer")]
    pub held: NanoUsd,
    /// What the customer's wallet was debited, where it had one when the call was admitted.
    #[serde(with = "integer::option", default, skip_serializing_if = "Option::is_none")]
    pub customer_debit: Option<NanoUsd>,
    /// What the account's wallet was debited, where the account paid in advance.
    #[serde(with = "integer::option", default, skip_serializing_if = "Option::is_none")]
    pub account_debit: Option<NanoUsd>,
    /// Which prices were used.
    pub price_version: SmolStr,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// `ok`, `error`, `aborted` (the caller hung up), or `abandoned` (the process died or lost the
    /// call; charged what was held).
    pub status: SmolStr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<SmolStr>,
    pub attempts: u32,
    pub streamed: bool,
    pub latency_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A call goes out: the event that stands if nothing else is heard of it, charged what is
    /// held. A later hold of the same id takes its place; the usage event of that id ends it.
    Hold(Box<UsageEvent>),
    /// A call is over.
    Usage(Box<UsageEvent>),
    /// A customer was made.
    Customer(Box<NewCustomer>),
}

/// A customer as it is made, on first sight or by the API. It goes to the journal before anything
/// is answered, and from there to the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCustomer {
    /// `cus_…`.
    pub id: String,
    pub account_id: String,
    pub external_id: String,
    pub name: Option<String>,
    /// `None`: the account's default for customers.
    pub monthly_budget: Option<NanoUsd>,
    /// Requests a minute.
    pub rate_limit_rpm: Option<u32>,
    /// Tokens a minute.
    pub rate_limit_tpm: Option<u32>,
    pub metadata: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    pub created: i64,
}

impl UsageEvent {
    /// Takes out whatever names or describes the customer: for customers that were purged.
    pub fn scrub(&mut self) {
        self.customer = None;
        self.customer_id = None;
        self.customer_debit = None;
        self.tags.clear();
        self.session_id = None;
        self.properties.clear();
    }

    /// When the call was admitted.
    pub fn created(&self) -> Timestamp {
        Timestamp(self.created)
    }

    /// Billable less cost, where a billable amount was given.
    pub fn margin(&self) -> Option<NanoUsd> {
        self.billable.map(|billable| billable.saturating_sub(self.cost))
    }
}
