//! Usage events, and the checkpoint of the journal they come from.

use super::batch::{self, batches};
use super::entity::usage_event::Column;
use super::entity::{checkpoint, usage_event};
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::money::NanoUsd;
use crate::wire::event::UsageEvent;
use crate::wire::usage::Usage;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IdenStatic, Iterable as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Value,
};
use smol_str::SmolStr;
use std::collections::HashSet;

/// How far a journal has been drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of the segment that is being drained.
    pub segment: u64,
    /// Bytes of it that are in the database.
    pub position: u64,
}

/// Adds events that are not there yet, and says how many were not.
pub(super) async fn insert(transaction: &impl ConnectionTrait, events: &[&UsageEvent]) -> Result<u64, StoreError> {
    let columns: Vec<Column> = Column::iter().collect();
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let into = batch::Into { table: "usage_events", columns: &names, conflict: "ON CONFLICT (id) DO NOTHING" };
    batch::insert(transaction, &into, events, |event, values| {
        for column in &columns {
            values.push(value(event, *column)?);
        }
        Ok(())
    })
    .await
}

/// Those of `ids` that are there.
pub(super) async fn known(transaction: &impl ConnectionTrait, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    let mut known = HashSet::new();
    for batch in batches(transaction.get_database_backend(), ids) {
        let query = usage_event::Entity::find().select_only().column(usage_event::Column::Id);
        let found = query.filter(usage_event::Column::Id.is_in(batch.iter().copied()));
        known.extend(found.into_tuple::<String>().all(transaction).await?);
    }
    Ok(known)
}

