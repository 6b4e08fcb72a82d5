//! What the request path does on bytes, measured with criterion: `cargo bench --bench request_path`.
//! No sockets are involved; `benches/side_by_side` measures the running program.

mod counted;
mod fixtures;
mod requests;
mod schemas;
mod settlement;
mod streams;

use criterion::{Criterion, criterion_group};

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

fn main() {
    if counted::asked_for() {
        return;
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
