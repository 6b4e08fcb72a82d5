//! OpenAI's `chat.completion`, in one piece.

use super::choice::Choice;
use super::outcome::Outcome;
use super::{Identity, logprob};
use crate::adapter::json::write_text;
use crate::wire::usage::Usage;

pub fn write(
    identity: &Identity,
    fingerprint: Option<&str>,
    choices: &[Choice],
    outcome: &Outcome,
    usage: &Usage,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + outcome.produced.len());
    out.extend_from_slice(b"{\"id\":");
    write_text(&mut out, &identity.id);
    out.extend_from_slice(b",\"object\":\"chat.completion\",\"created\":");
    out.extend_from_slice(itoa::Buffer::new().format(identity.created).as_bytes());
    out.extend_from_slice(b",\"model\":");
    write_text(&mut out, &identity.model);
    out.extend_from_slice(b",\"choices\":[");
    let mut sorted: Vec<&Choice> = choices.iter().collect();
    sorted.sort_by_key(|choice| choice.index);
    for (position, choice) in sorted.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        self::choice(&mut out, choice);
    }
    out.extend_from_slice(b"],\"usage\":");
    usage.write_json(&mut out);
    if let Some(tier) = outcome.openai_tier() {
        out.extend_from_slice(b",\"service_tier\":");
        write_text(&mut out, tier);
    }
    if let Some(fingerprint) = fingerprint {
        out.extend_from_slice(b",\"system_fingerprint\":");
        write_text(&mut out, fingerprint);
    }
    out.push(b'}');
    out
}

fn choice(out: &mut Vec<u8>, choice: &Choice) {
    out.extend_from_slice(b"{\"index\":");
    out.extend_from_slice(itoa::Buffer::new().format(choice.index).as_bytes());
    out.extend_from_slice(b",\"message\":{\"role\":\"assistant\",\"content\":");
    // A text beside tool calls is told, an empty one is not.
    let silent = !choice.tools.is_empty() || choice.refusal.is_some();
    match choice.content.as_deref() {
        Some("") if silent => out.extend_from_slice(b"null"),
        Some(text) => write_text(out, text),
        None if silent => out.extend_from_slice(b"null"),
        None => out.extend_from_slice(b"\"\""),
    }
    if let Some(reasoning) = &choice.reasoning {
        out.extend_from_slice(b",\"reasoning_content\":");
        write_text(out, reasoning);
    }
    if !choice.details.is_empty() {
        out.extend_from_slice(b",\"reasoning_details\":[");
        out.extend_from_slice(choice.details.join(",").as_bytes());
        out.push(b']');
    }
    if !choice.tools.is_empty() {
        out.extend_from_slice(b",\"tool_calls\":[");
        for (position, tool) in choice.tools.iter().enumerate() {
            out.extend_from_slice(if position > 0 { b",{\"id\":" } else { b"{\"id\":" });
            write_text(out, &tool.id);
            out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
            write_text(out, if tool.name.is_empty() { "unnamed" } else { &tool.name });
            out.extend_from_slice(b",\"arguments\":");
            write_text(out, &tool.arguments);
            out.extend_from_slice(b"}}");
        }
        out.push(b']');
    }
    out.extend_from_slice(b",\"refusal\":");
    match choice.refusal.as_deref() {
        Some(text) if !text.is_empty() => write_text(out, text),
        _ => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"annotations\":[]},\"logprobs\":");
    logprob::joined(out, &choice.logprobs);
    out.extend_from_slice(b",\"finish_reason\":");
    write_text(out, choice.finish.as_deref().unwrap_or("stop"));
    out.push(b'}');
}
