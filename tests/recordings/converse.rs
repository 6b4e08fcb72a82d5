//! Amazon's Converse API: what its requests and answers say, in OpenAI's words.

use crate::held::{Choice, Held, Tool, Usage, append};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A request, said in OpenAI's shape. What only this provider has (guardrails, tools that run
/// there) cannot be said.
pub fn call_of(recorded: &Map<String, Value>) -> Map<String, Value> {
    let mut messages = Vec::new();
    let system: Vec<Value> =
        blocks(recorded.get("system")).filter(|block| block["text"].is_string()).map(text_of).collect();
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    blocks(recorded.get("messages")).for_each(|turn| add_turn(turn, &mut messages));
    let mut body = Map::from_iter([("messages".to_owned(), Value::Array(messages))]);
    let config = recorded.get("toolConfig").cloned().unwrap_or_default();
    let tools: Vec<Value> =
        blocks(config.get("tools")).filter(|tool| tool["toolSpec"].is_object()).map(tool_of).collect();
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.into());
        let choice = &config["toolChoice"];
        if choice["any"].is_object() {
            body.insert("tool_choice".to_owned(), "required".into());
        } else if let Some(name) = choice["tool"]["name"].as_str() {
            body.insert("tool_choice".to_owned(), json!({"type": "function", "function": {"name": name}}));
        }
    }
    let inference = recorded.get("inferenceConfig").cloned().unwrap_or_default();
    for (theirs, ours) in
        [("maxTokens", "max_tokens"), ("temperature", "temperature"), ("topP", "top_p"), ("stopSequences", "stop")]
    {
        if let Some(value) = inference.get(theirs) {
            body.insert(ours.to_owned(), value.clone());
        }
    }
    let more = recorded.get("additionalModelRequestFields").cloned().unwrap_or_default();
    if more["thinking"]["type"] == "enabled" {
        body.insert("reasoning_effort".to_owned(), "low".into());
    } else if let Some(effort) = more["reasoning_effort"].as_str() {
        body.insert("reasoning_effort".to_owned(), effort.into());
    }
    body
}

/// A request for embeddings.
pub fn embeddings_of(recorded: &Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::from_iter([("input".to_owned(), recorded["texts"].clone())]);
    if let Some(dimensions) = recorded.get("output_dimension") {
        body.insert("dimensions".to_owned(), dimensions.clone());
    }
    body
}

