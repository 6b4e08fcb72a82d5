//! How every provider did in every case.

use crate::support::recording::Recording;
use std::collections::{BTreeMap, BTreeSet};

/// Complaints shown of one recording.
const SHOWN: usize = 5;

/// Provider × case, a case being the first part of a recording's name (`tools_stream`).
#[derive(Default)]
pub struct Table {
    cells: BTreeMap<(String, String), Cell>,
    complaints: Vec<String>,
    what: &'static str,
}

#[derive(Default)]
struct Cell {
    passed: usize,
    failed: usize,
}

impl Table {
    pub fn note(&mut self, recording: &Recording, what: &'static str, complaints: &[String]) {
        self.what = what;
        let case = recording.case.split('-').next().unwrap_or_default().to_owned();
        let cell = self.cells.entry((recording.provider.clone(), case)).or_default();
        if complaints.is_empty() {
            cell.passed += 1;
            return;
        }
        cell.failed += 1;
        let (name, number) = (format!("{}/{}", recording.provider, recording.case), complaints.len());
        self.complaints.push(format!("{name}: {number} complaints"));
        self.complaints.extend(complaints.iter().take(SHOWN).map(|complaint| format!("    {complaint}")));
    }

    /// Prints the table; panics where anything is wrong, or where nothing was tried.
    pub fn print_and_judge(self) {
        let providers: BTreeSet<&String> = self.cells.keys().map(|(provider, _)| provider).collect();
        let cases: BTreeSet<&String> = self.cells.keys().map(|(_, case)| case).collect();
        let heads: Vec<String> = providers.iter().map(|name| format!("{name:>14}")).collect();
        println!("\n{:<30}{}", self.what, heads.concat());
        for case in cases {
            let row = providers.iter().map(|provider| {
                let cell = self.cells.get(&((*provider).clone(), case.clone()));
                let text = cell.map_or(String::new(), |cell| match cell {
                    Cell { passed, failed: 0 } => format!("{passed} ok"),
                    Cell { passed, failed } => format!("{failed} of {} WRONG", passed + failed),
                });
                format!("{text:>14}")
            });
            println!("{case:<30}{}", row.collect::<Vec<_>>().concat());
        }
        assert!(!self.cells.is_empty(), "nothing was replayed");
        assert!(self.complaints.is_empty(), "{}:\n{}", self.what, self.complaints.join("\n"));
    }
}
