//! Made-up providers, with no line of Rust for them: the code that the compiler makes of
//! `tests/specs/good` is compiled into this test (`tests/specs.rs` holds it to the compiler), and
//! a conversation with tools is held through it.

/// What generated code expects around it, as in the library.
mod adapter {
    pub use ringside::adapter::{json, parse, pass, provider, reply, view};

    #[expect(clippy::all, clippy::pedantic, reason = "generated code is uniform, not terse")]
    pub mod generated {
        include!("specs/good/generated.txt");
    }
}

use crate::adapter::generated::{ALL, everything, parley};
use ringside::adapter::json::Json;
use ringside::adapter::normalise::{self, Target};
use ringside::adapter::reply::{ChunkOptions, Identity, Reply};
use ringside::adapter::view::{Input, Plain};
use ringside::billing::{Counted, Expectation, judge};
use ringside::codegen::members::{DIRECTIVES, REPLY_DIRECTIVES};
use ringside::codegen::vocab::{SCOPES, SINKS, UNIONS};
use ringside::upstream::classify;
use ringside::upstream::framing::Framer;
use ringside::wire::chat::ChatRequest;
use ringside::wire::plain::PlainRequest;
use ringside::wire::usage::Usage;
use serde_json::{Value, json};

#[test]
fn one_spec_reads_every_source_and_feeds_every_sink() {
    let text = [
        include_str!("specs/good/everything.yaml"),
        include_str!("specs/good/parley.yaml"),
        include_str!("../providers/openai.yaml"),
    ]
    .concat();
    let sources = SCOPES.iter().flat_map(|(_, sources)| *sources).map(|source| source.name);
    let variants = UNIONS.iter().flat_map(|(_, variants)| *variants).map(|variant| variant.name);
    let sinks = SINKS.iter().flat_map(|sink| sink.parameters.iter().map(|one| one.name).chain([sink.name]));
    let directives = DIRECTIVES.iter().chain(REPLY_DIRECTIVES).map(|directive| directive.name);
    let all = sources.chain(variants).chain(sinks).chain(directives);
    let untried: Vec<&str> = all.filter(|name| !text.contains(name)).collect();
    assert!(untried.is_empty(), "no good spec uses {untried:?}");
    assert!(everything::PROVIDER.moderations.is_some());
}

#[test]
fn a_spec_is_its_providers_description() {
    let ids: Vec<&str> = ALL.iter().map(|provider| provider.id).collect();
    assert_eq!(ids, ["everything", "parley"]);
    let provider = &parley::PROVIDER;
    assert_eq!(provider.base_url, "https://{region}.parley.example");
    assert_eq!(provider.headers, [("x-parley-version", "7")]);
    assert_eq!(provider.query, [("team", "{team}")]);
    let credentials: Vec<_> =
        provider.credentials.iter().map(|one| (one.name, one.env.to_vec(), one.optional)).collect();
    assert_eq!(
        credentials,
        [
            ("region", vec!["PARLEY_REGION"], false),
            ("secret", vec!["PARLEY_SECRET", "PARLEY_KEY"], false),
            ("team", vec!["PARLEY_TEAM"], true),
        ]
    );
}

/// A conversation with a tool, thoughts and history of another provider.
fn conversation() -> Value {
    json!({
        "model": "fc:parley/grand-1",
        "stream": true,
        "temperature": 2,
        "max_tokens": 500,
        "stop": "END",
        "metadata": {"dropped": "here"},
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather in Ulm and Bonn?"},
            {
                "role": "assistant",
                "content": "I look.",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "hm", "signature": "s1", "format": "parley-v1"},
                    {"type": "reasoning.text", "text": "not yours", "signature": "s2", "format": "another"},
                ],
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Ulm\"}"}},
                    {"id": "b", "type": "function", "function": {"name": "weather", "arguments": ""}},
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "rain"},
            {"role": "tool", "tool_call_id": "b", "content": "sun"},
            {"role": "user", "content": "And now?"},
        ],
    })
}

fn encoded(request: &Value) -> Result<Value, String> {
    let body = request.to_string();
    let request = ChatRequest::parse(body.as_bytes(), 64).expect("a good request");
    let operation = parley::PROVIDER.chat.as_ref().expect("it chats");
    let target = Target::of(operation, &request, "grand-1", 4000);
    let view = normalise::chat(&request, target).map_err(|error| error.message)?;
    let mut json = Json::default();
    (operation.encode)(&view, &mut json).map_err(|refused| refused.param)?;
    Ok(serde_json::from_slice(json.as_bytes()).expect("JSON"))
}

