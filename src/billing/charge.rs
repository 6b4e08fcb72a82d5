//! From tokens and prices to money.

use crate::adapter::provider::Price;
use crate::money::{FemtoUsd, NanoUsd};
use crate::wire::usage::Usage;

/// What a call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Tokens at list prices, rounded for showing.
    pub list: NanoUsd,
    /// What the account pays: the unrounded list cost and the plan's markup, rounded once.
    pub cost: NanoUsd,
}

/// What an account's plan adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Hundredths of a per cent.
    pub markup_basis_points: u32,
}

/// The charge of a call.
pub fn charge(usage: &Usage, price: &Price, terms: Terms) -> Charge {
    let list = list(usage, price);
    Charge { list: list.round(), cost: list.round_with_basis_points(terms.markup_basis_points) }
}

/// Tokens times prices, unrounded.
fn list(usage: &Usage, price: &Price) -> FemtoUsd {
    let cached = usage.cached_input_tokens.min(usage.prompt_tokens);
    let written = usage.cache_write_tokens.min(usage.prompt_tokens - cached);
    let written_1h = usage.cache_write_1h_tokens.min(written);
    let write = price.cache_write.unwrap_or(price.input);
    let mut sum = price.input.times(usage.prompt_tokens - cached - written);
    sum += price.cached_input.unwrap_or(price.input).times(cached);
    sum += write.times(written - written_1h);
    sum += price.cache_write_1h.unwrap_or(write).times(written_1h);
    sum += price.output.times(usage.completion_tokens);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Rate;
    use proptest::prelude::*;

    const PRICE: Price = Price {
        input: Rate(3_000_000_000),
        output: Rate(15_000_000_000),
        cached_input: Some(Rate(300_000_000)),
        cache_write: Some(Rate(3_750_000_000)),
        cache_write_1h: Some(Rate(6_000_000_000)),
    };

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
        let charged = charge(&usage, &PRICE, Terms::default());
        assert_eq!(charged.list, NanoUsd(300_000 + 180_000 + 750_000 + 600_000 + 1_500_000));
        assert_eq!(charged.cost, charged.list);
        assert_eq!(charge(&usage, &PRICE, Terms { markup_basis_points: 1000 }).cost, NanoUsd(3_663_000));
    }

    proptest! {
        #[test]
        fn a_charge_is_never_negative_and_never_falls(prompt in 0_u64..1_000_000, cached in 0_u64..2_000_000, written in 0_u64..2_000_000, output in 0_u64..1_000_000, markup in 0_u32..5000) {
            let usage = Usage { prompt_tokens: prompt, completion_tokens: output, cached_input_tokens: cached, cache_write_tokens: written, ..Usage::default() };
            let charged = charge(&usage, &PRICE, Terms { markup_basis_points: markup });
            prop_assert!(charged.list >= NanoUsd(0) && charged.cost >= charged.list);
            let more = Usage { completion_tokens: output + 1, ..usage };
            let dearer = charge(&more, &PRICE, Terms { markup_basis_points: markup });
            prop_assert!(dearer.cost > charged.cost);
        }
    }
}
