//! From a request's bytes to its top-level members.

use super::members::Members;
use super::request_error::RequestError;

/// More members than any request has.
const MOST_MEMBERS: usize = 256;

/// Reads a body: UTF-8, JSON no deeper than `depth`, one object without repeated members.
///
/// # Errors
/// [`RequestError`], for a body that is no JSON with the line and column.
pub fn members(body: &[u8], depth: usize) -> Result<Members<'_>, RequestError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        RequestError::no_json(format!(
            "The body is not UTF-8: byte {} is not part of a character.",
            error.valid_up_to()
        ))
    })?;
    // serde_json skips over values it keeps raw without counting how deep they nest.
    if deeper_than(body, depth) {
        return Err(RequestError::no_json(format!(
            "The body nests deeper than {depth} levels, the limit of this server (setting limits.json_depth)."
        )));
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| {
        // Another value than an object is told only of what is JSON throughout.
        if error.is_data() && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
            RequestError { json: false, param: None, message: "The body must be a JSON object.".into() }
        } else if body.trim_ascii().is_empty() {
            RequestError::no_json("The body is empty: send a JSON object.")
        } else {
            RequestError::no_json(format!("The body is not valid JSON: {error}."))
        }
    })?;
    if members.0.len() > MOST_MEMBERS {
        return Err(RequestError::member("", format!("The body has more than {MOST_MEMBERS} members.")));
    }
    for (index, (name, _)) in members.0.iter().enumerate() {
        if members.0[..index].iter().any(|(other, _)| other == name) {
            let name: String = name.chars().take(64).collect();
            let message = format!("'{name}' is given twice.");
            return Err(RequestError::member(name, message));
        }
    }
    Ok(members)
}

/// Whether brackets outside strings nest deeper than `limit`.
fn deeper_than(body: &[u8], limit: usize) -> bool {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = body.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                // To the closing quote; a quote behind a backslash does not close.
                at += 1;
                loop {
                    match memchr::memchr2(b'"', b'\\', body.get(at..).unwrap_or_default()) {
                        None => return false,
                        Some(found) if body[at + found] == b'\\' => at += found + 2,
                        Some(found) => {
                            at += found;
                            break;
                        }
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn depth_is_counted_outside_strings() {
        for (text, depth) in
            [("[]", 1), ("[[],[]]", 2), (r#"{"a":"[[[["}"#, 1), (r#"{"a\"[":[{}]}"#, 3), (r#"["\\",[]]"#, 2)]
        {
            assert!(!deeper_than(text.as_bytes(), depth), "{text}");
            assert!(deeper_than(text.as_bytes(), depth - 1), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in any::<Vec<u8>>()) {
            let _ = members(&bytes, 16);
        }
    }
}
