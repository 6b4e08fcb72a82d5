//! `POST /v1/chat/completions`.

use super::extract::{Calling, JsonBody};
use super::gateway_answer;
use super::state::Api;
use crate::gateway;
use crate::wire::error::ApiError;
use axum::extract::State;
use axum::response::Response;

/// Runs a chat call; see [`gateway::chat::run`].
pub async fn create(
    State(api): State<Api>,
    Calling(context): Calling,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    // On the heap: the layers around a handler move its future several times.
    let answer = Box::pin(gateway::chat::run(api.gateway(), context, body)).await?;
    Ok(gateway_answer::response(answer))
}
