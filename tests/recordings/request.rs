//! The request that a recording answers, as a caller of Ringside would have made it.

use crate::expected::held_by;
use crate::support::recording::Recording;
use crate::support::replay::mark;
use crate::{alike, cohere, converse, gemini, predictions};
use serde_json::{Map, Value, json};

/// A call of the gateway.
pub struct Call {
    pub path: &'static str,
    pub body: Value,
}

/// The models that stand in for recorded ones. Recorded models may have ended or never have been
/// listed; which model was asked for changes nothing in what an adapter does with the answer.
fn stand_in(provider: &str, path: &str) -> &'static str {
    match (provider, path) {
        ("openai", "/v1/embeddings") => "fc:openai/text-embedding-3-large",
        ("openai", "/v1/moderations") => "fc:openai/omni-moderation-latest",
        ("openai", _) => "fc:openai/gpt-5.4",
        ("groq", _) => "fc:groq/qwen/qwen3.8-27b",
        ("anthropic", _) => "fc:anthropic/claude-sonnet-4-6",
        ("google", "/v1/embeddings") => "fc:google/gemini-embedding-001",
        ("google", _) => "fc:google/gemini-2.5-flash",
        ("cohere", "/v1/embeddings") => "fc:cohere/embed-v4.0",
        ("cohere", _) => "fc:cohere/command-a-03-2025",
        ("bedrock", "/v1/embeddings") => "fc:bedrock/cohere.embed-v4:0",
        ("replicate", _) => "fc:replicate/meta/llama-3-70b-instruct",
        ("bedrock", _) => "fc:bedrock/us.anthropic.claude-sonnet-4-6",
        _ => alike::stand_in(provider, path).unwrap_or_else(|| panic!("no stand-in for a model of {provider}")),
    }
}

/// The call whose answer is `recording`; upstream is asked for the answer `key`.
pub fn call_for(recording: &Recording, key: &str) -> Call {
    let (path, mut body) = said_in_openais_words(recording);
    body.insert("model".to_owned(), stand_in(alike::called(recording), path).into());
    let room = make_room(recording, &mut body);
    let member = if body.contains_key("messages") { "messages" } else { "input" };
    let marked = body.get_mut(member).is_some_and(|value| put_mark(value, &[mark(key), room].concat()));
    assert!(marked, "{}/{}: no text to put a mark in", recording.provider, recording.case);
    Call { path, body: Value::Object(body) }
}

/// Some recorded calls read and wrote more than a caller of Ringside can ask for: pages that the
/// provider's own tools fetched, content that it had cached, sixteen tokens where one was the limit
/// and sixteen its least. Usage beyond what a call could have used is not believed (the fire drill
/// sees to that), and the recording's numbers are what is compared here: so the limit is raised to
/// what was written, and blanks are returned, to be sent in the text, that make up for what was read.
fn make_room(recording: &Recording, body: &mut Map<String, Value>) -> String {
    let used = if recording.status == 200 { held_by(recording).usage } else { None }.unwrap_or_default();
    for name in ["max_tokens", "max_completion_tokens"] {
        if let Some(limit) = body.get_mut(name)
            && limit.as_u64().is_some_and(|limit| limit < used.completion)
        {
            *limit = used.completion.into();
        }
    }
    let length = serde_json::to_string(body).map_or(0, |text| text.len());
    " ".repeat(usize::try_from(used.prompt).unwrap_or_default().saturating_sub(length))
}

/// The recorded request as OpenAI's, and the path that it is sent to.
pub fn said_in_openais_words(recording: &Recording) -> (&'static str, Map<String, Value>) {
    if alike::PROVIDERS.contains(&recording.provider.as_str()) {
        return alike::to_openai(recording);
    }
    // A few recordings hold the answer alone.
    let any = Map::from_iter([("messages".to_owned(), json!([{"role": "user", "content": "Hello"}]))]);
    let recorded = recording.request.as_object().unwrap_or(&any);
    match recording.path.as_str() {
        path if path.ends_with(":batchEmbedContents") => ("/v1/embeddings", gemini::to_openai(recorded)),
        path if path.to_lowercase().ends_with("generatecontent") => {
            ("/v1/chat/completions", gemini::to_openai(recorded))
        }
        path if path.ends_with("/embed") => ("/v1/embeddings", cohere::to_openai(recorded)),
        _ if recording.provider == "replicate" => {
            ("/v1/chat/completions", predictions::call_of(recording.request.as_object().unwrap_or(&Map::new())))
        }
        path if path.ends_with("/converse") || path.ends_with("/converse-stream") => {
            ("/v1/chat/completions", converse::call_of(recorded))
        }
        path if path.ends_with("/invoke") && recorded.contains_key("messages") => {
            ("/v1/chat/completions", from_messages(recorded))
        }
        path if path.ends_with("/invoke") => ("/v1/embeddings", converse::embeddings_of(recorded)),
        _ if recording.provider == "cohere" => ("/v1/chat/completions", cohere::to_openai(recorded)),
        path if path.ends_with("/embeddings") => ("/v1/embeddings", recorded.clone()),
        path if path.ends_with("/moderations") => ("/v1/moderations", recorded.clone()),
        path if path.ends_with("/messages") => ("/v1/chat/completions", from_messages(recorded)),
        path if path.ends_with("/responses") => ("/v1/chat/completions", from_responses(recorded)),
        _ => ("/v1/chat/completions", recorded.clone()),
    }
}

