//! Slots that were re-pointed by the API, and files that were good when they were last read.

use super::entity::{good_file, slot};
use super::{Store, StoreError};
use crate::clock::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait as _, QueryOrder as _};

/// A slot that was re-pointed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    pub alias: String,
    /// As JSON.
    pub definition: String,
    pub updated: Timestamp,
    /// The admin token that did it.
    pub updated_by: String,
}

/// Every slot that was re-pointed.
pub async fn all(store: &Store) -> Result<Vec<SlotRow>, StoreError> {
    let rows = slot::Entity::find().order_by_asc(slot::Column::Alias).all(store.connection()).await?;
    let shape = |row: slot::Model| SlotRow {
        alias: row.alias,
        definition: row.definition,
        updated: Timestamp(row.updated),
        updated_by: row.updated_by,
    };
    Ok(rows.into_iter().map(shape).collect())
}

/// Points a slot.
pub async fn put(store: &Store, row: &SlotRow) -> Result<(), StoreError> {
    let new = slot::ActiveModel {
        alias: Set(row.alias.clone()),
        definition: Set(row.definition.clone()),
        updated: Set(row.updated.0),
        updated_by: Set(row.updated_by.clone()),
    };
    let columns = [slot::Column::Definition, slot::Column::Updated, slot::Column::UpdatedBy];
    let conflict = OnConflict::column(slot::Column::Alias).update_columns(columns).to_owned();
    slot::Entity::insert(new).on_conflict(conflict).exec_without_returning(store.connection()).await?;
    Ok(())
}

/// Takes a slot's re-pointing back; whether there was one.
pub async fn remove(store: &Store, alias: &str) -> Result<bool, StoreError> {
    let removed = slot::Entity::delete_by_id(alias).exec(store.connection()).await?;
    Ok(removed.rows_affected > 0)
}

/// The last good content of a file.
pub async fn good_file(store: &Store, name: &str) -> Result<Option<String>, StoreError> {
    Ok(good_file::Entity::find_by_id(name).one(store.connection()).await?.map(|row| row.content))
}

/// Keeps a file's content as the last good one.
pub async fn keep_file(store: &Store, name: &str, content: &str, now: Timestamp) -> Result<(), StoreError> {
    let new =
        good_file::ActiveModel { name: Set(name.to_owned()), content: Set(content.to_owned()), updated: Set(now.0) };
    let columns = [good_file::Column::Content, good_file::Column::Updated];
    let conflict = OnConflict::column(good_file::Column::Name).update_columns(columns).to_owned();
    good_file::Entity::insert(new).on_conflict(conflict).exec_without_returning(store.connection()).await?;
    Ok(())
}
