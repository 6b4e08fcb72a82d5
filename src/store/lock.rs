//! One process serves one database: two would each hold caps of their own.
//!
//! The lock belongs to the operating system (SQLite) or to a database session (PostgreSQL): a
//! crash gives it back at once, and no lease is left behind.

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use std::fs::{File, TryLockError};
use std::time::Duration;
use tokio::time::Instant;

/// The lock, while it is held.
pub enum Lock {
    File(#[expect(dead_code, reason = "held, not read: closing it gives the lock back")] File),
    Session(DatabaseConnection),
    /// A database in memory belongs to its process anyway.
    None,
}

/// Whether a process still is the one that serves a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    Yes,
    /// The lock is lost, or nobody can tell.
    Unknown,
    /// Another process has had it meanwhile: what this one has in memory is not the truth any more.
    Another,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another process serves this database. Stop it first: one replica serves one database")]
    Taken,
    #[error("the lock file {0} can't be used: {1}")]
    File(String, std::io::Error),
    #[error("the database can't be used: {0}")]
    Database(#[from] DbErr),
}

/// A number of our own for PostgreSQL's advisory locks.
const ADVISORY: i64 = 0x7269_6e67_7369_6465;

impl Lock {
    /// Takes the lock of `url`, waiting up to `patience`.
    pub async fn take(url: &str, patience: Duration) -> Result<Self, LockError> {
        let deadline = Instant::now() + patience;
        let mut told = false;
        loop {
            match Self::try_take(url).await {
                Err(LockError::Taken) if Instant::now() < deadline => {
                    if !told {
                        tracing::info!("another process serves this database; waiting for it to end");
                        told = true;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => return other,
            }
        }
    }

    async fn try_take(url: &str) -> Result<Self, LockError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
            return if path.is_empty() || path.contains(":memory:") {
                Ok(Lock::None)
            } else {
                Self::file(&format!("{path}.lock"))
            };
        }
        let mut options = ConnectOptions::new(url.to_owned());
        // A session of its own that is never given back while the process lives.
        options.sqlx_logging(false).max_connections(1).min_connections(1);
        options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
        options.connect_timeout(Duration::from_secs(5)).acquire_timeout(Duration::from_secs(5));
        let session = Database::connect(options).await?;
        let statement =
            Statement::from_string(DbBackend::Postgres, format!("SELECT pg_try_advisory_lock({ADVISORY}) AS taken"));
        let row = session.query_one_raw(statement).await?;
        match row.map(|row| row.try_get::<bool>("", "taken")).transpose()? {
            Some(true) => Ok(Lock::Session(session)),
            _ => Err(LockError::Taken),
        }
    }

    /// Whether the lock is held; one that was lost is taken again where it is free.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_held(&self) -> Result<bool, DbErr> {
        let Lock::Session(session) = self else {
            return Ok(true);
        };
        // A lost session is replaced by the pool without a word, but the new one has no lock. Taking
        // it twice in one session would need giving it back twice, so it is looked at first.
        let held = "SELECT count(*) > 0 AS taken FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()";
        for statement in [held.to_owned(), format!("SELECT pg_try_advisory_lock({ADVISORY}) AS taken")] {
            let row = session.query_one_raw(Statement::from_string(DbBackend::Postgres, statement)).await?;
            if row.map(|row| row.try_get::<bool>("", "taken")).transpose()? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn file(path: &str) -> Result<Self, LockError> {
        let failed = |error| LockError::File(path.to_owned(), error);
        let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock::File(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
