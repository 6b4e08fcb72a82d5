//! Cohere's shapes, read with `serde_json::Value` alone: what an answer holds, what a request says
//! in OpenAI's words, and what it means.

use crate::held::{Choice, Held, Tool, Usage, append, events, json};
use serde_json::{Map, Value, json};

pub fn read(held: &mut Held, streamed: bool, body: &str) {
    if streamed {
        let choice = held.choices.entry(0).or_default();
        for (name, data) in events(body) {
            if data == "[DONE]" {
                held.ended = true;
                continue;
            }
            let event = json(&data);
            let message = &event["delta"]["message"];
            match name.as_str() {
                "content-start" | "content-delta" => {
                    append(&mut choice.text, &message["content"]["text"]);
                    append(&mut choice.reasoning, &message["content"]["thinking"]);
                }
                "tool-plan-delta" => append(&mut choice.reasoning, &message["tool_plan"]),
                "tool-call-start" => choice.tools.push(tool(&message["tool_calls"])),
                "tool-call-delta" => {
                    let call = choice.tools.last_mut().expect("a call that began");
                    append(&mut call.arguments, &message["tool_calls"]["function"]["arguments"]);
                }
                "message-end" => {
                    choice.finish = event["delta"]["finish_reason"].as_str().map(|it| finish_of(it).to_owned());
                    held.usage = Some(usage_of(&event["delta"]["usage"]));
                }
                _ => {}
            }
        }
        complete(choice);
        return;
    }
    let answer = json(body);
    let message = &answer["message"];
    if let Some(text) = message.as_str() {
        held.error = Some(text.to_owned());
        return;
    }
    let choice = held.choices.entry(0).or_default();
    append(&mut choice.reasoning, &message["tool_plan"]);
    for block in message["content"].as_array().into_iter().flatten() {
        append(&mut choice.text, &block["text"]);
        append(&mut choice.reasoning, &block["thinking"]);
    }
    choice.tools.extend(message["tool_calls"].as_array().into_iter().flatten().map(tool));
    choice.finish = answer["finish_reason"].as_str().map(|it| finish_of(it).to_owned());
    held.usage = Some(usage_of(&answer["usage"]));
    complete(choice);
}

fn tool(call: &Value) -> Tool {
    let mut tool = Tool::default();
    append(&mut tool.id, &call["id"]);
    append(&mut tool.name, &call["function"]["name"]);
    append(&mut tool.arguments, &call["function"]["arguments"]);
    tool
}

/// A call without arguments has none at all there, and an empty object at OpenAI.
fn complete(choice: &mut Choice) {
    for tool in choice.tools.iter_mut().filter(|tool| tool.arguments.is_empty()) {
        "{}".clone_into(&mut tool.arguments);
    }
}

/// What is billed counts, not what was read.
fn usage_of(usage: &Value) -> Usage {
    let number = |name: &str| usage["billed_units"][name].as_u64().unwrap_or(0);
    Usage { prompt: number("input_tokens"), completion: number("output_tokens"), ..Usage::default() }
}

fn finish_of(reason: &str) -> &'static str {
    match reason {
        "MAX_TOKENS" => "length",
        "TOOL_CALL" => "tool_calls",
        _ => "stop",
    }
}

/// A request said in OpenAI's words; documents cannot be, other than as text.
pub fn to_openai(recorded: &Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(texts) = recorded.get("texts") {
        body.insert("input".to_owned(), texts.clone());
        body.extend(recorded.get("input_type").map(|kind| ("input_type".to_owned(), kind.clone())));
        return body;
    }
    let messages = recorded["messages"].as_array().expect("messages").iter().map(|message| {
        let mut message = message.clone();
        for part in message["content"].as_array_mut().into_iter().flatten() {
            if part["type"] == "document" {
                *part = json!({"type": "text", "text": part["document"]["data"].to_string()});
            }
        }
        message
    });
    body.insert("messages".to_owned(), messages.collect());
    for (theirs, ours) in [
        ("tools", "tools"),
        ("temperature", "temperature"),
        ("stop_sequences", "stop"),
        ("max_tokens", "max_tokens"),
        ("p", "top_p"),
        ("seed", "seed"),
    ] {
        if let Some(value) = recorded.get(theirs) {
            body.insert(ours.to_owned(), value.clone());
        }
    }
    if let Some(schema) = recorded.get("response_format").map(|format| &format["json_schema"]) {
        let schema = json!({"name": "answer", "schema": schema});
        body.insert("response_format".to_owned(), json!({"type": "json_schema", "json_schema": schema}));
    }
    body
}

/// What a request means, whether texts stand alone or in parts.
pub fn meaning(request: &Value) -> Value {
    let messages = request["messages"].as_array().into_iter().flatten().map(|message| {
        let parts: Vec<Value> = match &message["content"] {
            Value::String(text) => vec![json!({"type": "text", "text": text})],
            Value::Array(parts) => parts.iter().map(part_of).filter(|part| part["text"] != "").collect(),
            _ => Vec::new(),
        };
        json!([message["role"], parts, message["tool_calls"], message["tool_call_id"]])
    });
    let mut request = request.clone();
    request["messages"] = messages.collect();
    request["temperature"] = request["temperature"].as_f64().into();
    for member in ["model", "documents", "truncate", "max_tokens", "output_dimension"] {
        request.as_object_mut().expect("an object").remove(member);
    }
    request
}

fn part_of(part: &Value) -> Value {
    if part["type"] == "document" {
        return json!({"type": "text", "text": part["document"]["data"].to_string()});
    }
    part.clone()
}
