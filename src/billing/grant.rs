//! What a call is granted out of the room that its caps leave: how much output, and what is held.
//!
//! A stated output limit is lowered to what the room affords. Where none is stated, a call gets the
//! greater of 4,096 tokens and what an eighth of the remainder buys, so that one call holds no
//! more of a large budget than it needs, within the remainder and the model's maximum. A call that
//! is not worth making (less than 256 tokens, or than the smaller limit or thinking budget that
//! was stated) is refused.

use super::{Entry, Extent, Terms, affordable_output, bound};
use crate::counters::{Amounts, Cap, Left, Room};
use crate::money::NanoUsd;

/// Output that a call without a stated limit gets at least, where the room affords it.
pub const UNSTATED: u64 = 4096;
/// Output below which a call is not worth making.
pub const LEAST: u64 = 256;

/// What a call wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    pub entry: &'a Entry,
    pub terms: Terms,
    /// The tier of service that the request asks for.
    pub service_tier: Option<&'a str>,
    /// Input tokens, at most.
    pub input: u64,
    /// Whether the operation produces output tokens at all.
    pub has_output: bool,
    /// Output tokens of a choice, as the caller stated them.
    pub stated: Option<u64>,
    /// The output limit that the provider raises a smaller one to.
    pub floor: u64,
    pub choices: u64,
    /// Tokens that the call must be given because the caller wants that much thought.
    pub thinking: Option<u64>,
    /// What the caller charges its customer for the call.
    pub billable: Option<NanoUsd>,
}

/// What a call gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Output tokens of a choice to send upstream; `None`: nothing is sent.
    pub limit: Option<u64>,
    /// Whether that is less than what the caller, or the model, would have had.
    pub lowered: bool,
    /// Output tokens of all choices that were held for; `None` where no cap applies and none were
    /// stated, so that nothing bounds them.
    pub most_output: Option<u64>,
}

/// Why a call gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// A cap has no room for it.
    Short(Short),
    /// A cap applies, and nobody can say what the call may cost.
    Unbounded,
}

/// A cap that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    pub cap: Cap,
    /// What the cap leaves.
    pub left: Left,
    /// Whether it would have fitted but for what other running calls hold.
    pub held_only: bool,
}

impl Wish<'_> {
    fn extent(&self, output: u64) -> Extent<'_> {
        Extent { input: self.input, output, choices: self.choices, service_tier: self.service_tier }
    }

    fn cost(&self, output: u64) -> NanoUsd {
        bound(self.entry, self.extent(output), self.terms).ceil()
    }

    /// Output tokens of a choice that `amount` affords beside the input.
    fn affords(&self, amount: NanoUsd) -> Option<u64> {
        affordable_output(self.entry, self.extent(0), amount, self.terms)
    }

    /// Output tokens of a choice that `amount` buys by itself.
    fn buys(&self, amount: NanoUsd) -> u64 {
        let extent = Extent { input: 0, ..self.extent(0) };
        affordable_output(self.entry, extent, amount, self.terms).unwrap_or(0)
    }

    /// The most that the model can say in a choice, where that is known.
    fn most(&self) -> Option<u64> {
        let Entry { max_output_tokens, context_window, .. } = self.entry;
        [*max_output_tokens, *context_window].into_iter().find(|tokens| *tokens > 0).map(u64::from)
    }

    fn least(&self) -> u64 {
        if !self.has_output {
            return 0;
        }
        let least = self.thinking.unwrap_or(LEAST);
        let least = [Some(least), self.stated, self.most()].into_iter().flatten().min().unwrap_or(least);
        least.max(self.floor)
    }

    /// Whether `amount` is enough for the call to be worth making under `cap`.
    fn suffices(&self, cap: Cap, amount: NanoUsd) -> bool {
        // What is spent is spent, also for a call that costs nothing: 0 blocks.
        if amount <= NanoUsd::ZERO {
            return false;
        }
        match (cap, self.billable) {
            (Cap::CustomerWallet, Some(billable)) => billable <= amount,
            _ => self.affords(amount).is_some_and(|output| output >= self.least()),
        }
    }

    /// The most output tokens of all choices where `limit` is sent for each.
    fn most_output(&self, limit: u64) -> u64 {
        limit.max(self.floor).saturating_mul(self.choices)
    }

    fn amounts(&self, limit: u64) -> Amounts {
        let cost = self.cost(limit.max(self.floor));
        Amounts { cost, debit: self.billable.unwrap_or(cost) }
    }
}

