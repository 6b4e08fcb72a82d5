//! Gemini's shapes, read with `serde_json::Value` alone: what an answer holds, what a request says
//! in OpenAI's words, and what it means.

use crate::held::{Choice, Held, Tool, Usage, append, events, json};
use serde_json::{Map, Value, json};

/// Reads an answer in one piece, or a stream of the same objects.
pub fn read(held: &mut Held, streamed: bool, body: &str) {
    let objects: Vec<Value> =
        if streamed { events(body).iter().map(|(_, data)| json(data)).collect() } else { vec![json(body)] };
    let mut usage = Map::new();
    for object in &objects {
        if let Some(message) = object["error"]["message"].as_str() {
            held.error = Some(message.to_owned());
        }
        if let Some(model) = object["modelVersion"].as_str() {
            model.clone_into(&mut held.model);
        }
        for (name, value) in object["usageMetadata"].as_object().into_iter().flatten() {
            usage.insert(name.clone(), value.clone());
        }
        for candidate in object["candidates"].as_array().into_iter().flatten() {
            let choice = held.choices.entry(candidate["index"].as_u64().unwrap_or(0)).or_default();
            candidate["content"]["parts"].as_array().into_iter().flatten().for_each(|part| add(choice, part));
            if let Some(reason) = candidate["finishReason"].as_str() {
                choice.finish = Some(finish_of(reason, !choice.tools.is_empty()).to_owned());
                held.ended = true;
            }
        }
    }
    let number = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    held.usage = Some(Usage {
        prompt: number("promptTokenCount") + number("toolUsePromptTokenCount"),
        completion: number("candidatesTokenCount") + number("thoughtsTokenCount"),
        cached: number("cachedContentTokenCount"),
        cache_write: 0,
        reasoning: number("thoughtsTokenCount"),
    });
}

fn add(choice: &mut Choice, part: &Value) {
    if part["thought"] == true {
        append(&mut choice.reasoning, &part["text"]);
    } else {
        append(&mut choice.text, &part["text"]);
    }
    if part["functionCall"].is_object() {
        let call = &part["functionCall"];
        let mut tool = Tool { arguments: call["args"].to_string(), ..Tool::default() };
        append(&mut tool.id, &call["id"]);
        append(&mut tool.name, &call["name"]);
        choice.tools.push(tool);
    }
    choice.sealed.extend(part["thoughtSignature"].as_str().map(str::to_owned));
}

/// OpenAI's word for why it ended.
fn finish_of(reason: &str, calls: bool) -> &'static str {
    match reason {
        "MAX_TOKENS" => "length",
        "SAFETY" | "MODEL_ARMOR" | "RECITATION" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "SPII" => "content_filter",
        _ if calls => "tool_calls",
        _ => "stop",
    }
}

/// The code and status of an error, where they are not those of its status.
pub fn error_of(text: &str) -> Option<(u16, &'static str)> {
    if text.contains("API_KEY_INVALID") {
        return Some((502, "upstream_auth_failed"));
    }
    text.contains("exceeds the maximum number of tokens").then_some((400, "upstream_context_length_exceeded"))
}

