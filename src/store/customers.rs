//! End customers of accounts.

use super::batch::batches;
use super::entity::customer;
use super::{Store, StoreError, events, holds, idempotency, rollups, wallets};
use crate::clock::Timestamp;
use crate::money::NanoUsd;
use crate::wire::event::NewCustomer;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use std::collections::BTreeMap;

/// One customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// `cus_…`.
    pub id: String,
    pub account_id: String,
    /// The account's own id of it.
    pub external_id: String,
    pub name: Option<String>,
    /// `None`: the account's default for customers.
    pub monthly_budget: Option<NanoUsd>,
    /// Requests a minute; `None`: no limit.
    pub rate_limit_rpm: Option<u32>,
    /// Tokens a minute; `None`: no limit.
    pub rate_limit_tpm: Option<u32>,
    pub metadata: BTreeMap<String, String>,
    pub archived: Option<Timestamp>,
    pub created: Timestamp,
}

/// What is to become of a customer; `None` leaves a member as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<Option<String>>,
    pub monthly_budget: Option<Option<NanoUsd>>,
    pub rate_limit_rpm: Option<Option<u32>>,
    pub rate_limit_tpm: Option<Option<u32>>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub archived: Option<Option<Timestamp>>,
}

impl TryFrom<customer::Model> for Customer {
    type Error = StoreError;
    fn try_from(row: customer::Model) -> Result<Self, StoreError> {
        let bad = |what: &str| StoreError::Value(format!("customer {}: {what}", row.id));
        let limit = |value: Option<i64>| value.map(u32::try_from).transpose().map_err(|_| bad("rate limit"));
        Ok(Self {
            rate_limit_rpm: limit(row.rate_limit_rpm)?,
            rate_limit_tpm: limit(row.rate_limit_tpm)?,
            metadata: serde_json::from_str(&row.metadata).map_err(|_| bad("metadata"))?,
            monthly_budget: row.monthly_budget_nano_usd.map(NanoUsd),
            archived: row.archived.map(Timestamp),
            created: Timestamp(row.created),
            id: row.id,
            account_id: row.account_id,
            external_id: row.external_id,
            name: row.name,
        })
    }
}

fn metadata(map: &BTreeMap<String, String>) -> Result<String, StoreError> {
    serde_json::to_string(map).map_err(|error| StoreError::Value(format!("metadata: {error}")))
}

/// Adds customers that are not there yet.
pub(super) async fn insert_new(
    transaction: &impl ConnectionTrait,
    customers: &[&NewCustomer],
) -> Result<(), StoreError> {
    for batch in batches(transaction.get_database_backend(), customers) {
        let rows = batch.iter().map(|new| {
            Ok(customer::ActiveModel {
                id: Set(new.id.clone()),
                account_id: Set(new.account_id.clone()),
                external_id: Set(new.external_id.clone()),
                name: Set(new.name.clone()),
                monthly_budget_nano_usd: Set(new.monthly_budget.map(|amount| amount.0)),
                rate_limit_rpm: Set(new.rate_limit_rpm.map(i64::from)),
                rate_limit_tpm: Set(new.rate_limit_tpm.map(i64::from)),
                metadata: Set(metadata(&new.metadata)?),
                archived: Set(None),
                created: Set(new.created),
            })
        });
        let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
        let conflict = OnConflict::new().do_nothing().to_owned();
        customer::Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// One customer.
pub async fn find(store: &Store, id: &str) -> Result<Option<Customer>, StoreError> {
    customer::Entity::find_by_id(id).one(store.connection()).await?.map(TryInto::try_into).transpose()
}

/// Up to `limit` customers of an account in the order they were made, those after the id `after`.
pub async fn list(store: &Store, account: &str, after: Option<&str>, limit: u64) -> Result<Vec<Customer>, StoreError> {
    let mut query = customer::Entity::find()
        .filter(customer::Column::AccountId.eq(account))
        .order_by_asc(customer::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(customer::Column::Id.gt(after));
    }
    query.all(store.connection()).await?.into_iter().map(TryInto::try_into).collect()
}

/// Up to `limit` customers of all accounts in the order they were made, those after the id `after`.
pub async fn all(store: &Store, after: Option<&str>, limit: u64) -> Result<Vec<Customer>, StoreError> {
    let mut query = customer::Entity::find().order_by_asc(customer::Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(customer::Column::Id.gt(after));
    }
    query.all(store.connection()).await?.into_iter().map(TryInto::try_into).collect()
}

/// Changes what is given.
pub async fn change(store: &Store, id: &str, change: &Change) -> Result<(), StoreError> {
    let mut row = customer::ActiveModel { id: Set(id.to_owned()), ..Default::default() };
    let mut changes = false;
    if let Some(name) = &change.name {
        (row.name, changes) = (Set(name.clone()), true);
    }
    if let Some(budget) = change.monthly_budget {
        (row.monthly_budget_nano_usd, changes) = (Set(budget.map(|amount| amount.0)), true);
    }
    if let Some(limit) = change.rate_limit_rpm {
        (row.rate_limit_rpm, changes) = (Set(limit.map(i64::from)), true);
    }
    if let Some(limit) = change.rate_limit_tpm {
        (row.rate_limit_tpm, changes) = (Set(limit.map(i64::from)), true);
    }
    if let Some(map) = &change.metadata {
        (row.metadata, changes) = (Set(metadata(map)?), true);
    }
    if let Some(archived) = change.archived {
        (row.archived, changes) = (Set(archived.map(|at| at.0)), true);
    }
    if changes {
        customer::Entity::update(row).exec(store.connection()).await?;
    }
    Ok(())
}

/// Takes a customer out of every table: its row and wallet go, its events and holds lose whatever
/// names or describes it. On SQLite nothing of it is left in the files either.
pub async fn purge(store: &Store, account: &str, id: &str, external_id: &str) -> Result<(), StoreError> {
    let writing = store.writing().await?;
    let transaction = &*writing;
    // Sums of events that still name it must not be made beside this.
    rollups::hold_back(transaction).await?;
    events::scrub(transaction, account, external_id).await?;
    holds::scrub(transaction, account, id).await?;
    wallets::purge(transaction, id).await?;
    rollups::forget_customer(transaction, account, external_id).await?;
    idempotency::purge_customer(transaction, account, &[external_id, id]).await?;
    customer::Entity::delete_by_id(id).exec(transaction).await?;
    writing.commit().await?;
    store.forget_deleted().await
}
