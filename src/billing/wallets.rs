//! Wallets: changes that people make. Debits come from usage events, by way of the journal.
//!
//! An entry is in the database before the balance in memory has it, so that nothing is spent that
//! a restart would forget.

use super::books::{Books, BooksError};
use super::customers::Customer;
use crate::id::Id;
use crate::money::NanoUsd;
use crate::store::wallets::{self, ACCOUNTS, CUSTOMERS, Change, Kind, Owner};
use std::sync::Arc;

/// A change that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub change: Change,
    pub balance: NanoUsd,
}

impl Books {
    fn change(&self, prefix: &str, kind: Kind, amount: NanoUsd, note: Option<String>) -> Change {
        Change { id: Id::new(prefix).into_string(), kind, amount, note, created: self.clock.now() }
    }

    /// Adds to a customer's wallet, or takes from it; the first top-up makes it.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn change_wallet(
        &self,
        account: &Arc<str>,
        customer: &Customer,
        kind: Kind,
        amount: NanoUsd,
        note: Option<String>,
    ) -> Result<Made, BooksError> {
        let change = self.change(CUSTOMERS, kind, amount, note);
        let owner = Owner { account, customer: Some(&customer.id) };
        wallets::add(&self.store, owner, &change, true).await?;
        let balance = self.ledger.counters().add_to_wallet(account, Some(&customer.id), amount);
        Ok(Made { change, balance })
    }

    /// Closes a customer's wallet and pays back what is in it. `None`: it has none.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn close_wallet(
        &self,
        account: &Arc<str>,
        customer: &Customer,
        note: Option<String>,
    ) -> Result<Option<NanoUsd>, BooksError> {
        let counters = self.ledger.counters();
        // Taken out first: what is paid back can't be spent meanwhile.
        let Some(taken) = counters.close_wallet(account, &customer.id) else {
            return Ok(None);
        };
        let change = self.change(CUSTOMERS, Kind::Refund, NanoUsd::ZERO.saturating_sub(taken), note);
        let owner = Owner { account, customer: Some(&customer.id) };
        if let Err(error) = wallets::add(&self.store, owner, &change, false).await {
            counters.add_to_wallet(account, Some(&customer.id), taken);
            return Err(error.into());
        }
        Ok(Some(taken))
    }

    /// Credits an account's wallet.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn credit(&self, account: &str, amount: NanoUsd, note: Option<String>) -> Result<Made, BooksError> {
        let change = self.change(ACCOUNTS, Kind::Credit, amount, note);
        wallets::add(&self.store, Owner { account, customer: None }, &change, true).await?;
        let balance = self.ledger.counters().add_to_wallet(&account.into(), None, amount);
        Ok(Made { change, balance })
    }
}
