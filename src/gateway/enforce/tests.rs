//! What is asked of each kind of provider, and what becomes of answers.

use super::*;
use crate::adapter::generated::ALL;
use serde_json::json;

fn enforcement(schema: &Value) -> Enforcement {
    Enforcement {
        name: "city".to_owned(),
        description: None,
        schema: Arc::new(Schema::compile(&schema.to_string()).unwrap()),
        strict: None,
        any_object: false,
    }
}

fn object() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false})
}

fn chat(id: &str) -> &'static ChatOperation {
    ALL.iter().find(|provider| provider.id == id).and_then(|provider| provider.chat.as_ref()).expect("it chats")
}

fn request(format: &Value) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "response_format": format}).to_string()
}

fn of(format: &Value) -> Result<Option<Enforcement>, RequestError> {
    let text = request(format);
    Enforcement::of(&ChatRequest::parse(text.as_bytes(), 64).unwrap(), &Schemas::default())
}

fn said(text: &str) -> Said<'_> {
    Said { index: 0, text: Some(text), refused: false, calls: 0, finish: Some("stop") }
}

fn plan(enforcement: &Enforcement, provider: &str, can: &[&str]) -> Plan {
    let text = request(&json!({"type": "text"}));
    enforcement.plan(&ChatRequest::parse(text.as_bytes(), 64).unwrap(), chat(provider), |word| can.contains(&word))
}

#[test]
fn json_is_enforced_and_text_is_not() {
    assert!(of(&json!({"type": "text"})).unwrap().is_none());
    assert!(of(&json!({"type": "json_object"})).unwrap().is_some());
    assert!(of(&json!({"type": "json_schema", "json_schema": {"name": "x", "schema": object()}})).unwrap().is_some());
}

#[test]
fn what_is_wrong_with_a_format_is_named() {
    let param = |format: Value| of(&format).err().and_then(|error| error.param).unwrap_or_default();
    assert_eq!(param(json!({"type": "json_schema"})), "response_format.json_schema");
    assert_eq!(
        param(json!({"type": "json_schema", "json_schema": {"schema": {}}})),
        "response_format.json_schema.name"
    );
    let named = |name: &str| param(json!({"type": "json_schema", "json_schema": {"name": name, "schema": {}}}));
    assert_eq!(named("a b"), "response_format.json_schema.name");
    assert_eq!(named(""), "response_format.json_schema.name");
    let schema = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "strin"}}});
    assert_eq!(param(schema), "response_format.json_schema.schema");
}

#[test]
fn the_best_means_that_a_model_has_is_used() {
    let enforcement = enforcement(&object());
    let enforcement = Enforcement { strict: Some(true), ..enforcement };
    let native = plan(&enforcement, "openai", &["json_schema", "tools"]);
    assert!(native.means == Means::Native && native.untouched && native.native);
    assert_eq!(plan(&enforcement, "openai", &["tools"]).means, Means::Tool);
    assert_eq!(plan(&enforcement, "openai", &[]).means, Means::Prompt);
    let lenient = Enforcement { strict: Some(false), ..enforcement };
    assert!(!plan(&lenient, "openai", &["json_schema"]).native, "nobody holds it to the schema but Ringside");
}

#[test]
fn what_leaves_strict_out_is_enforced_by_those_who_do_not_ask() {
    let silent = enforcement(&object());
    for (provider, enforces) in [
        ("openai", false),
        ("mistral", false),
        ("groq", false),
        ("anthropic", true),
        ("google", true),
        ("ollama", true),
    ] {
        assert_eq!(plan(&silent, provider, &["json_schema"]).native, enforces, "{provider}");
    }
    let strict = Enforcement { strict: Some(true), ..silent };
    assert!(plan(&strict, "openai", &["json_schema"]).native);
}

