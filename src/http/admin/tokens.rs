//! `/admin/ringside/accounts/{account}/tokens`.

use super::{checked_name, no_account, read};
use crate::access::{Made, Scopes};
use crate::http::answer;
use crate::http::error::internal;
use crate::http::extract::{JsonBody, Operator};
use crate::http::list::Wanted;
use crate::http::state::Api;
use crate::store::accounts;
use crate::store::tokens::{self, TokenRow};
use crate::wire::error::{ApiError, Code};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    scopes: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    name: String,
    /// Shown in the one answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// By which it is recognised: its prefix and last four characters.
    hint: String,
    scopes: Vec<String>,
    created: String,
    expires: Option<String>,
}

fn shape(row: TokenRow) -> Shown {
    Shown {
        object: "token",
        token: None,
        hint: format!("ko_…{}", row.last_four),
        scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
        created: row.created.rfc3339(),
        expires: row.expires.map(crate::clock::Timestamp::rfc3339),
        id: row.id,
        name: row.name,
    }
}

fn shape_made(made: Made) -> Shown {
    let token = Some(made.token.expose().to_owned());
    Shown { token, ..shape(made.row) }
}

async fn known(api: &Api, account: &str) -> Result<(), ApiError> {
    let found = accounts::find(api.store(), account).await.map_err(|error| internal(&error))?;
    found.map(|_| ()).ok_or_else(no_account)
}

/// Makes a token.
pub async fn create(
    _operator: Operator,
    State(api): State<Api>,
    Path(account): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    known(&api, &account).await?;
    let new: New = read(&body)?;
    let scopes = match &new.scopes {
        None => Scopes::ALL,
        Some(names) if names.is_empty() => {
            return Err(ApiError::new(Code::InvalidRequest, "scopes: expected at least one, or leave it out for all.")
                .param("scopes"));
        }
        Some(names) => Scopes::parse(names.iter().map(String::as_str))
            .map_err(|error| ApiError::new(Code::InvalidRequest, format!("scopes: {error}.")).param("scopes"))?,
    };
    let made = api
        .tokens()
        .make_server(&account, &checked_name(&new.name)?, scopes)
        .await
        .map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::CREATED, &shape_made(made)))
}

/// Tokens that were not revoked.
pub async fn list(
    _operator: Operator,
    State(api): State<Api>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    known(&api, &account).await?;
    let wanted = Wanted::read(query.as_deref())?;
    let rows = tokens::of_account(api.store(), &account, wanted.cursor.as_deref(), wanted.rows())
        .await
        .map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &wanted.page(rows, |row| &row.id, shape)))
}

fn no_token() -> ApiError {
    ApiError::new(
        Code::NotFound,
        "This account has no such token. GET /admin/ringside/accounts/<account>/tokens lists them.",
    )
}

/// Ends a token at once.
pub async fn revoke(
    _operator: Operator,
    State(api): State<Api>,
    Path((account, token)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    if api.tokens().revoke(&account, &token).await.map_err(|error| internal(&error))? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(no_token())
    }
}

/// Makes a successor; the old token stays valid for a day.
pub async fn rotate(
    _operator: Operator,
    State(api): State<Api>,
    Path((account, token)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let made = api.tokens().rotate(&account, &token).await.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::CREATED, &shape_made(made.ok_or_else(no_token)?)))
}
