//! `prices.yaml` while the gateway runs: saved is in force, broken is refused whole.

use super::StartError;
use crate::adapter::generated::ALL;
use crate::billing::{PriceBook, PriceFile};
use crate::watch;
use std::path::Path;
use std::sync::Arc;

/// Reads the file that is there now, and gives the task that follows it.
///
/// # Errors
/// Where the file that is there now is broken: a start says so, and does not begin with prices
/// that nobody meant.
pub fn follow(path: &Path, book: &Arc<PriceBook>) -> Result<impl Future<Output = ()> + use<>, StartError> {
    let file = PriceFile::open(path, ALL).map_err(|problems| StartError::Prices(lines(&problems)))?;
    let known = std::fs::read(path).ok();
    book.replace(file);
    let (book, name) = (Arc::clone(book), path.display().to_string());
    Ok(watch::follow(path.to_owned(), known, move |content| {
        let Ok(text) = std::str::from_utf8(content.unwrap_or_default()) else {
            tracing::error!(file = name, "is not UTF-8; the prices before it stay");
            return;
        };
        match PriceFile::read(&name, text, ALL) {
            Ok(file) => {
                tracing::info!(file = name, version = %file.version, there = content.is_some(), "prices are in force");
                book.replace(file);
            }
            Err(problems) => {
                tracing::error!(problems = lines(&problems), "refused whole; the prices before it stay");
            }
        }
    }))
}

fn lines<P: ToString>(problems: &[P]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
