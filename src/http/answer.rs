//! Answers in JSON.

use crate::wire::error::ApiError;
use crate::wire::limits::{Limits, reset};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Serialize;

/// A value as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => raw_json(status, bytes.into()),
        Err(_) => ApiError::internal().into_response(),
    }
}

/// Bytes that are JSON already; head and body leave in one write, as the length is known.
pub fn raw_json(status: StatusCode, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What limits a minute leave, as OpenAI's headers tell it.
pub fn tell_limits(headers: &mut HeaderMap, limits: &Limits) {
    const NAMES: [[HeaderName; 3]; 2] = [
        [
            HeaderName::from_static("x-ratelimit-limit-requests"),
            HeaderName::from_static("x-ratelimit-remaining-requests"),
            HeaderName::from_static("x-ratelimit-reset-requests"),
        ],
        [
            HeaderName::from_static("x-ratelimit-limit-tokens"),
            HeaderName::from_static("x-ratelimit-remaining-tokens"),
            HeaderName::from_static("x-ratelimit-reset-tokens"),
        ],
    ];
    for ([limit, remaining, full], left) in NAMES.into_iter().zip([limits.requests, limits.tokens]) {
        let Some(left) = left else { continue };
        headers.insert(limit, HeaderValue::from(left.limit));
        headers.insert(remaining, HeaderValue::from(left.remaining));
        if let Ok(text) = HeaderValue::from_str(&reset(left.reset)) {
            headers.insert(full, text);
        }
    }
}
