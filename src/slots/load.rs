//! `slots.yaml`: read whole or refused whole.
//!
//! ```yaml
//! chat-fast: fc:openai/gpt-4o-mini
//! chat-best:
//!   targets:
//!     - { target: fc:anthropic/claude-opus-5, weight: 95 }
//!     - { target: fc:openai/gpt-6-sol, weight: 5 }       # a canary
//!     - slot:chat-fast                                   # tried when those fail
//!   failover_on: [upstream_unavailable, upstream_quota_exceeded]
//! ```

use super::definition::{Definition, FailoverOn, Target, is_alias};
use crate::codegen::node::{Node, Value};
use crate::codegen::problem::{Place, Problem, suggest};
use std::collections::BTreeMap;

/// Something wrong with a file of slots.
pub type Finding = Problem;

/// Whether a text that is no `slot:` names a model that can be listed: unknown providers and models
/// and those without a price are told here.
pub type Referent<'r> = dyn Fn(&str) -> Result<(), String> + 'r;

/// Targets of one slot, nested slots written out.
pub const MOST_TARGETS: usize = 32;
/// The largest weight of a target.
pub const MOST_WEIGHT: u32 = 1_000_000;

/// Reads a file's text, shown as `file` in findings.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(file: &str, text: &str, referent: &Referent<'_>) -> Result<BTreeMap<String, Definition>, Vec<Finding>> {
    let empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if empty {
        return Ok(BTreeMap::new());
    }
    let node = Node::parse(file, text).map_err(|finding| vec![finding])?;
    let mut reader = Reader { findings: Vec::new(), places: BTreeMap::new(), referent };
    let written = reader.slots(&node);
    let resolved = reader.resolve(&written);
    if reader.findings.is_empty() { Ok(resolved) } else { Err(reader.findings) }
}

struct Reader<'r> {
    findings: Vec<Finding>,
    /// Where each slot's targets stand.
    places: BTreeMap<String, Vec<Place>>,
    referent: &'r Referent<'r>,
}

impl Reader<'_> {
    fn say(&mut self, at: &Place, text: impl Into<String>) {
        self.findings.push(Problem::new(at.clone(), text));
    }

    fn slots(&mut self, node: &Node) -> BTreeMap<String, Definition> {
        let Some(members) = node.map() else {
            self.say(&node.at, "expected a map: an alias, and the model it stands for");
            return BTreeMap::new();
        };
        let mut slots = BTreeMap::new();
        for (key, value) in members {
            if !is_alias(&key.name) {
                self.say(&key.at, format!("`{}` is no alias: 1 to 64 letters, digits, `-`, `_` and `.`", key.name));
                continue;
            }
            if let Some((definition, places)) = self.slot(value) {
                self.places.insert(key.name.clone(), places);
                slots.insert(key.name.clone(), definition);
            }
        }
        slots
    }

    fn slot(&mut self, node: &Node) -> Option<(Definition, Vec<Place>)> {
        if let Some(target) = node.text() {
            return Some((Definition::to(target), vec![node.at.clone()]));
        }
        let Some(members) = node.map() else {
            self.say(
                &node.at,
                format!("a slot is a target such as fc:openai/gpt-4o, or a map with `targets`, not {}", node.kind()),
            );
            return None;
        };
        let known = ["targets", "failover_on"];
        for (key, _) in members {
            if !known.contains(&key.name.as_str()) {
                self.say(&key.at, format!("a slot has no `{}`; {}", key.name, suggest(&key.name, known)));
            }
        }
        let Some(list) = node.get("targets").and_then(Node::list).filter(|list| !list.is_empty()) else {
            self.say(&node.at, "a slot lacks `targets`: a list of at least one");
            return None;
        };
        let (mut targets, mut places) = (Vec::new(), Vec::new());
        for item in list {
            if let Some(target) = self.target(item) {
                targets.push(target);
                places.push(item.at.clone());
            }
        }
        let failover_on = node.get("failover_on").map_or_else(FailoverOn::default, |node| self.failover_on(node));
        Some((Definition { targets, failover_on }, places))
    }

    fn target(&mut self, node: &Node) -> Option<Target> {
        if let Some(target) = node.text() {
            return Some(Target { target: target.to_owned(), weight: None });
        }
        let known = ["target", "weight"];
        for (key, _) in node.map().unwrap_or(&[]) {
            if !known.contains(&key.name.as_str()) {
                self.say(&key.at, format!("a target has no `{}`; {}", key.name, suggest(&key.name, known)));
            }
        }
        let Some(target) = node.get("target").and_then(Node::text) else {
            self.say(
                &node.at,
                "expected a target such as fc:openai/gpt-4o, or { target: fc:openai/gpt-4o, weight: 5 }",
            );
            return None;
        };
        let weight = node.get("weight").and_then(|weight| {
            let number = weight.text().and_then(|text| text.parse().ok()).filter(|weight| *weight <= MOST_WEIGHT);
            if number.is_none() {
                self.say(&weight.at, format!("`weight` is a whole number from 0 to {MOST_WEIGHT}"));
            }
            number
        });
        Some(Target { target: target.to_owned(), weight })
    }

    fn failover_on(&mut self, node: &Node) -> FailoverOn {
        let mut on = FailoverOn::none();
        let Value::List(words) = &node.value else {
            self.say(&node.at, format!("`failover_on` is a list of {}", FailoverOn::WORDS.join(", ")));
            return on;
        };
        for word in words {
            let text = word.text().unwrap_or("");
            if !on.add(text) {
                let hint = suggest(text, FailoverOn::WORDS.iter().copied());
                self.say(&word.at, format!("`failover_on` can't hold `{text}`; {hint}"));
            }
        }
        on
    }

    /// Writes nested slots out, and checks every target.
    fn resolve(&mut self, written: &BTreeMap<String, Definition>) -> BTreeMap<String, Definition> {
        let mut resolved = BTreeMap::new();
        for (alias, definition) in written {
            let places = self.places.get(alias).cloned().unwrap_or_default();
            let mut targets = Vec::new();
            for (target, at) in definition.targets.iter().zip(&places) {
                if let Err(text) = flatten(target, written, &mut vec![alias.clone()], self.referent, &mut targets) {
                    self.say(at, text);
                }
            }
            if targets.len() > MOST_TARGETS {
                self.say(
                    &places[0],
                    format!("`{alias}` has more than {MOST_TARGETS} targets, nested slots written out"),
                );
            }
            resolved.insert(alias.clone(), Definition { targets, failover_on: definition.failover_on });
        }
        resolved
    }
}

