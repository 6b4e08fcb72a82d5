//! The most that a call may cost, known before it goes out, and its inverse: how many output
//! tokens an amount affords. Both are pure; a hold is made of the first, an output limit of the
//! second.

use super::{Entry, Terms};
use crate::adapter::provider::Price;
use crate::money::{FemtoUsd, NanoUsd, Rate};

/// What a call may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Input tokens. A token is at least a byte, so the bytes of a request bound them.
    pub input: u64,
    /// Output tokens of one choice.
    pub output: u64,
    /// Choices asked for; the input is billed once.
    pub choices: u64,
}

/// The most that a call within `extent` may be charged: all input at the dearest rate of its
/// kinds, every choice as long as it may get, and the plan's markup. Rounded up to the femto-USD;
/// hold [`FemtoUsd::ceil`] of it. No charge within the extent is above that.
pub fn bound(entry: &Entry, extent: Extent, terms: Terms) -> FemtoUsd {
    let dearest = Dearest::of(&entry.price);
    let output = extent.output.saturating_mul(extent.choices);
    (dearest.input.times(extent.input) + dearest.output.times(output)).with_basis_points(terms.markup_basis_points)
}

/// The most output tokens of each choice with which a call stays within `amount`; `extent.output`
/// is not read. `None` where not even the input does; `u64::MAX` where output costs nothing.
///
/// It is exact: `bound` of what it returns is within `amount`, `bound` of one token more is not.
pub fn affordable_output(entry: &Entry, extent: Extent, amount: NanoUsd, terms: Terms) -> Option<u64> {
    let dearest = Dearest::of(&entry.price);
    let most = FemtoUsd::from(amount).without_basis_points(terms.markup_basis_points);
    let left = most.0.checked_sub(dearest.input.times(extent.input).0).filter(|left| *left >= 0)?;
    let each = i128::from(dearest.output.0).saturating_mul(i128::from(extent.choices));
    if each == 0 {
        return Some(u64::MAX);
    }
    Some(u64::try_from(left / each).unwrap_or(u64::MAX))
}

/// The dearest rates that may apply to a call.
struct Dearest {
    input: Rate,
    output: Rate,
}

impl Dearest {
    fn of(price: &Price) -> Self {
        let Price { input, output, cached_input, cache_write, cache_write_1h } = *price;
        let kinds = [Some(input), cached_input, cache_write, cache_write_1h];
        Self { input: kinds.into_iter().flatten().max().unwrap_or(input), output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::provider::ModelKind;
    use crate::billing::charge;
    use crate::wire::usage::Usage;
    use proptest::prelude::*;

    fn entry(price: Price) -> Entry {
        Entry { kind: ModelKind::Chat, price, context_window: 0, max_output_tokens: 0, version: "test".into() }
    }

    fn prices() -> impl Strategy<Value = Price> {
        let rate = || (0_u64..200_000_000_000).prop_map(Rate);
        let kind = || proptest::option::of(rate());
        (rate(), rate(), kind(), kind(), kind()).prop_map(
            |(input, output, cached_input, cache_write, cache_write_1h)| Price {
                input,
                output,
                cached_input,
                cache_write,
                cache_write_1h,
            },
        )
    }

    fn extents() -> impl Strategy<Value = Extent> {
        (0_u64..4_000_000, 0_u64..1_000_000, 1_u64..=128).prop_map(|(input, output, choices)| Extent {
            input,
            output,
            choices,
        })
    }

    fn terms() -> impl Strategy<Value = Terms> {
        (0_u32..20_000).prop_map(|markup_basis_points| Terms { markup_basis_points })
    }

    proptest! {
        #[test]
        fn no_charge_within_the_extent_is_above_the_bound(
            price in prices(), extent in extents(), terms in terms(),
            (input, cached, written, hour, output) in (0_f64..=1.0, 0_f64..=1.0, 0_f64..=1.0, 0_f64..=1.0, 0_f64..=1.0),
        ) {
            let part = |whole: u64, share: f64| ((whole as f64 * share) as u64).min(whole);
            let prompt = part(extent.input, input);
            let read = part(prompt, cached);
            let write = part(prompt - read, written);
            let usage = Usage {
                prompt_tokens: prompt,
                cached_input_tokens: read,
                cache_write_tokens: write,
                cache_write_1h_tokens: part(write, hour),
                completion_tokens: part(extent.output * extent.choices, output),
                ..Usage::default()
            };
            prop_assert!(charge(&usage, &price, terms).cost <= bound(&entry(price), extent, terms).ceil());
        }

        #[test]
        fn a_larger_extent_is_bounded_no_lower(
            price in prices(), a in extents(), terms in terms(), more in (0_u64..1000, 0_u64..1000, 0_u64..10),
        ) {
            let b = Extent { input: a.input + more.0, output: a.output + more.1, choices: a.choices + more.2 };
            prop_assert!(bound(&entry(price), a, terms) <= bound(&entry(price), b, terms));
        }

        #[test]
        fn what_a_bound_holds_affords_what_it_was_made_of(price in prices(), extent in extents(), terms in terms()) {
            let entry = entry(price);
            let held = bound(&entry, extent, terms).ceil();
            prop_assert!(affordable_output(&entry, extent, held, terms).is_some_and(|output| output >= extent.output));
        }

        #[test]
        fn what_is_affordable_is_exact(
            price in prices(), extent in extents(), terms in terms(), amount in -1_i64..100_000_000_000,
        ) {
            let (entry, amount) = (entry(price), NanoUsd(amount));
            let within = |output: u64| bound(&entry, Extent { output, ..extent }, terms).ceil() <= amount;
            match affordable_output(&entry, extent, amount, terms) {
                None => prop_assert!(!within(0)),
                Some(u64::MAX) => prop_assert_eq!(price.output, Rate(0)),
                Some(output) => prop_assert!(within(output) && !within(output + 1)),
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_wrap() {
        let dear = entry(Price { input: Rate(u64::MAX), output: Rate(u64::MAX), ..Price::default() });
        let all = Extent { input: u64::MAX, output: u64::MAX, choices: u64::MAX };
        let terms = Terms { markup_basis_points: u32::MAX };
        assert_eq!(bound(&dear, all, terms).ceil(), NanoUsd(i64::MAX));
        assert_eq!(affordable_output(&dear, all, NanoUsd(i64::MAX), terms), None);
        assert_eq!(affordable_output(&dear, Extent { input: 0, ..all }, NanoUsd(i64::MAX), terms), Some(0));
    }
}
