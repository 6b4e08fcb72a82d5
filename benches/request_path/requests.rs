//! A request from the caller's bytes to the provider's, and an answer in one piece back.

use crate::fixtures;
use criterion::{Criterion, Throughput};
use ringside::adapter::json::Json;
use ringside::adapter::normalise::{self, Target};
use ringside::adapter::provider::{ChatOperation, Replies};
use ringside::adapter::reply::Reply;
use ringside::wire::chat::ChatRequest;
use ringside::wire::usage::Usage;
use std::hint::black_box;

/// How deep requests may nest.
const DEPTH: usize = 128;

/// Parse, normalise, encode.
pub fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (name, provider, body) in [
        ("passed through, 0.4 KB", "openai", fixtures::small_request(false)),
        ("passed through, 28 KB", "openai", fixtures::large_request()),
        ("typed, 0.4 KB", "anthropic", fixtures::small_request(false)),
        ("typed, 28 KB", "anthropic", fixtures::large_request()),
    ] {
        let (_, operation) = fixtures::provider(provider);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| encoded(black_box(&body), operation)));
    }
    group.finish();
}

/// A request, parsed and written for the provider.
pub fn encoded(body: &[u8], operation: &ChatOperation) -> Vec<u8> {
    let request = ChatRequest::parse(body, DEPTH).expect("a good request");
    let view = normalise::chat(&request, Target::of(operation, &request, "the-model", 8192)).expect("a good request");
    let mut json = Json::with_capacity(request.bytes + 256);
    (operation.encode)(&view, &mut json).expect("nothing is refused");
    json.into_bytes()
}

/// An answer of 1 KB.
pub fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, provider) in [("tapped, 1 KB", "openai"), ("rebuilt, 1 KB", "anthropic")] {
        let (_, operation) = fixtures::provider(provider);
        let body = fixtures::answer(provider);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| decoded(black_box(&body), operation)));
    }
    group.finish();
}

/// An answer in one piece, metered; its bytes where they are rebuilt.
pub fn decoded(body: &[u8], operation: &ChatOperation) -> Vec<u8> {
    let verbatim = operation.replies == Replies::Verbatim;
    let mut reply = if verbatim { Reply::tap() } else { Reply::completion(fixtures::identity(operation)) };
    (operation.decode)(body, &mut reply).expect("a good answer");
    if verbatim { Vec::new() } else { reply.into_completion(&Usage::default()) }
}
