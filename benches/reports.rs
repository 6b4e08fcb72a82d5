//! How long reports of a large table take: `cargo bench --bench reports -- 2000000` makes that many
//! events of one account in a SQLite file of its own, a month of 500 customers and 12 models, and
//! prints the median of several tries of each report.

use ringside::billing::reports::{Question, parse, report};
use ringside::clock::Timestamp;
use ringside::store::Store;
use sea_orm::ConnectionTrait as _;
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const DAY: i64 = 86_400_000;

fn main() {
    // Cargo adds flags of its own.
    let events = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(2_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(events));
}

async fn measure(events: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    let begun = Instant::now();
    fill(&url, events).await;
    println!("{events} events made in {:.1} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let store = Store::open(&url, Duration::ZERO).await.expect("a database");
    println!("sums of all of them made by the migration in {:.1} s", begun.elapsed().as_secs_f64());

    let month = (START, START + 31 * DAY);
    let ragged = (START + 12_345_678, START + 29 * DAY + 7_654_321);
    for (what, groups, customer, (from, to)) in [
        ("month: total", "", None, month),
        ("month by day", "day", None, month),
        ("month by hour", "hour", None, month),
        ("month by model, provider", "model,provider", None, month),
        ("month by customer", "customer", None, month),
        ("month by customer, model", "customer,model", None, month),
        ("month by day, customer", "day,customer", None, month),
        ("29 ragged days by model", "model", None, ragged),
        ("29 ragged days by customer", "customer", None, ragged),
        ("one customer by day", "day", Some("cus_42"), month),
        ("one customer by hour, model", "hour,model", Some("cus_42"), month),
        ("a day by tag, from events", "tag", None, (START + 9 * DAY, START + 10 * DAY)),
        ("one customer's month by tag, from events", "tag", Some("cus_42"), month),
        ("month by tag, from events", "tag", None, month),
    ] {
        let question = Question {
            account: "acct_1".to_owned(),
            customer: customer.map(str::to_owned),
            from: Timestamp(from),
            to: Timestamp(to),
            groups: parse(groups).expect("groups"),
        };
        let mut times = Vec::new();
        let mut rows = 0;
        while times.len() < 5 {
            let begun = Instant::now();
            let given = report(&store, &question).await.expect("a report");
            times.push(begun.elapsed());
            rows = given.rows.len();
            assert!(given.total.calls > 0);
        }
        times.sort();
        println!("{what:<42} {rows:>6} rows {:>10.2} ms", times[2].as_secs_f64() * 1000.0);
    }
    store.close().await;
}

/// Makes a database as it was before there were sums, so that opening it makes them.
async fn fill(url: &str, events: u64) {
    Store::open(url, Duration::ZERO).await.expect("a database").close().await;
    let raw = sea_orm::Database::connect(url).await.expect("a database");
    let step = 31 * DAY / i64::try_from(events.max(1)).expect("not that many");
    let insert = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {events}) \
         INSERT INTO usage_events (id, account_id, token_id, request_id, created, customer, endpoint, reference, \
         provider, model, prompt_tokens, completion_tokens, cached_input_tokens, usage, raw_usage, estimated, \
         cost_nano_usd, list_cost_nano_usd, billable_nano_usd, price_version, tags, properties, status, attempts, \
         streamed, latency_ms) \
         SELECT printf('use_%026d', i), 'acct_1', 'tok_1', printf('req_%026d', i), {START} + i * {step}, \
         printf('cus_%d', i * 7919 % 500), '/v1/chat/completions', 'fc:p/m', printf('p%d', i % 3), \
         printf('model-%d', i % 12), 1000 + i % 500, i % 300, i % 100, '{{}}', \
         '{{\"prompt_tokens\":1000,\"completion_tokens\":100,\"total_tokens\":1100}}', 0, \
         1000 + i % 997, 900 + i % 997, 5000, 'specs-0', \
         CASE i % 3 WHEN 0 THEN '[\"red\"]' WHEN 1 THEN '[\"red\",\"blue\"]' ELSE '[]' END, \
         '{{\"plan\":\"pro\"}}', 'ok', 1, 0, 10 FROM n"
    );
    for statement in [
        "DROP TABLE usage_by_account",
        "DROP TABLE usage_by_customer",
        "DROP TABLE usage_sums_progress",
        "DROP INDEX usage_events_customer_created",
        "DELETE FROM seaql_migrations WHERE version IN ('m20261125_000005_rollups', 'm20261126_000012_sums_behind')",
        &insert,
    ] {
        raw.execute_unprepared(statement).await.expect("it works");
    }
    raw.close().await.expect("closed");
}
