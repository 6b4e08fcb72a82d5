//! Log probabilities: those of a provider's own shape as OpenAI's, and those of many pieces as one.

use super::parts::LogprobPart;
use crate::adapter::json::write_text;
use serde_json::value::RawValue;
use std::io::Write as _;

/// OpenAI's object for one piece of text. OpenAI has a number for each token; where only the text of
/// several is known, theirs add up to that of the whole.
pub fn object(part: LogprobPart<'_>) -> Option<String> {
    let raw: Vec<&RawValue> = match serde_json::from_str(part.of) {
        Ok(list) => list,
        Err(_) => vec![serde_json::from_str(part.of).ok()?],
    };
    // JSON's grammar has numbers that no reader of it takes, such as 1e999.
    let number = |raw: &&RawValue| raw.get().parse().ok().filter(|number: &f64| number.is_finite());
    let numbers: Option<Vec<f64>> = raw.iter().map(number).collect();
    let mut out = b"{\"content\":[{\"token\":".to_vec();
    write_text(&mut out, part.text);
    out.extend_from_slice(b",\"logprob\":");
    match (&raw[..], &numbers?[..]) {
        ([], _) => return None,
        // The provider's own digits.
        ([one], _) => out.extend_from_slice(one.get().as_bytes()),
        (_, several) => {
            let sum = Some(several.iter().sum::<f64>()).filter(|sum| sum.is_finite())?;
            out.extend_from_slice(serde_json::to_string(&sum).ok()?.as_bytes());
        }
    }
    out.extend_from_slice(b",\"bytes\":[");
    for (place, byte) in part.text.bytes().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{byte}");
    }
    out.extend_from_slice(b"],\"top_logprobs\":[]}],\"refusal\":null}");
    String::from_utf8(out).ok()
}

#[derive(serde::Deserialize)]
struct Pieces<'a> {
    #[serde(borrow, default)]
    content: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    refusal: Option<Vec<&'a RawValue>>,
}

/// One object stays as it is; those of a stream's pieces are put together.
pub fn joined(out: &mut Vec<u8>, pieces: &[String]) {
    match pieces {
        [] => out.extend_from_slice(b"null"),
        [one] => out.extend_from_slice(one.as_bytes()),
        several => {
            let parsed: Vec<Pieces<'_>> = several.iter().filter_map(|piece| serde_json::from_str(piece).ok()).collect();
            let mut list = |name: &[u8], items: Option<Vec<&RawValue>>| {
                out.extend_from_slice(name);
                match items {
                    None => out.extend_from_slice(b"null"),
                    Some(items) => {
                        let texts: Vec<&str> = items.iter().map(|item| item.get()).collect();
                        out.push(b'[');
                        out.extend_from_slice(texts.join(",").as_bytes());
                        out.push(b']');
                    }
                }
            };
            let gather = |of: &dyn Fn(&Pieces<'_>) -> Option<usize>| parsed.iter().any(|piece| of(piece).is_some());
            let content = gather(&|piece| piece.content.as_ref().map(Vec::len))
                .then(|| parsed.iter().flat_map(|piece| piece.content.iter().flatten().copied()).collect());
            let refusal = gather(&|piece| piece.refusal.as_ref().map(Vec::len))
                .then(|| parsed.iter().flat_map(|piece| piece.refusal.iter().flatten().copied()).collect());
            list(b"{\"content\":", content);
            list(b",\"refusal\":", refusal);
            out.push(b'}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, of: &str) -> Option<String> {
        object(LogprobPart { text, of })
    }

    #[test]
    fn a_piece_has_the_sum_of_its_tokens() {
        let one =
            r#"{"content":[{"token":"\u00e9","logprob":-0.10,"bytes":[195,169],"top_logprobs":[]}],"refusal":null}"#;
        assert_eq!(of("\u{e9}", "[-0.10]").unwrap(), one.replace("\\u00e9", "\u{e9}"));
        assert_eq!(of("\u{e9}", "-0.10"), of("\u{e9}", "[-0.10]"));
        assert!(of("so", "[-0.5,-0.25]").unwrap().contains("\"logprob\":-0.75,"));
        for nothing in ["", "null", "[]", "[null]", "{}", "\"-1\"", "[\"x\"]", "[-0.25e9990]", "[-1e308,-1e308]"] {
            assert_eq!(of("x", nothing), None, "{nothing}");
        }
    }

    #[test]
    fn pieces_are_put_together() {
        let join = |pieces: &[String]| {
            let mut out = Vec::new();
            joined(&mut out, pieces);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(join(&[]), "null");
        let (a, b) = (of("a", "-1").unwrap(), of("b", "-2").unwrap());
        assert_eq!(join(std::slice::from_ref(&a)), a);
        let both = join(&[a, b]);
        let parsed: serde_json::Value = serde_json::from_str(&both).unwrap();
        assert_eq!((&parsed["content"][1]["token"], &parsed["refusal"]), (&"b".into(), &serde_json::Value::Null));
    }
}
