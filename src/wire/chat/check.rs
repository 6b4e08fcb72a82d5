//! Types and ranges of a chat request's members, as OpenAI's document has them.

use super::{Message, Role};
use crate::wire::members::{Member, Members, find, string};
use crate::wire::request_error::RequestError;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Members of another gateway's API, and what does their work here.
const FOREIGN: &[(&str, &str)] = &[
    (
        "transforms",
        "cut the history yourself, or keep it in a conversation, where it is cut to the model's context window",
    ),
    ("provider", "name the provider in the model: fc:<provider>/<model>"),
    ("models", "list the targets of a slot in slots.yaml and use slot:<alias> as the model"),
    ("route", "list the targets of a slot in slots.yaml and use slot:<alias> as the model"),
];

pub(super) fn foreign(members: &[Member<'_>]) -> Result<(), RequestError> {
    for (name, instead) in FOREIGN {
        if find(members, name).is_some() {
            return Err(RequestError::member(*name, format!("'{name}' is not a parameter here: {instead}.")));
        }
    }
    Ok(())
}

/// A member, unless it is absent or `null`.
fn given<'a>(members: &[Member<'a>], name: &str) -> Option<&'a RawValue> {
    find(members, name).filter(|raw| raw.get() != "null")
}

pub(super) fn text<'a>(members: &[Member<'a>], name: &str) -> Result<Option<Cow<'a, str>>, RequestError> {
    let Some(raw) = given(members, name) else {
        return Ok(None);
    };
    string(raw).map(Some).ok_or_else(|| RequestError::of_type(name, "a string", raw.get()))
}

pub(super) fn truth(members: &[Member<'_>], name: &str) -> Result<Option<bool>, RequestError> {
    match given(members, name).map(RawValue::get) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(RequestError::of_type(name, "a boolean", other)),
    }
}

pub(super) fn integer(members: &[Member<'_>], name: &str, least: i64, most: i64) -> Result<Option<i64>, RequestError> {
    let Some(raw) = given(members, name) else {
        return Ok(None);
    };
    let number: i64 =
        serde_json::from_str(raw.get()).map_err(|_| RequestError::of_type(name, "an integer", raw.get()))?;
    if !(least..=most).contains(&number) {
        let message =
            format!("Invalid value for '{name}': expected an integer from {least} to {most}, but got {number}.");
        return Err(RequestError::member(name, message));
    }
    Ok(Some(number))
}

pub(super) fn number(members: &[Member<'_>], name: &str, least: f64, most: f64) -> Result<Option<f64>, RequestError> {
    let Some(raw) = given(members, name) else {
        return Ok(None);
    };
    let number: f64 =
        serde_json::from_str(raw.get()).map_err(|_| RequestError::of_type(name, "a number", raw.get()))?;
    if !(least..=most).contains(&number) {
        let message =
            format!("Invalid value for '{name}': expected a number from {least} to {most}, but got {number}.");
        return Err(RequestError::member(name, message));
    }
    Ok(Some(number))
}

/// An output limit: at least one token.
pub(super) fn limit(members: &[Member<'_>], name: &str) -> Result<Option<u64>, RequestError> {
    Ok(integer(members, name, 1, i64::from(u32::MAX))?.map(|limit| limit as u64))
}

pub(super) fn model<'a>(members: &[Member<'a>]) -> Result<Cow<'a, str>, RequestError> {
    let raw = find(members, "model").ok_or_else(|| RequestError::missing("model"))?;
    string(raw).ok_or_else(|| RequestError::of_type("model", "a string", raw.get()))
}

pub(super) fn stream_options(members: &[Member<'_>]) -> Result<(bool, Option<bool>), RequestError> {
    let Some(raw) = given(members, "stream_options") else {
        return Ok((false, None));
    };
    let options =
        Members::parse(raw.get()).ok_or_else(|| RequestError::of_type("stream_options", "an object", raw.get()))?;
    let option = |name: &str| {
        truth(&options.0, name).map_err(|error| RequestError { param: Some(format!("stream_options.{name}")), ..error })
    };
    Ok((option("include_usage")?.unwrap_or(false), option("include_obfuscation")?))
}

pub(super) fn stop<'a>(members: &[Member<'a>]) -> Result<Vec<Cow<'a, str>>, RequestError> {
    let Some(raw) = given(members, "stop") else {
        return Ok(Vec::new());
    };
    if let Some(one) = string(raw) {
        return Ok(vec![one]);
    }
    let wrong = || RequestError::of_type("stop", "a string or an array of strings", raw.get());
    let list: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    list.into_iter().map(|text| string(text).ok_or_else(wrong)).collect()
}

/// Members that are read elsewhere or not at all: only their type is looked at.
pub(super) fn types(members: &[Member<'_>]) -> Result<(), RequestError> {
    const TYPES: &[(&str, &str, &[u8])] = &[
        ("tools", "an array", b"["),
        ("functions", "an array", b"["),
        ("modalities", "an array", b"["),
        ("tool_choice", "a string or an object", b"\"{"),
        ("function_call", "a string or an object", b"\"{"),
        ("response_format", "an object", b"{"),
        ("metadata", "an object", b"{"),
        ("logit_bias", "an object", b"{"),
        ("audio", "an object", b"{"),
        ("store", "a boolean", b"tf"),
        ("service_tier", "a string", b"\""),
        ("verbosity", "a string", b"\""),
        ("prompt_cache_key", "a string", b"\""),
        ("safety_identifier", "a string", b"\""),
    ];
    for (name, expected, starts) in TYPES {
        if let Some(raw) = given(members, name)
            && !raw.get().as_bytes().first().is_some_and(|first| starts.contains(first))
        {
            return Err(RequestError::of_type(*name, expected, raw.get()));
        }
    }
    Ok(())
}

pub(super) fn messages<'a>(members: &[Member<'a>]) -> Result<Vec<Message<'a>>, RequestError> {
    let raw = find(members, "messages").ok_or_else(|| RequestError::missing("messages"))?;
    let wrong = || RequestError::of_type("messages", "an array of objects", raw.get());
    let list: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    if list.is_empty() {
        return Err(RequestError::member(
            "messages",
            "Invalid 'messages': empty array. Expected an array with at least 1 message.",
        ));
    }
    list.into_iter().enumerate().map(|(index, raw)| message(index, raw)).collect()
}

fn message(index: usize, raw: &RawValue) -> Result<Message<'_>, RequestError> {
    let at = |member: &str| format!("messages[{index}]{member}");
    let Members(members) =
        Members::parse(raw.get()).ok_or_else(|| RequestError::of_type(at(""), "an object", raw.get()))?;
    let role = find(&members, "role").ok_or_else(|| RequestError::missing(at(".role")))?;
    let role = match string(role).ok_or_else(|| RequestError::of_type(at(".role"), "a string", role.get()))?.as_ref() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "function" => Role::Function,
        other => {
            let other: String = other.chars().take(40).collect();
            let message = format!(
                "Invalid value: '{other}'. Supported values are: 'system', 'developer', 'user', 'assistant', 'tool' and 'function'."
            );
            return Err(RequestError::member(at(".role"), message));
        }
    };
    let content = given(&members, "content");
    match content.map(|raw| raw.get().as_bytes()[0]) {
        Some(b'"' | b'[') => {}
        Some(_) => {
            let raw = content.map_or("", RawValue::get);
            return Err(RequestError::of_type(at(".content"), "a string or an array of parts", raw));
        }
        // Only an assistant may say nothing, when it called a tool instead.
        None if role == Role::Assistant => {}
        None => return Err(RequestError::missing(at(".content"))),
    }
    Ok(Message { role, members })
}
