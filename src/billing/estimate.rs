//! Counting tokens ourselves, for calls whose provider did not.
//!
//! With OpenAI's o200k vocabulary, whatever the model: others' differ by some per cent, and an
//! event that was counted this way says `estimated`.

use serde_json::Value;

/// What an image, a sound or a file is taken for.
const MEDIA: u64 = 1000;
/// What a message costs beside its text.
const MESSAGE: u64 = 3;

/// Tokens of a text.
pub fn text_tokens(text: &str) -> u64 {
    if text.is_empty() { 0 } else { bpe_openai::o200k_base().count(text) as u64 }
}

/// Tokens of a request: its messages and tools, or its input.
pub fn input_tokens(body: &[u8]) -> u64 {
    let Ok(Value::Object(request)) = serde_json::from_slice::<Value>(body) else {
        return text_tokens(&String::from_utf8_lossy(body));
    };
    let mut tokens = 0;
    for (name, value) in &request {
        match (name.as_str(), value) {
            ("messages", Value::Array(messages)) => {
                tokens += messages.iter().map(|message| MESSAGE + value_tokens(message)).sum::<u64>();
            }
            ("input", Value::Array(items)) if items.iter().all(Value::is_number) => tokens += items.len() as u64,
            ("input", value) => tokens += value_tokens(value),
            ("tools" | "functions" | "response_format", value) => tokens += text_tokens(&value.to_string()),
            _ => {}
        }
    }
    tokens
}

fn value_tokens(value: &Value) -> u64 {
    match value {
        Value::String(text) if text.starts_with("data:") => MEDIA,
        Value::String(text) => text_tokens(text),
        Value::Array(items) => items.iter().map(value_tokens).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match name.as_str() {
                "role" | "type" | "id" | "tool_call_id" | "detail" | "cache_control" | "reasoning_details" => 0,
                "image_url" | "input_audio" | "file" => MEDIA,
                _ => value_tokens(value),
            })
            .sum(),
        Value::Number(_) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_and_media_are_not_read() {
        let body = br#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hello world"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}"#;
        assert_eq!(input_tokens(body), MESSAGE + 2 + MEDIA);
        assert_eq!(input_tokens(br#"{"input":["hello world","hello"]}"#), 3);
        assert_eq!(input_tokens(br#"{"input":[1,2,3]}"#), 3);
        assert_eq!(text_tokens(""), 0);
    }
}
