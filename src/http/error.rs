//! The one place where errors become answers.
//!
//! Every room has an error enum of its own and knows nothing of HTTP. Here each becomes an
//! [`ApiError`] of the contract, with a message that says what to do next, and that becomes a
//! response.

use crate::wire::error::{ApiError, Code};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Tells the SDKs outright whether to try again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Left on a response for the log and the metrics.
#[derive(Clone, Copy, Debug)]
pub struct ErrorCode(pub Code);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json()));
        *response.status_mut() = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.retry_after {
            // Rounded up: an early retry would only be refused again.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(yes) = self.should_retry {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static(if yes { "true" } else { "false" }));
        }
        response.extensions_mut().insert(ErrorCode(self.code));
        response
    }
}
