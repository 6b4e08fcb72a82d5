//! `kill -9` under load, at random moments: every answer that was seen whole has exactly one usage
//! event, what was lost is settled once, and everything still adds up.

use crate::durability::{KEY, all_events};
use crate::support::app::{ask, ask_streamed};
use crate::support::postgres::Postgres;
use crate::support::process::Process;
use crate::wallets::usd;
use rand::RngExt as _;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Kills of one run, each at a random moment.
const KILLS: usize = 50;
const CLIENTS: usize = 6;

/// One call on a connection of its own. `Some`: the answer came to its last byte, and this was its
/// request's id; `None` where the process died before.
async fn call(address: SocketAddr, token: &str, customer: &str, body: &Value) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let body = body.to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nFC-Customer: {customer}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let head = head.to_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let whole = match header("content-length") {
        Some(length) => length.parse() == Ok(rest.len()),
        None => rest.ends_with("0\r\n\r\n") && rest.contains("[DONE]"),
    };
    (head.starts_with("http/1.1 200") && whole).then(|| header("x-request-id").map(str::to_owned)).flatten()
}

fn schema() -> Value {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})
}

async fn killed_under_load(kills: usize, variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a directory");
    let mut seen: HashSet<String> = HashSet::new();
    for kill in 0..kills {
        let process = Process::start(folder.path(), variables).await;
        if kill == 0 {
            let topup = json!({"amount_usd": 5});
            let made = process.request("POST", "/v1/customers/c0/wallet/topup").json(&topup).send().await;
            assert_eq!(made.status, 201, "{}", made.text());
            let body = json!({"external_id": "c1", "monthly_budget_usd": 5});
            assert_eq!(process.request("POST", "/v1/customers").json(&body).send().await.status, 201);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (stop, address, token) = (Arc::clone(&stop), process.address, process.token.clone());
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) {
                        number += 1;
                        let text = format!("kill {kill} client {client} call {number}");
                        let customer = format!("c{}", number % 3);
                        let body = match (client, number % 2) {
                            (0, _) => ask_streamed("fc:sim/slow", &text),
                            // Three attempts, which are held one by one.
                            (1, _) => {
                                let mut body = ask("fc:sim/schema-twice", &text);
                                body["response_format"] = schema();
                                body
                            }
                            (_, 0) => ask("fc:sim/echo", &text),
                            _ => ask_streamed("fc:sim/echo", &text),
                        };
                        match call(address, &token, &customer, &body).await {
                            Some(id) => seen.push(id),
                            None => break,
                        }
                    }
                    seen
                })
            })
            .collect();
        let wait = rand::rng().random_range(5..400);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        process.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            seen.extend(client.await.expect("a client ends"));
        }
    }

    let process = Process::start(folder.path(), variables).await;
    let events = all_events(&process).await;
    let ids: HashSet<&str> = events.iter().map(|event| event["request_id"].as_str().expect("a request id")).collect();
    assert_eq!(ids.len(), events.len(), "a call was recorded twice");
    let lost: Vec<&String> = seen.iter().filter(|id| !ids.contains(id.as_str())).collect();
    assert_eq!(lost, Vec::<&String>::new(), "a call that was seen whole was lost");
    let abandoned = events.iter().filter(|event| event["status"] == "abandoned").count();
    let unseen = events.len() - seen.len();
    assert!(abandoned <= unseen, "what was seen whole was settled to the charge");
    assert!(abandoned > 0, "a slow call was running at every kill");

    let mut spent: HashMap<String, i64> = HashMap::new();
    for event in &events {
        *spent.entry(event["customer"].as_str().expect("a customer").to_owned()).or_default() +=
            usd(&event["cost_usd"]);
    }
    let customers = process.request("GET", "/v1/customers").send().await.json();
    for customer in customers["data"].as_array().expect("a list") {
        let name = customer["external_id"].as_str().expect("an id");
        let of_events = spent.get(name).copied().unwrap_or(0);
        assert_eq!(usd(&customer["spend_usd_mtd"]), of_events, "{name}");
        if name == "c0" {
            assert_eq!(usd(&customer["wallet_balance_usd"]), 5_000_000_000 - of_events);
        }
    }
    let names: HashSet<&str> = customers["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| c["external_id"].as_str().expect("a text"))
        .collect();
    assert_eq!(names.len(), customers["data"].as_array().expect("a list").len(), "one row a customer");
    println!("{kills} kills: {} answers seen whole, {} events, {abandoned} abandoned", seen.len(), events.len());
    // Settled once: another start settles nothing again.
    process.kill();
    let process = Process::start(folder.path(), variables).await;
    assert_eq!(all_events(&process).await.len(), events.len());
    assert_eq!(process.request("GET", "/v1/customers").send().await.json(), customers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_lose_nothing_and_double_nothing_on_sqlite() {
    killed_under_load(KILLS, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_lose_nothing_and_double_nothing_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    killed_under_load(KILLS, &[("RINGSIDE_DATABASE_URL", &postgres.url), KEY]).await;
}
