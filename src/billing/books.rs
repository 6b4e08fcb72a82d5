//! The books of a running process: what is in memory, built from the ledger at the start, and the
//! changes that go to both.
//!
//! Built before anybody is admitted: the journal is in the database by then, the holds that a
//! process left when it died are settled, and counters are the sums of what the tables say.

use super::customers::Customers;
use super::drain::{Drain, DrainError};
use super::ledger::Ledger;
use crate::clock::{Clock, Month};
use crate::counters::{Amounts, Counters};
use crate::money::NanoUsd;
use crate::store::accounts::Plan;
use crate::store::wallets::{self, Change, Kind, Owner};
use crate::store::{Store, StoreError, accounts, events, holds};
use crate::wire::event::{Entry, UsageEvent};
use std::sync::Arc;

/// Holds settled in one transaction.
const BATCH: u64 = 500;
/// What Pro costs a month.
const PRO_FEE: NanoUsd = NanoUsd(99_000_000_000);

/// The ledger and what it is kept in.
pub struct Books {
    pub(super) store: Arc<Store>,
    pub(super) drain: Arc<Drain>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Clock,
}

/// Why a change of the books failed; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Drain(#[from] DrainError),
}

impl Books {
    /// Opens the books.
    ///
    /// # Errors
    /// [`BooksError`]: nobody may be admitted.
    pub async fn open(store: Arc<Store>, drain: Arc<Drain>, clock: Clock) -> Result<Self, BooksError> {
        settle_the_dead(&store, &drain).await?;
        let journal = Arc::clone(drain.journal());
        let customers = Customers::load(&store, journal, clock.clone()).await?;
        let counters = Arc::new(Counters::default());
        rebuild(&store, &counters, clock.now().month()).await?;
        let ledger = Arc::new(Ledger::new(counters, customers, clock.clone()));
        let books = Self { store, drain, ledger, clock };
        books.charge_fees().await?;
        Ok(books)
    }

    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Settles holds whose calls have given no sign of life: by what their journal entry says where
    /// the call went out, for nothing where it never did. Says how many were charged.
    ///
    /// # Errors
    /// [`BooksError`]; what is not settled stays held.
    pub async fn settle_abandoned(&self) -> Result<usize, BooksError> {
        let abandoned = self.ledger.counters().abandoned(self.clock.now());
        if abandoned.is_empty() {
            return Ok(0);
        }
        self.drain.flush().await?;
        let mut charged = 0;
        for hold in abandoned {
            let event = holds::find(&self.store, &hold.id).await?;
            let amounts = event.as_ref().map_or_else(Amounts::default, |event| Amounts {
                cost: event.cost,
                debit: event.customer_debit.unwrap_or_default(),
            });
            if self.ledger.counters().settle_abandoned(&hold, amounts)
                && let Some(event) = event
            {
                tell(&event);
                charged += 1;
                self.drain.record(vec![Entry::Usage(Box::new(event))]).await?;
            }
        }
        Ok(charged)
    }

    /// Debits the monthly fee of accounts whose plan has one, once a month whatever is asked how
    /// often.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn charge_fees(&self) -> Result<(), BooksError> {
        let mut after: Option<String> = None;
        loop {
            let page = accounts::list(&self.store, after.as_deref(), 1000).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for account in page.iter().filter(|account| account.plan == Plan::Pro) {
                self.charge_fee(&account.id).await?;
            }
        }
    }

    /// Debits this month's fee of Pro from an account's wallet, unless it was debited already.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn charge_fee(&self, account: &str) -> Result<(), BooksError> {
        let month = self.clock.now().month();
        let amount = NanoUsd::ZERO.saturating_sub(PRO_FEE);
        let change = Change {
            // One id a month: the table takes it once.
            id: format!("{}_fee_{account}_{month}", wallets::ACCOUNTS),
            kind: Kind::Fee,
            amount,
            note: Some(format!("Pro, {month}")),
            created: self.clock.now(),
        };
        if wallets::add(&self.store, Owner { account, customer: None }, &change, true).await? {
            self.ledger.counters().add_to_wallet(&account.into(), None, amount);
        }
        Ok(())
    }
}

/// Settles what an earlier process held when it died: each call is charged what was held for it,
/// which is the most that its provider can have billed, and its event says `abandoned`.
async fn settle_the_dead(store: &Store, drain: &Drain) -> Result<(), BooksError> {
    loop {
        let dead = holds::first(store, BATCH).await?;
        if dead.is_empty() {
            return Ok(());
        }
        dead.iter().for_each(tell);
        drain.record(dead.into_iter().map(|event| Entry::Usage(Box::new(event))).collect()).await?;
    }
}

fn tell(event: &UsageEvent) {
    tracing::warn!(
        event_id = event.id,
        request_id = event.request_id,
        cost = %event.cost,
        "a call was lost while it ran; it is charged what was held for it"
    );
}

/// Builds counters from the ledger.
async fn rebuild(store: &Store, counters: &Counters, month: Month) -> Result<(), StoreError> {
    for wallet in wallets::all(store).await? {
        let account: Arc<str> = wallet.account_id.into();
        match wallet.customer_id {
            Some(customer) if wallet.open => {
                counters.add_to_wallet(&account, Some(&customer.into()), wallet.balance);
            }
            Some(customer) => counters.set_closed_wallet(&account, &customer.into(), wallet.balance),
            None => {
                counters.add_to_wallet(&account, None, wallet.balance);
            }
        }
    }
    let mut own: std::collections::HashMap<Arc<str>, NanoUsd> = std::collections::HashMap::new();
    for (account, customer, spent) in events::spent_since(store, month.start()).await? {
        let account: Arc<str> = account.into();
        if let Some(customer) = customer {
            counters.set_spent(&account, Some(&customer.into()), month, spent);
        }
        let sum = own.entry(account).or_default();
        *sum = sum.saturating_add(spent);
    }
    for (account, spent) in own {
        counters.set_spent(&account, None, month, spent);
    }
    Ok(())
}
