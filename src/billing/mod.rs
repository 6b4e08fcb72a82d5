//! What calls cost: prices, usage that is judged before it is charged, holds, and the journal
//! that makes a finished call durable before its last byte is sent.

mod bound;
mod charge;
mod drain;
mod estimate;
pub mod journal;
mod ledger;
mod prices;
mod usage;

pub use bound::{Extent, affordable_output, bound};
pub use charge::{Charge, Terms, charge};
pub use drain::Drain;
pub use estimate::{input_tokens, text_tokens};
pub use ledger::{Bound, Ledger, Permit};
pub use prices::{Entry, Lookup, PriceBook};
pub use usage::{Counted, Expectation, Metered, judge};