#[test]
fn a_description_goes_where_there_is_a_place_for_it() {
    let described = Enforcement { description: Some("A city in Italy.".to_owned()), ..enforcement(&object()) };
    let text = request(&json!({"type": "json_schema", "json_schema": {"name": "city", "schema": object()}}));
    let request = ChatRequest::parse(text.as_bytes(), 64).unwrap();
    let prompts = Prompts::new(None).unwrap();
    let body = |provider: &str, can: &[&str]| -> Value {
        let plan = plan(&described, provider, can);
        serde_json::from_slice(&described.body(&request, &plan, false, &[], &prompts)).unwrap()
    };
    let told = "A city in Italy.";
    let native = body("openai", &["json_schema"]);
    assert_eq!(native["response_format"]["json_schema"]["description"], told);
    assert!(native["response_format"]["json_schema"]["schema"].get("description").is_none());
    // Its request has a place for the schema alone.
    let schema = body("anthropic", &["json_schema"])["response_format"]["json_schema"]["schema"].clone();
    assert_eq!(schema["description"], told);
    let tool = body("openai", &["tools"])["tools"][0]["function"]["description"].clone();
    assert!(tool.as_str().unwrap().ends_with(told), "{tool}");
    let words = body("openai", &[])["messages"][0]["content"].clone();
    assert!(words.as_str().unwrap().contains(told), "{words}");
}

#[test]
fn properties_are_sent_in_the_order_in_which_they_were_written() {
    let schema = r#"{"type":"object","properties":{"zebra":{"type":"string"},"apple":{"type":"string"}}}"#;
    let enforcement = Enforcement { schema: Arc::new(Schema::compile(schema).unwrap()), ..enforcement(&object()) };
    let text = request(&json!({"type": "text"}));
    let request = ChatRequest::parse(text.as_bytes(), 64).unwrap();
    let prompts = Prompts::new(None).unwrap();
    for (provider, can) in
        [("openai", "json_schema"), ("anthropic", "json_schema"), ("openai", "tools"), ("openai", "")]
    {
        let plan = plan(&enforcement, provider, &[can]);
        let body = String::from_utf8(enforcement.body(&request, &plan, false, &[], &prompts)).unwrap();
        let at = |name: &str| body.find(name).unwrap_or_else(|| panic!("no {name} in {body}"));
        assert!(at("zebra") < at("apple"), "{provider} {can}: {body}");
    }
}

