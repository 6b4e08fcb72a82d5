//! `/v1/customers`: the account's own customers.

use super::answer;
use super::error::internal;
use super::extract::{Authorised, JsonBody, Reading, Writing};
use super::list::Wanted;
use super::member::{Patched, at_least_zero, bad, given, name, read};
use super::refusal;
use super::state::Api;
use crate::access::ServerCaller;
use crate::billing::{self, CustomerError, Given};
use crate::money::NanoUsd;
use crate::store::customers::{self as rows, Change};
use crate::wire::error::{ApiError, Code};
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    external_id: String,
    name: Option<String>,
    #[serde(alias = "budget_usd")]
    monthly_budget_usd: Option<NanoUsd>,
    rate_limit_rpm: Option<u32>,
    rate_limit_tpm: Option<u32>,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    #[serde(default, deserialize_with = "given")]
    name: Patched<String>,
    #[serde(default, alias = "budget_usd", deserialize_with = "given")]
    monthly_budget_usd: Patched<NanoUsd>,
    #[serde(default, deserialize_with = "given")]
    rate_limit_rpm: Patched<u32>,
    #[serde(default, deserialize_with = "given")]
    rate_limit_tpm: Patched<u32>,
    #[serde(default, deserialize_with = "given")]
    metadata: Patched<BTreeMap<String, String>>,
    archived: Option<bool>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    external_id: String,
    name: Option<String>,
    monthly_budget_usd: Option<NanoUsd>,
    rate_limit_rpm: Option<u32>,
    rate_limit_tpm: Option<u32>,
    metadata: BTreeMap<String, String>,
    archived: bool,
    /// Of calls admitted this month, UTC.
    spend_usd_mtd: NanoUsd,
    /// Of its own budget or the account's default; `null` where neither is set.
    budget_remaining_usd: Option<NanoUsd>,
    /// `null` where it has no wallet.
    wallet_balance_usd: Option<NanoUsd>,
    created: String,
}

fn shape(api: &Api, caller: &ServerCaller, row: rows::Customer) -> Shown {
    let month = api.clock().now().month();
    let counts = api.ledger().counters().of(&caller.account_id, Some(&row.id), month);
    let budget = row.monthly_budget.or(caller.default_customer_budget);
    Shown {
        object: "customer",
        spend_usd_mtd: counts.spent,
        budget_remaining_usd: budget.map(|budget| budget.saturating_sub(counts.spent).max(NanoUsd::ZERO)),
        wallet_balance_usd: counts.wallet,
        archived: row.archived.is_some(),
        created: row.created.rfc3339(),
        id: row.id,
        external_id: row.external_id,
        name: row.name,
        monthly_budget_usd: row.monthly_budget,
        rate_limit_rpm: row.rate_limit_rpm,
        rate_limit_tpm: row.rate_limit_tpm,
        metadata: row.metadata,
    }
}

/// The customer that a path names: `cus_…`, an external id, or `ext:` and an external id.
pub(super) fn named(api: &Api, caller: &ServerCaller, path: &str) -> Result<Arc<billing::Customer>, ApiError> {
    let customers = api.ledger().customers();
    let (external, found) = match path.strip_prefix("ext:") {
        Some(external) => (external, customers.find_external(&caller.account_id, external)),
        None => (path, customers.find(&caller.account_id, path)),
    };
    match found {
        Some(customer) if customer.named().may_be_named() => Ok(customer),
        Some(_) => Err(unknown()),
        None if billing::is_our_id(path) => Err(unknown()),
        None => {
            billing::check_external(external).map_err(|error| refusal::customer(error, "id"))?;
            Err(unknown())
        }
    }
}

/// The same, but a customer that is not known yet is made: for a POST below it.
pub(super) fn named_or_made(api: &Api, caller: &ServerCaller, path: &str) -> Result<Arc<billing::Customer>, ApiError> {
    let external = path.strip_prefix("ext:");
    let seen = match external {
        Some(external) if billing::is_our_id(external) => Err(CustomerError::NotAnId(
            "an external id can't have the shape of Ringside's own (cus_ and 26 characters)",
        )),
        _ => api.ledger().customers().seen(&caller.account_id, external.unwrap_or(path)),
    };
    let customer = seen.map_err(|error| refusal::customer(error, "id"))?;
    if customer.named().may_be_named() { Ok(customer) } else { Err(unknown()) }
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::CustomerNotFound,
        "There is no such customer. GET /v1/customers lists them; POST /v1/customers makes one.",
    )
}

/// Names and values of metadata, as OpenAI bounds them.
fn checked_metadata(metadata: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    if metadata.len() > 16 {
        return Err(bad("metadata", "expected at most 16 pairs"));
    }
    let long = |(name, value): (&String, &String)| name.chars().count() > 64 || value.chars().count() > 512;
    if metadata.iter().any(long) {
        return Err(bad("metadata", "expected names of at most 64 characters and values of at most 512"));
    }
    Ok(metadata)
}

