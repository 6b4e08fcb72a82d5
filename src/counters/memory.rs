//! Counters in the process's memory.
//!
//! Each account has a lock of its own, under which everything of it is read and changed: the
//! account, its customers and their holds. So a step is atomic over all four caps, and accounts
//! do not wait for each other.

use super::{Abandoned, Amounts, Ask, Counts, LEASE, Left, Room, Settled};
use crate::clock::{Month, Timestamp};
use crate::money::NanoUsd;
use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;

/// By ids that are made here and that no caller chooses: they need no hash that is hard to collide.
type ById<T> = HashMap<Arc<str>, T, RandomState>;

/// Counts of every account.
#[derive(Debug, Default)]
pub struct Memory {
    accounts: RwLock<ById<Arc<Mutex<Account>>>>,
}

#[derive(Debug, Default)]
struct Account {
    own: Party,
    wallet: Purse,
    customers: ById<Customer>,
    holds: ById<Record>,
}

#[derive(Debug, Default)]
struct Customer {
    party: Party,
    wallet: Purse,
    /// Whether the wallet is a cap. A wallet that was closed is none, but calls that were
    /// admitted against it are still debited.
    has_wallet: bool,
}

/// What counts against a monthly budget: of this month, and of the one before it, whose last calls
/// may still run and take further attempts.
#[derive(Clone, Copy, Debug, Default)]
struct Party {
    now: Tally,
    before: Tally,
    running: u64,
}

/// One month's counts.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    month: Month,
    spent: NanoUsd,
    held: NanoUsd,
}

/// A wallet.
#[derive(Clone, Copy, Debug, Default)]
struct Purse {
    balance: NanoUsd,
    held: NanoUsd,
}

/// One hold.
#[derive(Debug)]
struct Record {
    customer: Option<Arc<str>>,
    month: Month,
    /// For the attempt that runs.
    amounts: Amounts,
    /// What attempts before it were charged; it is spent already.
    charged: Amounts,
    customer_wallet: bool,
    account_wallet: bool,
    expires: Timestamp,
}

/// What a hold was made against.
pub(super) struct Opened {
    pub customer_wallet: bool,
    pub month: Month,
}

impl Party {
    /// Moves on to `month`; never back, whatever a clock does.
    fn in_month(&mut self, month: Month) {
        if month > self.now.month {
            self.before = self.now;
            self.now = Tally { month, ..Tally::default() };
        }
    }

    /// The counts of `month`, where they are still known.
    fn of(&mut self, month: Month) -> Option<&mut Tally> {
        [&mut self.now, &mut self.before].into_iter().find(|tally| tally.month == month)
    }

    /// What `limit` leaves in `month`: nothing in one that is long over.
    fn left(&mut self, month: Month, limit: NanoUsd) -> Left {
        let Some(tally) = self.of(month) else {
            return Left { settled: NanoUsd::ZERO, free: NanoUsd::ZERO };
        };
        let settled = limit.saturating_sub(tally.spent);
        Left { settled, free: settled.saturating_sub(tally.held) }
    }

    fn hold(&mut self, month: Month, cost: NanoUsd) {
        if let Some(tally) = self.of(month) {
            tally.held = tally.held.saturating_add(cost);
        }
        self.running += 1;
    }

    fn settle(&mut self, month: Month, held: NanoUsd, charge: NanoUsd) {
        if let Some(tally) = self.of(month) {
            tally.held = tally.held.saturating_sub(held);
            tally.spent = tally.spent.saturating_add(charge);
        }
        self.running = self.running.saturating_sub(1);
    }
}

impl Purse {
    fn left(&self) -> Left {
        Left { settled: self.balance, free: self.balance.saturating_sub(self.held) }
    }

    fn settle(&mut self, held: NanoUsd, charge: NanoUsd) -> NanoUsd {
        self.held = self.held.saturating_sub(held);
        self.balance = self.balance.saturating_sub(charge);
        self.balance
    }
}

impl Account {
    /// The month that a call of `now` counts in: that of the latest call, whatever a clock does.
    fn month(&mut self, now: Timestamp) -> Month {
        self.own.in_month(now.month());
        self.own.now.month
    }

    /// What the caps leave in `month`.
    fn room(&mut self, ask: &Ask, month: Month) -> Room {
        let mut room = Room {
            account_budget: ask.account_budget.map(|limit| self.own.left(month, limit)),
            account_wallet: ask.prepaid.then(|| self.wallet.left()),
            ..Room::default()
        };
        let now = self.own.now.month;
        if let Some(id) = &ask.customer {
            let customer = self.customer(id);
            customer.party.in_month(now);
            room.customer_budget = ask.customer_budget.map(|limit| customer.party.left(month, limit));
            room.customer_wallet = customer.has_wallet.then(|| customer.wallet.left());
        }
        room
    }

