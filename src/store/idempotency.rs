//! Idempotency keys. A key is claimed by inserting its row, which the primary key lets one request
//! do; the claim is a lease that its owner renews while the call runs. What becomes of it is
//! written only while the claim still stands, so that a row that was purged does not come back.

use super::entity::idempotency_key::{ActiveModel, Column, Entity, Model};
use super::{Store, StoreError};
use crate::clock::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter, QueryTrait as _};

/// Which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub account_id: String,
    /// Empty for an account's own keys.
    pub scope: String,
    pub key: String,
}

/// A request that wants to be the first of its key.
#[derive(Clone, Debug)]
pub struct Claim {
    pub key: Key,
    /// Of method, path and body.
    pub fingerprint: String,
    /// The customer that the call is for, as the request named it.
    pub customer: Option<String>,
    pub request_id: String,
    /// Whoever renews the lease.
    pub owner: String,
    pub lease_until: Timestamp,
    /// When the key is free again.
    pub expires: Timestamp,
}

/// An answer that is given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What was found at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the key is the caller's now.
    Claimed,
    /// A key that was used for another request.
    Reused,
    Running,
    /// With the id of the first request.
    Done {
        request_id: String,
        stored: Stored,
    },
    /// Its stream was too long to be stored.
    Incomplete {
        request_id: String,
    },
    /// Its owner died in mid-call.
    Indeterminate {
        request_id: String,
    },
}

const RUNNING: &str = "running";
const DONE: &str = "done";
const INCOMPLETE: &str = "incomplete";
const INDETERMINATE: &str = "indeterminate";

/// Claims a key, or says what is there.
///
/// # Errors
/// [`StoreError`]; the key may be claimed or not then, and its lease runs out.
pub async fn claim(store: &Store, claim: &Claim, now: Timestamp) -> Result<Found, StoreError> {
    loop {
        let insert = Entity::insert(row(claim)).on_conflict(OnConflict::new().do_nothing().to_owned());
        let result = store.connection().execute(&insert.into_query()).await?;
        if result.rows_affected() == 1 {
            return Ok(Found::Claimed);
        }
        let key = &claim.key;
        let there = Entity::find_by_id((key.account_id.clone(), key.scope.clone(), key.key.clone()));
        let Some(there) = there.one(store.connection()).await? else {
            // Released in between.
            continue;
        };
        if there.expires > now.0 {
            return found(there, claim, now);
        }
        let old = Entity::delete_many().filter(Column::Expires.lte(now.0));
        of(old, key).exec(store.connection()).await?;
    }
}

fn found(there: Model, claim: &Claim, now: Timestamp) -> Result<Found, StoreError> {
    if there.fingerprint != claim.fingerprint {
        return Ok(Found::Reused);
    }
    let request_id = there.request_id;
    Ok(match (there.state.as_str(), there.status, there.headers, there.body) {
        (RUNNING, ..) if there.lease_until > now.0 => Found::Running,
        (INCOMPLETE, ..) => Found::Incomplete { request_id },
        (DONE, Some(status), Some(headers), Some(body)) => {
            let bad = |what: &str| StoreError::Value(format!("idempotency key of {request_id}: {what}"));
            let status = u16::try_from(status).map_err(|_| bad("status"))?;
            let headers = serde_json::from_str(&headers).map_err(|_| bad("headers"))?;
            Found::Done { stored: Stored { status, headers, body }, request_id }
        }
        _ => Found::Indeterminate { request_id },
    })
}

fn row(claim: &Claim) -> ActiveModel {
    ActiveModel {
        account_id: Set(claim.key.account_id.clone()),
        scope: Set(claim.key.scope.clone()),
        key: Set(claim.key.key.clone()),
        fingerprint: Set(claim.fingerprint.clone()),
        customer: Set(claim.customer.clone()),
        request_id: Set(claim.request_id.clone()),
        state: Set(RUNNING.to_owned()),
        owner: Set(claim.owner.clone()),
        lease_until: Set(claim.lease_until.0),
        expires: Set(claim.expires.0),
        status: Set(None),
        headers: Set(None),
        body: Set(None),
    }
}

