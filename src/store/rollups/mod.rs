//! Sums of usage events, kept with them: by hour, day and month, per account and per customer.
//!
//! They follow the events: those up to a certain id are in them. Whoever reads sums brings them up to
//! date first ([`catch_up`]), and so does the drain now and then, so that a call writes its event alone
//! and thousands of calls change each sum once. An event that comes late, with an id that the
//! sums have passed, is added by the transaction that writes it ([`add_late`]). So each event counts once.
//!
//! Reports read the largest spans that fit their time ([`each`]), and events only where no span fits.

mod follow;
mod read;
mod write;

pub use follow::catch_up;
pub(super) use follow::{add_late, begin, hold_back};
pub use read::{Dimension, Row, Source, Wanted, each, spent};
pub(super) use write::forget_customer;

use crate::clock::Timestamp;

/// How much time a row sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    Hour,
    Day,
    Month,
}

impl Span {
    /// All of them, the largest first.
    pub const ALL: [Span; 3] = [Span::Month, Span::Day, Span::Hour];

    /// As the table says it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Span::Hour => "hour",
            Span::Day => "day",
            Span::Month => "month",
        }
    }

    /// The start of the span that `at` lies in.
    pub fn floor(self, at: Timestamp) -> Timestamp {
        let of = |length: i64| Timestamp(at.0.div_euclid(length) * length);
        match self {
            Span::Hour => of(HOUR),
            Span::Day => of(DAY),
            Span::Month => at.month().start(),
        }
    }

    /// `at` if a span starts there, else the start of the next.
    pub fn ceil(self, at: Timestamp) -> Timestamp {
        let floor = self.floor(at);
        match self {
            _ if floor == at => at,
            Span::Hour => Timestamp(floor.0 + HOUR),
            Span::Day => Timestamp(floor.0 + DAY),
            Span::Month => at.month().next().start(),
        }
    }
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// What is summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub calls: i128,
    /// Calls that ended in an error, those of a process that died included.
    pub errors: i128,
    pub prompt_tokens: i128,
    pub completion_tokens: i128,
    pub cached_input_tokens: i128,
    /// Nano-USD.
    pub cost: i128,
    /// Nano-USD.
    pub list_cost: i128,
    /// Nano-USD; calls without a billable amount add nothing.
    pub billable: i128,
}

/// The columns of [`Sums`], in its order.
const COLUMNS: [&str; 8] = [
    "calls",
    "errors",
    "prompt_tokens",
    "completion_tokens",
    "cached_input_tokens",
    "cost_nano_usd",
    "list_cost_nano_usd",
    "billable_nano_usd",
];

impl Sums {
    fn of_columns(values: [i128; 8]) -> Self {
        let [calls, errors, prompt_tokens, completion_tokens, cached_input_tokens, cost, list_cost, billable] = values;
        Self { calls, errors, prompt_tokens, completion_tokens, cached_input_tokens, cost, list_cost, billable }
    }

    fn columns(&self) -> [i128; 8] {
        [
            self.calls,
            self.errors,
            self.prompt_tokens,
            self.completion_tokens,
            self.cached_input_tokens,
            self.cost,
            self.list_cost,
            self.billable,
        ]
    }

    /// Adds others to these.
    pub fn add(&mut self, other: &Sums) {
        let (mine, others) = (self.columns(), other.columns());
        *self = Self::of_columns(std::array::from_fn(|column| mine[column].saturating_add(others[column])));
    }
}
