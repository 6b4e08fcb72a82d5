//! The request headers that go on the usage event (contract, section 6).

use crate::gateway::context::Metadata;
use crate::money::NanoUsd;
use crate::wire::error::{ApiError, Code};
use axum::http::{HeaderMap, HeaderValue};

const CUSTOMER: &str = "fc-customer";
const TAG: &str = "fc-tag";
const SESSION: &str = "fc-session-id";
const PROPERTY: &str = "fc-property-";
const STREAM_ENFORCEMENT: &str = "fc-stream-enforcement";
const BILLABLE: &str = "x-fc-billable-amount";

/// Bytes of an external id, a session id or a property's value.
const LONGEST_VALUE: usize = 255;
/// Bytes of a tag or a property's name.
const LONGEST_NAME: usize = 64;
/// Tags, and properties, of one call.
const MOST: usize = 20;

/// Reads and checks them.
///
/// # Errors
/// 400 `invalid_request` naming the header.
pub fn read(headers: &HeaderMap) -> Result<Metadata, ApiError> {
    let mut metadata = Metadata {
        customer: single(headers, CUSTOMER)?,
        session_id: single(headers, SESSION)?,
        billable: billable(headers)?,
        passthrough: passthrough(headers)?,
        ..Metadata::default()
    };
    for value in headers.get_all(TAG) {
        for tag in text(TAG, value)?.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if tag.len() > LONGEST_NAME {
                return Err(bad(TAG, format!("FC-Tag: a tag is at most {LONGEST_NAME} bytes long.")));
            }
            if !metadata.tags.iter().any(|known| known == tag) {
                metadata.tags.push(tag.to_owned());
            }
        }
    }
    if metadata.tags.len() > MOST {
        return Err(bad(TAG, format!("FC-Tag: a call has at most {MOST} tags.")));
    }
    for (name, value) in headers {
        let Some(property) = name.as_str().strip_prefix(PROPERTY) else {
            continue;
        };
        if property.is_empty() || property.len() > LONGEST_NAME {
            return Err(bad(name.as_str(), format!("FC-Property-<Name>: a name has 1 to {LONGEST_NAME} bytes.")));
        }
        let value = checked(name.as_str(), text(name.as_str(), value)?)?;
        if metadata.properties.insert(property.to_owned(), value).is_some() {
            return Err(bad(name.as_str(), "FC-Property-<Name>: the same name is given twice.".to_owned()));
        }
    }
    if metadata.properties.len() > MOST {
        return Err(bad("fc-property", format!("FC-Property-<Name>: a call has at most {MOST} properties.")));
    }
    Ok(metadata)
}

fn single(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(bad(name, format!("{name}: given twice.")));
    }
    checked(name, text(name, value)?).map(Some)
}

fn checked(name: &str, value: &str) -> Result<String, ApiError> {
    if value.is_empty() || value.len() > LONGEST_VALUE {
        return Err(bad(name, format!("{name}: expected 1 to {LONGEST_VALUE} bytes.")));
    }
    Ok(value.to_owned())
}

fn text<'h>(name: &str, value: &'h HeaderValue) -> Result<&'h str, ApiError> {
    std::str::from_utf8(value.as_bytes()).map(str::trim).map_err(|_| bad(name, format!("{name}: expected UTF-8 text.")))
}

fn billable(headers: &HeaderMap) -> Result<Option<NanoUsd>, ApiError> {
    let Some(given) = single(headers, BILLABLE)? else {
        return Ok(None);
    };
    let amount: NanoUsd = given.parse().map_err(|error| bad(BILLABLE, format!("X-FC-Billable-Amount: {error}.")))?;
    if amount < NanoUsd(0) {
        return Err(bad(BILLABLE, "X-FC-Billable-Amount: expected an amount of at least 0 USD.".to_owned()));
    }
    Ok(Some(amount))
}

fn passthrough(headers: &HeaderMap) -> Result<bool, ApiError> {
    match single(headers, STREAM_ENFORCEMENT)?.as_deref() {
        None | Some("buffer") => Ok(false),
        Some("passthrough") => Ok(true),
        Some(_) => Err(bad(STREAM_ENFORCEMENT, "FC-Stream-Enforcement: expected buffer or passthrough.".to_owned())),
    }
}

fn bad(name: &str, message: String) -> ApiError {
    ApiError::new(Code::InvalidRequest, message).param(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
            })
            .collect()
    }

    #[test]
    fn everything_given_is_read() {
        let metadata = read(&headers(&[
            ("FC-Customer", "kunde-ü"),
            ("FC-Tag", "a, b"),
            ("FC-Tag", "b,c,"),
            ("FC-Session-Id", "s1"),
            ("FC-Property-Team", "red"),
            ("X-FC-Billable-Amount", "0.25"),
        ]))
        .unwrap();
        assert_eq!(metadata.customer.as_deref(), Some("kunde-ü"));
        assert_eq!(metadata.tags, ["a", "b", "c"]);
        assert_eq!(metadata.session_id.as_deref(), Some("s1"));
        assert_eq!(metadata.properties.get("team").map(String::as_str), Some("red"));
        assert_eq!(metadata.billable, Some(NanoUsd(250_000_000)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = "x".repeat(256);
        let many = (0..21).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        for (name, value) in [
            ("fc-customer", ""),
            ("fc-customer", &long),
            ("fc-tag", &many),
            ("fc-tag", &long),
            ("fc-property-", "x"),
            ("fc-property-a", &long),
            ("x-fc-billable-amount", "-1"),
            ("x-fc-billable-amount", "0.0000000001"),
            ("x-fc-billable-amount", "1e3"),
            ("x-fc-billable-amount", "NaN"),
            ("x-fc-billable-amount", ""),
            ("x-fc-billable-amount", "99999999999999999999"),
        ] {
            let error = read(&headers(&[(name, value)])).unwrap_err();
            assert_eq!(error.code, Code::InvalidRequest, "{name}: {value}");
            assert_eq!(error.param.as_deref(), Some(name));
        }
        let twice = [("fc-customer", "a"), ("fc-customer", "b")];
        assert!(read(&headers(&twice)).is_err());
        let invalid = HeaderValue::from_bytes(b"\xff").unwrap();
        assert!(read(&[(HeaderName::from_static("fc-customer"), invalid)].into_iter().collect()).is_err());
    }
}
