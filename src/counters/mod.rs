//! What is held and spent: the caps of accounts and their customers.
//!
//! A *hold* is a record of its own, with an id and an expiry: the most that a running call may
//! still cost. Admission looks at all four caps of a call and holds against all of them in one
//! step ([`Counters::hold`]); settling deletes the record and puts the charge in its place.
//! Concurrent calls therefore cannot pass together what they could not pass one after another.
//!
//! One process serves one database, so that counters in its memory are exact. [`Counters`] is an
//! enum, so that a backend that several processes share can stand beside [`memory`].

pub mod memory;
pub mod rates;
#[cfg(test)]
mod tests;
pub mod throttle;

use crate::clock::{Month, Timestamp};
use crate::money::NanoUsd;
use memory::Memory;
use std::sync::Arc;
use std::time::Duration;

/// The four limits that may stand in a call's way, in the order in which a refusal names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cap {
    /// The customer's monthly budget; counts what the account pays.
    CustomerBudget,
    /// The customer's prepaid wallet; debited what the account charges its customer.
    CustomerWallet,
    /// The account's monthly budget.
    AccountBudget,
    /// The account's wallet, where it pays in advance.
    AccountWallet,
}

/// What a cap leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The limit less what is spent; holds are not in it.
    pub settled: NanoUsd,
    /// Less what is held too: what a new call may still hold.
    pub free: NanoUsd,
}

/// What the caps of one call leave; `None` where no such cap applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    pub customer_budget: Option<Left>,
    pub customer_wallet: Option<Left>,
    pub account_budget: Option<Left>,
    pub account_wallet: Option<Left>,
}

impl Room {
    /// The caps that apply, in order.
    pub fn caps(&self) -> impl Iterator<Item = (Cap, Left)> {
        [
            (Cap::CustomerBudget, self.customer_budget),
            (Cap::CustomerWallet, self.customer_wallet),
            (Cap::AccountBudget, self.account_budget),
            (Cap::AccountWallet, self.account_wallet),
        ]
        .into_iter()
        .filter_map(|(cap, left)| Some((cap, left?)))
    }
}

/// What a call takes: held before it, charged after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// What the account pays; counts against both budgets and the account's wallet.
    pub cost: NanoUsd,
    /// What the customer's wallet is debited, if it has one.
    pub debit: NanoUsd,
}

impl Amounts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { cost: self.cost.saturating_add(other.cost), debit: self.debit.saturating_add(other.debit) }
    }
}

/// Who calls, and what limits are set; wallets are the counters' own.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The id of the hold to be made.
    pub id: Arc<str>,
    pub account: Arc<str>,
    /// The customer's own id, `cus_…`.
    pub customer: Option<Arc<str>>,
    pub customer_budget: Option<NanoUsd>,
    pub account_budget: Option<NanoUsd>,
    /// Whether the account pays in advance, out of its wallet.
    pub prepaid: bool,
    /// When the call is admitted; its month is the one it counts in.
    pub now: Timestamp,
}

/// How long a hold stands without being renewed. No part of a call takes longer without a sign of
/// life: its owner renews it while it waits, and idle connections are closed long before.
pub const LEASE: Duration = Duration::from_secs(300);

/// What is held for a running call. It is released exactly once: settled for a charge, or for
/// nothing when it is dropped.
#[derive(Debug)]
pub struct Hold {
    counters: Arc<Counters>,
    account: Arc<str>,
    id: Arc<str>,
    /// Whether a wallet of the customer is debited.
    pub customer_wallet: bool,
    /// Whether the account's wallet is debited.
    pub account_wallet: bool,
    /// The month it counts in.
    pub month: Month,
    settled: bool,
}

/// Balances after a settlement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The customer's wallet, where it was debited.
    pub customer_wallet: Option<NanoUsd>,
}

/// A hold that was not renewed: its owner is gone without a word. It counts until it is settled
/// by rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abandoned {
    pub account: Arc<str>,
    pub id: Arc<str>,
}

/// What is known of a customer or an account now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Charges of calls admitted this month.
    pub spent: NanoUsd,
    /// Upper bounds of this month's calls that run.
    pub held: NanoUsd,
    /// The wallet's balance; `None` where a customer has none.
    pub wallet: Option<NanoUsd>,
    /// Calls that run, whenever they were admitted.
    pub running: u64,
}

/// What is held and spent. See the module.
#[derive(Debug)]
pub enum Counters {
    /// Exact for one process on one database.
    Memory(Memory),
}

impl Default for Counters {
    fn default() -> Self {
        Self::Memory(Memory::default())
    }
}

