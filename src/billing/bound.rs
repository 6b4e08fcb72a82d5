//! The most that a call may cost, known before it goes out, and its inverse: how many output
//! tokens an amount affords. Both are pure; a hold is made of the first, an output limit of the
//! second.

use super::{Entry, Terms};
use crate::money::{FemtoUsd, NanoUsd, Rate};

/// What a call may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent<'t> {
    /// Input tokens. A token is at least a byte, so the bytes of a request bound them.
    pub input: u64,
    /// Output tokens of one choice.
    pub output: u64,
    /// Choices asked for; the input is billed once.
    pub choices: u64,
    /// The tier of service that the request asks for. Without one, any that comes unasked may come.
    pub service_tier: Option<&'t str>,
}

/// The most that a call within `extent` may be charged: all input at the dearest rate that may
/// come, every choice as long as it may get, fees, and the plan's markup. Rounded up to the
/// femto-USD; hold [`FemtoUsd::ceil`] of it. No charge within the extent is above that, whatever
/// tier of service the answer reports and whatever it says was cached.
///
/// A price that only the provider knows is bounded by its ceiling; where it has none
/// ([`crate::adapter::price::Price::is_bounded`]), this bounds nothing.
pub fn bound(entry: &Entry, extent: Extent<'_>, terms: Terms) -> FemtoUsd {
    let dearest = Dearest::of(entry, extent);
    let output = extent.output.saturating_mul(extent.choices);
    let listed = dearest.fees + dearest.input.times(extent.input) + dearest.output.times(output);
    let list = match entry.price.ceiling.map(FemtoUsd::from) {
        Some(ceiling) if entry.price.reported => ceiling,
        Some(ceiling) => listed.min(ceiling),
        None => listed,
    };
    list.with_basis_points(terms.markup_basis_points)
}

/// The most output tokens of each choice with which a call stays within `amount`; `extent.output`
/// is not read. `None` where not even the input does; `u64::MAX` where output costs nothing more.
///
/// It is exact: `bound` of what it returns is within `amount`, `bound` of one token more is not.
pub fn affordable_output(entry: &Entry, extent: Extent<'_>, amount: NanoUsd, terms: Terms) -> Option<u64> {
    let most = FemtoUsd::from(amount).without_basis_points(terms.markup_basis_points);
    if let Some(ceiling) = entry.price.ceiling.map(FemtoUsd::from) {
        if ceiling <= most {
            return Some(u64::MAX);
        }
        if entry.price.reported {
            return None;
        }
    }
    let dearest = Dearest::of(entry, extent);
    let begun = dearest.fees + dearest.input.times(extent.input);
    let left = most.0.checked_sub(begun.0).filter(|left| *left >= 0)?;
    let each = i128::from(dearest.output.0).saturating_mul(i128::from(extent.choices));
    if each == 0 {
        return Some(u64::MAX);
    }
    Some(u64::try_from(left / each).unwrap_or(u64::MAX))
}

/// The dearest that may come to a call, kind by kind.
struct Dearest {
    input: Rate,
    output: Rate,
    fees: FemtoUsd,
}

impl Dearest {
    fn of(entry: &Entry, extent: Extent<'_>) -> Self {
        let mut dearest = Self { input: Rate(0), output: Rate(0), fees: FemtoUsd(0) };
        for rates in entry.price.possible(entry.at, extent.service_tier, extent.input) {
            dearest.input = dearest.input.max(rates.dearest_input());
            dearest.output = dearest.output.max(rates.dearest_output());
            dearest.fees = dearest.fees.max(rates.fees(entry.price.searches));
        }
        dearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::price::{Price, Rates, Row, Window};
    use crate::adapter::reply::ReportedCost;
    use crate::billing::testing::{entry, priced};
    use crate::billing::{Basis, Reported, charge};
    use crate::clock::Timestamp;
    use crate::wire::usage::Usage;
    use proptest::prelude::*;
    use std::borrow::Cow;

    const TIERS: [&str; 4] = ["", "flex", "priority", "ultrafast"];

    fn rates() -> impl Strategy<Value = Rates> {
        let token = proptest::array::uniform11(0_u64..200_000_000_000);
        (token, 0_u64..50_000_000_000_000, 0_u64..50_000_000_000_000).prop_map(|(token, search, request)| {
            let mut all = [0; 13];
            all[..11].copy_from_slice(&token);
            (all[11], all[12]) = (search, request);
            Rates::of(all)
        })
    }

    /// Prices with two days, hours, tiers and steps, all of them any.
    fn prices() -> impl Strategy<Value = Price> {
        let rows = proptest::collection::vec(rates(), 32);
        (rows, 0_u64..4, proptest::option::of(0_i64..5_000_000_000)).prop_map(|(rates, searches, ceiling)| {
            let mut rows = Vec::new();
            let mut next = rates.into_iter();
            for from in [0, 1_796_083_200_000] {
                for hours in [vec![], vec![Window { days: 0b1_1111, from: 60, until: 240 }]] {
                    for tier in TIERS {
                        for at_least in [0, 100_001] {
                            rows.extend(next.next().map(|rates| Row {
                                from: Timestamp(from),
                                hours: Cow::Owned(hours.clone()),
                                tier: Cow::Borrowed(tier),
                                on_request: tier == "ultrafast",
                                at_least,
                                rates,
                            }));
                        }
                    }
                }
            }
            Price { rows: rows.into(), reported: false, ceiling: ceiling.map(NanoUsd), searches }
        })
    }

    fn extents() -> impl Strategy<Value = Extent<'static>> {
        let tier =
            proptest::option::of(proptest::sample::select(&["default", "auto", "flex", "priority", "ultrafast"][..]));
        (0_u64..400_000, 0_u64..1_000_000, 1_u64..=128, tier)
            .prop_map(|(input, output, choices, service_tier)| Extent { input, output, choices, service_tier })
    }

