//! Accounts: the developers who call.

use super::entity::account;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::money::NanoUsd;
use crate::wire::limits::Most;
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
    /// What the account may spend a month; `None`: no limit.
    pub monthly_budget: Option<NanoUsd>,
    /// What a customer without a budget of its own may spend a month; `None`: no limit.
    pub default_customer_budget: Option<NanoUsd>,
    /// What it may do at a time.
    pub most: Most,
    pub created: Timestamp,
}

/// What is to become of an account; `None` leaves a member as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub email: Option<Option<String>>,
    pub plan: Option<Plan>,
    pub billing: Option<Billing>,
    pub markup_basis_points: Option<u32>,
    pub monthly_budget: Option<Option<NanoUsd>>,
    pub default_customer_budget: Option<Option<NanoUsd>>,
    pub most_requests: Option<Option<u32>>,
    pub most_tokens: Option<Option<u32>>,
    pub most_at_once: Option<Option<u32>>,
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
        let limit = |limit: Option<i64>| limit.map(u32::try_from).transpose().map_err(|_| bad("limit"));
        Ok(Self {
            plan: Plan::parse(&row.plan).ok_or_else(|| bad("plan"))?,
            billing: Billing::parse(&row.billing).ok_or_else(|| bad("billing"))?,
            markup_basis_points: u32::try_from(row.markup_basis_points).map_err(|_| bad("markup"))?,
            monthly_budget: row.monthly_budget_nano_usd.map(NanoUsd),
            default_customer_budget: row.default_customer_budget_nano_usd.map(NanoUsd),
            most: Most {
                requests: limit(row.rate_limit_rpm)?,
                tokens: limit(row.rate_limit_tpm)?,
                at_once: limit(row.max_concurrent_calls)?,
            },
            created: Timestamp(row.created),
            id: row.id,
            name: row.name,
            email: row.email,
        })
    }
}

impl Account {
    /// The markup in per cent, exactly; an amount has the digits that a decimal number needs.
    pub fn markup_percent(&self) -> NanoUsd {
        NanoUsd(i64::from(self.markup_basis_points) * 10_000_000)
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
        monthly_budget_nano_usd: Set(account.monthly_budget.map(|amount| amount.0)),
        default_customer_budget_nano_usd: Set(account.default_customer_budget.map(|amount| amount.0)),
        rate_limit_rpm: Set(account.most.requests.map(i64::from)),
        rate_limit_tpm: Set(account.most.tokens.map(i64::from)),
        max_concurrent_calls: Set(account.most.at_once.map(i64::from)),
    }
}

/// Adds an account.
pub async fn insert(store: &Store, account: &Account) -> Result<(), StoreError> {
    account::Entity::insert(row(account)).exec_without_returning(store.connection()).await?;
    Ok(())
}

/// Changes what is given, and nothing else: two changes at once both stand.
pub async fn change(store: &Store, id: &str, change: Change) -> Result<(), StoreError> {
    let mut row = account::ActiveModel { id: Set(id.to_owned()), ..Default::default() };
    let mut changes = false;
    if let Some(name) = change.name {
        (row.name, changes) = (Set(name), true);
    }
    if let Some(email) = change.email {
        (row.email, changes) = (Set(email), true);
    }
    if let Some(plan) = change.plan {
        (row.plan, changes) = (Set(plan.text().to_owned()), true);
    }
    if let Some(billing) = change.billing {
        (row.billing, changes) = (Set(billing.text().to_owned()), true);
    }
    if let Some(markup) = change.markup_basis_points {
        (row.markup_basis_points, changes) = (Set(i64::from(markup)), true);
    }
    if let Some(budget) = change.monthly_budget {
        (row.monthly_budget_nano_usd, changes) = (Set(budget.map(|amount| amount.0)), true);
    }
    if let Some(budget) = change.default_customer_budget {
        (row.default_customer_budget_nano_usd, changes) = (Set(budget.map(|amount| amount.0)), true);
    }
    for (column, limit) in [
        (&mut row.rate_limit_rpm, change.most_requests),
        (&mut row.rate_limit_tpm, change.most_tokens),
        (&mut row.max_concurrent_calls, change.most_at_once),
    ] {
        if let Some(limit) = limit {
            (*column, changes) = (Set(limit.map(i64::from)), true);
        }
    }
    if changes {
        account::Entity::update(row).exec(store.connection()).await?;
    }
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
