//! `ringside check`: the mistakes of specs, settings, prices and slots, without a start and without a
//! build.

use super::provider_names;
use crate::adapter::generated::ALL;
use crate::billing::{PriceBook, PriceFile};
use crate::clock::Clock;
use crate::codegen;
use crate::config::{self, Environment};
use crate::{gateway, slots};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks `files`, or without any the settings, the prices and slots that they name, and the specs in
/// `providers/`.
pub fn run(files: &[PathBuf], settings: Option<&Path>) -> ExitCode {
    let mut problems = Vec::new();
    let mut checked = 0;
    if files.is_empty() {
        checked += 1;
        match config::load(settings, &Environment::of_process(), &provider_names()) {
            Err(found) => problems.extend(found.iter().map(ToString::to_string)),
            Ok(settings) => {
                let book = PriceBook::of_specs(ALL, Clock::of_machine());
                if settings.prices.exists() {
                    checked += 1;
                    match PriceFile::open(&settings.prices, ALL) {
                        Ok(prices) => book.replace(prices),
                        Err(found) => problems.extend(found.iter().map(ToString::to_string)),
                    }
                }
                if let Ok(text) = std::fs::read_to_string(&settings.slots) {
                    checked += 1;
                    problems.extend(slots(&settings.slots, &text, &book));
                }
            }
        }
        let folder = Path::new("providers");
        if folder.is_dir() {
            checked += specs(folder, None, &mut problems);
        }
    }
    let mut folders: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for file in files {
        match std::fs::read_to_string(file) {
            Err(error) => problems.push(format!("{}: can't be read: {error}", file.display())),
            Ok(text) if stem_begins(file, "ringside") => {
                checked += 1;
                problems.extend(config::check_file(file, &text, &provider_names()).iter().map(ToString::to_string));
            }
            Ok(text) if stem_begins(file, "prices") => {
                checked += 1;
                let found = PriceFile::read(&file.display().to_string(), &text, ALL).err().unwrap_or_default();
                problems.extend(found.iter().map(ToString::to_string));
            }
            Ok(text) if stem_begins(file, "slots") => {
                checked += 1;
                // With the prices beside it, as a start would find them.
                let book = PriceBook::of_specs(ALL, Clock::of_machine());
                if let Ok(prices) = PriceFile::open(&file.with_file_name("prices.yaml"), ALL) {
                    book.replace(prices);
                }
                problems.extend(slots(file, &text, &book));
            }
            Ok(_) => {
                let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                folders.entry(folder.to_owned()).or_default().push(file.display().to_string());
            }
        }
    }
    // A spec is checked with its neighbours, which it may extend; only its own problems are told.
    for (folder, wanted) in &folders {
        checked += specs(folder, Some(wanted), &mut problems);
    }
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        println!("{checked} {} checked, no problems", if checked == 1 { "file" } else { "files" });
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether a file's name says that it holds settings, prices or slots, and no spec.
fn stem_begins(file: &Path, word: &str) -> bool {
    file.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.starts_with(word))
}

/// What is wrong with a file of slots.
fn slots(file: &Path, text: &str, book: &PriceBook) -> Vec<String> {
    let referent = |target: &str| gateway::priced(ALL, book, target).map(|_| ());
    let found = slots::read(&file.display().to_string(), text, &referent).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

/// Compiles the specs of a folder. Returns how many of them count as checked.
fn specs(folder: &Path, wanted: Option<&Vec<String>>, problems: &mut Vec<String>) -> usize {
    let files = match codegen::read_dir(folder) {
        Ok(files) => files,
        Err(found) => {
            problems.extend(found.iter().map(ToString::to_string));
            return 0;
        }
    };
    let mine = |path: &str| {
        wanted.is_none_or(|wanted| {
            wanted
                .iter()
                .any(|file| Path::new(file) == Path::new(path) || Path::new("./").join(file) == Path::new(path))
        })
    };
    if let Err(found) = codegen::compile(&files) {
        problems.extend(found.iter().filter(|problem| mine(&problem.at.file)).map(ToString::to_string));
    }
    files.values().filter(|(path, _)| mine(path)).count()
}
