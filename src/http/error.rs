//! The one place where errors become answers.
//!
//! Every room has an error enum of its own and knows nothing of HTTP. Here each becomes an
//! [`ApiError`] of the contract, with a message that says what to do next, and that becomes a
//! response.

use crate::gateway::{self, Operation};
use crate::upstream::UpstreamError;
use crate::wire::error::{ApiError, Code};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Tells the SDKs outright whether to try again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Left on a response for the log and the metrics.
#[derive(Clone, Copy, Debug)]
pub struct ErrorCode(pub Code);

/// What went wrong inside, for the log and never for the caller.
#[derive(Clone, Debug)]
pub struct Cause(pub String);

/// A failure of Ringside's own, its cause logged.
pub fn internal(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(%error, "internal error");
    ApiError::internal()
}

/// A call's error as its caller sees it.
pub fn explain(error: gateway::Error) -> ApiError {
    use gateway::Error as E;
    let code = error.code();
    match error {
        E::Request(error) => {
            let explained = ApiError::new(code, error.message);
            match error.param.filter(|param| !param.is_empty()) {
                Some(param) => explained.param(param),
                None => explained,
            }
        }
        E::Reference(error) => ApiError::new(code, error.to_string()).param("model"),
        E::Slot { alias } => {
            let alias: String = alias.chars().filter(|c| !c.is_control()).take(80).collect();
            ApiError::new(code, format!("There is no slot `{alias}`. Call a model directly: fc:<provider>/<model>; GET /v1/models lists them.")).param("model")
        }
        E::Unlisted { provider, model, meant } => {
            let meant = meant.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
            let model: String = model.chars().filter(|c| !c.is_control()).take(80).collect();
            ApiError::new(code, format!("`fc:{provider}/{model}` is not listed, and a model without a price can't be called.{meant} GET /v1/models?all=true shows the catalogue; an operator lists a model by adding it with its price to prices.yaml.")).param("model")
        }
        E::Ended { reference, successor } => {
            let instead = successor.map_or_else(
                || " GET /v1/models lists what can be called.".to_owned(),
                |successor| format!(" Call `{successor}` instead."),
            );
            ApiError::new(code, format!("`{reference}` has ended.{instead}")).param("model")
        }
        E::Unfit { reference, wanted, is } => {
            let explained = match is {
                Some(is) => format!("`{reference}` is called at {}, not at {}.", is.path(), wanted.path()),
                None => format!("The provider of `{reference}` has no {}.", operation(wanted)),
            };
            ApiError::new(code, explained).param("model")
        }
        E::NotConfigured { provider, variables } if variables.is_empty() => {
            ApiError::new(code, format!("The provider `{provider}` is switched off on this gateway."))
        }
        E::NotConfigured { provider, variables } => ApiError::new(
            code,
            format!(
                "The provider `{provider}` has no credentials on this gateway. Its operator must set {} and restart.",
                variables.join(" and ")
            ),
        ),
        E::Refused { provider, refused } if refused.param == refused.what => ApiError::new(
            code,
            format!(
                "{provider} has no way to take '{}'. Leave it out, or call another provider's model.",
                refused.what
            ),
        )
        .param(refused.param),
        E::Refused { provider, refused } => ApiError::new(
            code,
            format!(
                "{provider} has no way to take a part of kind '{}'. Leave it out, or call another provider's model.",
                refused.what
            ),
        )
        .param(refused.param),
        E::Image { param, why } => ApiError::new(
            code,
            format!("The image could not be fetched: {why}. Send it as a data URI, or call another provider's model."),
        )
        .param(param),
        E::NotAdmitted { refusal, param } => super::refusal::explain(code, refusal, param),
        E::Limited(limited) => super::refusal::limited(code, &limited),
        E::Unrecorded(error) => super::refusal::unrecorded(code, &error),
        E::Schema(errors) => ApiError::new(
            code,
            format!(
                "The model's answer is not the JSON that 'response_format' asks for: {}. Every attempt was charged. Make the schema simpler if there is one, say in a message what is wanted, or call a model that enforces it itself.",
                errors.join("; ")
            ),
        )
        .param("response_format"),
        E::Upstream(error) => upstream(code, error),
        E::Journal(error) => internal(&error),
        E::Tried { cause, models, attempts } => explain(*cause).tried(models.join(", "), attempts),
    }
}

fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "chat",
        Operation::Embeddings => "embeddings",
        Operation::Moderations => "moderations",
    }
}

fn upstream(code: Code, error: UpstreamError) -> ApiError {
    let mut explained = ApiError::new(code, error.message);
    if let Some(param) = error.param {
        explained = explained.param(param);
    }
    if let (Some(after), true) = (error.retry_after, matches!(code.status(), 429 | 503)) {
        explained = explained.retry_after(after);
    }
    explained
}

impl From<gateway::Error> for ApiError {
    fn from(error: gateway::Error) -> Self {
        explain(error)
    }
}

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
        if let Some(limits) = &self.limits {
            super::answer::tell_limits(headers, limits);
        }
        if let Some(tried) = self.tried {
            super::gateway_answer::tell_tried(headers, &tried.models, tried.attempts);
        }
        response.extensions_mut().insert(ErrorCode(self.code));
        response
    }
}