#[test]
fn a_root_that_is_no_object_is_wrapped_and_unwrapped() {
    let enforcement = enforcement(&json!({"type": "array", "items": {"type": "integer"}}));
    let plan = plan(&enforcement, "openai", &["json_schema"]);
    assert!(plan.wrapped && !plan.untouched);
    let taken = enforcement.judge(&plan, [said(r#"{"value":[1, 2]}"#)].into_iter());
    assert_eq!(taken, Verdict::Taken(vec![(0, "[1, 2]".to_owned())]));
    for wrong in [r#"{"value":["x"]}"#, "[1]", "{}"] {
        let verdict = enforcement.judge(&plan, [said(wrong)].into_iter());
        assert!(matches!(verdict, Verdict::Refused { .. }), "{wrong}");
    }
}

#[test]
fn a_fitting_answer_is_taken_as_it_is_and_a_chatty_one_is_cut() {
    let enforcement = enforcement(&object());
    let plan = plan(&enforcement, "openai", &["json_schema"]);
    let judge = |text: &str| enforcement.judge(&plan, [said(text)].into_iter());
    assert_eq!(judge(r#"{"name": "Rome"}"#), Verdict::Taken(Vec::new()));
    let chatty = judge("Here:\n```json\n{\"name\": \"Rome\"}\n```");
    assert_eq!(chatty, Verdict::Taken(vec![(0, r#"{"name": "Rome"}"#.to_owned())]));
    let Verdict::Refused { answer, mismatch } = judge(r#"{"name": 1}"#) else { panic!("it does not fit") };
    assert_eq!((answer.as_str(), mismatch.errors.len()), (r#"{"name": 1}"#, 1));
}

#[test]
fn endings_that_another_attempt_would_not_mend_are_passed_on() {
    let enforcement = enforcement(&object());
    let plan = plan(&enforcement, "openai", &["json_schema"]);
    let taken = |said: Said<'_>| enforcement.judge(&plan, [said].into_iter()) == Verdict::Taken(Vec::new());
    assert!(taken(Said { finish: Some("length"), ..said("{\"na") }));
    assert!(taken(Said { finish: Some("content_filter"), ..said("") }));
    assert!(taken(Said { refused: true, text: None, ..said("") }));
    assert!(taken(Said { calls: 1, text: None, finish: Some("tool_calls"), ..said("") }));
    assert!(!taken(Said { text: None, ..said("") }));
}

#[test]
fn every_choice_must_fit() {
    let enforcement = enforcement(&object());
    let plan = plan(&enforcement, "openai", &["json_schema"]);
    let second = Said { index: 1, ..said("```\n{\"name\":\"b\"}\n```") };
    let both = enforcement.judge(&plan, [said(r#"{"name":"a"}"#), second].into_iter());
    assert_eq!(both, Verdict::Taken(vec![(1, r#"{"name":"b"}"#.to_owned())]));
    let one = enforcement.judge(&plan, [said(r#"{"name":"a"}"#), Said { index: 1, ..said("no") }].into_iter());
    assert!(matches!(one, Verdict::Refused { .. }));
}

#[test]
fn the_tool_that_is_the_answer_has_a_name_of_its_own() {
    let text = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "city"}}]})
    .to_string();
    let request = ChatRequest::parse(text.as_bytes(), 64).unwrap();
    let plan = enforcement(&object()).plan(&request, chat("openai"), |word| word == "tools");
    assert_eq!(plan.tool, "answer_city");

    // Whatever names the caller's tools have taken, one is found.
    let mut taken = vec!["city".to_owned(), "answer_city".to_owned()];
    taken.extend((0..20).map(|number| format!("answer_{number}")));
    let tools: Vec<Value> = taken.iter().map(|name| json!({"type": "function", "function": {"name": name}})).collect();
    let text = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": tools}).to_string();
    let request = ChatRequest::parse(text.as_bytes(), 64).unwrap();
    let plan = enforcement(&object()).plan(&request, chat("openai"), |word| word == "tools");
    assert!(!plan.tool.is_empty() && !taken.contains(&plan.tool), "{}", plan.tool);
}

#[test]
fn any_object_is_held_to_where_a_provider_has_no_json_mode_and_left_alone_where_it_has_one() {
    let enforcement = of(&json!({"type": "json_object"})).unwrap().unwrap();
    assert!(!enforcement.concerns(chat("openai")) && enforcement.concerns(chat("anthropic")));
    assert!(self::enforcement(&object()).concerns(chat("openai")), "a schema always is");
    let native = plan(&enforcement, "openai", &["json_schema", "tools"]);
    assert!(native.means == Means::JsonMode && native.untouched && native.native);
    // A tool would have a schema without members.
    let asked = plan(&enforcement, "anthropic", &["json_schema", "tools"]);
    assert!(asked.means == Means::Prompt && !asked.untouched && !asked.native && asked.tool.is_empty());

    let text = request(&json!({"type": "json_object"}));
    let request = ChatRequest::parse(text.as_bytes(), 64).unwrap();
    let body = enforcement.body(&request, &asked, false, &[], &Prompts::new(None).unwrap());
    let body: Value = serde_json::from_slice(&body).unwrap();
    let words = "Answer with one JSON object and nothing else: no prose, no code fence.";
    assert_eq!(body["messages"][0], json!({"role": "system", "content": words}));
    assert_eq!(body.get("response_format"), None);

    let fenced = enforcement.judge(&asked, [said("Here:\n```json\n{\"a\": 1}\n```")].into_iter());
    assert_eq!(fenced, Verdict::Taken(vec![(0, "{\"a\": 1}".to_owned())]));
    for wrong in ["[1]", "no JSON", "\"text\""] {
        assert!(matches!(enforcement.judge(&asked, [said(wrong)].into_iter()), Verdict::Refused { .. }), "{wrong}");
    }
    let cited = enforcement.judge(&asked, [said("As [1] says: {\"a\": [2]} [3]")].into_iter());
    assert_eq!(cited, Verdict::Taken(vec![(0, "{\"a\": [2]}".to_owned())]));
    assert!(matches!(enforcement.judge(&asked, [said("{} {}")].into_iter()), Verdict::Refused { .. }));

    let begun = r#"{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"{"}],"response_format":{"type":"json_object"}}"#;
    let begun = ChatRequest::parse(begun.as_bytes(), 64).unwrap();
    assert!(Enforcement::of(&begun, &Schemas::default()).unwrap().is_none());
}
