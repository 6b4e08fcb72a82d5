//! Transactions that write.
//!
//! SQLite ends a transaction by itself when the disk is full, and the driver, which counts
//! transactions, does not notice: what it begins next on that connection lies inside one that it
//! believes open, and is never committed though each commit says so. A transaction that did not
//! commit therefore takes its connection with it, and the next one gets another.

use super::connect::sqlite;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// SQLite's one writer, on a connection of its own: it keeps in memory the pages that it will
/// change again.
pub(super) struct Writer {
    url: String,
    connection: Arc<Mutex<Option<DatabaseConnection>>>,
}

/// A transaction. What is not committed is rolled back.
pub(super) struct Writing {
    /// `None` once it is over.
    transaction: Option<DatabaseTransaction>,
    /// SQLite's, until it is committed.
    connection: Option<OwnedMutexGuard<Option<DatabaseConnection>>>,
}

impl Writer {
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), connection: Arc::default() }
    }

    /// Begins a transaction when no other runs.
    pub async fn begin(&self) -> Result<Writing, DbErr> {
        let mut held = Arc::clone(&self.connection).lock_owned().await;
        let connection = match held.take() {
            Some(connection) => connection,
            None => sqlite(&self.url, 1).await?,
        };
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
        let transaction = connection.begin_with_options(options).await?;
        *held = Some(connection);
        Ok(Writing { transaction: Some(transaction), connection: Some(held) })
    }

    /// Closes it once its transaction is over.
    pub async fn close(&self) -> Result<(), DbErr> {
        match self.connection.lock().await.take() {
            Some(connection) => connection.close_by_ref().await,
            None => Ok(()),
        }
    }
}

impl Writing {
    /// One of PostgreSQL, whose server knows what became of it.
    pub async fn begin(connection: &DatabaseConnection) -> Result<Self, DbErr> {
        let transaction = connection.begin().await?;
        Ok(Self { transaction: Some(transaction), connection: None })
    }

    /// Makes what was written stand.
    pub async fn commit(mut self) -> Result<(), DbErr> {
        if let Some(transaction) = self.transaction.take() {
            transaction.commit().await?;
        }
        self.connection = None;
        Ok(())
    }
}

impl Deref for Writing {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        // It is taken out only by what consumes `self`.
        self.transaction.as_ref().unwrap_or_else(|| unreachable!("a transaction is committed once"))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.transaction = None;
        if let Some(connection) = &mut self.connection {
            **connection = None;
        }
    }
}
