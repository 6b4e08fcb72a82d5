//! From tokens and prices to money.

use super::Entry;
use crate::adapter::price::{Rates, Row};
use crate::adapter::reply::{Outcome, ReportedCost};
use crate::money::{FemtoUsd, NanoUsd};
use crate::wire::usage::Usage;
use smol_str::{SmolStr, format_smolstr};
use std::fmt::Write as _;
use std::sync::Arc;

/// What a call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// What it costs by list prices, rounded for showing.
    pub list: NanoUsd,
    /// What the account pays: the unrounded list cost and the plan's markup, rounded once.
    pub cost: NanoUsd,
    pub basis: Basis,
    /// The provider's own figure was there and was not believed.
    pub refused_figure: bool,
}

/// What a charge was worked out of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// Tokens and the price book's rates.
    #[default]
    Rates,
    /// The provider's own figure.
    Reported,
    /// The ceiling of a price that only the provider knows, and didn't tell.
    Ceiling,
}

impl Charge {
    /// Both together: each attempt of a call is a charge of its own. The basis is that of the later.
    #[must_use]
    pub fn plus(self, later: Self) -> Self {
        Self {
            list: self.list.saturating_add(later.list),
            cost: self.cost.saturating_add(later.cost),
            basis: later.basis,
            refused_figure: self.refused_figure || later.refused_figure,
        }
    }
}

/// What an account's plan adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Hundredths of a per cent.
    pub markup_basis_points: u32,
}

/// What an answer says about its price beside its tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reported<'r> {
    /// The tier of service, or whatever else picks the rates; empty where it said nothing.
    pub tier: &'r str,
    pub cost: Option<&'r ReportedCost>,
}

impl<'r> Reported<'r> {
    pub fn of(outcome: &'r Outcome) -> Self {
        Self { tier: outcome.tier(), cost: outcome.cost.as_ref() }
    }
}

/// Where a price has no bound, a provider's own figure is believed up to this.
const MOST_BELIEVED: NanoUsd = NanoUsd(1_000_000_000_000);

/// The charge of a call. A provider's own figure wins where it says one that can be: not negative,
/// not nothing for what has a price, and not above `most`, the bound of the call's list cost.
pub fn charge(usage: &Usage, entry: &Entry, reported: Reported<'_>, most: FemtoUsd, terms: Terms) -> Charge {
    let row = entry.price.row(entry.at, reported.tier, usage.prompt_tokens);
    let own = row.map_or(FemtoUsd::default(), |row| list(usage, &row.rates));
    let most = if entry.price.is_bounded() { most } else { MOST_BELIEVED.into() };
    let figure = reported.cost.map(figure);
    let believed =
        figure.flatten().filter(|figure| *figure <= most && (figure.0 > 0 || (own.0 == 0 && !entry.price.reported)));
    let ceiling = entry.price.ceiling.map(FemtoUsd::from);
    let (list, basis) = match (believed, ceiling) {
        (Some(figure), _) => (figure, Basis::Reported),
        (None, Some(ceiling)) if entry.price.reported && own.0 == 0 && used(usage) => (ceiling, Basis::Ceiling),
        (None, Some(ceiling)) => (own.min(ceiling), Basis::Rates),
        (None, None) => (own, Basis::Rates),
    };
    let refused_figure = reported.cost.is_some() && believed.is_none();
    Charge { list: list.round(), cost: list.round_with_basis_points(terms.markup_basis_points), basis, refused_figure }
}

/// Which prices a charge was made of: the book's version, the conditions of the row, and the basis
/// where that is not the row.
pub fn price_version(entry: &Entry, usage: &Usage, tier: &str, basis: Basis) -> SmolStr {
    let mut name = String::new();
    // Writing to a String does not fail.
    if let Some(Row { from, hours, tier, at_least, .. }) = entry.price.row(entry.at, tier, usage.prompt_tokens) {
        if from.0 > 0 {
            let _ = write!(name, " from {}", from.day());
        }
        if !hours.is_empty() {
            name.push_str(" hours");
        }
        if !tier.is_empty() {
            let _ = write!(name, " tier {tier}");
        }
        if *at_least > 0 {
            let _ = write!(name, " at_least {at_least}");
        }
    }
    match basis {
        Basis::Rates => {}
        Basis::Reported => name.push_str(" reported"),
        Basis::Ceiling => name.push_str(" ceiling"),
    }
    if name.is_empty() { Arc::clone(&entry.version).into() } else { format_smolstr!("{}{name}", entry.version) }
}

fn used(usage: &Usage) -> bool {
    usage.total_tokens() > 0 || usage.searches > 0
}

