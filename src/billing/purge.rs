//! Hard deletion: nothing that identifies a customer stays in a table, a file or a counter.
//!
//! 1. The customer may not be named any more: whatever is written from now on is in the scrubbed
//!    form, also of calls that still run.
//! 2. The journal begins a new segment, and those before it are drained and removed; so no segment
//!    names the customer.
//! 3. Its rows go, and its events and holds lose whatever describes it, in one transaction. SQLite
//!    overwrites what it deletes, and its write-ahead log is emptied.
//! 4. Counters and the index forget it.

use super::books::{Books, BooksError};
use super::customers::{Customer, Customers};
use crate::store::customers;

impl Books {
    /// Purges a customer. `false`: somebody else does already.
    ///
    /// # Errors
    /// [`BooksError`]; the customer is as it was then.
    pub async fn purge(&self, account: &str, customer: &Customer) -> Result<bool, BooksError> {
        if !Customers::begin_purge(customer) {
            return Ok(false);
        }
        if let Err(error) = self.purge_stored(account, customer).await {
            Customers::end_purge(customer);
            return Err(error);
        }
        self.ledger.counters().forget(account, &customer.id);
        self.ledger.customers().forget(account, customer);
        Ok(true)
    }

    async fn purge_stored(&self, account: &str, customer: &Customer) -> Result<(), BooksError> {
        self.drain.empty().await?;
        customers::purge(&self.store, account, &customer.id, &customer.external_id).await?;
        Ok(())
    }
}
