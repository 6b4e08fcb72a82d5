//! Bringing the sums up to date with the events.

use super::super::{Store, StoreError};
use super::read::{Source, summed, sums_of};
use super::write::{Added, add};
use super::{COLUMNS, HOUR, Sums};
use crate::clock::Timestamp;
use crate::wire::event::UsageEvent;
use sea_orm::{ConnectionTrait, DatabaseBackend, QueryResult, Statement, Value};

/// Events that one transaction brings into the sums.
const STEP: i64 = 65_536;

/// The id of the last event that is in the sums.
struct Followed(String);

/// Until a transaction ends, sums are neither made nor read by others that would add to them: for one that changes whom
/// events and sums name.
pub(in super::super) async fn hold_back(transaction: &impl ConnectionTrait) -> Result<(), StoreError> {
    Followed::read(transaction, "FOR UPDATE").await.map(|_| ())
}

impl Followed {
    /// It stays so for as long as the transaction runs. SQLite has one transaction at a time that writes, PostgreSQL is
    /// told what `lock` is needed.
    async fn read(transaction: &impl ConnectionTrait, lock: &str) -> Result<Self, StoreError> {
        let backend = transaction.get_database_backend();
        let lock = if backend == DatabaseBackend::Postgres { lock } else { "" };
        let sql = format!("SELECT last_event FROM usage_sums_progress WHERE name = 'usage_events' {lock}");
        let row = transaction.query_one_raw(Statement::from_string(backend, sql)).await?;
        let row = row.ok_or_else(|| StoreError::Value("usage_sums_progress has lost its row".to_owned()))?;
        Ok(Self(row.try_get("", "last_event")?))
    }
}

/// Adds those of the new events of a transaction that the sums have passed already.
///
/// # Errors
/// [`StoreError`].
pub(in super::super) async fn add_late(
    transaction: &impl ConnectionTrait,
    events: &[&UsageEvent],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let Followed(last_event) = Followed::read(transaction, "FOR SHARE").await?;
    let late = events.iter().filter(|event| event.id.as_str() <= last_event.as_str());
    add(transaction, &late.map(|event| Added::of(event)).collect::<Vec<_>>()).await
}

/// Brings every event that is in the database into the sums.
///
/// # Errors
/// [`StoreError`]; what was brought in before it stays.
pub async fn catch_up(store: &Store) -> Result<(), StoreError> {
    loop {
        let writing = store.writing().await?;
        let full = step(&*writing).await?;
        writing.commit().await?;
        if !full {
            return Ok(());
        }
    }
}

/// Brings up to [`STEP`] events into the sums, and says whether there were as many.
async fn step(transaction: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let Followed(last_event) = Followed::read(transaction, "FOR UPDATE").await?;
    let backend = transaction.get_database_backend();
    let next = format!("SELECT id FROM usage_events WHERE id > $1 ORDER BY id LIMIT {STEP}");
    let next = format!("SELECT COUNT(*) AS events, MAX(id) AS last FROM ({next}) AS next");
    let next = Statement::from_sql_and_values(backend, next, [last_event.as_str().into()]);
    let Some(next) = transaction.query_one_raw(next).await? else { return Ok(false) };
    let Some(last) = next.try_get::<Option<String>>("", "last")? else { return Ok(false) };

    let sums: Vec<String> = COLUMNS.iter().flat_map(|column| summed(column, Source::Events)).collect();
    let sql = format!(
        "SELECT account_id, created / {HOUR} * {HOUR} AS start, COALESCE(customer, '') AS customer, provider, model, {} \
         FROM usage_events WHERE id > $1 AND id <= $2 GROUP BY 1, 2, 3, 4, 5",
        sums.join(", ")
    );
    let values: [Value; 2] = [last_event.into(), last.as_str().into()];
    let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let hours = rows.iter().map(Hour::read).collect::<Result<Vec<_>, _>>()?;
    drop(rows);
    add(transaction, &hours.iter().map(Hour::added).collect::<Vec<_>>()).await?;

    let moved = "UPDATE usage_sums_progress SET last_event = $1 WHERE name = 'usage_events'";
    transaction.execute_raw(Statement::from_sql_and_values(backend, moved, [last.into()])).await?;
    Ok(next.try_get::<i64>("", "events")? == STEP)
}

/// The sums of some events of one hour.
struct Hour {
    account: String,
    start: i64,
    customer: String,
    provider: String,
    model: String,
    sums: Sums,
}

impl Hour {
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        Ok(Self {
            account: row.try_get("", "account_id")?,
            start: row.try_get("", "start")?,
            customer: row.try_get("", "customer")?,
            provider: row.try_get("", "provider")?,
            model: row.try_get("", "model")?,
            sums: sums_of(row)?,
        })
    }

    fn added(&self) -> Added<'_> {
        let Self { account, start, customer, provider, model, sums } = self;
        Added { account, time: Timestamp(*start), customer, provider, model, sums: *sums }
    }
}
