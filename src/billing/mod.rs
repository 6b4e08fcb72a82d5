//! What calls cost: prices, usage that is judged before it is charged, holds, and the journal
//! that makes a finished call durable before its last byte is sent.

mod books;
mod bound;
mod charge;
mod customers;
mod drain;
mod estimate;
mod grant;
pub mod journal;
mod ledger;
mod preview;
pub mod price_file;
mod prices;
mod purge;
pub mod reports;
#[cfg(test)]
pub(crate) mod testing;
mod usage;
mod wallets;

pub use books::{Books, BooksError};
pub use bound::{Extent, affordable_output, bound};
pub use charge::{Basis, Charge, Reported, Terms, charge, price_version};
pub use customers::{Customer, CustomerError, Customers, Given, check_external, is_our_id};
pub use drain::Drain;
pub use estimate::{input_tokens, text_tokens};
pub use grant::{Denied, Grant, LEAST as LEAST_OUTPUT, Short, Wish, grant};
pub use ledger::{Ledger, Payer, Permit, Receipt, Refusal};
pub use preview::{CustomerMargin, Preview, preview};
pub use price_file::PriceFile;
pub use prices::{Abilities, Entry, Listing, Lookup, PriceBook, Sheet, row_of};
pub use usage::{Counted, Expectation, Metered, judge};
pub use wallets::Made;
