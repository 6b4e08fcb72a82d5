//! A gateway's answer as a response.

use super::answer;
use crate::gateway::{Answer, Content, Facts};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

const MODEL_USED: HeaderName = HeaderName::from_static("x-ringside-model-used");
const MODELS_TRIED: HeaderName = HeaderName::from_static("x-ringside-models-tried");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-ringside-attempts");
const COST: HeaderName = HeaderName::from_static("x-ringside-cost");
const OUTPUT_LIMIT: HeaderName = HeaderName::from_static("x-ringside-output-limit");
const WALLET_BALANCE: HeaderName = HeaderName::from_static("x-ringside-wallet-balance");
const WALLET_DEDUCTED: HeaderName = HeaderName::from_static("x-ringside-wallet-deducted");
const WARNING: HeaderName = HeaderName::from_static("x-ringside-warning");
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Head and body.
pub fn response(given: Answer) -> Response {
    let mut response = match given.content {
        Content::Json(bytes) => answer::raw_json(StatusCode::OK, bytes),
        Content::Stream(stream) => event_stream(Body::new(*stream)),
        Content::Held(held) => event_stream(Body::new(*held)),
    };
    tell(response.headers_mut(), &given.facts);
    response
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

fn tell(headers: &mut HeaderMap, facts: &Facts) {
    // A model's id that is no header value (it came from the caller) is left out.
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(MODEL_USED, &facts.model_used);
    if let Some(cost) = facts.cost {
        put(COST, &cost.to_string());
    }
    for (name, amount) in [(WALLET_BALANCE, facts.wallet_balance), (WALLET_DEDUCTED, facts.wallet_deducted)] {
        if let Some(amount) = amount {
            put(name, &amount.to_string());
        }
    }
    if let Some(limit) = facts.output_limit {
        put(OUTPUT_LIMIT, &limit.to_string());
    }
    if let Some(warning) = facts.warning {
        put(WARNING, warning);
    }
    if let Some(limits) = &facts.limits {
        answer::tell_limits(headers, limits);
    }
    tell_tried(headers, &facts.models_tried.join(", "), facts.attempts);
}

/// What was called, of answers and of errors.
pub fn tell_tried(headers: &mut HeaderMap, models: &str, attempts: u32) {
    if let Ok(models) = HeaderValue::from_str(models) {
        headers.insert(MODELS_TRIED, models);
    }
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
}
