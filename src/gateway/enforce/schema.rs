//! A JSON schema, compiled once: whether answers fit it.

use super::aside::aside;
use super::fuel::{self, Fuel};
use super::ordered::Ordered;
use jsonschema::{PatternOptions, Validator};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Bytes of a schema's text.
const LARGEST: usize = 256 * 1024;
/// Steps back that one pattern may take on one text.
const BACKTRACKS: usize = 100_000;
/// Bytes of a compiled pattern.
const PATTERN: usize = 1 << 20;
/// Errors that are told of one answer: the first ones say enough.
const MOST_ERRORS: usize = 5;
/// Characters of an error that are told.
const LONGEST_ERROR: usize = 300;
/// Compiled schemas that are kept.
const KEPT: usize = 256;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    /// Whether there are patterns, which can't be interrupted.
    patterns: bool,
    /// As the caller gave it.
    pub value: Ordered,
}

/// Why an answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Each a place in the answer and what was expected there.
    pub errors: Vec<String>,
}

impl Mismatch {
    pub fn new(error: impl Into<String>) -> Self {
        Self { errors: vec![error.into()] }
    }
}

impl Schema {
    /// Compiles a schema's text.
    ///
    /// # Errors
    /// What is wrong with it, for the caller.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("the schema is larger than {LARGEST} bytes"));
        }
        let mut filled: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let patterns = fuel::has_patterns(&filled);
        fuel::fill(&mut filled)?;
        // Nothing is fetched: the crate is built without the features that would.
        let validator = jsonschema::options()
            .with_keyword(fuel::KEYWORD, |_, _, _| Ok(Box::new(Fuel)))
            .with_pattern_options(
                PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS).size_limit(PATTERN).dfa_size_limit(PATTERN),
            )
            .should_validate_formats(false)
            .build(&filled)
            .map_err(|error| shorten(&error.to_string()))?;
        Ok(Self { validator, patterns, value })
    }

    /// Checks an answer.
    ///
    /// # Errors
    /// The first few errors.
    pub fn check(&self, answer: &Value) -> Result<(), Mismatch> {
        match fuel::bounded(self.patterns, || self.validator.is_valid(answer)) {
            Some(true) => return Ok(()),
            Some(false) => {}
            None => return Err(too_costly()),
        }
        let errors = fuel::bounded(self.patterns, || {
            let errors = self.validator.iter_errors(answer).take(MOST_ERRORS);
            errors
                .map(|error| {
                    let path = error.instance_path().to_string();
                    let place = if path.is_empty() { "the answer".to_owned() } else { path };
                    shorten(&format!("{place}: {error}"))
                })
                .collect()
        });
        Err(errors.map_or_else(too_costly, |errors| Mismatch { errors }))
    }

    /// Whether the root can only be an object, which is what providers take as one.
    pub fn has_object_root(&self) -> bool {
        matches!(&self.value, Ordered::Object(members) if members.get("type").and_then(Ordered::as_str) == Some("object"))
    }
}

fn too_costly() -> Mismatch {
    Mismatch::new("the answer takes too many steps to check against this schema: simplify it")
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST_ERROR {
        return text.to_owned();
    }
    text.chars().take(LONGEST_ERROR).chain(['…']).collect()
}

/// Schemas by their text, compiled once: callers send the same few again and again.
#[derive(Default)]
pub struct Schemas {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_text: HashMap<Arc<str>, Arc<Schema>>,
    /// The oldest goes first.
    order: VecDeque<Arc<str>>,
}

