//! Reading sums: of rollups, or of events where the rollups don't know what is asked.

use super::super::{Store, StoreError};
use super::{COLUMNS, DAY, HOUR, Span, Sums};
use crate::clock::Timestamp;
use crate::money::NanoUsd;
use futures_util::StreamExt as _;
use sea_orm::{ConnectionTrait as _, QueryResult, Statement, StreamTrait as _, Value};

/// Where sums are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Rollups(Span),
    Events,
}

/// What rows are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The time: of a rollup its start, of events the start of the hour (`true`) or of the day.
    Time {
        hours: bool,
    },
    Customer,
    Provider,
    Model,
    /// Of events only: all tags of a call, as the text of a JSON list.
    Tags,
    /// Of events only.
    Session,
    /// Of events only: all properties of a call, as the text of a JSON object.
    Properties,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'q> {
    pub account: &'q str,
    /// One customer, by its external id; else all together.
    pub customer: Option<&'q str>,
    pub source: Source,
    /// Half-open.
    pub time: (Timestamp, Timestamp),
    pub dimensions: &'q [Dimension],
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// One for each dimension of the question, in its order; times are milliseconds in digits.
    pub values: Vec<Option<String>>,
    pub sums: Sums,
}

/// Hands the sums of each combination to `take`, one by one: there may be more of them than
/// memory should hold.
///
/// # Errors
/// [`StoreError`], and what `take` gives.
pub async fn each<E: From<StoreError>>(
    store: &Store,
    wanted: Wanted<'_>,
    mut take: impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let by_customer = wanted.customer.is_some() || wanted.dimensions.contains(&Dimension::Customer);
    let (table, time) = match wanted.source {
        Source::Events => ("usage_events", "created"),
        Source::Rollups(_) if by_customer => ("usage_by_customer", "start"),
        Source::Rollups(_) => ("usage_by_account", "start"),
    };
    let named = wanted.dimensions.iter().map(|dimension| expression(*dimension, wanted.source));
    let named: Vec<String> =
        named.enumerate().map(|(number, expression)| format!("{expression} AS d{number}")).collect();
    let sums = COLUMNS.iter().flat_map(|column| summed(column, wanted.source));
    let selected: Vec<String> = named.into_iter().chain(sums).collect();

    let mut values: Vec<Value> = vec![wanted.account.into(), wanted.time.0.0.into(), wanted.time.1.0.into()];
    let mut only = format!("account_id = $1 AND {time} >= $2 AND {time} < $3");
    if let Source::Rollups(span) = wanted.source {
        // A word of ours, and the planner knows it when it chooses an index.
        only.push_str(&format!(" AND span = '{}'", span.text()));
    }
    if let Some(customer) = wanted.customer {
        only.push_str(" AND customer = $4");
        values.push(customer.into());
    }
    let groups: Vec<String> = (1..=wanted.dimensions.len()).map(|number| number.to_string()).collect();
    let groups = if groups.is_empty() { String::new() } else { format!("GROUP BY {}", groups.join(", ")) };
    let sql = format!("SELECT {} FROM {table} WHERE {only} {groups}", selected.join(", "));
    let connection = store.connection();
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let mut found = connection.stream_raw(statement).await.map_err(StoreError::from)?;
    while let Some(row) = found.next().await {
        take(read(&row.map_err(StoreError::from)?, wanted.dimensions)?)?;
    }
    Ok(())
}

/// What calls admitted in the month that starts at `start` cost: of each account, and of each of its
/// customers, by its id.
///
/// # Errors
/// [`StoreError`].
pub async fn spent(store: &Store, start: Timestamp) -> Result<Vec<(String, Option<String>, NanoUsd)>, StoreError> {
    // From the accounts on: a month's rows of one are beside each other. PostgreSQL sums 64 bits into a NUMERIC.
    let sum = "CAST(SUM(u.cost_nano_usd) AS BIGINT) AS spent FROM accounts a CROSS JOIN";
    let month = "u.account_id = a.id AND u.span = 'month' AND u.start = $1";
    let of_accounts = format!("SELECT a.id AS account, {sum} usage_by_account u WHERE {month} GROUP BY a.id");
    let of_customers = format!(
        "SELECT a.id AS account, c.id AS customer, {sum} usage_by_customer u \
         JOIN customers c ON c.account_id = u.account_id AND c.external_id = u.customer WHERE {month} GROUP BY a.id, c.id"
    );
    let connection = store.connection();
    let mut all = Vec::new();
    for (sql, by_customer) in [(of_accounts, false), (of_customers, true)] {
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [start.0.into()]);
        for row in connection.query_all_raw(statement).await? {
            let customer = by_customer.then(|| row.try_get("", "customer")).transpose()?;
            all.push((row.try_get("", "account")?, customer, NanoUsd(row.try_get("", "spent")?)));
        }
    }
    Ok(all)
}

fn expression(dimension: Dimension, source: Source) -> String {
    match (dimension, source) {
        (Dimension::Time { .. }, Source::Rollups(_)) => "start".to_owned(),
        (Dimension::Time { hours }, Source::Events) => {
            let length = if hours { HOUR } else { DAY };
            format!("created / {length} * {length}")
        }
        (Dimension::Customer, _) => "customer".to_owned(),
        (Dimension::Provider, _) => "provider".to_owned(),
        (Dimension::Model, _) => "model".to_owned(),
        (Dimension::Tags, _) => "tags".to_owned(),
        (Dimension::Session, _) => "session_id".to_owned(),
        (Dimension::Properties, _) => "properties".to_owned(),
    }
}

/// Sums are taken of billions and of the rest apart: no sum of either leaves 64 bits.
const APART: i64 = 1_000_000_000;

pub(super) fn summed(column: &str, source: Source) -> [String; 2] {
    let value = match (column, source) {
        ("calls", Source::Events) => "1",
        ("errors", Source::Events) => "(CASE WHEN status IN ('ok', 'aborted') THEN 0 ELSE 1 END)",
        ("billable_nano_usd", Source::Events) => "COALESCE(billable_nano_usd, 0)",
        (column, _) => column,
    };
    // PostgreSQL sums 64 bits into a NUMERIC; a sum of no rows is NULL.
    let sum =
        |part: &str, name: &str| format!("CAST(COALESCE(SUM({value} {part} {APART}), 0) AS BIGINT) AS {column}_{name}");
    [sum("/", "high"), sum("%", "low")]
}

fn read(row: &QueryResult, dimensions: &[Dimension]) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(dimensions.len());
    for (number, dimension) in dimensions.iter().enumerate() {
        let name = format!("d{number}");
        values.push(match dimension {
            Dimension::Time { .. } => Some(row.try_get::<i64>("", &name)?.to_string()),
            // Rollups say "none" with an empty text, which no customer's id is.
            Dimension::Customer => row.try_get::<Option<String>>("", &name)?.filter(|customer| !customer.is_empty()),
            _ => row.try_get::<Option<String>>("", &name)?,
        });
    }
    Ok(Row { values, sums: sums_of(row)? })
}

/// The sums that [`summed`] asked for.
pub(super) fn sums_of(row: &QueryResult) -> Result<Sums, StoreError> {
    let mut sums = [0; 8];
    for (column, sum) in COLUMNS.iter().zip(&mut sums) {
        let high: i64 = row.try_get("", &format!("{column}_high"))?;
        let low: i64 = row.try_get("", &format!("{column}_low"))?;
        *sum = i128::from(high) * i128::from(APART) + i128::from(low);
    }
    Ok(Sums::of_columns(sums))
}
