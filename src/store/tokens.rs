//! Tokens, by their hashes.

use super::entity::token;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::id::TokenHash;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

/// A token without its secret.
#[derive(Clone)]
pub struct TokenRow {
    /// `tok_…`.
    pub id: String,
    /// `None` for an admin token.
    pub account_id: Option<String>,
    pub name: String,
    pub hash: TokenHash,
    pub last_four: String,
    /// Names of scopes, separated by spaces.
    pub scopes: String,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
}

impl TryFrom<token::Model> for TokenRow {
    type Error = StoreError;
    fn try_from(row: token::Model) -> Result<Self, StoreError> {
        let hash =
            TokenHash::from_hex(&row.hash).ok_or_else(|| StoreError::Value(format!("token {}: hash", row.id)))?;
        Ok(Self {
            id: row.id,
            account_id: row.account_id,
            name: row.name,
            hash,
            last_four: row.last_four,
            scopes: row.scopes,
            created: Timestamp(row.created),
            expires: row.expires.map(Timestamp),
            revoked: row.revoked.map(Timestamp),
        })
    }
}

/// Adds a token.
pub async fn insert(store: &Store, token: &TokenRow) -> Result<(), StoreError> {
    let row = token::ActiveModel {
        id: Set(token.id.clone()),
        account_id: Set(token.account_id.clone()),
        name: Set(token.name.clone()),
        hash: Set(token.hash.to_hex()),
        last_four: Set(token.last_four.clone()),
        scopes: Set(token.scopes.clone()),
        created: Set(token.created.0),
        expires: Set(token.expires.map(|at| at.0)),
        revoked: Set(token.revoked.map(|at| at.0)),
    };
    token::Entity::insert(row).exec_without_returning(store.connection()).await?;
    Ok(())
}

/// Every token that was not revoked, whoever's it is.
pub async fn all(store: &Store) -> Result<Vec<TokenRow>, StoreError> {
    let rows = token::Entity::find().filter(token::Column::Revoked.is_null()).all(store.connection()).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Up to `limit` tokens of an account that were not revoked, in the order they were made, those
/// after the id `after`.
pub async fn of_account(
    store: &Store,
    account: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<TokenRow>, StoreError> {
    let mut query = token::Entity::find()
        .filter(token::Column::AccountId.eq(account))
        .filter(token::Column::Revoked.is_null())
        .order_by_asc(token::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(token::Column::Id.gt(after));
    }
    query.all(store.connection()).await?.into_iter().map(TryInto::try_into).collect()
}

/// One token of an account that was not revoked.
pub async fn find(store: &Store, account: &str, id: &str) -> Result<Option<TokenRow>, StoreError> {
    let row = token::Entity::find_by_id(id)
        .filter(token::Column::AccountId.eq(account))
        .filter(token::Column::Revoked.is_null())
        .one(store.connection())
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Revokes a token, or lets it expire at a time to come.
pub async fn end(
    store: &Store,
    id: &str,
    revoked: Option<Timestamp>,
    expires: Option<Timestamp>,
) -> Result<(), StoreError> {
    let mut row = token::ActiveModel { id: Set(id.to_owned()), ..Default::default() };
    if let Some(at) = revoked {
        row.revoked = Set(Some(at.0));
    }
    if let Some(at) = expires {
        row.expires = Set(Some(at.0));
    }
    token::Entity::update(row).exec(store.connection()).await?;
    Ok(())
}
