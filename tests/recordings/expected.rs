//! What a client must receive for a recording, and what is wrong with what it did receive.

use crate::held::{Dialect, Held, events};
use crate::support::gateway::Answer;
use crate::support::recording::Recording;
use crate::support::schema::Schemas;
use crate::{alike, gemini};
use serde_json::Value;

/// The dialect of a provider's answers.
pub fn dialect(provider: &str) -> Dialect {
    match provider {
        "anthropic" => Dialect::Messages,
        "google" => Dialect::Gemini,
        "cohere" => Dialect::Cohere,
        "bedrock" => Dialect::Converse,
        _ => Dialect::ChatCompletions,
    }
}

/// Providers whose bytes pass as they are.
pub fn verbatim(provider: &str) -> bool {
    provider == "openai"
}

/// What the recording holds, in the form the client sees it in.
pub fn held_by(recording: &Recording) -> Held {
    if recording.provider == "replicate" {
        return crate::predictions::held_by(recording);
    }
    if recording.binary() {
        return Held::of_events(&recording.events);
    }
    if alike::is_ollama(recording) {
        return Held::read(Dialect::Ollama, recording.streamed(), &recording.text());
    }
    let mut held = Held::read(dialect(&recording.provider), recording.streamed(), &recording.text());
    if alike::thinks_in_text(recording) {
        alike::take_out_thought(&mut held);
    }
    held
}

/// A streamed recording that holds an error.
pub fn fails_in_stream(recording: &Recording) -> bool {
    recording.status == 200 && recording.streamed() && held_by(recording).error.is_some()
}

/// Contract 7: the status and code that an error of a provider becomes.
pub fn error_of(recording: &Recording) -> (u16, &'static str) {
    let text = recording.text();
    let too_long = ["context_length_exceeded", "prompt is too long", "TOO_MANY_TOKENS", "Input Tokens Exceeded"];
    if too_long.iter().any(|sign| text.contains(sign)) {
        return (400, "upstream_context_length_exceeded");
    }
    if let Some(special) = alike::error_of(recording) {
        return special;
    }
    if crate::predictions::is_canceled(recording) {
        return (503, "upstream_unavailable");
    }
    if recording.provider == "google"
        && let Some(special) = gemini::error_of(&text)
    {
        return special;
    }
    match recording.status {
        401 | 403 => (502, "upstream_auth_failed"),
        429 => (429, "upstream_quota_exceeded"),
        500.. => (503, "upstream_unavailable"),
        _ => (400, "upstream_invalid_request"),
    }
}

/// Complaints about the answer to a recorded error.
pub fn of_error(recording: &Recording, answer: &Answer, schemas: &Schemas) -> Vec<String> {
    let (status, code) = error_of(recording);
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return vec![format!("no JSON: {}", String::from_utf8_lossy(&answer.body))];
    };
    let mut complaints = schemas.complaints("ErrorResponse", &body);
    differs(&mut complaints, "status", &answer.status, &status);
    differs(&mut complaints, "error.code", &body["error"]["code"].as_str(), &Some(code));
    let recorded: Option<Value> = serde_json::from_str(&recording.text()).ok();
    let recorded = recorded.as_ref().and_then(|body| {
        let places = [&body["error"]["message"], &body["error"], &body["message"], &body["detail"]];
        places.into_iter().find_map(Value::as_str)
    });
    // The caller can mend a bad request only if it is told what the provider said.
    if let Some(recorded) = recorded.filter(|_| status == 400) {
        let message = body["error"]["message"].as_str().unwrap_or_default();
        if !message.contains(recorded.trim()) {
            complaints.push(format!("the provider said {recorded:?}, the caller was told {message:?}"));
        }
    }
    complaints
}

