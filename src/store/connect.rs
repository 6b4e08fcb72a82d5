//! Opening a database: made when missing, locked for this process, migrated.

use super::entity::serving;
use super::lock::{Lock, LockError, Ours};
use super::migrations::Migrator;
use super::rollups;
use super::writing::{Writer, Writing};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, DbErr, EntityTrait as _, Statement,
};
use sea_orm_migration::MigratorTrait as _;
use std::time::Duration;

/// An open database.
pub struct Store {
    connection: DatabaseConnection,
    /// For transactions that write: SQLite has one at a time.
    writer: Option<Writer>,
    /// Held while the store is open: one process serves one database.
    lock: Option<Lock>,
    /// How many processes have served the database, this one included.
    generation: i64,
}

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database can't be used: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("another process records the same events")]
    Raced,
    #[error("a value in the database can't be read: {0}")]
    Value(String),
}

/// A database that is ours to serve, and that nothing was done to yet.
pub struct Claim<'u> {
    url: &'u str,
    lock: Lock,
}

impl<'u> Claim<'u> {
    /// Takes the lock of `url`, waiting up to `patience` for a process that is going.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(url: &'u str, patience: Duration) -> Result<Self, StoreError> {
        let lock = Lock::take(url, patience).await?;
        Ok(Self { url, lock })
    }

    /// Opens it and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(self) -> Result<Store, StoreError> {
        let connection = connect(self.url).await?;
        Migrator::up(&connection, None).await?;
        let writer = is_sqlite(self.url).then(|| Writer::new(self.url));
        let mut store = Store { connection, writer, lock: Some(self.lock), generation: 0 };
        let writing = store.writing().await?;
        let generation = begin(&*writing).await?;
        if rollups::begin(&*writing, generation).await? {
            tracing::warn!("an earlier version has served this database meanwhile; usage is summed up anew");
        }
        writing.commit().await?;
        store.generation = generation;
        Ok(store)
    }
}

impl Store {
    /// Opens `url` for serving: takes the lock, waiting up to `patience` for a process that is
    /// going, and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(url: &str, patience: Duration) -> Result<Self, StoreError> {
        Claim::take(url, patience).await?.open().await
    }

    /// Opens `url` beside a process that serves, for commands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_beside(url: &str) -> Result<Self, StoreError> {
        let connection = connect(url).await?;
        Migrator::up(&connection, None).await?;
        let writer = is_sqlite(url).then(|| Writer::new(url));
        Ok(Self { connection, writer, lock: None, generation: 0 })
    }

    pub(super) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Begins a transaction that will write. SQLite takes its writers one after the other: one that
    /// begins by reading is turned away, and does not wait, where another has written meanwhile.
    pub(super) async fn writing(&self) -> Result<Writing, DbErr> {
        match &self.writer {
            Some(writer) => writer.begin().await,
            None => Writing::begin(&self.connection).await,
        }
    }

    /// Whether this process still is the one that serves the database.
    pub async fn is_ours(&self) -> Ours {
        let Some(lock @ Lock::Session(_)) = &self.lock else {
            return Ours::Yes;
        };
        let looking = async {
            if !lock.is_held().await? {
                return Ok(Ours::Unknown);
            }
            let same = generation(&self.connection).await? == self.generation;
            Ok::<_, DbErr>(if same { Ours::Yes } else { Ours::Another })
        };
        match tokio::time::timeout(Duration::from_secs(3), looking).await {
            Ok(Ok(ours)) => ours,
            _ => Ours::Unknown,
        }
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        self.connection.execute_unprepared("SELECT 1").await.is_ok()
    }

    /// Closes the connections; nothing works after it.
    pub async fn close(&self) {
        let writer = match &self.writer {
            Some(writer) => writer.close().await,
            None => Ok(()),
        };
        for closed in [writer, self.connection.close_by_ref().await] {
            if let Err(error) = closed {
                tracing::warn!(%error, "the database did not close well");
            }
        }
    }

    /// Makes SQLite's files forget what was deleted: its write-ahead log still has the old pages.
    /// PostgreSQL forgets with its next VACUUM.
    pub(super) async fn forget_deleted(&self) -> Result<(), StoreError> {
        if self.connection.get_database_backend() == DatabaseBackend::Sqlite {
            // A reader of an old page may be in the way for a moment.
            for _ in 0..50 {
                let statement = Statement::from_string(DatabaseBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
                let row = self.connection.query_one_raw(statement).await?;
                if row.is_none_or(|row| row.try_get_by_index::<i64>(0).unwrap_or(0) == 0) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            return Err(StoreError::Value("the write-ahead log could not be emptied; delete again".to_owned()));
        }
        Ok(())
    }

    /// Copies a SQLite database to a new file while it is in use.
    ///
    /// # Errors
    /// [`StoreError`]; for PostgreSQL, which has tools of its own.
    pub async fn backup(&self, file: &str) -> Result<(), StoreError> {
        if self.connection.get_database_backend() != DatabaseBackend::Sqlite {
            return Err(StoreError::Value("this command copies SQLite files; for PostgreSQL use pg_dump".to_owned()));
        }
        self.connection.execute_unprepared(&format!("VACUUM INTO '{}'", file.replace('\'', "''"))).await?;
        Ok(())
    }
}

/// The row that counts who serves.
const SERVING: &str = "gateway";

/// Counts this process among those that have served the database.
async fn begin(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let row = serving::ActiveModel { name: Set(SERVING.to_owned()), generation: Set(1) };
    let conflict = OnConflict::column(serving::Column::Name)
        .value(serving::Column::Generation, Expr::cust("serving.generation + 1"))
        .to_owned();
    serving::Entity::insert(row).on_conflict(conflict).exec_without_returning(connection).await?;
    generation(connection).await
}

async fn generation(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    Ok(serving::Entity::find_by_id(SERVING).one(connection).await?.map_or(0, |row| row.generation))
}

/// Connections that read, and what writes by single statements.
const CONNECTIONS: u32 = 4;
/// The same for PostgreSQL, whose transactions that write are among them.
const POSTGRES_CONNECTIONS: u32 = 8;
/// Pages that the writer keeps, in KiB.
const WRITER_CACHE: &str = "-8192";
/// Pages of the write-ahead log before they are brought into the database: a page that each batch
/// of events changes is brought over once for many of them. 64 MiB of file.
const CHECKPOINT: &str = "16000";

async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    if is_sqlite(url) {
        sqlite(url, CONNECTIONS).await
    } else {
        Database::connect(options(url, POSTGRES_CONNECTIONS)).await
    }
}

fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).connect_timeout(Duration::from_secs(10)).acquire_timeout(Duration::from_secs(10));
    options.max_connections(connections);
    options
}

/// Connections to a SQLite file; one alone is the writer's.
pub(super) async fn sqlite(url: &str, connections: u32) -> Result<DatabaseConnection, DbErr> {
    // sqlx makes a missing file only when the URL says so.
    let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
    let mut options = options(&url, connections);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .journal_mode(SqliteJournalMode::Wal)
            // The journal of usage is synced by itself; the database may lose its last
            // transactions to a power cut and gets them again from there.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .pragma("wal_autocheckpoint", CHECKPOINT)
            // What undoes half a statement is kept in memory and not in a file.
            .pragma("temp_store", "MEMORY")
            // What is deleted is gone: pages are overwritten, not only given free.
            .pragma("secure_delete", "ON");
        if connections == 1 { sqlite.pragma("cache_size", WRITER_CACHE) } else { sqlite }
    });
    Database::connect(options).await
}
