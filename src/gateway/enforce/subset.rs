//! A schema as a provider takes it: what it does not know is taken out (and still checked here),
//! and a root that is no object is put into one.

use super::ordered::{Members, Ordered};
use super::walk::each_subschema;
use crate::adapter::provider::SchemaSubset;
use serde_json::json;

/// The member that holds an answer whose root is no object.
pub const WRAPPED: &str = "value";

/// `schema` within `subset`. What is taken out is said in the description, so that the model
/// still knows of it.
pub fn cut(schema: &Ordered, subset: &SchemaSubset) -> Ordered {
    let mut schema = schema.clone();
    each_subschema(&mut schema, &mut |members| {
        let mut told = Vec::new();
        for keyword in subset.without {
            if let Some(value) = members.remove(keyword) {
                told.push(format!("{keyword}: {value}"));
            }
        }
        if !told.is_empty() {
            let told = told.join(", ");
            let description = match members.get("description").and_then(Ordered::as_str) {
                Some(text) if !text.is_empty() => format!("{text} ({told})"),
                _ => told,
            };
            members.insert("description", description);
        }
        if subset.closed && is_object(members) && members.get("additionalProperties").is_none() {
            members.insert("additionalProperties", json!(false));
        }
    });
    schema
}

fn is_object(members: &Members) -> bool {
    members.get("type").and_then(Ordered::as_str) == Some("object") || members.get("properties").is_some()
}

/// An object with the one member [`WRAPPED`], which is what `schema` describes.
pub fn wrap(schema: &Ordered) -> Ordered {
    let mut inner = schema.clone();
    each_subschema(&mut inner, &mut |members| {
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(target) = members.get_mut(keyword)
                && let Some(text) = target.as_str()
            {
                *target = moved(text).into();
            }
        }
    });
    let mut outer = Members::default();
    let mut properties = Members::default();
    outer.insert("type", json!("object"));
    if let Ordered::Object(members) = &mut inner {
        for keyword in ["$schema", "$defs", "definitions"] {
            if let Some(value) = members.remove(keyword) {
                outer.insert(keyword, value);
            }
        }
    }
    properties.insert(WRAPPED, inner);
    outer.insert("properties", properties);
    outer.insert("required", json!([WRAPPED]));
    outer.insert("additionalProperties", json!(false));
    outer.into()
}

/// Where a reference points once its schema stands a level deeper; definitions stay at the root.
fn moved(target: &str) -> String {
    match target.strip_prefix('#') {
        Some("") => format!("#/properties/{WRAPPED}"),
        Some(rest) if rest.starts_with("/$defs/") || rest.starts_with("/definitions/") => target.to_owned(),
        Some(rest) if rest.starts_with('/') => format!("#/properties/{WRAPPED}{rest}"),
        _ => target.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn value(ordered: &Ordered) -> Value {
        serde_json::to_value(ordered).unwrap()
    }

    #[test]
    fn the_order_of_members_is_kept() {
        let text = r##"{"type":"array","$defs":{"z":{},"a":{}},"items":{"properties":{"z":{"minLength":1},"a":{"$ref":"#/$defs/z"}}}}"##;
        let subset = SchemaSubset { without: &["minLength"], closed: true };
        let sent = cut(&wrap(&serde_json::from_str(text).unwrap()), &subset).to_string();
        assert_eq!(
            sent,
            r##"{"type":"object","$defs":{"z":{},"a":{}},"properties":{"value":{"type":"array","items":{"properties":{"z":{"description":"minLength: 1"},"a":{"$ref":"#/$defs/z"}},"additionalProperties":false}}},"required":["value"],"additionalProperties":false}"##
        );
    }

    #[test]
    fn what_a_provider_does_not_take_is_taken_out_and_told() {
        let schema = json!({
            "type": "object",
            "properties": {
                "minLength": {"type": "string", "minLength": 3, "description": "A name"},
                "list": {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": true}, "maxItems": 2},
            },
            "default": {"minLength": 1},
        });
        let subset = SchemaSubset { without: &["minLength", "maxItems"], closed: true };
        assert_eq!(
            value(&cut(&schema.into(), &subset)),
            json!({
                "type": "object",
                "properties": {
                    "minLength": {"type": "string", "description": "A name (minLength: 3)"},
                    "list": {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": true}, "description": "maxItems: 2"},
                },
                "default": {"minLength": 1},
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn a_wrapped_schema_means_the_same_of_the_member() {
        let schema = json!({
            "type": "array",
            "items": {"anyOf": [{"$ref": "#/$defs/leaf"}, {"$ref": "#"}]},
            "$defs": {"leaf": {"type": "integer"}},
        });
        let wrapped = value(&wrap(&schema.clone().into()));
        for (answer, fits) in [(json!([1, [2, []]]), true), (json!([1, ["x"]]), false), (json!(1), false)] {
            assert_eq!(jsonschema::is_valid(&schema, &answer), fits, "{answer}");
            assert_eq!(jsonschema::is_valid(&wrapped, &json!({WRAPPED: answer})), fits, "{answer}");
        }
        assert!(!jsonschema::is_valid(&wrapped, &json!({})));
    }
}