fn of<Q: QueryFilter>(query: Q, key: &Key) -> Q {
    query
        .filter(Column::AccountId.eq(key.account_id.as_str()))
        .filter(Column::Scope.eq(key.scope.as_str()))
        .filter(Column::Key.eq(key.key.as_str()))
}

fn claimed<Q: QueryFilter>(query: Q, claim: &Claim) -> Q {
    of(query, &claim.key)
        .filter(Column::State.eq(RUNNING))
        .filter(Column::RequestId.eq(claim.request_id.as_str()))
        .filter(Column::Owner.eq(claim.owner.as_str()))
}

/// Says that the owner is alive.
///
/// # Errors
/// [`StoreError`].
pub async fn renew(store: &Store, claim: &Claim, lease_until: Timestamp) -> Result<(), StoreError> {
    let update = Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(lease_until.0));
    claimed(update, claim).exec(store.connection()).await?;
    Ok(())
}

/// Keeps the answer.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(store: &Store, claim: &Claim, stored: &Stored) -> Result<(), StoreError> {
    let headers = serde_json::to_string(&stored.headers).map_err(|error| StoreError::Value(error.to_string()))?;
    let update = Entity::update_many()
        .col_expr(Column::State, Expr::value(DONE))
        .col_expr(Column::Status, Expr::value(i64::from(stored.status)))
        .col_expr(Column::Headers, Expr::value(headers))
        .col_expr(Column::Body, Expr::value(stored.body.clone()));
    claimed(update, claim).exec(store.connection()).await?;
    Ok(())
}

/// Says that the stream was too long to be kept.
///
/// # Errors
/// [`StoreError`].
pub async fn incomplete(store: &Store, claim: &Claim) -> Result<(), StoreError> {
    let update = Entity::update_many().col_expr(Column::State, Expr::value(INCOMPLETE));
    claimed(update, claim).exec(store.connection()).await?;
    Ok(())
}

/// Says that nobody knows how the call ended.
///
/// # Errors
/// [`StoreError`].
pub async fn indeterminate(store: &Store, claim: &Claim) -> Result<(), StoreError> {
    let update = Entity::update_many().col_expr(Column::State, Expr::value(INDETERMINATE));
    claimed(update, claim).exec(store.connection()).await?;
    Ok(())
}

/// Gives the key free: nothing was done for it.
///
/// # Errors
/// [`StoreError`].
pub async fn release(store: &Store, claim: &Claim) -> Result<(), StoreError> {
    claimed(Entity::delete_many(), claim).exec(store.connection()).await?;
    Ok(())
}

/// Marks the calls of processes that are gone. One process serves one database, and this one has
/// just taken its lock: whoever held a lease is dead.
///
/// # Errors
/// [`StoreError`].
pub async fn abandon_running(store: &Store) -> Result<u64, StoreError> {
    let update = Entity::update_many().col_expr(Column::State, Expr::value(INDETERMINATE));
    let result = update.filter(Column::State.eq(RUNNING)).exec(store.connection()).await?;
    Ok(result.rows_affected)
}

/// Takes out keys that are free again.
///
/// # Errors
/// [`StoreError`].
pub async fn purge_expired(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    let delete = Entity::delete_many().filter(Column::Expires.lte(now.0));
    Ok(delete.exec(store.connection()).await?.rows_affected)
}

