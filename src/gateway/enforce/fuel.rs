//! A bound on how long validation may take, whatever the schema.
//!
//! A schema of a few lines can ask for more steps than there are atoms: two branches that each
//! refer to a definition with two branches, thirty levels deep. The validator has no budget of its
//! own, so every subschema gets a step more, which takes a unit of fuel and, once there is none,
//! unwinds out of the validator at once. The step stands before the subschema's reference, since
//! only what references can make a small schema large: the reference moves behind it, into the same
//! `allOf`, whose members are tried in order.

use super::aside::aside;
use super::walk::{MAPS, SCHEMAS};
use jsonschema::{Keyword, ValidationError};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// The keyword; no schema has one of this name.
pub const KEYWORD: &str = "\u{1}fuel";

/// Subschemas that one validation may look at. A valid answer of some kilobytes needs hundreds.
pub const TANK: u64 = 200_000;

/// How long one validation may take: patterns have no fuel, and each may take milliseconds.
const TIME: Duration = Duration::from_secs(1);

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How much of it on a worker of the runtime, which has other calls to carry.
const QUICK: Duration = Duration::from_millis(5);

/// What is unwound with.
enum OutOf {
    Fuel,
    Time,
}

/// Runs `validate` with a full tank. `None` where the fuel ran out. What is not quick is begun anew
/// aside, so that no other call waits for it; a schema with patterns is checked there at once, since
/// a pattern can't be interrupted.
pub fn bounded<T>(patterns: bool, validate: impl Fn() -> T) -> Option<T> {
    if patterns {
        return aside(|| run(TIME, &validate)).ok();
    }
    match run(QUICK, &validate) {
        Ok(result) => Some(result),
        Err(OutOf::Fuel) => None,
        Err(OutOf::Time) => aside(|| run(TIME, &validate)).ok(),
    }
}

fn run<T>(time: Duration, validate: impl Fn() -> T) -> Result<T, OutOf> {
    LEFT.set(TANK);
    UNTIL.set(Some(Instant::now() + time));
    // A compiled validator is not changed by validating, so nothing is left half done.
    catch_unwind(AssertUnwindSafe(validate)).map_err(|panic| match panic.downcast::<OutOf>() {
        Ok(out) => *out,
        Err(panic) => resume_unwind(panic),
    })
}

/// What the keyword does.
pub struct Fuel;

impl<'i> Keyword<'i> for Fuel {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        Keyword::is_valid(self, instance);
        Ok(())
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        let left = LEFT.get();
        let late = || UNTIL.get().is_some_and(|until| Instant::now() > until);
        // Not a panic of the program: the hook that would print it is not called.
        if left == 0 {
            resume_unwind(Box::new(OutOf::Fuel));
        } else if late() {
            resume_unwind(Box::new(OutOf::Time));
        }
        LEFT.set(left - 1);
        true
    }
}

/// Whether anything in a schema may be a pattern.
pub fn has_patterns(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| matches!(name.as_str(), "pattern" | "patternProperties") || has_patterns(value)),
        Value::Array(items) => items.iter().any(has_patterns),
        _ => false,
    }
}

/// Puts the step into every subschema, those included that only a `$ref` reaches.
///
/// # Errors
/// A schema of more resources than anybody writes by hand.
pub fn fill(schema: &mut Value) -> Result<(), String> {
    let legacy =
        schema.get("$schema").and_then(Value::as_str).is_some_and(|uri| LEGACY.iter().any(|name| uri.contains(name)));
    let mut filling = Filling { legacy, filled: HashSet::new(), references: HashSet::new(), bases: Vec::new() };
    filling.bases.push(String::new());
    filling.fill_at(schema, "");
    // A fragment is a place in the resource that it is resolved in; which one that is does not
    // matter here, so it is looked up in each.
    let mut tried = HashSet::new();
    loop {
        if filling.bases.len() > MOST_RESOURCES {
            return Err(format!(
                "the schema has more than {MOST_RESOURCES} resources; leave \"$id\" out where you can"
            ));
        }
        let places =
            filling.references.iter().flat_map(|at| filling.bases.iter().map(move |base| format!("{base}{at}")));
        let new: Vec<String> = places.filter(|place| !tried.contains(place)).collect();
        if new.is_empty() {
            return Ok(());
        }
        for place in new {
            if let Some(target) = schema.pointer_mut(&place) {
                filling.fill_at(target, &place);
            }
            tried.insert(place);
        }
    }
}