    fn customer(&mut self, id: &Arc<str>) -> &mut Customer {
        self.customers.entry(Arc::clone(id)).or_default()
    }

    /// The record of a first attempt.
    fn first(&mut self, ask: &Ask, month: Month, amounts: Amounts) -> Record {
        let customer_wallet = ask.customer.as_ref().is_some_and(|id| self.customer(id).has_wallet);
        Record {
            customer: ask.customer.clone(),
            month,
            amounts,
            charged: Amounts::default(),
            customer_wallet,
            account_wallet: ask.prepaid,
            expires: ask.now.after(LEASE),
        }
    }

    fn open(&mut self, id: &Arc<str>, record: Record) -> Opened {
        let Record { month, amounts, customer_wallet, .. } = record;
        self.own.hold(month, amounts.cost);
        if record.account_wallet {
            self.wallet.held = self.wallet.held.saturating_add(amounts.cost);
        }
        if let Some(id) = &record.customer {
            let customer = self.customer(id);
            customer.party.hold(month, amounts.cost);
            if customer_wallet {
                customer.wallet.held = customer.wallet.held.saturating_add(amounts.debit);
            }
        }
        self.holds.insert(Arc::clone(id), record);
        Opened { customer_wallet, month }
    }

    fn settle(&mut self, id: &str, charge: Amounts) -> Option<Settled> {
        let record = self.holds.remove(id)?;
        self.own.settle(record.month, record.amounts.cost, charge.cost);
        if record.account_wallet {
            self.wallet.settle(record.amounts.cost, charge.cost);
        }
        let mut settled = Settled::default();
        if let Some(customer) = record.customer.and_then(|id| self.customers.get_mut(&id)) {
            customer.party.settle(record.month, record.amounts.cost, charge.cost);
            if record.customer_wallet {
                settled.customer_wallet = Some(customer.wallet.settle(record.amounts.debit, charge.debit));
            }
        }
        Some(settled)
    }
}

/// Whether amounts fit into the room: a last line of defence behind what decides them.
fn fits(room: &Room, amounts: Amounts) -> bool {
    room.caps().all(|(cap, left)| {
        let amount = if cap == super::Cap::CustomerWallet { amounts.debit } else { amounts.cost };
        amount <= left.free
    })
}

impl Memory {
    fn account(&self, id: &Arc<str>) -> Arc<Mutex<Account>> {
        if let Some(account) = self.accounts.read().get(id) {
            return Arc::clone(account);
        }
        Arc::clone(self.accounts.write().entry(Arc::clone(id)).or_default())
    }

    fn known(&self, id: &str) -> Option<Arc<Mutex<Account>>> {
        self.accounts.read().get(id).cloned()
    }

    pub(super) fn hold<T, E>(
        &self,
        ask: &Ask,
        decide: impl FnOnce(&Room) -> Result<(Amounts, T), E>,
    ) -> Result<(Opened, T), E> {
        let account = self.account(&ask.account);
        let mut account = account.lock();
        let month = account.month(ask.now);
        let room = account.room(ask, month);
        let (amounts, decided) = decide(&room)?;
        debug_assert!(fits(&room, amounts), "{amounts:?} was decided to fit into {room:?}");
        let record = account.first(ask, month, amounts);
        Ok((account.open(&ask.id, record), decided))
    }

    pub(super) fn next_attempt<T, E>(
        &self,
        ask: &Ask,
        charge: Amounts,
        kept: Amounts,
        decide: impl FnOnce(&Room) -> Result<(Amounts, T), E>,
    ) -> Result<Option<T>, E> {
        let account = self.account(&ask.account);
        let mut account = account.lock();
        let Some(record) = account.holds.get(&ask.id) else {
            return Ok(None);
        };
        // The call stays what it was at its first attempt: its month, the wallets it is debited to,
        // and nobody's where its customer was forgotten meanwhile.
        let next = Record {
            customer: record.customer.clone(),
            charged: record.charged.plus(charge),
            expires: ask.now.after(LEASE),
            ..*record
        };
        let ask = &Ask { customer: next.customer.clone(), ..ask.clone() };
        account.settle(&ask.id, charge);
        account.month(ask.now);
        let room = account.room(ask, next.month);
        let decided = decide(&room);
        // Without room for another attempt the call stands with what it comes to in any case: it is
        // settled yet, and others can't take that meanwhile.
        let amounts = decided.as_ref().map_or(kept, |(amounts, _)| *amounts);
        debug_assert!(fits(&room, amounts) || decided.is_err(), "{amounts:?} was decided to fit into {room:?}");
        account.open(&ask.id, Record { amounts, ..next });
        decided.map(|(_, decided)| Some(decided))
    }