/// Tokens times rates, unrounded. Parts are taken out of their wholes one after the other, so that
/// counts that contradict each other never make a token cost twice.
fn list(usage: &Usage, rates: &Rates) -> FemtoUsd {
    if !used(usage) {
        // A call that a provider refused has no fee either.
        return FemtoUsd::default();
    }
    let mut input = usage.prompt_tokens;
    let cached = take(&mut input, usage.cached_input_tokens);
    let mut written = take(&mut input, usage.cache_write_tokens);
    let written_12h = take(&mut written, usage.cache_write_12h_tokens);
    let written_1h = take(&mut written, usage.cache_write_1h_tokens);
    let mut cached_text = cached;
    let cached_audio = take(&mut cached_text, usage.cached_audio_input_tokens.min(usage.audio_input_tokens));
    let audio = take(&mut input, usage.audio_input_tokens - cached_audio);
    let mut output = usage.completion_tokens;
    let reasoning = take(&mut output, usage.reasoning_tokens);
    let audio_output = take(&mut output, usage.audio_output_tokens);
    let citation = take(&mut output, usage.citation_tokens);
    [
        (rates.input, input),
        (rates.cached_input, cached_text),
        (rates.cached_audio_input, cached_audio),
        (rates.cache_write, written),
        (rates.cache_write_1h, written_1h),
        (rates.cache_write_12h, written_12h),
        (rates.audio_input, audio),
        (rates.output, output),
        (rates.reasoning, reasoning),
        (rates.audio_output, audio_output),
        (rates.citation, citation),
        (rates.search, usage.searches),
        (rates.request, 1),
    ]
    .into_iter()
    .fold(FemtoUsd::default(), |sum, (rate, count)| sum + rate.times(count))
}

/// Takes up to `wanted` out of `whole`.
fn take(whole: &mut u64, wanted: u64) -> u64 {
    let taken = wanted.min(*whole);
    *whole -= taken;
    taken
}

