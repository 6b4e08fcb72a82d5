//! Holds and their settlement.
//!
//! [`Ledger::admit`] is the only way to a [`Permit`], and without one nothing is sent.

use super::customers::{Customer, CustomerError, Customers};
use super::grant::{Denied, Grant, Short, Wish, grant};
use crate::clock::{Clock, Month, Timestamp};
use crate::counters::{Amounts, Ask, Counters, Hold, Settled};
use crate::money::NanoUsd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who pays for a call.
#[derive(Clone, Debug)]
pub struct Payer {
    pub account: Arc<str>,
    /// What the account may spend a month.
    pub monthly_budget: Option<NanoUsd>,
    /// What a customer without a budget of its own may spend a month.
    pub default_customer_budget: Option<NanoUsd>,
    /// Whether the account pays in advance, out of its wallet.
    pub prepaid: bool,
}

/// Why a call is not admitted.
#[derive(Debug)]
pub enum Refusal {
    /// A cap has no room for it.
    Short { short: Short, customer: Option<Arc<str>>, month: Month },
    /// A cap applies, and nobody can say what the call may cost.
    Unbounded,
    /// The customer is archived.
    Archived(Arc<str>),
    /// There is no such customer, and none can be made.
    Customer(CustomerError),
    /// This process may not serve the database any more.
    Halted,
    /// The call gave no sign of life for so long that it was settled by rule.
    Lapsed,
}

impl Refusal {
    /// What a cap's refusal means to a customer in a month.
    pub fn of(denied: Denied, customer: Option<Arc<str>>, month: Month) -> Self {
        match denied {
            Denied::Short(short) => Refusal::Short { short, customer, month },
            Denied::Unbounded => Refusal::Unbounded,
        }
    }
}

/// Admits calls.
pub struct Ledger {
    counters: Arc<Counters>,
    customers: Customers,
    clock: Clock,
    /// Another process may be serving: nobody is admitted.
    halted: AtomicBool,
}

/// What is held for a running call. It is released exactly once: when it is settled, or when it is
/// dropped without (then for nothing).
#[derive(Debug)]
pub struct Permit {
    hold: Hold,
    ask: Ask,
    amounts: Amounts,
    grant: Grant,
    clock: Clock,
    admitted: Timestamp,
    renewed: Timestamp,
    /// What earlier attempts of the call were charged.
    charged: Amounts,
}

/// What a settlement changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What the customer's wallet was debited, where it had one.
    pub customer_debit: Option<NanoUsd>,
    /// What it has left.
    pub customer_balance: Option<NanoUsd>,
    /// What the account's wallet was debited, where it pays in advance.
    pub account_debit: Option<NanoUsd>,
}

/// How often a hold is renewed while its call shows signs of life, in milliseconds.
const RENEWAL: i64 = 30_000;

impl Ledger {
    pub fn new(counters: Arc<Counters>, customers: Customers, clock: Clock) -> Self {
        Self { counters, customers, clock, halted: AtomicBool::new(false) }
    }

    /// The customer that a call names, made on first sight.
    ///
    /// # Errors
    /// [`Refusal::Customer`].
    pub fn customer(&self, payer: &Payer, named: &str) -> Result<Arc<Customer>, Refusal> {
        if self.is_halted() {
            return Err(Refusal::Halted);
        }
        self.customers.seen(&payer.account, named).map_err(Refusal::Customer)
    }

    /// Holds the most that a call may cost against every cap that applies to it, in one step. `id`
    /// is the id of the hold and of the usage event that will settle it.
    ///
    /// # Errors
    /// [`Refusal`]; nothing is held then.
    pub fn admit(
        &self,
        id: &Arc<str>,
        payer: &Payer,
        customer: Option<&Customer>,
        wish: &Wish<'_>,
    ) -> Result<Permit, Refusal> {
        if self.is_halted() {
            return Err(Refusal::Halted);
        }
        // Held until the hold is made: a purge that begins meanwhile finds it.
        let named = customer.map(|customer| (customer, customer.named()));
        let mut budget = None;
        if let Some((customer, named)) = &named {
            if !named.may_be_named() {
                return Err(Refusal::Customer(CustomerError::Purged));
            }
            if named.is_archived() {
                return Err(Refusal::Archived(Arc::clone(&customer.external_id)));
            }
            budget = named.budget(payer.default_customer_budget);
        }
        let now = self.clock.now();
        let ask = Ask {
            id: Arc::clone(id),
            account: Arc::clone(&payer.account),
            customer: customer.map(|customer| Arc::clone(&customer.id)),
            customer_budget: budget,
            account_budget: payer.monthly_budget,
            prepaid: payer.prepaid,
            now,
        };
        let decide = |room: &_| grant(wish, room).map(|(amounts, granted)| (amounts, (amounts, granted)));
        let (hold, (amounts, granted)) = self.counters.hold(&ask, decide).map_err(|denied| {
            Refusal::of(denied, customer.map(|customer| Arc::clone(&customer.external_id)), now.month())
        })?;
        let clock = self.clock.clone();
        // Another call may have begun the next month since the clock was read: the event says the
        // month that the counters count it in.
        let admitted = now.max(hold.month.start());
        Ok(Permit { hold, ask, amounts, grant: granted, clock, admitted, renewed: now, charged: Amounts::default() })
    }