impl Schemas {
    /// The schema of this text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn get(&self, text: &str) -> Result<Arc<Schema>, String> {
        if let Some(known) = self.kept.lock().by_text.get(text) {
            return Ok(Arc::clone(known));
        }
        let schema = Arc::new(aside(|| Schema::compile(text))?);
        let mut kept = self.kept.lock();
        let text: Arc<str> = text.into();
        if kept.by_text.insert(Arc::clone(&text), Arc::clone(&schema)).is_none() {
            kept.order.push_back(text);
        }
        if kept.order.len() > KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.by_text.remove(&oldest);
        }
        Ok(schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_name_the_place() {
        let schema = Schema::compile(
            r#"{"type":"object","properties":{"age":{"type":"integer","minimum":0}},"required":["name"]}"#,
        )
        .unwrap();
        assert!(schema.check(&json!({"name": "a", "age": 3})).is_ok());
        let mismatch = schema.check(&json!({"age": "x"})).unwrap_err();
        assert_eq!(mismatch.errors.len(), 2);
        assert!(mismatch.errors.iter().any(|error| error.starts_with("/age: ")), "{mismatch:?}");
        assert!(mismatch.errors.iter().any(|error| error.starts_with("the answer: ")), "{mismatch:?}");
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for bad in [
            r#"{"type":"strin"}"#,
            r#"{"pattern":"("}"#,
            r#"{"$ref":"https://example.com/schema"}"#,
            r#"{"$ref":"file:///etc/passwd"}"#,
            r##"{"$ref":"#/nowhere"}"##,
            r#"{"properties":[]}"#,
        ] {
            assert!(Schema::compile(bad).is_err(), "{bad}");
        }
        let large = format!(r#"{{"description":"{}"}}"#, "x".repeat(LARGEST));
        assert!(Schema::compile(&large).is_err());
    }

    /// Schemas that would take years are answered at once.
    #[test]
    fn hostile_schemas_run_out_of_fuel() {
        let mut definitions = serde_json::Map::new();
        for level in 0..60 {
            let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            for keyword in ["anyOf", "allOf", "oneOf"] {
                let target = json!({"$ref": format!("#/$defs/{keyword}{}", level + 1)});
                definitions.insert(format!("{keyword}{level}"), json!({keyword: [target, target]}));
            }
            definitions.insert(format!("l{level}"), json!({"not": {"allOf": [next, next]}}));
        }
        for (leaf, value) in
            [("anyOf60", json!(false)), ("allOf60", json!(true)), ("oneOf60", json!(false)), ("l60", json!({}))]
        {
            definitions.insert(leaf.to_owned(), value);
        }
        for root in ["anyOf0", "allOf0", "oneOf0", "l0"] {
            let schema = json!({"$ref": format!("#/$defs/{root}"), "$defs": definitions});
            let schema = Schema::compile(&schema.to_string()).unwrap();
            assert_eq!(schema.check(&json!({})), Err(too_costly()), "{root}");
        }
        // The same hidden where no schema is expected.
        let schema = json!({
            "$ref": "#/x/0",
            "x": (0..60).map(|level| json!({"allOf": [{"$ref": format!("#/x/{}", level + 1)}, {"$ref": format!("#/x/{}", level + 1)}]})).chain([json!({})]).collect::<Vec<_>>(),
        });
        assert_eq!(Schema::compile(&schema.to_string()).unwrap().check(&json!({})), Err(too_costly()));
        // And one that doubles with each level of the instance.
        let deep = (0..100).fold(json!(1), |inner, _| json!({"a": inner}));
        let schema = json!({"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]});
        assert_eq!(Schema::compile(&schema.to_string()).unwrap().check(&deep), Ok(()), "the validator remembers it");
    }

    /// The doubling stands below an unknown keyword of a resource inside, which only it refers to.
    #[test]
    fn a_resource_inside_hides_nothing() {
        let twice = |level: usize| json!({"$ref": format!("#/x/{}", level + 1)});
        let levels = (0..60).map(|level| json!({"anyOf": [twice(level), twice(level)]})).chain([json!(false)]);
        let inside = json!({"$id": "http://a.test/n", "x": levels.collect::<Vec<_>>()});
        let schema = json!({"$ref": "http://a.test/n#/x/0", "$defs": {"n": inside}});
        assert_eq!(Schema::compile(&schema.to_string()).unwrap().check(&json!({})), Err(too_costly()));
        let many: serde_json::Map<_, _> =
            (0..20).map(|n| (format!("d{n}"), json!({"$id": format!("http://a.test/{n}")}))).collect();
        assert!(Schema::compile(&json!({"$defs": many}).to_string()).is_err());
    }

    #[test]
    fn schemas_that_only_lead_to_themselves_end() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"not": {"$ref": "#"}}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#"}),
        ] {
            if let Ok(compiled) = Schema::compile(&schema.to_string()) {
                // Whatever it says: it says it.
                let _ = compiled.check(&json!({"a": 1}));
            }
        }
    }

    #[test]
    fn hostile_patterns_are_bounded() {
        let text = "a".repeat(50_000) + "!";
        for pattern in ["^(a+)+$", "^(?=(a+)+$)b", "^(a|a)*$", "(?<!b)(a*)*c"] {
            let schema = Schema::compile(&json!({"type": "string", "pattern": pattern}).to_string());
            if let Ok(schema) = schema {
                assert!(schema.check(&json!(text)).is_err(), "{pattern}");
            }
        }
    }

    #[test]
    fn compiled_schemas_are_kept_and_bounded() {
        let schemas = Schemas::default();
        let first = schemas.get("{}").unwrap();
        assert!(Arc::ptr_eq(&first, &schemas.get("{}").unwrap()));
        for number in 0..=KEPT {
            schemas.get(&format!("{{\"const\":{number}}}")).unwrap();
        }
        assert_eq!(schemas.kept.lock().by_text.len(), KEPT);
        assert!(!Arc::ptr_eq(&first, &schemas.get("{}").unwrap()));
    }
}
