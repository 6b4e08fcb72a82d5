//! Amounts and rates. Integers only: a float never holds money.
//!
//! * [`NanoUsd`]: an amount in nano-USD (1e-9 USD), what ledgers, budgets and reports hold.
//! * [`FemtoUsd`]: an unrounded amount in femto-USD (1e-15 USD), what a cost is added up in
//!   before it is rounded once, half-even, to nano-USD.
//! * [`Rate`]: a price of one token, in femto-USD; the same number is nano-USD per million tokens.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

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

/// Nano-USD in a dollar.
const NANO: i64 = 1_000_000_000;
/// Femto-USD in a nano-USD.
const FEMTO: i128 = 1_000_000;
/// Basis points in a whole.
const WHOLE: i128 = 10_000;

impl NanoUsd {
    pub const ZERO: NanoUsd = NanoUsd(0);

    /// The sum, or `None` beyond 64 bits.
    pub fn checked_add(self, other: NanoUsd) -> Option<NanoUsd> {
        self.0.checked_add(other.0).map(NanoUsd)
    }

    /// The sum, stopping at the ends of 64 bits: for counters that must not wrap.
    pub fn saturating_add(self, other: NanoUsd) -> NanoUsd {
        NanoUsd(self.0.saturating_add(other.0))
    }

    /// The difference, stopping at the ends of 64 bits.
    pub fn saturating_sub(self, other: NanoUsd) -> NanoUsd {
        NanoUsd(self.0.saturating_sub(other.0))
    }
}

impl FromStr for NanoUsd {
    type Err = ParseMoneyError;

    /// Reads `0.25`, `-3`, `.5`: digits, one point, at most nine decimals. No exponents.
    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(ParseMoneyError::NotDecimal);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 9 {
            return Err(ParseMoneyError::TooPrecise);
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| ParseMoneyError::TooLarge)? };
        let nanos: i64 = format!("{fraction:0<9}").parse().map_err(|_| ParseMoneyError::TooLarge)?;
        let amount =
            whole.checked_mul(NANO).and_then(|amount| amount.checked_add(nanos)).ok_or(ParseMoneyError::TooLarge)?;
        Ok(NanoUsd(if negative { -amount } else { amount }))
    }
}

impl fmt::Display for NanoUsd {
    /// Plain decimal text without trailing zeros: `0.25`, `-3`, `0.000000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, nanos) = (self.0.unsigned_abs() / NANO as u64, self.0.unsigned_abs() % NANO as u64);
        if nanos == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{nanos:09}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

/// Amounts as integers of nano-USD, for what only Ringside itself reads: `#[serde(with = …)]`.
pub mod integer {
    use super::NanoUsd;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(amount: &NanoUsd, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(amount.0)
    }

    /// # Errors
    /// Where there is no integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NanoUsd, D::Error> {
        i64::deserialize(deserializer).map(NanoUsd)
    }

    /// The same for amounts that may be missing.
    pub mod option {
        use super::NanoUsd;
        use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

        /// # Errors
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(amount: &Option<NanoUsd>, serializer: S) -> Result<S::Ok, S::Error> {
            amount.map(|amount| amount.0).serialize(serializer)
        }

        /// # Errors
        /// Where there is something else than an integer or nothing.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NanoUsd>, D::Error> {
            Ok(Option::<i64>::deserialize(deserializer)?.map(NanoUsd))
        }
    }
}

impl fmt::Debug for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} USD")
    }
}

impl Serialize for NanoUsd {
    /// A decimal JSON number, digit by digit: never by way of a float.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::value::RawValue::from_string(self.to_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NanoUsd {
    /// A decimal JSON number or string.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let parsed = match inside {
            Some(inside) => inside.parse(),
            // Many languages write a small number as `1e-06`.
            None => match plain(text) {
                Some(plain) => plain.parse(),
                None => text.parse(),
            },
        };
        parsed.map_err(serde::de::Error::custom)
    }
}

/// A JSON number with an exponent, written without one; `None` where it has none, or is no amount.
fn plain(number: &str) -> Option<String> {
    let (mantissa, exponent) = number.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok().filter(|exponent| (-40..=40).contains(exponent))?;
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    Some(match usize::try_from(point) {
        Ok(point) if point < digits.len() => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        Ok(point) => format!("{sign}{digits:0<point$}"),
        Err(_) => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    })
}

impl Add for FemtoUsd {
    type Output = FemtoUsd;
    fn add(self, other: FemtoUsd) -> FemtoUsd {
        FemtoUsd(self.0.saturating_add(other.0))
    }
}

impl AddAssign for FemtoUsd {
    fn add_assign(&mut self, other: FemtoUsd) {
        *self = *self + other;
    }
}

impl FemtoUsd {
    /// Rounds once, half to even; stops at the ends of 64 bits.
    pub fn round(self) -> NanoUsd {
        round(self.0, FEMTO)
    }