/// Complaints about an answer in one piece.
pub fn of_completion(recording: &Recording, component: &str, answer: &Answer, schemas: &Schemas) -> Vec<String> {
    let mut complaints = Vec::new();
    // What was created was made for us, not for the caller.
    let wanted = if recording.status == 201 { 200 } else { recording.status };
    differs(&mut complaints, "status", &answer.status, &wanted);
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return vec![format!("no JSON: {}", String::from_utf8_lossy(&answer.body))];
    };
    if verbatim(&recording.provider) {
        // What the provider's own answers lack, ours may lack; nothing else.
        if answer.body != *recording.body {
            complaints.push("the provider's bytes did not pass as they are".to_owned());
        }
        let own: Value = serde_json::from_str(&recording.text()).expect("recorded JSON");
        let excused = schemas.complaints(component, &own);
        complaints.extend(schemas.complaints(component, &body).into_iter().filter(|it| !excused.contains(it)));
    } else {
        complaints.extend(schemas.complaints(component, &body));
    }
    if component == "CreateEmbeddingResponse" && !verbatim(&recording.provider) {
        differs(
            &mut complaints,
            "vectors",
            &vectors(&body),
            &vectors(&serde_json::from_str(&recording.text()).expect("recorded JSON")),
        );
    }
    if component == "CreateChatCompletionResponse" {
        let text = String::from_utf8_lossy(&answer.body);
        let got = Held::read(Dialect::ChatCompletions, false, &text);
        compare(&mut complaints, &held_by(recording), &got, true);
        differs(&mut complaints, "object", &body["object"].as_str(), &Some("chat.completion"));
    }
    complaints
}

/// The vectors of an answer, whatever shape it has.
fn vectors(body: &Value) -> Vec<Value> {
    if let Some(vectors) = alike::vectors(body) {
        return vectors;
    }
    let lists = [&body["data"], &body["embeddings"], &body["embeddings"]["float"]];
    let list = lists.into_iter().find_map(Value::as_array).cloned().unwrap_or_default();
    let inner = |one: Value| ["embedding", "values"].iter().find_map(|name| one.get(name).cloned()).unwrap_or(one);
    list.into_iter().map(inner).collect()
}

/// Complaints about a stream that should hold what the recording holds.
pub fn of_stream(recording: &Recording, usage_asked: bool, answer: &Answer, schemas: &Schemas) -> Vec<String> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let mut complaints = Vec::new();
    differs(&mut complaints, "status", &answer.status, &200);
    if answer.status != 200 {
        complaints.push(text);
        return complaints;
    }
    let held = held_by(recording);
    complaints.extend(grammar(recording, &text, usage_asked, schemas));
    let got = Held::read(Dialect::ChatCompletions, true, &text);
    compare(&mut complaints, &held, &got, usage_asked);
    if !got.ended {
        complaints.push("no [DONE]".to_owned());
    }
    let whole_usage = recording.text().contains("\"usage\"");
    if verbatim(&recording.provider) && usage_asked && whole_usage && answer.body != *recording.body {
        complaints.push("the provider's bytes did not pass as they are".to_owned());
    }
    complaints
}

/// Complaints about a recorded stream that itself ends in an error, after the headers were sent.
pub fn of_failed_stream(recording: &Recording, answer: &Answer, schemas: &Schemas) -> Vec<String> {
    let mut complaints = Vec::new();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    match ending(&text, schemas) {
        Ending::Error(complaint) => complaints.extend(complaint),
        other => complaints.push(format!("the recording ends in an error, the answer so: {other:?}")),
    }
    let got = Held::read(Dialect::ChatCompletions, true, &text);
    let wanted = held_by(recording);
    for (index, choice) in &wanted.choices {
        let said = got.choices.get(index).map(|choice| choice.text.as_str());
        differs(&mut complaints, "text before the error", &said.unwrap_or_default(), &choice.text.as_str());
    }
    complaints
}

/// What the events say that came whole before a stream was cut off.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Came {
    pub usage: bool,
    pub error: bool,
}

impl Came {
    /// Of the first `length` bytes.
    pub fn in_first(recording: &Recording, length: usize) -> Self {
        if recording.binary() {
            return Self { usage: false, error: true };
        }
        let text = String::from_utf8_lossy(&recording.body[..length]);
        let whole = ["\n\n", "\r\n\r\n"].iter().filter_map(|end| text.rfind(end)).max().unwrap_or(0);
        let tight: String = text[..whole].split_whitespace().collect();
        Self {
            usage: tight.contains("\"usage\":{") || tight.contains("\"usageMetadata\":{"),
            error: tight.contains("\"error\""),
        }
    }
}

