//! Messages into turns.

use super::content;
use crate::adapter::parse::{Object, Text as ParsedText};
use crate::adapter::view::{Chat, Part, Reasoning, Redacted, ResultPart, SystemPart, ToolCall, ToolResult, Turn};
use crate::wire::chat::{ChatRequest, Message, Role};
use crate::wire::members::find;
use crate::wire::request_error::RequestError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Fills the view's system text and turns.
pub(super) fn fold<'a>(request: &'a ChatRequest<'a>, format: &str, view: &mut Chat<'a>) -> Result<(), RequestError> {
    let mut history = History { view, calls: Vec::new() };
    for (index, message) in request.messages.iter().enumerate() {
        history.add(index, message, format)?;
    }
    Ok(())
}

struct History<'v, 'a> {
    view: &'v mut Chat<'a>,
    /// Ids and names of the calls so far.
    calls: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Deserialize, Default)]
struct RawCall<'a> {
    #[serde(borrow, default)]
    id: ParsedText<'a>,
    #[serde(borrow, default)]
    function: Object<RawFunction<'a>>,
}

#[derive(Deserialize, Default)]
struct RawFunction<'a> {
    #[serde(borrow, default)]
    name: ParsedText<'a>,
    #[serde(borrow, default)]
    arguments: ParsedText<'a>,
}

#[derive(Deserialize, Default)]
struct RawDetail<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: ParsedText<'a>,
    #[serde(borrow, default)]
    format: ParsedText<'a>,
    #[serde(borrow, default)]
    text: ParsedText<'a>,
    #[serde(borrow, default)]
    signature: ParsedText<'a>,
    #[serde(borrow, default)]
    data: ParsedText<'a>,
}

