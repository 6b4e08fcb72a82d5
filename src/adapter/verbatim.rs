//! Streams of a provider that speaks OpenAI's dialect to the byte: events pass as they are.
//!
//! Usage is always asked for upstream. A caller who did not ask gets none: `"usage":null` is cut
//! out in passing, the chunk that holds only usage is left out, and `obfuscation` is re-cut so
//! that the line keeps OpenAI's padding. Nothing else in an event is touched.

use memchr::memmem;

/// What the members to cut look like. A quote inside a JSON string stands behind a backslash, so
/// neither text can occur inside a value.
const NULL_USAGE: &[u8] = b",\"usage\":null";
const USAGE: &[u8] = b"\"usage\":{";
const NO_CHOICES: &[u8] = b"\"choices\":[]";
const OBFUSCATION: &[u8] = b",\"obfuscation\":\"";

/// Appends one event, `data` being its JSON, as the caller is to see it.
pub fn rewrite(data: &[u8], include_usage: bool, out: &mut Vec<u8>) {
    if include_usage {
        line(data, out);
        return;
    }
    if let Some(at) = find_member(data, NULL_USAGE) {
        let start = out.len();
        // What padding may add is less than what is cut out.
        out.reserve(data.len() + 16);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&data[..at]);
        out.extend_from_slice(&data[at + NULL_USAGE.len()..]);
        pad(out, start + b"data: ".len());
        out.extend_from_slice(b"\n\n");
    } else if memmem::find(data, NO_CHOICES).is_some() && memmem::find(data, USAGE).is_some() {
        // The chunk that only tells usage.
    } else {
        line(data, out);
    }
}

fn line(data: &[u8], out: &mut Vec<u8>) {
    out.reserve(data.len() + 8);
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

/// The member stands near the end, where a search from behind finds it at once.
fn find_member(data: &[u8], member: &[u8]) -> Option<usize> {
    memmem::rfind(data, member)
}

/// Sets the length of `obfuscation`, where there is one, so that the JSON from `start` on has a
/// length in characters of 1 beyond a multiple of 16, as all recorded chunks have.
fn pad(out: &mut Vec<u8>, start: usize) {
    let Some(at) = memmem::rfind(&out[start..], OBFUSCATION).map(|at| start + at + OBFUSCATION.len()) else {
        return;
    };
    // The padding is letters and digits, so the next quote ends it.
    let Some(end) = memchr::memchr(b'"', &out[at..]).map(|length| at + length) else {
        return;
    };
    let padding: Vec<u8> = out[at..end].to_vec();
    let length = out[start..].iter().filter(|byte| (**byte & 0xC0) != 0x80).count() - padding.len();
    let wanted = (17 - length % 16) % 16;
    // What is missing is taken from what is there, over again.
    let source: &[u8] = if padding.is_empty() { b"qZ7dKx2Lm9TbW4yH" } else { &padding };
    out.splice(at..end, source.iter().copied().cycle().take(wanted));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(data: &str, include_usage: bool) -> String {
        let mut out = Vec::new();
        rewrite(data.as_bytes(), include_usage, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn asked_for_everything_passes() {
        let data = r#"{"choices":[{"delta":{"content":"a"}}],"usage":null,"obfuscation":"abc"}"#;
        assert_eq!(rewritten(data, true), format!("data: {data}\n\n"));
    }

    #[test]
    fn unasked_usage_is_cut_and_the_padding_kept() {
        for text in ["", "a", "ü", "日本語", "longer text \\\",\\\"usage\\\":null, quoted"] {
            for padding in ["", "a", "abcdefghijklmno"] {
                let data = format!(
                    r#"{{"id":"x","choices":[{{"delta":{{"content":"{text}"}}}}],"usage":null,"obfuscation":"{padding}"}}"#
                );
                let out = rewritten(&data, false);
                let json = out.strip_prefix("data: ").and_then(|line| line.strip_suffix("\n\n")).unwrap();
                assert_eq!(json.chars().count() % 16, 1, "{json}");
                let parsed: serde_json::Value = serde_json::from_str(json).unwrap();
                let before: serde_json::Value = serde_json::from_str(&data).unwrap();
                assert_eq!(parsed["choices"], before["choices"]);
                assert!(parsed.get("usage").is_none());
            }
        }
        let sorted = rewritten(r#"{"choices":[],"obfuscation":"abc","object":"chunk","usage":null}"#, false);
        assert!(sorted.ends_with("\"object\":\"chunk\"}\n\n"), "{sorted}");
        assert_eq!(rewritten(r#"{"choices":[],"usage":{"total_tokens":1}}"#, false), "");
        assert_eq!(rewritten(r#"{"choices":[1]}"#, false), "data: {\"choices\":[1]}\n\n");
    }
}
