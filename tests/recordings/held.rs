//! What a recording, or an answer of the gateway, holds: read with `serde_json::Value` alone, and
//! by none of the code under test.

use crate::{alike, cohere, gemini};
use serde_json::Value;
use std::collections::BTreeMap;

/// The content of one answer, whatever shape it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub model: String,
    pub choices: BTreeMap<u64, Choice>,
    pub usage: Option<Usage>,
    /// The message of an error that came in place of the rest.
    pub error: Option<String>,
    /// The stream said that it was over.
    pub ended: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub text: String,
    pub reasoning: String,
    pub refusal: String,
    pub tools: Vec<Tool>,
    pub finish: Option<String>,
    /// `content` of `logprobs`, one after another.
    pub logprobs: Vec<Value>,
    /// What must return with the next turn: signatures, and encrypted blocks.
    pub sealed: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tool {
    pub id: String,
    pub name: String,
    /// JSON text.
    pub arguments: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input, cached or not.
    pub prompt: u64,
    pub completion: u64,
    pub cached: u64,
    pub cache_write: u64,
    pub reasoning: u64,
}

/// The events of a stream: name and data, comments left out.
pub fn events(stream: &str) -> Vec<(String, String)> {
    let mut events = Vec::new();
    for block in stream.replace("\r\n", "\n").split("\n\n") {
        let (mut name, mut data) = (String::new(), Vec::new());
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => data.push(value),
                _ => {}
            }
        }
        if !data.is_empty() {
            events.push((name, data.join("\n")));
        }
    }
    events
}

/// The shape a body is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    ChatCompletions,
    Messages,
    Gemini,
    Cohere,
    Converse,
    Ollama,
}

impl Held {
    pub fn read(dialect: Dialect, streamed: bool, body: &str) -> Self {
        let mut held = Self::default();
        match (dialect, streamed) {
            (Dialect::ChatCompletions, false) => held.completion(&json(body), "message"),
            (Dialect::ChatCompletions, true) => {
                for (_, data) in events(body) {
                    if data == "[DONE]" {
                        held.ended = true;
                    } else {
                        held.completion(&json(&data), "delta");
                    }
                }
            }
            (Dialect::Converse, _) => held.converse(&json(body)),
            (Dialect::Messages, false) => held.message(&json(body)),
            (Dialect::Messages, true) => Messages::default().read(&mut held, body),
            (Dialect::Gemini, _) => gemini::read(&mut held, streamed, body),
            (Dialect::Ollama, _) => alike::read_ollama(&mut held, body),
            (Dialect::Cohere, _) => cohere::read(&mut held, streamed, body),
        }
        held
    }

    /// One completion, or one chunk of one, in OpenAI's shape.
    fn completion(&mut self, value: &Value, content: &str) {
        if let Some(message) = value["error"]["message"].as_str().or(value["error"].as_str()) {
            self.error = Some(message.to_owned());
        }
        if let Some(model) = value["model"].as_str().filter(|model| !model.is_empty()) {
            model.clone_into(&mut self.model);
        }
        for part in value["choices"].as_array().into_iter().flatten() {
            let choice = self.choices.entry(part["index"].as_u64().unwrap_or(0)).or_default();
            let said = &part[content];
            append(&mut choice.text, &said["content"]);
            for part in said["content"].as_array().into_iter().flatten() {
                append(&mut choice.text, &part["text"]);
                for thought in part["thinking"].as_array().into_iter().flatten() {
                    append(&mut choice.reasoning, &thought["text"]);
                }
            }
            append(&mut choice.refusal, &said["refusal"]);
            let thought = [&said["reasoning_content"], &said["reasoning"]];
            append(
                &mut choice.reasoning,
                thought.into_iter().find(|thought| thought.is_string()).unwrap_or(&Value::Null),
            );
            for (at, call) in said["tool_calls"].as_array().into_iter().flatten().enumerate() {
                let slot = call["index"].as_u64().map_or(at, |index| index as usize);
                if choice.tools.len() <= slot {
                    choice.tools.resize_with(slot + 1, Tool::default);
                }
                append(&mut choice.tools[slot].id, &call["id"]);
                append(&mut choice.tools[slot].name, &call["function"]["name"]);
                append(&mut choice.tools[slot].arguments, &call["function"]["arguments"]);
            }
            for detail in said["reasoning_details"].as_array().into_iter().flatten() {
                choice.sealed.extend(detail["signature"].as_str().filter(|text| !text.is_empty()).map(str::to_owned));
                choice.sealed.extend(detail["data"].as_str().filter(|text| !text.is_empty()).map(str::to_owned));
            }
            choice.logprobs.extend(part["logprobs"]["content"].as_array().into_iter().flatten().cloned());
            // Nothing of a choice follows its finish reason, so a second one says nothing new.
            if let (Some(reason), None) = (part["finish_reason"].as_str(), &choice.finish) {
                choice.finish = Some(if reason == "eos" { "stop" } else { reason }.to_owned());
            }
        }
        if let Some(usage) = value["usage"].as_object() {
            let number = |name: &str| usage.get(name).and_then(Value::as_u64);
            let detail = |group: &str, name: &str| usage.get(group).and_then(|group| group[name].as_u64());
            let prompt = number("prompt_tokens").unwrap_or(0);
            let mut completion = number("completion_tokens").unwrap_or(0);
            let reasoning = detail("completion_tokens_details", "reasoning_tokens").unwrap_or(0);
            // Some models count thinking beside what they say.
            if number("total_tokens") == Some(prompt + completion + reasoning) {
                completion += reasoning;
            }
            let cached = detail("prompt_tokens_details", "cached_tokens");
            let cached = cached.or(number("prompt_cache_hit_tokens")).or(number("cached_tokens")).unwrap_or(0);
            let cache_write = detail("prompt_tokens_details", "cache_write_tokens").or(number("cache_write_tokens"));
            self.usage = Some(Usage {
                prompt,
                completion,
                cached: cached.min(prompt),
                cache_write: cache_write.unwrap_or(0),
                reasoning: reasoning.min(completion),
            });
        }
    }

