//! `/admin/ringside/accounts`.

use super::{checked_name, no_account, read};
use crate::http::answer;
use crate::http::error::internal;
use crate::http::extract::{JsonBody, Operator};
use crate::http::list::Wanted;
use crate::http::member::{Patched, at_least_zero, bad, given};
use crate::http::state::Api;
use crate::id::Id;
use crate::money::NanoUsd;
use crate::store::accounts::{self, Account, Billing, Change, Plan};
use crate::wire::error::{ApiError, Code};
use crate::wire::limits::Most;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    email: Option<String>,
    plan: Option<String>,
    billing: Option<String>,
    rate_limit_rpm: Option<u32>,
    rate_limit_tpm: Option<u32>,
    max_concurrent_calls: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    email: Patched<String>,
    plan: Option<String>,
    billing: Option<String>,
    /// Enterprise's alone; other plans have theirs.
    markup_percent: Option<NanoUsd>,
    #[serde(default, deserialize_with = "given")]
    monthly_budget_usd: Patched<NanoUsd>,
    #[serde(default, deserialize_with = "given")]
    default_customer_budget_usd: Patched<NanoUsd>,
    #[serde(default, deserialize_with = "given")]
    rate_limit_rpm: Patched<u32>,
    #[serde(default, deserialize_with = "given")]
    rate_limit_tpm: Patched<u32>,
    #[serde(default, deserialize_with = "given")]
    max_concurrent_calls: Patched<u32>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    name: String,
    email: Option<String>,
    plan: &'static str,
    billing: &'static str,
    markup_percent: NanoUsd,
    wallet_balance_usd: NanoUsd,
    monthly_budget_usd: Option<NanoUsd>,
    default_customer_budget_usd: Option<NanoUsd>,
    rate_limit_rpm: Option<u32>,
    rate_limit_tpm: Option<u32>,
    max_concurrent_calls: Option<u32>,
    /// Of calls admitted this month, UTC.
    spend_usd_mtd: NanoUsd,
    created: String,
}

fn shape(api: &Api, account: Account) -> Shown {
    let counts = api.ledger().counters().of(&account.id, None, api.clock().now().month());
    Shown {
        markup_percent: account.markup_percent(),
        wallet_balance_usd: counts.wallet.unwrap_or_default(),
        monthly_budget_usd: account.monthly_budget,
        default_customer_budget_usd: account.default_customer_budget,
        rate_limit_rpm: account.most.requests,
        rate_limit_tpm: account.most.tokens,
        max_concurrent_calls: account.most.at_once,
        spend_usd_mtd: counts.spent,
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
        monthly_budget: None,
        default_customer_budget: None,
        most: Most { requests: new.rate_limit_rpm, tokens: new.rate_limit_tpm, at_once: new.max_concurrent_calls },
        created: api.clock().now(),
    };
    accounts::insert(api.store(), &account).await.map_err(|error| internal(&error))?;
    if plan == Plan::Pro {
        api.books().charge_fee(&account.id).await.map_err(|error| internal(&error))?;
    }
    Ok(answer::json(StatusCode::CREATED, &shape(&api, account)))
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
    Ok(answer::json(StatusCode::OK, &wanted.page(rows, |account| &account.id, |account| shape(&api, account))))
}

/// One account.
pub async fn one(_operator: Operator, State(api): State<Api>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let account = accounts::find(api.store(), &id).await.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &shape(&api, account.ok_or_else(no_account)?)))
}

/// Changes what is given.
pub async fn change(
    _operator: Operator,
    State(api): State<Api>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let changed: Changed = read(&body)?;
    let found = accounts::find(api.store(), &id).await.map_err(|error| internal(&error))?;
    let before = found.ok_or_else(no_account)?;
    let plan = changed.plan.as_deref().map(self::plan).transpose()?;
    let checked = |name: &'static str, amount: Patched<NanoUsd>| {
        amount.map(|amount| amount.map(|amount| at_least_zero(name, amount)).transpose()).transpose()
    };
    let change = Change {
        name: changed.name.as_deref().map(checked_name).transpose()?,
        email: changed.email.map(|address| address.map(email).transpose()).transpose()?,
        plan,
        billing: changed.billing.as_deref().map(billing).transpose()?,
        markup_basis_points: match changed.markup_percent {
            Some(percent) => Some(markup(percent, plan.unwrap_or(before.plan))?),
            None => plan.filter(|plan| *plan != before.plan).map(Plan::markup_basis_points),
        },
        monthly_budget: checked("monthly_budget_usd", changed.monthly_budget_usd)?,
        default_customer_budget: checked("default_customer_budget_usd", changed.default_customer_budget_usd)?,
        most_requests: changed.rate_limit_rpm,
        most_tokens: changed.rate_limit_tpm,
        most_at_once: changed.max_concurrent_calls,
    };
    accounts::change(api.store(), &id, change).await.map_err(|error| internal(&error))?;
    if plan == Some(Plan::Pro) {
        api.books().charge_fee(&id).await.map_err(|error| internal(&error))?;
    }
    api.tokens().reload().await.map_err(|error| internal(&error))?;
    let account = accounts::find(api.store(), &id).await.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &shape(&api, account.ok_or_else(no_account)?)))
}

/// Enterprise's markup in hundredths of a per cent.
fn markup(percent: NanoUsd, plan: Plan) -> Result<u32, ApiError> {
    /// A hundredth of a per cent.
    const POINT: i64 = 10_000_000;
    if plan != Plan::Enterprise {
        return Err(bad("markup_percent", "only the plan enterprise has a markup of its own"));
    }
    if percent.0 % POINT != 0 || !(0..=1000).contains(&(percent.0 / (POINT * 100))) {
        return Err(bad("markup_percent", "expected a number from 0 to 1000 with at most two decimals"));
    }
    u32::try_from(percent.0 / POINT).map_err(|_| bad("markup_percent", "expected a number from 0 to 1000"))
}
