//! Chat: what the simulated model says, and OpenAI's bytes of it.

use super::answers::{MIDSTREAM, tokens};
use super::sample::sample;
use super::script::Script;
use crate::adapter::json::write_text;
use crate::id::Id;
use bytes::Bytes;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// What the model says.
pub struct Reply {
    text: String,
    /// Name and arguments of a call, instead of text.
    call: Option<(String, String)>,
    /// Why it ends.
    finish: &'static str,
    choices: u64,
    /// The usage object's text; `None` for a provider that reports none.
    usage: Option<String>,
    pause: Duration,
}

/// Works out the answer to a request.
pub fn reply(request: &Value, model: &str) -> Reply {
    let empty = Vec::new();
    let messages = request.get("messages").and_then(Value::as_array).unwrap_or(&empty);
    let all: usize = messages.iter().map(|message| text_of(message).len()).sum();
    let last_user = messages.iter().rev().find(|message| role(message) == "user").map(text_of).unwrap_or_default();
    let mut pause = Duration::ZERO;
    let mut call = None;
    let mut text = last_user;
    match model {
        "tool" => match (messages.iter().any(|message| role(message) == "tool"), first_tool(request)) {
            (false, Some(made)) => call = Some(made),
            _ => {
                let result =
                    messages.iter().rev().find(|message| role(message) == "tool").map(text_of).unwrap_or_default();
                text = format!("The tool said: {result}");
            }
        },
        "slow" => {
            text = (1..=50).fold(String::new(), |mut text, number| {
                let _ = write!(text, "{}{number}", if number == 1 { "" } else { " " });
                text
            });
            pause = Duration::from_millis(100);
        }
        "schema-once" | "schema-twice" | "schema-always" => text = by_schema(request, model, messages),
        _ => {}
    }
    let limit =
        ["max_completion_tokens", "max_tokens"].iter().find_map(|name| request.get(*name).and_then(Value::as_u64));
    let mut finish = if call.is_some() { "tool_calls" } else { "stop" };
    if let (None, Some(limit)) = (&call, limit) {
        let room = usize::try_from(limit.saturating_mul(4)).unwrap_or(usize::MAX);
        if text.len() > room {
            text = cut(&text, room).to_owned();
            finish = "length";
        }
    }
    let choices = request.get("n").and_then(Value::as_u64).unwrap_or(1).clamp(1, 128);
    let produced = call.as_ref().map_or(text.len(), |(name, arguments)| name.len() + arguments.len());
    let (input, output) = (tokens(all) as i64, tokens(produced) as i64 * choices as i64);
    let usage = match model {
        "usage-missing" => None,
        "usage-zero" => Some(usage(0, 0)),
        "usage-negative" => Some(usage(-input, -output)),
        _ => Some(usage(input, output)),
    };
    Reply { text, call, finish, choices, usage, pause }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// All text of a message.
fn text_of(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect(),
        _ => String::new(),
    }
}

fn first_tool(request: &Value) -> Option<(String, String)> {
    let function = request.get("tools")?.as_array()?.first()?.get("function")?;
    let parameters = function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"}));
    Some((function.get("name")?.as_str()?.to_owned(), sample(&parameters).to_string()))
}

/// As many answers that break the schema as the model's name says, counted by the attempts that
/// the history shows.
fn by_schema(request: &Value, model: &str, messages: &[Value]) -> String {
    let wrong = match model {
        "schema-once" => 1,
        "schema-twice" => 2,
        _ => usize::MAX,
    };
    let attempts = messages.iter().filter(|message| role(message) == "assistant").count();
    match request.pointer("/response_format/json_schema/schema") {
        Some(schema) if attempts >= wrong => sample(schema).to_string(),
        _ => r#""this breaks the schema""#.to_owned(),
    }
}

/// At most `bytes` of a text, whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

