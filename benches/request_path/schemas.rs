//! Answers held to a schema: what a fitting one costs more than one that nobody checks.

use criterion::{Criterion, Throughput};
use ringside::gateway::Schemas;
use serde_json::{Map, Value, json};
use std::hint::black_box;

/// Thirty properties of every kind, all required.
fn schema() -> Value {
    let properties: Map<String, Value> = (0..30)
        .map(|number| {
            let property = match number % 5 {
                0 => json!({"type": "string", "minLength": 1, "maxLength": 400}),
                1 => json!({"type": "integer", "minimum": 0}),
                2 => json!({"enum": ["low", "middle", "high"]}),
                3 => json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
                _ => json!({"type": "object", "properties": {"name": {"type": "string"}, "weight": {"type": "number"}}, "required": ["name", "weight"], "additionalProperties": false}),
            };
            (format!("property_{number}"), property)
        })
        .collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

fn answer() -> String {
    let words = "A sentence that says something about nothing in particular. ".repeat(5);
    let members: Map<String, Value> = (0..30)
        .map(|number| {
            let value = match number % 5 {
                0 => json!(words),
                1 => json!(number),
                2 => json!("middle"),
                3 => json!(["a list of", "several texts", &words[..200]]),
                _ => json!({"name": &words[..40], "weight": 0.25}),
            };
            (format!("property_{number}"), value)
        })
        .collect();
    Value::Object(members).to_string()
}

/// A schema looked up by its text, and a fitting answer of 4 KB parsed and checked.
pub fn fitting(criterion: &mut Criterion) {
    let (schemas, text, answer) = (Schemas::default(), schema().to_string(), answer());
    assert!((3_500..4_500).contains(&answer.len()), "the answer has {} bytes", answer.len());
    let check = |answer: &str| {
        let schema = schemas.get(black_box(&text)).expect("a good schema");
        let value: Value = serde_json::from_str(answer).expect("JSON");
        schema.check(&value)
    };
    assert_eq!(check(&answer), Ok(()));
    let mut group = criterion.benchmark_group("schema");
    group.throughput(Throughput::Bytes(answer.len() as u64));
    group.bench_function("4 KB against 30 properties", |bencher| bencher.iter(|| check(black_box(&answer))));
    group.finish();
}
