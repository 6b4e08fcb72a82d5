//! Members of Ringside's own request bodies.

use crate::money::NanoUsd;
use crate::wire::error::{ApiError, Code};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A body as a type, unknown members refused.
///
/// # Errors
/// 400 naming the member.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
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

/// A member of a change: left out (`None`), `null` (`Some(None)`), or a value.
pub type Patched<T> = Option<Option<T>>;

/// Reads a [`Patched`]; `default` stands in for one that is left out.
///
/// # Errors
/// Those of the value.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Patched<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// An amount of at least 0 USD.
///
/// # Errors
/// 400 naming the member.
pub fn at_least_zero(name: &'static str, amount: NanoUsd) -> Result<NanoUsd, ApiError> {
    if amount < NanoUsd::ZERO {
        return Err(bad(name, "expected an amount of at least 0 USD"));
    }
    Ok(amount)
}

/// An amount above 0 USD.
///
/// # Errors
/// 400 naming the member.
pub fn above_zero(name: &'static str, amount: NanoUsd) -> Result<NanoUsd, ApiError> {
    if amount <= NanoUsd::ZERO {
        return Err(bad(name, "expected an amount above 0 USD"));
    }
    Ok(amount)
}

/// A note: at most 500 characters.
///
/// # Errors
/// 400.
pub fn note(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.chars().count() > 500 => Err(bad("note", "expected at most 500 characters")),
        Some(text) if text.is_empty() => Ok(None),
        other => Ok(other),
    }
}

/// A name: 1 to 200 characters.
///
/// # Errors
/// 400.
pub fn name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(bad("name", "expected 1 to 200 characters"));
    }
    Ok(name.to_owned())
}

/// 400 that names a member and says what it takes.
pub fn bad(name: &'static str, expected: &str) -> ApiError {
    ApiError::new(Code::InvalidRequest, format!("{name}: {expected}.")).param(name)
}