fn usage(input: i64, output: i64) -> String {
    format!(
        "{{\"prompt_tokens\":{input},\"completion_tokens\":{output},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":0,\"audio_tokens\":0}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":0,\"audio_tokens\":0,\
         \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}}",
        input + output
    )
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_text(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// The answer in one piece.
pub fn completion(reply: &Reply, model: &str, created: i64) -> Vec<u8> {
    let choices: Vec<String> = (0..reply.choices)
        .map(|index| match &reply.call {
            Some((name, arguments)) => format!(
                "{{\"index\":{index},\"message\":{{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{{\"id\":\"call_sim_{index}\",\
                 \"type\":\"function\",\"function\":{{\"name\":{},\"arguments\":{}}}}}],\"refusal\":null,\"annotations\":[]}},\
                 \"logprobs\":null,\"finish_reason\":\"tool_calls\"}}",
                quoted(name),
                quoted(arguments)
            ),
            None => format!(
                "{{\"index\":{index},\"message\":{{\"role\":\"assistant\",\"content\":{},\"refusal\":null,\"annotations\":[]}},\
                 \"logprobs\":null,\"finish_reason\":\"{}\"}}",
                quoted(&reply.text),
                reply.finish
            ),
        })
        .collect();
    let usage = reply.usage.as_ref().map(|usage| format!(",\"usage\":{usage}")).unwrap_or_default();
    format!(
        "{{\"id\":\"{}\",\"object\":\"chat.completion\",\"created\":{created},\"model\":{},\"choices\":[{}]{usage},\
         \"service_tier\":\"default\",\"system_fingerprint\":\"fp_sim\"}}",
        Id::new("chatcmpl").with_hyphen(),
        quoted(model),
        choices.join(",")
    )
    .into_bytes()
}

/// The answer as a stream: a role chunk, pieces, a finish chunk, usage, `[DONE]`.
pub fn stream(reply: &Reply, request: &Value, model: &str, created: i64) -> Script {
    let head = format!(
        "data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":{},\
         \"service_tier\":\"default\",\"system_fingerprint\":\"fp_sim\",\"choices\":[",
        Id::new("chatcmpl").with_hyphen(),
        quoted(model)
    );
    let with_usage = request.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let null_usage = if with_usage { ",\"usage\":null" } else { "" };
    let chunk = |index: u64, delta: &str, finish: &str| {
        format!(
            "{head}{{\"index\":{index},\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":{finish}}}]{null_usage}}}\n\n"
        )
    };
    let mut pieces: Vec<(Duration, Bytes)> = Vec::new();
    for index in 0..reply.choices {
        let mut say =
            |pause: Duration, delta: &str, finish: &str| pieces.push((pause, chunk(index, delta, finish).into()));
        if let Some((name, arguments)) = &reply.call {
            let call = format!(
                "\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{{\"index\":0,\"id\":\"call_sim_{index}\",\"type\":\"function\",\
                 \"function\":{{\"name\":{},\"arguments\":\"\"}}}}],\"refusal\":null",
                quoted(name)
            );
            say(Duration::ZERO, &call, "null");
            for piece in words(arguments) {
                let delta =
                    format!("\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":{}}}}}]", quoted(piece));
                say(Duration::ZERO, &delta, "null");
            }
            say(Duration::ZERO, "", "\"tool_calls\"");
            continue;
        }
        say(Duration::ZERO, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null", "null");
        for piece in words(&reply.text) {
            say(reply.pause, &format!("\"content\":{}", quoted(piece)), "null");
            if model == "fail-midstream" {
                break;
            }
        }
        if model == "fail-midstream" {
            pieces.push((Duration::ZERO, format!("data: {MIDSTREAM}\n\n").into()));
            return Script::new(pieces);
        }
        say(Duration::ZERO, "", &format!("\"{}\"", reply.finish));
    }
    if let (true, Some(usage)) = (with_usage, &reply.usage) {
        pieces.push((Duration::ZERO, format!("{head}],\"usage\":{usage}}}\n\n").into()));
    }
    pieces.push((Duration::ZERO, Bytes::from_static(b"data: [DONE]\n\n")));
    Script::new(pieces)
}

/// A text word by word, each with the space before it; long words in pieces of bounded length.
fn words(text: &str) -> Vec<&str> {
    const LONGEST: usize = 4096;
    let mut words = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        if at > start && (c == ' ' || at - start >= LONGEST) {
            words.push(&text[start..at]);
            start = at;
        }
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}