    fn terms() -> impl Strategy<Value = Terms> {
        (0_u32..20_000).prop_map(|markup_basis_points| Terms { markup_basis_points })
    }

    /// Some moment around the days and hours that the prices have.
    fn moments() -> impl Strategy<Value = Timestamp> {
        (1_795_000_000_000_i64..1_797_000_000_000).prop_map(Timestamp)
    }

    fn at(price: Price, at: Timestamp) -> Entry {
        Entry { at, ..entry(price) }
    }

    /// Whether an answer to a request for `asked` may be served in `tier`.
    fn may_come(asked: Option<&str>, tier: &str) -> bool {
        tier.is_empty() || asked == Some(tier) || (asked.is_none_or(|asked| asked == "auto") && tier != "ultrafast")
    }

    proptest! {
        #[test]
        fn no_charge_within_the_extent_is_above_the_bound(
            price in prices(), extent in extents(), terms in terms(), moment in moments(),
            tier in proptest::sample::select(&TIERS[..]),
            shares in proptest::array::uniform10(0_u64..=1000),
            figure in proptest::option::of(0_u64..100_000_000_000),
        ) {
            prop_assume!(may_come(extent.service_tier, tier));
            let part = |whole: u64, share: usize| whole / 1000 * shares[share] + whole % 1000 * shares[share] / 1000;
            let prompt = part(extent.input, 0);
            let output = part(extent.output * extent.choices, 1);
            // Counts that contradict each other are part of the law.
            let usage = Usage {
                prompt_tokens: prompt,
                cached_input_tokens: part(prompt, 2),
                cache_write_tokens: part(prompt, 3),
                cache_write_1h_tokens: part(prompt, 4),
                cache_write_12h_tokens: part(prompt, 5),
                audio_input_tokens: part(prompt, 6),
                cached_audio_input_tokens: part(prompt, 2),
                completion_tokens: output,
                reasoning_tokens: part(output, 7),
                audio_output_tokens: part(output, 8),
                citation_tokens: part(output, 9),
                searches: price.searches,
            };
            let entry = at(price, moment);
            let cost = figure.map(|figure| ReportedCost { text: figure.to_string(), decimals: "9".to_owned() });
            let most = bound(&entry, extent, Terms::default());
            let charged = charge(&usage, &entry, Reported { tier, cost: cost.as_ref() }, most, terms);
            prop_assert!(charged.cost <= bound(&entry, extent, terms).ceil());
            prop_assert!(charged.basis != Basis::Ceiling);
        }

        #[test]
        fn a_larger_extent_is_bounded_no_lower(
            price in prices(), a in extents(), terms in terms(), more in (0_u64..1000, 0_u64..1000, 0_u64..10),
        ) {
            let b = Extent { input: a.input + more.0, output: a.output + more.1, choices: a.choices + more.2, ..a };
            let entry = entry(price);
            prop_assert!(bound(&entry, a, terms) <= bound(&entry, b, terms));
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
                Some(u64::MAX) => prop_assert!(within(u64::MAX)),
                Some(output) => prop_assert!(within(output) && !within(output + 1)),
            }
        }
    }

    const ANY: Extent<'_> = Extent { input: 1000, output: 1000, choices: 1, service_tier: None };

    #[test]
    fn a_tier_on_request_is_held_for_only_where_it_is_asked_for() {
        let price =
            "{ input: 1, output: 1, tiers: { priority: { times: 2 }, ultrafast: { times: 6, on_request: true } } }";
        let entry = entry(priced(price));
        let bound_of = |service_tier| bound(&entry, Extent { service_tier, ..ANY }, Terms::default()).ceil();
        assert_eq!(bound_of(Some("default")), NanoUsd(2_000_000));
        assert_eq!(bound_of(None), NanoUsd(4_000_000));
        assert_eq!(bound_of(Some("auto")), NanoUsd(4_000_000));
        assert_eq!(bound_of(Some("ultrafast")), NanoUsd(12_000_000));
    }

    #[test]
    fn a_price_that_only_the_provider_knows_is_bounded_by_its_ceiling() {
        let known = entry(priced("{ reported: true, ceiling: 0.5 }"));
        assert!(known.price.is_bounded());
        assert_eq!(bound(&known, ANY, Terms::default()).ceil(), NanoUsd(500_000_000));
        assert_eq!(affordable_output(&known, ANY, NanoUsd(499_999_999), Terms::default()), None);
        assert_eq!(affordable_output(&known, ANY, NanoUsd(500_000_000), Terms::default()), Some(u64::MAX));
        let unknown = entry(priced("{ reported: true, input: 10, output: 50 }"));
        assert!(!unknown.price.is_bounded());
    }

    #[test]
    fn the_ends_of_the_range_do_not_wrap() {
        let all = Row { rates: Rates::of([u64::MAX; 13]), ..priced("{ input: 0, output: 0 }").rows[0].clone() };
        let dear = entry(Price { rows: vec![all].into(), reported: false, ceiling: None, searches: u64::MAX });
        let extent = Extent { input: u64::MAX, output: u64::MAX, choices: u64::MAX, service_tier: None };
        let terms = Terms { markup_basis_points: u32::MAX };
        assert_eq!(bound(&dear, extent, terms).ceil(), NanoUsd(i64::MAX));
        assert_eq!(affordable_output(&dear, extent, NanoUsd(i64::MAX), terms), None);
    }
}
