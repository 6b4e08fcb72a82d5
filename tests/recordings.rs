//! Real upstream traffic, replayed through a real HTTP upstream into the running program: what the
//! client receives is what the recording holds, wherever its bytes are cut. One table says how
//! every provider did in every case.

#[path = "recordings/alike.rs"]
mod alike;
#[path = "recordings/cohere.rs"]
mod cohere;
#[path = "recordings/converse.rs"]
mod converse;
#[path = "recordings/cuts.rs"]
mod cuts;
#[path = "recordings/expected.rs"]
mod expected;
#[path = "recordings/gemini.rs"]
mod gemini;
#[path = "recordings/held.rs"]
mod held;
#[path = "recordings/predictions.rs"]
mod predictions;
#[path = "recordings/request.rs"]
mod request;
#[path = "recordings/sent.rs"]
mod sent;
mod support;
#[path = "recordings/table.rs"]
mod table;

use expected::{Came, fails_in_stream, of_completion, of_cut, of_error, of_failed_stream, of_stream};
use futures_util::StreamExt as _;
use request::{Call, call_for};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use support::gateway::{Answer, Gateway};
use support::recording::{Recording, all_of};
use support::replay::{Delivery, Replay, Script};
use support::schema::Schemas;
use table::Table;

/// The providers whose recordings are replayed.
fn providers() -> Vec<&'static str> {
    ["openai", "groq", "anthropic", "google", "cohere", "bedrock", "replicate"]
        .into_iter()
        .chain(alike::PROVIDERS.iter().copied())
        .collect()
}

/// Bytes of a stream's beginning and of its end at each of which it is broken off, and the places
/// between where it is. Whether an answer looks complete is decided at the end.
const HEAD: usize = 24;
const TAIL: usize = 160;
const BETWEEN: usize = 48;

/// Where a stream is broken off. What lies between the beginning and the end is sampled at an odd
/// distance, so that every part of an event is met in one stream or another.
fn ends(recording: &Recording) -> Vec<usize> {
    let length = recording.body.len();
    let (head, tail) = (HEAD.min(length), length.saturating_sub(TAIL).max(HEAD.min(length)));
    let step = ((tail - head) / BETWEEN) | 1;
    (0..head).chain((head..tail).step_by(step)).chain(tail..length).collect()
}

/// A stream that is cut in two and sent through the whole program is cut at the ends of this many
/// equal parts.
const WHOLE_RUNS: usize = 8;

/// Calls in flight at once.
const AT_ONCE: usize = 32;

/// The running program, what it talks to, and OpenAI's schemas.
struct Bench {
    gateway: Gateway,
    replay: Replay,
    schemas: Schemas,
}

/// `None`, said aloud, where the recordings are not at hand.
async fn bench() -> Option<(Bench, Vec<Recording>)> {
    let (recordings, schemas) = (all_of(&providers())?, Schemas::load()?);
    let replay = Replay::start().await;
    let gateway = Gateway::start(replay.address, &providers()).await;
    Some((Bench { gateway, replay, schemas }, recordings))
}

impl Bench {
    /// Has `recording` answered to its own request, delivered so; usage as asked for.
    async fn call(&self, recording: &Recording, delivery: Delivery, usage: bool) -> (Call, Result<Answer, String>) {
        let key = format!("{}/{}/{delivery:?}/{usage}", recording.provider, recording.case);
        let body = Arc::clone(&recording.body);
        let content_type = recording.content_type.clone();
        let headers = recording.headers.clone();
        let script = Script { status: recording.status, content_type, headers, body, delivery };
        if recording.provider == "replicate" {
            predictions::set(&self.replay, recording, &key, script);
        } else {
            self.replay.set(&key, script);
        }
        let mut call = call_for(recording, &key);
        if recording.streamed() {
            call.body["stream"] = true.into();
            call.body["stream_options"] = serde_json::json!({"include_usage": usage});
        }
        let answer = self.gateway.post(call.path, &call.body).await;
        (call, answer.map_err(|error| format!("the connection broke: {error}")))
    }

