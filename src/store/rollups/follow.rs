//! Bringing the sums up to date with the events.

use super::super::{Store, StoreError};
use super::read::{Source, summed, sums_of};
use super::write::{Added, add};
use super::{COLUMNS, HOUR, Sums};
use crate::clock::Timestamp;
use crate::wire::event::UsageEvent;
use futures_util::StreamExt as _;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseTransaction, QueryResult, Statement, StreamTrait as _, Value};
use std::time::Duration;

/// Events that one transaction brings into the sums.
const STEP: i64 = 32_768;
/// Others write between two steps.
const PAUSE: Duration = Duration::from_millis(10);

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

/// Notes that a process serves, the `generation`th, which knows that the sums follow.
///
/// Earlier versions add to the sums themselves. What they left when the first that knows begins is complete; where one
/// served between two that know, the sums are begun anew, and this says so.
///
/// # Errors
/// [`StoreError`].
pub(in super::super) async fn begin(transaction: &impl ConnectionTrait, generation: i64) -> Result<bool, StoreError> {
    let backend = transaction.get_database_backend();
    let execute = async |sql: &str, values: Vec<Value>| {
        let done = transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await;
        done.map(|done| done.rows_affected() > 0)
    };
    let known = "UPDATE usage_sums_progress SET generation = $1 WHERE generation = $2";
    if execute(known, vec![generation.into(), (generation - 1).into()]).await? {
        return Ok(false);
    }
    let first = "UPDATE usage_sums_progress SET generation = $1, \
                 last_event = (SELECT COALESCE(MAX(id), '') FROM usage_events) WHERE generation = -1";
    if execute(first, vec![generation.into()]).await? {
        return Ok(false);
    }
    execute("DELETE FROM usage_by_account", vec![]).await?;
    execute("DELETE FROM usage_by_customer", vec![]).await?;
    execute("UPDATE usage_sums_progress SET generation = $1, last_event = ''", vec![generation.into()]).await?;
    Ok(true)
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
        let full = step(&writing).await?;
        writing.commit().await?;
        if !full {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Brings up to [`STEP`] events into the sums, and says whether there were as many.
async fn step(transaction: &DatabaseTransaction) -> Result<bool, StoreError> {
    let Followed(last_event) = Followed::read(transaction, "FOR UPDATE").await?;
    let backend = ConnectionTrait::get_database_backend(transaction);
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
    let mut hours = Vec::new();
    {
        // A row of the database takes several times the place of what is read of it.
        let mut rows = transaction.stream_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        while let Some(row) = rows.next().await {
            hours.push(Hour::read(&row?)?);
        }
    }
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
