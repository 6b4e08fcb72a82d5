//! A request written anew so that its answer fits a schema: by the provider's own means, or by the
//! best there is. Rewriting is done on the caller's JSON, so that it holds for every provider,
//! whether its spec reads the conversation or passes it on.

use super::Means;
use super::ordered::Ordered;
use super::prompts::Prompts;
use super::schema::Mismatch;
use crate::adapter::json::Json;
use crate::wire::chat::ChatRequest;
use crate::wire::members::{Members, find, string};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What is asked for.
pub struct Asking<'a> {
    pub means: Means,
    /// The schema's name.
    pub name: &'a str,
    /// What it is for, in the caller's words.
    pub description: Option<&'a str>,
    /// The schema as it is sent: within the provider's subset, its root an object where it must be.
    pub schema: &'a Ordered,
    pub strict: Option<bool>,
    /// Whether any object will do, and the schema only says so.
    pub any_object: bool,
    /// The name of the forced tool, where that is the means.
    pub tool: &'a str,
    /// Whether a stream passes to the caller as it comes.
    pub streams: bool,
}

#[derive(Serialize)]
struct Format<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    json_schema: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a Ordered,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

impl<'a> Named<'a> {
    fn of(asking: &Asking<'a>) -> Self {
        let Asking { name, description, schema, strict, .. } = *asking;
        Self { name, description, schema, strict }
    }
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: Cow<'a, str>,
    parameters: &'a Ordered,
}

/// An answer that did not fit, and why.
pub struct Failed {
    pub answer: String,
    pub mismatch: Mismatch,
}

/// The body of the next attempt.
pub fn body(request: &ChatRequest<'_>, asking: &Asking<'_>, failed: &[Failed], prompts: &Prompts) -> Vec<u8> {
    let mut w = Json::with_capacity(request.bytes + 1024);
    w.open(b'{');
    for (name, raw) in &request.members {
        let ours = matches!(name.as_ref(), "messages" | "response_format");
        let tools = asking.means == Means::Tool && matches!(name.as_ref(), "tools" | "tool_choice");
        let stream = !asking.streams && matches!(name.as_ref(), "stream" | "stream_options");
        if !(ours || tools || stream) {
            w.text_key(name);
            w.value(*raw);
        }
    }
    messages(&mut w, request, asking, failed, prompts);
    let format = match asking.means {
        Means::Native => {
            let format = Format { kind: "json_schema", json_schema: Named::of(asking) };
            serde_json::to_string(&format).ok()
        }
        Means::JsonMode => Some(json!({"type": "json_object"}).to_string()),
        Means::Tool | Means::Prompt => None,
    };
    if let Some(format) = format {
        w.key("response_format");
        w.literal(&format);
    }
    if asking.means == Means::Tool {
        tools(&mut w, request, asking);
    }
    w.close_root(b'}');
    w.into_bytes()
}

fn messages(w: &mut Json, request: &ChatRequest<'_>, asking: &Asking<'_>, failed: &[Failed], prompts: &Prompts) {
    let mark = w.open_member("messages", b'[');
    let given: Vec<&RawValue> =
        request.member("messages").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let text = asking.schema.to_string();
    let schema = (!asking.any_object).then_some(text.as_str());
    let instruction = matches!(asking.means, Means::JsonMode | Means::Prompt)
        .then(|| prompts.instruction(schema, asking.description));
    let mut rest = given.as_slice();
    if let Some(instruction) = instruction {
        let (system, others) = match rest.split_first() {
            Some((first, others)) if is_system(first) => (with_instruction(first, &instruction), others),
            _ => (json!({"role": "system", "content": instruction}).to_string(), rest),
        };
        w.item();
        w.literal(&system);
        rest = others;
    }
    for message in rest {
        w.item();
        w.value(*message);
    }
    for (attempt, failed) in (1..).zip(failed) {
        let told = prompts.reinforcement(&failed.mismatch.errors, schema, attempt);
        // A provider may refuse a message without text.
        let answer = if failed.answer.trim().is_empty() { "(no answer)" } else { failed.answer.as_str() };
        for (role, content) in [("assistant", answer), ("user", told.as_str())] {
            w.item();
            w.literal(&json!({"role": role, "content": content}).to_string());
        }
    }
    w.close(mark, b']');
}

fn is_system(message: &RawValue) -> bool {
    has_role(message, &["system", "developer"])
}

fn has_role(message: &RawValue, roles: &[&str]) -> bool {
    let role = Members::parse(message.get()).and_then(|members| members.get("role").and_then(string));
    role.is_some_and(|role| roles.contains(&role.as_ref()))
}

/// Whether the last message is the assistant's: the beginning of what the model is to write.
pub fn begins_the_answer(request: &ChatRequest<'_>) -> bool {
    let given: Vec<&RawValue> =
        request.member("messages").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    given.last().is_some_and(|message| has_role(message, &["assistant"]))
}

/// The caller's first system message with the instruction behind its own text: not every provider
/// takes two.
fn with_instruction(message: &RawValue, instruction: &str) -> String {
    let mut message: Value = serde_json::from_str(message.get()).unwrap_or_default();
    match &mut message["content"] {
        Value::String(text) => *text = format!("{text}\n\n{instruction}"),
        Value::Array(parts) => parts.push(json!({"type": "text", "text": instruction})),
        other => *other = instruction.into(),
    }
    message.to_string()
}

