//! A bound on how long validation may take, whatever the schema.
//!
//! A schema of a few lines can ask for more steps than there are atoms: two branches that each
//! refer to a definition with two branches, thirty levels deep. The validator has no budget of its
//! own, so every subschema gets one keyword more, which takes a unit of fuel and fails once there is
//! none. It stands first in its object, so that nothing below it is tried any more, and what is
//! still pending unwinds at once. Whatever the validator then says is not believed.

use super::walk::{MAPS, SCHEMAS};
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::HashSet;

/// The keyword; no schema has one of this name, and it sorts before all others.
pub const KEYWORD: &str = "\u{1}fuel";

/// Subschemas that one validation may look at. A valid answer of some kilobytes needs hundreds.
pub const TANK: u64 = 200_000;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Runs `validate` with a full tank. `None` where the fuel ran out.
pub fn bounded<T>(validate: impl FnOnce() -> T) -> Option<T> {
    LEFT.set(TANK);
    let result = validate();
    (LEFT.get() > 0).then_some(result)
}

/// What the keyword does.
pub struct Fuel;

impl<'i> Keyword<'i> for Fuel {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) { Ok(()) } else { Err(ValidationError::custom("out of fuel")) }
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        LEFT.with(|left| {
            left.set(left.get().saturating_sub(1));
            left.get() > 0
        })
    }
}

/// Puts the keyword into every subschema, those included that only a `$ref` reaches.
pub fn fill(schema: &mut Value) {
    let mut filled = HashSet::new();
    let mut references = Vec::new();
    fill_at(schema, String::new(), &mut filled, &mut references);
    while let Some(pointer) = references.pop() {
        if !filled.contains(&pointer)
            && let Some(target) = schema.pointer_mut(&pointer)
        {
            fill_at(target, pointer, &mut filled, &mut references);
        }
    }
}

fn fill_at(schema: &mut Value, at: String, filled: &mut HashSet<String>, references: &mut Vec<String>) {
    let Value::Object(members) = schema else { return };
    if !filled.insert(at.clone()) {
        return;
    }
    for (name, value) in members.iter_mut() {
        let below = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::String(target) if matches!(name.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") => {
                references.extend(target.strip_prefix('#').map(percent_decoded));
            }
            Value::Array(items) if SCHEMAS.contains(&name.as_str()) => {
                for (index, item) in items.iter_mut().enumerate() {
                    fill_at(item, format!("{below}/{index}"), filled, references);
                }
            }
            Value::Object(map) if MAPS.contains(&name.as_str()) => {
                for (key, item) in map.iter_mut() {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    fill_at(item, format!("{below}/{key}"), filled, references);
                }
            }
            value if SCHEMAS.contains(&name.as_str()) => fill_at(value, below, filled, references),
            _ => {}
        }
    }
    let mut first = Map::new();
    first.insert(KEYWORD.to_owned(), Value::Bool(true));
    first.append(members);
    *members = first;
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
    use serde_json::json;

    #[test]
    fn every_subschema_has_the_keyword_and_nothing_else_has() {
        let mut schema = json!({
            "properties": {"a": {"type": "string"}, "properties": {"const": {"x": {}}}},
            "anyOf": [{"$ref": "#/elsewhere/b%25"}, true],
            "elsewhere": {"b%": {"not": {}}, "unused": {}},
            "enum": [{}],
        });
        fill(&mut schema);
        assert_eq!(
            schema,
            json!({
                KEYWORD: true,
                "properties": {"a": {KEYWORD: true, "type": "string"}, "properties": {KEYWORD: true, "const": {"x": {}}}},
                "anyOf": [{KEYWORD: true, "$ref": "#/elsewhere/b%25"}, true],
                "elsewhere": {"b%": {KEYWORD: true, "not": {KEYWORD: true}}, "unused": {}},
                "enum": [{}],
            })
        );
    }
}