    pub(super) fn settle(&self, account: &str, id: &str, charge: Amounts) -> Option<Settled> {
        self.known(account)?.lock().settle(id, charge)
    }

    /// Settles a call for what all its attempts come to.
    pub(super) fn settle_whole(&self, account: &str, id: &str, whole: Amounts) -> Option<Settled> {
        let account = self.known(account)?;
        let mut account = account.lock();
        let charged = account.holds.get(id)?.charged;
        let cost = whole.cost.saturating_sub(charged.cost);
        let debit = whole.debit.saturating_sub(charged.debit);
        account.settle(id, Amounts { cost, debit })
    }

    pub(super) fn renew(&self, account: &str, id: &str, now: Timestamp) {
        if let Some(account) = self.known(account)
            && let Some(record) = account.lock().holds.get_mut(id)
        {
            record.expires = record.expires.max(now.after(LEASE));
        }
    }

    pub(super) fn abandoned(&self, now: Timestamp) -> Vec<Abandoned> {
        let accounts: Vec<_> =
            self.accounts.read().iter().map(|(id, account)| (Arc::clone(id), Arc::clone(account))).collect();
        let mut abandoned = Vec::new();
        for (account, cell) in accounts {
            let cell = cell.lock();
            let expired = cell.holds.iter().filter(|(_, record)| record.expires <= now);
            abandoned.extend(expired.map(|(id, _)| Abandoned { account: Arc::clone(&account), id: Arc::clone(id) }));
        }
        abandoned
    }

    pub(super) fn add_to_wallet(&self, account: &Arc<str>, customer: Option<&Arc<str>>, amount: NanoUsd) -> NanoUsd {
        let account = self.account(account);
        let mut account = account.lock();
        let purse = match customer {
            None => &mut account.wallet,
            Some(id) => {
                let customer = account.customer(id);
                customer.has_wallet = true;
                &mut customer.wallet
            }
        };
        purse.balance = purse.balance.saturating_add(amount);
        purse.balance
    }

    pub(super) fn close_wallet(&self, account: &str, customer: &str) -> Option<NanoUsd> {
        let account = self.known(account)?;
        let mut account = account.lock();
        let customer = account.customers.get_mut(customer).filter(|customer| customer.has_wallet)?;
        customer.has_wallet = false;
        let taken = customer.wallet.balance.max(NanoUsd::ZERO);
        customer.wallet.balance = customer.wallet.balance.saturating_sub(taken);
        Some(taken)
    }

    pub(super) fn set_closed_wallet(&self, account: &Arc<str>, customer: &Arc<str>, balance: NanoUsd) {
        let account = self.account(account);
        account.lock().customer(customer).wallet.balance = balance;
    }

    pub(super) fn set_spent(&self, account: &Arc<str>, customer: Option<&Arc<str>>, month: Month, spent: NanoUsd) {
        let account = self.account(account);
        let mut account = account.lock();
        let party = match customer {
            None => &mut account.own,
            Some(id) => &mut account.customer(id).party,
        };
        party.in_month(month);
        party.now.spent = spent;
    }

    pub(super) fn of(&self, account: &str, customer: Option<&str>, month: Month) -> Counts {
        let Some(account) = self.known(account) else {
            return Counts::default();
        };
        let account = account.lock();
        let (mut party, wallet) = match customer {
            None => (account.own, Some(account.wallet)),
            Some(id) => match account.customers.get(id) {
                Some(customer) => (customer.party, customer.has_wallet.then_some(customer.wallet)),
                None => return Counts::default(),
            },
        };
        party.in_month(month);
        Counts {
            spent: party.now.spent,
            held: party.now.held,
            wallet: wallet.map(|wallet| wallet.balance),
            running: party.running,
        }
    }

    pub(super) fn forget(&self, account: &str, customer: &str) {
        if let Some(account) = self.known(account) {
            let mut account = account.lock();
            account.customers.remove(customer);
            for record in account.holds.values_mut().filter(|record| record.customer.as_deref() == Some(customer)) {
                record.customer = None;
                record.customer_wallet = false;
            }
        }
    }
}
