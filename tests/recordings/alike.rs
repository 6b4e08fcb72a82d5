//! Providers that speak nearly OpenAI's dialect: which of them answers a recording, what was asked
//! there in OpenAI's words, and what their oddities mean.

use crate::held::{Choice, Held, Tool, Usage, append, json};
use crate::support::recording::Recording;
use base64::Engine as _;
use serde_json::{Map, Value, json};

/// The providers whose recordings are replayed.
pub const PROVIDERS: &[&str] = &[
    "azure",
    "together",
    "fireworks",
    "deepseek",
    "xai",
    "cerebras",
    "sambanova",
    "mistral",
    "openrouter",
    "ollama",
    "huggingface",
    "perplexity",
];

/// The provider that is called for a recording. Some hold a dialect that no spec speaks any more,
/// or that a provider has beside its own: the router, which passes each back end's shape through,
/// stands in for them.
pub fn called(recording: &Recording) -> &str {
    let own = match recording.provider.as_str() {
        "ollama" => !recording.path.starts_with("v1/"),
        "perplexity" => recording.path.ends_with("/embeddings"),
        // Its vectors are in no catalogue any more, and in the shape that all of them have.
        "sambanova" | "openrouter" if recording.path.ends_with("/embeddings") => return "together",
        _ => true,
    };
    if own { &recording.provider } else { "huggingface" }
}

/// Whether an answer is in the shape of Ollama's own API.
pub fn is_ollama(recording: &Recording) -> bool {
    recording.provider == "ollama" && recording.path.starts_with("api/")
}

/// The models that stand in for recorded ones.
pub fn stand_in(provider: &str, path: &str) -> Option<&'static str> {
    Some(match (provider, path) {
        ("azure", "/v1/embeddings") => "fc:azure/text-embedding-3-large",
        ("azure", _) => "fc:azure/gpt-5.4",
        ("together", "/v1/embeddings") => "fc:together/BAAI/bge-base-en-v1.5",
        ("together", _) => "fc:together/openai/gpt-oss-120b",
        ("fireworks", "/v1/embeddings") => "fc:fireworks/accounts/fireworks/models/qwen3-embedding-8b",
        ("fireworks", _) => "fc:fireworks/accounts/fireworks/models/glm-5p3",
        ("deepseek", _) => "fc:deepseek/deepseek-v4-pro",
        ("xai", _) => "fc:xai/grok-4.3",
        ("cerebras", _) => "fc:cerebras/gpt-oss-120b",
        ("sambanova", _) => "fc:sambanova/DeepSeek-V3.1",
        ("mistral", "/v1/embeddings") => "fc:mistral/mistral-embed",
        ("mistral", _) => "fc:mistral/mistral-large-4",
        ("openrouter", _) => "fc:openrouter/anthropic/claude-opus-5.5",
        ("ollama", "/v1/embeddings") => "fc:ollama/bge-m3",
        ("ollama", _) => "fc:ollama/gpt-oss:20b",
        ("huggingface", _) => "fc:huggingface/moonshotai/Kimi-K3",
        ("perplexity", "/v1/embeddings") => "fc:perplexity/pplx-embed-v1-4b",
        _ => return None,
    })
}

/// What was asked, as a caller of Ringside may ask it: members that only a provider has are left.
pub fn to_openai(recording: &Recording) -> (&'static str, Map<String, Value>) {
    let recorded = recording.request.as_object().cloned().unwrap_or_default();
    let known = |names: &[&str]| {
        let kept = recorded.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.is_null());
        kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<String, Value>>()
    };
    if recording.path.contains("embeddings") {
        let mut body = known(&["input", "dimensions"]);
        if let Some(prompt) = recorded.get("prompt") {
            body.insert("input".to_owned(), prompt.clone());
        }
        return ("/v1/embeddings", body);
    }
    let mut body = known(&["messages", "tools", "tool_choice", "max_tokens", "max_completion_tokens", "n"]);
    if body.get("tool_choice").is_some_and(|choice| choice == "any") {
        body.insert("tool_choice".to_owned(), "required".into());
    }
    // A few recordings hold the answer alone, and one a request that was refused for lacking them.
    let messages = body.entry("messages").or_insert_with(|| json!([{"role": "user", "content": "Hello"}]));
    let (mut calls, mut results) = (0, 0);
    for message in messages.as_array_mut().into_iter().flatten() {
        tidy(message, &mut calls, &mut results);
    }
    for tool in body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        tool["type"] = "function".into();
    }
    if body.get("tools").is_some_and(|tools| tools.as_array().is_none_or(Vec::is_empty)) {
        body.remove("tools");
        body.remove("tool_choice");
    }
    ("/v1/chat/completions", body)
}

