//! Hard caps: what passes, what is refused, and that nothing passes them together.

use crate::customers::call;
use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{Answer, eventually, read_until};
use crate::support::postgres::Postgres;
use crate::support::upstream::{self, Upstream};
use crate::wallets::usd;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

async fn patch(app: &TestApp, path: &str, body: Value) {
    let answer = app.request("PATCH", path).json(&body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn budget(app: &TestApp, customer: &str, usd: &str) {
    let body = json!({"external_id": customer, "monthly_budget_usd": usd});
    let answer = app.post("/v1/customers", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[tokio::test]
async fn a_budget_stops_calls_and_a_raised_one_lets_the_next_one_pass() {
    let app = TestApp::start().await;
    budget(&app, "cus_42", "0").await;
    let refused = call(&app, "cus_42", "hi").send().await;
    let message = refused.assert_error(402, "billing_error", "customer_budget_exceeded");
    assert!(message.contains("`cus_42`") && message.contains("monthly_budget_usd"), "{message}");
    assert!(refused.header("retry-after").is_none() && refused.header("x-should-retry").is_none());
    assert_eq!(app.get("/v1/usage/events").await.json()["data"], json!([]), "nothing went out");

    patch(&app, "/v1/customers/cus_42", json!({"monthly_budget_usd": 50})).await;
    assert_eq!(call(&app, "cus_42", "Hello there").send().await.status, 200);
    let customer = app.get("/v1/customers/cus_42").await.json();
    assert_eq!(usd(&customer["budget_remaining_usd"]), 50_000_000_000 - 9_000);
    patch(&app, "/v1/customers/cus_42", json!({"monthly_budget_usd": "0.000009"})).await;
    call(&app, "cus_42", "hi").send().await.assert_error(402, "billing_error", "customer_budget_exceeded");
    patch(&app, "/v1/customers/cus_42", json!({"monthly_budget_usd": null})).await;
    assert_eq!(call(&app, "cus_42", "hi").send().await.status, 200, "no budget is no limit");
    let app = app.restart().await;
    patch(&app, "/v1/customers/cus_42", json!({"monthly_budget_usd": "0.000009"})).await;
    call(&app, "cus_42", "hi").send().await.assert_error(402, "billing_error", "customer_budget_exceeded");
}

#[tokio::test]
async fn an_accounts_budget_counts_all_its_calls() {
    let app = TestApp::start().await;
    patch(&app, "/v1/account", json!({"monthly_budget_usd": "0.001"})).await;
    assert_eq!(call(&app, "a", "Hello there").send().await.status, 200);
    patch(&app, "/v1/account", json!({"monthly_budget_usd": "0.000009"})).await;
    for answer in [call(&app, "b", "hi").send().await, app.chat(&ask("fc:sim/echo", "hi")).await] {
        answer.assert_error(402, "billing_error", "account_budget_exceeded");
    }
    let account = app.get("/v1/account").await.json();
    assert_eq!((usd(&account["spend_usd_mtd"]), usd(&account["budget_remaining_usd"])), (9_000, 0));
    let embeddings = app.post("/v1/embeddings", &json!({"model": "fc:sim/embed", "input": "x"})).await;
    embeddings.assert_error(402, "billing_error", "account_budget_exceeded");
}

#[tokio::test]
async fn the_output_limit_is_lowered_sent_upstream_and_told() {
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi", "refusal": null}, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
    });
    let upstream = Upstream::always(upstream::json("200 OK", answer.to_string())).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let ask = |limit: Option<u64>| {
        let mut body = ask("fc:openai/gpt-4o-mini", "Hello");
        if let Some(limit) = limit {
            body["max_tokens"] = json!(limit);
        }
        app.request("POST", "/v1/chat/completions").header("FC-Customer", "cus_42").json(&body)
    };
    // Without a cap nothing is added and nothing is changed.
    assert_eq!(ask(None).send().await.header("x-ringside-output-limit"), None);
    assert_eq!(ask(Some(9_000_000)).send().await.header("x-ringside-output-limit"), None);
    let sent: Vec<Value> = upstream.received().iter().map(upstream::Received::json).collect();
    assert_eq!((&sent[0]["max_tokens"], &sent[0]["max_completion_tokens"]), (&Value::Null, &Value::Null));
    assert_eq!(sent[1]["max_tokens"], 9_000_000);

    // 0.6 USD a million for output, and 1 USD in a tier that may come unasked: 0.01 USD affords
    // some 10,000 tokens, an eighth of it 1,250.
    patch(&app, "/v1/customers/cus_42", json!({"monthly_budget_usd": "0.0101"})).await;
    let unstated = ask(None).send().await;
    assert_eq!(unstated.header("x-ringside-output-limit"), Some("4096"), "{}", unstated.text());
    assert_eq!(ask(Some(100)).send().await.header("x-ringside-output-limit"), None);
    let lowered = ask(Some(9_000_000)).send().await;
    let told: u64 = lowered.header("x-ringside-output-limit").unwrap().parse().unwrap();
    assert!((9_500..10_100).contains(&told), "{told}");
    let sent: Vec<Value> = upstream.received().iter().skip(2).map(upstream::Received::json).collect();
    assert_eq!(sent[0]["max_completion_tokens"], 4096);
    assert_eq!(sent[1]["max_tokens"], 100);
    assert_eq!(sent[2]["max_tokens"], told);

    // What is left affords fewer than 256 tokens: not worth a call, unless fewer were asked for.
    patch(&app, "/v1/customers/cus_42", json!({"monthly_budget_usd": "0.00012"})).await;
    ask(None).send().await.assert_error(402, "billing_error", "customer_budget_exceeded");
    assert_eq!(ask(Some(5)).send().await.status, 200);
}

#[tokio::test]
async fn what_open_holds_alone_refuse_is_told_apart() {
    let app = TestApp::start().await;
    budget(&app, "cus_42", "0.001").await;
    let slow = app.request("POST", "/v1/chat/completions").header("FC-Customer", "cus_42");
    let mut stream = slow.json(&ask_streamed("fc:sim/slow", "hi")).open().await;
    read_until(&mut stream, "data:").await;
    let refused = call(&app, "cus_42", "hi").send().await;
    let message = refused.assert_error(402, "billing_error", "customer_budget_exceeded");
    assert!(message.contains("calls that run now"), "{message}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("x-should-retry"), Some("true"));
    drop(stream);
    eventually("the hold of a call that was hung up on is released", async || {
        call(&app, "cus_42", "hi").send().await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_hold_is_released_whatever_becomes_of_its_call() {
    let app = TestApp::start().await;
    // Room for one call of 256 tokens at a time.
    budget(&app, "cus_42", "0.0012").await;
    for model in ["fail-unavailable", "fail-quota", "fail-invalid-request", "fail-context-length", "fail-midstream"] {
        for body in [ask(&format!("fc:sim/{model}"), "hi"), ask_streamed(&format!("fc:sim/{model}"), "hi")] {
            let failed = app.request("POST", "/v1/chat/completions").header("FC-Customer", "cus_42").json(&body);
            let failed = failed.send().await;
            assert!(failed.status != 402, "{model}: {}", failed.text());
        }
    }
    let mut refused = ask("fc:sim/echo", "hi");
    refused["n"] = json!(0);
    assert_eq!(app.chat(&refused).await.status, 400);
    let answer = call(&app, "cus_42", "hi").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What became of the calls of one customer.
#[derive(Default)]
struct Tally {
    passed: usize,
    refused: usize,
}

/// Clients that call for customers at random, with failures, hang-ups, slow streams and billable
/// amounts; then every sum is held against every other.
async fn many_clients_and_customers(app: &TestApp, seed: u64, clients: usize, calls: usize) {
    const CUSTOMERS: [&str; 4] = ["by budget", "by wallet", "by both", "by default"];
    const MODELS: [&str; 10] = [
        "fc:sim/echo",
        "fc:sim/echo",
        "fc:sim/echo",
        "fc:sim/slow",
        "fc:sim/fail-midstream",
        "fc:sim/usage-missing",
        "fc:sim/usage-negative",
        "fc:sim/schema-once",
        "fc:sim/schema-always",
        "slot:over",
    ];
    const BUDGET: i64 = 3_000_000;
    const WALLET: i64 = 4_000_000;
    patch(app, "/v1/account", json!({"default_customer_budget_usd": "0.003", "monthly_budget_usd": "0.009"})).await;
    for customer in ["by wallet", "by both"] {
        let path = format!("/v1/customers/{}/wallet/topup", customer.replace(' ', "%20"));
        assert_eq!(app.post(&path, &json!({"amount_usd": "0.004"})).await.status, 201);
    }
    patch(app, "/v1/customers/by%20wallet", json!({"monthly_budget_usd": 1})).await;
    let slot = json!({"targets": ["fc:sim/fail-unavailable", "fc:sim/echo"]});
    let pointed = app.admin("PATCH", "/admin/ringside/slots/over").json(&slot).send().await;
    assert!(pointed.status < 300, "{}", pointed.text());
    let client = async |number: usize| {
        let mut rng = StdRng::seed_from_u64(seed + number as u64);
        let mut tally = Tally::default();
        for _ in 0..calls {
            let customer = CUSTOMERS[rng.random_range(0..CUSTOMERS.len())];
            let model = MODELS[rng.random_range(0..MODELS.len())];
            let text = "x".repeat(rng.random_range(1..400));
            let streamed = model == "fc:sim/slow" || rng.random_bool(0.5);
            let mut body = ask(model, &text);
            body["stream"] = json!(streamed);
            if model.contains("schema") {
                let schema =
                    json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
                body["response_format"] =
                    json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
            }
            if rng.random_bool(0.5) {
                body["max_tokens"] = json!(rng.random_range(1..300));
            }
            let mut request = app.request("POST", "/v1/chat/completions").header("FC-Customer", customer).json(&body);
            if rng.random_bool(0.3) {
                request = request.header("X-FC-Billable-Amount", &format!("0.0000{:02}", rng.random_range(0..100)));
            }
            if streamed && (model == "fc:sim/slow" || rng.random_bool(0.3)) {
                // Reads a little and leaves.
                let mut stream = request.open().await;
                read_until(&mut stream, "\r\n\r\n").await;
                drop(stream);
                continue;
            }
            let answer: Answer = request.send().await;
            match answer.status {
                402 => tally.refused += 1,
                _ => tally.passed += 1,
            }
        }
        tally
    };
    let tallies = futures_util::future::join_all((0..clients).map(client)).await;
    assert!(tallies.iter().any(|tally| tally.passed > 0) && tallies.iter().any(|tally| tally.refused > 0));
    eventually("every call is over", async || app.metric("ringside_http_connections").await <= 1.0).await;

    let mut events: Vec<Value> = Vec::new();
    let mut path = "/v1/usage/events?limit=100".to_owned();
    loop {
        let page = app.get(&path).await.json();
        events.extend(page["data"].as_array().cloned().expect("a list"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/usage/events?limit=100&cursor={cursor}");
    }
    let sum = |events: &mut dyn Iterator<Item = &Value>| events.map(|event| usd(&event["cost_usd"])).sum::<i64>();
    let account = app.get("/v1/account").await.json();
    assert_eq!(usd(&account["spend_usd_mtd"]), sum(&mut events.iter()), "the account's events sum to its spending");
    assert!(usd(&account["spend_usd_mtd"]) <= 9_000_000, "{account}");
    for name in CUSTOMERS {
        let encoded = name.replace(' ', "%20");
        let customer = app.get(&format!("/v1/customers/{encoded}")).await.json();
        let spent = usd(&customer["spend_usd_mtd"]);
        assert_eq!(spent, sum(&mut events.iter().filter(|event| event["customer"] == name)), "{name}");
        if name != "by wallet" {
            assert!(spent <= BUDGET, "{customer}");
        }
        if customer["wallet_balance_usd"].is_null() {
            continue;
        }
        let balance = usd(&customer["wallet_balance_usd"]);
        assert!((0..=WALLET).contains(&balance), "{customer}");
        let (mut entries, mut path) = (0, format!("/v1/customers/{encoded}/wallet?limit=100"));
        loop {
            let page = app.get(&path).await.json();
            entries +=
                page["entries"]["data"].as_array().expect("a list").iter().map(|e| usd(&e["amount_usd"])).sum::<i64>();
            let Some(cursor) = page["entries"]["next_cursor"].as_str() else { break };
            path = format!("/v1/customers/{encoded}/wallet?limit=100&cursor={cursor}");
        }
        assert_eq!(entries, balance, "{name}: the entries sum to the balance");
        let of_customer = events.iter().filter(|event| event["customer"] == name);
        let debits: i64 = of_customer
            .map(|event| match event["billable_usd"].is_null() {
                true => usd(&event["cost_usd"]),
                // A call that gave nothing debits nothing.
                false if event["status"] == "error" && usd(&event["cost_usd"]) == 0 => 0,
                false => usd(&event["billable_usd"]),
            })
            .sum();
        assert_eq!(WALLET - debits, balance, "{name}: what was charged was debited");
    }
    // Nothing stays held: with room for one call and little more, one call passes.
    patch(app, "/v1/account", json!({"monthly_budget_usd": null})).await;
    for name in ["by budget", "by default"] {
        let path = format!("/v1/customers/{}", name.replace(' ', "%20"));
        let spent = usd(&app.get(&path).await.json()["spend_usd_mtd"]);
        let room = ringside::money::NanoUsd(spent + 800_000).to_string();
        patch(app, &path, json!({"monthly_budget_usd": room})).await;
        let answer = call(app, name, "hi").send().await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
}

#[tokio::test]
async fn no_cap_is_passed_by_many_clients_and_everything_adds_up() {
    let app = TestApp::start().await;
    many_clients_and_customers(&app, 1, 12, 25).await;
    let before = (app.get("/v1/account").await.json(), app.get("/v1/customers").await.json());
    let app = app.restart().await;
    let after = (app.get("/v1/account").await.json(), app.get("/v1/customers").await.json());
    assert_eq!(before, after, "what is rebuilt is what was");
}

#[tokio::test]
async fn no_cap_is_passed_on_postgresql_either() {
    let Some(postgres) = Postgres::start() else { return };
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let app = TestApp::builder().set("RINGSIDE_DATABASE_URL", &postgres.url).set("RINGSIDE_SECRET_KEY", key);
    let app = app.start().await;
    many_clients_and_customers(&app, 7, 8, 20).await;
    let before = (app.get("/v1/account").await.json(), app.get("/v1/customers").await.json());
    let app = app.restart().await;
    let after = (app.get("/v1/account").await.json(), app.get("/v1/customers").await.json());
    assert_eq!(before, after, "what is rebuilt is what was");
}
