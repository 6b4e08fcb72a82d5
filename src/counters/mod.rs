//! What is held and spent, in memory: one process serves one database, so this is exact.

use crate::money::NanoUsd;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Counts of every account.
#[derive(Debug, Default)]
pub struct Counters {
    accounts: Mutex<HashMap<Arc<str>, Counts>>,
}

/// Counts of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Upper bounds of what runs.
    pub held: NanoUsd,
    /// Charges since the process started.
    pub spent: NanoUsd,
    /// Calls that run.
    pub running: u64,
}

impl Counters {
    /// Holds an upper bound.
    pub fn hold(&self, account: &Arc<str>, bound: NanoUsd) {
        let mut accounts = self.accounts.lock();
        let counts = accounts.entry(Arc::clone(account)).or_default();
        counts.held = counts.held.saturating_add(bound);
        counts.running += 1;
    }

    /// Replaces a hold by a charge.
    pub fn settle(&self, account: &Arc<str>, bound: NanoUsd, charge: NanoUsd) {
        let mut accounts = self.accounts.lock();
        let counts = accounts.entry(Arc::clone(account)).or_default();
        counts.held = counts.held.saturating_sub(bound);
        counts.spent = counts.spent.saturating_add(charge);
        counts.running = counts.running.saturating_sub(1);
    }

    /// The counts of an account.
    pub fn of(&self, account: &str) -> Counts {
        self.accounts.lock().get(account).copied().unwrap_or_default()
    }
}
