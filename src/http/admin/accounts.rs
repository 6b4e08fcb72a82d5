//! `/admin/ringside/accounts`.

use super::{checked_name, no_account, read};
use crate::http::answer;
use crate::http::error::internal;
use crate::http::extract::{JsonBody, Operator};
use crate::http::list::Wanted;
use crate::http::state::Api;
use crate::id::Id;
use crate::store::accounts::{self, Account, Billing, Plan};
use crate::wire::error::{ApiError, Code};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    email: Option<String>,
    plan: Option<String>,
    billing: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    email: Email,
    plan: Option<String>,
    billing: Option<String>,
}

/// What becomes of the address.
#[derive(Default)]
enum Email {
    #[default]
    Stays,
    Goes,
    Becomes(String),
}

/// Tells `null` from absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Email::Goes, Email::Becomes))
}

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    name: String,
    email: Option<String>,
    plan: &'static str,
    billing: &'static str,
    created: String,
}

fn shape(account: Account) -> Shown {
    Shown {
        object: "account",
        plan: account.plan.text(),
        billing: account.billing.text(),
        created: account.created.rfc3339(),
        id: account.id,
        name: account.name,
        email: account.email,
    }
}

fn plan(text: &str) -> Result<Plan, ApiError> {
    Plan::parse(text).ok_or_else(|| {
        ApiError::new(Code::InvalidRequest, "plan: expected developer, pro or enterprise.").param("plan")
    })
}

fn billing(text: &str) -> Result<Billing, ApiError> {
    Billing::parse(text)
        .ok_or_else(|| ApiError::new(Code::InvalidRequest, "billing: expected prepaid or invoiced.").param("billing"))
}

fn email(text: String) -> Result<String, ApiError> {
    let plausible =
        text.len() <= 254 && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if plausible {
        Ok(text)
    } else {
        Err(ApiError::new(Code::InvalidRequest, "email: expected an e-mail address.").param("email"))
    }
}

/// Makes an account.
pub async fn create(
    _operator: Operator,
    State(api): State<Api>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let new: New = read(&body)?;
    let plan = new.plan.as_deref().map_or(Ok(Plan::Developer), self::plan)?;
    let account = Account {
        id: Id::new("acct").into_string(),
        name: checked_name(&new.name)?,
        email: new.email.map(email).transpose()?,
        plan,
        billing: new.billing.as_deref().map_or(Ok(Billing::Invoiced), self::billing)?,
        markup_basis_points: plan.markup_basis_points(),
        created: api.clock().now(),
    };
    accounts::insert(api.store(), &account).await.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::CREATED, &shape(account)))
}

/// Accounts in the order they were made.
pub async fn list(
    _operator: Operator,
    State(api): State<Api>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let wanted = Wanted::read(query.as_deref())?;
    let rows =
        accounts::list(api.store(), wanted.cursor.as_deref(), wanted.rows()).await.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &wanted.page(rows, |account| &account.id, shape)))
}

/// One account.
pub async fn one(_operator: Operator, State(api): State<Api>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let account = accounts::find(api.store(), &id).await.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &shape(account.ok_or_else(no_account)?)))
}

/// Changes what is given.
pub async fn change(
    _operator: Operator,
    State(api): State<Api>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let change: Change = read(&body)?;
    let found = accounts::find(api.store(), &id).await.map_err(|error| internal(&error))?;
    let mut account = found.ok_or_else(no_account)?;
    if let Some(name) = change.name {
        account.name = checked_name(&name)?;
    }
    match change.email {
        Email::Stays => {}
        Email::Goes => account.email = None,
        Email::Becomes(address) => account.email = Some(email(address)?),
    }
    if let Some(text) = change.plan {
        account.plan = plan(&text)?;
        account.markup_basis_points = account.plan.markup_basis_points();
    }
    if let Some(text) = change.billing {
        account.billing = billing(&text)?;
    }
    accounts::update(api.store(), &account).await.map_err(|error| internal(&error))?;
    api.tokens().reload().await.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &shape(account)))
}
