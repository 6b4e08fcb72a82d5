//! Failures, embeddings and moderations.

use crate::id::Id;
use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The error that ends `fail-midstream`.
pub const MIDSTREAM: &str = r#"{"error":{"message":"The simulator failed as asked.","type":"server_error","param":null,"code":"server_error"}}"#;

/// Status and body of a model that always fails.
pub fn failure(model: &str) -> Option<(u16, &'static str)> {
    Some(match model {
        "fail-unavailable" => (503, MIDSTREAM),
        "fail-quota" => (
            429,
            r#"{"error":{"message":"The simulator's rate limit, as asked.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
        ),
        "fail-auth" => (
            401,
            r#"{"error":{"message":"The simulator refused the key, as asked.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        ),
        "fail-invalid-request" => (
            400,
            r#"{"error":{"message":"The simulator refused the request, as asked.","type":"invalid_request_error","param":"messages","code":"invalid_value"}}"#,
        ),
        "fail-context-length" => (
            400,
            r#"{"error":{"message":"This model's maximum context length is exceeded, as asked.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ),
        "fail-content-filter" => (
            400,
            r#"{"error":{"message":"The simulator's content filter, as asked.","type":"invalid_request_error","param":"messages","code":"content_filter"}}"#,
        ),
        _ => return None,
    })
}

/// Tokens of a text: 4 bytes each, rounded up.
pub fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// The texts of an `input`, tokens written out.
fn inputs(request: &Value) -> Vec<String> {
    match request.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) if items.first().is_some_and(Value::is_number) => {
            vec![Value::Array(items.clone()).to_string()]
        }
        Some(Value::Array(items)) if items.first().is_some_and(Value::is_object) => {
            // Parts of one input: texts and images.
            vec![items.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<Vec<_>>().join(" ")]
        }
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

/// Vectors of length 1 that depend on the text alone.
pub fn embeddings(request: &Value, model: &str) -> Vec<u8> {
    let texts = inputs(request);
    let dimensions = request.get("dimensions").and_then(Value::as_u64).unwrap_or(256).clamp(1, 4096) as usize;
    let base64 = request.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = if base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                json!(base64::engine::general_purpose::STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens = tokens(texts.iter().map(String::len).sum());
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    json!({"object": "list", "data": data, "model": model, "usage": usage}).to_string().into_bytes()
}

fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let numbers: Vec<f32> = (0..dimensions)
        .map(|index| {
            let mut hash = Sha256::new();
            hash.update((index as u64).to_le_bytes());
            hash.update(text.as_bytes());
            let hash = hash.finalize();
            f32::from(i16::from_le_bytes([hash[0], hash[1]])) + 0.5
        })
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}

/// OpenAI's categories.
const CATEGORIES: &[&str] = &[
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// Flags what holds the word `flagme`.
pub fn moderation(request: &Value, model: &str) -> Vec<u8> {
    let results: Vec<Value> = inputs(request)
        .iter()
        .map(|text| {
            let flagged = text.contains("flagme");
            let hit = |name: &str| flagged && name == "harassment";
            let categories: serde_json::Map<String, Value> = CATEGORIES.iter().map(|name| ((*name).to_owned(), json!(hit(name)))).collect();
            let scores: serde_json::Map<String, Value> =
                CATEGORIES.iter().map(|name| ((*name).to_owned(), json!(if hit(name) { 0.99 } else { 0.0001 }))).collect();
            let applied: serde_json::Map<String, Value> = CATEGORIES.iter().map(|name| ((*name).to_owned(), json!(["text"]))).collect();
            json!({"flagged": flagged, "categories": categories, "category_scores": scores, "category_applied_input_types": applied})
        })
        .collect();
    json!({"id": Id::new("modr").with_hyphen(), "model": model, "results": results}).to_string().into_bytes()
}
