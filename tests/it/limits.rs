//! Requests and tokens a minute, and calls at once.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{Answer, eventually, read_until};
use crate::support::upstream::{self, Step, Upstream};
use serde_json::{Value, json};
use std::time::Duration;

async fn limit(app: &TestApp, body: &Value) {
    let answer = app.request("PATCH", "/v1/customers/cus_42").json(body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn call(app: &TestApp, customer: &str, body: &Value) -> Answer {
    app.request("POST", "/v1/chat/completions").header("FC-Customer", customer).json(body).send().await
}

#[tokio::test]
async fn a_customers_requests_a_minute_are_limited_and_told() {
    let app = TestApp::start().await;
    let made = app.post("/v1/customers", &json!({"external_id": "cus_42", "rate_limit_rpm": 2})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    for (body, left) in [(ask("fc:sim/echo", "hi"), "1"), (ask_streamed("fc:sim/echo", "hi"), "0")] {
        let answer = call(&app, "cus_42", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("2"));
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some(left));
        assert!(answer.header("x-ratelimit-reset-requests").is_some_and(|reset| reset.ends_with('s')));
        assert_eq!(answer.header("x-ratelimit-limit-tokens"), None, "there is no such limit");
    }
    // Named in the body it is the same customer, and embeddings are requests too.
    let mut by_body = ask("fc:sim/echo", "hi");
    by_body["user"] = json!("cus_42");
    let embed = json!({"model": "fc:sim/embed", "input": "hi", "user": "cus_42"});
    for (path, body) in [("/v1/chat/completions", by_body), ("/v1/embeddings", embed)] {
        let refused = app.post(path, &body).await;
        let message = refused.assert_error(429, "rate_limit_error", "rate_limited");
        assert!(message.contains("2 requests a minute") && message.contains("rate_limit_rpm"), "{message}");
        assert_eq!(refused.json()["error"]["param"], "user");
        let wait: u64 = refused.header("retry-after").expect("a header").parse().expect("seconds");
        assert!((1..=30).contains(&wait), "{wait}");
        assert_eq!(refused.header("x-should-retry"), None, "it mends within a minute");
        assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    }
    // What was refused is no call: nothing was charged or recorded.
    let events = app.get("/v1/usage/events").await.json();
    assert_eq!(events["data"].as_array().map(Vec::len), Some(2));
    // What is given again for its key is no request.
    limit(&app, &json!({"rate_limit_rpm": 3})).await;
    for replayed in [None, Some("true"), Some("true")] {
        let keyed = app.request("POST", "/v1/chat/completions").header("FC-Customer", "cus_42");
        let answer = keyed.header("Idempotency-Key", "k").json(&ask("fc:sim/echo", "hi")).send().await;
        assert_eq!((answer.status, answer.header("idempotent-replayed")), (200, replayed));
        assert_eq!(answer.header("x-ratelimit-limit-requests").is_some(), replayed.is_none());
    }
    // Others are free, and so is the customer once its limit is gone.
    let other = call(&app, "cus_43", &ask("fc:sim/echo", "hi")).await;
    assert_eq!((other.status, other.header("x-ratelimit-limit-requests")), (200, None));
    limit(&app, &json!({"rate_limit_rpm": null})).await;
    assert_eq!(call(&app, "cus_42", &ask("fc:sim/echo", "hi")).await.status, 200);
    limit(&app, &json!({"rate_limit_rpm": 0})).await;
    let blocked = call(&app, "cus_42", &ask("fc:sim/echo", "hi")).await;
    blocked.assert_error(429, "rate_limit_error", "rate_limited");
    assert_eq!(blocked.header("x-should-retry"), Some("false"), "no waiting mends it");
    app.stop().await;
}

#[tokio::test]
async fn a_customers_tokens_a_minute_are_what_its_calls_used() {
    let app = TestApp::start().await;
    assert_eq!(call(&app, "cus_42", &ask("fc:sim/echo", "hi")).await.status, 200);
    limit(&app, &json!({"rate_limit_tpm": 1000})).await;
    let left = |answer: &Answer| -> u64 {
        answer.header("x-ratelimit-remaining-tokens").expect("a header").parse().expect("a number")
    };
    // The output that is asked for is taken before the call, and what was not used is given back.
    let mut asks_much = ask("fc:sim/echo", "hi");
    asks_much["max_tokens"] = json!(900);
    let first = call(&app, "cus_42", &asks_much).await;
    assert!(left(&first) < 100, "{}", left(&first));
    let second = call(&app, "cus_42", &asks_much).await;
    assert_eq!(second.status, 200, "{}", second.text());
    // A call that gave nothing used nothing, and one that was refused before it went out neither.
    assert_eq!(call(&app, "cus_42", &ask("fc:sim/fail-unavailable", "hi")).await.status, 503);
    limit(&app, &json!({"monthly_budget_usd": 0})).await;
    assert_eq!(call(&app, "cus_42", &asks_much).await.status, 402);
    limit(&app, &json!({"monthly_budget_usd": null})).await;
    let too_large = call(&app, "cus_42", &ask("fc:sim/echo", &"x".repeat(4000))).await;
    let message = too_large.assert_error(429, "rate_limit_error", "rate_limited");
    assert!(message.contains("smaller"), "{message}");
    assert_eq!(too_large.header("x-should-retry"), Some("false"), "no waiting mends it");
    // 800 tokens of input, and as many of output that nobody knew of before.
    let large = call(&app, "cus_42", &ask("fc:sim/echo", &"x".repeat(3200))).await;
    assert_eq!(large.status, 200, "{}", large.text());
    let refused = call(&app, "cus_42", &ask("fc:sim/echo", "hi")).await;
    let message = refused.assert_error(429, "rate_limit_error", "rate_limited");
    assert!(message.contains("1000 tokens a minute") && message.contains("rate_limit_tpm"), "{message}");
    let wait: u64 = refused.header("retry-after").expect("a header").parse().expect("seconds");
    assert!((30..=60).contains(&wait), "600 tokens were too many: {wait}");
    app.stop().await;
}

#[tokio::test]
async fn limits_survive_a_restart_and_one_call_is_one_request_however_many_targets_it_tries() {
    let app = TestApp::start().await;
    app.post("/v1/customers", &json!({"external_id": "cus_42", "rate_limit_rpm": 2})).await;
    let slot = json!({"targets": ["fc:sim/fail-unavailable", "fc:sim/fail-quota", "fc:sim/echo"]});
    let pointed = app.admin("PATCH", "/admin/ringside/slots/a").json(&slot).send().await;
    assert!(pointed.status < 300, "{}", pointed.text());
    let app = app.restart().await;
    let answer = call(&app, "cus_42", &ask("slot:a", "hi")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("1"));
    app.stop().await;
}

/// The caller's account, with limits that an operator gives it.
async fn limit_account(app: &TestApp, body: &Value) -> String {
    let id = app.get("/v1/account").await.json()["id"].as_str().expect("an id").to_owned();
    let answer = app.admin("PATCH", &format!("/admin/ringside/accounts/{id}")).json(body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    id
}

#[tokio::test]
async fn an_accounts_limits_hold_for_all_its_customers_and_tokens_and_for_nobody_else() {
    let app = TestApp::start().await;
    let id = limit_account(&app, &json!({"rate_limit_rpm": 3})).await;
    assert_eq!(app.get("/v1/account").await.json()["rate_limit_rpm"], 3);
    let made = json!({"external_id": "cus_42", "rate_limit_rpm": 1});
    assert_eq!(app.post("/v1/customers", &made).await.status, 201);
    // Of two limits the one that leaves less is told, and a refusal by one takes nothing of the other.
    let first = call(&app, "cus_42", &ask("fc:sim/echo", "hi")).await;
    let told = |answer: &Answer| {
        ["limit", "remaining"].map(|what| answer.header(&format!("x-ratelimit-{what}-requests")).map(str::to_owned))
    };
    assert_eq!((first.status, told(&first)), (200, ["1", "0"].map(|text| Some(text.to_owned()))));
    for _ in 0..3 {
        let refused = call(&app, "cus_42", &ask("fc:sim/echo", "hi")).await;
        let message = refused.assert_error(429, "rate_limit_error", "rate_limited");
        assert!(message.contains("customer `cus_42`, 1 requests a minute"), "{message}");
    }
    let second = call(&app, "cus_43", &ask("fc:sim/echo", "hi")).await;
    assert_eq!((second.status, told(&second)), (200, ["3", "1"].map(|text| Some(text.to_owned()))));
    let path = format!("/admin/ringside/accounts/{id}/tokens");
    let token = app.admin("POST", &path).json(&json!({"name": "other"})).send().await.json();
    let token = token["token"].as_str().expect("a token").to_owned();
    let with = |token: &str| app.anonymous("POST", "/v1/chat/completions").token(token).json(&ask("fc:sim/echo", "hi"));
    assert_eq!(with(&token).send().await.status, 200);
    for token in [&token, &app.token] {
        let refused = with(token).send().await;
        let message = refused.assert_error(429, "rate_limit_error", "rate_limited");
        assert!(message.contains("this account, 3 requests a minute") && message.contains("operator"), "{message}");
        let wait: u64 = refused.header("retry-after").expect("a header").parse().expect("seconds");
        assert!((1..=20).contains(&wait), "{wait}");
    }
    // Another account is free of it.
    let other = json!({"name": "Other", "rate_limit_rpm": 1});
    let other = app.admin("POST", "/admin/ringside/accounts").json(&other).send().await.json();
    let path = format!("/admin/ringside/accounts/{}/tokens", other["id"].as_str().expect("an id"));
    let token = app.admin("POST", &path).json(&json!({"name": "other"})).send().await.json();
    let token = token["token"].as_str().expect("a token");
    assert_eq!(with(token).send().await.status, 200);
    // It was made with a limit of its own.
    with(token).send().await.assert_error(429, "rate_limit_error", "rate_limited");
    // A restart remembers the limit; `null` takes it away.
    let app = app.restart().await;
    assert_eq!(told(&app.chat(&ask("fc:sim/echo", "hi")).await), ["3", "2"].map(|text| Some(text.to_owned())));
    limit_account(&app, &json!({"rate_limit_rpm": null, "rate_limit_tpm": 100})).await;
    let large = app.chat(&ask("fc:sim/echo", &"x".repeat(1000))).await;
    let message = large.assert_error(429, "rate_limit_error", "rate_limited");
    assert!(message.contains("rate_limit_tpm"), "{message}");
    app.stop().await;
}

#[tokio::test]
async fn an_account_runs_so_many_calls_at_once() {
    let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": "where "}, "logprobs": null, "finish_reason": null}]});
    let begins = Step::Write(format!("data: {chunk}\n\n").into_bytes());
    let upstream = Upstream::always(vec![upstream::stream_head(), begins, Step::Pause(Duration::from_secs(600))]).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let id = limit_account(&app, &json!({"max_concurrent_calls": 2, "rate_limit_rpm": 100})).await;
    let never =
        || app.request("POST", "/v1/chat/completions").json(&ask_streamed("fc:openai/gpt-4o-mini", "hi")).open();
    let (mut first, mut second) = (never().await, never().await);
    for stream in [&mut first, &mut second] {
        read_until(stream, "where").await;
    }
    for body in [ask("fc:sim/echo", "hi"), ask_streamed("fc:sim/echo", "hi")] {
        let refused = app.chat(&body).await;
        let message = refused.assert_error(429, "rate_limit_error", "rate_limited");
        assert!(message.contains("2 calls at once") && message.contains("max_concurrent_calls"), "{message}");
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("98"));
    }
    // A hang-up frees a place; nothing else ends these streams.
    drop(first);
    let passes = || async { app.chat(&ask("fc:sim/echo", "hi")).await.status == 200 };
    eventually("a place is free", passes).await;
    // So does the end of an answer, of whatever kind.
    for (model, status) in [("fc:sim/echo", 200), ("fc:sim/fail-unavailable", 503), ("fc:sim/echo", 200)] {
        assert_eq!(app.chat(&ask(model, "hi")).await.status, status, "{model}");
    }
    drop(second);
    let none = json!({"max_concurrent_calls": 0});
    let path = format!("/admin/ringside/accounts/{id}");
    assert_eq!(app.admin("PATCH", &path).json(&none).send().await.json()["max_concurrent_calls"], 0);
    let blocked = app.chat(&ask("fc:sim/echo", "hi")).await;
    blocked.assert_error(429, "rate_limit_error", "rate_limited");
    assert_eq!(blocked.header("x-should-retry"), Some("false"), "no waiting mends it");
    let bad = app.admin("PATCH", &path).json(&json!({"max_concurrent_calls": -1})).send().await;
    bad.assert_error(400, "invalid_request_error", "invalid_request");
    assert_eq!(bad.json()["error"]["param"], "max_concurrent_calls");
    app.stop().await;
}

/// What a call took for its tokens stands while one target fails and the next runs.
#[tokio::test]
async fn a_target_that_is_passed_over_gives_nothing_back() {
    let chunk = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"where\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    let script = vec![upstream::stream_head(), Step::Write(chunk.into()), Step::Pause(Duration::from_secs(600))];
    let app = TestApp::builder().upstream("openai", Upstream::always(script).await.address).start().await;
    limit_account(&app, &json!({"rate_limit_tpm": 1000})).await;
    let slot = json!({"targets": ["fc:sim/fail-unavailable", "fc:openai/gpt-4o-mini"]});
    assert!(app.admin("PATCH", "/admin/ringside/slots/a").json(&slot).send().await.status < 300);
    let mut large = ask_streamed("slot:a", "hi");
    large["max_tokens"] = json!(800);
    let mut stream = app.request("POST", "/v1/chat/completions").json(&large).open().await;
    read_until(&mut stream, "where").await;
    let mut other = ask("fc:sim/echo", "hi");
    other["max_tokens"] = json!(400);
    app.chat(&other).await.assert_error(429, "rate_limit_error", "rate_limited");
    drop(stream);
    eventually("what was not used is given back", || async { app.chat(&other).await.status == 200 }).await;
    app.stop().await;
}
