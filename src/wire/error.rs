//! The error every caller sees: `{"error": {"message", "type", "param", "code"}}`.

use super::limits::Limits;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// A refusal or failure as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub code: Code,
    /// What is wrong and what to do next. Never a secret, never internals.
    pub message: Cow<'static, str>,
    /// The request member or header to blame.
    pub param: Option<Cow<'static, str>>,
    /// When another try may work; every 429 and 503 says so.
    pub retry_after: Option<Duration>,
    /// What `x-should-retry` says, where the status alone would make an SDK do otherwise.
    pub should_retry: Option<bool>,
    /// What limits a minute leave, where one of them is the reason.
    pub limits: Option<Box<Limits>>,
    /// What was called before it failed.
    pub tried: Option<Box<Tried>>,
}

/// What a call tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// References, in order.
    pub models: String,
    /// Tries at the last of them.
    pub attempts: u32,
}

macro_rules! codes {
    ($($status:literal $kind:literal { $($code:ident $text:literal),* $(,)? })*) => {
        /// Every `code` of an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($($code),*),* }

        impl Code {
            /// All of them, in the order of their statuses.
            pub const ALL: &[Code] = &[$($(Code::$code),*),*];

            /// The text of `code`.
            pub fn text(self) -> &'static str {
                match self { $($(Code::$code => $text),*),* }
            }

            /// The HTTP status it is sent with.
            pub fn status(self) -> u16 {
                match self { $($(Code::$code => $status),*),* }
            }

            /// The text of `type`.
            pub fn kind(self) -> &'static str {
                match self { $($(Code::$code => $kind),*),* }
            }
        }
    };
}

codes! {
    400 "invalid_request_error" {
        InvalidJson "invalid_json",
        InvalidRequest "invalid_request",
        InvalidModelRef "invalid_model_ref",
        InvalidUrl "invalid_url",
        ConversationFull "conversation_full",
        UpstreamInvalidRequest "upstream_invalid_request",
        UpstreamContextLengthExceeded "upstream_context_length_exceeded",
        UpstreamContentFilter "upstream_content_filter",
    }
    401 "authentication_error" {
        InvalidApiKey "invalid_api_key",
        ClientTokenExpired "client_token_expired",
        ClientTokenRevoked "client_token_revoked",
    }
    402 "billing_error" {
        CustomerBudgetExceeded "customer_budget_exceeded",
        AccountBudgetExceeded "account_budget_exceeded",
        CustomerWalletEmpty "customer_wallet_empty",
        WalletEmpty "wallet_empty",
        PriceUnbounded "price_unbounded",
    }
    403 "permission_error" {
        InsufficientScope "insufficient_scope",
        OriginNotAllowed "origin_not_allowed",
        IpNotAllowed "ip_not_allowed",
        EndpointNotAllowed "endpoint_not_allowed",
        ModelNotAllowed "model_not_allowed",
        CustomerMismatch "customer_mismatch",
        HeaderNotAllowed "header_not_allowed",
        CustomerArchived "customer_archived",
        OperatorRequired "operator_required",
    }
    404 "not_found_error" {
        NotFound "not_found",
        ModelNotFound "model_not_found",
        CustomerNotFound "customer_not_found",
        SlotNotFound "slot_not_found",
    }
    405 "invalid_request_error" {
        MethodNotSupported "method_not_supported",
    }
    409 "conflict_error" {
        ExternalIdTaken "external_id_taken",
        ConversationLocked "conversation_locked",
        IdempotencyInProgress "idempotency_in_progress",
        IdempotencyIndeterminate "idempotency_indeterminate",
        IdempotencyStreamIncomplete "idempotency_stream_incomplete",
    }
    413 "invalid_request_error" {
        RequestTooLarge "request_too_large",
    }
    422 "invalid_request_error" {
        ResponseSchemaValidationFailed "response_schema_validation_failed",
        IdempotencyKeyReused "idempotency_key_reused",
    }
    429 "rate_limit_error" {
        RateLimited "rate_limited",
        UpstreamQuotaExceeded "upstream_quota_exceeded",
    }
    500 "api_error" {
        InternalError "internal_error",
    }
    502 "api_error" {
        UpstreamAuthFailed "upstream_auth_failed",
    }
    503 "api_error" {
        UpstreamUnavailable "upstream_unavailable",
        ProviderNotConfigured "provider_not_configured",
        CountersUnavailable "counters_unavailable",
    }
}

