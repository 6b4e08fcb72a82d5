//! Rules about single files.

use super::files::Tree;
use super::paths::{Named, Word};
use std::collections::BTreeSet;

/// Longest file, in lines.
const LONGEST: usize = 600;

/// The dialect that is spoken and the simulator that is built in are mechanisms, not providers.
const MECHANISMS: &[&str] = &["openai", "sim"];

/// Providers whose names are also words of English or parts of host names that are denied; they
/// may stand in text, not in identifiers.
const ENGLISH: &[&str] = &["together", "replicate", "azure", "google"];

/// The providers of the contract; specs that do not exist yet count too.
const PROVIDERS: &[&str] = &[
    "openai",
    "anthropic",
    "google",
    "gemini",
    "mistral",
    "groq",
    "together",
    "fireworks",
    "perplexity",
    "deepseek",
    "xai",
    "cerebras",
    "sambanova",
    "cohere",
    "openrouter",
    "ollama",
    "azure",
    "bedrock",
    "huggingface",
    "replicate",
    "sim",
];

fn provider_ids(tree: &Tree) -> BTreeSet<String> {
    let specs = tree.iter().filter_map(|(path, _)| path.strip_prefix("providers/")?.strip_suffix(".yaml"));
    specs.chain(PROVIDERS.iter().copied()).map(str::to_owned).collect()
}

/// `openAiKey_2` has the words `open`, `ai`, `key`, `2`; and `openai` as written together counts too.
fn words(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for run in text.split(|c: char| !c.is_alphanumeric()) {
        let mut hump = String::new();
        for letter in run.chars() {
            if letter.is_uppercase() && hump.chars().last().is_some_and(char::is_lowercase) {
                found.insert(hump.to_lowercase());
                hump.clear();
            }
            hump.push(letter);
        }
        found.insert(hump.to_lowercase());
        found.insert(run.to_lowercase());
    }
    found
}

/// A provider's name as a whole word in `src/`, outside comments and tests.
pub fn provider_names(tree: &Tree) -> Vec<String> {
    let providers = provider_ids(tree);
    let mut complaints = Vec::new();
    for (path, text) in tree.rust("src") {
        for Word { line, text, literal } in Named::read(path, text, false).words {
            for word in words(&text) {
                let excused = MECHANISMS.contains(&word.as_str()) || (literal && ENGLISH.contains(&word.as_str()));
                if providers.contains(&word) && !excused {
                    complaints.push(format!("{path}:{line}: `{word}` is a provider; say it in its spec: {text}"));
                }
            }
        }
    }
    complaints
}

/// Paths that only some files may name: (how the path begins, or a segment; where; why).
const CONFINED: &[(&str, &[&str], &str)] = &[
    ("sea_orm", &["src/store/", "migrations/"], "the database is `store`'s"),
    ("sea_orm_migration", &["src/store/", "migrations/"], "the database is `store`'s"),
    ("sqlx", &["src/store/"], "the database is `store`'s"),
    (
        "reqwest",
        &["src/upstream/", "src/outbound/", "src/upstream.rs", "src/outbound.rs"],
        "clients are built with time-outs and guards",
    ),
    ("std::env", &["src/config/", "src/config.rs"], "settings are read in one place and passed down"),
    ("SystemTime", &["src/clock.rs"], "time of day comes from the clock, so that tests own it"),
    ("OffsetDateTime::now_utc", &["src/clock.rs"], "time of day comes from the clock, so that tests own it"),
    ("OffsetDateTime::now_local", &["src/clock.rs"], "time of day comes from the clock, so that tests own it"),
    ("UtcDateTime::now", &["src/clock.rs"], "time of day comes from the clock, so that tests own it"),
];

/// Libraries outside their rooms.
pub fn confined(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.rust("src") {
        for named in Named::read(path, text, false).paths {
            let spelled = format!("::{}::", named.segments.join("::"));
            for (what, places, why) in CONFINED {
                let named_here = spelled.contains(&format!("::{what}::"));
                if named_here && !places.iter().any(|place| path.starts_with(place)) {
                    complaints.push(format!("{path}:{}: `{what}` belongs to {}: {why}", named.line, places.join(", ")));
                }
            }
        }
    }
    complaints
}

/// Rust files with more than [`LONGEST`] lines.
pub fn long_files(tree: &Tree) -> Vec<String> {
    let rust = tree.iter().filter(|(path, _)| path.ends_with(".rs"));
    let counted = rust.map(|(path, text)| (path, text.lines().count()));
    let long = counted.filter(|(_, lines)| *lines > LONGEST);
    long.map(|(path, lines)| format!("{path} has {lines} lines, more than {LONGEST}: one idea a file")).collect()
}

/// `#[ignore]` hides a test, `#[allow]` a warning; `#[expect(…, reason)]` says why and expires.
pub fn silenced(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".rs") && !path.starts_with("tests/specs/")) {
        for Word { line, text, .. } in Named::read(path, text, true).attributes {
            if text == "ignore" || text == "allow" {
                complaints.push(format!("{path}:{line}: #[{text}] silences what should be mended"));
            }
        }
    }
    complaints
}

/// Relative links of Markdown files to files that do not exist.
pub fn dead_links(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".md")) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for link in links(text) {
            let outside = link.contains("://") || link.starts_with('#') || link.starts_with("mailto:");
            let target = link.split(['#', ' ']).next().unwrap_or_default();
            if !outside && !target.is_empty() && !tree.has(&joined(directory, target)) {
                complaints.push(format!("{path}: the link to {link} leads nowhere"));
            }
        }
    }
    complaints
}

/// The targets of `[text](target)`, outside code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        let mut rest = prose.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            if let Some(end) = rest.find(')') {
                found.push(rest[..end].to_owned());
            }
        }
    }
    found
}

/// `docs` and `../README.md` make `README.md`.
fn joined(directory: &str, target: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Directories of somebody's machine. In pieces, or this file would be the first to complain of.
const MACHINE: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/t", "mp/target"),
    concat!("/t", "mp/env"),
];

/// Absolute paths of a machine in any committed text.
pub fn machine_paths(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.iter() {
        for (number, line) in text.lines().enumerate() {
            for machine in MACHINE.iter().filter(|machine| names_directory(line, machine)) {
                complaints.push(format!("{path}:{}: {machine} is a place of one machine", number + 1));
            }
        }
    }
    complaints
}

/// A path of an URL or of a container (`https://host/home/`, `/app/home/`) is none of a machine.
fn names_directory(line: &str, machine: &str) -> bool {
    line.match_indices(machine).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !"-_.}~".contains(before))
    })
}

/// Every spec has a `docs:` link of its own, and fixtures that its adapter is tested with.
pub fn provider_companions(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.iter() {
        let Some(id) = path.strip_prefix("providers/").and_then(|name| name.strip_suffix(".yaml")) else {
            continue;
        };
        if !text.lines().any(|line| line.starts_with("docs: https://")) {
            complaints.push(format!("{path} has no `docs:` link"));
        }
        // The simulator makes its answers in the process; there is nothing to record.
        let simulated = text.lines().any(|line| line.starts_with("transport: simulator"));
        if !simulated && !tree.has(&format!("tests/providers/{id}")) {
            complaints.push(format!("{path} has no fixtures in tests/providers/{id}"));
        }
    }
    complaints
}