    /// Rounds up: for bounds, which must not be below what may come.
    pub fn ceil(self) -> NanoUsd {
        let rounded = self.0.div_euclid(FEMTO) + i128::from(self.0.rem_euclid(FEMTO) > 0);
        NanoUsd(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }

    /// The amount and `basis_points` hundredths of a per cent of it, rounded up to the femto-USD:
    /// for bounds.
    pub fn with_basis_points(self, basis_points: u32) -> FemtoUsd {
        let product = self.0.saturating_mul(WHOLE + i128::from(basis_points));
        FemtoUsd(product.div_euclid(WHOLE) + i128::from(product.rem_euclid(WHOLE) > 0))
    }

    /// The most that [`Self::with_basis_points`] takes to no more than this.
    pub fn without_basis_points(self, basis_points: u32) -> FemtoUsd {
        FemtoUsd(self.0.saturating_mul(WHOLE).div_euclid(WHOLE + i128::from(basis_points)))
    }

    /// The amount and `basis_points` hundredths of a per cent of it, rounded once, half to even.
    pub fn round_with_basis_points(self, basis_points: u32) -> NanoUsd {
        round(self.0.saturating_mul(WHOLE + i128::from(basis_points)), FEMTO * WHOLE)
    }
}

impl From<NanoUsd> for FemtoUsd {
    fn from(amount: NanoUsd) -> Self {
        FemtoUsd(i128::from(amount.0) * FEMTO)
    }
}

/// `amount` over `divisor`, half to even; stops at the ends of 64 bits.
fn round(amount: i128, divisor: i128) -> NanoUsd {
    let (quotient, rest) = (amount.div_euclid(divisor), amount.rem_euclid(divisor));
    let up = rest * 2 > divisor || (rest * 2 == divisor && quotient % 2 != 0);
    let rounded = quotient + i128::from(up);
    NanoUsd(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
}

impl Rate {
    /// What that many tokens cost; it stops at the end of 128 bits.
    pub fn times(self, tokens: u64) -> FemtoUsd {
        FemtoUsd(i128::from(self.0).saturating_mul(i128::from(tokens)))
    }

    /// The price of a million tokens.
    pub fn per_million(self) -> NanoUsd {
        NanoUsd(i64::try_from(self.0).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, nano) in [
            ("0", 0),
            ("0.15", 150_000_000),
            (".5", 500_000_000),
            ("-1.000000001", -1_000_000_001),
            ("3.", 3_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(NanoUsd(nano)), "{text}");
        }
        for (text, error) in [
            ("", ParseMoneyError::NotDecimal),
            (".", ParseMoneyError::NotDecimal),
            ("1e3", ParseMoneyError::NotDecimal),
            ("NaN", ParseMoneyError::NotDecimal),
            ("+1", ParseMoneyError::NotDecimal),
            ("--1", ParseMoneyError::NotDecimal),
            ("0.0000000001", ParseMoneyError::TooPrecise),
            ("9223372037", ParseMoneyError::TooLarge),
            ("99999999999999999999", ParseMoneyError::TooLarge),
        ] {
            assert_eq!(text.parse::<NanoUsd>(), Err(error), "{text}");
        }
    }

    #[test]
    fn half_goes_to_even() {
        for (femto, nano) in [
            (500_000, 0),
            (1_500_000, 2),
            (2_500_000, 2),
            (2_500_001, 3),
            (-500_000, 0),
            (-1_500_000, -2),
            (499_999, 0),
        ] {
            assert_eq!(FemtoUsd(femto).round(), NanoUsd(nano), "{femto}");
        }
    }

    #[test]
    fn what_lies_below_a_femto_usd_decides_a_tie() {
        // 0.5 nano-USD and 11 % of a femto-USD: above the half, though the part is below a unit.
        assert_eq!(FemtoUsd(450_451).round_with_basis_points(1100), NanoUsd(1));
        assert_eq!(FemtoUsd(500_000).round_with_basis_points(0), NanoUsd(0));
    }

    #[test]
    fn json_takes_numbers_and_texts() {
        let read = |text: &str| serde_json::from_str::<NanoUsd>(text);
        assert_eq!(read("0.1").ok(), Some(NanoUsd(100_000_000)));
        assert_eq!(read("\"0.1\"").ok(), Some(NanoUsd(100_000_000)));
        for (text, nano) in
            [("1e-06", 1000), ("-2.5e-3", -2_500_000), ("1.25E1", 12_500_000_000), ("5e0", 5_000_000_000)]
        {
            assert_eq!(read(text).ok(), Some(NanoUsd(nano)), "{text}");
        }
        assert!(read("1e-10").is_err() && read("1e30").is_err() && read("\"1e3\"").is_err());
        assert!(read("null").is_err() && read("[1]").is_err() && read("\"ten\"").is_err());
        assert_eq!(serde_json::to_string(&NanoUsd(100_000_000)).ok().as_deref(), Some("0.1"));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(nano in (i64::MIN + 1)..) {
            prop_assert_eq!(NanoUsd(nano).to_string().parse(), Ok(NanoUsd(nano)));
        }

        #[test]
        fn rounding_is_off_by_at_most_a_half(femto in -1_000_000_000_000_000_i128..1_000_000_000_000_000) {
            let off = (i128::from(FemtoUsd(femto).round().0) * FEMTO - femto).abs();
            prop_assert!(off * 2 <= FEMTO);
            prop_assert!(FemtoUsd(femto).ceil() >= FemtoUsd(femto).round());
        }

        #[test]
        fn a_markup_is_exact_and_taken_off_again(femto in 0_i128..1_000_000_000_000_000_000, basis_points in 0_u32..1_000_000) {
            let amount = FemtoUsd(femto);
            let with = amount.with_basis_points(basis_points);
            prop_assert!(with.without_basis_points(basis_points) >= amount);
            prop_assert!(amount.without_basis_points(basis_points).with_basis_points(basis_points) <= amount);
            prop_assert!(amount.round_with_basis_points(basis_points) <= with.ceil());
            prop_assert_eq!(amount.round_with_basis_points(0), amount.round());
        }

        #[test]
        fn a_cost_is_the_sum_of_its_parts(rate in 0_u64..1_000_000_000_000, a in 0_u64..10_000_000, b in 0_u64..10_000_000) {
            prop_assert_eq!(Rate(rate).times(a) + Rate(rate).times(b), Rate(rate).times(a + b));
        }
    }
}
