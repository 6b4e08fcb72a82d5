//! OpenAI's `CreateEmbeddingResponse`.

use crate::adapter::json::write_text;
use crate::wire::usage::Usage;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One vector.
pub struct Vector {
    /// As the provider wrote it.
    text: String,
    numbers: Vec<f32>,
}

impl Vector {
    /// `None` for what is no list of numbers.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { text: text.to_owned(), numbers: serde_json::from_str(text).ok()? })
    }

    /// From the base64 of one signed byte a number; `None` for what is none.
    pub fn of_bytes(base64: &str) -> Option<Self> {
        let bytes = STANDARD.decode(base64).ok()?;
        let numbers: Vec<String> = bytes.iter().map(|byte| byte.cast_signed().to_string()).collect();
        Self::parse(&format!("[{}]", numbers.join(",")))
    }
}

pub fn write(model: &str, vectors: &[Vector], base64: bool, usage: &Usage) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + vectors.iter().map(|vector| vector.text.len() + 64).sum::<usize>());
    out.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
    for (index, vector) in vectors.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"object\":\"embedding\",\"index\":");
        out.extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
        out.extend_from_slice(b",\"embedding\":");
        if base64 {
            let bytes: Vec<u8> = vector.numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            write_text(&mut out, &STANDARD.encode(bytes));
        } else {
            // The provider's own digits.
            out.extend_from_slice(vector.text.as_bytes());
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"model\":");
    write_text(&mut out, model);
    let tokens = usage.prompt_tokens;
    out.extend_from_slice(format!(",\"usage\":{{\"prompt_tokens\":{tokens},\"total_tokens\":{tokens}}}}}").as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_written_as_numbers_or_as_their_bytes() {
        let usage = Usage { prompt_tokens: 7, ..Usage::default() };
        let vectors: Vec<Vector> = ["[1, -0.5]", "[2e-3]"].into_iter().filter_map(Vector::parse).collect();
        let text = |base64| String::from_utf8(write("m", &vectors, base64, &usage)).expect("UTF-8");
        assert_eq!(
            text(false),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1, -0.5]},{"object":"embedding","index":1,"embedding":[2e-3]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}"#
        );
        let parsed: serde_json::Value = serde_json::from_str(&text(true)).expect("JSON");
        let bytes = STANDARD.decode(parsed["data"][0]["embedding"].as_str().expect("a text")).expect("base64");
        assert_eq!(bytes, [1.0_f32.to_le_bytes(), (-0.5_f32).to_le_bytes()].concat());
    }

    #[test]
    fn what_is_no_list_of_numbers_is_no_vector() {
        for odd in ["{}", "\"text\"", "[\"a\"]", "[null]", "1"] {
            assert!(Vector::parse(odd).is_none(), "{odd}");
        }
    }
}
