//! What survives: `kill -9`, restarts, a full disk's worth of bad luck.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::eventually;
use crate::support::postgres::Postgres;
use crate::support::process::Process;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};
use serde_json::{Value, json};
use std::collections::HashSet;

pub const KEY: (&str, &str) =
    ("RINGSIDE_SECRET_KEY", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

pub async fn all_events(process: &Process) -> Vec<Value> {
    let mut all = Vec::new();
    let mut path = "/v1/usage/events?limit=100".to_owned();
    loop {
        let page = process.request("GET", &path).send().await.json();
        all.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/usage/events?limit=100&cursor={cursor}"),
            None => return all,
        }
    }
}

/// Answers that were seen whole are recorded once each, though the process is killed right after
/// the last byte, again and again.
async fn killed_again_and_again(variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a directory");
    let mut seen: HashSet<String> = HashSet::new();
    for round in 0..4 {
        let process = Process::start(folder.path(), variables).await;
        for number in 0..6 {
            let text = format!("round {round} call {number}");
            let body = if number % 2 == 0 { ask("fc:sim/echo", &text) } else { ask_streamed("fc:sim/echo", &text) };
            let answer = process.request("POST", "/v1/chat/completions").json(&body).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.text().contains(if number % 2 == 0 { "usage" } else { "[DONE]" }));
            seen.insert(answer.header("x-request-id").expect("a request id").to_owned());
        }
        process.kill();
    }
    let process = Process::start(folder.path(), variables).await;
    let events = all_events(&process).await;
    let recorded: HashSet<String> =
        events.iter().map(|event| event["request_id"].as_str().expect("a request id").to_owned()).collect();
    assert_eq!(recorded, seen);
    assert_eq!(events.len(), seen.len(), "an event was recorded twice");
    process.kill();
}

#[tokio::test]
async fn a_seen_answer_survives_kill_9_once_on_sqlite() {
    killed_again_and_again(&[]).await;
}

#[tokio::test]
async fn a_seen_answer_survives_kill_9_once_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    killed_again_and_again(&[("RINGSIDE_DATABASE_URL", &postgres.url), KEY]).await;
}

#[tokio::test]
async fn postgresql_serves_what_sqlite_serves() {
    let Some(postgres) = Postgres::start() else { return };
    let app = TestApp::builder().set("RINGSIDE_DATABASE_URL", &postgres.url).set(KEY.0, KEY.1).start().await;
    let made = app
        .admin("POST", "/admin/ringside/accounts")
        .json(&json!({"name": "Acme ü", "email": "a@example.com"}))
        .send()
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let tokens = format!("/admin/ringside/accounts/{}/tokens", made.json()["id"].as_str().unwrap());
    let token = app.admin("POST", &tokens).json(&json!({"name": "ci"})).send().await.json();
    let chat = app.anonymous("POST", "/v1/chat/completions").token(token["token"].as_str().unwrap());
    let chat = chat.header("FC-Tag", "a,b").header("FC-Property-Team", "red").header("X-FC-Billable-Amount", "0.5");
    assert_eq!(chat.json(&ask("fc:sim/echo", "Hello there")).send().await.status, 200);
    let list = app.anonymous("GET", "/v1/usage/events").token(token["token"].as_str().unwrap()).send().await.json();
    let event = &list["data"][0];
    // Developer pays 10 % on top of 3 × 1 + 3 × 2 USD a million.
    assert_eq!(event["list_cost_usd"].as_f64(), Some(0.000_009));
    assert_eq!(event["cost_usd"].as_f64(), Some(0.000_009_9));
    assert_eq!(event["billable_usd"].as_f64(), Some(0.5));
    assert_eq!(event["tags"], json!(["a", "b"]));
    assert_eq!(event["properties"], json!({"team": "red"}));
    let id = token["id"].as_str().unwrap();
    assert_eq!(app.admin("DELETE", &format!("{tokens}/{id}")).send().await.status, 204);
    let other = app.get("/v1/usage/events").await.json();
    assert_eq!(other["data"], json!([]), "an account sees its own events only");
    let app = app.restart().await;
    assert_eq!(
        app.admin("GET", "/admin/ringside/accounts").send().await.json()["data"].as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn a_stop_leaves_sums_of_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("shared.db").display());
    let app = TestApp::builder().set("RINGSIDE_DATABASE_URL", &url).start().await;
    for _ in 0..3 {
        assert_eq!(app.chat(&ask("fc:sim/echo", "Hello")).await.status, 200);
    }
    app.stop().await;
    let raw = sea_orm::Database::connect(&url).await.unwrap();
    for table in ["usage_by_account", "usage_by_customer"] {
        let sql = format!("SELECT span, SUM(calls) AS calls FROM {table} GROUP BY span ORDER BY span");
        let rows = raw.query_all_raw(Statement::from_string(DatabaseBackend::Sqlite, sql)).await.unwrap();
        let calls: Vec<i64> = rows.iter().map(|row| row.try_get("", "calls").unwrap()).collect();
        assert_eq!(calls, [3, 3, 3], "{table}: by day, hour and month");
    }
}