/// The caller's tools and the one that is the answer. The model must call one of them; without
/// others, this one.
fn tools(w: &mut Json, request: &ChatRequest<'_>, asking: &Asking<'_>) {
    let others: Vec<&RawValue> =
        find(&request.members, "tools").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let choice = request.member("tool_choice").map(RawValue::get);
    let mark = w.open_member("tools", b'[');
    for tool in &others {
        w.item();
        w.value(*tool);
    }
    let told = "Gives the answer to the user, in the form that was asked for.";
    let own = Tool {
        kind: "function",
        function: Function {
            name: asking.tool,
            description: asking.description.map_or_else(|| told.into(), |own| format!("{told} {own}").into()),
            parameters: asking.schema,
        },
    };
    w.item();
    w.literal(&serde_json::to_string(&own).unwrap_or_default());
    w.close(mark, b']');
    w.key("tool_choice");
    match choice {
        _ if others.is_empty() => w.literal(&named(asking.tool)),
        Some("\"none\"") => w.literal(&named(asking.tool)),
        // A tool of the caller's own that must be called is called; the answer comes after it.
        Some(own) if own.starts_with('{') => w.literal(own),
        _ => w.literal("\"required\""),
    }
}

fn named(tool: &str) -> String {
    json!({"type": "function", "function": {"name": tool}}).to_string()
}

/// The names of the caller's tools.
pub fn tool_names(request: &ChatRequest<'_>) -> Vec<String> {
    let tools: Vec<Value> =
        request.member("tools").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    tools.iter().filter_map(|tool| tool.pointer("/function/name")?.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"weather"}}]"#;

    fn rewritten(means: Means, request: &str, failed: &[Failed]) -> Value {
        let request = ChatRequest::parse(request.as_bytes(), 64).unwrap();
        let schema = Ordered::from(json!({"type": "object"}));
        let asking = Asking {
            means,
            name: "city",
            description: None,
            schema: &schema,
            strict: Some(true),
            any_object: false,
            tool: "answer",
            streams: false,
        };
        let body = body(&request, &asking, failed, &Prompts::new(None).unwrap());
        assert!(ChatRequest::parse(&body, 64).is_ok());
        serde_json::from_slice(&body).unwrap()
    }

    fn request(more: &str) -> String {
        format!(
            r#"{{"model":"m","seed":7,"messages":[{{"role":"user","content":"Hi"}}],"response_format":{{"type":"json_schema","json_schema":{{}}}},"stream":true,"stream_options":{{"include_usage":true}}{more}}}"#
        )
    }

    #[test]
    fn each_means_asks_in_its_own_way_and_keeps_the_rest() {
        let native = rewritten(Means::Native, &request(""), &[]);
        assert_eq!(
            native["response_format"]["json_schema"],
            json!({"name": "city", "schema": {"type": "object"}, "strict": true})
        );
        assert_eq!((&native["seed"], native.get("stream"), native.get("stream_options")), (&json!(7), None, None));

        let tool = rewritten(Means::Tool, &request(""), &[]);
        assert_eq!(tool["tool_choice"], json!({"type": "function", "function": {"name": "answer"}}));
        assert_eq!(tool["tools"][0]["function"]["parameters"], json!({"type": "object"}));
        assert!(tool.get("response_format").is_none());

        let mode = rewritten(Means::JsonMode, &request(""), &[]);
        assert_eq!(mode["response_format"], json!({"type": "json_object"}));
        assert_eq!(mode["messages"][0]["role"], "system");
        assert_eq!(mode["messages"][1]["content"], "Hi");

        let prompt = rewritten(Means::Prompt, &request(""), &[]);
        assert!(prompt.get("response_format").is_none());
        assert!(prompt["messages"][0]["content"].as_str().unwrap().contains(r#"{"type":"object"}"#));
    }

    #[test]
    fn beside_the_callers_tools_the_model_must_call_one_of_them() {
        let beside = rewritten(Means::Tool, &request(&format!(",{TOOLS}")), &[]);
        assert_eq!((beside["tools"].as_array().unwrap().len(), &beside["tool_choice"]), (2, &json!("required")));
        let none = rewritten(Means::Tool, &request(&format!(",{TOOLS},\"tool_choice\":\"none\"")), &[]);
        assert_eq!(none["tool_choice"]["function"]["name"], "answer");
        let own = r#","tool_choice":{"type":"function","function":{"name":"weather"}}"#;
        let own = rewritten(Means::Tool, &request(&format!(",{TOOLS}{own}")), &[]);
        assert_eq!(own["tool_choice"]["function"]["name"], "weather");
    }

    #[test]
    fn the_callers_own_system_text_stays_first() {
        let own =
            r#"{"model":"m","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"}]}"#;
        let prompt = rewritten(Means::Prompt, own, &[]);
        assert!(prompt["messages"][0]["content"].as_str().unwrap().starts_with("Be brief.\n\nAnswer with one JSON"));
        assert_eq!(prompt["messages"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_failed_and_why_follows_the_conversation() {
        let failed = [
            Failed { answer: "{\"a\":".to_owned(), mismatch: Mismatch::new("it does not end") },
            Failed { answer: String::new(), mismatch: Mismatch::new("the answer is not JSON") },
        ];
        let again = rewritten(Means::Native, &request(""), &failed);
        let messages = again["messages"].as_array().unwrap();
        let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
        assert_eq!(messages[1]["content"], "{\"a\":");
        assert!(messages[2]["content"].as_str().unwrap().contains("it does not end"));
        assert_eq!(messages[3]["content"], "(no answer)");
    }
}
