//! Replicate: an answer is asked for with one call and had with others. A recording is one of
//! them; those round it are made here, in the recorded ones' shape.

use crate::held::{Choice, Held, Usage, events, json};
use crate::support::recording::Recording;
use crate::support::replay::{Delivery, Replay, Script};
use serde_json::{Map, Value, json as value};
use std::sync::Arc;

/// What the made ones say.
const SAID: &str = "as made";
const MODEL: &str = "meta/made";

/// A call that asks for what was recorded.
pub fn call_of(recorded: &Map<String, Value>) -> Map<String, Value> {
    let prompt = recorded.get("input").and_then(|input| input["prompt"].as_str()).unwrap_or("hello");
    Map::from_iter([("messages".to_owned(), value!([{"role": "user", "content": prompt}]))])
}

/// What part of the exchange a recording is.
#[derive(PartialEq, Eq)]
enum Part {
    /// The answer to the submission.
    Create,
    Stream,
    /// The answer to a question how far it is.
    Poll,
    Cancel,
    /// An error in place of the first answer.
    Error,
}

fn part(recording: &Recording) -> Part {
    match recording.case.split('-').next().unwrap_or_default() {
        _ if recording.status >= 400 => Part::Error,
        "cancel" => Part::Cancel,
        case if case.starts_with("poll") => Part::Poll,
        "chat_stream" => Part::Stream,
        _ => Part::Create,
    }
}

/// The recorded end of a call that somebody stopped.
pub fn is_canceled(recording: &Recording) -> bool {
    recording.provider == "replicate" && part(recording) == Part::Cancel
}

/// Has the exchange played under `key`; `script` is the recorded part of it.
pub fn set(replay: &Replay, recording: &Recording, key: &str, script: Script) {
    let made = |status: &str, output: Value| {
        let urls = value!({"get": "https://api.replicate.com/v1/predictions/made", "cancel": "https://api.replicate.com/v1/predictions/made/cancel", "stream": "https://stream.replicate.com/v1/streams/made"});
        value!({"id": "made", "model": MODEL, "status": status, "output": output, "error": null, "urls": urls})
    };
    let whole = |mut body: Value| {
        body["status"] = "succeeded".into();
        if body["output"].is_null() {
            body["output"] = value!([SAID]);
        }
        body["metrics"] = value!({"input_token_count": 11, "output_token_count": 22});
        body
    };
    let recorded = || json(&recording.text());
    let (create, polls) = match part(recording) {
        Part::Error => return replay.set(key, script),
        Part::Create => (recorded(), vec![whole(recorded())]),
        Part::Stream => {
            (made("starting", Value::Null), vec![made("processing", Value::Null), whole(made("", Value::Null))])
        }
        Part::Poll | Part::Cancel => {
            let ended = recorded()["status"] != "processing";
            let mut polls = vec![recorded()];
            polls.extend((!ended).then(|| whole(recorded())));
            (made("starting", Value::Null), polls)
        }
    };
    let of = |part: &str| format!("{}/{part}", key.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    let sent = |mut body: Value, status: u16| {
        for name in ["get", "cancel", "stream"] {
            if let Some(url) = body["urls"][name].as_str() {
                body["urls"][name] = format!("{url}?replay={}", of(name)).into();
            }
        }
        Script {
            status,
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            body: Arc::new(body.to_string().into_bytes()),
            delivery: Delivery::Whole,
        }
    };
    replay.set(key, sent(create, 201));
    replay.set_all(&of("get"), polls.into_iter().map(|poll| sent(poll, 200)));
    if part(recording) == Part::Stream {
        replay.set(&of("stream"), script);
    }
}

/// What a client must receive.
pub fn held_by(recording: &Recording) -> Held {
    let mut held = Held::default();
    let mut choice = Choice { finish: Some("stop".to_owned()), ..Choice::default() };
    let mut usage = Some(Usage { prompt: 11, completion: 22, ..Usage::default() });
    match part(recording) {
        Part::Stream => {
            MODEL.clone_into(&mut held.model);
            for (name, data) in events(&recording.text()) {
                match name.as_str() {
                    "output" => choice.text.push_str(&data),
                    "done" => held.ended = true,
                    "error" => held.error = Some(data),
                    _ => {}
                }
            }
        }
        Part::Cancel | Part::Error => held.error = Some(recording.text().into_owned()),
        Part::Create | Part::Poll => {
            let body = json(&recording.text());
            body["model"].as_str().unwrap_or_default().clone_into(&mut held.model);
            if recording.case.starts_with("poll_succeeded") {
                // As it was recorded: an image model tells no tokens.
                usage = None;
            }
            choice.text = match body["output"].as_array() {
                Some(pieces) => pieces.iter().filter_map(Value::as_str).collect(),
                None => SAID.to_owned(),
            };
        }
    }
    held.choices.insert(0, choice);
    held.usage = usage;
    held
}
