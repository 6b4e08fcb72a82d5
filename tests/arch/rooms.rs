//! The import order: which room may name which.

use super::files::Tree;
use super::paths::Named;
use std::collections::{BTreeMap, BTreeSet};

/// From the top down; a room may import rooms of lower levels only.
const LEVELS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["app"],
    &["http", "dashboard"],
    &["conversations", "assistants"],
    &["gateway"],
    &["billing", "access", "webhooks", "slots", "upstream"],
    &["outbound"],
    &["store", "counters", "adapter"],
    &["telemetry"],
    &["config"],
    &["wire"],
    &["id", "money", "near", "watch"],
    &["clock"],
];

/// Rooms with a closed list of importers, and why.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("config", &["main", "cli", "app", "http", "telemetry"], "settings are passed down as plain structs"),
    (
        "store",
        &["main", "cli", "app", "http", "dashboard", "billing", "access", "slots", "webhooks"],
        "a request reaches the database through admit and settle only",
    ),
    (
        "codegen",
        &["cli", "billing", "slots"],
        "it compiles specs; `ringside check` runs it again, prices.yaml is in its language, and slots.yaml is read with its places",
    ),
];

/// One name of another room.
struct Edge {
    from: String,
    to: String,
    place: String,
}

fn room_of(path: &str) -> String {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs").to_owned()
}

fn edges(tree: &Tree) -> Vec<Edge> {
    let rooms: BTreeSet<String> = tree.rust("src").map(|(path, _)| room_of(path)).collect();
    let mut edges = Vec::new();
    for (path, text) in tree.rust("src") {
        let from = room_of(path);
        // The library's root only declares the rooms.
        if from == "lib" {
            continue;
        }
        for named in Named::read(path, text, false).paths {
            // The program is a crate of its own and sees the library by its name.
            let root = if from == "main" { "ringside" } else { "crate" };
            let [first, to, ..] = named.segments.as_slice() else {
                continue;
            };
            if first == root && *to != from && rooms.contains(to) {
                let place = format!("{path}:{}: {}", named.line, named.segments.join("::"));
                edges.push(Edge { from: from.clone(), to: to.clone(), place });
            }
        }
    }
    edges
}

fn level(room: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&room))
}

/// Names of rooms that do not lie below.
pub fn against_the_order(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for Edge { from, to, place } in edges(tree) {
        if from == "codegen" {
            complaints.push(format!("{place}: `codegen` imports nothing of the crate"));
        } else if let Some((_, importers, why)) = RESERVED.iter().find(|(room, _, _)| *room == to) {
            if !importers.contains(&from.as_str()) {
                complaints.push(format!("{place}: `{from}` may not import `{to}`: {why}"));
            }
        } else if let (Some(above), Some(below)) = (level(&from), level(&to))
            && above >= below
        {
            complaints.push(format!("{place}: `{from}` may not import `{to}`, which does not lie below it"));
        }
    }
    complaints
}

/// Rooms of `src` that the order does not know.
pub fn unplaced(tree: &Tree) -> Vec<String> {
    let rooms: BTreeSet<String> = tree.rust("src").map(|(path, _)| room_of(path)).collect();
    let known = |room: &String| level(room).is_some() || room == "lib" || room == "codegen";
    let homeless = rooms.into_iter().filter(|room| !known(room));
    homeless.map(|room| format!("src/{room} has no place in tests/arch/rooms.rs and src/ARCHITECTURE.md")).collect()
}

/// Circles of rooms, found without the levels.
pub fn circles(tree: &Tree) -> Vec<String> {
    let mut graph: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for Edge { from, to, place } in edges(tree) {
        graph.entry(from).or_default().entry(to).or_insert(place);
    }
    let mut complaints = BTreeSet::new();
    for start in graph.keys() {
        let mut way = vec![start.clone()];
        find_circle(&graph, &mut way, &mut BTreeSet::new(), &mut complaints);
    }
    complaints.into_iter().collect()
}

fn find_circle(
    graph: &BTreeMap<String, BTreeMap<String, String>>,
    way: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
    complaints: &mut BTreeSet<String>,
) {
    let Some(here) = way.last().cloned() else {
        return;
    };
    for (next, place) in graph.get(&here).into_iter().flatten() {
        if *next == way[0] {
            // A circle is told once, from its first room in the alphabet.
            if way.iter().min() == way.first() {
                complaints.insert(format!("{} → {next} is a circle; it closes at {place}", way.join(" → ")));
            }
        } else if seen.insert(next.clone()) {
            way.push(next.clone());
            find_circle(graph, way, seen, complaints);
            way.pop();
        }
    }
}
