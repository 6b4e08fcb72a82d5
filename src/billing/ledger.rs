//! Holds and their settlement.

use crate::counters::Counters;
use crate::money::{FemtoUsd, NanoUsd};
use std::sync::Arc;

/// Admits calls. Rules about caps and wallets come to stand in [`Ledger::admit`], which is the only
/// way to a [`Permit`], without which nothing is sent.
#[derive(Default)]
pub struct Ledger {
    counters: Arc<Counters>,
}

/// The most a call may cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bound(pub FemtoUsd);

/// What is held for a running call. It is released exactly once: when it is settled, or when it is
/// dropped without (then for nothing).
#[derive(Debug)]
pub struct Permit {
    counters: Arc<Counters>,
    account: Arc<str>,
    bound: NanoUsd,
    settled: bool,
}

impl Ledger {
    /// Holds the most that a call may cost.
    pub fn admit(&self, account: &Arc<str>, bound: Bound) -> Permit {
        let bound = bound.0.ceil();
        self.counters.hold(account, bound);
        Permit { counters: Arc::clone(&self.counters), account: Arc::clone(account), bound, settled: false }
    }

    /// What is held and spent.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Permit {
    /// Replaces the hold by the charge.
    pub fn settle(mut self, charge: NanoUsd) {
        self.settled = true;
        self.counters.settle(&self.account, self.bound, charge);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            self.counters.settle(&self.account, self.bound, NanoUsd::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_becomes_of_permits_nothing_stays_held(calls in proptest::collection::vec((0_i128..1_000_000_000_000, proptest::option::of(0_i64..1_000_000)), 0..50)) {
            let ledger = Ledger::default();
            let account: Arc<str> = "acct_1".into();
            let mut spent = 0;
            let permits: Vec<_> = calls.iter().map(|(bound, charge)| (ledger.admit(&account, Bound(FemtoUsd(*bound))), charge)).collect();
            prop_assert_eq!(ledger.counters().of("acct_1").running, calls.len() as u64);
            for (permit, charge) in permits {
                match charge {
                    Some(charge) => { spent += charge; permit.settle(NanoUsd(*charge)); }
                    None => drop(permit),
                }
            }
            let counts = ledger.counters().of("acct_1");
            prop_assert_eq!((counts.held, counts.running, counts.spent), (NanoUsd(0), 0, NanoUsd(spent)));
        }
    }
}
