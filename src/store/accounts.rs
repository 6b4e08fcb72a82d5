//! Accounts: the developers who call.

use super::entity::account;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `acct_…`.
    pub id: String,
    pub name: String,
    pub email: Option<String>,
    pub plan: Plan,
    pub billing: Billing,
    /// What is added to list prices, in hundredths of a per cent.
    pub markup_basis_points: u32,
    pub created: Timestamp,
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($variant:ident $text:literal),* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),* }

        impl $name {
            /// As the API writes it.
            pub fn text(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            /// Reads what the API writes.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// What an account pays on top of list prices.
    Plan { Developer "developer", Pro "pro", Enterprise "enterprise" }
}
words! {
    /// How an account pays.
    Billing { Prepaid "prepaid", Invoiced "invoiced" }
}

impl Plan {
    /// The markup of a plan; Enterprise's is set by contract and starts at none.
    pub fn markup_basis_points(self) -> u32 {
        match self {
            Plan::Developer => 1000,
            Plan::Pro => 600,
            Plan::Enterprise => 0,
        }
    }
}

impl TryFrom<account::Model> for Account {
    type Error = StoreError;
    fn try_from(row: account::Model) -> Result<Self, StoreError> {
        let bad = |what: &str| StoreError::Value(format!("account {}: {what}", row.id));
        Ok(Self {
            plan: Plan::parse(&row.plan).ok_or_else(|| bad("plan"))?,
            billing: Billing::parse(&row.billing).ok_or_else(|| bad("billing"))?,
            markup_basis_points: u32::try_from(row.markup_basis_points).map_err(|_| bad("markup"))?,
            created: Timestamp(row.created),
            id: row.id,
            name: row.name,
            email: row.email,
        })
    }
}

fn row(account: &Account) -> account::ActiveModel {
    account::ActiveModel {
        id: Set(account.id.clone()),
        name: Set(account.name.clone()),
        email: Set(account.email.clone()),
        plan: Set(account.plan.text().to_owned()),
        billing: Set(account.billing.text().to_owned()),
        markup_basis_points: Set(i64::from(account.markup_basis_points)),
        created: Set(account.created.0),
    }
}

/// Adds an account.
pub async fn insert(store: &Store, account: &Account) -> Result<(), StoreError> {
    account::Entity::insert(row(account)).exec_without_returning(store.connection()).await?;
    Ok(())
}

/// Changes an account's own members; its id and creation stay.
pub async fn update(store: &Store, account: &Account) -> Result<(), StoreError> {
    account::Entity::update(row(account)).exec(store.connection()).await?;
    Ok(())
}

/// One account.
pub async fn find(store: &Store, id: &str) -> Result<Option<Account>, StoreError> {
    account::Entity::find_by_id(id).one(store.connection()).await?.map(TryInto::try_into).transpose()
}

/// Up to `limit` accounts in the order they were made, those after the id `after`.
pub async fn list(store: &Store, after: Option<&str>, limit: u64) -> Result<Vec<Account>, StoreError> {
    let mut query = account::Entity::find().order_by_asc(account::Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(account::Column::Id.gt(after));
    }
    query.all(store.connection()).await?.into_iter().map(TryInto::try_into).collect()
}

/// How many there are.
pub async fn count(store: &Store) -> Result<u64, StoreError> {
    Ok(account::Entity::find().count(store.connection()).await?)
}