#[test]
fn it_is_sent_a_conversation_in_its_own_dialect() {
    assert_eq!(
        encoded(&conversation()).expect("encodes"),
        json!({"envelope": {
            "version": 7,
            "quiet": false,
            "speech": {
                "lines": [
                    {"who": "user", "says": [{"words": "Weather in Ulm and Bonn?"}]},
                    {"who": "assistant", "says": [
                        {"thought": "hm", "seal": "s1"},
                        {"words": "I look."},
                        {"calls": "weather", "tag": "a", "with": {"city": "Ulm"}},
                        {"calls": "weather", "tag": "b", "with": {}},
                    ]},
                    {"who": "user", "says": [
                        {"answers": "a", "of": "weather", "words": "rain"},
                        {"answers": "b", "of": "weather", "words": "sun"},
                        {"words": "And now?"},
                    ]},
                ],
                "rules": [{"words": "Be brief."}],
            },
            "voice": {
                "model": "grand-1", "live": true, "warmth": 1.5, "most": 500, "takes": 1, "until": ["END"],
                "tier": "grand", "shape": {"json": true},
            },
            "hands": [{"name": "weather", "takes": {"type": "object"}}],
            "must": {"hand": "weather"},
        }})
    );
    let mut audio = conversation();
    audio["modalities"] = json!(["audio"]);
    assert_eq!(encoded(&audio), Err("modalities".to_owned()));
}

fn identity() -> Identity {
    let format = parley::PROVIDER.chat.as_ref().expect("it chats").reasoning_format;
    Identity { id: "chatcmpl-x".to_owned(), created: 1, model: "grand-1".to_owned(), reasoning_format: format }
}

fn counted(reply: &Reply) -> Usage {
    let expectation = Expectation {
        context_window: 32_000,
        most_input: u64::MAX,
        most_output: None,
        choices: 1,
        inputs: 1,
        has_output: true,
        cut: false,
    };
    judge(reply.outcome(), expectation, &Counted { input: &|| 0, output: &|| 0 }).usage
}

const ANSWER: &str = r#"{"talk":{"id":"t1","voice":"grand-1b","why":"calls","parts":[
    {"thought":"so","seal":"s3"},{"words":"Grüß dich"},{"call":{"tag":"c","hand":"weather","with":{"city":"Ulm"}}}]},
    "bill":{"heard":90,"known":40,"said":7,"thought":5}}"#;

const STREAM: &str = concat!(
    "{\"is\":\"hello\",\"id\":\"t1\",\"voice\":\"grand-1b\",\"heard\":90,\"known\":40}\n",
    "{\"is\":\"musing\",\"w\":\"so\"}\n{\"is\":\"seal\",\"w\":\"s3\"}\n\n",
    "{\"is\":\"word\",\"w\":\"Grüß \"}\n{\"is\":\"hiccup\"}\n{\"is\":\"word\",\"w\":\"dich\"}\n",
    "{\"is\":\"reach\",\"hand\":3,\"tag\":\"c\",\"name\":\"weather\"}\n",
    "{\"is\":\"grip\",\"hand\":3,\"w\":\"{\\\"city\\\":\"}\n{\"is\":\"grip\",\"hand\":3,\"w\":\"\\\"Ulm\\\"}\"}\n",
    "{\"is\":\"bye\",\"why\":\"calls\",\"bill\":{\"said\":7,\"thought\":5}}\n",
);

