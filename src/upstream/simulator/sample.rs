//! Values that fit a JSON schema, made without chance.

use serde_json::{Map, Value, json};

/// A value that fits the common parts of `schema`: types, enums, constants, required members,
/// bounds, references within the schema.
pub fn sample(schema: &Value) -> Value {
    value(schema, schema, 0)
}

fn value(schema: &Value, root: &Value, depth: usize) -> Value {
    // A schema that refers to itself ends here.
    if depth > 16 {
        return Value::Null;
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(target) =
        schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.strip_prefix('#')?))
    {
        return value(target, root, depth + 1);
    }
    for union in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(union).and_then(Value::as_array).and_then(|schemas| schemas.first()) {
            return value(first, root, depth + 1);
        }
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("string"),
        _ if schema.get("properties").is_some() => "object",
        _ => "string",
    };
    match kind {
        "object" => object(schema, root, depth),
        "array" => {
            let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 8);
            let items = schema.get("items").cloned().unwrap_or_else(|| json!({"type": "string"}));
            Value::Array((0..count).map(|_| value(&items, root, depth + 1)).collect())
        }
        "integer" => json!(bound(schema).ceil() as i64),
        "number" => json!(bound(schema)),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => text(schema),
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let members = properties.iter().map(|(name, schema)| (name.clone(), value(schema, root, depth + 1)));
    Value::Object(members.collect())
}

fn bound(schema: &Value) -> f64 {
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    let least = number("minimum").or_else(|| number("exclusiveMinimum").map(|least| least + 1.0));
    let most = number("maximum").or_else(|| number("exclusiveMaximum").map(|most| most - 1.0));
    least.unwrap_or_else(|| most.map_or(1.0, |most| most.min(1.0)))
}

fn text(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2026-01-01".to_owned(),
        Some("date-time") => "2026-01-01T00:00:00Z".to_owned(),
        Some("time") => "00:00:00Z".to_owned(),
        Some("email") => "someone@example.com".to_owned(),
        Some("uri") => "https://example.com/".to_owned(),
        Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
        _ => "text".to_owned(),
    };
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(10_000) as usize;
    let most = schema.get("maxLength").and_then(Value::as_u64).map_or(usize::MAX, |most| most as usize);
    let padded = if text.chars().count() < least { format!("{text:x<least$}") } else { text };
    Value::String(padded.chars().take(most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fit_their_schemas() {
        for schema in [
            json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 3}}, "required": ["city", "days"], "additionalProperties": false}),
            json!({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2}),
            json!({"$ref": "#/$defs/x", "$defs": {"x": {"type": "object", "properties": {"y": {"type": ["null", "string"]}}}}}),
            json!({"anyOf": [{"type": "number", "maximum": -2}, {"type": "string"}]}),
            json!({"type": "string", "minLength": 9, "maxLength": 9}),
            json!({"const": 7}),
            json!({}),
        ] {
            let made = sample(&schema);
            assert!(jsonschema::is_valid(&schema, &made), "{schema} {made}");
        }
        let endless = json!({"type": "object", "properties": {"x": {"$ref": "#"}}});
        assert!(sample(&endless).is_object());
    }
}
