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
use crate::store::{Store, StoreError, accounts, holds, rollups};
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
        event_id = event.id.as_str(),
        request_id = event.request_id.as_str(),
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
    // Of the sums and not of the events, of which a month may have millions.
    rollups::catch_up(store).await?;
    for (account, customer, spent) in rollups::spent(store, month.start()).await? {
        let customer = customer.map(Into::into);
        counters.set_spent(&account.into(), customer.as_ref(), month, spent);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::testing::{entry, event, payer, priced, wish};
    use crate::billing::{Customer, Permit};
    use crate::counters::Counts;
    use crate::store::events;
    use crate::wire::limits::Most;
    use std::path::Path;
    use std::time::Duration;

    const ACCOUNT: &str = "acct_1";
    const DOLLAR: NanoUsd = NanoUsd(1_000_000_000);

    async fn open(folder: &Path, clock: &Clock) -> Books {
        let url = format!("sqlite://{}", folder.join("a.db").display());
        let store = Arc::new(Store::open(&url, Duration::ZERO).await.unwrap());
        let drain = Arc::new(Drain::start(Arc::clone(&store), &folder.join("journal")).await.unwrap());
        Books::open(store, drain, clock.clone()).await.unwrap()
    }

    /// The account's row, which others refer to.
    async fn account(books: &Books, clock: &Clock, plan: Plan) {
        let account = accounts::Account {
            id: ACCOUNT.to_owned(),
            name: "Acme".to_owned(),
            email: None,
            plan,
            billing: accounts::Billing::Invoiced,
            markup_basis_points: 0,
            monthly_budget: None,
            default_customer_budget: None,
            most: Most::default(),
            created: clock.now(),
        };
        accounts::insert(&books.store, &account).await.unwrap();
    }

    /// The hold of what runs, as the gateway writes it.
    fn goes_out(books: &Books, permit: &Permit, id: &str, customer: &Customer) {
        let mut hold = event(id, ACCOUNT, permit.admitted());
        hold.customer = Some(Arc::clone(&customer.external_id).into());
        hold.customer_id = Some(Arc::clone(&customer.id).into());
        (hold.cost, hold.customer_debit) = (permit.held().cost, Some(permit.held().debit));
        hold.status = "abandoned".into();
        books.drain.journal().append_hold(hold).unwrap();
    }

    fn counts(books: &Books, customer: &Customer) -> Counts {
        books.ledger().counters().of(ACCOUNT, Some(&customer.id), books.clock.now().month())
    }

    #[tokio::test]
    async fn a_call_without_a_sign_of_life_is_settled_once_with_all_its_attempts() {
        let folder = tempfile::tempdir().unwrap();
        // Both attempts in one month, whatever the day is.
        let clock = Clock::movable();
        clock.advance(Duration::from_millis(clock.now().month().next().start().0.abs_diff(clock.now().0)));
        let books = open(folder.path(), &clock).await;
        account(&books, &clock, Plan::Enterprise).await;
        let ledger = books.ledger();
        let customer = ledger.customer(&payer(), "cus_42").unwrap();
        books.drain.flush().await.unwrap();
        books.change_wallet(&ACCOUNT.into(), &customer, Kind::Topup, DOLLAR, None).await.unwrap();
        let entry = entry(priced("{ input: 0, output: 1000 }"));
        let wish = wish(&entry, 400);
        let mut permit = ledger.admit(&"use_1".into(), &payer(), Some(&customer), &wish).unwrap();
        goes_out(&books, &permit, "use_1", &customer);
        let first = NanoUsd(100_000_000);
        assert!(permit.next_attempt(first, first, &wish).unwrap().is_some());
        goes_out(&books, &permit, "use_1", &customer);
        assert_eq!(permit.held().cost, NanoUsd(500_000_000), "100 charged, and 400 tokens");

        // A sign of life keeps it.
        clock.advance(Duration::from_secs(299));
        permit.renew();
        clock.advance(Duration::from_secs(299));
        assert_eq!(books.settle_abandoned().await.unwrap(), 0);
        clock.advance(Duration::from_secs(2));
        assert_eq!(books.settle_abandoned().await.unwrap(), 1);
        assert_eq!(books.settle_abandoned().await.unwrap(), 0, "once");
        let settled = counts(&books, &customer);
        assert_eq!((settled.spent, settled.held, settled.running), (NanoUsd(500_000_000), NanoUsd::ZERO, 0));
        assert_eq!(settled.wallet, Some(NanoUsd(500_000_000)));
        let recorded = events::find(&books.store, ACCOUNT, "use_1").await.unwrap().expect("its event");
        assert_eq!((recorded.status.as_str(), recorded.cost), ("abandoned", settled.spent));

        // Its owner was only slow: it takes no further attempt, and its end changes nothing.
        assert_eq!(permit.next_attempt(first, first, &wish).unwrap(), None);
        let late = NanoUsd(200_000_000);
        let ended = UsageEvent { cost: late, ..event("use_1", ACCOUNT, permit.admitted()) };
        books.drain.journal().append(ended).unwrap();
        permit.settle(late, late);
        books.drain.flush().await.unwrap();
        assert_eq!(counts(&books, &customer), settled);
        assert_eq!(events::find(&books.store, ACCOUNT, "use_1").await.unwrap(), Some(recorded));

        // And what is built anew from the tables is the same.
        drop(books);
        assert_eq!(counts(&open(folder.path(), &clock).await, &customer), settled);
    }

    #[tokio::test]
    async fn a_call_that_never_went_out_is_given_up_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::movable();
        let books = open(folder.path(), &clock).await;
        account(&books, &clock, Plan::Enterprise).await;
        let customer = books.ledger().customer(&payer(), "cus_42").unwrap();
        let entry = entry(priced("{ input: 0, output: 1000 }"));
        let wish = wish(&entry, 400);
        let lost = books.ledger().admit(&"use_1".into(), &payer(), Some(&customer), &wish).unwrap();
        clock.advance(Duration::from_secs(301));
        assert_eq!(books.settle_abandoned().await.unwrap(), 0);
        assert_eq!(counts(&books, &customer), Counts::default());
        drop(lost);
    }
    #[tokio::test]
    async fn pro_is_charged_once_in_each_month() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::movable();
        let books = open(folder.path(), &clock).await;
        account(&books, &clock, Plan::Pro).await;
        let wallet = |books: &Books| books.ledger().counters().of(ACCOUNT, None, books.clock.now().month()).wallet;
        books.charge_fees().await.unwrap();
        books.charge_fees().await.unwrap();
        assert_eq!(wallet(&books), Some(NanoUsd(-99_000_000_000)));
        // To the first moment of the next month, and well into it.
        let left = clock.now().month().next().start().0.abs_diff(clock.now().0);
        for wait in [Duration::from_millis(left), Duration::from_secs(24 * 3600)] {
            clock.advance(wait);
            books.charge_fees().await.unwrap();
        }
        assert_eq!(wallet(&books), Some(NanoUsd(-198_000_000_000)));
        drop(books);
        assert_eq!(wallet(&open(folder.path(), &clock).await), Some(NanoUsd(-198_000_000_000)));
    }
}
