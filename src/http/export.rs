//! Usage events in one file: JSON lines, or CSV that a spreadsheet may open.
//!
//! It is written page by page while the client reads; no more than a page is in memory. What goes
//! wrong on the way breaks the connection: a file that is cut must not look whole.

use super::state::Api;
use super::usage::{Shown, shape};
use crate::store::StoreError;
use crate::store::event_list::{self, Filter, Place};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use std::fmt::Write as _;

/// Events of one file; `X-Ringside-Next-Cursor` says where the next begins.
pub const MOST: u64 = 100_000;
/// Events read at once.
const PAGE: u64 = 500;

const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-ringside-next-cursor");

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    JsonLines,
    Csv,
}

impl Format {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Format::JsonLines => "application/jsonl",
            Format::Csv => "text/csv; charset=utf-8; header=present",
        })
    }

    fn disposition(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Format::JsonLines => "attachment; filename=\"usage.jsonl\"",
            Format::Csv => "attachment; filename=\"usage.csv\"",
        })
    }
}

/// What a file is written from.
pub struct Export {
    pub account: String,
    pub filter: Filter,
    pub behind: Option<Place>,
    pub format: Format,
    /// Events at most.
    pub limit: u64,
}

struct Progress {
    export: Export,
    api: Api,
    begun: bool,
}

/// The file as an answer.
///
/// # Errors
/// [`StoreError`], before anything is written.
pub async fn response(api: &Api, export: Export) -> Result<Response, StoreError> {
    let (account, filter) = (&export.account, &export.filter);
    let nth = async |count| event_list::nth(api.store(), account, filter, export.behind.as_ref(), count).await;
    let next = match nth(export.limit).await? {
        // A cursor is the last event before it.
        Some(_) => nth(export.limit - 1).await?.and_then(|last| HeaderValue::from_str(&last).ok()),
        None => None,
    };
    let format = export.format;
    let start = Progress { export, api: api.clone(), begun: false };
    let mut response = Response::new(Body::from_stream(stream::try_unfold(start, write_page)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, format.content_type());
    headers.insert(header::CONTENT_DISPOSITION, format.disposition());
    headers.extend(next.map(|next| (NEXT_CURSOR, next)));
    Ok(response)
}

async fn write_page(mut progress: Progress) -> Result<Option<(Bytes, Progress)>, StoreError> {
    let export = &mut progress.export;
    let mut out = String::new();
    if !progress.begun && export.format == Format::Csv {
        out.push_str(&csv_head());
    }
    progress.begun = true;
    let wanted = export.limit.min(PAGE);
    let events = match wanted {
        0 => Vec::new(),
        _ => {
            let behind = export.behind.as_ref();
            event_list::page(progress.api.store(), &export.account, &export.filter, behind, wanted).await?
        }
    };
    export.limit = if (events.len() as u64) < wanted { 0 } else { export.limit - wanted };
    export.behind = events.last().map(Place::of).or(export.behind.take());
    for event in events {
        let shown = shape(event);
        match export.format {
            Format::JsonLines => {
                let line = serde_json::to_string(&shown).map_err(|error| StoreError::Value(error.to_string()))?;
                out.push_str(&line);
                out.push('\n');
            }
            Format::Csv => csv_row(&shown, &mut out),
        }
    }
    Ok((!out.is_empty()).then(|| (out.into(), progress)))
}

/// A cell of a row.
enum Cell<'e> {
    Text(&'e str),
    /// Digits of ours.
    Number(String),
    Empty,
}

fn text(value: Option<&str>) -> Cell<'_> {
    value.map_or(Cell::Empty, Cell::Text)
}

fn number(value: Option<impl ToString>) -> Cell<'static> {
    value.map_or(Cell::Empty, |value| Cell::Number(value.to_string()))
}

const COLUMNS: [&str; 27] = [
    "id",
    "created",
    "request_id",
    "response_id",
    "customer",
    "endpoint",
    "reference",
    "provider",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "cached_input_tokens",
    "estimated",
    "cost_usd",
    "list_cost_usd",
    "billable_usd",
    "margin_usd",
    "price_version",
    "tags",
    "session_id",
    "properties",
    "status",
    "error_code",
    "attempts",
    "streamed",
    "latency_ms",
    "first_token_ms",
];

fn csv_head() -> String {
    format!("{}\r\n", COLUMNS.join(","))
}

fn csv_row(event: &Shown, out: &mut String) {
    let tags = event.tags.join(",");
    let properties = event.properties.iter().map(|(name, value)| format!("{name}={value}"));
    let properties = properties.collect::<Vec<_>>().join("&");
    let cells: [Cell<'_>; 27] = [
        Cell::Text(&event.id),
        Cell::Text(&event.created),
        Cell::Text(&event.request_id),
        text(event.response_id.as_deref()),
        text(event.customer.as_deref()),
        Cell::Text(&event.endpoint),
        Cell::Text(&event.reference),
        Cell::Text(&event.provider),
        Cell::Text(&event.model),
        number(Some(event.usage.prompt_tokens)),
        number(Some(event.usage.completion_tokens)),
        number(Some(event.usage.cached_input_tokens)),
        number(Some(event.estimated)),
        number(Some(event.cost_usd)),
        number(Some(event.list_cost_usd)),
        number(event.billable_usd),
        number(event.margin_usd),
        Cell::Text(&event.price_version),
        Cell::Text(&tags),
        text(event.session_id.as_deref()),
        Cell::Text(&properties),
        Cell::Text(&event.status),
        text(event.error_code.as_deref()),
        number(Some(event.attempts)),
        number(Some(event.streamed)),
        number(Some(event.latency_ms)),
        number(event.first_token_ms),
    ];
    for (column, cell) in cells.iter().enumerate() {
        if column > 0 {
            out.push(',');
        }
        match cell {
            Cell::Empty => {}
            Cell::Number(digits) => out.push_str(digits),
            Cell::Text(text) => csv_text(text, out),
        }
    }
    out.push_str("\r\n");
}

/// A text as a cell. One that a spreadsheet would take for a formula gets an apostrophe in front,
/// which spreadsheets show as text and leave out.
fn csv_text(text: &str, out: &mut String) {
    let formula =
        text.trim_start_matches(' ').starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quoted = formula || text.contains(['"', ',', '\r', '\n', ';', '\t']);
    if !quoted {
        out.push_str(text);
        return;
    }
    // Writing to a String does not fail.
    let _ = write!(out, "\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_can_be_no_formula_and_no_second_cell() {
        for (given, written) in [
            ("cus_42", "cus_42"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1", "\"'  =1\""),
            ("\t=1", "\"'\t=1\""),
            ("＝1", "\"'＝1\""),
        ] {
            let mut out = String::new();
            csv_text(given, &mut out);
            assert_eq!(out, written, "{given:?}");
        }
    }
}