    /// What is wrong with the whole recording's answer.
    async fn whole(&self, recording: &Recording, delivery: Delivery, usage: bool) -> Vec<String> {
        match self.call(recording, delivery, usage).await {
            (_, Err(broken)) => vec![broken],
            (call, Ok(answer)) => self.judge(recording, &call, usage, &answer),
        }
    }

    fn judge(&self, recording: &Recording, call: &Call, usage: bool, answer: &Answer) -> Vec<String> {
        if answer.request_id.is_none() {
            return vec!["no X-Request-Id".to_owned()];
        }
        let kind = if answer.status == 200 && recording.streamed() { "text/event-stream" } else { "application/json" };
        if !answer.content_type.starts_with(kind) {
            return vec![format!("content type {} and not {kind}", answer.content_type)];
        }
        if recording.status >= 400 || predictions::is_canceled(recording) || alike::is_error_in_disguise(recording) {
            return of_error(recording, answer, &self.schemas);
        }
        if fails_in_stream(recording) {
            return of_failed_stream(recording, answer, &self.schemas);
        }
        match (recording.streamed(), call.path) {
            (true, _) => of_stream(recording, usage, answer, &self.schemas),
            (false, "/v1/embeddings") => of_completion(recording, "CreateEmbeddingResponse", answer, &self.schemas),
            (false, "/v1/moderations") => of_completion(recording, "CreateModerationResponse", answer, &self.schemas),
            (false, _) => of_completion(recording, "CreateChatCompletionResponse", answer, &self.schemas),
        }
    }

    /// One recording in every way at once; complaints name the way. Answers that are the same but
    /// for what is made anew each time are judged once.
    async fn in_every_way(&self, recording: &Recording, ways: Vec<Delivery>) -> Vec<String> {
        let judged: Mutex<HashMap<Judged, Vec<String>>> = Mutex::default();
        let checks = ways.into_iter().map(|way| {
            let judged = &judged;
            async move {
                let complaints = match self.call(recording, way.clone(), true).await {
                    (_, Err(broken)) => vec![broken],
                    (call, Ok(answer)) => {
                        let cut = match way {
                            Delivery::EndedAt(at) | Delivery::BrokenAt(at) => Some(Came::in_first(recording, at)),
                            _ => None,
                        };
                        let key = Judged { status: answer.status, cut, body: without_novelty(&answer.body) };
                        let known = judged.lock().expect("no panic before").get(&key).cloned();
                        known.unwrap_or_else(|| {
                            let complaints = match cut {
                                Some(came) => of_cut(recording, came, &answer, &self.schemas),
                                None => self.judge(recording, &call, true, &answer),
                            };
                            judged.lock().expect("no panic before").insert(key, complaints.clone());
                            complaints
                        })
                    }
                };
                complaints.into_iter().map(|complaint| format!("{way:?}: {complaint}")).collect::<Vec<_>>()
            }
        });
        let all: Vec<Vec<String>> = futures_util::stream::iter(checks).buffer_unordered(AT_ONCE).collect().await;
        all.concat()
    }
}

/// What a judgement depends on.
#[derive(PartialEq, Eq, Hash)]
struct Judged {
    status: u16,
    /// Of a stream that was cut off: what had come.
    cut: Option<Came>,
    body: Vec<u8>,
}