/// A request said in OpenAI's words. Tools that the provider runs itself cannot be.
pub fn to_openai(recorded: &Map<String, Value>) -> Map<String, Value> {
    let recorded = camel(&Value::Object(recorded.clone()));
    if recorded["requests"].is_array() {
        return embeddings(&recorded);
    }
    let mut body = Map::new();
    let mut messages = Vec::new();
    for part in recorded["systemInstruction"]["parts"].as_array().into_iter().flatten() {
        messages.push(json!({"role": "system", "content": part["text"]}));
    }
    for content in recorded["contents"].as_array().expect("contents") {
        message(content, &mut messages);
    }
    body.insert("messages".to_owned(), messages.into());
    let declared = recorded["tools"].as_array().into_iter().flatten();
    let tools: Vec<Value> = declared
        .flat_map(|tool| tool["functionDeclarations"].as_array().into_iter().flatten())
        .map(|function| {
            let schema = if function["parametersJsonSchema"].is_object() {
                function["parametersJsonSchema"].clone()
            } else {
                lower_types(&function["parameters"])
            };
            json!({"type": "function", "function": {"name": function["name"], "description": function["description"], "parameters": schema}})
        })
        .collect();
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.into());
    }
    let calling = &recorded["toolConfig"]["functionCallingConfig"];
    let choice = match (calling["mode"].as_str(), calling["allowedFunctionNames"][0].as_str()) {
        (Some("ANY"), Some(name)) => Some(json!({"type": "function", "function": {"name": name}})),
        (Some("ANY"), None) => Some("required".into()),
        (Some("NONE"), _) => Some("none".into()),
        (Some("AUTO"), _) => Some("auto".into()),
        _ => None,
    };
    body.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
    let config = &recorded["generationConfig"];
    for (theirs, ours) in [
        ("maxOutputTokens", "max_tokens"),
        ("temperature", "temperature"),
        ("topP", "top_p"),
        ("stopSequences", "stop"),
        ("candidateCount", "n"),
        ("seed", "seed"),
    ] {
        if !config[theirs].is_null() {
            body.insert(ours.to_owned(), config[theirs].clone());
        }
    }
    if config["responseSchema"].is_object() {
        let schema = json!({"name": "answer", "schema": lower_types(&config["responseSchema"])});
        body.insert("response_format".to_owned(), json!({"type": "json_schema", "json_schema": schema}));
    }
    if config["thinkingConfig"]["includeThoughts"] == true {
        let level = config["thinkingConfig"]["thinkingLevel"].as_str().unwrap_or("low").to_lowercase();
        body.insert("reasoning_effort".to_owned(), level.into());
    }
    body
}

fn embeddings(recorded: &Value) -> Map<String, Value> {
    let requests = recorded["requests"].as_array().expect("requests");
    let texts: Vec<Value> = requests.iter().map(|one| one["content"]["parts"][0]["text"].clone()).collect();
    let mut body = Map::from_iter([("input".to_owned(), texts.into())]);
    for (theirs, ours) in [("outputDimensionality", "dimensions"), ("taskType", "task_type")] {
        if !requests[0][theirs].is_null() {
            body.insert(ours.to_owned(), requests[0][theirs].clone());
        }
    }
    body
}

/// One content makes a message, or one for each function's answer and one for the rest.
fn message(content: &Value, messages: &mut Vec<Value>) {
    let (mut parts, mut calls, mut details) = (Vec::new(), Vec::new(), Vec::new());
    for (index, part) in content["parts"].as_array().into_iter().flatten().enumerate() {
        if let Some(text) = part["text"].as_str() {
            parts.push(json!({"type": "text", "text": text}));
        } else if part["inlineData"].is_object() {
            parts.push(data_part(&part["inlineData"]));
        } else if part["functionCall"].is_object() {
            let call = &part["functionCall"];
            let id = call["id"].as_str().map_or_else(|| format!("call_{index}"), str::to_owned);
            if let Some(signature) = part["thoughtSignature"].as_str() {
                details.push(
                    json!({"type": "reasoning.encrypted", "id": id, "data": signature, "format": "google-gemini-v1"}),
                );
            }
            let function = json!({"name": call["name"], "arguments": call["args"].to_string()});
            calls.push(json!({"id": id, "type": "function", "function": function}));
        } else if part["functionResponse"].is_object() {
            let answer = &part["functionResponse"];
            let id = answer["id"].as_str().map_or_else(|| format!("call_{index}"), str::to_owned);
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": said(&answer["response"])}));
        }
    }
    let role = if content["role"] == "model" { "assistant" } else { "user" };
    if parts.is_empty() && calls.is_empty() {
        return;
    }
    let content = if parts.is_empty() { Value::Null } else { parts.into() };
    let mut message = json!({"role": role, "content": content});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    if !details.is_empty() {
        message["reasoning_details"] = details.into();
    }
    messages.push(message);
}

