//! Usage events as they are listed: the newest first, by what they are.

use super::entity::usage_event::{Column, Entity};
use super::{Store, StoreError, events};
use crate::clock::Timestamp;
use crate::wire::event::UsageEvent;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};

/// Which events; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// By its external id.
    pub customer: Option<String>,
    pub request_id: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub status: Option<String>,
    /// Admitted then or later.
    pub from: Option<Timestamp>,
    /// Admitted before.
    pub to: Option<Timestamp>,
}

/// Where a page begins: behind the event of that time and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub created: Timestamp,
    pub id: String,
}

impl Place {
    /// The place of an event.
    pub fn of(event: &UsageEvent) -> Self {
        Self { created: event.created(), id: event.id.to_string() }
    }
}

/// The place of an event of the account; `None` where there is none of that id.
///
/// # Errors
/// [`StoreError`].
pub async fn place(store: &Store, account: &str, id: &str) -> Result<Option<Place>, StoreError> {
    Ok(events::find(store, account, id).await?.as_ref().map(Place::of))
}

/// Up to `limit` events of an account behind a place, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    store: &Store,
    account: &str,
    filter: &Filter,
    behind: Option<&Place>,
    limit: u64,
) -> Result<Vec<UsageEvent>, StoreError> {
    let query = wanted(account, filter, behind).limit(limit);
    query.all(store.connection()).await?.into_iter().map(events::event).collect()
}

/// The id of the event that has `count` others before it behind a place.
///
/// # Errors
/// [`StoreError`].
pub async fn nth(
    store: &Store,
    account: &str,
    filter: &Filter,
    behind: Option<&Place>,
    count: u64,
) -> Result<Option<String>, StoreError> {
    let query = wanted(account, filter, behind).select_only().column(Column::Id).offset(count).limit(1);
    Ok(query.into_tuple::<String>().one(store.connection()).await?)
}

fn wanted(account: &str, filter: &Filter, behind: Option<&Place>) -> Select<Entity> {
    let mut query = Entity::find().filter(Column::AccountId.eq(account));
    for (column, value) in [
        (Column::Customer, &filter.customer),
        (Column::RequestId, &filter.request_id),
        (Column::Provider, &filter.provider),
        (Column::Model, &filter.model),
        (Column::Status, &filter.status),
    ] {
        if let Some(value) = value {
            query = query.filter(column.eq(value.as_str()));
        }
    }
    if let Some(from) = filter.from {
        query = query.filter(Column::Created.gte(from.0));
    }
    if let Some(to) = filter.to {
        query = query.filter(Column::Created.lt(to.0));
    }
    if let Some(Place { created, id }) = behind {
        // Twice the time, so that an index on it is used.
        query = query
            .filter(Column::Created.lte(created.0))
            .filter(Condition::any().add(Column::Created.lt(created.0)).add(Column::Id.lt(id.as_str())));
    }
    query.order_by_desc(Column::Created).order_by_desc(Column::Id)
}
