//! `POST /admin/ringside/accounts/{account}/credits`.

use super::{no_account, read};
use crate::http::answer;
use crate::http::error::internal;
use crate::http::extract::{JsonBody, Operator};
use crate::http::member::{above_zero, note};
use crate::http::state::Api;
use crate::money::NanoUsd;
use crate::store::accounts;
use crate::wire::error::ApiError;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    amount_usd: NanoUsd,
    note: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    account: String,
    amount_usd: NanoUsd,
    balance_usd: NanoUsd,
    note: Option<String>,
    created: String,
}

/// Credits the account's wallet.
pub async fn create(
    _operator: Operator,
    State(api): State<Api>,
    Path(account): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let new: New = read(&body)?;
    let amount = above_zero("amount_usd", new.amount_usd)?;
    let note = note(new.note)?;
    let found = accounts::find(api.store(), &account).await.map_err(|error| internal(&error))?;
    found.ok_or_else(no_account)?;
    let made = api.books().credit(&account, amount, note).await.map_err(|error| internal(&error))?;
    let shown = Shown {
        id: made.change.id,
        object: "credit",
        account,
        amount_usd: amount,
        balance_usd: made.balance,
        note: made.change.note,
        created: made.change.created.rfc3339(),
    };
    Ok(answer::json(StatusCode::CREATED, &shown))
}
