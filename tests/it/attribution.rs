//! What a caller says of a call stands on its usage event, whatever the endpoint.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::Request;
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
