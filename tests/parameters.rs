//! `docs/providers.md`: what becomes of each of OpenAI's parameters at each provider. The page is
//! made by encoding a request with the parameter and one without, and looking at the difference, so
//! it says what is sent and not what somebody meant to send.

use ringside::adapter::Provider;
use ringside::adapter::generated::ALL;
use ringside::adapter::json::Json;
use ringside::adapter::normalise::{self, Target};
use ringside::adapter::provider::{ChatOperation, JsonObject, JsonSchema, Transport};
use ringside::codegen::vocab::CHAT_PARAMETERS;
use ringside::wire::chat::ChatRequest;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// A parameter, and what a caller may send for it. Where several values are given, the first that
/// does not pass as it is decides.
fn probes() -> Vec<(&'static str, Vec<Value>)> {
    let schema = json!({"name": "answer", "strict": true, "schema": {"type": "object", "properties": {}}});
    vec![
        ("audio", vec![json!({"voice": "alloy", "format": "wav"})]),
        ("frequency_penalty", vec![json!(2), json!(-2)]),
        ("function_call", vec![json!({"name": "look"})]),
        ("functions", vec![json!([{"name": "look", "parameters": {"type": "object"}}])]),
        ("logit_bias", vec![json!({"50256": -100})]),
        ("logprobs", vec![json!(true)]),
        ("max_completion_tokens", vec![json!(77)]),
        ("max_tokens", vec![json!(77)]),
        ("metadata", vec![json!({"team": "a"})]),
        ("modalities", vec![json!(["text", "audio"])]),
        ("moderation", vec![json!({"model": "omni-moderation-latest"})]),
        ("n", vec![json!(2)]),
        ("parallel_tool_calls", vec![json!(false)]),
        ("prediction", vec![json!({"type": "content", "content": "so"})]),
        ("presence_penalty", vec![json!(2), json!(-2)]),
        ("prompt_cache_key", vec![json!("key")]),
        ("prompt_cache_options", vec![json!({"mode": "explicit"})]),
        ("prompt_cache_retention", vec![json!("24h")]),
        ("reasoning_effort", vec![json!("high")]),
        (
            "response_format",
            vec![json!({"type": "json_object"}), json!({"type": "json_schema", "json_schema": schema})],
        ),
        ("safety_identifier", vec![json!("someone")]),
        ("seed", vec![json!(7)]),
        ("service_tier", vec![json!("flex")]),
        ("stop", vec![json!(["END"])]),
        ("store", vec![json!(true)]),
        ("stream", vec![json!(true)]),
        ("temperature", vec![json!(2), json!(0)]),
        ("tool_choice", vec![json!("required"), json!({"type": "function", "function": {"name": "look"}})]),
        ("tools", vec![json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}])]),
        ("top_logprobs", vec![json!(3)]),
        ("top_p", vec![json!(1), json!(0)]),
        ("verbosity", vec![json!("low")]),
        ("web_search_options", vec![json!({"search_context_size": "low"})]),
    ]
}

/// What becomes of a parameter, the mildest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Sent,
    Renamed(String),
    Clamped(String),
    /// Seen to before a spec sees the request: by a forced tool or in words.
    SeenTo,
    /// Some values pass, and this one does not.
    RefusedInPart,
    Dropped,
    Refused,
}

impl Fate {
    fn cell(&self) -> String {
        match self {
            Fate::Sent => "sent".to_owned(),
            Fate::Renamed(name) => format!("as `{name}`"),
            Fate::Clamped(bound) => format!("clamped: {bound}"),
            Fate::SeenTo => "seen to".to_owned(),
            Fate::RefusedInPart => "in part".to_owned(),
            Fate::Dropped => "dropped".to_owned(),
            Fate::Refused => "**refused**".to_owned(),
        }
    }
}

/// The provider's request for a caller's; `None` where it is refused.
fn encoded(operation: &ChatOperation, body: &Map<String, Value>) -> Option<Value> {
    let body = Value::Object(body.clone()).to_string();
    let request = ChatRequest::parse(body.as_bytes(), 64).expect("a good request");
    let target = Target::of(operation, &request, "the-model", 8192);
    let view = normalise::chat(&request, target).expect("a request that can be read");
    let mut json = Json::default();
    (operation.encode)(&view, &mut json).ok()?;
    Some(serde_json::from_slice(json.as_bytes()).expect("JSON"))
}

/// The leaves of a request, by their paths.
fn leaves(value: &Value, path: &str, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(member, &path, out);
            }
        }
        _ => {
            out.insert(path.to_owned(), value.clone());
        }
    }
}

/// Whether a format never reaches the spec, since Ringside asks for it by other means.
fn seen_to(operation: &ChatOperation, format: &Value) -> bool {
    match format["type"].as_str() {
        Some("json_object") => operation.json_object == JsonObject::Prompt,
        Some("json_schema") => operation.json_schema != JsonSchema::Native,
        _ => false,
    }
}

