//! `/v1/customers/{id}/wallet`: the optional prepaid wallet of a customer.

use super::answer;
use super::customers::{named, named_or_made};
use super::error::internal;
use super::extract::{Authorised, JsonBody, Reading, Writing};
use super::list::{Page, Wanted};
use super::member::{above_zero, bad, note, read};
use super::state::Api;
use crate::access::ServerCaller;
use crate::money::NanoUsd;
use crate::store::wallets::{self, EntryRow, Kind, Owner};
use crate::wire::error::{ApiError, Code};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    amount_usd: NanoUsd,
    note: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    object: &'static str,
    /// The customer's id, `cus_…`.
    customer: String,
    balance_usd: NanoUsd,
    /// The newest first.
    entries: Page<Entry>,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    object: &'static str,
    r#type: String,
    /// Below zero: taken.
    amount_usd: NanoUsd,
    /// The usage event that a debit is for.
    usage_event: Option<String>,
    note: Option<String>,
    created: String,
}

#[derive(Serialize)]
struct Made {
    id: String,
    object: &'static str,
    customer: String,
    r#type: &'static str,
    amount_usd: NanoUsd,
    balance_usd: NanoUsd,
    note: Option<String>,
    created: String,
}

#[derive(Serialize)]
struct Closed {
    object: &'static str,
    customer: String,
    deleted: bool,
    refunded_usd: NanoUsd,
}

fn shape(row: EntryRow) -> Entry {
    Entry {
        object: "wallet_entry",
        r#type: row.kind,
        amount_usd: row.amount,
        usage_event: row.event_id,
        note: row.note,
        created: row.created.rfc3339(),
        id: row.id,
    }
}

fn no_wallet() -> ApiError {
    ApiError::new(
        Code::NotFound,
        "This customer has no wallet. It has one from its first top-up: POST /v1/customers/<id>/wallet/topup {\"amount_usd\": …}.",
    )
}

/// The balance and the history.
pub async fn one(
    authorised: Authorised<Reading>,
    State(api): State<Api>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let caller = authorised.caller;
    let wanted = Wanted::read(query.as_deref())?;
    let customer = named(&api, &caller, &id)?;
    let month = api.clock().now().month();
    let balance = || api.ledger().counters().of(&caller.account_id, Some(&customer.id), month).wallet;
    balance().ok_or_else(no_wallet)?;
    api.settle_journal().await?;
    let owner = Owner { account: &caller.account_id, customer: Some(&customer.id) };
    let rows = wallets::entries(api.store(), owner, wanted.cursor.as_deref(), wanted.rows()).await;
    let rows = rows.map_err(|error| internal(&error))?;
    let shown = Shown {
        object: "wallet",
        customer: customer.id.as_ref().to_owned(),
        balance_usd: balance().ok_or_else(no_wallet)?,
        entries: wanted.page(rows, |row| &row.id, shape),
    };
    Ok(answer::json(StatusCode::OK, &shown))
}

async fn add(api: &Api, caller: &ServerCaller, id: &str, kind: Kind, body: &Bytes) -> Result<Response, ApiError> {
    let given: Amount = read(body)?;
    let amount = match kind {
        Kind::Topup => above_zero("amount_usd", given.amount_usd)?,
        _ if given.amount_usd == NanoUsd::ZERO => return Err(bad("amount_usd", "expected an amount other than 0 USD")),
        _ => given.amount_usd,
    };
    let note = note(given.note)?;
    let customer = named_or_made(api, caller, id)?;
    let changed = api.books().change_wallet(&caller.account_id, &customer, kind, amount, note).await;
    let made = changed.map_err(|error| internal(&error))?;
    let shown = Made {
        id: made.change.id,
        object: "wallet_entry",
        customer: customer.id.as_ref().to_owned(),
        r#type: kind.text(),
        amount_usd: amount,
        balance_usd: made.balance,
        note: made.change.note,
        created: made.change.created.rfc3339(),
    };
    Ok(answer::json(StatusCode::CREATED, &shown))
}

/// Adds to the wallet; the first time makes it.
pub async fn topup(
    authorised: Authorised<Writing>,
    State(api): State<Api>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    add(&api, &authorised.caller, &id, Kind::Topup, &body).await
}

/// Corrects the balance, up or down.
pub async fn adjust(
    authorised: Authorised<Writing>,
    State(api): State<Api>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    add(&api, &authorised.caller, &id, Kind::Adjust, &body).await
}

/// Pays back what is in the wallet and closes it.
pub async fn close(
    authorised: Authorised<Writing>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let caller = authorised.caller;
    let customer = named(&api, &caller, &id)?;
    let closed = api.books().close_wallet(&caller.account_id, &customer, None).await;
    let refunded = closed.map_err(|error| internal(&error))?.ok_or_else(no_wallet)?;
    let shown =
        Closed { object: "wallet", customer: customer.id.as_ref().to_owned(), deleted: true, refunded_usd: refunded };
    Ok(answer::json(StatusCode::OK, &shown))
}