impl Counters {
    /// Looks at every cap of a call and holds what `decide` makes of the room they leave, in one
    /// step. What it decides must fit; [`Memory`] checks it again.
    ///
    /// # Errors
    /// What `decide` refuses with; nothing is held then.
    pub fn hold<T, E>(
        self: &Arc<Self>,
        ask: &Ask,
        decide: impl FnOnce(&Room) -> Result<(Amounts, T), E>,
    ) -> Result<(Hold, T), E> {
        let Self::Memory(memory) = &**self;
        let (opened, decided) = memory.hold(ask, decide)?;
        let hold = Hold {
            counters: Arc::clone(self),
            account: Arc::clone(&ask.account),
            id: Arc::clone(&ask.id),
            customer_wallet: opened.customer_wallet,
            account_wallet: ask.prepaid,
            month: opened.month,
            settled: false,
        };
        Ok((hold, decided))
    }

    /// Holds that have expired; they keep counting until [`Counters::settle_abandoned`].
    pub fn abandoned(&self, now: Timestamp) -> Vec<Abandoned> {
        let Self::Memory(memory) = self;
        memory.abandoned(now)
    }

    /// Charges an abandoned hold `whole`: what its call comes to, earlier attempts included. `false`:
    /// it is settled already.
    pub fn settle_abandoned(&self, hold: &Abandoned, whole: Amounts) -> bool {
        let Self::Memory(memory) = self;
        memory.settle_whole(&hold.account, &hold.id, whole).is_some()
    }

    /// Adds to a wallet, or takes from it; makes the customer's if it has none. `None` for the
    /// customer means the account's own. Returns the balance.
    pub fn add_to_wallet(&self, account: &Arc<str>, customer: Option<&Arc<str>>, amount: NanoUsd) -> NanoUsd {
        let Self::Memory(memory) = self;
        memory.add_to_wallet(account, customer, amount)
    }

    /// Closes a customer's wallet: it is no cap any more, and what was in it is taken out and
    /// returned; `None` where there is no wallet. Calls that were admitted against it are debited
    /// all the same, which a later top-up makes good.
    pub fn close_wallet(&self, account: &str, customer: &str) -> Option<NanoUsd> {
        let Self::Memory(memory) = self;
        memory.close_wallet(account, customer)
    }

    /// Sets the balance of a wallet that is closed: for building counters anew.
    pub fn set_closed_wallet(&self, account: &Arc<str>, customer: &Arc<str>, balance: NanoUsd) {
        let Self::Memory(memory) = self;
        memory.set_closed_wallet(account, customer, balance);
    }

    /// Sets what the ledger says has been spent in `month`: for building counters anew.
    pub fn set_spent(&self, account: &Arc<str>, customer: Option<&Arc<str>>, month: Month, spent: NanoUsd) {
        let Self::Memory(memory) = self;
        memory.set_spent(account, customer, month, spent);
    }

    /// The counts of an account, or of one of its customers, in `month`.
    pub fn of(&self, account: &str, customer: Option<&str>, month: Month) -> Counts {
        let Self::Memory(memory) = self;
        memory.of(account, customer, month)
    }

    /// Nothing names the customer any more; its running calls go on under the account alone.
    pub fn forget(&self, account: &str, customer: &str) {
        let Self::Memory(memory) = self;
        memory.forget(account, customer);
    }
}

impl Hold {
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// What the customer's wallet has, where it is debited for this call.
    pub fn customer_balance(&self, customer: &str) -> Option<NanoUsd> {
        self.customer_wallet.then(|| self.counters.of(&self.account, Some(customer), self.month).wallet).flatten()
    }

    /// Another [`LEASE`] from `now` on.
    pub fn renew(&self, now: Timestamp) {
        let Counters::Memory(memory) = &*self.counters;
        memory.renew(&self.account, &self.id, now);
    }

    /// Replaces the hold by the charge. A hold that expired meanwhile is settled already, and
    /// stays as it was settled.
    pub fn settle(mut self, charge: Amounts) -> Settled {
        self.settled = true;
        let Counters::Memory(memory) = &*self.counters;
        memory.settle(&self.account, &self.id, charge).unwrap_or_default()
    }

    /// Ends one attempt and holds for the next, in one step: `charge` is spent, and what `decide`
    /// makes of the room left is held, or where it refuses `kept`, which the call still comes to.
    /// Attempts are held one by one, in the month of the first; what they charged adds up. `None`:
    /// the hold expired meanwhile and is settled, so that nothing can follow under its id.
    ///
    /// # Errors
    /// What `decide` refuses with; the charge is spent all the same.
    pub fn next_attempt<T, E>(
        &mut self,
        ask: &Ask,
        charge: Amounts,
        kept: Amounts,
        decide: impl FnOnce(&Room) -> Result<(Amounts, T), E>,
    ) -> Result<Option<T>, E> {
        let Counters::Memory(memory) = &*self.counters;
        memory.next_attempt(ask, charge, kept, decide)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.settled {
            let Counters::Memory(memory) = &*self.counters;
            memory.settle(&self.account, &self.id, Amounts::default());
        }
    }
}
