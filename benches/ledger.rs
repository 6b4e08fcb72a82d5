//! What a call's money costs on the hot path: its customer is found, all four caps are held
//! against, the hold and the usage event are written to the journal, and the hold is settled.
//!
//! `cargo bench --bench ledger`. The aim is at most 60 µs of CPU a call on one core. What is measured is
//! the processor's time of all threads of this process and not the time of day, so that a busy machine
//! says much the same as an idle one. It is read from Linux's `/proc`.

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use ringside::adapter::price::{Price, Rate, Rates, Row};
use ringside::adapter::provider::ModelKind;
use ringside::billing::{Books, Drain, Entry, Payer, Sheet, Terms, Wish};
use ringside::clock::{Clock, Timestamp};
use ringside::id::Id;
use ringside::money::NanoUsd;
use ringside::store::{Store, accounts};
use ringside::wire::event::UsageEvent;
use ringside::wire::limits::Most;
use ringside::wire::usage::Usage;
use std::borrow::Cow;
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// A customer whose wallet and budget are never empty.
const MUCH: NanoUsd = NanoUsd(1_000_000_000_000_000_000);

fn event(id: &str, payer: &Payer, customer: (&str, &str), status: &str) -> UsageEvent {
    UsageEvent {
        id: id.into(),
        account_id: payer.account.as_ref().into(),
        token_id: "tok_01arz3ndektsv4rrffq69g5fav".into(),
        request_id: "req_01arz3ndektsv4rrffq69g5fav".into(),
        response_id: Some("chatcmpl-123456789012345678901234".into()),
        created: 1_764_000_000_123,
        customer: Some(customer.0.into()),
        customer_id: Some(customer.1.into()),
        endpoint: "/v1/chat/completions".into(),
        reference: "fc:openai/gpt-4o-mini".into(),
        provider: "openai".into(),
        model: "gpt-4o-mini".into(),
        usage: Usage { prompt_tokens: 1000, completion_tokens: 200, ..Usage::default() },
        raw_usage: Some(r#"{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200}"#.to_owned()),
        estimated: false,
        cost: NanoUsd(270_000),
        list_cost: NanoUsd(270_000),
        billable: None,
        held: NanoUsd(5_000_000),
        customer_debit: Some(NanoUsd(270_000)),
        account_debit: Some(NanoUsd(270_000)),
        price_version: "specs-01234567".into(),
        tags: vec!["support".to_owned()],
        session_id: Some("workflow_abc".into()),
        properties: [("plan".to_owned(), "enterprise".to_owned())].into(),
        status: status.into(),
        error_code: None,
        attempts: 1,
        streamed: true,
        latency_ms: 900,
        first_token_ms: Some(300),
    }
}

/// The processor's time that all threads of this process have had.
fn processor() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux's /proc");
    let times = threads.flatten().filter_map(|thread| {
        // A thread may have ended meanwhile.
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

/// The processor's time of `times` runs of `work`, and of what comes behind them all.
fn measured(times: u64, mut work: impl FnMut(), behind: impl FnOnce()) -> Duration {
    let before = processor();
    (0..times).for_each(|_| work());
    behind();
    processor().saturating_sub(before)
}

fn hot_path(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::of_machine();
    let account: Arc<str> = "acct_bench".into();
    let (store, books, drain) = runtime.block_on(async {
        let url = format!("sqlite://{}", folder.path().join("bench.db").display());
        let store = Arc::new(Store::open(&url, Duration::ZERO).await.expect("a database"));
        let drain = Drain::start(Arc::clone(&store), &folder.path().join("journal")).await.expect("a journal");
        let drain = Arc::new(drain);
        (Arc::clone(&store), Books::open(store, Arc::clone(&drain), clock).await.expect("books"), drain)
    });
    let journal = drain.journal();
    let payer = Payer {
        account: Arc::clone(&account),
        monthly_budget: Some(MUCH),
        default_customer_budget: Some(MUCH),
        prepaid: true,
    };
    let ledger = books.ledger();
    ledger.counters().add_to_wallet(&account, None, MUCH);
    for number in 0..10_000 {
        let customer = ledger.customer(&payer, &format!("customer-{number}")).expect("a customer");
        ledger.counters().add_to_wallet(&account, Some(&customer.id), MUCH);
    }
    let row = Row {
        from: Timestamp(0),
        hours: Cow::Borrowed(&[]),
        tier: Cow::Borrowed(""),
        on_request: false,
        at_least: 0,
        rates: Rates { input: Rate(150_000_000), output: Rate(600_000_000), ..Rates::default() },
    };
    let price = Price { rows: Cow::Owned(vec![row]), reported: false, ceiling: None, searches: 0 };
    let entry = Entry {
        kind: ModelKind::Chat,
        price: Sheet::Listed(Arc::new(price)),
        at: Timestamp(1_795_435_200_000),
        context_window: 128_000,
        max_output_tokens: 16_384,
        capabilities: ringside::billing::Abilities::Spec(&[]),
        version: "bench".into(),
    };
    let wish = Wish {
        entry: &entry,
        terms: Terms { markup_basis_points: 600 },
        service_tier: None,
        input: 28_000,
        has_output: true,
        stated: None,
        floor: 0,
        choices: 1,
        thinking: None,
        billable: None,
    };
    let number = Cell::new(0_u32);
    let next = || {
        number.set((number.get() + 1) % 10_000);
        format!("customer-{}", number.get())
    };
    let call = || {
        let name = next();
        let customer = ledger.customer(&payer, &name).expect("a customer");
        let id: Arc<str> = Id::new("use").into_string().into();
        let permit = ledger.admit(&id, &payer, Some(&customer), &wish).expect("room");
        journal.append_hold(event(&id, &payer, (&name, &customer.id), "abandoned")).expect("written");
        journal.append(event(&id, &payer, (&name, &customer.id), "ok")).expect("written");
        black_box(permit.settle(NanoUsd(270_000), NanoUsd(270_000)));
    };
    let flush = || runtime.block_on(drain.flush()).expect("drained");
    // The account and the customers of the bench, which the drained events refer to.
    runtime.block_on(async {
        let account = accounts::Account {
            id: account.as_ref().to_owned(),
            name: "Bench".to_owned(),
            email: None,
            plan: accounts::Plan::Pro,
            billing: accounts::Billing::Prepaid,
            markup_basis_points: 600,
            monthly_budget: None,
            default_customer_budget: None,
            most: Most::default(),
            created: Timestamp(0),
        };
        accounts::insert(&store, &account).await.expect("an account");
    });
    flush();
    let mut group = c.benchmark_group("ledger");
    // The kernel books a running thread's time by the tick, so a sample has to be many of them.
    group.sampling_mode(SamplingMode::Flat).sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("admit_and_settle_with_every_cap", |b| {
        b.iter_custom(|times| {
            let spent = measured(times, call, || {});
            flush();
            spent
        });
    });
    group.bench_function("counters_alone", |b| {
        b.iter_custom(|times| {
            let work = || {
                let customer = ledger.customer(&payer, &next()).expect("a customer");
                let id: Arc<str> = Id::new("use").into_string().into();
                let permit = ledger.admit(&id, &payer, Some(&customer), &wish).expect("room");
                black_box(permit.settle(NanoUsd(270_000), NanoUsd(270_000)));
            };
            measured(times, work, || {})
        });
    });
    // What follows behind the answer: events, sums and wallets in the database, in batches.
    group.bench_function("drained_too", |b| b.iter_custom(|times| measured(times, call, flush)));
    group.finish();
}

criterion_group!(benches, hot_path);
criterion_main!(benches);
