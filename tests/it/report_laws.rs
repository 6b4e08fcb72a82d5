//! Laws of reports, on random events: whatever is asked, the answer is the sum of the events.

use crate::support::postgres::Postgres;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use ringside::billing::reports::{Group, Question, Report, parse, report};
use ringside::clock::Timestamp;
use ringside::money::NanoUsd;
use ringside::store::events::Checkpoint;
use ringside::store::{Store, customers, rollups};
use ringside::wire::event::{Entry, UsageEvent};
use ringside::wire::usage::Usage;
use sea_orm::ConnectionTrait as _;
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: i64 = 3_600_000;
/// 2026-01-01T00:00:00Z, an edge of everything.
const NEW_YEAR: i64 = 1_767_225_600_000;

/// Times near the edges of hours, days and months.
fn time() -> impl Strategy<Value = i64> {
    let edge = prop_oneof![
        Just(NEW_YEAR),
        Just(NEW_YEAR + 31 * 24 * HOUR),
        (-40_i64..40).prop_map(|day| NEW_YEAR + day * 24 * HOUR),
        (-900_i64..900).prop_map(|hour| NEW_YEAR + hour * HOUR),
    ];
    (edge, prop_oneof![Just(0), Just(-1), Just(1), -HOUR..HOUR]).prop_map(|(edge, off)| edge + off)
}

fn pick(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(values).prop_map(str::to_owned)
}

fn event() -> impl Strategy<Value = UsageEvent> {
    let names = (
        proptest::option::of(pick(&["cus_1", "ü 2", "ext:3"])),
        pick(&["p", "q"]),
        pick(&["m/1", "n"]),
        pick(&["ok", "ok", "error", "aborted", "abandoned"]),
        proptest::sample::subsequence(vec!["red", "blue", "a,\"b"], 0..=3),
        proptest::option::of(pick(&["s1", "s2"])),
        proptest::option::of(pick(&["pro", "free"])),
    );
    let amount = || prop_oneof![0_i64..1000, Just(0), Just(i64::MAX / 1000)];
    let numbers =
        (time(), 0_u64..1_000_000, 0_u64..1000, 0_u64..1000, amount(), amount(), proptest::option::of(amount()));
    (names, numbers).prop_map(|((customer, provider, model, status, tags, session_id, plan), numbers)| {
        let (created, prompt_tokens, completion_tokens, cached_input_tokens, cost, list_cost, billable) = numbers;
        UsageEvent {
            id: "".into(),
            account_id: "".into(),
            token_id: "tok_1".into(),
            request_id: "req_1".into(),
            response_id: None,
            created,
            customer_id: None,
            customer: customer.map(Into::into),
            endpoint: "/v1/chat/completions".into(),
            reference: "fc:p/m".into(),
            provider: provider.into(),
            model: model.into(),
            usage: Usage { prompt_tokens, completion_tokens, cached_input_tokens, ..Usage::default() },
            raw_usage: None,
            estimated: false,
            cost: NanoUsd(cost),
            list_cost: NanoUsd(list_cost),
            billable: billable.map(NanoUsd),
            held: NanoUsd(cost),
            customer_debit: None,
            account_debit: None,
            price_version: "".into(),
            tags: tags.into_iter().map(str::to_owned).collect(),
            session_id: session_id.map(Into::into),
            properties: plan.map(|plan| ("plan".to_owned(), plan)).into_iter().collect(),
            status: status.into(),
            error_code: None,
            attempts: 1,
            streamed: false,
            latency_ms: 1,
            first_token_ms: None,
        }
    })
}

const GROUPS: [&str; 9] = ["hour", "day", "month", "model", "provider", "customer", "tag", "session", "property:plan"];

fn question() -> impl Strategy<Value = Question> {
    let groups = proptest::sample::subsequence(GROUPS.to_vec(), 0..=3).prop_shuffle();
    let customer = proptest::option::of(pick(&["cus_1", "ü 2", "nobody"]));
    (time(), time(), groups, customer).prop_map(|(one, other, groups, customer)| Question {
        account: String::new(),
        customer,
        from: Timestamp(one.min(other)),
        to: Timestamp(one.max(other)),
        groups: parse(&groups.join(",")).expect("groups"),
    })
}

