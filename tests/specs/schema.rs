//! `providers/spec.schema.json`, for editors: it knows what the compiler knows, and every spec
//! of ours is valid by it.

use super::{folder, read, specs};
use ringside::codegen::members::{self, Member, Words};
use ringside::codegen::vocab::{ERROR_BODY, ERROR_KINDS, FINISH_REASONS, SINKS};
use serde_json::Value;
use std::collections::BTreeSet;

fn schema() -> Value {
    serde_json::from_str(&read(&folder("providers/spec.schema.json"))).expect("JSON")
}

fn yaml(text: &str) -> Option<Value> {
    serde_yaml::from_str(text).ok()
}

#[test]
fn it_names_the_members_of_every_map() {
    let schema = schema();
    let maps: [(&str, &[Member]); 11] = [
        ("/properties", members::SPEC),
        ("/$defs/credential/oneOf/2/properties", members::CREDENTIAL),
        ("/$defs/sigv4/properties", members::SIGV4),
        ("/$defs/chat/properties", members::CHAT),
        ("/$defs/schema_subset/properties", members::SCHEMA_SUBSET),
        ("/$defs/submit/properties", members::SUBMIT),
        ("/$defs/stream/properties", members::STREAM),
        ("/$defs/plain/properties", members::PLAIN),
        ("/$defs/errors/properties", members::ERRORS),
        ("/$defs/rule/properties", members::RULE),
        ("/$defs/model/properties", members::MODEL),
    ];
    for (pointer, known) in maps {
        let properties = schema.pointer(pointer).and_then(Value::as_object).unwrap_or_else(|| panic!("no {pointer}"));
        let written: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(written, known.iter().map(|member| member.name).collect(), "{pointer}");
        for member in known {
            assert_eq!(properties[member.name]["description"], member.about, "{pointer}/{}", member.name);
        }
    }
}

/// Blocks of prices have rates beside their own members.
#[test]
fn it_names_every_rate() {
    let schema = schema();
    let nested = ["above", "at_least", "tiers", "hours"];
    let blocks: [(&str, &[Member], &[&str]); 2] =
        [("price", members::PRICE, &[]), ("differing", members::DIFFERING, &nested)];
    for (block, own, also) in blocks {
        let pointer = format!("/$defs/{block}/properties");
        let properties = schema.pointer(&pointer).and_then(Value::as_object).expect("a map");
        let known = own.iter().map(|member| (member.name, member.about));
        let known = known.chain(members::RATES.iter().map(|rate| (rate.name, rate.about)));
        for (name, about) in known.clone() {
            assert_eq!(properties[name]["description"], about, "{pointer}/{name}");
        }
        let written: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(written, known.map(|(name, _)| name).chain(also.iter().copied()).collect(), "{pointer}");
    }
}

#[test]
fn it_names_every_word() {
    let schema = schema();
    let words = |words: Words| words.iter().map(|(word, _)| *word).collect::<BTreeSet<_>>();
    let lists: [(&str, BTreeSet<&str>); 10] = [
        ("/properties/transport/enum", words(members::TRANSPORTS)),
        ("/$defs/chat/properties/replies/enum", words(members::REPLIES)),
        ("/$defs/plain/properties/replies/enum", words(members::REPLIES)),
        ("/$defs/chat/properties/json_object/enum", words(members::JSON_OBJECTS)),
        ("/$defs/chat/properties/json_schema/enum", words(members::JSON_SCHEMAS)),
        ("/$defs/chat/properties/disconnect/enum", words(members::DISCONNECTS)),
        ("/$defs/stream/properties/framing/enum", words(members::FRAMINGS)),
        ("/$defs/model/properties/kind/enum", words(members::KINDS)),
        ("/$defs/rule/properties/is/enum", words(ERROR_KINDS)),
        ("/$defs/model/properties/can/items/enum", members::CAPABILITIES.iter().copied().collect()),
    ];
    for (pointer, known) in lists {
        let written = schema.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no {pointer}"));
        assert_eq!(written.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>(), known, "{pointer}");
    }
    let finish = schema.pointer("/$defs/chat/properties/finish/additionalProperties/enum").and_then(Value::as_array);
    let finish: Vec<&str> = finish.expect("words").iter().filter_map(Value::as_str).collect();
    assert_eq!(finish, FINISH_REASONS);
    let body = schema.pointer("/$defs/errors/properties/body/properties").and_then(Value::as_object).expect("a map");
    assert_eq!(body.keys().map(String::as_str).collect::<BTreeSet<_>>(), ERROR_BODY.iter().copied().collect());
    let sinks = schema.pointer("/$defs/action/oneOf/2/properties").and_then(Value::as_object).expect("a map");
    let sinks: BTreeSet<&str> = sinks.keys().map(String::as_str).collect();
    assert_eq!(sinks, SINKS.iter().map(|sink| sink.name).collect());
}

#[test]
fn every_spec_is_valid_by_it() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for folder in ["providers", "tests/specs/good"] {
        for (id, (_, text)) in specs(folder) {
            let spec = yaml(&text).expect("YAML");
            let errors: Vec<String> =
                validator.iter_errors(&spec).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{id}: {errors:?}");
        }
    }
}

/// An editor finds what can be found without following `extends` and without the vocabulary.
#[test]
fn misspelt_members_and_words_are_invalid_by_it() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let bad = specs("tests/specs/bad");
    let found = [
        "auth_unknown",
        "capability_misspelt",
        "ends_on_no_day",
        "error_rule_without_condition",
        "finish_reason_misspelt",
        "framing_unknown",
        "list_of_models",
        "member_misspelt",
        "path_without_slash",
        "price_missing",
        "root_is_a_list",
        "sink_misspelt",
    ];
    for id in found {
        let spec = yaml(&bad[id].1).expect("YAML");
        assert!(!validator.is_valid(&spec), "{id} is valid");
    }
}