/// Complaints about a stream of which only a beginning came: an error, or complete.
pub fn of_cut(recording: &Recording, came: Came, answer: &Answer, schemas: &Schemas) -> Vec<String> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let mut complaints = Vec::new();
    if answer.status >= 400 {
        // Nothing had been sent yet, so the status could still say it.
        differs(&mut complaints, "status", &answer.status, &503);
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        complaints.extend(schemas.complaints("ErrorResponse", &body));
        return complaints;
    }
    let mut wanted = held_by(recording);
    let got = Held::read(Dialect::ChatCompletions, true, &text);
    // One provider sends an empty line more after it has said why the answer ends.
    for (index, choice) in &mut wanted.choices {
        if let Some(got) = got.choices.get(index)
            && got.text.trim_end() == choice.text.trim_end()
        {
            choice.text.clone_from(&got.text);
        }
    }
    match ending(&text, schemas) {
        Ending::Error(complaint) => complaints.extend(complaint),
        Ending::Done if wanted.error.is_some() && came.error => complaints.push("an error was lost".to_owned()),
        // It had said why it ends, and then what would have been an error was cut off.
        Ending::Done if wanted.error.is_some() => {}
        // All that mattered had come; what was cut off is the blank line or the like.
        Ending::Done => compare(&mut complaints, &wanted, &got, came.usage && got.usage.is_some()),
        Ending::Open => complaints.push("it just stops".to_owned()),
    }
    for (index, choice) in &got.choices {
        let whole = wanted.choices.get(index).map_or("", |choice| &choice.text);
        if !whole.starts_with(&choice.text) {
            complaints.push(format!("text that was never said: {:?}", choice.text));
        }
    }
    complaints
}

/// How a stream ends.
#[derive(Debug)]
enum Ending {
    Done,
    /// In one error event and nothing after it; with what is wrong with that event.
    Error(Vec<String>),
    Open,
}

fn ending(text: &str, schemas: &Schemas) -> Ending {
    let last = text.split("\n\n").filter(|event| !event.is_empty()).last().unwrap_or_default();
    let data = last.strip_prefix("data: ").unwrap_or(last);
    if data == "[DONE]" {
        return Ending::Done;
    }
    match serde_json::from_str::<Value>(data) {
        Ok(event) if event.get("error").is_some() => {
            let mut complaints = schemas.complaints("ErrorResponse", &event);
            if !text.ends_with("\n\n") {
                complaints.push("the error event is not closed by a blank line".to_owned());
            }
            if text.contains("[DONE]") {
                complaints.push("[DONE] beside an error".to_owned());
            }
            Ending::Error(complaints)
        }
        _ => Ending::Open,
    }
}

/// OpenAI's stream grammar (contract 5) and schema, event by event.
fn grammar(recording: &Recording, text: &str, usage_asked: bool, schemas: &Schemas) -> Vec<String> {
    let mut complaints = Vec::new();
    let excused = excused_by(recording, schemas);
    let mut first: Option<Value> = None;
    let mut usage_seen = false;
    let mut roles = Vec::new();
    for event in text.split_inclusive("\n\n") {
        let Some(data) = event.strip_prefix("data: ").and_then(|event| event.strip_suffix("\n\n")) else {
            complaints.push(format!("no event as OpenAI writes it: {event:?}"));
            continue;
        };
        if data == "[DONE]" {
            continue;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            complaints.push(format!("no JSON: {data}"));
            continue;
        };
        let schema = schemas.complaints("CreateChatCompletionStreamResponse", &chunk);
        complaints.extend(schema.into_iter().filter(|it| !excused.contains(it)).map(|it| format!("{it} in {data}")));
        let first = first.get_or_insert_with(|| chunk.clone());
        for member in ["id", "created", "model"] {
            differs(&mut complaints, member, &chunk[member], &first[member]);
        }
        if chunk["choices"].as_array().is_some_and(Vec::is_empty) && chunk["usage"].is_object() {
            usage_seen = true;
        }
        if !usage_asked && chunk.get("usage").is_some() {
            complaints.push(format!("usage was not asked for: {data}"));
        }
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            let (index, role) = (&choice["index"], choice["delta"]["role"].as_str());
            if !roles.contains(index) {
                roles.push(index.clone());
                differs(&mut complaints, "role of the first chunk of a choice", &role, &Some("assistant"));
            } else if role.is_some() {
                complaints.push(format!("the role again: {data}"));
            }
        }
        if !verbatim(&recording.provider) {
            complaints.extend(key_order(data));
        }
    }
    differs(&mut complaints, "a chunk of usage", &usage_seen, &usage_asked);
    complaints.truncate(10);
    complaints
}