/// Calls, errors, input, output, cached, cost, list cost, billable.
type Sums = [i128; 8];

fn add(to: &mut Sums, event: &UsageEvent) {
    let usage = &event.usage;
    let one = [
        1,
        i128::from(event.status == "error" || event.status == "abandoned"),
        usage.prompt_tokens.into(),
        usage.completion_tokens.into(),
        usage.cached_input_tokens.into(),
        event.cost.0.into(),
        event.list_cost.0.into(),
        event.billable.unwrap_or_default().0.into(),
    ];
    for (sum, value) in to.iter_mut().zip(one) {
        *sum += value;
    }
}

/// The same by hand, from the events.
fn by_hand(events: &[UsageEvent], question: &Question) -> (BTreeMap<Vec<Option<String>>, Sums>, Sums) {
    let (mut rows, mut total) = (BTreeMap::new(), Sums::default());
    let wanted = events.iter().filter(|event| {
        let in_time = event.created >= question.from.0 && event.created < question.to.0;
        in_time && question.customer.as_deref().is_none_or(|customer| event.customer.as_deref() == Some(customer))
    });
    for event in wanted {
        add(&mut total, event);
        let mut keys: Vec<Vec<Option<String>>> = vec![Vec::new()];
        for group in &question.groups {
            let time = Timestamp(event.created).rfc3339();
            let labels: Vec<Option<String>> = match group.name().as_str() {
                "hour" => vec![Some(format!("{}:00:00Z", &time[..13]))],
                "day" => vec![Some(time[..10].to_owned())],
                "month" => vec![Some(time[..7].to_owned())],
                "model" => vec![Some(event.model.to_string())],
                "provider" => vec![Some(event.provider.to_string())],
                "customer" => vec![event.customer.as_deref().map(str::to_owned)],
                "tag" if event.tags.is_empty() => vec![None],
                "tag" => event.tags.iter().cloned().map(Some).collect(),
                "session" => vec![event.session_id.as_deref().map(str::to_owned)],
                _ => vec![event.properties.get("plan").cloned()],
            };
            keys = keys
                .iter()
                .flat_map(|key| labels.iter().map(|label| [key.as_slice(), std::slice::from_ref(label)].concat()))
                .collect();
        }
        for key in keys {
            add(rows.entry(key).or_default(), event);
        }
    }
    (rows, total)
}

fn sums(measures: &ringside::billing::reports::Measures) -> Sums {
    [
        measures.calls.into(),
        measures.errors.into(),
        measures.prompt_tokens.into(),
        measures.completion_tokens.into(),
        measures.cached_input_tokens.into(),
        measures.cost.0.into(),
        measures.list_cost.0.into(),
        measures.billable.0.into(),
    ]
}

async fn drain(store: &Store, events: &[UsageEvent]) {
    let entries: Vec<Entry> = events.iter().map(|event| Entry::Usage(Box::new(event.clone()))).collect();
    ringside::store::drain::drain(store, "usage", &entries, Checkpoint::default()).await.expect("drained");
}

async fn ask(store: &Store, question: &Question) -> Report {
    report(store, question).await.unwrap_or_else(|error| panic!("{error}: {question:?}"))
}

