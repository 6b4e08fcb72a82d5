//! Ringside's own lists: `{data, has_more, next_cursor}`, `limit` and `cursor`.

use crate::wire::error::{ApiError, Code};
use serde::Serialize;

/// A page of a list.
#[derive(Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}

/// Which page is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Items of a page, at most 100.
    pub limit: usize,
    /// The id that the page comes after.
    pub cursor: Option<String>,
}

impl Wanted {
    /// Reads a query.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn read(query: Option<&str>) -> Result<Self, ApiError> {
        let mut wanted = Self { limit: 20, cursor: None };
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=100).contains(limit));
                    wanted.limit = limit.ok_or_else(|| {
                        ApiError::new(Code::InvalidRequest, "limit: expected a whole number from 1 to 100.")
                            .param("limit")
                    })?;
                }
                "cursor" => {
                    let plain =
                        value.len() <= 64 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    if value.is_empty() || !plain {
                        return Err(ApiError::new(
                            Code::InvalidRequest,
                            "cursor: expected the next_cursor of the page before.",
                        )
                        .param("cursor"));
                    }
                    wanted.cursor = Some(value.to_owned());
                }
                _ => {}
            }
        }
        Ok(wanted)
    }

    /// How many rows to ask for: one more than a page tells whether there are more.
    pub fn rows(&self) -> u64 {
        self.limit as u64 + 1
    }

    /// The page of `rows`, which are as many as [`Wanted::rows`] or fewer.
    pub fn page<R, T>(&self, mut rows: Vec<R>, id: impl Fn(&R) -> &str, shape: impl Fn(R) -> T) -> Page<T> {
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|row| id(row).to_owned());
        Page { data: rows.into_iter().map(shape).collect(), has_more, next_cursor }
    }
}
