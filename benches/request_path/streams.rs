//! A stream, from the provider's bytes to the caller's.

use crate::fixtures::{self, PIECES};
use criterion::{BatchSize, Criterion, Throughput};
use ringside::adapter::provider::{ChatOperation, Replies};
use ringside::adapter::reply::{ChunkOptions, Reply};
use ringside::adapter::verbatim;
use ringside::upstream::framing::Framer;
use ringside::wire::usage::Usage;
use std::hint::black_box;

/// How both ways of a stream are called.
const WAYS: [(&str, &str); 2] = [("verbatim", "openai"), ("rebuilt", "anthropic")];

fn reply(operation: &ChatOperation) -> Reply {
    match operation.replies {
        Replies::Verbatim => Reply::tap(),
        Replies::Rebuilt => {
            let options = ChunkOptions { include_usage: true, include_obfuscation: false };
            Reply::chunks(fixtures::identity(operation), options)
        }
    }
}

/// One event that holds a piece of text: mapped to sinks, its chunk written.
pub fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    for (name, provider) in WAYS {
        let (_, operation) = fixtures::provider(provider);
        let piece = fixtures::stream(provider).swap_remove(10);
        let mut framer = Framer::new(operation.framing, 1 << 20);
        framer.feed(&piece);
        let event = framer.next_event().ok().flatten().expect("an event");
        let (event_name, data) = (event.name.to_owned(), event.data.to_owned());
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| {
            // A reply grows with what it is fed, so each sample has a fresh one.
            bencher.iter_batched_ref(
                || (reply(operation), Vec::with_capacity(4096)),
                |(reply, out)| {
                    out.clear();
                    (operation.on_event)(&event_name, black_box(&data), reply).expect("a good event");
                    match operation.replies {
                        Replies::Verbatim => verbatim::rewrite(&data, true, out),
                        Replies::Rebuilt => reply.drain_output(out),
                    }
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// A whole stream: bytes in, framed, mapped, bytes out. Elements are pieces of text.
pub fn chunk_path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chunk path");
    for (name, provider) in WAYS {
        let (_, operation) = fixtures::provider(provider);
        let writes = fixtures::stream(provider);
        group.throughput(Throughput::Elements(PIECES));
        group.bench_function(name, |bencher| bencher.iter(|| carried(black_box(&writes), operation)));
    }
    group.finish();
}

/// Carries a stream through; gives the bytes that were written, which are one buffer a read.
pub fn carried(writes: &[Vec<u8>], operation: &ChatOperation) -> usize {
    let mut framer = Framer::new(operation.framing, 1 << 20);
    let mut reply = reply(operation);
    let mut written = 0;
    for write in writes {
        let mut out = Vec::new();
        framer.feed(write);
        while let Ok(Some(event)) = framer.next_event() {
            if operation.until.is_some_and(|until| event.data == until.as_bytes()) {
                break;
            }
            (operation.on_event)(event.name, event.data, &mut reply).expect("a good event");
            match operation.replies {
                Replies::Verbatim => verbatim::rewrite(event.data, true, &mut out),
                Replies::Rebuilt => reply.drain_output(&mut out),
            }
        }
        written += out.len();
    }
    let mut out = Vec::new();
    reply.end(&Usage::default());
    reply.drain_output(&mut out);
    written + out.len()
}