/// Reports of random events are what the events say, for each of two accounts that have the same.
fn laws_hold(url: &str, cases: u32) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let store = runtime.block_on(Store::open(url, Duration::ZERO)).expect("a database");
    let mut runner = TestRunner::new(Config { cases, max_shrink_iters: 200, ..Config::default() });
    let number = std::cell::Cell::new(0);
    let strategy = (proptest::collection::vec(event(), 0..40), proptest::collection::vec(question(), 1..5));
    let outcome = runner.run(&strategy, |(mut events, questions)| {
        number.set(number.get() + 1);
        let mut accounts = Vec::new();
        for part in ["a", "b"] {
            let account = format!("acct_{}_{part}", number.get());
            for (index, event) in events.iter_mut().enumerate() {
                // In no order, so that the sums have passed some that are still to come.
                event.id = format!("use_{:04}_{part}_{:02}", number.get(), index * 7 % 41).into();
                event.account_id = account.as_str().into();
            }
            // In two parts that overlap, as after a crash.
            runtime.block_on(async {
                drain(&store, &events[..events.len() * 2 / 3]).await;
                if number.get() % 2 == 0 {
                    rollups::catch_up(&store).await.expect("the sums follow");
                }
                drain(&store, &events[events.len() / 3..]).await;
                drain(&store, &events).await;
            });
            accounts.push(account);
        }
        for (question, account) in questions.into_iter().zip(accounts.iter().cycle()) {
            let question = Question { account: account.clone(), ..question };
            let given = runtime.block_on(ask(&store, &question));
            let (rows, total) = by_hand(&events, &question);
            let found: BTreeMap<_, _> =
                given.rows.iter().map(|(key, measures)| (key.clone(), sums(measures))).collect();
            prop_assert_eq!(found.len(), given.rows.len());
            prop_assert_eq!(&found, &rows, "{:?}", &question);
            prop_assert_eq!(sums(&given.total), total, "{:?}", &question);
            if !question.groups.contains(&Group::Tag) {
                let mut all = Sums::default();
                for row in found.values() {
                    all.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                }
                prop_assert_eq!(all, total, "rows add up to the total");
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    runtime.block_on(store.close());
}

#[test]
fn reports_are_the_sums_of_the_events_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    laws_hold(&format!("sqlite://{}", folder.path().join("x.db").display()), 60);
}

#[test]
fn reports_are_the_sums_of_the_events_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    laws_hold(&postgres.url, 25);
}

fn samples(count: usize) -> Vec<UsageEvent> {
    let mut runner = TestRunner::deterministic();
    let mut events = Vec::new();
    for index in 0..count {
        let mut event = event().new_tree(&mut runner).expect("an event").current();
        event.id = format!("use_{index}").into();
        event.account_id = "acct_1".into();
        events.push(event);
    }
    events
}

fn whole_time(groups: &str) -> Question {
    Question {
        account: "acct_1".to_owned(),
        customer: None,
        from: Timestamp(NEW_YEAR - 60 * 24 * HOUR),
        to: Timestamp(NEW_YEAR + 90 * 24 * HOUR),
        groups: parse(groups).expect("groups"),
    }
}

/// A database from before there were sums is filled by the migration, as if it had had them.
async fn older_events_are_summed_up(url: &str) {
    let store = Store::open(url, Duration::ZERO).await.expect("a database");
    drain(&store, &samples(200)).await;
    let questions = ["hour,provider,model", "day,customer", "month", "customer,month"].map(whole_time);
    let mut before = Vec::new();
    for question in &questions {
        before.push(ask(&store, question).await);
    }
    assert_eq!(before[2].total.calls, 200);
    store.close().await;
    drop(store);
    let raw = sea_orm::Database::connect(url).await.expect("a database");
    for statement in [
        "DROP TABLE usage_by_account",
        "DROP TABLE usage_by_customer",
        "DROP TABLE usage_sums_progress",
        "DROP INDEX usage_events_customer_created",
        "DELETE FROM seaql_migrations WHERE version IN ('m20261125_000005_rollups', 'm20261126_000012_sums_behind')",
    ] {
        raw.execute_unprepared(statement).await.expect(statement);
    }
    raw.close().await.expect("closed");
    let store = Store::open(url, Duration::from_secs(5)).await.expect("a database");
    for (question, before) in questions.iter().zip(before) {
        assert_eq!(ask(&store, question).await, before, "{question:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn events_from_before_there_were_sums_are_summed_up_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    older_events_are_summed_up(&format!("sqlite://{}", folder.path().join("x.db").display())).await;
}

#[tokio::test]
async fn events_from_before_there_were_sums_are_summed_up_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    older_events_are_summed_up(&postgres.url).await;
}

#[tokio::test]
async fn absurd_amounts_stop_at_the_end_of_64_bits_and_stop_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        Store::open(&format!("sqlite://{}", folder.path().join("x.db").display()), Duration::ZERO).await.unwrap();
    let mut events = samples(6);
    for event in &mut events {
        event.billable = Some(NanoUsd(i64::MAX));
        event.created = NEW_YEAR;
    }
    for event in &events {
        drain(&store, std::slice::from_ref(event)).await;
    }
    for groups in ["", "customer", "hour,model", "tag"] {
        let question = Question { from: Timestamp(NEW_YEAR), ..whole_time(groups) };
        let given = ask(&store, &question).await;
        assert_eq!((given.total.calls, given.total.billable), (6, NanoUsd(i64::MAX)), "{groups}");
    }
}

/// A version that adds to the sums itself, and counts itself among those that served, leaves none that count twice.
#[tokio::test]
async fn what_an_earlier_version_added_meanwhile_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("x.db").display());
    let events = samples(60);
    let question = whole_time("month,customer");
    let store = Store::open(&url, Duration::ZERO).await.expect("a database");
    drain(&store, &events[..30]).await;
    let ids: std::collections::HashSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), 60);
    rollups::catch_up(&store).await.expect("the sums follow");
    drain(&store, &events[30..]).await;
    store.close().await;
    drop(store);
    let raw = sea_orm::Database::connect(&url).await.expect("a database");
    for statement in [
        "UPDATE serving SET generation = generation + 1",
        "UPDATE usage_by_account SET calls = calls + 30",
        "UPDATE usage_by_customer SET calls = calls + 30",
    ] {
        raw.execute_unprepared(statement).await.expect(statement);
    }
    raw.close().await.expect("closed");
    for _ in 0..2 {
        let store = Store::open(&url, Duration::from_secs(5)).await.expect("a database");
        let (rows, total) = by_hand(&events, &question);
        let given = ask(&store, &question).await;
        assert_eq!((sums(&given.total), given.rows.len()), (total, rows.len()));
        store.close().await;
    }
}