#[tokio::test]
async fn a_second_process_waits_for_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("shared.db").display());
    let app = TestApp::builder().set("RINGSIDE_DATABASE_URL", &url).start().await;
    let waiting = ringside::store::Store::open(&url, std::time::Duration::from_millis(200)).await;
    assert!(waiting.is_err_and(|error| error.to_string().contains("another process")));
    app.stop().await;
    assert!(ringside::store::Store::open(&url, std::time::Duration::ZERO).await.is_ok());
}

/// A rolling restart: the next process is started while the last still serves, and takes over.
async fn a_newcomer_takes_over(variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a directory");
    let old = Process::start(folder.path(), variables).await;
    let chat =
        |process: &Process| process.request("POST", "/v1/chat/completions").json(&ask("fc:sim/echo", "hi")).send();
    assert_eq!(chat(&old).await.status, 200);
    let newcomer = async {
        let new = Process::start(folder.path(), variables).await;
        // It listens already; its first answer comes when the database is its own.
        let answer = chat(&new).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        new
    };
    let waited = std::time::Duration::from_millis(2500);
    let leaving = async {
        tokio::time::sleep(waited).await;
        assert_eq!(chat(&old).await.status, 200, "it serves to its end");
        old.kill();
    };
    let begun = std::time::Instant::now();
    let (new, ()) = tokio::join!(newcomer, leaving);
    assert!(begun.elapsed() >= waited, "it waited");
    assert_eq!(all_events(&new).await.len(), 3, "and knows what the last one recorded");
    new.kill();
}

#[tokio::test]
async fn a_newcomer_takes_over_a_sqlite_file() {
    a_newcomer_takes_over(&[]).await;
}

#[tokio::test]
async fn a_newcomer_takes_over_a_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    a_newcomer_takes_over(&[("RINGSIDE_DATABASE_URL", &postgres.url), KEY]).await;
}

/// A supervisor that starts the next process where the last still listens.
#[tokio::test]
async fn a_newcomer_takes_over_the_address_too() {
    let folder = tempfile::tempdir().expect("a directory");
    let old = Process::start(folder.path(), &[]).await;
    let address = old.address;
    let mut new = Process::start_at(address, folder.path(), &[]).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(new.runs(), "it waits, though the address is taken");
    old.kill();
    eventually("the newcomer listens", async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
    let answer = new.request("POST", "/v1/chat/completions").json(&ask("fc:sim/echo", "hi")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    new.kill();
}

/// Nobody who holds the database will leave the address: waiting would help nobody.
#[test]
fn an_address_that_another_program_has_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a directory");
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ringside"));
    program.current_dir(folder.path()).env("RINGSIDE_LISTEN", other.local_addr().expect("an address").to_string());
    let output = program.output().expect("the program starts and ends");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("Set another address with RINGSIDE_LISTEN"), "{told}");
}

#[tokio::test]
async fn events_reach_the_database_by_themselves() {
    let app = TestApp::start().await;
    app.chat(&ask("fc:sim/echo", "hi")).await;
    eventually("the journal is drained", async || app.metric("ringside_journal_pending_events").await == 0.0).await;
}

#[tokio::test]
async fn usage_that_is_not_credible_is_counted_here() {
    let app = TestApp::start().await;
    for model in ["usage-missing", "usage-zero", "usage-negative"] {
        for body in
            [ask(&format!("fc:sim/{model}"), "hello world"), ask_streamed(&format!("fc:sim/{model}"), "hello world")]
        {
            assert_eq!(app.chat(&body).await.status, 200);
            let event = app.get("/v1/usage/events?limit=1").await.json()["data"][0].clone();
            assert_eq!(event["estimated"], true, "{event}");
            // `hello world` is two tokens of o200k; a message costs three more.
            assert_eq!(event["usage"]["completion_tokens"], 2, "{model}: {event}");
            assert_eq!(event["usage"]["prompt_tokens"], 5, "{model}: {event}");
            assert!(event["cost_usd"].as_f64().unwrap() > 0.0);
        }
    }
}
