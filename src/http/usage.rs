//! `GET /v1/usage/events`: what each call was and what it cost.

use super::answer;
use super::error::internal;
use super::extract::{Authorised, Reading};
use super::list::Wanted;
use super::state::Api;
use crate::money::NanoUsd;
use crate::store::events;
use crate::wire::error::{ApiError, Code};
use crate::wire::event::UsageEvent;
use crate::wire::usage::Usage;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    request_id: String,
    response_id: Option<String>,
    created: String,
    customer: Option<String>,
    endpoint: String,
    reference: String,
    provider: String,
    model: String,
    usage: Usage,
    raw_usage: Option<Box<RawValue>>,
    estimated: bool,
    cost_usd: NanoUsd,
    list_cost_usd: NanoUsd,
    billable_usd: Option<NanoUsd>,
    margin_usd: Option<NanoUsd>,
    price_version: String,
    tags: Vec<String>,
    session_id: Option<String>,
    properties: BTreeMap<String, String>,
    status: String,
    error_code: Option<String>,
    attempts: u32,
    streamed: bool,
    latency_ms: u64,
    first_token_ms: Option<u64>,
}

fn shape(event: UsageEvent) -> Shown {
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
pub async fn list(
    State(api): State<Api>,
    caller: Authorised<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let wanted = Wanted::read(query.as_deref())?;
    api.settle_journal().await?;
    let rows = events::list(api.store(), &caller.caller.account_id, wanted.cursor.as_deref(), wanted.rows()).await;
    let rows = rows.map_err(|error| internal(&error))?;
    Ok(answer::json(StatusCode::OK, &wanted.page(rows, |event| &event.id, shape)))
}

/// One event of the account.
pub async fn one(
    State(api): State<Api>,
    caller: Authorised<Reading>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    api.settle_journal().await?;
    let found = events::find(api.store(), &caller.caller.account_id, &id).await.map_err(|error| internal(&error))?;
    match found {
        Some(event) => Ok(answer::json(StatusCode::OK, &shape(event))),
        None => Err(ApiError::new(Code::NotFound, "There is no such usage event. GET /v1/usage/events lists them.")),
    }
}