/// Sums that follow while others write, a customer goes, and somebody else lets them follow too.
async fn each_event_counts_once_whoever_lets_the_sums_follow(url: &str) {
    let serving = Store::open(url, Duration::ZERO).await.expect("a database");
    let beside = Store::open_beside(url).await.expect("a database");
    let named = |(index, event): (usize, UsageEvent)| UsageEvent {
        id: format!("use_{:03}", index * 7 % 400).into(),
        customer: Some("cus_1".into()),
        // Of some the customer's row was lost, and made anew under another id.
        customer_id: Some(format!("cus_id_{}", index % 2).into()),
        ..event
    };
    let events: Vec<UsageEvent> = samples(400).into_iter().enumerate().map(named).collect();
    // What comes later has ids before and behind those that the sums have passed by then.
    let (early, late): (Vec<_>, Vec<_>) = events.iter().cloned().partition(|event| &*event.id < "use_200");
    let (early, before) = early.split_at(100);
    let late: Vec<UsageEvent> = before.iter().cloned().chain(late).collect();
    let late: Vec<UsageEvent> = (0..300).map(|index| late[index * 7 % 300].clone()).collect();
    drain(&serving, early).await;
    let writing = async {
        for batch in late.chunks(10) {
            drain(&serving, batch).await;
        }
    };
    let following = async |store: &Store| {
        for _ in 0..20 {
            rollups::catch_up(store).await.expect("the sums follow");
            tokio::task::yield_now().await;
        }
    };
    let purging = async { customers::purge(&beside, "acct_1", "cus_id_1", "cus_1").await.expect("purged") };
    tokio::join!(writing, following(&serving), following(&beside), purging);
    for _ in 0..2 {
        customers::purge(&beside, "acct_1", "cus_id_1", "cus_1").await.expect("purged");
        let given = ask(&serving, &whole_time("customer,model")).await;
        let nobody: Vec<UsageEvent> =
            events.iter().map(|event| UsageEvent { customer: None, ..event.clone() }).collect();
        let (rows, total) = by_hand(&nobody, &whole_time("customer,model"));
        assert_eq!(sums(&given.total), total);
        assert_eq!(given.rows.iter().map(|(key, row)| (key.clone(), sums(row))).collect::<BTreeMap<_, _>>(), rows);
    }
    beside.close().await;
    serving.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_counts_once_whoever_lets_the_sums_follow_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("x.db").display());
    Box::pin(each_event_counts_once_whoever_lets_the_sums_follow(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_counts_once_whoever_lets_the_sums_follow_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    Box::pin(each_event_counts_once_whoever_lets_the_sums_follow(&postgres.url)).await;
}