/// A message without what is no member of OpenAI's; calls of Ollama's have no ids.
fn tidy(message: &mut Value, calls: &mut usize, results: &mut usize) {
    let Some(members) = message.as_object_mut() else { return };
    members.retain(|name, value| {
        ["role", "content", "tool_calls", "tool_call_id"].contains(&name.as_str()) && !value.is_null()
    });
    for part in members.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        let kind = part["type"].as_str().unwrap_or_default().to_owned();
        *part = match kind.as_str() {
            "image_url" => json!({"type": kind, "image_url": part["image_url"]}),
            "text" => json!({"type": kind, "text": part["text"]}),
            // Thought, and files by a provider's own parts.
            _ => json!({"type": "text", "text": "…"}),
        };
    }
    for call in members.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if call["function"]["arguments"].is_object() {
            call["function"]["arguments"] = call["function"]["arguments"].to_string().into();
        }
        if call["id"].is_null() {
            call["id"] = format!("call_{calls}").into();
        }
        call["type"] = "function".into();
        *calls += 1;
    }
    if members.get("role").is_some_and(|role| role == "tool") {
        members.entry("tool_call_id").or_insert_with(|| format!("call_{results}").into());
        *results += 1;
    }
    if members.get("tool_calls").is_some_and(|calls| calls.as_array().is_some_and(Vec::is_empty)) {
        members.remove("tool_calls");
    }
    if !members.contains_key("content") && !members.contains_key("tool_calls") {
        members.insert("content".to_owned(), "…".into());
    }
}

/// Thought between tags at a text's start is thought.
pub fn take_out_thought(held: &mut Held) {
    for choice in held.choices.values_mut() {
        let Some(inside) = choice.text.trim_start().strip_prefix("<think>").map(str::trim_start) else { continue };
        let (thought, text) = match inside.split_once("</think>") {
            Some((thought, text)) => (thought.trim_end().to_owned(), text.trim_start().to_owned()),
            None => (inside.to_owned(), String::new()),
        };
        choice.reasoning.push_str(&thought);
        choice.text = text;
    }
}

/// Whether a provider's models write thought into their text.
pub fn thinks_in_text(recording: &Recording) -> bool {
    matches!(called(recording), "together" | "fireworks" | "sambanova" | "huggingface")
}

/// What errors mean whose status alone does not tell.
pub fn error_of(recording: &Recording) -> Option<(u16, &'static str)> {
    let text = recording.text();
    let too_long = ["maximum context length", "exceeded max context length"];
    if too_long.iter().any(|sign| text.contains(sign)) {
        return Some((400, "upstream_context_length_exceeded"));
    }
    if text.contains("\"content_filter\"") || (recording.provider == "openrouter" && recording.status == 403) {
        return Some((400, "upstream_content_filter"));
    }
    None
}

/// An error under a status that says that all is well.
pub fn is_error_in_disguise(recording: &Recording) -> bool {
    recording.status == 200 && !recording.streamed() && recording.text().trim_start().starts_with("{ \"error\"")
}

/// The vectors of shapes of their own: one alone, or a signed byte a number.
pub fn vectors(body: &Value) -> Option<Vec<Value>> {
    if let Some(one) = body["embedding"].as_array() {
        return Some(vec![one.clone().into()]);
    }
    let texts: Option<Vec<&str>> = body["data"].as_array()?.iter().map(|item| item["embedding"].as_str()).collect();
    let numbers = texts?.into_iter().map(|text| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        bytes.into_iter().map(|byte| Value::from(byte.cast_signed())).collect()
    });
    Some(numbers.collect())
}

/// Ollama's own API.
pub fn read_ollama(held: &mut Held, body: &str) {
    let choice = held.choices.entry(0).or_default();
    for line in body.lines().filter(|line| !line.trim().is_empty()) {
        let line = json(line);
        if let Some(model) = line["model"].as_str() {
            model.clone_into(&mut held.model);
        }
        let message = &line["message"];
        append(&mut choice.text, &message["content"]);
        append(&mut choice.reasoning, &message["thinking"]);
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let mut tool = Tool { arguments: call["function"]["arguments"].to_string(), ..Tool::default() };
            append(&mut tool.id, &call["id"]);
            append(&mut tool.name, &call["function"]["name"]);
            choice.tools.push(tool);
        }
        if line["done"] == true {
            held.ended = true;
            choice.finish = Some(finish_of(choice, &line["done_reason"]).to_owned());
            let number = |name: &str| line[name].as_u64().unwrap_or(0);
            let (prompt, completion) = (number("prompt_eval_count"), number("eval_count"));
            held.usage = (prompt > 0).then_some(Usage { prompt, completion, ..Usage::default() });
        }
    }
}

fn finish_of(choice: &Choice, reason: &Value) -> &'static str {
    match reason.as_str() {
        Some("length") => "length",
        _ if !choice.tools.is_empty() => "tool_calls",
        _ => "stop",
    }
}
