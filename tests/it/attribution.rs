//! What a caller says of a call stands on its usage event, whatever the endpoint.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{Answer, Request};
use serde_json::{Value, json};

/// One call of every endpoint, streamed and not, successful and failing.
fn calls() -> Vec<(&'static str, Value, u16)> {
    vec![
        ("/v1/chat/completions", ask("fc:sim/echo", "hi"), 200),
        ("/v1/chat/completions", ask_streamed("fc:sim/echo", "hi"), 200),
        ("/v1/chat/completions", ask_streamed("fc:sim/fail-midstream", "hi there, long enough"), 200),
        ("/v1/chat/completions", ask("fc:sim/fail-quota", "hi"), 429),
        ("/v1/embeddings", json!({"model": "fc:sim/embed", "input": "hi"}), 200),
        ("/v1/moderations", json!({"model": "fc:sim/moderate", "input": "hi"}), 200),
    ]
}

fn labelled(request: Request) -> Request {
    request
        .header("FC-Tag", "red, blue")
        .header("fc-tag", "blue,green")
        .header("FC-Session-Id", "workflow_abc")
        .header("FC-Property-Plan", "enterprise")
        .header("fc-property-TEAM", "größe")
        .header("X-FC-Billable-Amount", "0.250000001")
        .header("HTTP-Referer", "https://leak.example")
        .header("X-Title", "leak")
}

#[tokio::test]
async fn headers_stand_on_the_event_of_every_endpoint() {
    let app = TestApp::start().await;
    for (path, body, status) in calls() {
        let answer = labelled(app.request("POST", path)).header("FC-Customer", "cus_42").json(&body).send().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let list = app.get("/v1/usage/events?limit=1").await;
        assert!(!list.text().contains("leak"), "{}", list.text());
        let event = list.json()["data"][0].clone();
        assert_eq!(event["endpoint"], path);
        assert_eq!(event["request_id"].as_str(), answer.header("x-request-id"));
        assert_eq!(event["customer"], "cus_42");
        assert_eq!(event["tags"], json!(["red", "blue", "green"]), "{path}");
        assert_eq!(event["session_id"], "workflow_abc");
        assert_eq!(event["properties"], json!({"plan": "enterprise", "team": "größe"}));
        assert_eq!(event["billable_usd"].to_string(), "0.250000001");
    }
}

#[tokio::test]
async fn the_header_wins_over_the_body_and_what_looks_personal_is_warned_of() {
    let app = TestApp::start().await;
    for (path, body, status) in calls().into_iter().filter(|(_, _, status)| *status == 200) {
        let mut body = body;
        body["user"] = json!("cus_of_body");
        let customer = async || app.get("/v1/usage/events?limit=1").await.json()["data"][0]["customer"].clone();
        let answer = app.post(path, &body).await;
        assert_eq!((answer.status, answer.header("x-ringside-warning")), (status, None));
        assert_eq!(customer().await, "cus_of_body", "{path}");
        let answer = app.request("POST", path).header("FC-Customer", "jane@example.com").json(&body).send().await;
        assert!(answer.header("x-ringside-warning").is_some_and(|text| text.contains("e-mail")), "{path}");
        assert_eq!(customer().await, "jane@example.com");
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused_before_anything_is_called() {
    let app = TestApp::start().await;
    let long = "x".repeat(256);
    for (path, body, _) in calls() {
        for (name, value) in [
            ("X-FC-Billable-Amount", "-0.1"),
            ("X-FC-Billable-Amount", "0.0000000001"),
            ("X-FC-Billable-Amount", "1e3"),
            ("FC-Customer", &long),
            ("FC-Session-Id", &long),
            ("FC-Tag", &long),
            ("FC-Property-A", &long),
        ] {
            let answer = app.request("POST", path).header(name, value).json(&body).send().await;
            answer.assert_error(400, "invalid_request_error", "invalid_request");
            assert_eq!(answer.json()["error"]["param"], name.to_lowercase());
        }
    }
    assert_eq!(app.get("/v1/usage").await.json()["total"]["calls"], 0);
}

async fn billed(app: &TestApp, customer: &str, body: &Value) -> Answer {
    let request = app.request("POST", "/v1/chat/completions").header("FC-Customer", customer);
    request.header("X-FC-Billable-Amount", "0.25").json(body).send().await
}

/// How many events a customer has, the models of those with a billable amount, and what its margin says.
async fn billables(app: &TestApp, customer: &str) -> (usize, Vec<String>, Value) {
    let events = app.get(&format!("/v1/usage/events?customer={customer}")).await.json();
    let events = events["data"].as_array().expect("a list");
    let billed = events.iter().filter(|event| !event["billable_usd"].is_null());
    let margin = app.get(&format!("/v1/customers/{customer}/margin")).await.json();
    let models = billed.map(|event| event["model"].as_str().expect("a text").to_owned()).collect();
    (events.len(), models, margin["total"]["billable_usd"].clone())
}

#[tokio::test]
async fn what_a_call_is_billed_for_counts_once_however_often_it_was_tried() {
    let app = TestApp::start().await;
    for (alias, targets, failover_on) in [
        ("a", ["fc:sim/fail-unavailable", "fc:sim/echo"], json!(["upstream_unavailable"])),
        ("down", ["fc:sim/fail-unavailable", "fc:sim/fail-quota"], json!(["upstream_unavailable"])),
        ("schema", ["fc:sim/schema-always", "fc:sim/schema-twice"], json!(["response_schema_validation_failed"])),
        ("breaks", ["fc:sim/fail-midstream", "fc:sim/echo"], json!(["upstream_unavailable"])),
    ] {
        let slot = json!({"targets": targets, "failover_on": failover_on});
        let pointed = app.admin("PATCH", &format!("/admin/ringside/slots/{alias}")).json(&slot).send().await;
        assert!(pointed.status < 300, "{}", pointed.text());
    }
    let wanted = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    let with_schema = |model: &str| {
        let mut body = ask(model, "A city, please");
        body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "city", "schema": wanted}});
        body
    };
    for (customer, body, status, billed_on) in [
        ("over", ask("slot:a", "hi"), 200, (2, "echo")),
        ("streamed", ask_streamed("slot:a", "hi"), 200, (2, "echo")),
        // A call that fails for good keeps its amount, on its last event.
        ("failed", ask("slot:down", "hi"), 429, (2, "fail-quota")),
        ("one", ask("fc:sim/fail-unavailable", "hi"), 503, (1, "fail-unavailable")),
        // A stream that has begun is not left.
        ("broken", ask_streamed("slot:breaks", "hello there"), 200, (1, "fail-midstream")),
        // Three attempts are one event.
        ("thrice", with_schema("fc:sim/schema-twice"), 200, (1, "schema-twice")),
        ("both", with_schema("slot:schema"), 200, (2, "schema-twice")),
    ] {
        let topup = format!("/v1/customers/{customer}/wallet/topup");
        assert_eq!(app.post(&topup, &json!({"amount_usd": 1})).await.status, 201);
        assert_eq!(billed(&app, customer, &body).await.status, status, "{customer}");
        let (events, models, margin) = billables(&app, customer).await;
        assert_eq!((events, models, margin), (billed_on.0, vec![billed_on.1.to_owned()], json!(0.25)), "{customer}");
        let wallet = app.get(&format!("/v1/customers/{customer}/wallet")).await.json();
        let left = if ["failed", "one"].contains(&customer) { 1.0 } else { 0.75 };
        assert_eq!(wallet["balance_usd"].as_f64(), Some(left), "{customer}: what gave something is debited once");
    }
    app.stop().await;
}
