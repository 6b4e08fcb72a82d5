//! `GET /metrics`, in Prometheus's text format.

use super::extract::Operator;
use super::state::Api;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// On the API's address: for operators.
pub async fn guarded(_operator: Operator, State(api): State<Api>) -> Response {
    page(&api)
}

/// On the admin address: for whoever can reach it.
pub async fn open(State(api): State<Api>) -> Response {
    page(&api)
}

fn page(api: &Api) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.render_metrics()).into_response()
}
