//! What operators do: accounts and their tokens.

pub mod accounts;
pub mod tokens;

use crate::wire::error::{ApiError, Code};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// A body as a type, unknown members refused.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            // serde names an unknown or missing member between backquotes.
            let named = inner.to_string();
            let named = named.split('`').nth(1).map(str::to_owned);
            let param = if path == "." { named } else { Some(path) };
            let error = ApiError::new(Code::InvalidRequest, format!("The body is not as expected: {inner}."));
            match param {
                Some(param) => error.param(param),
                None => error,
            }
        } else {
            ApiError::new(Code::InvalidJson, format!("The body is not valid JSON: {inner}."))
        }
    })
}

/// A name: 1 to 200 characters.
fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(ApiError::new(Code::InvalidRequest, "name: expected 1 to 200 characters.").param("name"));
    }
    Ok(name.to_owned())
}

fn no_account() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such account. GET /admin/ringside/accounts lists them.")
}