fn budget(amount: NanoUsd) -> Result<NanoUsd, ApiError> {
    at_least_zero("monthly_budget_usd", amount)
}

async fn shown(api: &Api, caller: &ServerCaller, id: &str) -> Result<Shown, ApiError> {
    let row = rows::find(api.store(), id).await.map_err(|error| internal(&error))?;
    Ok(shape(api, caller, row.ok_or_else(unknown)?))
}

/// Makes a customer.
pub async fn create(
    authorised: Authorised<Writing>,
    State(api): State<Api>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let caller = authorised.caller;
    let new: New = read(&body)?;
    let given = Given {
        name: new.name.as_deref().map(name).transpose()?,
        monthly_budget: new.monthly_budget_usd.map(budget).transpose()?,
        rate_limit_rpm: new.rate_limit_rpm,
        rate_limit_tpm: new.rate_limit_tpm,
        metadata: checked_metadata(new.metadata.unwrap_or_default())?,
    };
    let made = api.ledger().customers().create(&caller.account_id, &new.external_id, given);
    let (customer, _) = made.map_err(|error| refusal::customer(error, "external_id"))?;
    // It is in the journal; now it is in the table too.
    api.settle_journal().await?;
    Ok(answer::json(StatusCode::CREATED, &shown(&api, &caller, &customer.id).await?))
}

#[derive(Deserialize)]
pub struct Filter {
    external_id: Option<String>,
}

/// Customers in the order they were made, or the one of an external id.
pub async fn list(
    authorised: Authorised<Reading>,
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let caller = authorised.caller;
    let wanted = Wanted::read(query.as_deref())?;
    let Query(filter) = filter.map_err(|_| bad("external_id", "expected one value, percent-encoded"))?;
    api.settle_journal().await?;
    let found = match &filter.external_id {
        Some(external) => match api.ledger().customers().find_external(&caller.account_id, external) {
            Some(customer) => rows::find(api.store(), &customer.id).await.map(|row| row.into_iter().collect()),
            None => Ok(Vec::new()),
        },
        None => rows::list(api.store(), &caller.account_id, wanted.cursor.as_deref(), wanted.rows()).await,
    };
    let found = found.map_err(|error| internal(&error))?;
    let page = wanted.page(found, |row| &row.id, |row| shape(&api, &caller, row));
    Ok(answer::json(StatusCode::OK, &page))
}

/// One customer.
pub async fn one(
    authorised: Authorised<Reading>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let customer = named(&api, &authorised.caller, &id)?;
    api.settle_journal().await?;
    Ok(answer::json(StatusCode::OK, &shown(&api, &authorised.caller, &customer.id).await?))
}

/// Changes what is given; the next call sees it.
pub async fn change(
    authorised: Authorised<Writing>,
    State(api): State<Api>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let changed: Changed = read(&body)?;
    let now = api.clock().now();
    let change = Change {
        name: changed.name.map(|text| text.as_deref().map(name).transpose()).transpose()?,
        monthly_budget: changed.monthly_budget_usd.map(|amount| amount.map(budget).transpose()).transpose()?,
        rate_limit_rpm: changed.rate_limit_rpm,
        rate_limit_tpm: changed.rate_limit_tpm,
        metadata: changed.metadata.map(|map| checked_metadata(map.unwrap_or_default())).transpose()?,
        archived: changed.archived.map(|yes| yes.then_some(now)),
    };
    changed_to(&api, &authorised.caller, &id, change).await
}

async fn changed_to(api: &Api, caller: &ServerCaller, id: &str, change: Change) -> Result<Response, ApiError> {
    let customer = named(api, caller, id)?;
    api.settle_journal().await?;
    let done = api.ledger().customers().change(api.store(), &customer, &change).await;
    done.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &shown(api, caller, &customer.id).await?))
}

#[derive(Deserialize)]
pub struct Deletion {
    hard: Option<bool>,
}

/// Archives a customer, or with `?hard=true` purges it.
pub async fn delete(
    authorised: Authorised<Writing>,
    State(api): State<Api>,
    Path(id): Path<String>,
    deletion: Result<Query<Deletion>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(deletion) = deletion.map_err(|_| bad("hard", "expected true or false"))?;
    let caller = authorised.caller;
    if !deletion.hard.unwrap_or(false) {
        let change = Change { archived: Some(Some(api.clock().now())), ..Change::default() };
        return changed_to(&api, &caller, &id, change).await;
    }
    let customer = named(&api, &caller, &id)?;
    let purged = api.books().purge(&caller.account_id, &customer).await.map_err(|error| internal(&error))?;
    if purged { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(unknown()) }
}
