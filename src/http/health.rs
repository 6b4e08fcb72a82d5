//! `GET /healthz` and `GET /readyz`.

use super::answer;
use super::state::Api;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct Alive {
    status: &'static str,
    version: &'static str,
}

/// The process is there.
pub async fn alive() -> Response {
    answer::json(StatusCode::OK, &Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    storage: &'static str,
    journal: &'static str,
    /// `broken`: the file on the disk is not in force, the last good one is.
    slots: &'static str,
}

/// Storage answers, migrations are applied (the start waits for them) and the journal drains.
pub async fn ready(State(api): State<Api>) -> Response {
    let word = |good: bool| if good { "ok" } else { "failing" };
    let readiness = api.readiness().await;
    let good = readiness.storage && readiness.journal && !readiness.stopping;
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let summary = if readiness.stopping {
        "stopping"
    } else if good {
        "ready"
    } else {
        "not_ready"
    };
    // A broken file is no reason to send calls elsewhere: the slots before it are in force.
    let slots = if api.gateway().slots.findings().is_empty() { "ok" } else { "broken" };
    let (storage, journal) = (word(readiness.storage), word(readiness.journal));
    answer::json(status, &Ready { status: summary, storage, journal, slots })
}