/// Takes out of a customer's events whatever names or describes it; amounts and counts stay.
///
/// By its external id, which no other customer of the account has: events may name one whose row a power cut took.
pub(super) async fn scrub(
    transaction: &impl ConnectionTrait,
    account: &str,
    external_id: &str,
) -> Result<(), StoreError> {
    usage_event::Entity::update_many()
        .col_expr(usage_event::Column::Customer, Expr::value(None::<String>))
        .col_expr(usage_event::Column::CustomerId, Expr::value(None::<String>))
        .col_expr(usage_event::Column::CustomerDebitNanoUsd, Expr::value(None::<i64>))
        .col_expr(usage_event::Column::Tags, Expr::value("[]"))
        .col_expr(usage_event::Column::SessionId, Expr::value(None::<String>))
        .col_expr(usage_event::Column::Properties, Expr::value("{}"))
        .filter(usage_event::Column::AccountId.eq(account))
        .filter(usage_event::Column::Customer.eq(external_id))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Moves a checkpoint.
pub(super) async fn move_checkpoint(
    transaction: &impl ConnectionTrait,
    journal: &str,
    to: Checkpoint,
) -> Result<(), StoreError> {
    let moved = checkpoint::ActiveModel {
        journal: Set(journal.to_owned()),
        segment: Set(to.segment as i64),
        position: Set(to.position as i64),
    };
    let conflict = OnConflict::column(checkpoint::Column::Journal)
        .update_columns([checkpoint::Column::Segment, checkpoint::Column::Position])
        .to_owned();
    checkpoint::Entity::insert(moved).on_conflict(conflict).exec_without_returning(transaction).await?;
    Ok(())
}

/// The checkpoint of a journal.
pub async fn checkpoint(store: &Store, journal: &str) -> Result<Checkpoint, StoreError> {
    let row = checkpoint::Entity::find_by_id(journal).one(store.connection()).await?;
    Ok(row.map_or_else(Checkpoint::default, |row| Checkpoint {
        segment: row.segment as u64,
        position: row.position as u64,
    }))
}

/// One event of an account.
pub async fn find(store: &Store, account: &str, id: &str) -> Result<Option<UsageEvent>, StoreError> {
    let row = usage_event::Entity::find_by_id(id)
        .filter(usage_event::Column::AccountId.eq(account))
        .one(store.connection())
        .await?;
    row.map(event).transpose()
}

fn value(event: &UsageEvent, column: Column) -> Result<Value, StoreError> {
    let json = |text: serde_json::Result<String>| {
        text.map_err(|error| StoreError::Value(format!("event {}: {error}", event.id)))
    };
    let text = |text: Option<&SmolStr>| text.map(SmolStr::as_str).into();
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    Ok(match column {
        Column::Id => event.id.as_str().into(),
        Column::AccountId => event.account_id.as_str().into(),
        Column::TokenId => event.token_id.as_str().into(),
        Column::RequestId => event.request_id.as_str().into(),
        Column::ResponseId => text(event.response_id.as_ref()),
        Column::Created => event.created.into(),
        Column::Customer => text(event.customer.as_ref()),
        Column::Endpoint => event.endpoint.as_str().into(),
        Column::Reference => event.reference.as_str().into(),
        Column::Provider => event.provider.as_str().into(),
        Column::Model => event.model.as_str().into(),
        Column::PromptTokens => count(event.usage.prompt_tokens).into(),
        Column::CompletionTokens => count(event.usage.completion_tokens).into(),
        Column::CachedInputTokens => count(event.usage.cached_input_tokens).into(),
        Column::Usage => json(serde_json::to_string(&event.usage))?.into(),
        Column::RawUsage => event.raw_usage.clone().into(),
        Column::Estimated => event.estimated.into(),
        Column::CostNanoUsd => event.cost.0.into(),
        Column::ListCostNanoUsd => event.list_cost.0.into(),
        Column::BillableNanoUsd => event.billable.map(|amount| amount.0).into(),
        Column::PriceVersion => event.price_version.as_str().into(),
        Column::Tags => json(serde_json::to_string(&event.tags))?.into(),
        Column::SessionId => text(event.session_id.as_ref()),
        Column::Properties => json(serde_json::to_string(&event.properties))?.into(),
        Column::Status => event.status.as_str().into(),
        Column::ErrorCode => text(event.error_code.as_ref()),
        Column::Attempts => i64::from(event.attempts).into(),
        Column::Streamed => event.streamed.into(),
        Column::LatencyMs => count(event.latency_ms).into(),
        Column::FirstTokenMs => event.first_token_ms.map(count).into(),
        Column::CustomerId => text(event.customer_id.as_ref()),
        Column::HeldNanoUsd => Some(event.held.0).into(),
        Column::CustomerDebitNanoUsd => event.customer_debit.map(|amount| amount.0).into(),
        Column::AccountDebitNanoUsd => event.account_debit.map(|amount| amount.0).into(),
    })
}

pub(super) fn event(row: usage_event::Model) -> Result<UsageEvent, StoreError> {
    let bad = |error: serde_json::Error| StoreError::Value(format!("event {}: {error}", row.id));
    Ok(UsageEvent {
        usage: serde_json::from_str(&row.usage).map_err(bad)?,
        tags: serde_json::from_str(&row.tags).map_err(bad)?,
        properties: serde_json::from_str(&row.properties).map_err(bad)?,
        id: row.id.into(),
        account_id: row.account_id.into(),
        token_id: row.token_id.into(),
        request_id: row.request_id.into(),
        response_id: row.response_id.map(SmolStr::from),
        created: row.created,
        customer: row.customer.map(SmolStr::from),
        endpoint: row.endpoint.into(),
        reference: row.reference.into(),
        provider: row.provider.into(),
        model: row.model.into(),
        raw_usage: row.raw_usage,
        estimated: row.estimated,
        cost: NanoUsd(row.cost_nano_usd),
        list_cost: NanoUsd(row.list_cost_nano_usd),
        billable: row.billable_nano_usd.map(NanoUsd),
        price_version: row.price_version.into(),
        session_id: row.session_id.map(SmolStr::from),
        status: row.status.into(),
        error_code: row.error_code.map(SmolStr::from),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        streamed: row.streamed,
        latency_ms: row.latency_ms as u64,
        first_token_ms: row.first_token_ms.map(|milliseconds| milliseconds as u64),
        customer_id: row.customer_id.map(SmolStr::from),
        held: NanoUsd(row.held_nano_usd.unwrap_or(0)),
        customer_debit: row.customer_debit_nano_usd.map(NanoUsd),
        account_debit: row.account_debit_nano_usd.map(NanoUsd),
    })
}

/// What re-pricing a call needs of its event.
#[derive(Clone, Debug)]
pub struct Repriced {
    pub id: String,
    pub account_id: String,
    pub customer: Option<String>,
    pub usage: Usage,
    pub cost: NanoUsd,
    pub list_cost: NanoUsd,
    pub billable: Option<NanoUsd>,
}

/// A page of the events since `from` of calls that named `reference`, in the order of their ids,
/// those after the id `after`.
pub async fn of_reference(
    store: &Store,
    reference: &str,
    from: Timestamp,
    after: Option<&str>,
) -> Result<Vec<Repriced>, StoreError> {
    let mut query = usage_event::Entity::find()
        .filter(usage_event::Column::Reference.eq(reference))
        .filter(usage_event::Column::Created.gte(from.0))
        .order_by_asc(usage_event::Column::Id)
        .limit(PAGE);
    if let Some(after) = after {
        query = query.filter(usage_event::Column::Id.gt(after));
    }
    let rows = query.all(store.connection()).await?;
    let read = |row: usage_event::Model| {
        event(row).map(|event| Repriced {
            id: event.id.into(),
            account_id: event.account_id.into(),
            customer: event.customer.map(String::from),
            usage: event.usage,
            cost: event.cost,
            list_cost: event.list_cost,
            billable: event.billable,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Events that are read at once.
const PAGE: u64 = 1000;