fn blocks(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn text_of(block: &Value) -> Value {
    json!({"type": "text", "text": block["text"]})
}

fn tool_of(tool: &Value) -> Value {
    let spec = &tool["toolSpec"];
    let mut function = json!({"name": spec["name"], "parameters": spec["inputSchema"]["json"]});
    if let Some(about) = spec["description"].as_str() {
        function["description"] = about.into();
    }
    json!({"type": "function", "function": function})
}

fn image_of(block: &Value) -> Value {
    let (format, bytes) = (&block["image"]["format"], &block["image"]["source"]["bytes"]);
    let url =
        format!("data:image/{};base64,{}", format.as_str().unwrap_or_default(), bytes.as_str().unwrap_or_default());
    json!({"type": "image_url", "image_url": {"url": url}})
}

/// One turn makes a message for each tool result and one for the rest.
fn add_turn(turn: &Value, messages: &mut Vec<Value>) {
    let (mut parts, mut calls) = (Vec::new(), Vec::new());
    for block in blocks(turn.get("content")) {
        if block["text"].is_string() {
            parts.push(text_of(block));
        } else if block["image"].is_object() {
            parts.push(image_of(block));
        } else if block["guardContent"].is_object() {
            parts.push(text_of(&block["guardContent"]["text"]));
        } else if let Some(call) = block["toolUse"].as_object() {
            let function = json!({"name": call["name"], "arguments": call["input"].to_string()});
            calls.push(json!({"id": call["toolUseId"], "type": "function", "function": function}));
        } else if let Some(result) = block["toolResult"].as_object() {
            let content: Vec<Value> = blocks(result.get("content"))
                .map(|part| match part["text"].as_str() {
                    Some(_) => text_of(part),
                    None => json!({"type": "text", "text": part.to_string()}),
                })
                .collect();
            messages.push(json!({"role": "tool", "tool_call_id": result["toolUseId"], "content": content}));
        }
    }
    if parts.is_empty() && calls.is_empty() {
        return;
    }
    let content = if parts.is_empty() { Value::Null } else { parts.into() };
    let mut message = json!({"role": turn["role"], "content": content});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    messages.push(message);
}

impl Held {
    /// A whole answer.
    pub fn converse(&mut self, value: &Value) {
        if value["output"].is_null() {
            self.error = value["message"].as_str().map(str::to_owned);
            return;
        }
        let mut choice = Choice::default();
        for block in blocks(value["output"]["message"].get("content")) {
            append(&mut choice.text, &block["text"]);
            blocks(block["citationsContent"].get("content")).for_each(|part| append(&mut choice.text, &part["text"]));
            let thought = &block["reasoningContent"];
            append(&mut choice.reasoning, &thought["reasoningText"]["text"]);
            choice.sealed.extend(thought["reasoningText"]["signature"].as_str().map(str::to_owned));
            choice.sealed.extend(thought["redactedContent"].as_str().map(str::to_owned));
            let call = &block["toolUse"];
            if call.is_object() && call["type"] != "server_tool_use" {
                let mut tool = Tool { arguments: call["input"].to_string(), ..Tool::default() };
                append(&mut tool.id, &call["toolUseId"]);
                append(&mut tool.name, &call["name"]);
                choice.tools.push(tool);
            }
        }
        choice.finish = value["stopReason"].as_str().map(|reason| finish_of(reason).to_owned());
        self.choices.insert(0, choice);
        self.usage = Some(usage_of(&value["usage"]));
    }

    /// The events of a stream.
    pub fn of_events(events: &[(String, Value)]) -> Self {
        let mut held = Self::default();
        let mut choice = Choice::default();
        // Content index → the call's place among the calls.
        let mut calls: BTreeMap<u64, usize> = BTreeMap::new();
        for (name, payload) in events {
            let index = payload["contentBlockIndex"].as_u64().unwrap_or(0);
            match name.as_str() {
                "contentBlockStart" => {
                    let call = &payload["start"]["toolUse"];
                    if call.is_object() && call["type"] != "server_tool_use" {
                        let mut tool = Tool::default();
                        append(&mut tool.id, &call["toolUseId"]);
                        append(&mut tool.name, &call["name"]);
                        calls.insert(index, choice.tools.len());
                        choice.tools.push(tool);
                    }
                }
                "contentBlockDelta" => {
                    let delta = &payload["delta"];
                    append(&mut choice.text, &delta["text"]);
                    let thought = &delta["reasoningContent"];
                    append(&mut choice.reasoning, &thought["text"]);
                    choice.sealed.extend(thought["signature"].as_str().map(str::to_owned));
                    choice.sealed.extend(thought["redactedContent"].as_str().map(str::to_owned));
                    if let Some(call) = calls.get(&index) {
                        append(&mut choice.tools[*call].arguments, &delta["toolUse"]["input"]);
                    }
                }
                "messageStop" => choice.finish = payload["stopReason"].as_str().map(|it| finish_of(it).to_owned()),
                "metadata" => {
                    held.usage = Some(usage_of(&payload["usage"]));
                    held.ended = true;
                }
                other if other.ends_with("Exception") => held.error = payload["message"].as_str().map(str::to_owned),
                _ => {}
            }
        }
        held.choices.insert(0, choice);
        held
    }
}

/// `inputTokens` counts neither what was read from the cache nor what was written to it.
fn usage_of(usage: &Value) -> Usage {
    let number = |name: &str| usage[name].as_u64().unwrap_or(0);
    let (cached, cache_write) = (number("cacheReadInputTokens"), number("cacheWriteInputTokens"));
    Usage {
        prompt: number("inputTokens") + cached + cache_write,
        completion: number("outputTokens"),
        cached,
        cache_write,
        reasoning: 0,
    }
}

/// OpenAI's word for why it ended.
fn finish_of(reason: &str) -> &'static str {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "guardrail_intervened" | "content_filtered" => "content_filter",
        _ => "stop",
    }
}

/// What a request means, less what only this provider has, what says nothing, and in how many
/// tokens it thinks.
pub fn meaning(request: &Value) -> Value {
    match request {
        Value::Object(members) => {
            if let Some(text) = members.get("guardContent").map(|guarded| &guarded["text"]["text"]) {
                return value_of_text(text);
            }
            // Results that only this provider's tools have are told as text.
            if members.contains_key("searchResult") {
                return value_of_text(&request.to_string().into());
            }
            if members.contains_key("systemTool") || members.contains_key("cachePoint") {
                return Value::Null;
            }
            let told = members.iter().filter(|(name, _)| {
                // A body for the maker's own API; a schema is asked for by another means.
                let elsewhere =
                    ["guardrailConfig", "outputConfig", "budget_tokens", "embedding_types", "anthropic_version"];
                !elsewhere.contains(&name.as_str())
            });
            let told =
                told.map(|(name, member)| (name.clone(), meaning(member))).filter(|(_, member)| !is_nothing(member));
            Value::Object(told.collect())
        }
        Value::Array(items) => items.iter().map(meaning).filter(|item| !is_nothing(item)).collect(),
        // SDKs write 1 and 1.0.
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

fn value_of_text(text: &Value) -> Value {
    json!({"text": text})
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