    /// What is held and spent.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub fn customers(&self) -> &Customers {
        &self.customers
    }

    /// Stops admitting, or begins again.
    pub fn halt(&self, yes: bool) {
        self.halted.store(yes, Ordering::Release);
    }

    fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Acquire)
    }
}

impl Permit {
    /// What is held: for all attempts together, the most that the call may still come to.
    pub fn held(&self) -> Amounts {
        self.charged.plus(self.amounts)
    }

    pub fn grant(&self) -> Grant {
        self.grant
    }

    /// When the call was admitted: it counts in that month.
    pub fn admitted(&self) -> Timestamp {
        self.admitted
    }

    /// What the customer's wallet has now, where it is debited for this call.
    pub fn customer_balance(&self) -> Option<NanoUsd> {
        self.hold.customer_balance(self.ask.customer.as_deref()?)
    }

    /// Whether the customer's wallet will be debited.
    pub fn debits_customer(&self) -> bool {
        self.hold.customer_wallet
    }

    /// Whether the account's wallet will be debited.
    pub fn debits_account(&self) -> bool {
        self.hold.account_wallet
    }

    /// The call shows signs of life: its hold stands for another while.
    pub fn renew(&mut self) {
        let now = self.clock.now();
        if now.0 - self.renewed.0 >= RENEWAL {
            self.renewed = now;
            self.hold.renew(now);
        }
    }

    /// Ends one attempt, which was charged `cost`, and holds for the next, in one step. The
    /// customer's wallet is debited `debit` of it now, and the rest when the call is settled. `None`:
    /// the call gave no sign of life for so long that it was settled by rule.
    ///
    /// # Errors
    /// [`Denied`]: the next attempt has no room; what was charged stays.
    pub fn next_attempt(&mut self, cost: NanoUsd, debit: NanoUsd, wish: &Wish<'_>) -> Result<Option<Grant>, Denied> {
        let charge = Amounts { cost, debit };
        self.ask.now = self.clock.now();
        self.charged = self.charged.plus(charge);
        // What the caller bills is debited whether or not there is a next attempt.
        let kept = Amounts { cost: NanoUsd::ZERO, debit: wish.billable.unwrap_or_default() };
        self.amounts = kept;
        let decide = |room: &_| grant(wish, room).map(|(amounts, granted)| (amounts, (amounts, granted)));
        let Some((amounts, granted)) = self.hold.next_attempt(&self.ask, charge, kept, decide)? else {
            return Ok(None);
        };
        (self.amounts, self.grant) = (amounts, granted);
        Ok(Some(granted))
    }

