//! `ringside journal`: the entries of the journal's files, for people.

use super::Failure;
use crate::billing::journal::{self, Batch, MOST_LANES};
use crate::config::Settings;
use crate::wire::event::Entry;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// Entries that are read at once.
const BATCH: usize = 1000;

pub(super) fn run(settings: &Settings) -> Result<(), Failure> {
    let mut lanes = (0..MOST_LANES).map(|lane| journal::segments(&journal::lane_of(&settings.journal, lane)));
    if lanes.all(|segments| segments.is_ok_and(|segments| segments.is_empty())) {
        eprintln!("{}: there is no such journal; the setting `journal` says where it is", settings.journal.display());
    }
    for lane in 0..MOST_LANES {
        let path = journal::lane_of(&settings.journal, lane);
        let torn = match print(&path, lane + 1, BATCH, &mut io::stdout().lock()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed?,
        };
        for (segment, position) in torn {
            let file = journal::file_of(&path, segment);
            let file = file.display();
            eprintln!("{file}: no whole entry stands at byte {position}: a crash cut it, or it is being written");
        }
    }
    Ok(())
}

/// One entry, as it is printed. Amounts are nano-USD, but for a new customer's budget.
#[derive(Serialize)]
struct Line<T> {
    /// From 1.
    lane: usize,
    segment: u64,
    kind: &'static str,
    entry: T,
}

/// Prints every entry of a lane, and says which segments end in something else, and where.
fn print(path: &Path, lane: usize, most: usize, out: &mut impl Write) -> io::Result<Vec<(u64, u64)>> {
    let mut torn_at = Vec::new();
    for segment in journal::segments(path)? {
        let mut from = 0;
        loop {
            let Batch { entries, position, torn } = match journal::read(path, segment, from, None, most) {
                // What was drained is removed, and the database has it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                read => read?,
            };
            for entry in &entries {
                match entry {
                    Entry::Hold(entry) => line(out, &Line { lane, segment, kind: "hold", entry })?,
                    Entry::Usage(entry) => line(out, &Line { lane, segment, kind: "usage", entry })?,
                    Entry::Customer(entry) => line(out, &Line { lane, segment, kind: "customer", entry })?,
                }
            }
            if torn {
                torn_at.push((segment, position));
            }
            if entries.len() < most {
                break;
            }
            from = position;
        }
    }
    Ok(torn_at)
}

fn line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::journal::Lane;
    use crate::billing::testing::event;
    use crate::clock::Timestamp;
    use serde_json::{Value, json};

    #[test]
    fn every_whole_entry_is_a_line_and_a_cut_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let lane = Lane::open(&path, 0).unwrap();
        let event = event("use_1", "acct_1", Timestamp(5));
        lane.append_hold(event.clone()).unwrap();
        lane.append_hold(event.clone()).unwrap();
        lane.rotate().unwrap();
        lane.append(event.clone()).unwrap();
        let end = lane.end();
        let file = journal::file_of(&path, end.segment);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.extend_from_within(..9);
        std::fs::write(&file, bytes).unwrap();

        for most in [1, 2, 100] {
            let mut out = Vec::new();
            assert_eq!(print(&path, 1, most, &mut out).unwrap(), [(end.segment, end.position)]);
            let lines: Vec<Value> = out.split(|byte| *byte == b'\n').flat_map(serde_json::from_slice).collect();
            let kinds: Vec<_> = lines.iter().map(|line| (line["segment"].as_u64(), line["kind"].as_str())).collect();
            assert_eq!(kinds, [(Some(1), Some("hold")), (Some(1), Some("hold")), (Some(2), Some("usage"))]);
            assert!(lines.iter().all(|line| line["entry"] == json!(event)));
        }
    }
}
