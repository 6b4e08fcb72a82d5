//! Slots: aliases (`slot:chat-fast`) that an operator points at models, while calls run.
//!
//! [`definition`] is one slot as it is written, in `slots.yaml` or by the API; [`load`] reads a file
//! and says what is wrong with it, each with its place; [`Slots`] is the table that calls look up:
//! the file's slots, and over them those that were re-pointed by the API, which are stored. A look-up
//! takes what stands there now and keeps it: a call finishes where it began. [`rest`] remembers which
//! targets failed.

pub mod definition;
mod load;
mod rest;
mod table;

pub use definition::{Definition, FailoverOn, Target};
pub use load::{Finding, MOST_TARGETS, MOST_WEIGHT, Referent, read};
pub use rest::Rest;
pub use table::{Listed, Slots, Source};
