//! Every provider of the table, side by side: what it is sent for the same requests, and what
//! becomes of its own answers. Fixtures and snapshots stand in `tests/providers/<id>/`.

use ringside::adapter::generated::ALL;
use ringside::adapter::json::Json;
use ringside::adapter::normalise::{self, Target};
use ringside::adapter::provider::{ChatOperation, Framing, JsonObject, Replies, Transport};
use ringside::adapter::reply::{ChunkOptions, Identity, Outcome, Reply};
use ringside::adapter::{Provider, verbatim};
use ringside::billing::{Counted, Expectation, judge};
use ringside::upstream::classify;
use ringside::upstream::framing::Framer;
use ringside::wire::chat::ChatRequest;
use ringside::wire::usage::Usage;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/providers").join(name)
}

/// Providers that answer over the network.
fn providers() -> impl Iterator<Item = (&'static Provider, &'static ChatOperation)> {
    let networked = ALL.iter().filter(|provider| provider.transport == Transport::Http);
    networked.filter_map(|provider| provider.chat.as_ref().map(|chat| (*provider, chat)))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Snapshots lie beside the provider's fixtures.
fn snapshot(provider: &Provider, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder(provider.id));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn identity(operation: &ChatOperation) -> Identity {
    Identity {
        id: "chatcmpl-made".to_owned(),
        created: 1,
        model: "the-model".to_owned(),
        reasoning_format: operation.reasoning_format,
    }
}

/// The usage as it would be charged.
fn usage(outcome: &Outcome) -> Usage {
    let expectation = Expectation {
        context_window: 0,
        most_input: u64::MAX,
        most_output: None,
        choices: 1,
        inputs: 1,
        has_output: true,
        cut: false,
    };
    judge(outcome, expectation, &Counted { input: &|| 0, output: &|| 0 }).usage
}

/// A stream as a caller with `include_usage` sees it.
fn streamed(operation: &ChatOperation, stream: &[u8], cut: usize) -> (String, Outcome) {
    let (mut framer, mut out) = (Framer::new(operation.framing, 1 << 20), Vec::new());
    let is_verbatim = operation.replies == Replies::Verbatim;
    let options = ChunkOptions { include_usage: true, include_obfuscation: false };
    let mut reply = if is_verbatim {
        Reply::tap()
    } else {
        Reply::chunks(identity(operation), options).with_thought_tags(operation.thought_tags)
    };
    for piece in [&stream[..cut], &stream[cut..]] {
        framer.feed(piece);
        while let Ok(Some(event)) = framer.next_event() {
            if operation.until.is_some_and(|until| event.data == until.as_bytes()) {
                break;
            }
            (operation.on_event)(event.name, event.data, &mut reply).expect("a readable event");
            if is_verbatim {
                verbatim::rewrite(event.data, true, &mut out);
            } else {
                reply.drain_output(&mut out);
            }
        }
    }
    let outcome = reply.outcome().clone();
    reply.end(&usage(&outcome));
    reply.drain_output(&mut out);
    (String::from_utf8(out).expect("UTF-8"), outcome)
}

#[test]
fn each_is_sent_the_same_request_in_its_own_shape() {
    for (provider, operation) in providers() {
        let mut cases: Vec<PathBuf> =
            std::fs::read_dir(folder("requests")).expect("requests").flatten().map(|entry| entry.path()).collect();
        cases.sort();
        for case in cases {
            let body = read(&case);
            let request = ChatRequest::parse(&body, 128).expect("a good request");
            let target = Target::of(operation, &request, "the-model", 8192);
            let mut view = normalise::chat(&request, target).expect("a request that can be read");
            // Asked for in words before a spec sees the request: `tests/it/schema.rs`.
            if view.json_object() && operation.json_object == JsonObject::Prompt {
                continue;
            }
            if operation.fetches_images {
                view.put_images(&|_| Some(("image/png".to_owned(), "ZmV0Y2hlZA==".to_owned())));
            }
            let mut json = Json::default();
            let text = match (operation.encode)(&view, &mut json) {
                Ok(()) => {
                    let value: serde_json::Value = serde_json::from_slice(json.as_bytes()).expect("JSON");
                    serde_json::to_string_pretty(&value).expect("JSON")
                }
                Err(refused) => format!("refused: {} ({})", refused.param, refused.what),
            };
            let name = case.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            snapshot(provider, &format!("request_{name}"), &text);
        }
    }
}

#[test]
fn each_answers_in_one_piece() {
    for (provider, operation) in providers() {
        let body = read(&folder(provider.id).join("response.json"));
        let mut reply = Reply::completion(identity(operation)).with_thought_tags(operation.thought_tags);
        (operation.decode)(&body, &mut reply).expect("a readable answer");
        let usage = usage(reply.outcome());
        let raw = reply.outcome().raw_usage();
        let completion = String::from_utf8(reply.into_completion(&usage)).expect("UTF-8");
        snapshot(provider, "response", &format!("{completion}\n\nraw usage: {raw:?}"));
    }
}

#[test]
fn each_streams_the_same_wherever_it_is_cut() {
    for (provider, operation) in providers() {
        // Frames are no text.
        let file = if operation.framing == Framing::EventStream { "stream.bin" } else { "stream.txt" };
        let stream = read(&folder(provider.id).join(file));
        let (whole, outcome) = streamed(operation, &stream, 0);
        snapshot(provider, "stream", &format!("{whole}\nfinish: {:?}", outcome.finish_reasons));
        for cut in 0..=stream.len() {
            assert_eq!(streamed(operation, &stream, cut).0, whole, "{} cut at {cut}", provider.id);
        }
    }
}

#[test]
fn each_says_what_went_wrong() {
    for (provider, _) in providers() {
        let body = read(&folder(provider.id).join("error.json"));
        let texts: Vec<String> = [400, 401, 429, 500]
            .into_iter()
            .map(|status| {
                let error = classify(provider, status, &body, &[]);
                format!("{status}: {:?} code={:?} param={:?}\n  {}", error.kind, error.code, error.param, error.message)
            })
            .collect();
        snapshot(provider, "error", &texts.join("\n"));
    }
}

/// What `provider` is sent for an effort, at a JSON pointer.
fn thinking(provider: &str, model: &str, effort: &str) -> serde_json::Value {
    let (_, operation) = providers().find(|(known, _)| known.id == provider).expect("in the table");
    let body = serde_json::json!({
        "model": "m", "reasoning_effort": effort, "max_tokens": 40_000,
        "messages": [{"role": "user", "content": "Hi"}],
    });
    let body = body.to_string();
    let request = ChatRequest::parse(body.as_bytes(), 128).expect("a good request");
    let target = Target {
        model,
        max_output: 65_536,
        output_limit: request.output_limit,
        reasoning_format: operation.reasoning_format,
        tool_ids: operation.tool_ids,
        normalises: operation.normalises,
        user: None,
    };
    let view = normalise::chat(&request, target).expect("a request that can be read");
    let mut json = Json::default();
    (operation.encode)(&view, &mut json).expect("it is taken");
    let value: serde_json::Value = serde_json::from_slice(json.as_bytes()).expect("JSON");
    let found = ["/generationConfig/thinkingConfig", "/thinking"].iter().find_map(|at| value.pointer(at).cloned());
    found.unwrap_or_default()
}

#[test]
fn effort_is_said_the_way_each_model_takes_it() {
    use serde_json::json;
    for (provider, model, effort, wanted) in [
        ("google", "gemini-2.5-flash", "none", json!({"includeThoughts": false, "thinkingBudget": 0})),
        ("google", "gemini-2.5-flash", "low", json!({"includeThoughts": true, "thinkingBudget": 8000})),
        ("google", "gemini-2.5-flash", "high", json!({"includeThoughts": true, "thinkingBudget": 24_576})),
        ("google", "gemini-2.5-pro", "none", json!({"includeThoughts": false, "thinkingBudget": 128})),
        ("google", "gemini-2.5-pro", "high", json!({"includeThoughts": true, "thinkingBudget": 32_000})),
        ("google", "gemini-3.8-flash", "none", json!({"includeThoughts": false, "thinkingLevel": "minimal"})),
        ("google", "gemini-3.8-flash", "xhigh", json!({"includeThoughts": true, "thinkingLevel": "high"})),
        ("google", "gemini-3.1-pro-preview", "minimal", json!({"includeThoughts": true, "thinkingLevel": "low"})),
        ("google", "gemini-4-argon", "medium", json!({"includeThoughts": true, "thinkingLevel": "medium"})),
        ("cohere", "command-a-reasoning-08-2025", "none", json!({"type": "disabled"})),
        ("cohere", "command-a-reasoning-08-2025", "low", json!({"type": "enabled", "token_budget": 8000})),
    ] {
        assert_eq!(thinking(provider, model, effort), wanted, "{model} {effort}");
    }
}