/// A function's answer as text: SDKs put a text under a name of their own.
fn said(response: &Value) -> String {
    let texts: Vec<&str> = response.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str()).collect();
    if let [one] = texts[..] { one.to_owned() } else { response.to_string() }
}

fn data_part(data: &Value) -> Value {
    let base64 = data["data"].as_str().unwrap_or_default().replace('-', "+").replace('_', "/");
    let uri = format!("data:{};base64,{base64}", data["mimeType"].as_str().unwrap_or_default());
    if uri.starts_with("data:image/") {
        json!({"type": "image_url", "image_url": {"url": uri}})
    } else {
        json!({"type": "file", "file": {"file_data": uri, "filename": "a"}})
    }
}

/// Names in their documented spelling; SDKs also write `function_call`. What the caller names
/// itself (arguments, answers, schemas) stays.
fn camel(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(camel).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let mut spelt = String::new();
                let mut upper = false;
                for letter in name.chars() {
                    if letter == '_' {
                        upper = true;
                    } else if std::mem::take(&mut upper) {
                        spelt.extend(letter.to_uppercase());
                    } else {
                        spelt.push(letter);
                    }
                }
                let own =
                    ["args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"];
                let value = if own.contains(&spelt.as_str()) { value.clone() } else { camel(value) };
                (spelt, value)
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// `OBJECT` and `object` are the same type.
fn lower_types(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(lower_types).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value.as_str().filter(|_| name == "type") {
                Some(kind) => (name.clone(), kind.to_lowercase().into()),
                None => (name.clone(), lower_types(value)),
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// What a request means: contents, functions, instructions and the choice of a function, whatever
/// spelling, order and defaults they were written with.
pub fn meaning(request: &Value) -> Value {
    let request = camel(request);
    if request["requests"].is_array() {
        let one = |it: &Value| json!([it["content"]["parts"], it["outputDimensionality"], it["taskType"]]);
        return request["requests"].as_array().into_iter().flatten().map(one).collect();
    }
    let contents = request["contents"].as_array().into_iter().flatten().map(|content| {
        let parts = content["parts"].as_array().into_iter().flatten().map(|part| {
            let response = &part["functionResponse"]["response"];
            let call = &part["functionCall"];
            json!({
                "text": part["text"],
                "data": part["inlineData"]["data"].as_str().map(|data| data.replace('-', "+").replace('_', "/")),
                "type": part["inlineData"]["mimeType"],
                "call": [call["id"], call["name"], call["args"]],
                "answer": [part["functionResponse"]["id"], part["functionResponse"]["name"], response.is_object().then(|| said(response))],
                "signature": part["thoughtSignature"],
            })
        });
        json!([content["role"].as_str().unwrap_or("user"), parts.collect::<Vec<_>>()])
    });
    let functions = request["tools"].as_array().into_iter().flatten().flat_map(|tool| {
        tool["functionDeclarations"].as_array().into_iter().flatten().map(|function| {
            let schema = [&function["parameters"], &function["parametersJsonSchema"]];
            let schema = schema.into_iter().find(|schema| schema.is_object()).map(lower_types);
            json!([function["name"], function["description"].as_str().unwrap_or_default(), schema])
        })
    });
    let instructions = request["systemInstruction"]["parts"].as_array().into_iter().flatten().map(|part| &part["text"]);
    let config = &request["generationConfig"];
    let schema = [&config["responseSchema"], &config["responseJsonSchema"]];
    json!({
        "contents": contents.collect::<Vec<_>>(),
        "functions": functions.collect::<Vec<_>>(),
        "instructions": instructions.collect::<Vec<_>>(),
        "choice": request["toolConfig"]["functionCallingConfig"],
        "limit": config["maxOutputTokens"],
        "temperature": config["temperature"].as_f64(),
        "thoughts": config["thinkingConfig"]["includeThoughts"].as_bool().unwrap_or(false),
        "form": config["responseMimeType"],
        "schema": schema.into_iter().find(|schema| schema.is_object()).map(lower_types),
    })
}
