//! Streams of every provider: whatever its events hold, what comes out follows OpenAI's grammar.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringside::adapter::generated::ALL;
use ringside::adapter::provider::Replies;
use ringside::adapter::reply::{ChunkOptions, Identity, Reply};
use ringside::adapter::verbatim;
use ringside::wire::usage::Usage;
use serde_json::Value;

// Events are lines: which name it has, then its data. No data of a stream has line breaks in it.
fuzz_target!(|input: (u8, bool, &[u8])| {
    let (provider, include_usage, events) = input;
    let provider = ALL[usize::from(provider) % ALL.len()];
    let Some(chat) = &provider.chat else { return };
    let identity = Identity {
        id: "chatcmpl-1".to_owned(),
        created: 1,
        model: "m".to_owned(),
        reasoning_format: chat.reasoning_format,
    };
    let is_verbatim = chat.replies == Replies::Verbatim;
    let mut reply = if is_verbatim {
        Reply::tap()
    } else {
        Reply::chunks(identity, ChunkOptions { include_usage, include_obfuscation: include_usage })
    };
    let mut out = Vec::new();
    for (name, data) in events.split(|byte| *byte == b'\n').filter_map(<[u8]>::split_first) {
        let name = NAMES[usize::from(*name) % NAMES.len()];
        if (chat.on_event)(name, data, &mut reply).is_err() {
            return;
        }
        if is_verbatim {
            verbatim::rewrite(data, include_usage, &mut Vec::new());
        } else {
            reply.drain_output(&mut out);
        }
    }
    reply.end(&Usage::default());
    reply.drain_output(&mut out);
    if is_verbatim {
        return;
    }
    let text = String::from_utf8(out).expect("UTF-8");
    let mut roles = Vec::new();
    for event in text.split_inclusive("\n\n") {
        let data = event.strip_prefix("data: ").and_then(|event| event.strip_suffix("\n\n")).expect("an event");
        if data == "[DONE]" {
            continue;
        }
        let chunk: Value = serde_json::from_str(data).expect("JSON");
        for choice in chunk["choices"].as_array().expect("choices") {
            let first = !roles.contains(&choice["index"]);
            assert_eq!(choice["delta"]["role"].is_string(), first, "{data}");
            if first {
                roles.push(choice["index"].clone());
            }
        }
    }
});

/// Names that some provider gives its events.
const NAMES: &[&str] = &[
    "",
    "message_start",
    "content_block_start",
    "content_block_delta",
    "message_delta",
    "message_stop",
    "error",
    "contentBlockStart",
    "contentBlockDelta",
    "messageStop",
    "metadata",
    "exception",
    "submitted",
    "output",
    "done",
    "settled",
    "whole",
    "message-start",
    "content-delta",
    "tool-call-start",
    "tool-call-delta",
    "tool-plan-delta",
    "message-end",
];
