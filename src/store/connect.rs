//! Opening a database: made when missing, locked for this process, migrated.

use super::lock::{Lock, LockError};
use super::migrations::Migrator;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr};
use sea_orm_migration::MigratorTrait as _;
use std::time::Duration;

/// An open database.
pub struct Store {
    connection: DatabaseConnection,
    /// Held while the store is open: one process serves one database.
    _lock: Option<Lock>,
}

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database can't be used: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("a value in the database can't be read: {0}")]
    Value(String),
}

impl Store {
    /// Opens `url` for serving: takes the lock, waiting up to `patience` for a process that is
    /// going, and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(url: &str, patience: Duration) -> Result<Self, StoreError> {
        let lock = Lock::take(url, patience).await?;
        let connection = connect(url).await?;
        Migrator::up(&connection, None).await?;
        Ok(Self { connection, _lock: Some(lock) })
    }

    /// Opens `url` beside a process that serves, for commands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_beside(url: &str) -> Result<Self, StoreError> {
        let connection = connect(url).await?;
        Migrator::up(&connection, None).await?;
        Ok(Self { connection, _lock: None })
    }

    pub(super) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        self.connection.execute_unprepared("SELECT 1").await.is_ok()
    }

    /// Closes the connections; nothing works after it.
    pub async fn close(&self) {
        if let Err(error) = self.connection.close_by_ref().await {
            tracing::warn!(%error, "the database did not close well");
        }
    }

    /// Copies a SQLite database to a new file while it is in use.
    ///
    /// # Errors
    /// [`StoreError`]; for PostgreSQL, which has tools of its own.
    pub async fn backup(&self, file: &str) -> Result<(), StoreError> {
        if self.connection.get_database_backend() != sea_orm::DatabaseBackend::Sqlite {
            return Err(StoreError::Value("this command copies SQLite files; for PostgreSQL use pg_dump".to_owned()));
        }
        self.connection.execute_unprepared(&format!("VACUUM INTO '{}'", file.replace('\'', "''"))).await?;
        Ok(())
    }
}

async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let sqlite = url.starts_with("sqlite:");
    // sqlx makes a missing file only when the URL says so.
    let url = if sqlite && !url.contains('?') { format!("{url}?mode=rwc") } else { url.to_owned() };
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).connect_timeout(Duration::from_secs(10)).acquire_timeout(Duration::from_secs(10));
    if sqlite {
        options.max_connections(4).map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                // The journal of usage is synced by itself; the database may lose its last
                // transactions to a power cut and gets them again from there.
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(10))
                .foreign_keys(true)
        });
    } else {
        options.max_connections(8);
    }
    Database::connect(options).await
}
