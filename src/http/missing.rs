//! Paths and methods that are not there.

use crate::wire::error::{ApiError, Code};
use axum::http::{Method, Uri};

/// What OpenAI's API has and Ringside has not.
const OPENAI: &[&str] = &[
    "/v1/assistants",
    "/v1/audio",
    "/v1/batches",
    "/v1/chat/completions",
    "/v1/chatkit",
    "/v1/completions",
    "/v1/containers",
    "/v1/conversations",
    "/v1/edits",
    "/v1/engines",
    "/v1/evals",
    "/v1/files",
    "/v1/fine-tunes",
    "/v1/fine_tuning",
    "/v1/images",
    "/v1/organization",
    "/v1/projects",
    "/v1/realtime",
    "/v1/responses",
    "/v1/skills",
    "/v1/threads",
    "/v1/uploads",
    "/v1/vector_stores",
    "/v1/videos",
];

/// 404 in the envelope.
pub async fn path(uri: Uri) -> ApiError {
    let path = uri.path();
    let family = OPENAI.iter().find(|family| {
        path.strip_prefix(**family).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1 || rest.is_empty())
    });
    match family {
        Some(family) => ApiError::new(
            Code::NotFound,
            format!(
                "OpenAI's API has {family}, Ringside does not offer this part of it. It offers /v1/chat/completions, /v1/embeddings, /v1/moderations and /v1/models."
            ),
        ),
        None => ApiError::new(
            Code::NotFound,
            "There is nothing at this path. The API is below /v1, for example POST /v1/chat/completions.",
        ),
    }
}

/// 405 in the envelope; the `Allow` header says what works.
pub async fn method(method: Method) -> ApiError {
    ApiError::new(
        Code::MethodNotSupported,
        format!("{method} is not supported at this path; the Allow header names the methods that are."),
    )
}
