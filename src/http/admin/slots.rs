//! `/admin/ringside/slots`: what aliases stand for, and re-pointing them while calls run.

use crate::billing;
use crate::gateway::Gateway;
use crate::http::answer;
use crate::http::error::internal;
use crate::http::extract::{JsonBody, Operator};
use crate::http::member::read;
use crate::http::state::Api;
use crate::slots::{Definition, FailoverOn, Listed, MOST_TARGETS, MOST_WEIGHT, Source, Target, definition::is_alias};
use crate::store::slots::{self, SlotRow};
use crate::wire::error::{ApiError, Code};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    target: Option<String>,
    targets: Option<Vec<Value>>,
    failover_on: Option<Vec<String>>,
}

/// A target with its weight; one alone is a text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weighed {
    target: String,
    weight: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposed {
    target: String,
}

#[derive(Serialize)]
struct Shown {
    alias: String,
    object: &'static str,
    /// The first target: what a call goes to when nothing fails.
    target: Option<String>,
    targets: Vec<Target>,
    failover_on: Vec<&'static str>,
    /// `file` or `api`.
    source: &'static str,
    /// What the file says, where the API says something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_file: Option<Vec<Target>>,
}

#[derive(Serialize)]
struct All {
    data: Vec<Shown>,
    has_more: bool,
    next_cursor: Option<String>,
    /// What is wrong with the file on the disk; the last good one is in force then.
    findings: Vec<String>,
}

fn shape(listed: Listed) -> Shown {
    Shown {
        object: "slot",
        target: listed.definition.targets.first().map(|target| target.target.clone()),
        failover_on: listed.definition.failover_on.words(),
        targets: listed.definition.targets,
        source: match listed.source {
            Source::File => "file",
            Source::Api => "api",
        },
        in_file: listed.in_file.map(|definition| definition.targets),
        alias: listed.alias,
    }
}

fn bad(param: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(Code::InvalidRequest, message.into()).param(param)
}

fn no_slot(alias: &str) -> ApiError {
    let alias: String = alias.chars().filter(|c| !c.is_control()).take(64).collect();
    ApiError::new(
        Code::SlotNotFound,
        format!(
            "There is no slot `{alias}`. PATCH /admin/ringside/slots/{alias} {{\"target\": \"fc:…\"}} makes one; GET /admin/ringside/slots lists them."
        ),
    )
}

fn find(api: &Api, alias: &str) -> Result<Shown, ApiError> {
    let listed = api.gateway().slots.list().into_iter().find(|listed| listed.alias == alias);
    listed.map(shape).ok_or_else(|| no_slot(alias))
}

/// Every slot.
pub async fn list(_operator: Operator, State(api): State<Api>) -> Response {
    let slots = &api.gateway().slots;
    let data = slots.list().into_iter().map(shape).collect();
    answer::json(StatusCode::OK, &All { data, has_more: false, next_cursor: None, findings: slots.findings() })
}

/// One slot.
pub async fn one(_operator: Operator, State(api): State<Api>, Path(alias): Path<String>) -> Result<Response, ApiError> {
    Ok(answer::json(StatusCode::OK, &find(&api, &alias)?))
}

/// Makes or re-points a slot. Calls that run finish where they began.
pub async fn change(
    operator: Operator,
    State(api): State<Api>,
    Path(alias): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    if !is_alias(&alias) {
        return Err(bad("alias", "alias: expected 1 to 64 letters, digits, `-`, `_` and `.`."));
    }
    let definition = definition(read(&body)?, api.gateway(), &alias)?;
    let json = serde_json::to_string(&definition).map_err(|error| internal(&error))?;
    let before = find(&api, &alias).ok().and_then(|shown| shown.target);
    let row = SlotRow {
        alias: alias.clone(),
        definition: json,
        updated: api.clock().now(),
        updated_by: operator.token_id.as_ref().to_owned(),
    };
    slots::put(api.store(), &row).await.map_err(|error| internal(&error))?;
    api.reload_slots().await?;
    tracing::info!(alias, from = before, to = definition.targets[0].target, who = row.updated_by, "slot re-pointed");
    Ok(answer::json(StatusCode::OK, &find(&api, &alias)?))
}

fn definition(change: Change, gateway: &Gateway, alias: &str) -> Result<Definition, ApiError> {
    let (param, targets) = match (change.target, change.targets) {
        (Some(target), None) => ("target", vec![Target { target, weight: None }]),
        (None, Some(targets)) if (1..=MOST_TARGETS).contains(&targets.len()) => {
            ("targets", targets.into_iter().enumerate().map(weighed).collect::<Result<_, _>>()?)
        }
        (None, Some(_)) => return Err(bad("targets", format!("targets: expected 1 to {MOST_TARGETS} targets."))),
        (Some(_), Some(_)) => return Err(bad("targets", "Give `target` or `targets`, not both.")),
        (None, None) => return Err(bad("target", "target: expected a reference such as fc:openai/gpt-4o.")),
    };
    let mut failover_on = FailoverOn::default();
    if let Some(words) = change.failover_on {
        failover_on = FailoverOn::none();
        for word in words {
            if !failover_on.add(&word) {
                let known = FailoverOn::WORDS.join(", ");
                return Err(bad("failover_on", format!("failover_on: expected words of {known}.")));
            }
        }
    }
    let written = Definition { targets, failover_on };
    let referent = |target: &str| gateway.referent(target);
    gateway.slots.resolve(alias, &written, &referent).map_err(|text| bad(param, format!("{param}: {text}.")))
}

/// One of the targets, as it is given.
fn weighed((index, given): (usize, Value)) -> Result<Target, ApiError> {
    let weighed = match given {
        Value::String(target) => Ok(Weighed { target, weight: None }),
        given => Weighed::deserialize(given),
    };
    match weighed {
        Ok(Weighed { target, weight }) if weight.is_none_or(|weight| weight <= MOST_WEIGHT) => {
            Ok(Target { target, weight })
        }
        Ok(_) => {
            Err(bad("targets", format!("targets[{index}].weight: expected a whole number from 0 to {MOST_WEIGHT}.")))
        }
        Err(error) => Err(bad(
            "targets",
            format!(
                "targets[{index}]: {error}; expected a reference such as fc:openai/gpt-4o, or an object with `target` and `weight`."
            ),
        )),
    }
}

/// Takes a re-pointing back: the file's entry holds again.
pub async fn remove(
    operator: Operator,
    State(api): State<Api>,
    Path(alias): Path<String>,
) -> Result<Response, ApiError> {
    if !slots::remove(api.store(), &alias).await.map_err(|error| internal(&error))? {
        return Err(no_slot(&alias));
    }
    api.reload_slots().await?;
    tracing::info!(alias, who = operator.token_id.as_ref(), "slot given back to the file");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the slot's last 24 hours would have cost at another target.
pub async fn preview(
    _operator: Operator,
    State(api): State<Api>,
    Path(alias): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    find(&api, &alias)?;
    let proposed: Proposed = read(&body)?;
    api.settle_journal().await?;
    let priced = api.gateway().priced(&proposed.target).map_err(|text| bad("target", format!("target: {text}.")))?;
    let preview = billing::preview(api.store(), &alias, &proposed.target, &priced, api.clock().now()).await;
    Ok(answer::json(StatusCode::OK, &preview.map_err(|error| internal(&error))?))
}
