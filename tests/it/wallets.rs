//! Wallets of customers and accounts, plans and their fees.

use crate::customers::call;
use crate::support::app::{TestApp, ask};
use crate::support::upstream::{self, Upstream};
use serde_json::{Value, json};

/// An amount of an answer in nano-USD. A float of a JSON number is the nearest one, so rounding
/// gives the very amount below nine million dollars.
#[track_caller]
pub fn usd(value: &Value) -> i64 {
    let amount = value.as_f64().unwrap_or_else(|| panic!("{value} is no amount"));
    (amount * 1e9).round() as i64
}

/// The sum of a wallet's entries, page by page.
async fn sum_of_entries(app: &TestApp, customer: &str) -> i64 {
    let (mut sum, mut cursor) = (0, String::new());
    loop {
        let page = app.get(&format!("/v1/customers/{customer}/wallet?limit=7{cursor}")).await.json();
        let entries = page["entries"]["data"].as_array().expect("a list");
        sum += entries.iter().map(|entry| usd(&entry["amount_usd"])).sum::<i64>();
        match page["entries"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return sum,
        }
    }
}

async fn topup(app: &TestApp, customer: &str, amount: &str) -> Value {
    let answer = app.post(&format!("/v1/customers/{customer}/wallet/topup"), &json!({"amount_usd": amount})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_customers_wallet_pays_for_its_calls_until_it_is_empty() {
    let app = TestApp::start().await;
    let none = app.get("/v1/customers/cus_42/wallet").await;
    none.assert_error(404, "not_found_error", "customer_not_found");
    let made = topup(&app, "cus_42", "0.001").await;
    assert_eq!((usd(&made["balance_usd"]), &made["type"]), (1_000_000, &json!("topup")));

    let answer = call(&app, "cus_42", "Hello there").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ringside-wallet-deducted"), Some("0.000009"));
    assert_eq!(answer.header("x-ringside-wallet-balance"), Some("0.000991"));
    let billed = call(&app, "cus_42", "Hello there").header("X-FC-Billable-Amount", "0.0009").send().await;
    assert_eq!(billed.header("x-ringside-wallet-deducted"), Some("0.0009"));
    assert_eq!(billed.header("x-ringside-wallet-balance"), Some("0.000091"));
    let short = call(&app, "cus_42", "Hello there").header("X-FC-Billable-Amount", "0.000092").send().await;
    let message = short.assert_error(402, "billing_error", "customer_wallet_empty");
    assert!(message.contains("0.000091 USD") && message.contains("topup"), "{message}");
    assert!(short.header("retry-after").is_none());

    let wallet = app.get("/v1/customers/cus_42/wallet").await.json();
    assert_eq!(usd(&wallet["balance_usd"]), 91_000);
    let kinds: Vec<&Value> = wallet["entries"]["data"].as_array().unwrap().iter().map(|entry| &entry["type"]).collect();
    assert_eq!(kinds, ["debit", "debit", "topup"]);
    let event = wallet["entries"]["data"][0]["usage_event"].as_str().unwrap();
    assert_eq!(app.get(&format!("/v1/usage/events/{event}")).await.status, 200);

    let adjust = json!({"amount_usd": -0.000_001, "note": "a correction"});
    let adjusted = app.post("/v1/customers/cus_42/wallet/adjust", &adjust).await;
    assert_eq!(adjusted.status, 201, "{}", adjusted.text());
    assert_eq!((adjusted.status, usd(&adjusted.json()["balance_usd"])), (201, 90_000));
    assert_eq!(sum_of_entries(&app, "cus_42").await, 90_000);
    let app = app.restart().await;
    assert_eq!(usd(&app.get("/v1/customers/cus_42/wallet").await.json()["balance_usd"]), 90_000);

    let closed = app.request("DELETE", "/v1/customers/cus_42/wallet").send().await;
    assert_eq!(closed.status, 200, "{}", closed.text());
    assert_eq!((closed.status, usd(&closed.json()["refunded_usd"])), (200, 90_000), "{}", closed.text());
    app.get("/v1/customers/cus_42/wallet").await.assert_error(404, "not_found_error", "not_found");
    assert_eq!(call(&app, "cus_42", "hi").send().await.status, 200, "without a wallet there is no such cap");
    let app = app.restart().await;
    assert_eq!(call(&app, "cus_42", "hi").send().await.status, 200);
    assert_eq!(usd(&topup(&app, "cus_42", "2").await["balance_usd"]), 2_000_000_000);
    assert_eq!(sum_of_entries(&app, "cus_42").await, 2_000_000_000);
}

#[tokio::test]
async fn amounts_that_are_none_are_refused() {
    let app = TestApp::start().await;
    for (path, body) in [
        ("topup", json!({})),
        ("topup", json!({"amount_usd": 0})),
        ("topup", json!({"amount_usd": -1})),
        ("topup", json!({"amount_usd": "0.0000000001"})),
        ("topup", json!({"amount_usd": "1e3"})),
        ("topup", json!({"amount_usd": 1, "note": "x".repeat(501)})),
        ("adjust", json!({"amount_usd": 0})),
    ] {
        let answer = app.post(&format!("/v1/customers/cus_42/wallet/{path}"), &body).await;
        answer.assert_error(400, "invalid_request_error", "invalid_request");
    }
    assert_eq!(app.get("/v1/customers").await.json()["data"], json!([]), "what is refused makes no customer");
}

#[tokio::test]
async fn a_failed_call_debits_nothing() {
    let app = TestApp::start().await;
    topup(&app, "cus_42", "1").await;
    let failing = app
        .request("POST", "/v1/chat/completions")
        .header("FC-Customer", "cus_42")
        .header("X-FC-Billable-Amount", "0.5")
        .json(&ask("fc:sim/fail-invalid-request", "hi"));
    assert_eq!(failing.send().await.status, 400);
    let wallet = app.get("/v1/customers/cus_42/wallet").await.json();
    assert_eq!(usd(&wallet["balance_usd"]), 1_000_000_000);
    assert_eq!(wallet["entries"]["data"].as_array().map(Vec::len), Some(1));
    let event = app.get("/v1/usage/events").await.json()["data"][0].clone();
    assert_eq!((usd(&event["billable_usd"]), usd(&event["cost_usd"])), (500_000_000, 0));
}

async fn account(app: &TestApp, body: Value) -> (String, String) {
    let made = app.admin("POST", "/admin/ringside/accounts").json(&body).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/admin/ringside/accounts/{}", made.json()["id"].as_str().expect("a text"));
    let token = app.admin("POST", &format!("{path}/tokens")).json(&json!({"name": "t"})).send().await.json();
    (path, token["token"].as_str().expect("a text").to_owned())
}

#[tokio::test]
async fn an_account_that_pays_in_advance_calls_while_its_wallet_lasts() {
    let app = TestApp::start().await;
    let (path, token) = account(&app, json!({"name": "Acme", "billing": "prepaid"})).await;
    let chat =
        |text: &str| app.anonymous("POST", "/v1/chat/completions").token(&token).json(&ask("fc:sim/echo", text)).send();
    chat("hi").await.assert_error(402, "billing_error", "wallet_empty");
    let credited = app.admin("POST", &format!("{path}/credits")).json(&json!({"amount_usd": "0.002"})).send().await;
    assert_eq!((credited.status, usd(&credited.json()["balance_usd"])), (201, 2_000_000), "{}", credited.text());
    // Developer pays 10 % on top of 9 micro-USD.
    assert_eq!(chat("Hello there").await.header("x-ringside-cost"), Some("0.0000099"));
    let own = app.anonymous("GET", "/v1/account").token(&token).send().await.json();
    assert_eq!(usd(&own["wallet_balance_usd"]), 2_000_000 - 9_900);
    assert_eq!(
        (&own["plan"], &own["billing"], usd(&own["markup_percent"])),
        (&json!("developer"), &json!("prepaid"), 10_000_000_000)
    );
    let app = app.restart().await;
    let own = app.anonymous("GET", "/v1/account").token(&token).send().await.json();
    assert_eq!((usd(&own["wallet_balance_usd"]), usd(&own["spend_usd_mtd"])), (2_000_000 - 9_900, 9_900));
}

#[tokio::test]
async fn pro_is_debited_once_a_month_and_has_its_own_markup() {
    let app = TestApp::start().await;
    let (path, token) = account(&app, json!({"name": "Acme", "billing": "prepaid"})).await;
    app.admin("POST", &format!("{path}/credits")).json(&json!({"amount_usd": 100})).send().await;
    let balance = async |app: &TestApp| usd(&app.admin("GET", &path).send().await.json()["wallet_balance_usd"]);
    for plan in ["pro", "pro", "developer", "pro"] {
        let changed = app.admin("PATCH", &path).json(&json!({"plan": plan})).send().await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(balance(&app).await, 1_000_000_000, "after {plan}");
    }
    let answer = app
        .anonymous("POST", "/v1/chat/completions")
        .token(&token)
        .json(&ask("fc:sim/echo", "Hello there"))
        .send()
        .await;
    assert_eq!(answer.header("x-ringside-cost"), Some("0.00000954"));
    let app = app.restart().await;
    assert_eq!(balance(&app).await, 1_000_000_000 - 9_540, "a start debits no second fee");
    let changed = app.admin("PATCH", &path).json(&json!({"markup_percent": 3})).send().await;
    changed.assert_error(400, "invalid_request_error", "invalid_request");
    let body = json!({"plan": "enterprise", "markup_percent": 3.25});
    let changed = app.admin("PATCH", &path).json(&body).send().await;
    assert_eq!(usd(&changed.json()["markup_percent"]), 3_250_000_000, "{}", changed.text());
}

/// A provider that bills an answer which is none, and the target that is tried after it.
#[tokio::test]
async fn a_failure_that_was_billed_is_paid_beside_what_follows_it() {
    let billed = r#"{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}"#;
    let upstream = Upstream::always(upstream::json("200 OK", billed)).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let slot = json!({"targets": ["fc:openai/gpt-4o-mini", "fc:sim/echo"]});
    app.admin("PATCH", "/admin/ringside/slots/a").json(&slot).send().await;
    for (customer, billable) in [("by cost", None), ("by amount", Some("0.25"))] {
        let path = format!("/v1/customers/{}", customer.replace(' ', "%20"));
        app.post(&format!("{path}/wallet/topup"), &json!({"amount_usd": 1})).await;
        let mut request = app.request("POST", "/v1/chat/completions").header("FC-Customer", customer);
        request = request.json(&ask("slot:a", "Hello there"));
        if let Some(billable) = billable {
            request = request.header("X-FC-Billable-Amount", billable);
        }
        let answer = request.send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let shown = app.get(&path).await.json();
        // 10 tokens at 0.15 and 20 at 0.6 USD a million; then 3 at 1 and 3 at 2.
        let cost = 1_500 + 12_000 + 3_000 + 6_000;
        assert_eq!(usd(&shown["spend_usd_mtd"]), cost, "{shown}");
        let debit = if billable.is_some() { 250_000_000 } else { cost };
        assert_eq!(usd(&shown["wallet_balance_usd"]), 1_000_000_000 - debit, "{shown}");
        assert_eq!(sum_of_entries(&app, &customer.replace(' ', "%20")).await, 1_000_000_000 - debit);
    }
    app.stop().await;
}
