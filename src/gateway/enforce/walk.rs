//! The subschemas of a schema: where keywords are keywords, and not names or values.

use serde_json::{Map, Value};

/// Keywords whose value is a schema, or a list of schemas.
pub const SCHEMAS: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is a map of schemas.
pub const MAPS: &[&str] =
    &["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// Calls `change` with the members of every subschema, the root's first.
pub fn each_subschema(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(members) = schema else { return };
    change(members);
    for (name, value) in members.iter_mut() {
        match value {
            Value::Array(items) if SCHEMAS.contains(&name.as_str()) => {
                for item in items {
                    each_subschema(item, change);
                }
            }
            Value::Object(map) if MAPS.contains(&name.as_str()) => {
                for item in map.values_mut() {
                    each_subschema(item, change);
                }
            }
            value if SCHEMAS.contains(&name.as_str()) => each_subschema(value, change),
            _ => {}
        }
    }
}