/// The body without what Ringside makes anew for each answer: its time, its padding, its ids.
fn without_novelty(body: &[u8]) -> Vec<u8> {
    let marks: [&[u8]; 4] = [b"\"created\":", b"\"obfuscation\":\"", b"req_", b"call_"];
    let mut left = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        match marks.iter().find(|mark| body[at] == mark[0] && body[at..].starts_with(mark)) {
            Some(mark) => {
                left.extend_from_slice(mark);
                at += mark.len();
                at += body[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            }
            None => {
                left.push(body[at]);
                at += 1;
            }
        }
    }
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recording_comes_out_as_what_it_holds() {
    let Some((bench, recordings)) = bench().await else { return };
    let mut table = Table::default();
    for recording in &recordings {
        let mut complaints = bench.whole(recording, Delivery::Whole, true).await;
        if recording.streamed() {
            let without = bench.whole(recording, Delivery::Whole, false).await;
            complaints.extend(without.into_iter().map(|complaint| format!("without usage: {complaint}")));
        }
        table.note(recording, "as recorded", &complaints);
    }
    table.print_and_judge();
}

/// Every stream of every provider, cut at every byte. A framer keeps nothing of an event that it has
/// given out, so each cut is tried on the events round it alone, in linear time: `cuts.rs`.
#[test]
fn a_stream_is_the_same_wherever_it_is_cut_in_two() {
    let Some(recordings) = all_of(&providers()) else { return };
    // The body of an error is read as a whole, whatever its type says.
    let is_stream = |recording: &&Recording| recording.streamed() && recording.status == 200;
    let streams: Vec<&Recording> = recordings.iter().filter(is_stream).collect();
    let mut table = Table::default();
    for (recording, complaints) in streams.iter().zip(cuts::complaints(&streams)) {
        table.note(recording, "cut in two at every byte", &complaints);
    }
    table.print_and_judge();
}

/// Through the whole program: the pieces that differ most in which events come together; and what
/// is no stream though its type says so, an error's body, in two at every byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_comes_out_the_same_in_whatever_pieces_it_arrives() {
    let Some((bench, recordings)) = bench().await else { return };
    let mut table = Table::default();
    for recording in recordings.iter().filter(|recording| recording.streamed()) {
        let length = recording.body.len();
        let parts = if recording.status == 200 { WHOLE_RUNS } else { length };
        let cuts = (1..parts).map(|part| length * part / parts).chain([1, length - 1]);
        let ways = cuts.map(Delivery::SplitAt).chain([Delivery::ByteByByte]).collect();
        let complaints = bench.in_every_way(recording, ways).await;
        table.note(recording, "byte by byte, and in two", &complaints);
    }
    table.print_and_judge();
}

/// Contract 5: a stream that stops too early is an error, and never looks complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_stops_early_never_looks_complete() {
    let Some((bench, recordings)) = bench().await else { return };
    let mut table = Table::default();
    for recording in recordings.iter().filter(|recording| recording.streamed() && recording.status == 200) {
        let ways = ends(recording).into_iter().map(|at| match at % 2 {
            0 => Delivery::EndedAt(at),
            _ => Delivery::BrokenAt(at),
        });
        let complaints = bench.in_every_way(recording, ways.collect()).await;
        table.note(recording, "broken off", &complaints);
    }
    table.print_and_judge();
}

/// The recordings' requests were written by SDKs. Said in OpenAI's words and encoded, they are to
/// mean the same: nothing that was said is lost or said otherwise.
#[test]
fn requests_mean_what_the_recordings_sdks_sent() {
    let Some(recordings) = all_of(&["google", "cohere", "bedrock"]) else { return };
    let mut complaints = Vec::new();
    let mut compared = 0;
    // One was sent to a maker's own API behind the same host.
    let own =
        |recording: &&Recording| !(recording.path.ends_with("/invoke") && recording.request["messages"].is_array());
    for recording in recordings.iter().filter(|recording| recording.request.is_object()).filter(own) {
        let meaning = match recording.provider.as_str() {
            "google" => gemini::meaning,
            "bedrock" => converse::meaning,
            _ => cohere::meaning,
        };
        let sent = sent::encoded(recording);
        let (sent, wanted) = (meaning(&sent), meaning(&recording.request));
        compared += 1;
        if sent != wanted {
            complaints.push(format!("{}/{}:\n  sent   {sent}\n  wanted {wanted}", recording.provider, recording.case));
        }
    }
    assert!(compared > 0, "nothing was compared");
    assert!(complaints.is_empty(), "{} of {compared} differ:\n{}", complaints.len(), complaints.join("\n"));
}

#[tokio::test]
async fn the_list_of_models_is_openais() {
    let Some((bench, _)) = bench().await else { return };
    let answer = bench.gateway.get("/v1/models").await.expect("an answer");
    let list: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(bench.schemas.complaints("ListModelsResponse", &list), Vec::<String>::new());
    for model in list["data"].as_array().expect("a list") {
        assert_eq!(bench.schemas.complaints("Model", model), Vec::<String>::new());
    }
}
