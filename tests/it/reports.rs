//! Usage and margin: what reports say, and that they say it exactly.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::Answer;
use serde_json::{Value, json};

/// Exact digits of a JSON number.
fn digits(value: &Value) -> String {
    value.to_string()
}

fn rows(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["rows"].as_array().expect("rows").clone()
}

/// Four calls: two of one customer with tags, one of another, and one that fails for nobody.
async fn four_calls(app: &TestApp) {
    let call = |customer: &str, tags: &str, billable: &str| {
        app.request("POST", "/v1/chat/completions")
            .header("FC-Customer", customer)
            .header("FC-Tag", tags)
            .header("FC-Property-Plan", "pro")
            .header("FC-Session-Id", "s1")
            .header("X-FC-Billable-Amount", billable)
    };
    let hello = ask("fc:sim/echo", "Hello there");
    assert_eq!(call("cus_a", "red,blue", "0.5").json(&hello).send().await.status, 200);
    let streamed = ask_streamed("fc:sim/echo", "Hello there");
    assert_eq!(call("cus_a", "red", "0.000000001").json(&streamed).send().await.status, 200);
    let mut body = ask("fc:sim/echo", "Hello there");
    body["user"] = json!("cus_b");
    assert_eq!(app.chat(&body).await.status, 200);
    assert_eq!(app.chat(&ask("fc:sim/fail-invalid-request", "Hello")).await.status, 400);
}

#[tokio::test]
async fn the_call_that_has_just_ended_is_in_the_report() {
    let app = TestApp::start().await;
    four_calls(&app).await;
    let report = app.get("/v1/usage").await;
    assert_eq!(report.status, 200, "{}", report.text());
    let report = report.json();
    let members: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(members.len(), 5, "{report}");
    assert_eq!(report["group_by"], json!([]));
    let total = &report["total"];
    assert_eq!(report["rows"], json!([total]), "without groups there is one row");
    assert_eq!((total["calls"].as_u64(), total["errors"].as_u64()), (Some(4), Some(1)));
    assert_eq!((total["prompt_tokens"].as_u64(), total["completion_tokens"].as_u64()), (Some(9), Some(9)));
    // Three calls of 9 micro-dollars.
    assert_eq!(digits(&total["cost_usd"]), "0.000027");
    assert_eq!(digits(&total["list_cost_usd"]), "0.000027");
    assert!(app.get("/v1/usage").await.text().contains("\"billable_usd\":0.500000001,\"margin_usd\":0.499973001"));
    let from = report["from"].as_str().unwrap();
    assert!(from.ends_with("-01T00:00:00Z") && report["to"].as_str().unwrap().ends_with("-01T00:00:00Z"), "{report}");
}

#[tokio::test]
async fn groups_come_in_the_order_asked_for_and_tags_count_in_each() {
    let app = TestApp::start().await;
    four_calls(&app).await;
    let found = rows(&app.get("/v1/usage?group_by=customer,model").await);
    let calls: Vec<_> =
        found.iter().map(|row| json!([row["customer"], row["model"], row["calls"], row["errors"]])).collect();
    assert_eq!(
        calls,
        [json!([null, "fail-invalid-request", 1, 1]), json!(["cus_a", "echo", 2, 0]), json!(["cus_b", "echo", 1, 0])]
    );
    let answer = app.get("/v1/usage?group_by=tag").await;
    let calls: Vec<_> = rows(&answer).iter().map(|row| json!([row["tag"], row["calls"]])).collect();
    assert_eq!(calls, [json!([null, 2]), json!(["blue", 1]), json!(["red", 2])]);
    assert_eq!(answer.json()["total"]["calls"], 4, "a call with two tags counts once in the total");
    let found = rows(&app.get("/v1/usage?group_by=session,property:PLAN").await);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        (&found[1]["session"], &found[1]["property:plan"], &found[1]["calls"]),
        (&json!("s1"), &json!("pro"), &json!(2))
    );
    for (group, length) in [("hour", 20), ("day", 10), ("month", 7), ("provider", 3)] {
        let found = rows(&app.get(&format!("/v1/usage?group_by={group}")).await);
        assert!(found.iter().all(|row| row[group].as_str().is_some_and(|text| text.len() == length)), "{found:?}");
        assert_eq!(found.iter().filter_map(|row| row["calls"].as_u64()).sum::<u64>(), 4);
    }
}

