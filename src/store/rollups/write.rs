//! Adding events to the sums.

use super::super::StoreError;
use super::super::batch;
use super::{COLUMNS, Span, Sums};
use crate::clock::Timestamp;
use crate::wire::event::UsageEvent;
use sea_orm::{ConnectionTrait, Statement, Value};
use std::collections::BTreeMap;

/// Account, start, customer (empty for none; `None` for all together), provider, model.
type Key<'e> = (&'e str, Timestamp, Option<&'e str>, &'e str, &'e str);

/// What is added: the sums of some calls of one customer, provider and model that were admitted in one hour.
pub(super) struct Added<'e> {
    pub account: &'e str,
    /// A moment of the hour.
    pub time: Timestamp,
    /// Empty for none.
    pub customer: &'e str,
    pub provider: &'e str,
    pub model: &'e str,
    pub sums: Sums,
}

impl<'e> Added<'e> {
    pub(super) fn of(event: &'e UsageEvent) -> Self {
        Self {
            account: &event.account_id,
            time: event.created(),
            customer: event.customer.as_deref().unwrap_or_default(),
            provider: &event.provider,
            model: &event.model,
            sums: Sums {
                calls: 1,
                errors: i128::from(!matches!(event.status.as_str(), "ok" | "aborted")),
                prompt_tokens: event.usage.prompt_tokens.into(),
                completion_tokens: event.usage.completion_tokens.into(),
                cached_input_tokens: event.usage.cached_input_tokens.into(),
                cost: event.cost.0.into(),
                list_cost: event.list_cost.0.into(),
                billable: event.billable.unwrap_or_default().0.into(),
            },
        }
    }
}

/// Adds to the sums of every span.
pub(super) async fn add(transaction: &impl ConnectionTrait, added: &[Added<'_>]) -> Result<(), StoreError> {
    for span in Span::ALL {
        // One span after the other: many customers' sums are as many rows of each.
        for by_customer in [false, true] {
            let mut sums: BTreeMap<Key<'_>, Sums> = BTreeMap::new();
            for one in added {
                let customer = by_customer.then_some(one.customer);
                let key = (one.account, span.floor(one.time), customer, one.provider, one.model);
                sums.entry(key).or_default().add(&one.sums);
            }
            upsert(transaction, span, by_customer, &sums.into_iter().collect::<Vec<_>>()).await?;
        }
    }
    Ok(())
}

async fn upsert(
    transaction: &impl ConnectionTrait,
    span: Span,
    by_customer: bool,
    rows: &[(Key<'_>, Sums)],
) -> Result<(), StoreError> {
    let table = if by_customer { "usage_by_customer" } else { "usage_by_account" };
    let mut keys = vec!["account_id", "span", "start", "provider", "model"];
    if by_customer {
        keys.push("customer");
    }
    let sums: Vec<String> = COLUMNS.iter().map(|column| format!("{column} = {}", added(table, column))).collect();
    let conflict = format!("ON CONFLICT ({}) DO UPDATE SET {}", keys.join(", "), sums.join(", "));
    let columns: Vec<&str> = keys.iter().copied().chain(COLUMNS).collect();
    let into = batch::Into { table, columns: &columns, conflict: &conflict };
    batch::insert(transaction, &into, rows, |((account, start, customer, provider, model), sums), values| {
        values.extend([(*account).into(), span.text().into(), start.0.into(), (*provider).into(), (*model).into()]);
        values.extend(customer.map(Value::from));
        values.extend(sums.columns().map(|value| Value::from(clamp(value))));
        Ok(())
    })
    .await?;
    Ok(())
}

/// The sum of what is there and what comes, stopping at the ends of 64 bits: an account that
/// claims absurd amounts must not stop the journal from draining.
fn added(table: &str, column: &str) -> String {
    let (there, comes, most) = (format!("{table}.{column}"), format!("excluded.{column}"), i64::MAX);
    format!(
        "CASE WHEN {comes} > 0 AND {there} > {most} - {comes} THEN {most} \
         WHEN {comes} < 0 AND {there} < -{most} - {comes} THEN -{most} ELSE {there} + {comes} END"
    )
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { -i64::MAX } else { i64::MAX })
}

/// Adds a customer's sums to those of calls without a customer, so that nothing names it any more
/// and no total changes: for customers that are deleted for good.
///
/// # Errors
/// [`StoreError`].
pub async fn forget_customer(
    transaction: &impl ConnectionTrait,
    account: &str,
    external_id: &str,
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let names: [Value; 2] = [account.into(), external_id.into()];
    let sums = COLUMNS.join(", ");
    let updates = COLUMNS.map(|column| format!("{column} = {}", added("usage_by_customer", column))).join(", ");
    // SQLite takes `ON CONFLICT` behind a SELECT for a join's ON unless there is a WHERE.
    let moved = format!(
        "INSERT INTO usage_by_customer (account_id, span, start, customer, provider, model, {sums}) \
         SELECT account_id, span, start, '', provider, model, {sums} FROM usage_by_customer \
         WHERE account_id = $1 AND customer = $2 \
         ON CONFLICT (account_id, span, start, customer, provider, model) DO UPDATE SET {updates}"
    );
    transaction.execute_raw(Statement::from_sql_and_values(backend, moved, names.clone())).await?;
    let gone = "DELETE FROM usage_by_customer WHERE account_id = $1 AND customer = $2";
    transaction.execute_raw(Statement::from_sql_and_values(backend, gone, names)).await?;
    Ok(())
}
