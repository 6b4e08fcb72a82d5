//! Hard deletion: nothing that identifies a customer stays, in any file or table.

use crate::customers::call;
use crate::durability::KEY;
use crate::support::app::{TestApp, ask_streamed};
use crate::support::client::{eventually, read_until};
use crate::support::postgres::Postgres;
use ringside::id::TokenHash;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What must not be found, besides the customer's id here.
const MARKS: [&str; 6] = ["kunde-7f3a", "Name-of-7f3a", "meta-7f3a", "tag-7f3a", "session-7f3a", "property-7f3a"];

/// Where any of these texts stands: in files of the application's folder, or in PostgreSQL.
fn found(app: &TestApp, postgres: Option<&Postgres>, texts: &[String]) -> Vec<String> {
    let files = std::fs::read_dir(app.folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut places: Vec<(String, Vec<u8>)> =
        files.filter_map(|path| Some((path.display().to_string(), std::fs::read(path).ok()?))).collect();
    places.extend(postgres.map(|postgres| ("PostgreSQL".to_owned(), postgres.dump())));
    let mut found = Vec::new();
    for (place, bytes) in places {
        let holds = |text: &[u8]| memchr::memmem::find(&bytes, text).is_some();
        // A dump has bytes in hexadecimal digits.
        let standing = texts.iter().filter(|text| holds(text.as_bytes()) || holds(hex(text).as_bytes()));
        found.extend(standing.map(|text| format!("{place}: {text}")));
    }
    found
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn a_purged_customer_is_found_nowhere_though_a_call_of_it_runs() {
    found_nowhere(TestApp::start().await, None).await;
}

#[tokio::test]
async fn a_purged_customer_is_found_nowhere_in_postgresql_either() {
    let Some(postgres) = Postgres::start() else { return };
    let app = TestApp::builder().set("RINGSIDE_DATABASE_URL", &postgres.url).set(KEY.0, KEY.1).start().await;
    found_nowhere(app, Some(&postgres)).await;
}

async fn found_nowhere(app: TestApp, postgres: Option<&Postgres>) {
    let body = json!({"external_id": MARKS[0], "name": MARKS[1], "metadata": {"k": MARKS[2]}, "monthly_budget_usd": 1});
    let made = app.post("/v1/customers", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().expect("its id").to_owned();
    let path = format!("/v1/customers/{}", MARKS[0]);
    let topup = json!({"amount_usd": 1, "note": "note-7f3a"});
    assert_eq!(app.post(&format!("{path}/wallet/topup"), &topup).await.status, 201);
    for _ in 0..30 {
        let request = call(&app, MARKS[0], "Hello there").header("FC-Tag", MARKS[3]);
        let request = request.header("FC-Session-Id", MARKS[4]).header("FC-Property-K", MARKS[5]);
        assert_eq!(request.send().await.status, 200);
    }
    let mut texts: Vec<String> = MARKS.iter().map(|mark| (*mark).to_owned()).collect();
    // An answer that is kept for its key says what was said.
    let keyed = call(&app, MARKS[0], "said-7f3a").header("Idempotency-Key", "key-7f3a");
    assert_eq!(keyed.clone().send().await.status, 200);
    assert_eq!(keyed.send().await.header("idempotent-replayed"), Some("true"));
    // No hash of its id stays either.
    let hash = TokenHash(Sha256::digest(MARKS[0].as_bytes()).into()).to_hex();
    app.get("/v1/usage").await;
    texts.extend([id.clone(), "note-7f3a".to_owned(), "said-7f3a".to_owned()]);
    let seen = found(&app, postgres, &texts).join("\n");
    for text in &texts {
        assert!(seen.contains(text), "the test finds what is there: {text} is not in {seen}");
    }
    texts.extend([hash.clone(), hash[..32].to_owned(), "key-7f3a".to_owned()]);

    let slow = app.request("POST", "/v1/chat/completions").header("FC-Customer", MARKS[0]);
    let slow = slow.header("FC-Tag", MARKS[3]).header("FC-Session-Id", MARKS[4]);
    let mut stream = slow.json(&ask_streamed("fc:sim/slow", "hi")).open().await;
    read_until(&mut stream, "data:").await;
    // Its hold has reached the table.
    app.get("/v1/usage/events").await;
    let purged = app.request("DELETE", &format!("{path}?hard=true")).send().await;
    assert_eq!(purged.status, 204, "{}", purged.text());
    assert_eq!(found(&app, postgres, &texts), Vec::<String>::new());
    let again = app.request("DELETE", &format!("{path}?hard=true")).send().await;
    again.assert_error(404, "not_found_error", "customer_not_found");
    app.get(&format!("/v1/customers/{id}")).await.assert_error(404, "not_found_error", "customer_not_found");

    let rest = read_answer_rest(&mut stream).await;
    assert!(rest.contains("[DONE]"), "the call that ran goes on to its end: {rest}");
    let events = app.get("/v1/usage/events?limit=100").await.json();
    let events = events["data"].as_array().expect("a list");
    assert_eq!(events.len(), 32, "what was used stays");
    for event in events {
        assert_eq!((&event["customer"], &event["session_id"]), (&Value::Null, &Value::Null));
        assert_eq!((&event["tags"], &event["properties"]), (&json!([]), &json!({})));
    }
    let account = app.get("/v1/account").await.json();
    let sum: f64 = events.iter().map(|event| event["cost_usd"].as_f64().expect("a cost")).sum();
    assert!((account["spend_usd_mtd"].as_f64().expect("an amount") - sum).abs() < 1e-12, "{account}");
    assert_eq!(found(&app, postgres, &texts), Vec::<String>::new(), "nor by what came after");

    // The same external id is somebody new.
    assert_eq!(call(&app, MARKS[0], "hi").send().await.status, 200);
    assert_ne!(app.get(&path).await.json()["id"], id.as_str());
    let app = app.restart().await;
    assert_eq!(app.get("/v1/customers").await.json()["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(found(&app, postgres, &[id]), Vec::<String>::new());
}

async fn read_answer_rest(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(stream, &mut bytes);
    let _ = tokio::time::timeout(crate::support::client::PATIENCE, reading).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn first_calls_and_purges_at_once_leave_no_trace_of_who_was_purged() {
    let app = TestApp::start().await;
    let mut purged = Vec::new();
    for _ in 0..5 {
        call(&app, "again-7f3a", "hi").send().await;
        let id = app.get("/v1/customers/again-7f3a").await.json()["id"].as_str().unwrap().to_owned();
        let calls = (0..8).map(|_| call(&app, "again-7f3a", "hi").send());
        let purge = app.request("DELETE", "/v1/customers/again-7f3a?hard=true").send();
        let (answers, purge) = futures_util::future::join(futures_util::future::join_all(calls), purge).await;
        assert_eq!(purge.status, 204, "{}", purge.text());
        for answer in answers {
            assert!(matches!(answer.status, 200 | 403), "{}", answer.text());
        }
        purged.push(id);
    }
    eventually("the journal is drained", async || app.metric("ringside_journal_pending_events").await == 0.0).await;
    assert_eq!(found(&app, None, &purged), Vec::<String>::new());
}
