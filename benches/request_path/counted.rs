//! The same work without a clock, for counting instructions: `request_path --count CASE TIMES`.
//!
//! Instructions do not depend on what else the machine does, so that `benches/instructions.sh` can
//! tell a regression where times can't.

use crate::{fixtures, requests, settlement, streams};
use std::hint::black_box;

type Case = (&'static str, fn() -> Box<dyn FnMut()>);

/// Every case, prepared when it is asked for.
const CASES: &[Case] = &[
    ("encode_passed_through", || encode("openai")),
    ("encode_typed", || encode("anthropic")),
    ("decode_tapped", || decode("openai")),
    ("decode_rebuilt", || decode("anthropic")),
    ("stream_verbatim", || stream("openai")),
    ("stream_rebuilt", || stream("anthropic")),
    ("settle", settlement::counted),
];

fn encode(provider: &'static str) -> Box<dyn FnMut()> {
    let (_, operation) = fixtures::provider(provider);
    let body = fixtures::small_request(false);
    Box::new(move || drop(black_box(requests::encoded(black_box(&body), operation))))
}

fn decode(provider: &'static str) -> Box<dyn FnMut()> {
    let (_, operation) = fixtures::provider(provider);
    let body = fixtures::answer(provider);
    Box::new(move || drop(black_box(requests::decoded(black_box(&body), operation))))
}

fn stream(provider: &'static str) -> Box<dyn FnMut()> {
    let (_, operation) = fixtures::provider(provider);
    let writes = fixtures::stream(provider);
    Box::new(move || {
        black_box(streams::carried(black_box(&writes), operation));
    })
}

/// Runs the case that the arguments name; `false`: they name none.
pub fn asked_for() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flag, rest @ ..] = arguments.as_slice() else { return false };
    match (flag.as_str(), rest) {
        ("--cases", []) => CASES.iter().for_each(|(name, _)| println!("{name}")),
        ("--count", [name, times]) => {
            let case = CASES.iter().find(|case| case.0 == name).expect("a case of --cases");
            let mut work = case.1();
            for _ in 0..times.parse().expect("how many times") {
                work();
            }
        }
        _ => return false,
    }
    true
}
