//! `GET /v1/usage`, `GET /v1/margin`, and the same of one customer.

use super::answer;
use super::error::internal;
use super::extract::{Authorised, Reading};
use super::query::{Params, bad};
use super::state::Api;
use crate::billing::reports::{self, Group, LONGEST_SCAN, MOST_ROWS, Measures, Question, Report, ReportError};
use crate::money::NanoUsd;
use crate::wire::error::ApiError;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;

/// Which measures are shown.
#[derive(Clone, Copy)]
enum Kind {
    Usage,
    Margin,
}

/// The account's usage.
pub async fn usage(State(api): State<Api>, caller: Authorised<Reading>, uri: Uri) -> Result<Response, ApiError> {
    answer(&api, &caller, &uri, None, Kind::Usage).await
}

/// The account's margin.
pub async fn margin(State(api): State<Api>, caller: Authorised<Reading>, uri: Uri) -> Result<Response, ApiError> {
    answer(&api, &caller, &uri, None, Kind::Margin).await
}

/// A customer's usage.
pub async fn customer_usage(
    State(api): State<Api>,
    caller: Authorised<Reading>,
    Path(customer): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let customer = external_id(&customer)?;
    answer(&api, &caller, &uri, Some(customer), Kind::Usage).await
}

/// A customer's margin.
pub async fn customer_margin(
    State(api): State<Api>,
    caller: Authorised<Reading>,
    Path(customer): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let customer = external_id(&customer)?;
    answer(&api, &caller, &uri, Some(customer), Kind::Margin).await
}

/// The external id that a path's segment means.
fn external_id(segment: &str) -> Result<String, ApiError> {
    let id = segment.strip_prefix("ext:").unwrap_or(segment);
    if id.is_empty() || id.len() > 255 {
        return Err(bad("customer", "The customer's id has 1 to 255 bytes.".to_owned()));
    }
    Ok(id.to_owned())
}

async fn answer(
    api: &Api,
    caller: &Authorised<Reading>,
    uri: &Uri,
    customer: Option<String>,
    kind: Kind,
) -> Result<Response, ApiError> {
    let question = question(api, &caller.caller.account_id, uri, customer)?;
    // The call that has just ended is in the report.
    api.settle_journal().await?;
    let _turn = api.report_turn().await;
    let report = reports::report(api.store(), &question).await.map_err(explain)?;
    Ok(answer::json(StatusCode::OK, &Shown { question: &question, report: &report, kind }))
}

fn question(api: &Api, account: &str, uri: &Uri, customer: Option<String>) -> Result<Question, ApiError> {
    let params = Params::read(uri, &["from", "to", "group_by"])?;
    let month = api.clock().now().month();
    let from = params.time("from")?.unwrap_or_else(|| month.start());
    let to = params.time("to")?.unwrap_or_else(|| month.next().start().max(from.month().next().start()));
    if to < from {
        return Err(bad("to", "to: it lies before from.".to_owned()));
    }
    let groups = reports::parse(params.get("group_by").unwrap_or_default())
        .map_err(|error| bad("group_by", format!("group_by: {error}.")))?;
    Ok(Question { account: account.to_owned(), customer, from, to, groups })
}

fn explain(error: ReportError) -> ApiError {
    match error {
        ReportError::TooLong => bad(
            "from",
            format!(
                "from: a report by tag, session or property spans at most {} days. Ask for less time.",
                LONGEST_SCAN.as_secs() / 86_400
            ),
        ),
        ReportError::TooLarge => bad(
            "group_by",
            format!("group_by: the report would have more than {MOST_ROWS} rows. Ask for less time or fewer groups."),
        ),
        ReportError::Store(error) => internal(&error),
    }
}

/// A report as JSON.
struct Shown<'r> {
    question: &'r Question,
    report: &'r Report,
    kind: Kind,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<String> = self.question.groups.iter().map(Group::name).collect();
        let rows = self.report.rows.iter();
        let rows: Vec<_> =
            rows.map(|(values, measures)| ShownRow { names: &names, values, measures, kind: self.kind }).collect();
        let total = ShownRow { names: &[], values: &[], measures: &self.report.total, kind: self.kind };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &self.question.from.rfc3339())?;
        map.serialize_entry("to", &self.question.to.rfc3339())?;
        map.serialize_entry("group_by", &names)?;
        map.serialize_entry("rows", &rows)?;
        map.serialize_entry("total", &total)?;
        map.end()
    }
}

struct ShownRow<'r> {
    names: &'r [String],
    values: &'r [Option<String>],
    measures: &'r Measures,
    kind: Kind,
}

impl Serialize for ShownRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let measures = self.measures;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.names.iter().zip(self.values) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("calls", &measures.calls)?;
        match self.kind {
            Kind::Usage => {
                map.serialize_entry("errors", &measures.errors)?;
                map.serialize_entry("prompt_tokens", &measures.prompt_tokens)?;
                map.serialize_entry("completion_tokens", &measures.completion_tokens)?;
                map.serialize_entry("cached_input_tokens", &measures.cached_input_tokens)?;
                map.serialize_entry("cost_usd", &measures.cost)?;
                map.serialize_entry("list_cost_usd", &measures.list_cost)?;
                map.serialize_entry("billable_usd", &measures.billable)?;
                map.serialize_entry("margin_usd", &measures.margin())?;
            }
            Kind::Margin => {
                map.serialize_entry("billable_usd", &measures.billable)?;
                map.serialize_entry("cost_usd", &measures.cost)?;
                map.serialize_entry("margin_usd", &measures.margin())?;
                map.serialize_entry("margin_percent", &measures.margin_basis_points().map(percent))?;
            }
        }
        map.end()
    }
}

/// Hundredths of a per cent as a decimal JSON number.
fn percent(basis_points: i128) -> Box<RawValue> {
    // Written as an amount is: a hundredth is ten million billionths.
    let scaled = i64::try_from(basis_points.saturating_mul(10_000_000));
    let text = NanoUsd(scaled.unwrap_or(if basis_points < 0 { i64::MIN + 1 } else { i64::MAX })).to_string();
    RawValue::from_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cents_are_decimal_numbers() {
        for (points, text) in [(0, "0"), (6667, "66.67"), (6670, "66.7"), (-15_000, "-150"), (1, "0.01")] {
            assert_eq!(percent(points).get(), text);
        }
    }
}