#[tokio::test]
async fn margin_is_told_in_dollars_and_per_cent() {
    let app = TestApp::start().await;
    four_calls(&app).await;
    let answer = app.get("/v1/margin?group_by=customer").await;
    let text = answer.text();
    assert!(text.contains(r#"{"customer":"cus_a","calls":2,"billable_usd":0.500000001,"cost_usd":0.000018,"margin_usd":0.499982001,"margin_percent":100}"#), "{text}");
    assert!(text.contains(r#"{"customer":"cus_b","calls":1,"billable_usd":0,"cost_usd":0.000009,"margin_usd":-0.000009,"margin_percent":null}"#), "{text}");
}

#[tokio::test]
async fn a_customers_report_is_its_own() {
    let app = TestApp::start().await;
    four_calls(&app).await;
    for path in ["/v1/customers/cus_a/usage", "/v1/customers/ext:cus_a/usage", "/v1/customers/cus%5Fa/usage"] {
        assert_eq!(app.get(path).await.json()["total"]["calls"], 2, "{path}");
    }
    let margin = app.get("/v1/customers/cus_a/margin?group_by=day").await;
    assert_eq!(digits(&rows(&margin)[0]["margin_usd"]), "0.499982001");
    let tagged = app.get("/v1/customers/cus_a/usage?group_by=tag").await;
    assert_eq!(rows(&tagged).len(), 2);
}

#[tokio::test]
async fn what_can_not_be_asked_is_named() {
    let app = TestApp::start().await;
    let long = "x".repeat(256);
    for (path, param) in [
        ("/v1/usage?from=yesterday", "from"),
        ("/v1/usage?to=2026-02-30", "to"),
        ("/v1/usage?from=2026-02-02&to=2026-02-01", "to"),
        ("/v1/usage?group_by=week", "group_by"),
        ("/v1/usage?group_by=day,day", "group_by"),
        ("/v1/usage?group_by=property:", "group_by"),
        ("/v1/usage?groupby=day", "groupby"),
        ("/v1/margin?from=2026-01-01&from=2026-01-02", "from"),
        ("/v1/usage?group_by=tag&from=2020-01-01&to=2026-01-01", "from"),
        (&format!("/v1/customers/{long}/usage"), "customer"),
        ("/v1/customers/ext:/usage", "customer"),
        ("/v1/usage/events?status=fine", "status"),
        ("/v1/usage/events?format=xml", "format"),
        ("/v1/usage/events?limit=101", "limit"),
        ("/v1/usage/events?limit=0", "limit"),
        ("/v1/usage/events?format=csv&limit=100001", "limit"),
        ("/v1/usage/events?cursor=use_none", "cursor"),
        ("/v1/usage/events?custmer=a", "custmer"),
    ] {
        let answer = app.get(path).await;
        answer.assert_error(400, "invalid_request_error", "invalid_request");
        assert_eq!(answer.json()["error"]["param"], param, "{path}");
    }
}

#[tokio::test]
async fn two_accounts_never_see_each_other_and_reading_needs_its_scope() {
    let app = TestApp::start().await;
    four_calls(&app).await;
    let account = app.admin("POST", "/admin/ringside/accounts").json(&json!({"name": "Acme"})).send().await.json();
    let tokens = format!("/admin/ringside/accounts/{}/tokens", account["id"].as_str().unwrap());
    let made = async |scope: &str| {
        let made = app.admin("POST", &tokens).json(&json!({"name": "t", "scopes": [scope]})).send().await.json();
        made["token"].as_str().unwrap().to_owned()
    };
    let (read, chat) = (made("api:read").await, made("api:chat").await);
    let event = app.get("/v1/usage/events?limit=1").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    for path in
        ["/v1/usage", "/v1/margin", "/v1/customers/cus_a/usage", "/v1/customers/cus_a/margin", "/v1/usage?group_by=tag"]
    {
        let answer = app.anonymous("GET", path).token(&read).send().await;
        assert_eq!(answer.json()["total"]["calls"], 0, "{path}");
        let refused = app.anonymous("GET", path).token(&chat).send().await;
        refused.assert_error(403, "permission_error", "insufficient_scope");
    }
    let path = format!("/v1/usage/events/{event}");
    app.anonymous("GET", &path).token(&read).send().await.assert_error(404, "not_found_error", "not_found");
    let path = format!("/v1/usage/events?cursor={event}");
    let answer = app.anonymous("GET", &path).token(&read).send().await;
    answer.assert_error(400, "invalid_request_error", "invalid_request");
    let csv = app.anonymous("GET", "/v1/usage/events?format=csv").token(&read).send().await;
    assert_eq!(csv.text().lines().count(), 1, "the head alone");
}

#[tokio::test]
async fn events_are_filtered() {
    let app = TestApp::start().await;
    four_calls(&app).await;
    let all = app.get("/v1/usage/events").await.json()["data"].as_array().unwrap().clone();
    assert_eq!(all.len(), 4);
    let oldest = &all[3];
    let count = async |query: &str| {
        let answer = app.get(&format!("/v1/usage/events?{query}")).await;
        answer.json()["data"].as_array().map_or_else(|| panic!("{query}: {}", answer.text()), Vec::len)
    };
    assert_eq!(count("customer=cus_a").await, 2);
    assert_eq!(count("customer=ext:cus_a").await, 2);
    assert_eq!(count("model=echo").await, 3);
    assert_eq!(count("model=fc:sim/echo").await, 3);
    assert_eq!(count("model=fc:openai/echo").await, 0);
    assert_eq!(count("status=error").await, 1);
    assert_eq!(count("status=ok&customer=cus_b").await, 1);
    let request = oldest["request_id"].as_str().unwrap();
    assert_eq!(count(&format!("request_id={request}")).await, 1);
    assert_eq!(count("from=2020-01-01&to=2021-01-01").await, 0);
    assert_eq!(count(&format!("from={}", oldest["created"].as_str().unwrap())).await, 4);
    // Pages go on where the last ended, whatever is filtered.
    let echoes: Vec<_> = all.iter().filter(|event| event["model"] == "echo").map(|event| &event["id"]).collect();
    let page = app.get("/v1/usage/events?model=echo&limit=2").await.json();
    let ids =
        |page: &Value| page["data"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
    assert_eq!((page["has_more"].as_bool(), ids(&page).iter().collect()), (Some(true), echoes[..2].to_vec()));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = app.get(&format!("/v1/usage/events?model=echo&limit=2&cursor={cursor}")).await.json();
    assert_eq!((rest["has_more"].as_bool(), ids(&rest).iter().collect()), (Some(false), echoes[2..].to_vec()));
}

#[tokio::test]
async fn events_come_as_lines_and_as_a_table() {
    let app = TestApp::start().await;
    four_calls(&app).await;
    let evil = "=HYPERLINK(\"http://x\",\"y\")";
    let call = app.request("POST", "/v1/chat/completions").header("FC-Customer", evil).header("FC-Session-Id", "a,b");
    assert_eq!(call.json(&ask("fc:sim/echo", "hi")).send().await.status, 200);

    let lines = app.get("/v1/usage/events?format=jsonl").await;
    assert_eq!(lines.header("content-type"), Some("application/jsonl"));
    let events: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed = app.get("/v1/usage/events?format=json").await.json();
    assert_eq!(Value::from(events), listed["data"]);

    let table = app.get("/v1/usage/events?format=csv").await;
    assert!(table.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")));
    let text = table.text();
    assert_eq!(text.split("\r\n").count(), 7, "a head, five rows and the end: {text}");
    assert!(text.starts_with("id,created,request_id,"), "{text}");
    assert!(text.contains(r#","'=HYPERLINK(""http://x"",""y"")","#), "{text}");
    assert!(text.contains(r#","a,b","#), "{text}");
    assert!(text.contains(",0.000009,0.000009,0.5,0.499991,"), "{text}");

    // A file that is cut says where the next begins.
    let first = app.get("/v1/usage/events?format=jsonl&limit=3").await;
    let cursor = first.header("x-ringside-next-cursor").expect("a cursor").to_owned();
    let rest = app.get(&format!("/v1/usage/events?format=jsonl&limit=3&cursor={cursor}")).await;
    assert!(rest.header("x-ringside-next-cursor").is_none());
    assert_eq!(format!("{}{}", first.text(), rest.text()), lines.text());
}

#[tokio::test]
async fn one_event_explains_its_charge() {
    let app = TestApp::start().await;
    let account = json!({"name": "Acme", "plan": "developer"});
    let account = app.admin("POST", "/admin/ringside/accounts").json(&account).send().await.json();
    let tokens = format!("/admin/ringside/accounts/{}/tokens", account["id"].as_str().unwrap());
    let token = app.admin("POST", &tokens).json(&json!({"name": "t"})).send().await.json();
    let token = token["token"].as_str().unwrap();
    let call = app.anonymous("POST", "/v1/chat/completions").token(token).header("X-FC-Billable-Amount", "0.00001");
    assert_eq!(call.json(&ask("fc:sim/echo", "Hello there")).send().await.status, 200);
    let list = app.anonymous("GET", "/v1/usage/events").token(token).send().await.json();
    let path = format!("/v1/usage/events/{}", list["data"][0]["id"].as_str().unwrap());
    let event = app.anonymous("GET", &path).token(token).send().await;
    // 3 × 1 + 3 × 2 USD a million, and Developer's 10 %.
    let charge = r#""charge":{"basis":"rates","prices":{"currency":"USD","unit":"1M tokens","input":1,"output":2},"list_cost_usd":0.000009,"markup_usd":0.0000009,"cost_usd":0.0000099,"billable_usd":0.00001,"margin_usd":0.0000001}"#;
    assert!(event.text().contains(charge), "{}", event.text());
    assert!(event.json()["raw_usage"].is_object(), "{}", event.text());
}
