//! Requests, answers and streams of realistic size, the same in every run.

use ringside::adapter::Provider;
use ringside::adapter::generated::ALL;
use ringside::adapter::provider::ChatOperation;
use ringside::adapter::reply::Identity;
use serde_json::{Value, json};

/// A provider of the table and its chat.
pub fn provider(id: &str) -> (&'static Provider, &'static ChatOperation) {
    let provider = ALL.iter().find(|provider| provider.id == id).expect("in the table");
    (provider, provider.chat.as_ref().expect("it has chat"))
}

pub fn identity(operation: &ChatOperation) -> Identity {
    Identity {
        id: "chatcmpl-01m872n173sn5kf8cmw60d59qc".to_owned(),
        created: 1_760_000_000,
        model: "the-model".to_owned(),
        reasoning_format: operation.reasoning_format,
    }
}

const SENTENCE: &str = "The gateway keeps \"one\" connection to each provider open;\nit never waits twice. ";

/// What a chat box sends: two messages, 0.4 KB.
pub fn small_request(stream: bool) -> Vec<u8> {
    request(&json!({
        "model": "fc:openai/gpt-4o-mini", "user": "cus_42", "max_tokens": 256, "temperature": 0.7, "stream": stream,
        "messages": [
            {"role": "system", "content": "You are a concise assistant that answers questions about distributed systems."},
            {"role": "user", "content": SENTENCE.repeat(2)},
        ],
    }))
}

/// What an agent sends after some steps: tools, their calls and their results, 28 KB.
pub fn large_request() -> Vec<u8> {
    let tools: Vec<Value> = (0..8)
        .map(|index| {
            json!({"type": "function", "function": {
                "name": format!("tool_{index}"), "description": SENTENCE.repeat(2),
                "parameters": {"type": "object", "required": ["query"], "properties": {
                    "query": {"type": "string", "description": SENTENCE},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
                    "filters": {"type": "array", "items": {"type": "string", "enum": ["new", "open", "closed"]}},
                }},
            }})
        })
        .collect();
    let mut messages = vec![json!({"role": "system", "content": SENTENCE.repeat(24)})];
    for step in 0..12 {
        let call = format!("call_{step}");
        messages.push(json!({"role": "user", "content": SENTENCE.repeat(4)}));
        messages.push(json!({"role": "assistant", "content": SENTENCE, "tool_calls": [
            {"id": call, "type": "function", "function": {"name": format!("tool_{}", step % 8), "arguments": "{\"query\": \"connections\", \"limit\": 10}"}},
        ]}));
        messages.push(json!({"role": "tool", "tool_call_id": call, "content": SENTENCE.repeat(13)}));
    }
    messages.push(json!({"role": "user", "content": [{"type": "text", "text": SENTENCE}]}));
    request(&json!({
        "model": "fc:anthropic/claude-sonnet-4-5-20250929", "user": "cus_42", "max_tokens": 2048, "temperature": 0.2,
        "messages": messages, "tools": tools, "tool_choice": "auto", "stream": true,
    }))
}

fn request(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).expect("plain data")
}

/// An answer in one piece of about 1 KB, as `provider` writes it.
pub fn answer(provider: &str) -> Vec<u8> {
    let text = SENTENCE.repeat(8);
    request(&if provider == "anthropic" {
        json!({
            "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 27, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 120},
        })
    } else {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": null, "annotations": []},
                "logprobs": null, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 27, "completion_tokens": 120, "total_tokens": 147,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}},
            "service_tier": "default", "system_fingerprint": "fp_560af6e559",
        })
    })
}

/// Pieces of text in a stream.
pub const PIECES: u64 = 50;

/// A stream of [`PIECES`] pieces of text, as `provider` writes it: one write of its socket each.
pub fn stream(provider: &str) -> Vec<Vec<u8>> {
    if provider == "anthropic" { anthropic_stream() } else { openai_stream() }
}

fn openai_stream() -> Vec<Vec<u8>> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000,
            "model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "system_fingerprint": "fp_560af6e559",
        });
        chunk["choices"] = choices;
        chunk["usage"] = usage;
        format!("data: {chunk}\n\n").into_bytes()
    };
    let delta = |delta: Value, finish: Value| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), Value::Null)
    };
    let mut writes = vec![delta(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null)];
    writes.extend((0..PIECES).map(|_| delta(json!({"content": " gateway"}), Value::Null)));
    writes.push(delta(json!({}), json!("stop")));
    writes.push(chunk(json!([]), json!({"prompt_tokens": 27, "completion_tokens": 50, "total_tokens": 77})));
    writes.push(b"data: [DONE]\n\n".to_vec());
    writes
}

fn anthropic_stream() -> Vec<Vec<u8>> {
    let event = |data: Value| {
        let name = data["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {data}\n\n").into_bytes()
    };
    let mut writes = vec![
        event(json!({"type": "message_start", "message": {"id": "msg_01", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5-20250929", "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 27, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}}})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
    ];
    writes.extend((0..PIECES).map(|_| {
        event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " gateway"}}))
    }));
    writes.push(event(json!({"type": "content_block_stop", "index": 0})));
    writes.push(event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
        "usage": {"output_tokens": 50}})));
    writes.push(event(json!({"type": "message_stop"})));
    writes
}