/// Puts the mark before the first text that is sent on; an image without a text gets one.
fn put_mark(value: &mut Value, mark: &str) -> bool {
    match value {
        Value::String(text) => {
            text.insert_str(0, mark);
            true
        }
        Value::Array(items) => {
            if items.iter().any(|item| item["type"] == "image_url") && items.iter().all(|item| item["type"] != "text") {
                items.insert(0, json!({"type": "text", "text": ""}));
            }
            items.iter_mut().any(|item| put_mark(item, mark))
        }
        Value::Object(members) => {
            ["content", "text"].iter().any(|name| members.get_mut(*name).is_some_and(|member| put_mark(member, mark)))
        }
        _ => false,
    }
}

/// A request of OpenAI's other API, as far as the one recording of it goes.
fn from_responses(recorded: &Map<String, Value>) -> Map<String, Value> {
    let turns = recorded["input"].as_array().expect("turns").iter().map(|turn| {
        let text = turn["content"].as_str().or_else(|| turn["content"][0]["text"].as_str());
        json!({"role": turn["role"], "content": text})
    });
    Map::from_iter([("messages".to_owned(), turns.collect())])
}

/// A request in Anthropic's shape, said in OpenAI's. Tools that the provider runs itself cannot be.
fn from_messages(recorded: &Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::new();
    let mut messages = Vec::new();
    match recorded.get("system") {
        Some(Value::String(text)) => messages.push(json!({"role": "system", "content": text})),
        Some(parts @ Value::Array(_)) => messages.push(json!({"role": "system", "content": parts})),
        _ => {}
    }
    recorded["messages"].as_array().expect("messages").iter().for_each(|turn| translate_turn(turn, &mut messages));
    body.insert("messages".to_owned(), Value::Array(messages));
    let own: Vec<Value> = recorded
        .get("tools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|tool| tool["input_schema"].is_object())
        .map(tool_of)
        .collect();
    if !own.is_empty() {
        body.insert("tools".to_owned(), Value::Array(own));
        if let Some(choice) = recorded.get("tool_choice") {
            body.insert("tool_choice".to_owned(), tool_choice_of(choice));
        }
    }
    for (theirs, ours) in [
        ("max_tokens", "max_tokens"),
        ("stop_sequences", "stop"),
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("stream", "stream"),
    ] {
        if let Some(value) = recorded.get(theirs) {
            body.insert(ours.to_owned(), value.clone());
        }
    }
    if recorded.get("thinking").is_some_and(|thinking| thinking["type"] == "enabled") {
        body.insert("reasoning_effort".to_owned(), "low".into());
        // Sampling cannot be set while it thinks.
        body.remove("temperature");
        body.remove("top_p");
    }
    if let Some(format) =
        recorded.get("output_config").map(|output| &output["format"]).filter(|format| format.is_object())
    {
        let schema = json!({"name": "answer", "strict": true, "schema": format["schema"]});
        body.insert("response_format".to_owned(), json!({"type": "json_schema", "json_schema": schema}));
    }
    body
}

/// One turn makes a message, or one for each tool result and one for the rest.
fn translate_turn(turn: &Value, messages: &mut Vec<Value>) {
    let Some(blocks) = turn["content"].as_array() else {
        messages.push(json!({"role": turn["role"], "content": turn["content"]}));
        return;
    };
    let (mut parts, mut calls) = (Vec::new(), Vec::new());
    for block in blocks {
        match block["type"].as_str().unwrap_or_default() {
            "text" => parts.push(block.clone()),
            "image" => parts.push(image_of(block)),
            "tool_use" => calls.push(json!({
                "id": block["id"],
                "type": "function",
                "function": {"name": block["name"], "arguments": block["input"].to_string()},
            })),
            "tool_result" => messages.push(json!({
                "role": "tool",
                "tool_call_id": block["tool_use_id"],
                "content": result_of(&block["content"]),
            })),
            other => panic!("a block of type {other}"),
        }
    }
    if !parts.is_empty() || !calls.is_empty() {
        let mut message =
            json!({"role": turn["role"], "content": if parts.is_empty() { Value::Null } else { parts.into() }});
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        messages.push(message);
    }
}

fn image_of(block: &Value) -> Value {
    let source = &block["source"];
    let url = source["url"].as_str().map_or_else(
        || {
            format!(
                "data:{};base64,{}",
                source["media_type"].as_str().unwrap_or_default(),
                source["data"].as_str().unwrap_or_default()
            )
        },
        str::to_owned,
    );
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn result_of(content: &Value) -> Value {
    match content.as_array() {
        Some(blocks) => {
            blocks.iter().map(|block| if block["type"] == "image" { image_of(block) } else { block.clone() }).collect()
        }
        None => content.clone(),
    }
}

fn tool_of(tool: &Value) -> Value {
    let mut function = json!({"name": tool["name"], "parameters": tool["input_schema"]});
    if let Some(description) = tool["description"].as_str().filter(|text| !text.is_empty()) {
        function["description"] = description.into();
    }
    json!({"type": "function", "function": function})
}

fn tool_choice_of(choice: &Value) -> Value {
    match choice["type"].as_str().unwrap_or_default() {
        "any" => "required".into(),
        "none" => "none".into(),
        "tool" => json!({"type": "function", "function": {"name": choice["name"]}}),
        _ => "auto".into(),
    }
}
