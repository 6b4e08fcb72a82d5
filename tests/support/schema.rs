//! OpenAI's own schemas, from the OpenAPI document that it publishes.

use super::recording::shared;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The components that answers are validated against.
const USED: &[&str] = &[
    "CreateChatCompletionResponse",
    "CreateChatCompletionStreamResponse",
    "CreateEmbeddingResponse",
    "CreateModerationResponse",
    "ErrorResponse",
    "ListModelsResponse",
    "Model",
];

/// Validators by component.
pub struct Schemas(BTreeMap<&'static str, Validator>);

impl Schemas {
    /// `None` where the document is not at hand.
    pub fn load() -> Option<Self> {
        let file = shared("openai")?.join("openapi-2.3.0.yaml");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // A bound below the smallest integer, which `f64` holds.
        let text = text.replace("-9223372036854776000", "-9223372036854776000.0");
        let document: Value = serde_yaml::from_str(&text).expect("the document is YAML");
        let components = &document["components"]["schemas"];
        let mut reachable = BTreeSet::new();
        for name in USED {
            collect(components, name, &mut reachable);
        }
        let pruned: Map<String, Value> =
            reachable.into_iter().map(|name| (name.clone(), with_nulls(components[&name].clone()))).collect();
        let validators = USED.iter().map(|name| {
            let schema = json!({
                "$ref": format!("#/components/schemas/{name}"),
                "components": {"schemas": pruned},
            });
            (*name, jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}")))
        });
        Some(Self(validators.collect()))
    }

    /// What is wrong with `value`, one complaint a line: where, and what.
    pub fn complaints(&self, component: &str, value: &Value) -> Vec<String> {
        let validator = self.0.get(component).unwrap_or_else(|| panic!("{component} is not among those that are used"));
        let errors = validator.iter_errors(value);
        errors.map(|error| format!("{component}{}: {}", error.instance_path(), shortened(&error.to_string()))).collect()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}

/// The components that `name` refers to, itself included.
fn collect(components: &Value, name: &str, reachable: &mut BTreeSet<String>) {
    if reachable.insert(name.to_owned()) {
        let mut references = BTreeSet::new();
        references_of(&components[name], &mut references);
        for reference in &references {
            collect(components, reference, reachable);
        }
    }
}

fn references_of(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.extend(reference.strip_prefix("#/components/schemas/").map(str::to_owned));
            }
            members.values().for_each(|member| references_of(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| references_of(item, references)),
        _ => {}
    }
}

/// The document says it is OpenAPI 3.1 but still writes `nullable: true`, which 3.1 ignores.
fn with_nulls(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            let nullable = members.get("nullable") == Some(&Value::Bool(true));
            if nullable {
                members.remove("nullable");
            }
            // Read by tools, not by validators; `discriminator` has another meaning in some drafts.
            members.remove("discriminator");
            members.remove("example");
            let schema = Value::Object(members.into_iter().map(|(name, member)| (name, with_nulls(member))).collect());
            if nullable { json!({"anyOf": [schema, {"type": "null"}]}) } else { schema }
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_nulls).collect()),
        other => other,
    }
}