    /// Replaces the hold by the charge of the whole call, of which `cost` counts against budgets
    /// and the account's wallet and `debit` is what the customer's wallet pays.
    pub fn settle(self, cost: NanoUsd, debit: NanoUsd) -> Receipt {
        let (customer, account) = (self.hold.customer_wallet, self.hold.account_wallet);
        let rest =
            Amounts { cost: cost.saturating_sub(self.charged.cost), debit: debit.saturating_sub(self.charged.debit) };
        let Settled { customer_wallet } = self.hold.settle(rest);
        Receipt {
            customer_debit: customer.then_some(debit),
            customer_balance: customer_wallet,
            account_debit: account.then_some(cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::testing::{entry, payer, priced, wish};
    use crate::billing::{Books, Drain};
    use crate::store::Store;
    use std::time::Duration;

    async fn books(folder: &std::path::Path, clock: Clock) -> Books {
        let url = format!("sqlite://{}", folder.join("a.db").display());
        let store = Arc::new(Store::open(&url, Duration::ZERO).await.unwrap());
        let drain = Arc::new(Drain::start(Arc::clone(&store), &folder.join("journal")).await.unwrap());
        Books::open(store, drain, clock).await.unwrap()
    }

    /// A call that takes several attempts never has more of its customer's wallet than there is.
    #[tokio::test]
    async fn the_wallet_pays_each_attempt_as_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let books = books(folder.path(), Clock::of_machine()).await;
        let (ledger, payer) = (books.ledger(), payer());
        let customer = ledger.customer(&payer, "cus_42").unwrap();
        ledger.counters().add_to_wallet(&payer.account, Some(&customer.id), NanoUsd(1_000_000_000));
        // 1,000 output tokens are 1 USD: all that there is is held.
        let entry = entry(priced("{ input: 0, output: 1000 }"));
        let wish = wish(&entry, 1000);
        let mut permit = ledger.admit(&"use_1".into(), &payer, Some(&customer), &wish).unwrap();
        assert_eq!(permit.held().debit, NanoUsd(1_000_000_000));
        let (cost, wallet) = (NanoUsd(400_000_000), NanoUsd(600_000_000));
        let second = permit.next_attempt(cost, cost, &wish).unwrap().unwrap();
        assert_eq!((second.limit, second.lowered), (Some(600), true), "what is left of the wallet");
        assert_eq!(permit.held().debit, NanoUsd(1_000_000_000), "a crash bills both attempts");
        assert!(permit.next_attempt(wallet, wallet, &wish).is_err(), "nothing is left");
        let receipt = permit.settle(NanoUsd(1_000_000_000), NanoUsd(1_000_000_000));
        assert_eq!(receipt.customer_debit, Some(NanoUsd(1_000_000_000)));
        assert_eq!(receipt.customer_balance, Some(NanoUsd::ZERO));
    }
    /// The clock is read before the counters are locked: a call that loses the race over the
    /// month's edge counts in the new month, and its event says so.
    #[tokio::test]
    async fn an_event_says_the_month_in_which_the_counters_count_it() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::movable();
        let books = books(folder.path(), clock.clone()).await;
        let (ledger, payer) = (books.ledger(), payer());
        let entry = entry(priced("{ input: 0, output: 1000 }"));
        let early = ledger.admit(&"use_1".into(), &payer, None, &wish(&entry, 1000)).unwrap();
        assert_eq!(early.admitted().month(), clock.now().month());
        let next = clock.now().month().next();
        ledger.counters().set_spent(&payer.account, None, next, NanoUsd::ZERO);
        let late = ledger.admit(&"use_2".into(), &payer, None, &wish(&entry, 1000)).unwrap();
        assert_eq!(late.admitted(), next.start());
        assert_eq!(ledger.counters().of(&payer.account, None, next).held, late.held().cost);
    }
    /// A call whose next attempt has no room still owes its customer's wallet what it is billed for:
    /// no other call gets that in between.
    #[tokio::test]
    async fn what_a_refused_attempt_still_comes_to_stays_held() {
        let folder = tempfile::tempdir().unwrap();
        let books = books(folder.path(), Clock::of_machine()).await;
        let ledger = books.ledger();
        let payer = Payer { monthly_budget: Some(NanoUsd(1_000_000_000)), ..payer() };
        let customer = ledger.customer(&payer, "cus_42").unwrap();
        let billed = NanoUsd(700_000_000);
        ledger.counters().add_to_wallet(&payer.account, Some(&customer.id), billed);
        let entry = entry(priced("{ input: 0, output: 1000 }"));
        let wish = Wish { billable: Some(billed), ..wish(&entry, 1000) };
        let mut permit = ledger.admit(&"use_1".into(), &payer, Some(&customer), &wish).unwrap();
        let all = NanoUsd(1_000_000_000);
        assert!(permit.next_attempt(all, NanoUsd::ZERO, &wish).is_err(), "the account's budget is spent");
        assert_eq!(permit.held(), Amounts { cost: all, debit: billed });
        let unbounded = Payer { monthly_budget: None, ..payer };
        let other = ledger.admit(&"use_2".into(), &unbounded, Some(&customer), &wish);
        assert!(matches!(other, Err(Refusal::Short { short, .. }) if short.held_only), "{other:?}");
        assert_eq!(permit.settle(all, billed).customer_balance, Some(NanoUsd::ZERO));
    }
}