    /// A whole message in Anthropic's shape.
    fn message(&mut self, value: &Value) {
        if let Some(message) = value["error"]["message"].as_str() {
            self.error = Some(message.to_owned());
            return;
        }
        append(&mut self.model, &value["model"]);
        let mut choice = Choice::default();
        for block in value["content"].as_array().into_iter().flatten() {
            choice.block(block);
            if block["type"] == "tool_use"
                && let Some(tool) = choice.tools.last_mut()
            {
                tool.arguments = block["input"].to_string();
            }
        }
        choice.finish = value["stop_reason"].as_str().map(|reason| finish_of(reason).to_owned());
        self.choices.insert(0, choice);
        self.usage = Some(usage_of(&value["usage"]));
    }
}

impl Choice {
    /// What a content block holds when it is whole, or when it begins; a call's input apart.
    fn block(&mut self, block: &Value) {
        match block["type"].as_str().unwrap_or_default() {
            "text" => append(&mut self.text, &block["text"]),
            "thinking" => {
                append(&mut self.reasoning, &block["thinking"]);
                self.sealed.extend(block["signature"].as_str().filter(|text| !text.is_empty()).map(str::to_owned));
            }
            "redacted_thinking" => self.sealed.extend(block["data"].as_str().map(str::to_owned)),
            "tool_use" => {
                let mut tool = Tool::default();
                append(&mut tool.id, &block["id"]);
                append(&mut tool.name, &block["name"]);
                self.tools.push(tool);
            }
            // Tools that the provider runs itself have no place in OpenAI's answer.
            _ => {}
        }
    }
}

/// Reads a stream of Anthropic's events.
#[derive(Default)]
struct Messages {
    /// The members of usage, later ones over earlier ones.
    usage: serde_json::Map<String, Value>,
    /// Content index → the call's place among the calls.
    calls: BTreeMap<u64, usize>,
}

impl Messages {
    fn read(&mut self, held: &mut Held, stream: &str) {
        for (_, data) in events(stream) {
            let event = json(&data);
            let choice = held.choices.entry(0).or_default();
            match event["type"].as_str().unwrap_or_default() {
                "message_start" => {
                    append(&mut held.model, &event["message"]["model"]);
                    self.note_usage(&event["message"]["usage"]);
                }
                "content_block_start" => {
                    choice.block(&event["content_block"]);
                    if event["content_block"]["type"] == "tool_use" {
                        self.calls.insert(index_of(&event), choice.tools.len() - 1);
                    }
                }
                "content_block_delta" => self.delta(choice, &event),
                "message_delta" => {
                    if let Some(reason) = event["delta"]["stop_reason"].as_str() {
                        choice.finish = Some(finish_of(reason).to_owned());
                    }
                    self.note_usage(&event["usage"]);
                }
                "message_stop" => held.ended = true,
                "error" => held.error = event["error"]["message"].as_str().map(str::to_owned),
                _ => {}
            }
        }
        held.usage = Some(usage_of(&Value::Object(std::mem::take(&mut self.usage))));
        for tool in held.choices.values_mut().flat_map(|choice| &mut choice.tools) {
            if tool.arguments.is_empty() {
                "{}".clone_into(&mut tool.arguments);
            }
        }
    }

    fn delta(&mut self, choice: &mut Choice, event: &Value) {
        let delta = &event["delta"];
        append(&mut choice.text, &delta["text"]);
        append(&mut choice.reasoning, &delta["thinking"]);
        choice.sealed.extend(delta["signature"].as_str().filter(|text| !text.is_empty()).map(str::to_owned));
        if let Some(call) = self.calls.get(&index_of(event)) {
            append(&mut choice.tools[*call].arguments, &delta["partial_json"]);
        }
    }

    fn note_usage(&mut self, usage: &Value) {
        for (name, value) in usage.as_object().into_iter().flatten() {
            self.usage.insert(name.clone(), value.clone());
        }
    }
}

fn index_of(event: &Value) -> u64 {
    event["index"].as_u64().unwrap_or(0)
}

/// `input_tokens` counts neither what was read from the cache nor what was written to it.
fn usage_of(usage: &Value) -> Usage {
    let number = |name: &str| usage[name].as_u64().unwrap_or(0);
    let (cached, cache_write) = (number("cache_read_input_tokens"), number("cache_creation_input_tokens"));
    Usage {
        prompt: number("input_tokens") + cached + cache_write,
        completion: number("output_tokens"),
        cached,
        cache_write,
        reasoning: usage["output_tokens_details"]["thinking_tokens"].as_u64().unwrap_or(0),
    }
}

/// OpenAI's word for why it ended.
fn finish_of(reason: &str) -> &'static str {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        _ => "stop",
    }
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub fn append(to: &mut String, value: &Value) {
    to.push_str(value.as_str().unwrap_or_default());
}