/// Adds what `target` stands for: itself, or the targets of the slot that it names.
///
/// # Errors
/// Where it names nothing, or a slot that leads back to one of `path`.
pub(super) fn flatten(
    target: &Target,
    slots: &BTreeMap<String, Definition>,
    path: &mut Vec<String>,
    referent: &Referent<'_>,
    out: &mut Vec<Target>,
) -> Result<(), String> {
    let Some(alias) = target.target.strip_prefix("slot:") else {
        referent(&target.target)?;
        out.push(target.clone());
        return Ok(());
    };
    if path.iter().any(|known| known == alias) {
        return Err(format!("`slot:{alias}` goes round in a circle: {} → {alias}", path.join(" → ")));
    }
    let Some(inner) = slots.get(alias) else {
        return Err(format!("there is no slot `{alias}`; {}", suggest(alias, slots.keys().map(String::as_str))));
    };
    path.push(alias.to_owned());
    let begin = out.len();
    for nested in &inner.targets {
        flatten(nested, slots, path, referent, out)?;
        if out.len() > MOST_TARGETS {
            break;
        }
    }
    path.pop();
    // The share of a nested slot is that of the target which names it, its first target's.
    for (index, nested) in out[begin..].iter_mut().enumerate() {
        nested.weight = target.weight.filter(|_| index == 0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referent(target: &str) -> Result<(), String> {
        match target {
            "fc:a/1" | "fc:a/2" | "fc:b/3" => Ok(()),
            "fc:a/free" => Err("`fc:a/free` has no price".to_owned()),
            other => Err(format!("`{other}` is no model")),
        }
    }

    fn findings(text: &str) -> Vec<String> {
        let findings = read("slots.yaml", text, &referent).expect_err("something is wrong");
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_forms_are_read_and_nested_slots_written_out() {
        let text = "fast: fc:a/1\nbest:\n  targets:\n    - { target: fc:a/2, weight: 9 }\n    - { target: slot:fast, weight: 1 }\n    - fc:b/3\n  failover_on: [upstream_unavailable, response_schema_validation_failed]\n";
        let slots = read("slots.yaml", text, &referent).unwrap();
        assert_eq!(slots["fast"], Definition::to("fc:a/1"));
        let targets: Vec<_> =
            slots["best"].targets.iter().map(|target| (target.target.as_str(), target.weight)).collect();
        assert_eq!(targets, [("fc:a/2", Some(9)), ("fc:a/1", Some(1)), ("fc:b/3", None)]);
        assert_eq!(slots["best"].failover_on, FailoverOn { unavailable: true, quota: false, schema: true });
        for nothing in ["", "\n", "# none\n"] {
            assert!(read("slots.yaml", nothing, &referent).unwrap().is_empty());
        }
    }

    #[test]
    fn everything_wrong_is_found_at_its_place() {
        assert_eq!(
            findings("fast: fc:x/1\nslow: fc:a/free\n"),
            ["slots.yaml:1:7: `fc:x/1` is no model", "slots.yaml:2:7: `fc:a/free` has no price"]
        );
        assert_eq!(
            findings("a: slot:b\nb: slot:a\n"),
            [
                "slots.yaml:1:4: `slot:a` goes round in a circle: a → b → a",
                "slots.yaml:2:4: `slot:b` goes round in a circle: b → a → b"
            ]
        );
        assert_eq!(
            findings("fast: fc:a/1\nx: slot:fats\n"),
            ["slots.yaml:2:4: there is no slot `fats`; did you mean `fast`?"]
        );
        assert_eq!(
            findings("a b: fc:a/1\n"),
            ["slots.yaml:1:1: `a b` is no alias: 1 to 64 letters, digits, `-`, `_` and `.`"]
        );
        assert_eq!(findings("a: { target: [] }\n").len(), 2);
        assert_eq!(
            findings("a: { targets: [{ target: fc:a/1, weight: -1 }] }\n"),
            ["slots.yaml:1:42: `weight` is a whole number from 0 to 1000000"]
        );
        assert_eq!(
            findings("a: { targets: [fc:a/1], failover_on: [upstream_unavailabel] }\n"),
            ["slots.yaml:1:39: `failover_on` can't hold `upstream_unavailabel`; did you mean `upstream_unavailable`?"]
        );
        assert_eq!(findings("- fc:a/1\n").len(), 1);
        assert_eq!(findings("a: [\n").len(), 1);
    }

    #[test]
    fn slots_that_multiply_end_in_a_finding() {
        let mut text = "s0: { targets: [fc:a/1, fc:a/2] }\n".to_owned();
        for level in 1..40 {
            text.push_str(&format!("s{level}: {{ targets: [slot:s{0}, slot:s{0}] }}\n", level - 1));
        }
        assert!(findings(&text).iter().any(|finding| finding.contains("more than 32 targets")));
    }
}
