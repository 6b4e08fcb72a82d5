//! Query parameters, read strictly: a misspelt one would silently answer another question.

use crate::clock::Timestamp;
use crate::wire::error::{ApiError, Code};
use axum::extract::Query;
use axum::http::Uri;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// The parameters of a request, each at most once, decoded.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query; only parameters of `known` may be in it.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn read(uri: &Uri, known: &[&str]) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
            ApiError::new(Code::InvalidRequest, "The query can't be read: expected name=value pairs in UTF-8.")
        })?;
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                let message = format!("`{shown}` is no parameter of this call. It takes {}.", known.join(", "));
                return Err(bad(&shown, message));
            }
            if pairs[..index].iter().any(|(other, _)| other == name) {
                return Err(bad(name, format!("{name}: given twice.")));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter; an empty one counts as not given.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A moment: a date, which is its first moment in UTC, or RFC 3339.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let at = if text.len() == 10 {
            Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(|day| day.midnight().assume_utc())
        } else {
            OffsetDateTime::parse(text, &Rfc3339).ok()
        };
        // Years beyond these are typing errors, and no span's end overflows.
        let at = at.filter(|at| (1970..=9998).contains(&at.year()));
        let at = at.ok_or_else(|| {
            bad(name, format!("{name}: expected a date such as 2026-11-24 or a time such as 2026-11-24T14:00:00Z."))
        })?;
        Ok(Some(Timestamp((at.unix_timestamp_nanos() / 1_000_000) as i64)))
    }
}

/// 400 naming a parameter.
pub fn bad(name: &str, message: String) -> ApiError {
    ApiError::new(Code::InvalidRequest, message).param(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, ApiError> {
        Params::read(&format!("/x?{query}").parse().unwrap(), &["from", "to"])
    }

    #[test]
    fn dates_and_times_are_read() {
        for (text, at) in [
            ("2026-11-24", "2026-11-24T00:00:00Z"),
            ("2026-11-24T14:00:00Z", "2026-11-24T14:00:00Z"),
            ("2026-11-24T14:00:00.5%2B02:00", "2026-11-24T12:00:00.5Z"),
        ] {
            assert_eq!(read(&format!("from={text}")).unwrap().time("from").unwrap().unwrap().rfc3339(), at);
        }
        assert_eq!(read("").unwrap().time("from"), Ok(None));
        for text in ["2026-13-01", "2026-11", "yesterday", "1969-12-31", "9999-01-01", "2026-11-24T14:00:00"] {
            let error = read(&format!("from={text}")).unwrap().time("from").unwrap_err();
            assert_eq!(error.param.as_deref(), Some("from"), "{text}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_named() {
        assert_eq!(read("form=2026-11-24").err().unwrap().param.as_deref(), Some("form"));
        assert_eq!(read("from=2026-11-24&from=2026-11-25").err().unwrap().param.as_deref(), Some("from"));
        // Bytes that are no text are no time either.
        assert!(read("from=%ff").unwrap().time("from").is_err());
    }
}
