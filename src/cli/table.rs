//! Prints rows for people, or as JSON for programs.

use serde::Serialize;
use std::io::Write as _;

/// Prints `rows` under `heads`, or `values` as a JSON list.
pub fn print<T: Serialize>(
    json: bool,
    heads: &[&str],
    values: &[T],
    row: impl Fn(&T) -> Vec<String>,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, values)?;
        return writeln!(out);
    }
    let rows: Vec<Vec<String>> = values.iter().map(row).collect();
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(column, head)| rows.iter().map(|row| row[column].chars().count()).chain([head.len()]).max().unwrap_or(0))
        .collect();
    let heads: Vec<String> = heads.iter().map(|head| head.to_uppercase()).collect();
    for row in std::iter::once(&heads).chain(&rows) {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}