#[test]
fn its_answer_is_openais() {
    let operation = parley::PROVIDER.chat.as_ref().expect("it chats");
    let mut reply = Reply::completion(identity());
    (operation.decode)(ANSWER.as_bytes(), &mut reply).expect("readable");
    let usage = counted(&reply);
    let value: Value = serde_json::from_slice(&reply.into_completion(&usage)).expect("JSON");
    let message = &value["choices"][0]["message"];
    assert_eq!(message["content"], "Grüß dich");
    assert_eq!(message["reasoning_content"], "so");
    assert_eq!(message["reasoning_details"][0]["signature"], "s3");
    assert_eq!(message["tool_calls"][0]["function"], json!({"name": "weather", "arguments": "{\"city\":\"Ulm\"}"}));
    assert_eq!(value["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!((&value["id"], &value["model"]), (&json!("t1"), &json!("grand-1b")));
    assert_eq!(value["usage"]["prompt_tokens"], 90);
    assert_eq!(value["usage"]["prompt_tokens_details"]["cached_tokens"], 40);
    assert_eq!(value["usage"]["completion_tokens"], 12);
    assert_eq!(value["usage"]["completion_tokens_details"]["reasoning_tokens"], 5);
}

#[test]
fn its_stream_says_what_its_answer_says_wherever_it_is_cut() {
    let operation = parley::PROVIDER.chat.as_ref().expect("it chats");
    for cut in 0..=STREAM.len() {
        let mut framer = Framer::new(operation.framing, 1 << 16);
        let options = ChunkOptions { include_usage: true, include_obfuscation: false };
        let mut reply = Reply::chunks(identity(), options);
        for piece in [&STREAM.as_bytes()[..cut], &STREAM.as_bytes()[cut..]] {
            framer.feed(piece);
            while let Some(event) = framer.next_event().expect("a good line") {
                (operation.on_event)(event.name, event.data, &mut reply).expect("a readable event");
            }
        }
        assert!(reply.outcome().done);
        let usage = counted(&reply);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (90, 12));
        reply.end(&usage);
        let out = String::from_utf8(reply.take_output()).expect("UTF-8");
        let deltas: Vec<Value> = out
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
            .map(|chunk: Value| chunk["choices"][0]["delta"].clone())
            .collect();
        let joined =
            |pointer: &str| -> String { deltas.iter().filter_map(|delta| delta.pointer(pointer)?.as_str()).collect() };
        assert_eq!(joined("/content"), "Grüß dich", "cut at {cut}");
        assert_eq!(joined("/reasoning_content"), "so");
        assert_eq!(joined("/tool_calls/0/function/name"), "weather");
        assert_eq!(joined("/tool_calls/0/function/arguments"), "{\"city\":\"Ulm\"}");
        assert!(out.ends_with("data: [DONE]\n\n"));
    }
}

#[test]
fn its_errors_mean_what_its_rules_say() {
    let kind = |status, body: &str| format!("{:?}", classify(&parley::PROVIDER, status, body.as_bytes(), &[]).kind);
    assert_eq!(kind(400, r#"{"trouble":{"code":"too_much","words":"no"}}"#), "ContextLength");
    assert_eq!(kind(420, "{}"), "Quota");
    assert_eq!(kind(400, r#"{"message":"please hush now"}"#), "ContentFilter");
    assert_eq!(kind(400, "{}"), "InvalidRequest");
    assert_eq!(kind(503, "<html>"), "Unavailable");
}

/// An embeddings request, encoded.
fn measured(request: &Value) -> Value {
    let body = request.to_string();
    let request = PlainRequest::embeddings(body.as_bytes(), 64).expect("a good request");
    let operation = parley::PROVIDER.embeddings.as_ref().expect("it embeds");
    assert!(operation.reads_inputs);
    let inputs = request.texts().expect("texts").into_iter().map(|text| Input { text }).collect();
    let view = Plain { raw: &request.members, model: "small", inputs, dimensions: request.dimensions() };
    let mut json = Json::default();
    (operation.encode)(&view, &mut json).expect("nothing is refused");
    serde_json::from_slice(json.as_bytes()).expect("JSON")
}

#[test]
fn it_is_sent_texts_to_embed_in_its_own_shape() {
    assert_eq!(
        measured(&json!({"model": "fc:parley/small", "input": "Grüß \"dich\"", "dimensions": 3})),
        json!({"words": ["Grüß \"dich\""], "kind": "plain", "wide": 3})
    );
    assert_eq!(
        measured(
            &json!({"model": "fc:parley/small", "input": ["a", "b"], "kind": "question", "encoding_format": "base64"})
        ),
        json!({"words": ["a", "b"], "kind": "question"})
    );
    for tokens in [json!([1, 2]), json!([[1, 2], [3]])] {
        let body = json!({"model": "m", "input": tokens}).to_string();
        let request = PlainRequest::embeddings(body.as_bytes(), 64).expect("a good request");
        assert_eq!(request.texts().expect_err("tokens").param.as_deref(), Some("input"));
    }
}

#[test]
fn its_vectors_are_openais() {
    let operation = parley::PROVIDER.embeddings.as_ref().expect("it embeds");
    let mut reply = Reply::completion(identity());
    let body = br#"{"measured":{"exactly":[[0.5,-2],[1e-3,4]]},"bill":{"heard":6}}"#;
    (operation.decode)(body, &mut reply).expect("readable");
    assert_eq!(reply.vectors(), 2);
    let usage = counted(&reply);
    let value: Value = serde_json::from_slice(&reply.into_embeddings(false, &usage)).expect("JSON");
    assert_eq!(
        value,
        json!({"object": "list", "model": "grand-1", "usage": {"prompt_tokens": 6, "total_tokens": 6}, "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -2]},
            {"object": "embedding", "index": 1, "embedding": [0.001, 4]},
        ]})
    );
}
