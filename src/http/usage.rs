//! `GET /v1/usage/events`: what each call was and what it cost.

use super::answer;
use super::error::internal;
use super::explained;
use super::export::{self, Export, Format};
use super::extract::{Authorised, Reading};
use super::list::Wanted;
use super::query::{Params, bad};
use super::state::Api;
use crate::money::NanoUsd;
use crate::store::event_list::{self, Filter, Place};
use crate::store::events;
use crate::wire::error::{ApiError, Code};
use crate::wire::event::UsageEvent;
use crate::wire::usage::Usage;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// An event as the API shows it.
#[derive(Serialize)]
pub struct Shown {
    pub id: SmolStr,
    pub object: &'static str,
    pub request_id: SmolStr,
    pub response_id: Option<SmolStr>,
    pub created: String,
    pub customer: Option<SmolStr>,
    pub endpoint: SmolStr,
    pub reference: SmolStr,
    pub provider: SmolStr,
    pub model: SmolStr,
    pub usage: Usage,
    pub raw_usage: Option<Box<RawValue>>,
    pub estimated: bool,
    pub cost_usd: NanoUsd,
    pub list_cost_usd: NanoUsd,
    pub billable_usd: Option<NanoUsd>,
    pub margin_usd: Option<NanoUsd>,
    pub price_version: SmolStr,
    pub tags: Vec<String>,
    pub session_id: Option<SmolStr>,
    pub properties: BTreeMap<String, String>,
    pub status: SmolStr,
    pub error_code: Option<SmolStr>,
    pub attempts: u32,
    pub streamed: bool,
    pub latency_ms: u64,
    pub first_token_ms: Option<u64>,
}

/// An event as it is shown.
pub fn shape(event: UsageEvent) -> Shown {
    Shown {
        object: "usage_event",
        created: event.created().rfc3339(),
        margin_usd: event.margin(),
        // It was JSON when it came; what can't be read any more is left out.
        raw_usage: event.raw_usage.and_then(|raw| RawValue::from_string(raw).ok()),
        id: event.id,
        request_id: event.request_id,
        response_id: event.response_id,
        customer: event.customer,
        endpoint: event.endpoint,
        reference: event.reference,
        provider: event.provider,
        model: event.model,
        usage: event.usage,
        estimated: event.estimated,
        cost_usd: event.cost,
        list_cost_usd: event.list_cost,
        billable_usd: event.billable,
        price_version: event.price_version,
        tags: event.tags,
        session_id: event.session_id,
        properties: event.properties,
        status: event.status,
        error_code: event.error_code,
        attempts: event.attempts,
        streamed: event.streamed,
        latency_ms: event.latency_ms,
        first_token_ms: event.first_token_ms,
    }
}

/// The account's events, the newest first. Calls that have just ended are among them.
pub async fn list(State(api): State<Api>, caller: Authorised<Reading>, uri: Uri) -> Result<Response, ApiError> {
    const KNOWN: [&str; 9] = ["customer", "request_id", "model", "status", "from", "to", "format", "limit", "cursor"];
    let params = Params::read(&uri, &KNOWN)?;
    let (filter, format) = (filter(&params)?, format(&params)?);
    let account = caller.caller.account_id.as_ref();
    // Checks them for all formats alike; a file may be longer than a page.
    let most = if format.is_some() { export::MOST } else { 100 };
    let wanted = Wanted { limit: limit(&params, if format.is_some() { most } else { 20 }, most)?, cursor: None };
    api.settle_journal().await?;
    let behind = match params.get("cursor") {
        Some(cursor) => Some(behind(&api, account, cursor).await?),
        None => None,
    };
    if let Some(format) = format {
        let limit = wanted.limit as u64;
        let export = Export { account: account.to_owned(), filter, behind, format, limit };
        return export::response(&api, export).await.map_err(|error| internal(&error));
    }
    let rows = event_list::page(api.store(), account, &filter, behind.as_ref(), wanted.rows()).await;
    let rows = rows.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &wanted.page(rows, |event| &event.id, shape)))
}

fn filter(params: &Params) -> Result<Filter, ApiError> {
    let text = |name: &str| params.get(name).map(str::to_owned);
    let (mut provider, mut model) = (None, text("model"));
    // A reference names both.
    if let Some((of, id)) = params.get("model").and_then(|model| model.strip_prefix("fc:")?.split_once('/')) {
        (provider, model) = (Some(of.to_owned()), Some(id.to_owned()));
    }
    if let Some(status) = params.get("status")
        && !STATUSES.contains(&status)
    {
        return Err(bad("status", format!("status: expected one of {}.", STATUSES.join(", "))));
    }
    let customer = params.get("customer").map(|id| id.strip_prefix("ext:").unwrap_or(id).to_owned());
    let (from, to) = (params.time("from")?, params.time("to")?);
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        return Err(bad("to", "to: it lies before from.".to_owned()));
    }
    Ok(Filter { customer, request_id: text("request_id"), provider, model, status: text("status"), from, to })
}

const STATUSES: [&str; 4] = ["ok", "error", "aborted", "abandoned"];

fn format(params: &Params) -> Result<Option<Format>, ApiError> {
    match params.get("format") {
        None | Some("json") => Ok(None),
        Some("jsonl") => Ok(Some(Format::JsonLines)),
        Some("csv") => Ok(Some(Format::Csv)),
        Some(_) => Err(bad("format", "format: expected json, jsonl or csv.".to_owned())),
    }
}

fn limit(params: &Params, default: u64, most: u64) -> Result<usize, ApiError> {
    let given = params.get("limit").map_or(Some(default), |text| text.parse().ok());
    let limit = given.filter(|limit| (1..=most).contains(limit));
    limit
        .map(|limit| limit as usize)
        .ok_or_else(|| bad("limit", format!("limit: expected a whole number from 1 to {most}.")))
}

async fn behind(api: &Api, account: &str, cursor: &str) -> Result<Place, ApiError> {
    let place = event_list::place(api.store(), account, cursor).await.map_err(|error| internal(&error))?;
    place.ok_or_else(|| bad("cursor", "cursor: expected the next_cursor of the page before.".to_owned()))
}

/// One event of the account, and what its charge was made of.
pub async fn one(
    State(api): State<Api>,
    caller: Authorised<Reading>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    api.settle_journal().await?;
    let found = events::find(api.store(), &caller.caller.account_id, &id).await.map_err(|error| internal(&error))?;
    match found {
        Some(event) => Ok(answer::json(StatusCode::OK, &explained::explain(api.gateway(), event))),
        None => Err(ApiError::new(Code::NotFound, "There is no such usage event. GET /v1/usage/events lists them.")),
    }
}