/// Takes out the keys, answers and fingerprints of calls for a customer: for customers that are
/// deleted for good. `names` is every name that a request may have given it, its external id and
/// ours. A call that still runs finds its claim gone and keeps nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn purge_customer(
    connection: &impl ConnectionTrait,
    account: &str,
    names: &[&str],
) -> Result<(), StoreError> {
    let delete = Entity::delete_many().filter(Column::AccountId.eq(account));
    delete.filter(Column::Customer.is_in(names.iter().copied())).exec(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp(1_764_000_000_000);

    async fn open(folder: &tempfile::TempDir) -> Store {
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        Store::open(&url, Duration::ZERO).await.unwrap()
    }

    fn claim_of(key: &str, request: &str) -> Claim {
        Claim {
            key: Key { account_id: "acct_1".to_owned(), scope: String::new(), key: key.to_owned() },
            fingerprint: "f".to_owned(),
            customer: Some("cus_42".to_owned()),
            request_id: request.to_owned(),
            owner: "o".to_owned(),
            lease_until: NOW.after(Duration::from_secs(30)),
            expires: NOW.after(Duration::from_secs(86_400)),
        }
    }

    #[tokio::test]
    async fn a_key_is_claimed_once_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let first = claim_of("k", "req_1");
        assert_eq!(claim(&store, &first, NOW).await.unwrap(), Found::Claimed);
        assert_eq!(claim(&store, &claim_of("k", "req_2"), NOW).await.unwrap(), Found::Running);
        let other = Claim { fingerprint: "g".to_owned(), ..claim_of("k", "req_2") };
        assert_eq!(claim(&store, &other, NOW).await.unwrap(), Found::Reused);
        let stored = Stored { status: 201, headers: vec![("a".to_owned(), "b".to_owned())], body: vec![0, 255] };
        complete(&store, &first, &stored).await.unwrap();
        let done = Found::Done { request_id: "req_1".to_owned(), stored };
        assert_eq!(claim(&store, &claim_of("k", "req_3"), NOW).await.unwrap(), done);
        let day = first.expires;
        assert_eq!(claim(&store, &claim_of("k", "req_3"), Timestamp(day.0 - 1)).await.unwrap(), done);
        let later = Claim { expires: day.after(Duration::from_secs(60)), ..claim_of("k", "req_3") };
        assert_eq!(claim(&store, &later, day).await.unwrap(), Found::Claimed);
        assert_eq!(purge_expired(&store, later.expires).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_lease_that_nobody_renews_leaves_the_call_indeterminate() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let first = claim_of("k", "req_1");
        claim(&store, &first, NOW).await.unwrap();
        let late = first.lease_until;
        let dead = Found::Indeterminate { request_id: "req_1".to_owned() };
        assert_eq!(claim(&store, &claim_of("k", "req_2"), late).await.unwrap(), dead);
        renew(&store, &first, late.after(Duration::from_secs(30))).await.unwrap();
        assert_eq!(claim(&store, &claim_of("k", "req_2"), late).await.unwrap(), Found::Running);
        assert_eq!(abandon_running(&store).await.unwrap(), 1);
        assert_eq!(claim(&store, &claim_of("k", "req_2"), late).await.unwrap(), dead);
    }

    #[tokio::test]
    async fn a_released_key_is_free_and_a_purged_one_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let first = claim_of("k", "req_1");
        claim(&store, &first, NOW).await.unwrap();
        release(&store, &first).await.unwrap();
        assert_eq!(claim(&store, &claim_of("k", "req_2"), NOW).await.unwrap(), Found::Claimed);
        purge_customer(store.connection(), "acct_2", &["cus_42"]).await.unwrap();
        assert_eq!(claim(&store, &claim_of("k", "req_3"), NOW).await.unwrap(), Found::Running);
        purge_customer(store.connection(), "acct_1", &["x", "cus_42"]).await.unwrap();
        // The call that was running ends now.
        let stored = Stored { status: 200, headers: Vec::new(), body: Vec::new() };
        complete(&store, &claim_of("k", "req_2"), &stored).await.unwrap();
        assert_eq!(claim(&store, &claim_of("k", "req_3"), NOW).await.unwrap(), Found::Claimed);
    }
}