/// What a 429 or 503 says when nothing better is known.
const SOON: Duration = Duration::from_secs(1);
/// Beyond this an SDK shall not try again by itself.
const PATIENCE: Duration = Duration::from_secs(60);

impl ApiError {
    /// An error of that code. `Retry-After` and `x-should-retry` are set as the code wants them.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = matches!(code.status(), 429 | 503).then_some(SOON);
        let hopeless = matches!(
            code,
            Code::UpstreamAuthFailed
                | Code::ProviderNotConfigured
                | Code::ExternalIdTaken
                | Code::IdempotencyIndeterminate
                | Code::IdempotencyStreamIncomplete
        );
        let should_retry = hopeless.then_some(false);
        Self { code, message: message.into(), param: None, retry_after, should_retry, limits: None, tried: None }
    }

    /// Names the member or header to blame.
    pub fn param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Says when another try may work; beyond a minute also that an SDK shall not wait for it.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        if after > PATIENCE {
            self.should_retry = Some(false);
        }
        self
    }

    /// Says what was called.
    pub fn tried(mut self, models: String, attempts: u32) -> Self {
        self.tried = Some(Box::new(Tried { models, attempts }));
        self
    }

    /// Says outright whether an SDK shall try again by itself.
    pub fn should_retry(mut self, yes: bool) -> Self {
        self.should_retry = Some(yes);
        self
    }

    /// A failure of Ringside's own; the cause goes to the log, never to the caller.
    pub fn internal() -> Self {
        Self::new(
            Code::InternalError,
            "Something went wrong inside Ringside. Its log has the cause under this answer's X-Request-Id.",
        )
    }

    /// The body.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Envelope<'a> {
            error: Body<'a>,
        }
        #[derive(Serialize)]
        struct Body<'a> {
            message: &'a str,
            r#type: &'static str,
            param: Option<&'a str>,
            code: &'static str,
        }
        let body = Body {
            message: &self.message,
            r#type: self.code.kind(),
            param: self.param.as_deref(),
            code: self.code.text(),
        };
        serde_json::to_vec(&Envelope { error: body }).unwrap_or_default()
    }

    /// The one event that ends a stream which has begun.
    pub fn to_event(&self) -> Vec<u8> {
        let mut event = b"data: ".to_vec();
        event.extend_from_slice(&self.to_json());
        event.extend_from_slice(b"\n\n");
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_all_four_members_in_order() {
        let error = ApiError::new(Code::InvalidModelRef, "no").param("model");
        assert_eq!(
            String::from_utf8(error.to_json()).unwrap(),
            r#"{"error":{"message":"no","type":"invalid_request_error","param":"model","code":"invalid_model_ref"}}"#
        );
        assert!(String::from_utf8(ApiError::internal().to_json()).unwrap().contains(r#""param":null"#));
    }

    #[test]
    fn retries_are_told() {
        assert_eq!(ApiError::new(Code::UpstreamUnavailable, "").retry_after, Some(SOON));
        assert_eq!(ApiError::new(Code::ProviderNotConfigured, "").should_retry, Some(false));
        let long = ApiError::new(Code::RateLimited, "").retry_after(Duration::from_secs(61));
        assert_eq!(long.should_retry, Some(false));
        assert_eq!(ApiError::new(Code::RateLimited, "").retry_after(PATIENCE).should_retry, None);
    }

    #[test]
    fn the_documentation_has_every_code() {
        let docs = include_str!("../../docs/errors.md");
        for code in Code::ALL {
            let row = format!("| {} | `{}` | `{}` |", code.status(), code.kind(), code.text());
            assert!(docs.contains(&row), "docs/errors.md lacks: {row}");
        }
    }
}
