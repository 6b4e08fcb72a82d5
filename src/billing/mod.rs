//! What calls cost: prices, usage that is judged before it is charged, holds, and the journal
//! that makes a finished call durable before its last byte is sent.

mod bound;
mod charge;
mod drain;
mod estimate;
pub mod journal;
mod ledger;
pub mod price_file;
mod prices;
pub mod reports;
#[cfg(test)]
mod testing;
mod usage;

pub use bound::{Extent, affordable_output, bound};
pub use charge::{Basis, Charge, Reported, Terms, charge, price_version};
pub use drain::Drain;
pub use estimate::{input_tokens, text_tokens};
pub use ledger::{Bound, Ledger, Permit};
pub use price_file::PriceFile;
pub use prices::{Entry, Listing, Lookup, PriceBook, Sheet, row_of};
pub use usage::{Counted, Expectation, Metered, judge};