/// Resources of one schema: itself, and what has an `$id` of its own.
const MOST_RESOURCES: usize = 16;

/// Drafts in which a `$ref` hides whatever stands beside it.
const LEGACY: [&str; 4] = ["draft-03", "draft-04", "draft-06", "draft-07"];
/// What a reference beside it does not hide there.
const NEVER_HIDDEN: [&str; 4] = ["$schema", "$defs", "definitions", "$ref"];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

struct Filling {
    legacy: bool,
    /// Where schemas have been filled, as JSON pointers.
    filled: HashSet<String>,
    /// Where references lead, from the root of some resource.
    references: HashSet<String>,
    /// The roots of resources.
    bases: Vec<String>,
}

impl Filling {
    fn fill_at(&mut self, schema: &mut Value, at: &str) {
        let Value::Object(members) = schema else { return };
        if !self.filled.insert(at.to_owned()) {
            return;
        }
        if self.legacy && members.get("$ref").is_some_and(Value::is_string) {
            members.retain(|name, _| NEVER_HIDDEN.contains(&name.as_str()));
        }
        let named = members.get("$id").or_else(|| members.get("id")).is_some_and(Value::is_string);
        if named && !at.is_empty() {
            self.bases.push(at.to_owned());
        }
        for (name, value) in members.iter_mut() {
            let below = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            match value {
                Value::String(target) if REFERENCES.contains(&name.as_str()) => {
                    self.references.extend(target.split_once('#').map(|(_, fragment)| percent_decoded(fragment)));
                }
                Value::Array(items) if SCHEMAS.contains(&name.as_str()) => {
                    for (index, item) in items.iter_mut().enumerate() {
                        self.fill_at(item, &format!("{below}/{index}"));
                    }
                }
                Value::Object(map) if MAPS.contains(&name.as_str()) => {
                    for (key, item) in map.iter_mut() {
                        let key = key.replace('~', "~0").replace('/', "~1");
                        self.fill_at(item, &format!("{below}/{key}"));
                    }
                }
                value if SCHEMAS.contains(&name.as_str()) => self.fill_at(value, &below),
                _ => {}
            }
        }
        let mut steps = vec![json!({KEYWORD: true})];
        for name in REFERENCES {
            if members.get(name).is_some_and(Value::is_string) {
                steps.extend(members.remove(name).map(|reference| json!({name: reference})));
            }
        }
        // One that is no list is told by the compiler.
        if let Value::Array(all) = members.entry("allOf").or_insert_with(|| json!([])) {
            all.extend(steps);
        }
    }
}

/// A fragment as a JSON pointer; one that is no UTF-8 points nowhere.
fn percent_decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.filter(|_| first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subschema_has_the_step_before_its_reference() {
        let mut schema = json!({
            "properties": {"a": {"type": "string"}, "properties": {"const": {"x": {}}}},
            "anyOf": [{"$ref": "#/elsewhere/b%25", "title": "B"}, true],
            "allOf": [{"type": "object"}],
            "elsewhere": {"b%": {"not": {}}, "unused": {}},
            "enum": [{}],
        });
        fill(&mut schema).unwrap();
        let step = json!({KEYWORD: true});
        let only = json!([step]);
        assert_eq!(
            schema,
            json!({
                "properties": {"a": {"type": "string", "allOf": only}, "properties": {"const": {"x": {}}, "allOf": only}},
                "anyOf": [{"title": "B", "allOf": [step, {"$ref": "#/elsewhere/b%25"}]}, true],
                "allOf": [{"type": "object", "allOf": only}, step],
                "elsewhere": {"b%": {"not": {"allOf": only}, "allOf": only}, "unused": {}},
                "enum": [{}],
            })
        );
    }

    #[test]
    fn in_old_drafts_a_reference_hides_what_stands_beside_it() {
        let mut schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"a": {}},
            "properties": {"x": {"$ref": "#/definitions/a", "type": "string"}},
        });
        fill(&mut schema).unwrap();
        assert_eq!(schema["properties"]["x"], json!({"allOf": [{KEYWORD: true}, {"$ref": "#/definitions/a"}]}));
    }
}