fn fate(operation: &ChatOperation, name: &str, value: &Value) -> Fate {
    if name == "response_format" && seen_to(operation, value) {
        return Fate::SeenTo;
    }
    let mut without = Map::from_iter([
        ("model".to_owned(), json!("fc:x/y")),
        ("messages".to_owned(), json!([{"role": "user", "content": "Hello"}])),
    ]);
    let tools = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    // Some parameters need another one beside them.
    match name {
        "tool_choice" => drop(without.insert("tools".to_owned(), tools)),
        "parallel_tool_calls" => {
            without.insert("tools".to_owned(), tools);
            without.insert("tool_choice".to_owned(), json!("required"));
        }
        "top_logprobs" => drop(without.insert("logprobs".to_owned(), json!(true))),
        _ => {}
    }
    let mut with = without.clone();
    with.insert(name.to_owned(), value.clone());
    let before = encoded(operation, &without);
    let (before, Some(after)) = (before.unwrap_or_default(), encoded(operation, &with)) else { return Fate::Refused };
    if after.get(name) == Some(value) {
        return Fate::Sent;
    }
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves(&before, "", &mut old);
    leaves(&after, "", &mut new);
    let changed: Vec<(&String, &Value)> = new.iter().filter(|(path, value)| old.get(*path) != Some(value)).collect();
    let same_number = |a: &Value, b: &Value| a.as_f64().is_some() && a.as_f64() == b.as_f64();
    match changed[..] {
        [] if name == "stream" && operation.path != operation.stream_path => {
            Fate::Renamed(operation.stream_path.to_owned())
        }
        [] => Fate::Dropped,
        [(path, sent)] if path == name && same_number(sent, value) => Fate::Sent,
        [(path, sent)] if value.is_number() && sent.is_number() && !same_number(sent, value) => {
            let bound = if path == name { sent.to_string() } else { format!("`{path}` {sent}") };
            Fate::Clamped(bound)
        }
        _ => {
            let path = changed[0].0;
            let own = path == name || path.starts_with(&format!("{name}."));
            // Another value under the same name is still that parameter, in the provider's words.
            if own { Fate::Sent } else { Fate::Renamed(path.clone()) }
        }
    }
}

fn fate_of_all(operation: &ChatOperation, name: &str, values: &[Value]) -> Fate {
    let fates: Vec<Fate> = values.iter().map(|value| fate(operation, name, value)).collect();
    let refused = fates.iter().filter(|fate| **fate == Fate::Refused).count();
    if refused > 0 && refused < fates.len() {
        return Fate::RefusedInPart;
    }
    let clamped: Vec<String> =
        fates.iter().filter_map(|it| if let Fate::Clamped(bound) = it { Some(bound.clone()) } else { None }).collect();
    if !clamped.is_empty() {
        return Fate::Clamped(clamped.join(", "));
    }
    fates.into_iter().max().unwrap_or(Fate::Dropped)
}

fn page() -> String {
    let providers: Vec<(&Provider, &ChatOperation)> = ALL
        .iter()
        .filter(|provider| provider.transport == Transport::Http)
        .filter_map(|provider| provider.chat.as_ref().map(|chat| (*provider, chat)))
        .collect();
    let mut page = String::from(
        "# What becomes of each parameter\n\n\
         This page is made by `cargo test --test parameters`, which encodes requests with and without each\n\
         parameter of OpenAI's chat completions and looks at what a provider would be sent.\n\n\
         *sent*: under OpenAI's name, in the provider's words. *as* `x`: under another name. *clamped*: the values\n\
         at either end become these. *dropped*: left out, because the provider has nothing like it and an answer\n\
         without it is still right. **refused**: a 400 that names it. *in part*: some values are refused. *seen to*:\n\
         by Ringside in another way, at least for some values ([JSON answers](json-schema.md)).\n\n\
         `messages`, `model` and `stream_options` go to every provider; usage is always asked for.\n",
    );
    for group in providers.chunks(5) {
        let names: Vec<&str> = group.iter().map(|(provider, _)| provider.id).collect();
        let _ = write!(page, "\n| parameter | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
        for (name, values) in probes() {
            let cells: Vec<String> =
                group.iter().map(|(_, operation)| fate_of_all(operation, name, &values).cell()).collect();
            let _ = writeln!(page, "| `{name}` | {} |", cells.join(" | "));
        }
    }
    page
}

#[test]
fn the_page_of_parameters_says_what_is_sent() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers.md");
    let (wanted, written) = (page(), std::fs::read_to_string(&file).unwrap_or_default());
    if wanted != written {
        let new = file.with_extension("md.new");
        std::fs::write(&new, &wanted).expect("writable");
        panic!("what is sent has changed: look at {}, and if it is right, let it replace the page", new.display());
    }
}

/// A parameter that OpenAI adds is on the page as soon as the compiler knows it.
#[test]
fn every_parameter_is_on_the_page() {
    let probed: Vec<&str> = probes().into_iter().map(|(name, _)| name).collect();
    let missing: Vec<&str> = CHAT_PARAMETERS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !["messages", "model"].contains(name) && !probed.contains(name))
        .collect();
    assert!(missing.is_empty(), "no probe for {missing:?}");
}
