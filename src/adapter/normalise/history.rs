//! Messages into turns.

use super::content;
use crate::adapter::parse::{Object, Text as ParsedText};
use crate::adapter::reply::SEALED_TEXT;
use crate::adapter::view::{
    CalledTool, Chat, Part, Reasoning, Redacted, ResultPart, SystemPart, Text, ToolCall, ToolResult, Turn,
};
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

/// Notes what the conversation calls and is not offered now, each function once.
pub(super) fn called_tools(view: &mut Chat<'_>) {
    let forbidden = view.tools_forbidden();
    let mut called: Vec<CalledTool<'_>> = Vec::new();
    for part in view.turns.iter().flat_map(|turn| &turn.parts) {
        let Part::ToolCall(call) = part else { continue };
        let offered = !forbidden && view.tools.iter().any(|tool| tool.name == call.name);
        if !offered && called.iter().all(|known| known.name != call.name) {
            called.push(CalledTool { name: call.name.clone() });
        }
    }
    view.called_tools = called;
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
    #[serde(borrow, default)]
    id: ParsedText<'a>,
}

/// What this provider signed of one message: the id of a call, or [`SEALED_TEXT`], and the signature.
type Seals<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

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
                let seals = self.reasoning(member("reasoning_details"), format);
                let mut parts = content::parts(content, mark, &at)?;
                if let Some((_, seal)) = seals.iter().rfind(|(of, _)| of == SEALED_TEXT) {
                    seal_text(&mut parts, seal.clone());
                }
                for part in parts {
                    self.push("assistant", part);
                }
                self.calls(member("tool_calls"), member("function_call"), index, &seals)?;
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
    /// Returns what it signed besides.
    fn reasoning(&mut self, details: Option<&'a RawValue>, format: &str) -> Seals<'a> {
        let mut seals = Vec::new();
        let Some(details) = details else { return seals };
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
                (Some("reasoning.encrypted"), _, Some(data)) => match detail.id.into_inner() {
                    Some(id) => seals.push((id, data)),
                    None => self.push("assistant", Part::Redacted(Redacted { data })),
                },
                _ => {}
            }
        }
        seals
    }

    fn calls(
        &mut self,
        calls: Option<&'a RawValue>,
        legacy: Option<&'a RawValue>,
        message: usize,
        seals: &Seals<'a>,
    ) -> Result<(), RequestError> {
        let first = self.calls.len();
        if let Some(raw) = legacy {
            let at = format!("messages[{message}].function_call");
            let function: Object<RawFunction<'a>> = serde_json::from_str(raw.get()).unwrap_or_default();
            // The old form has no ids: one is made of the place.
            let id = Cow::Owned(format!("call_of_message_{message}"));
            self.call(id, function.into_inner(), &at, seals)?;
        }
        let Some(raw) = calls else { return Ok(()) };
        let at = format!("messages[{message}].tool_calls");
        let wrong = || RequestError::of_type(at.clone(), "an array of objects", raw.get());
        let list: Vec<Object<RawCall<'a>>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
        for (index, call) in list.into_iter().enumerate() {
            let at = format!("{at}[{index}]");
            let call = call.into_inner();
            let id = call.id.into_inner().ok_or_else(|| RequestError::missing(format!("{at}.id")))?;
            self.call(id, call.function.into_inner(), &format!("{at}.function"), seals)?;
        }
        let sealed = |(id, _): &(Cow<'a, str>, _)| seals.iter().any(|(of, _)| of == id);
        let of_message = self.calls.len() - first;
        if !self.calls[first..].iter().any(sealed)
            && let Some(turn) = self.view.turns.last_mut()
            && let Some(Part::ToolCall(call)) = turn.parts.iter_mut().rev().take(of_message).last()
        {
            call.foreign = true;
        }
        Ok(())
    }

    fn call(
        &mut self,
        id: Cow<'a, str>,
        function: RawFunction<'a>,
        at: &str,
        seals: &Seals<'a>,
    ) -> Result<(), RequestError> {
        let name = function.name.into_inner().ok_or_else(|| RequestError::missing(format!("{at}.name")))?;
        let text = function.arguments.into_inner().unwrap_or_default();
        let arguments = arguments(&text).ok_or_else(|| {
            RequestError::member(
                format!("{at}.arguments"),
                format!("Invalid '{at}.arguments': expected a JSON object as a string."),
            )
        })?;
        self.calls.push((id.clone(), name.clone()));
        let seal = seals.iter().find(|(of, _)| *of == id).map(|(_, seal)| seal.clone());
        let id = plain_id(id);
        let arguments_text = if text.trim().is_empty() { Cow::Borrowed("{}") } else { text };
        let call = ToolCall { id, name, arguments, arguments_text, seal, foreign: false };
        self.push("assistant", Part::ToolCall(call));
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

/// Signs the last of a message's texts; a signature without a text has an empty one.
fn seal_text<'a>(parts: &mut Vec<Part<'a>>, seal: Cow<'a, str>) {
    let seal = Some(seal);
    match parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None }) {
        Some(text) => text.seal = seal,
        None => parts.push(Part::Text(Text { text: Cow::Borrowed(""), seal, cache_control: None })),
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

#[cfg(test)]
mod tests {
    use super::super::{Target, chat};
    use crate::adapter::view::Part;
    use crate::wire::chat::ChatRequest;

    /// Each part of the assistant's turns with what it is sealed with; `!` marks foreign calls.
    fn sealed(details: &str, content: &str) -> Vec<String> {
        let call =
            |id: &str| format!(r#"{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#);
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":{content},
                "reasoning_details":{details},"tool_calls":[{},{}]}}]}}"#,
            call("a:1"),
            call("b"),
        );
        let request = ChatRequest::parse(body.as_bytes(), 64).expect("a good request");
        let target = Target {
            model: "m",
            max_output: 0,
            output_limit: None,
            reasoning_format: "ours",
            tool_ids: None,
            normalises: true,
            user: None,
        };
        let view = chat(&request, target).expect("a view");
        let parts = view.turns.iter().filter(|turn| turn.role == "assistant").flat_map(|turn| &turn.parts);
        let told = parts.map(|part| match part {
            Part::Text(text) => format!("{:?} {}", text.text, text.seal.as_deref().unwrap_or("-")),
            Part::ToolCall(call) => {
                let mark = if call.foreign { "!" } else { "" };
                format!("{mark}{} {}", call.id, call.seal.as_deref().unwrap_or("-"))
            }
            Part::Redacted(redacted) => format!("redacted {}", redacted.data),
            _ => "?".to_owned(),
        });
        told.collect()
    }

    #[test]
    fn what_a_provider_sealed_comes_back_where_it_was() {
        let details = r#"[
            {"type":"reasoning.encrypted","id":"b","data":"of b","format":"ours"},
            {"type":"reasoning.encrypted","id":"content","data":"of text","format":"ours"},
            {"type":"reasoning.encrypted","id":"a:1","data":"not ours","format":"theirs"},
            {"type":"reasoning.encrypted","data":"block","format":"ours"}]"#;
        let parts = r#"[{"type":"text","text":"one"},{"type":"text","text":"two"}]"#;
        assert_eq!(sealed(details, parts), ["redacted block", "\"one\" -", "\"two\" of text", "a_1 -", "b of b"]);
        let alone = r#"[{"type":"reasoning.encrypted","id":"content","data":"of text","format":"ours"}]"#;
        assert_eq!(sealed(alone, "null"), ["\"\" of text", "!a_1 -", "b -"]);
    }

    #[test]
    fn calls_that_a_provider_sealed_none_of_are_foreign_from_the_first() {
        assert_eq!(sealed("null", "null"), ["!a_1 -", "b -"]);
        let theirs = r#"[{"type":"reasoning.encrypted","id":"a:1","data":"x","format":"theirs"}]"#;
        assert_eq!(sealed(theirs, "null"), ["!a_1 -", "b -"]);
    }
}
