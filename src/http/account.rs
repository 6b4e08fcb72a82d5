//! `/v1/account`: the caller's own.

use super::answer;
use super::error::internal;
use super::extract::{Authorised, JsonBody, Reading, Writing};
use super::member::{Patched, at_least_zero, given, read};
use super::state::Api;
use crate::money::NanoUsd;
use crate::store::accounts::{self, Change};
use crate::wire::error::{ApiError, Code};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    #[serde(default, deserialize_with = "given")]
    monthly_budget_usd: Patched<NanoUsd>,
    #[serde(default, deserialize_with = "given")]
    default_customer_budget_usd: Patched<NanoUsd>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    name: String,
    plan: &'static str,
    billing: &'static str,
    /// What the plan adds to list prices, in per cent.
    markup_percent: NanoUsd,
    wallet_balance_usd: NanoUsd,
    monthly_budget_usd: Option<NanoUsd>,
    default_customer_budget_usd: Option<NanoUsd>,
    /// An operator's to change, as are the next two.
    rate_limit_rpm: Option<u32>,
    rate_limit_tpm: Option<u32>,
    max_concurrent_calls: Option<u32>,
    /// Of calls admitted this month, UTC.
    spend_usd_mtd: NanoUsd,
    budget_remaining_usd: Option<NanoUsd>,
    created: String,
}

async fn shown(api: &Api, id: &str) -> Result<Response, ApiError> {
    let account = accounts::find(api.store(), id).await.map_err(|error| internal(&error))?;
    let account = account.ok_or_else(|| ApiError::new(Code::NotFound, "This account is gone."))?;
    let counts = api.ledger().counters().of(id, None, api.clock().now().month());
    let left = |budget: NanoUsd| budget.saturating_sub(counts.spent).max(NanoUsd::ZERO);
    let shown = Shown {
        object: "account",
        plan: account.plan.text(),
        billing: account.billing.text(),
        markup_percent: account.markup_percent(),
        wallet_balance_usd: counts.wallet.unwrap_or_default(),
        monthly_budget_usd: account.monthly_budget,
        default_customer_budget_usd: account.default_customer_budget,
        rate_limit_rpm: account.most.requests,
        rate_limit_tpm: account.most.tokens,
        max_concurrent_calls: account.most.at_once,
        spend_usd_mtd: counts.spent,
        budget_remaining_usd: account.monthly_budget.map(left),
        created: account.created.rfc3339(),
        id: account.id,
        name: account.name,
    };
    Ok(answer::json(StatusCode::OK, &shown))
}

/// The account.
pub async fn one(authorised: Authorised<Reading>, State(api): State<Api>) -> Result<Response, ApiError> {
    shown(&api, &authorised.caller.account_id).await
}

/// Changes its caps; the next call sees them.
pub async fn change(
    authorised: Authorised<Writing>,
    State(api): State<Api>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let changed: Changed = read(&body)?;
    let checked = |name: &'static str, amount: Patched<NanoUsd>| {
        amount.map(|amount| amount.map(|amount| at_least_zero(name, amount)).transpose()).transpose()
    };
    let change = Change {
        monthly_budget: checked("monthly_budget_usd", changed.monthly_budget_usd)?,
        default_customer_budget: checked("default_customer_budget_usd", changed.default_customer_budget_usd)?,
        ..Change::default()
    };
    let id = &authorised.caller.account_id;
    accounts::change(api.store(), id, change).await.map_err(|error| internal(&error))?;
    api.tokens().reload().await.map_err(|error| internal(&error))?;
    shown(&api, id).await
}
