//! Holds of calls that had gone out and were not over when the journal was last drained.

use super::batch::batches;
use super::entity::hold;
use super::{Store, StoreError};
use crate::wire::event::UsageEvent;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use smol_str::SmolStr;

fn text(event: &UsageEvent) -> Result<String, StoreError> {
    serde_json::to_string(event).map_err(|error| StoreError::Value(format!("hold {}: {error}", event.id)))
}

fn event(row: &hold::Model) -> Result<UsageEvent, StoreError> {
    serde_json::from_str(&row.event).map_err(|error| StoreError::Value(format!("hold {}: {error}", row.id)))
}

/// Adds holds, or puts them in the place of earlier ones of the same calls.
pub(super) async fn put(transaction: &impl ConnectionTrait, events: &[&UsageEvent]) -> Result<(), StoreError> {
    for batch in batches(transaction.get_database_backend(), events) {
        let rows = batch.iter().map(|event| {
            Ok(hold::ActiveModel {
                id: Set(event.id.to_string()),
                account_id: Set(event.account_id.to_string()),
                customer_id: Set(event.customer_id.as_ref().map(SmolStr::to_string)),
                created: Set(event.created),
                event: Set(text(event)?),
            })
        });
        let conflict = OnConflict::column(hold::Column::Id)
            .update_columns([hold::Column::CustomerId, hold::Column::Event])
            .to_owned();
        let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
        hold::Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// Deletes the holds of calls that are over.
pub(super) async fn delete(transaction: &impl ConnectionTrait, ids: &[&str]) -> Result<(), StoreError> {
    for batch in batches(transaction.get_database_backend(), ids) {
        hold::Entity::delete_many().filter(hold::Column::Id.is_in(batch.iter().copied())).exec(transaction).await?;
    }
    Ok(())
}

/// Up to `limit` holds in the order of their ids: the events that stand if nothing else comes.
pub async fn first(store: &Store, limit: u64) -> Result<Vec<UsageEvent>, StoreError> {
    let rows = hold::Entity::find().order_by_asc(hold::Column::Id).limit(limit).all(store.connection()).await?;
    rows.iter().map(event).collect()
}

/// One hold.
pub async fn find(store: &Store, id: &str) -> Result<Option<UsageEvent>, StoreError> {
    hold::Entity::find_by_id(id).one(store.connection()).await?.as_ref().map(event).transpose()
}

/// Takes out of a customer's holds whatever names or describes it.
pub(super) async fn scrub(transaction: &impl ConnectionTrait, account: &str, customer: &str) -> Result<(), StoreError> {
    let rows = hold::Entity::find()
        .filter(hold::Column::AccountId.eq(account))
        .filter(hold::Column::CustomerId.eq(customer))
        .all(transaction)
        .await?;
    for row in rows {
        let mut scrubbed = event(&row)?;
        scrubbed.scrub();
        let changed = hold::ActiveModel {
            id: Set(row.id),
            customer_id: Set(None),
            event: Set(text(&scrubbed)?),
            ..Default::default()
        };
        changed.update(transaction).await?;
    }
    Ok(())
}
