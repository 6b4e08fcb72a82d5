//! What the request path does on bytes, measured with criterion: `cargo bench --bench request_path`.
//! No sockets are involved; `benches/side_by_side` measures the running program.

mod fixtures;
mod requests;
mod schemas;
mod settlement;
mod streams;

use criterion::{criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

criterion_group!(
    benches,
    requests::encode,
    requests::decode,
    streams::events,
    streams::chunk_path,
    settlement::settle,
    schemas::fitting
);
criterion_main!(benches);
