//! The request path: resolve, admit, attempt, enforce, settle.
//!
//! [`chat::run`] and [`plain::run`] read as those steps. Errors are one enum, [`Error`], which
//! knows nothing of HTTP; `http::error` turns it into the contract's answers.

mod admit;
mod attempt;
pub mod chat;
pub mod context;
mod ending;
mod enforce;
mod enforced;
mod error;
mod held;
mod images;
mod limit;
mod listed;
pub mod models;
mod most_input;
pub mod plain;
mod prices_used;
pub mod reference;
mod resolve;
mod route;
mod running;
mod settle;
mod stream;

pub use enforce::{Prompts, Schemas};
pub use error::Error;
pub use held::Held;
pub use limit::Limited;
pub use listed::priced;
pub use resolve::Operation;
pub use stream::ChatStream;

use crate::adapter::Provider;
use crate::billing::journal::Journal;
use crate::billing::{Ledger, PriceBook};
use crate::clock::Clock;
use crate::money::NanoUsd;
use crate::outbound::Outbound;
use crate::slots::Slots;
use crate::telemetry::Metrics;
use crate::upstream::Upstream;
use crate::wire::error::ApiError;
use crate::wire::limits::Limits;
use bytes::Bytes;
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Everything that the request path needs, made once.
pub struct Gateway {
    /// The table of providers.
    pub providers: &'static [&'static Provider],
    /// Ids of those that can be called.
    pub configured: HashSet<&'static str>,
    /// Of those, the ones that nobody set up: they can be called at their default address, but are
    /// not listed, since nothing may be there.
    pub assumed: HashSet<&'static str>,
    pub prices: Arc<PriceBook>,
    /// What aliases stand for.
    pub slots: Arc<Slots>,
    /// Schemas that answers are held to, compiled.
    pub schemas: Schemas,
    /// What models are told about schemas.
    pub prompts: Prompts,
    pub ledger: Arc<Ledger>,
    pub journal: Arc<Journal>,
    pub upstream: Upstream,
    /// For what callers' URLs lead to.
    pub outbound: Outbound,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    /// How deep the JSON of a request may nest.
    pub json_depth: usize,
    /// For a whole call, retries included.
    pub total: Duration,
    /// Whether providers are sent a hash of the end customer.
    pub forward_user: bool,
    /// Turns an error into what callers see: for the event that ends a stream.
    pub explain: fn(Error) -> ApiError,
}

/// What a call gives back.
pub struct Answer {
    pub facts: Facts,
    pub content: Content,
}

/// The bytes of an answer.
pub enum Content {
    Json(Bytes),
    Stream(Box<ChatStream>),
    /// A stream that only begins once its answer fits a schema.
    Held(Box<Held>),
}

/// Output tokens below which a call is not worth making.
const LEAST_OUTPUT: u64 = crate::billing::LEAST_OUTPUT;

/// What response headers tell about a call.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The reference that answered.
    pub model_used: SmolStr,
    /// References tried, in order.
    pub models_tried: Vec<SmolStr>,
    pub attempts: u32,
    /// What the call cost the account; not known yet when a stream begins.
    pub cost: Option<NanoUsd>,
    /// The output limit that was sent, where it is less than what would have been.
    pub output_limit: Option<u64>,
    /// What the customer's wallet has left.
    pub wallet_balance: Option<NanoUsd>,
    /// What it was debited.
    pub wallet_deducted: Option<NanoUsd>,
    pub warning: Option<&'static str>,
    /// What is left of the customer's limits a minute.
    pub limits: Option<Limits>,
}

impl Facts {
    /// What is known once a call is settled.
    fn settled(&mut self, settled: &settle::Settled) {
        self.cost = Some(settled.charge.cost);
        self.wallet_balance = settled.receipt.customer_balance;
        self.wallet_deducted = settled.receipt.customer_debit;
    }
}