impl<'a> History<'_, 'a> {
    fn add(&mut self, index: usize, message: &'a Message<'a>, format: &str) -> Result<(), RequestError> {
        let at = format!("messages[{index}]");
        let member = |name: &str| find(&message.members, name).filter(|raw| raw.get() != "null");
        let (content, mark) = (member("content"), member("cache_control"));
        match message.role {
            Role::System | Role::Developer => {
                for part in content::parts(content, mark, &at)? {
                    let Part::Text(text) = part else {
                        return Err(RequestError::member(format!("{at}.content"), "A system message holds text only."));
                    };
                    self.view.system_parts.push(SystemPart { text: text.text, cache_control: text.cache_control });
                }
            }
            Role::User => {
                for part in content::parts(content, mark, &at)? {
                    self.push("user", part);
                }
            }
            Role::Assistant => {
                self.reasoning(member("reasoning_details"), format);
                for part in content::parts(content, mark, &at)? {
                    self.push("assistant", part);
                }
                self.calls(member("tool_calls"), member("function_call"), index)?;
            }
            Role::Tool | Role::Function => self.result(message, content, mark, &at)?,
        }
        Ok(())
    }

    fn push(&mut self, role: &'static str, part: Part<'a>) {
        match self.view.turns.last_mut() {
            Some(turn) if turn.role == role => turn.parts.push(part),
            _ => self.view.turns.push(Turn { role, parts: vec![part] }),
        }
    }

    /// Thought that this provider signed or encrypted before; that of others means nothing to it.
    fn reasoning(&mut self, details: Option<&'a RawValue>, format: &str) {
        let Some(details) = details else { return };
        let details: Vec<Object<RawDetail<'a>>> = serde_json::from_str(details.get()).unwrap_or_default();
        for detail in details {
            let detail = detail.into_inner();
            if format.is_empty() || detail.format.get() != Some(format) {
                continue;
            }
            match (detail.kind.get(), detail.signature.into_inner(), detail.data.into_inner()) {
                (Some("reasoning.text"), Some(signature), _) => {
                    let text = detail.text.into_inner().unwrap_or_default();
                    self.push("assistant", Part::Reasoning(Reasoning { text, signature: Some(signature) }));
                }
                (Some("reasoning.encrypted"), _, Some(data)) => {
                    self.push("assistant", Part::Redacted(Redacted { data }));
                }
                _ => {}
            }
        }
    }

    fn calls(
        &mut self,
        calls: Option<&'a RawValue>,
        legacy: Option<&'a RawValue>,
        message: usize,
    ) -> Result<(), RequestError> {
        if let Some(raw) = legacy {
            let at = format!("messages[{message}].function_call");
            let function: Object<RawFunction<'a>> = serde_json::from_str(raw.get()).unwrap_or_default();
            // The old form has no ids: one is made of the place.
            let id = Cow::Owned(format!("call_of_message_{message}"));
            self.call(id, function.into_inner(), &at)?;
        }
        let Some(raw) = calls else { return Ok(()) };
        let at = format!("messages[{message}].tool_calls");
        let wrong = || RequestError::of_type(at.clone(), "an array of objects", raw.get());
        let list: Vec<Object<RawCall<'a>>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
        for (index, call) in list.into_iter().enumerate() {
            let at = format!("{at}[{index}]");
            let call = call.into_inner();
            let id = call.id.into_inner().ok_or_else(|| RequestError::missing(format!("{at}.id")))?;
            self.call(id, call.function.into_inner(), &format!("{at}.function"))?;
        }
        Ok(())
    }

    fn call(&mut self, id: Cow<'a, str>, function: RawFunction<'a>, at: &str) -> Result<(), RequestError> {
        let name = function.name.into_inner().ok_or_else(|| RequestError::missing(format!("{at}.name")))?;
        let text = function.arguments.into_inner().unwrap_or_default();
        let arguments = arguments(&text).ok_or_else(|| {
            RequestError::member(
                format!("{at}.arguments"),
                format!("Invalid '{at}.arguments': expected a JSON object as a string."),
            )
        })?;
        self.calls.push((id.clone(), name.clone()));
        let id = plain_id(id);
        self.push("assistant", Part::ToolCall(ToolCall { id, name, arguments, arguments_text: text }));
        Ok(())
    }

    fn result(
        &mut self,
        message: &'a Message<'a>,
        content: Option<&'a RawValue>,
        mark: Option<&'a RawValue>,
        at: &str,
    ) -> Result<(), RequestError> {
        let text_of = |name: &str| find(&message.members, name).and_then(crate::wire::members::string);
        let (id, name) = if message.role == Role::Tool {
            let id = text_of("tool_call_id").ok_or_else(|| RequestError::missing(format!("{at}.tool_call_id")))?;
            let known = self.calls.iter().rev().find(|(known, _)| *known == id).map(|(_, name)| name.clone());
            (id, known)
        } else {
            let name = text_of("name").ok_or_else(|| RequestError::missing(format!("{at}.name")))?;
            let id = self.calls.iter().rev().find(|(_, known)| *known == name).map(|(id, _)| id.clone());
            (id.unwrap_or_default(), Some(name).filter(|name| self.calls.iter().any(|(_, known)| known == name)))
        };
        let name = name.ok_or_else(|| {
            RequestError::member(
                format!("{at}.tool_call_id"),
                format!("Invalid parameter: '{at}' answers no tool call: its 'tool_call_id' must be that of a call in an assistant message before it."),
            )
        })?;
        let mut text = String::new();
        let mut parts = Vec::new();
        for part in content::parts(content, None, at)? {
            match part {
                Part::Text(piece) => {
                    text.push_str(&piece.text);
                    parts.push(ResultPart::Text(piece));
                }
                Part::ImageUrl(image) => parts.push(ResultPart::ImageUrl(image)),
                Part::ImageData(image) => parts.push(ResultPart::ImageData(image)),
                _ => {
                    return Err(RequestError::member(
                        format!("{at}.content"),
                        "A tool's result holds text and images only.",
                    ));
                }
            }
        }
        let result = ToolResult { call_id: plain_id(id), name, text: text.into(), parts, cache_control: mark };
        self.push("user", Part::ToolResult(result));
        Ok(())
    }
}

/// A call's arguments as JSON: an object, or an empty one for no text at all.
fn arguments(text: &str) -> Option<Cow<'static, RawValue>> {
    let trimmed = text.trim();
    let json = if trimmed.is_empty() { "{}" } else { trimmed };
    let raw = RawValue::from_string(json.to_owned()).ok()?;
    json.starts_with('{').then_some(Cow::Owned(raw))
}

/// An id with letters, digits, `_` and `-` only, as the strictest provider wants: ids that another
/// provider made may hold anything.
fn plain_id(id: Cow<'_, str>) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !id.is_empty() && id.chars().all(plain) {
        return id;
    }
    if id.is_empty() {
        return Cow::Borrowed("call");
    }
    id.chars().map(|c| if plain(c) { c } else { '_' }).collect::<String>().into()
}
