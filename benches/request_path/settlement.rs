//! The end of a call: its usage judged, its charge worked out, its event written to the journal.

use crate::fixtures;
use criterion::{Criterion, Throughput};
use ringside::adapter::reply::{Outcome, Reply};
use ringside::billing::journal::Journal;
use ringside::billing::{Counted, Expectation, Lookup, PriceBook, Reported, Terms, charge, judge};
use ringside::clock::Clock;
use ringside::id::Id;
use ringside::money::{FemtoUsd, NanoUsd};
use ringside::wire::event::UsageEvent;
use ringside::wire::usage::Usage;
use std::hint::black_box;

/// Usage to a charge; an id; an event appended (one write of a file).
pub fn settle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("settle");
    let (provider, operation) = fixtures::provider("openai");
    let mut reply = Reply::tap();
    (operation.decode)(&fixtures::answer("openai"), &mut reply).expect("a good answer");
    let book = PriceBook::of_specs(ringside::adapter::generated::ALL, Clock::of_machine());
    let Lookup::Listed(entry) = book.lookup(provider, "gpt-4o-mini") else { panic!("the model is listed") };
    let terms = Terms { markup_basis_points: 1000 };
    let most = FemtoUsd(i128::MAX);
    group.bench_function("judge and charge", |bencher| {
        bencher
            .iter(|| charge(&judged(black_box(reply.outcome())), &entry, Reported::of(reply.outcome()), most, terms));
    });
    group.bench_function("look a price up", |bencher| {
        bencher.iter(|| book.lookup(provider, black_box("gpt-4o-mini")));
    });
    group.bench_function("an id", |bencher| bencher.iter(|| Id::new("use")));

    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(&folder.path().join("journal"), &[0]).expect("a journal");
    let event = event();
    group.throughput(Throughput::Elements(1));
    group.bench_function("append to the journal", |bencher| {
        bencher.iter(|| journal.append(black_box(event.clone())).expect("it is written"));
    });
    group.finish();
}

/// A price looked up, usage judged and charged, an event appended.
pub fn counted() -> Box<dyn FnMut()> {
    let (provider, operation) = fixtures::provider("openai");
    let mut reply = Reply::tap();
    (operation.decode)(&fixtures::answer("openai"), &mut reply).expect("a good answer");
    let book = PriceBook::of_specs(ringside::adapter::generated::ALL, Clock::of_machine());
    let terms = Terms { markup_basis_points: 1000 };
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(&folder.path().join("journal"), &[0]).expect("a journal");
    let event = event();
    Box::new(move || {
        // It lies in the folder for as long as this runs.
        let _ = &folder;
        let Lookup::Listed(entry) = book.lookup(provider, "gpt-4o-mini") else { panic!("the model is listed") };
        let reported = Reported::of(reply.outcome());
        let most = FemtoUsd(i128::MAX);
        black_box(charge(&judged(black_box(reply.outcome())), &entry, reported, most, terms));
        journal.append(event.clone()).expect("it is written");
    })
}

fn judged(outcome: &Outcome) -> Usage {
    let expectation = Expectation {
        context_window: 128_000,
        most_input: 128_000,
        most_output: Some(16_384),
        choices: 1,
        inputs: 1,
        has_output: true,
        cut: false,
    };
    judge(outcome, expectation, &Counted { input: &|| 0, output: &|| 0 }).usage
}

fn event() -> UsageEvent {
    UsageEvent {
        id: Id::new("use").into_text(),
        account_id: Id::new("acct").into_text(),
        token_id: Id::new("tok").into_text(),
        request_id: Id::new("req").into_text(),
        response_id: Some("chatcmpl-1".into()),
        created: 1_760_000_000_000,
        customer: Some("cus_42".into()),
        customer_id: None,
        held: NanoUsd(0),
        customer_debit: None,
        account_debit: None,
        endpoint: "/v1/chat/completions".into(),
        reference: "fc:openai/gpt-4o-mini".into(),
        provider: "openai".into(),
        model: "gpt-4o-mini".into(),
        usage: Usage { prompt_tokens: 27, completion_tokens: 120, ..Usage::default() },
        raw_usage: Some(r#"{"prompt_tokens":27,"completion_tokens":120,"total_tokens":147}"#.to_owned()),
        estimated: false,
        cost: NanoUsd(76_050),
        list_cost: NanoUsd(76_050),
        billable: None,
        price_version: "specs-00000000".into(),
        tags: Vec::new(),
        session_id: None,
        properties: std::collections::BTreeMap::default(),
        status: "ok".into(),
        error_code: None,
        attempts: 1,
        streamed: false,
        latency_ms: 700,
        first_token_ms: None,
    }
}
