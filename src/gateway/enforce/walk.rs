//! The subschemas of a schema: where keywords are keywords, and not names or values.

use super::ordered::{Members, Ordered};

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
pub fn each_subschema(schema: &mut Ordered, change: &mut impl FnMut(&mut Members)) {
    let Ordered::Object(members) = schema else { return };
    change(members);
    for (name, value) in members.iter_mut() {
        match value {
            Ordered::Array(items) if SCHEMAS.contains(&name) => {
                for item in items {
                    each_subschema(item, change);
                }
            }
            Ordered::Object(map) if MAPS.contains(&name) => {
                for (_, item) in map.iter_mut() {
                    each_subschema(item, change);
                }
            }
            value if SCHEMAS.contains(&name) => each_subschema(value, change),
            _ => {}
        }
    }
}