/// Members of a chunk stand in OpenAI's order. (`Value` does not keep it, so the text is read.)
fn key_order(data: &str) -> Option<String> {
    let order =
        ["id", "object", "created", "model", "service_tier", "system_fingerprint", "choices", "usage", "obfuscation"];
    let known: Vec<usize> =
        top_level_keys(data).iter().filter_map(|key| order.iter().position(|known| known == key)).collect();
    (!known.is_sorted()).then(|| format!("members are not in OpenAI's order: {data}"))
}

fn top_level_keys(data: &str) -> Vec<String> {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let (mut keys, mut current) = (Vec::new(), String::new());
    for letter in data.chars() {
        if in_string {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => current.push(letter),
            }
            continue;
        }
        match letter {
            '"' => {
                in_string = true;
                current.clear();
            }
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ':' if depth == 1 => keys.push(current.clone()),
            _ => {}
        }
    }
    keys
}

/// What is wrong with the recorded chunks themselves, where they pass as they are.
fn excused_by(recording: &Recording, schemas: &Schemas) -> Vec<String> {
    if !verbatim(&recording.provider) {
        return Vec::new();
    }
    let chunks =
        events(&recording.text()).into_iter().filter_map(|(_, data)| serde_json::from_str::<Value>(&data).ok());
    chunks.flat_map(|chunk| schemas.complaints("CreateChatCompletionStreamResponse", &chunk)).collect()
}

/// Compares text, reasoning, refusals, calls, finish, log-probabilities, model and usage.
pub fn compare(complaints: &mut Vec<String>, held: &Held, got: &Held, usage_asked: bool) {
    if held.model.is_empty() {
        // The provider tells none: it is the one that was asked for.
        differs(complaints, "whether there is a model", &got.model.is_empty(), &false);
    } else {
        differs(complaints, "model", &got.model, &held.model);
    }
    differs(complaints, "choices", &got.choices.len(), &held.choices.len());
    for (index, wanted) in &held.choices {
        let Some(choice) = got.choices.get(index) else { continue };
        differs(complaints, "text", &choice.text, &wanted.text);
        differs(complaints, "reasoning", &choice.reasoning, &wanted.reasoning);
        differs(complaints, "refusal", &choice.refusal, &wanted.refusal);
        differs(complaints, "finish reason", &choice.finish, &wanted.finish);
        differs(complaints, "logprobs", &choice.logprobs, &wanted.logprobs);
        differs(complaints, "signatures and encrypted reasoning", &choice.sealed, &wanted.sealed);
        differs(complaints, "number of tool calls", &choice.tools.len(), &wanted.tools.len());
        for (call, wanted) in choice.tools.iter().zip(&wanted.tools) {
            if wanted.id.is_empty() {
                // The provider gives none, and OpenAI's clients need one.
                differs(complaints, "whether a call has an id made for it", &call.id.starts_with("call_"), &true);
            } else {
                differs(complaints, "id of a call", &call.id, &wanted.id);
            }
            differs(complaints, "name of a call", &call.name, &wanted.name);
            if !same_arguments(&call.arguments, &wanted.arguments) {
                differs(complaints, "arguments of a call", &call.arguments, &wanted.arguments);
            }
        }
    }
    // One recording, of a model that makes images, tells none: it is counted then.
    if usage_asked && held.usage.is_some() {
        differs(complaints, "usage", &got.usage, &held.usage);
    }
}

/// Equal text, or equal JSON where the provider gave an object and no text.
fn same_arguments(one: &str, other: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    one == other || (parsed(one).is_some() && parsed(one) == parsed(other))
}

fn differs<T: PartialEq + std::fmt::Debug>(complaints: &mut Vec<String>, what: &str, got: &T, wanted: &T) {
    if got != wanted {
        complaints.push(format!("{what}: got {got:?}, the recording holds {wanted:?}"));
    }
}