/// A provider's figure, from the decimal text that it is. What lies below a femto-USD leaves the
/// last digit odd, so that rounding to the nano-USD is still right.
fn figure(reported: &ReportedCost) -> Option<FemtoUsd> {
    let text = reported.text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: i32 = if reported.decimals.is_empty() { 0 } else { reported.decimals.parse().ok()? };
    let digits: i128 = digits.parse().ok()?;
    let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_sub(decimals)?.checked_add(15)?;
    let power = 10_i128.checked_pow(scale.unsigned_abs());
    match power {
        Some(power) if scale >= 0 => digits.checked_mul(power).map(FemtoUsd),
        Some(power) => Some(FemtoUsd((digits / power) | i128::from(digits % power > 0))),
        None if scale < 0 || digits == 0 => Some(FemtoUsd(i128::from(digits > 0))),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::testing::{entry, priced};
    use proptest::prelude::*;

    const SHEET: &str = "{ input: 3, output: 15, cached_input: 0.3, cache_write: 3.75, cache_write_1h: 6 }";
    const ANY: FemtoUsd = FemtoUsd(i128::MAX);

    fn cost_of(text: &str, decimals: &str) -> ReportedCost {
        ReportedCost { text: text.to_owned(), decimals: decimals.to_owned() }
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let usage = Usage {
            prompt_tokens: 1000,
            completion_tokens: 100,
            cached_input_tokens: 600,
            cache_write_tokens: 300,
            cache_write_1h_tokens: 100,
            ..Usage::default()
        };
        // 100 × 3 + 600 × 0.3 + 200 × 3.75 + 100 × 6 + 100 × 15 USD a million.
        let entry = entry(priced(SHEET));
        let charged = charge(&usage, &entry, Reported::default(), ANY, Terms::default());
        assert_eq!(charged.list, NanoUsd(300_000 + 180_000 + 750_000 + 600_000 + 1_500_000));
        assert_eq!(charged.cost, charged.list);
        let terms = Terms { markup_basis_points: 1000 };
        assert_eq!(charge(&usage, &entry, Reported::default(), ANY, terms).cost, NanoUsd(3_663_000));
    }

    #[test]
    fn sound_thought_citations_and_searches_have_their_own() {
        let sheet = "{ input: 1, output: 2, cached_input: 0.5, audio_input: 10, cached_audio_input: 5, reasoning: 3, audio_output: 20, citation: 4, search: 0.01, request: 0.005 }";
        let usage = Usage {
            prompt_tokens: 100,
            cached_input_tokens: 40,
            audio_input_tokens: 30,
            cached_audio_input_tokens: 10,
            completion_tokens: 50,
            reasoning_tokens: 20,
            audio_output_tokens: 10,
            citation_tokens: 5,
            searches: 3,
            ..Usage::default()
        };
        // 40 × 1 + 30 × 0.5 + 10 × 5 + 20 × 10 + 15 × 2 + 20 × 3 + 10 × 20 + 5 × 4 = 615 USD a million.
        let charged = charge(&usage, &entry(priced(sheet)), Reported::default(), ANY, Terms::default());
        assert_eq!(charged.list, NanoUsd(615_000 + 30_000_000 + 5_000_000));
        let nothing = charge(&Usage::default(), &entry(priced(sheet)), Reported::default(), ANY, Terms::default());
        assert_eq!(nothing.list, NanoUsd(0), "what a provider refused has no fee");
    }

    #[test]
    fn a_figure_of_the_provider_is_read_to_the_digit() {
        for (text, decimals, femto) in [
            ("0.00014", "", Some(140_000_000_000)),
            ("\"0.00014\"", "", Some(140_000_000_000)),
            ("1.4e-04", "", Some(140_000_000_000)),
            ("1.4E-4", "", Some(140_000_000_000)),
            ("12", "", Some(12_000_000_000_000_000)),
            ("37756000", "10", Some(3_775_600_000_000)),
            ("0", "", Some(0)),
            ("0.0000000000000004", "", Some(1)),
            ("1e-400", "", Some(1)),
            ("0.0000000000000020004", "", Some(3)),
            ("-0.1", "", None),
            ("1e400", "", None),
            ("1e99999999999", "", None),
            ("true", "", None),
            ("{}", "", None),
            ("", "", None),
            (".", "", None),
        ] {
            assert_eq!(figure(&cost_of(text, decimals)), femto.map(FemtoUsd), "{text}");
        }
    }

    #[test]
    fn a_figure_is_believed_where_it_can_be() {
        let usage = Usage { prompt_tokens: 1000, completion_tokens: 100, ..Usage::default() };
        let entry = entry(priced(SHEET));
        let own = charge(&usage, &entry, Reported::default(), ANY, Terms::default()).list;
        let most = FemtoUsd::from(NanoUsd(9_000_000));
        for (text, list, basis) in [
            ("0.0031", NanoUsd(3_100_000), Basis::Reported),
            ("0.009", NanoUsd(9_000_000), Basis::Reported),
            ("0.0090000000000000001", own, Basis::Rates),
            ("0", own, Basis::Rates),
            ("-1", own, Basis::Rates),
            ("[]", own, Basis::Rates),
        ] {
            let cost = cost_of(text, "");
            let charged = charge(&usage, &entry, Reported { tier: "", cost: Some(&cost) }, most, Terms::default());
            assert_eq!((charged.list, charged.basis), (list, basis), "{text}");
            assert_eq!(charged.refused_figure, basis == Basis::Rates, "{text}");
        }
    }

    #[test]
    fn what_only_the_provider_knows_is_charged_at_its_ceiling_where_it_does_not_tell() {
        let usage = Usage { prompt_tokens: 1000, completion_tokens: 100, ..Usage::default() };
        let entry = entry(priced("{ reported: true, ceiling: 0.5 }"));
        let charged = charge(&usage, &entry, Reported::default(), ANY, Terms::default());
        assert_eq!((charged.list, charged.basis), (NanoUsd(500_000_000), Basis::Ceiling));
        let cost = cost_of("0", "");
        let charged = charge(&usage, &entry, Reported { tier: "", cost: Some(&cost) }, ANY, Terms::default());
        assert_eq!(charged.basis, Basis::Ceiling, "nothing passes as free");
    }

    proptest! {
        #[test]
        fn a_charge_is_never_negative_and_never_falls(prompt in 0_u64..1_000_000, cached in 0_u64..2_000_000, written in 0_u64..2_000_000, output in 0_u64..1_000_000, markup in 0_u32..5000) {
            let entry = entry(priced(SHEET));
            let usage = Usage { prompt_tokens: prompt, completion_tokens: output, cached_input_tokens: cached, cache_write_tokens: written, ..Usage::default() };
            let terms = Terms { markup_basis_points: markup };
            let charged = charge(&usage, &entry, Reported::default(), ANY, terms);
            prop_assert!(charged.list >= NanoUsd(0) && charged.cost >= charged.list);
            let more = Usage { completion_tokens: output + 1, ..usage };
            prop_assert!(charge(&more, &entry, Reported::default(), ANY, terms).cost > charged.cost);
        }

        #[test]
        fn any_text_may_stand_for_a_figure(text in ".{0,40}", decimals in "[0-9]{0,3}") {
            prop_assert!(figure(&cost_of(&text, &decimals)).is_none_or(|figure| figure.0 >= 0));
        }
    }
}