/// Decides what `wish` is granted within `room`.
///
/// # Errors
/// [`Denied`]: a cap that is spent before one that open holds alone fill.
pub fn grant(wish: &Wish<'_>, room: &Room) -> Result<(Amounts, Grant), Denied> {
    if !wish.entry.price.is_bounded() && room.caps().next().is_some() {
        return Err(Denied::Unbounded);
    }
    for (cap, left) in room.caps() {
        if !wish.suffices(cap, left.settled) {
            return Err(Denied::Short(Short { cap, left, held_only: false }));
        }
    }
    for (cap, left) in room.caps() {
        if !wish.suffices(cap, left.free) {
            return Err(Denied::Short(Short { cap, left, held_only: true }));
        }
    }
    if !wish.has_output {
        return Ok((wish.amounts(0), Grant { most_output: Some(0), ..Grant::default() }));
    }
    let by_cost = room.caps().filter(|(cap, _)| *cap != Cap::CustomerWallet || wish.billable.is_none());
    let remainder = by_cost.map(|(_, left)| left.free).min();
    let Some(remainder) = remainder else {
        // Nothing bounds the call; a hold that stands for it if the process dies is made all the same.
        let output = wish.stated.unwrap_or_else(|| wish.most().map_or(UNSTATED, |most| most.min(UNSTATED)));
        let most_output = wish.stated.map(|limit| wish.most_output(limit));
        return Ok((wish.amounts(output), Grant { limit: wish.stated, lowered: false, most_output }));
    };
    let affordable = wish.affords(remainder).unwrap_or(0);
    let wanted = match (wish.stated, wish.most()) {
        (Some(stated), _) => stated,
        (None, most) => {
            let eighth = wish.buys(NanoUsd(remainder.0 / 8));
            UNSTATED.max(eighth).max(wish.least()).min(most.unwrap_or(u64::MAX))
        }
    };
    let output = wanted.min(affordable);
    if output == u64::MAX {
        // More output costs nothing more, and nothing limits it.
        return Ok((wish.amounts(u64::MAX), Grant::default()));
    }
    let lowered = match wish.stated {
        Some(stated) => output < stated,
        None => wish.most().is_none_or(|most| output < most),
    };
    let grant = Grant { limit: Some(output), lowered, most_output: Some(wish.most_output(output)) };
    Ok((wish.amounts(output), grant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::testing::{self, priced};
    use proptest::prelude::*;

    /// 1 USD and 2 USD a million tokens.
    fn entry(max_output_tokens: u32) -> Entry {
        Entry { max_output_tokens, ..testing::entry(priced("{ input: 1, output: 2 }")) }
    }

    fn wish(entry: &Entry) -> Wish<'_> {
        Wish {
            entry,
            terms: Terms::default(),
            service_tier: None,
            input: 100,
            has_output: true,
            stated: None,
            floor: 0,
            choices: 1,
            thinking: None,
            billable: None,
        }
    }

    fn left(nano: i64) -> Left {
        Left { settled: NanoUsd(nano), free: NanoUsd(nano) }
    }

    /// The cap that is in the way, and whether holds alone are.
    fn short(wish: &Wish<'_>, room: &Room) -> (Cap, bool) {
        match grant(wish, room) {
            Err(Denied::Short(short)) => (short.cap, short.held_only),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_price_that_nobody_knows_passes_no_cap() {
        let unknown = testing::entry(priced("{ reported: true, input: 1, output: 2 }"));
        assert_eq!(grant(&wish(&unknown), &budget(1_000_000_000)).unwrap_err(), Denied::Unbounded);
        assert!(grant(&wish(&unknown), &Room::default()).is_ok());
    }

    fn budget(nano: i64) -> Room {
        Room { customer_budget: Some(left(nano)), ..Room::default() }
    }

    #[test]
    fn without_caps_nothing_is_sent_that_was_not_stated() {
        let entry = entry(16_384);
        assert_eq!(grant(&wish(&entry), &Room::default()).unwrap().1, Grant::default());
        let stated = Wish { stated: Some(10), ..wish(&entry) };
        let granted = grant(&stated, &Room::default()).unwrap().1;
        assert_eq!((granted.limit, granted.lowered), (Some(10), false));
    }

    #[test]
    fn an_unstated_output_is_4096_tokens_or_an_eighth_of_the_remainder() {
        let entry = entry(1_000_000);
        let of = |nano: i64| grant(&wish(&entry), &budget(nano)).unwrap().1.limit;
        // 0.05 USD: an eighth buys 3,125 tokens, which is less than 4,096.
        assert_eq!(of(50_000_000), Some(4096));
        // 8 USD: an eighth buys 500,000.
        assert_eq!(of(8_000_000_000), Some(500_000));
        // 800 USD: the model's maximum.
        assert_eq!(of(800_000_000_000), Some(1_000_000));
        // 0.0051 USD affords 2,500 beside the input.
        assert_eq!(of(5_100_000), Some(2500));
    }

    #[test]
    fn what_is_not_worth_making_is_refused() {
        let entry = entry(16_384);
        let need = |output: i64| 100_000 + output * 2000;
        let refused = |wish: &Wish<'_>, nano: i64| grant(wish, &budget(nano)).is_err();
        assert!(!refused(&wish(&entry), need(256)) && refused(&wish(&entry), need(256) - 1));
        let small = Wish { stated: Some(10), ..wish(&entry) };
        assert!(!refused(&small, need(10)) && refused(&small, need(10) - 1));
        let thinking = Wish { thinking: Some(2000), ..wish(&entry) };
        assert!(!refused(&thinking, need(2000)) && refused(&thinking, need(2000) - 1));
        assert!(refused(&small, 0) && refused(&small, -5));
        let plain = Wish { has_output: false, stated: None, ..wish(&entry) };
        assert!(!refused(&plain, 100_000) && refused(&plain, 99_999));
    }

    #[test]
    fn a_spent_cap_is_blamed_before_one_that_holds_fill() {
        let entry = entry(16_384);
        let filled = Some(Left { settled: NanoUsd(1_000_000_000), free: NanoUsd(0) });
        let room = Room { customer_budget: filled, account_budget: Some(left(0)), ..Room::default() };
        assert_eq!(short(&wish(&entry), &room), (Cap::AccountBudget, false));
        let room = Room { customer_budget: filled, account_budget: Some(left(1_000_000_000)), ..Room::default() };
        assert_eq!(short(&wish(&entry), &room), (Cap::CustomerBudget, true));
    }

    #[test]
    fn a_customers_wallet_holds_what_its_account_charges_it() {
        let entry = entry(16_384);
        let billed = Wish { billable: Some(NanoUsd(250_000_000)), ..wish(&entry) };
        let room = Room { customer_wallet: Some(left(250_000_000)), ..Room::default() };
        let (amounts, granted) = grant(&billed, &room).unwrap();
        assert_eq!(amounts.debit, NanoUsd(250_000_000));
        assert_eq!(granted.limit, None, "the wallet is debited the same, however long the answer");
        let room = Room { customer_wallet: Some(left(249_999_999)), ..Room::default() };
        assert_eq!(short(&billed, &room), (Cap::CustomerWallet, false));
    }

    #[test]
    fn a_limit_that_the_provider_raises_is_held_for_as_it_is_raised() {
        let entry = entry(16_384);
        let raised = Wish { stated: Some(3), floor: 16, choices: 2, ..wish(&entry) };
        let covered = Wish { stated: Some(16), floor: 0, ..raised };
        for room in [Room::default(), budget(1_000_000_000)] {
            let (amounts, granted) = grant(&raised, &room).unwrap();
            assert_eq!((granted.limit, granted.lowered, granted.most_output), (Some(3), false, Some(32)));
            assert_eq!(amounts, grant(&covered, &room).unwrap().0);
        }
        // 100 input tokens, and twice 16 of output.
        let need = 100_000 + 32 * 2000;
        assert!(grant(&raised, &budget(need)).is_ok());
        assert_eq!(short(&raised, &budget(need - 1)), (Cap::CustomerBudget, false));
        let above = Wish { stated: Some(20), ..raised };
        assert_eq!(grant(&above, &Room::default()).unwrap().1.most_output, Some(40));
    }

    fn lefts() -> impl Strategy<Value = Option<Left>> {
        let amount = -1_000_000_i64..20_000_000_000;
        proptest::option::of(
            (amount, 0_i64..20_000_000_000)
                .prop_map(|(settled, held)| Left { settled: NanoUsd(settled), free: NanoUsd(settled - held) }),
        )
    }

    proptest! {
        #[test]
        fn what_is_granted_fits_into_every_cap(
            rooms in (lefts(), lefts(), lefts(), lefts()),
            stated in proptest::option::of(1_u64..2_000_000), choices in 1_u64..5, input in 0_u64..1_000_000,
            billable in proptest::option::of(0_i64..2_000_000_000), most in 0_u32..200_000, markup in 0_u32..3000,
            floor in 0_u64..400,
        ) {
            let entry = entry(most);
            let wish = Wish {
                stated, choices, input, floor,
                billable: billable.map(NanoUsd),
                terms: Terms { markup_basis_points: markup },
                ..wish(&entry)
            };
            let (customer_budget, customer_wallet, account_budget, account_wallet) = rooms;
            let room = Room { customer_budget, customer_wallet, account_budget, account_wallet };
            if let Ok((amounts, granted)) = grant(&wish, &room) {
                for (cap, left) in room.caps() {
                    let amount = if cap == Cap::CustomerWallet { amounts.debit } else { amounts.cost };
                    prop_assert!(amount <= left.free, "{cap:?} {amounts:?} {left:?}");
                }
                if let (Some(limit), Some(stated)) = (granted.limit, stated) {
                    prop_assert!(limit <= stated && (granted.lowered == (limit < stated)));
                }
                if let Some(limit) = granted.limit {
                    prop_assert!(amounts.cost >= bound(&entry, wish.extent(limit.max(floor)), wish.terms).ceil());
                }
            }
        }
    }
}
