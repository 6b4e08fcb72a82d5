//! Who calls, and what they said about the call.

use super::limit::Taken;
use crate::access::ServerCaller;
use crate::money::NanoUsd;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// What stands on a call's usage event besides the call itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The end customer's external id, from `FC-Customer`; it wins over the body's `user`.
    pub customer: Option<String>,
    pub tags: Vec<String>,
    pub session_id: Option<String>,
    /// By name in lower case.
    pub properties: BTreeMap<String, String>,
    /// What the caller charges its customer for this call.
    pub billable: Option<NanoUsd>,
    /// Whether a stream is to pass as it comes, although its answer must fit a schema.
    pub passthrough: bool,
}

/// A call as it enters the gateway.
#[derive(Clone)]
pub struct Context {
    /// Ours, as in `X-Request-Id`.
    pub request_id: SmolStr,
    pub caller: Arc<ServerCaller>,
    pub metadata: Metadata,
    /// When it came in: targets and attempts share the time that a call may take.
    pub begun: Instant,
    /// What it has taken of the limits of its account and its customer, where there are any.
    pub taken: Option<Arc<Taken>>,
}

/// Whether an external id looks like an e-mail address, which it should not be.
pub fn looks_like_email(customer: &str) -> bool {
    customer.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains(' '))
}
