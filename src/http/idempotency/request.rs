//! What a key stands for: whose it is, and which request it belongs to.

use super::super::body;
use super::super::edge::RequestId;
use super::super::extract::bearer;
use super::super::state::Api;
use crate::access::{Scope, Scopes, ServerCaller};
use crate::clock::Timestamp;
use crate::id::TokenHash;
use crate::store::idempotency::{Claim, Key};
use crate::wire::error::{ApiError, Code};
use axum::RequestExt as _;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderName, Method};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const CUSTOMER: &str = "fc-customer";
/// Bytes of a key.
const LONGEST: usize = 255;
/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// A claim that is not renewed for so long has lost its owner.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// Whether a request has a key that counts.
pub fn applies(request: &Request) -> bool {
    request.headers().contains_key(&KEY) && request.method() == Method::POST && request.uri().path().starts_with("/v1/")
}

/// Who calls, if the token is good.
pub(super) fn caller(api: &Api, headers: &HeaderMap) -> Option<Arc<ServerCaller>> {
    api.tokens().server(bearer(headers).ok()?)
}

/// A request with a key.
pub(super) struct Keyed {
    key: Key,
    fingerprint: String,
    customer: Option<String>,
    request_id: String,
    pub path: String,
}

impl Keyed {
    /// Reads it, and gives the request back with its body in one piece.
    ///
    /// # Errors
    /// 400 where the key is none; what [`body::read`] refuses.
    pub async fn read(api: &Api, caller: &ServerCaller, mut request: Request) -> Result<(Self, Request), ApiError> {
        let key = key(request.headers())?;
        let params = request.extract_parts::<RawPathParams>().await.ok();
        let (parts, body) = request.into_parts();
        let body = body::read(body, api.body_bounds()).await?;
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
        let mut hash = Sha256::new();
        for part in [parts.method.as_str().as_bytes(), path.as_bytes()] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(&body);
        let keyed = Self {
            key: Key { account_id: caller.account_id.as_ref().to_owned(), scope: String::new(), key },
            fingerprint: TokenHash(hash.finalize().into()).to_hex(),
            customer: customer(params.as_ref(), &parts.headers, &body),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default(),
            path,
        };
        Ok((keyed, Request::from_parts(parts, Body::from(body))))
    }

    /// The claim on its key.
    pub fn claim(&self, owner: &str, now: Timestamp) -> Claim {
        Claim {
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            customer: self.customer.clone(),
            request_id: self.request_id.clone(),
            owner: owner.to_owned(),
            lease_until: now.after(LEASE),
            expires: now.after(KEPT),
        }
    }
}

/// The key, bare or as the quoted string of the IETF's draft.
fn key(headers: &HeaderMap) -> Result<String, ApiError> {
    let bad = |message: String| ApiError::new(Code::InvalidRequest, message).param("idempotency-key");
    let mut values = headers.get_all(&KEY).iter();
    let value = values.next().map(|value| std::str::from_utf8(value.as_bytes()).map(str::trim));
    let Some(Ok(text)) = value else {
        return Err(bad("Idempotency-Key: expected UTF-8 text.".to_owned()));
    };
    if values.next().is_some() {
        return Err(bad("Idempotency-Key: given twice.".to_owned()));
    }
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if text.is_empty() || text.len() > LONGEST {
        return Err(bad(format!("Idempotency-Key: expected 1 to {LONGEST} bytes.")));
    }
    Ok(text.to_owned())
}

/// The customer that a request is for, as it names it, so that what is kept can be purged with it.
fn customer(params: Option<&RawPathParams>, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Named {
        user: Option<serde_json::Value>,
        customer: Option<serde_json::Value>,
        external_id: Option<serde_json::Value>,
    }
    let of_path =
        params.and_then(|params| params.iter().find(|(name, _)| *name == "customer").map(|(_, id)| id.to_owned()));
    let of_header = || headers.get(CUSTOMER).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let of_body = || {
        let named: Named = serde_json::from_slice(body).unwrap_or_default();
        [named.user, named.customer, named.external_id]
            .into_iter()
            .flatten()
            .find_map(|value| value.as_str().map(str::to_owned))
    };
    let id = of_path.or_else(|| of_header().map(|id| id.trim().to_owned())).or_else(of_body)?;
    Some(id.strip_prefix("ext:").map(str::to_owned).unwrap_or(id))
}

/// Whether a token with these scopes may be given the answer of a POST to that path again: those
/// that may make the request.
pub(super) fn may_read(scopes: Scopes, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
    match segments.as_slice() {
        [.., "client_tokens"] => scopes.contains(Scope::ClientTokens),
        ["webhooks" | "webhook_endpoints", ..] => scopes.contains(Scope::Webhooks),
        ["chat" | "embeddings" | "moderations" | "conversations" | "assistants" | "threads", ..]
        | ["customers", _, "conversations", ..] => scopes.contains(Scope::Chat),
        ["customers" | "account", ..] => scopes.contains(Scope::Write),
        // A path that is not known here is nobody's but a whole token's.
        _ => scopes == Scopes::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (KEY, HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn keys_are_read_bare_and_quoted() {
        for (given, read) in [("k1", "k1"), (" k1 ", "k1"), ("\"k1\"", "k1"), ("\"", "\""), ("schlüssel", "schlüssel")]
        {
            assert_eq!(key(&headers(&[given])).as_deref(), Ok(read));
        }
        assert!(key(&headers(&[&"x".repeat(255)])).is_ok());
        for bad in [&[""][..], &["\"\""], &[&"x".repeat(256)], &["a", "b"]] {
            assert_eq!(key(&headers(bad)).unwrap_err().param.as_deref(), Some("idempotency-key"), "{bad:?}");
        }
    }

    #[test]
    fn the_customer_is_known_from_header_and_body() {
        let of = |header: Option<&'static str>, body: &str| {
            let headers = header.map(|id| (HeaderName::from_static(CUSTOMER), HeaderValue::from_static(id)));
            customer(None, &headers.into_iter().collect(), body.as_bytes())
        };
        assert_eq!(of(Some("cus_1"), r#"{"user":"cus_2"}"#).as_deref(), Some("cus_1"));
        assert_eq!(of(None, r#"{"model":"m","user":"cus_2"}"#).as_deref(), Some("cus_2"));
        assert_eq!(of(None, r#"{"external_id":"ext:cus_3"}"#).as_deref(), Some("cus_3"));
        assert_eq!(of(None, "no JSON"), None);
        assert_eq!(of(None, r#"{"user":3}"#), None);
    }

    #[test]
    fn an_answer_is_given_again_to_those_that_may_ask_for_it() {
        let only = |scope: &str| Scopes::parse([scope]).unwrap();
        for (path, scope) in [
            ("/v1/chat/completions?x=1", "api:chat"),
            ("/v1/threads/t/runs", "api:chat"),
            ("/v1/customers/cus_1/conversations", "api:chat"),
            ("/v1/customers", "api:write"),
            ("/v1/customers/cus_1/wallet/topup", "api:write"),
            ("/v1/customers/cus_1/client_tokens", "api:client_tokens"),
            ("/v1/webhooks/wh_1/test", "api:webhooks"),
        ] {
            for given in ["api:chat", "api:read", "api:write", "api:webhooks", "api:client_tokens"] {
                assert_eq!(may_read(only(given), path), given == scope, "{path} {given}");
            }
        }
        assert!(!may_read(only("api:chat"), "/v1/other") && may_read(Scopes::ALL, "/v1/other"));
    }
}
