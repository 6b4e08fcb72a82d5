//! Why a request is malformed.

use std::borrow::Cow;

/// A fault of a request, with the member to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// Whether the body is no JSON at all.
    pub json: bool,
    /// Such as `messages[2].content[1].image_url`.
    pub param: Option<String>,
    /// What is wrong and what was expected.
    pub message: Cow<'static, str>,
}

impl RequestError {
    /// The body is no JSON.
    pub fn no_json(message: impl Into<Cow<'static, str>>) -> Self {
        Self { json: true, param: None, message: message.into() }
    }

    /// A member is not what it should be.
    pub fn member(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { json: false, param: Some(param.into()), message: message.into() }
    }

    /// A member of the wrong type.
    pub fn of_type(param: impl Into<String>, expected: &str, raw: &str) -> Self {
        let param = param.into();
        let message = format!("Invalid type for '{param}': expected {expected}, but got {}.", kind(raw));
        Self::member(param, message)
    }

    /// A member that must be there.
    pub fn missing(param: impl Into<String>) -> Self {
        let param = param.into();
        let message = format!("Missing required parameter: '{param}'.");
        Self::member(param, message)
    }
}

/// What a raw JSON value is, in words.
fn kind(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
