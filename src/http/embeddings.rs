//! `POST /v1/embeddings`.

use super::extract::{Calling, JsonBody};
use super::gateway_answer;
use super::state::Api;
use crate::gateway::{self, Operation};
use crate::wire::error::ApiError;
use axum::extract::State;
use axum::response::Response;

/// Runs an embeddings call; see [`gateway::plain::run`].
pub async fn create(
    State(api): State<Api>,
    Calling(context): Calling,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let answer = gateway::plain::run(api.gateway(), context, body, Operation::Embeddings).await?;
    Ok(gateway_answer::response(answer))
}
