//! Who is calling, as types: a handler names what it needs, and gets nothing else.

use super::body::{self};
use super::edge::RequestId;
use super::metadata;
use super::state::Api;
use crate::access::{Scope, ServerCaller};
use crate::gateway::context::Context;
use crate::wire::error::{ApiError, Code};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use std::marker::PhantomData;
use std::sync::Arc;
use tokio::time::Instant;

/// What a handler needs of a server token.
pub trait Needs: Send {
    const SCOPE: Scope;
}

/// `api:chat`.
pub struct Inference;
/// `api:read`.
pub struct Reading;
/// `api:write`.
pub struct Writing;

impl Needs for Inference {
    const SCOPE: Scope = Scope::Chat;
}

impl Needs for Reading {
    const SCOPE: Scope = Scope::Read;
}

impl Needs for Writing {
    const SCOPE: Scope = Scope::Write;
}

/// A server token that has the scope `N` stands for.
pub struct Authorised<N> {
    pub caller: Arc<ServerCaller>,
    needs: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<Api> for Authorised<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)?;
        let caller = api.tokens().server(token).ok_or_else(unknown)?;
        if !caller.scopes.contains(N::SCOPE) {
            return Err(ApiError::new(
                Code::InsufficientScope,
                format!(
                    "This token lacks the scope `{0}`, which this call needs. An operator can make one that has it: POST /admin/ringside/accounts/<account>/tokens {{\"scopes\": [\"{0}\"]}}.",
                    N::SCOPE.name()
                ),
            ));
        }
        Ok(Self { caller, needs: PhantomData })
    }
}

/// A call for inference: a token that may, and what its headers say.
pub struct Calling(pub Context);

impl FromRequestParts<Api> for Calling {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let authorised = Authorised::<Inference>::from_request_parts(parts, api).await?;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let metadata = metadata::read(&parts.headers)?;
        Ok(Self(Context { request_id, caller: authorised.caller, metadata, begun: Instant::now(), taken: None }))
    }
}

/// An admin token.
pub struct Operator {
    /// Its id.
    pub token_id: Arc<str>,
}

impl FromRequestParts<Api> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)?;
        let caller = api.tokens().admin(token).ok_or_else(unknown)?;
        Ok(Self { token_id: Arc::clone(&caller.token_id) })
    }
}

/// The bytes of a body that claims to be JSON, or does not say.
pub struct JsonBody(pub Bytes);

impl FromRequest<Api> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        if let Some(kind) = kind
            && !is_json(kind.as_bytes())
        {
            return Err(ApiError::new(
                Code::InvalidRequest,
                "Send the body as JSON, with the header Content-Type: application/json.",
            )
            .param("content-type"));
        }
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(ApiError::new(
                Code::InvalidRequest,
                "Send the body as it is: a Content-Encoding is not taken.",
            )
            .param("content-encoding"));
        }
        body::read(request.into_body(), api.body_bounds()).await.map(Self)
    }
}

fn is_json(kind: &[u8]) -> bool {
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"application/json")
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(ApiError::new(
            Code::InvalidApiKey,
            "There is no token. Send one as Authorization: Bearer ko_…; with OpenAI's SDKs it is the api_key.",
        ));
    };
    let value = value.to_str().map_err(|_| unknown())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(unknown)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(unknown()) }
}

/// The same for every token that does not work, whatever the reason.
fn unknown() -> ApiError {
    ApiError::new(
        Code::InvalidApiKey,
        "This token is not valid. Check that it is whole, and whether it was revoked or has expired.",
    )
}
