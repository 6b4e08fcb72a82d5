//! The JSON in an answer: all of it, the inside of a code fence, or the first value among prose.

use super::schema::Mismatch;
use serde_json::Value;
use std::borrow::Cow;

/// A value and the text it stands in.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered<'t> {
    pub value: Value,
    /// The JSON as the model wrote it.
    pub text: Cow<'t, str>,
}

/// Finds the JSON in `answer`. Nothing is repaired: what changes values could change their meaning.
///
/// # Errors
/// [`Mismatch`] where there is none, or more than one.
pub fn recover(answer: &str) -> Result<Recovered<'_>, Mismatch> {
    among(answer, &['{', '['])
}

/// Finds the JSON object in `answer`. Lists beside it, such as the marks of citations, are prose.
///
/// # Errors
/// [`Mismatch`] where there is none, or more than one.
pub fn recover_object(answer: &str) -> Result<Recovered<'_>, Mismatch> {
    among(answer, &['{'])
}

fn among<'t>(answer: &'t str, starts: &[char]) -> Result<Recovered<'t>, Mismatch> {
    let trimmed = answer.trim();
    if let Some(found) = parse(trimmed) {
        return Ok(found);
    }
    let inside = fenced(trimmed).unwrap_or(trimmed).trim();
    if let Some(found) = parse(inside) {
        return Ok(found);
    }
    let (first, rest) = first_value(inside, starts)?;
    let found = parse(first).ok_or_else(|| Mismatch::new("the answer holds brackets but no valid JSON"))?;
    if first_value(rest, starts).is_ok_and(|(second, _)| parse(second).is_some()) {
        return Err(Mismatch::new("the answer holds more than one JSON value: expected exactly one"));
    }
    Ok(found)
}

fn parse(text: &str) -> Option<Recovered<'_>> {
    let value = serde_json::from_str(text).ok()?;
    Some(Recovered { value, text: Cow::Borrowed(text) })
}

/// The inside of the first code fence.
fn fenced(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("```")?;
    // The fence's first line may name a language.
    let (language, inside) = after.split_once('\n')?;
    if !language.trim().chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    inside.split_once("```").map(|(inside, _)| inside)
}

/// The first balanced value that begins with one of `starts`, and what follows it. Brackets inside strings do not count.
fn first_value<'t>(text: &'t str, starts: &[char]) -> Result<(&'t str, &'t str), Mismatch> {
    let none = || Mismatch::new("the answer is not JSON");
    let start = text.find(starts).ok_or_else(none)?;
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Ok((&text[start..=at], &text[at + 1..]));
                }
            }
            _ => {}
        }
    }
    Err(Mismatch::new("the answer's JSON does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn json_is_found_in_what_models_wrap_it_in() {
        for answer in [
            r#"{"a":"}"}"#,
            "  {\"a\":\"}\"}\n",
            "```json\n{\"a\":\"}\"}\n```",
            "Here you are:\n```\n{\"a\":\"}\"}\n```\nAnything else?",
            "Sure! {\"a\":\"}\"} Hope that helps.",
            "```json\nThe answer is {\"a\":\"}\"}\n```",
        ] {
            assert_eq!(recover(answer).unwrap().value, json!({"a": "}"}), "{answer}");
        }
        assert_eq!(recover("[1, 2]").unwrap().text, "[1, 2]");
        assert_eq!(recover("\"text\"").unwrap().value, json!("text"));
        assert_eq!(recover(" 7 ").unwrap().value, json!(7));
    }

    #[test]
    fn what_holds_none_or_two_is_refused() {
        for answer in ["", "no", "{", "{\"a\":", "{a:1}", "{\"a\":1} and {\"b\":2}", "``` ```", "}{", "[\"]"] {
            assert!(recover(answer).is_err(), "{answer}");
        }
        // A bracket in prose after the value is no second value; a footnote that is JSON is one.
        assert!(recover("{\"a\":1} {below}").is_ok());
        assert!(recover("{\"a\":1} (see [1])").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[ {}\\[\\]\"\\\\a`\n:1,é]{0,60}") {
            let _ = recover(&text);
        }

        #[test]
        fn an_object_among_prose_is_found(before in "[a-z .]{0,20}", key in "[a-z{}]{1,5}", after in "[a-z .]{0,20}") {
            let value = json!({key: "x"});
            let answer = format!("{before}{value}{after}");
            prop_assert_eq!(recover(&answer).unwrap().value, value);
        }
    }
}
