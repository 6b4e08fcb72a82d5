//! `GET /v1/models` and `GET /v1/models/{id}`.

use super::answer;
use super::extract::{Authorised, Reading};
use super::state::Api;
use crate::wire::error::{ApiError, Code};
use crate::wire::model::List;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

/// What can be called now; with `?all=true` the whole catalogue.
pub async fn list(
    State(api): State<Api>,
    _caller: Authorised<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let models = if wants_all(query.as_deref())? { api.gateway().catalogue() } else { api.gateway().callable() };
    Ok(answer::json(StatusCode::OK, &List { object: "list", data: models }))
}

/// One model of the catalogue, by its reference.
pub async fn one(
    State(api): State<Api>,
    _caller: Authorised<Reading>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    match api.gateway().catalogue().into_iter().find(|model| model.id == id) {
        Some(model) => Ok(answer::json(StatusCode::OK, &model)),
        None => Err(ApiError::new(
            Code::ModelNotFound,
            "The catalogue has no such model. GET /v1/models?all=true lists it whole; an id is a reference such as fc:openai/gpt-4o.",
        )
        .param("model")),
    }
}

/// Other parameters (OpenAI's clients send none) are ignored, as OpenAI does.
fn wants_all(query: Option<&str>) -> Result<bool, ApiError> {
    let all = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("all="));
    match all {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(ApiError::new(Code::InvalidRequest, "all: expected true or false.").param("all")),
    }
}
