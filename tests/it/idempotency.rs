//! `Idempotency-Key`: one call, one charge, the same bytes again; through hang-ups, crashes and
//! crowds.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{Answer, Request, eventually, read_answer, read_until};
use crate::support::postgres::Postgres;
use crate::support::process::Process;
use crate::support::upstream::{Step, Upstream, json as answer_json, stream_head};
use serde_json::{Value, json};
use std::time::Duration;

const SECRET: (&str, &str) =
    ("RINGSIDE_SECRET_KEY", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

const COMPLETION: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#;

fn keyed(app: &TestApp, key: &str, body: &Value) -> Request {
    app.request("POST", "/v1/chat/completions").header("Idempotency-Key", key).json(body)
}

async fn calls(app: &TestApp) -> u64 {
    app.get("/v1/usage").await.json()["total"]["calls"].as_u64().expect("calls")
}

#[track_caller]
fn assert_replayed(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.header("original-request"), first.header("x-request-id"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    for name in ["content-type", "x-ringside-cost", "x-ringside-model-used", "transfer-encoding", "cache-control"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
}

#[tokio::test]
async fn the_first_answer_is_given_again_and_charged_once() {
    let app = TestApp::start().await;
    let streamed = ask_streamed("fc:sim/echo", "Hello there, how are you?");
    for (path, body) in [
        ("/v1/chat/completions", ask("fc:sim/echo", "Hello")),
        ("/v1/chat/completions", streamed),
        ("/v1/chat/completions", ask_streamed("fc:sim/fail-midstream", "hi there, long enough")),
        ("/v1/chat/completions", ask("fc:sim/fail-context-length", "hi")),
        ("/v1/chat/completions", ask("fc:sim/fail-content-filter", "hi")),
        ("/v1/embeddings", json!({"model": "fc:sim/embed", "input": "hi"})),
        ("/v1/moderations", json!({"model": "fc:sim/moderate", "input": "hi"})),
    ] {
        let before = calls(&app).await;
        let key = format!("key of {body}").chars().take(200).collect::<String>().replace(['{', '}'], "");
        let send = async || app.request("POST", path).header("Idempotency-Key", &key).json(&body).send().await;
        let first = send().await;
        assert_replayed(&send().await, &first);
        assert_replayed(&send().await, &first);
        assert_eq!(calls(&app).await, before + 1, "{path}: {body}");
    }
}

#[tokio::test]
async fn a_kept_answer_survives_a_restart() {
    let app = TestApp::start().await;
    let body = ask_streamed("fc:sim/echo", "Hello");
    let first = keyed(&app, "k", &body).send().await;
    let app = app.restart().await;
    assert_replayed(&keyed(&app, "k", &body).send().await, &first);
    assert_replayed(&keyed(&app, "\"k\"", &body).send().await, &first);
    assert_eq!(calls(&app).await, 1);
}

#[tokio::test]
async fn what_was_refused_before_it_was_worked_for_is_tried_again() {
    let app = TestApp::start().await;
    for (body, status) in [
        (json!({"model": "fc:sim/echo"}), 400),
        (ask("gpt-4o", "hi"), 400),
        (ask("fc:sim/none", "hi"), 404),
        (ask("fc:openai/gpt-4o", "hi"), 503),
        (ask("fc:sim/fail-quota", "hi"), 429),
        (ask("fc:sim/fail-unavailable", "hi"), 503),
        (ask("fc:sim/fail-auth", "hi"), 502),
    ] {
        let key = body.to_string();
        let key = key.trim_matches(['{', '}']);
        for _ in 0..2 {
            let answer = keyed(&app, key, &body).send().await;
            assert_eq!((answer.status, answer.header("idempotent-replayed")), (status, None), "{}", answer.text());
        }
        // The key is free: another request may have it.
        assert_eq!(keyed(&app, key, &ask("fc:sim/echo", key)).send().await.status, 200);
    }
    let refused = app.anonymous("POST", "/v1/chat/completions").token("ko_wrong").header("Idempotency-Key", "w");
    refused.json(&ask("fc:sim/echo", "hi")).send().await.assert_error(401, "authentication_error", "invalid_api_key");
    assert_eq!(keyed(&app, "w", &ask("fc:sim/echo", "other")).send().await.status, 200);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_account() {
    let app = TestApp::start().await;
    let body = ask("fc:sim/echo", "Hello");
    assert_eq!(keyed(&app, "k", &body).send().await.status, 200);
    let other = keyed(&app, "k", &ask("fc:sim/echo", "Bye")).send().await;
    other.assert_error(422, "invalid_request_error", "idempotency_key_reused");
    assert_eq!(other.json()["error"]["param"], "idempotency-key");
    let path = app.request("POST", "/v1/embeddings").header("Idempotency-Key", "k").json(&body).send().await;
    path.assert_error(422, "invalid_request_error", "idempotency_key_reused");

    let account = app.admin("POST", "/admin/ringside/accounts").json(&json!({"name": "Acme"})).send().await.json();
    let tokens = format!("/admin/ringside/accounts/{}/tokens", account["id"].as_str().unwrap());
    let made = app.admin("POST", &tokens).json(&json!({"name": "t"})).send().await.json();
    let theirs = app.anonymous("POST", "/v1/chat/completions").token(made["token"].as_str().unwrap());
    let theirs = theirs.header("Idempotency-Key", "k").json(&ask("fc:sim/echo", "Bye")).send().await;
    assert_eq!((theirs.status, theirs.header("idempotent-replayed")), (200, None));
    for bad in ["", &"x".repeat(256)] {
        let answer = keyed(&app, bad, &body).send().await;
        answer.assert_error(400, "invalid_request_error", "invalid_request");
        assert_eq!(answer.json()["error"]["param"], "idempotency-key");
    }
}

/// Fifty requests with one key at once: one call goes out.
async fn fifty_at_once(builder: crate::support::app::Builder) {
    let pause = Step::Pause(Duration::from_millis(500));
    let script = [vec![pause], answer_json("200 OK", COMPLETION)].concat();
    let upstream = Upstream::always(script).await;
    let app = builder.upstream("openai", upstream.address).start().await;
    let body = ask("fc:openai/gpt-4o", "hi");
    let sent: Vec<_> = (0..50).map(|_| tokio::spawn(keyed(&app, "k", &body).send())).collect();
    let mut done = Vec::new();
    for sent in sent {
        let answer = sent.await.expect("an answer");
        if answer.status == 200 {
            done.push(answer);
            continue;
        }
        answer.assert_error(409, "conflict_error", "idempotency_in_progress");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("x-should-retry"), None, "the SDKs try a 409 again by themselves");
    }
    assert!(!done.is_empty());
    let again = keyed(&app, "k", &body).send().await;
    assert_eq!(again.body, done[0].body);
    assert_eq!(done.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
    assert_eq!((upstream.received().len(), calls(&app).await), (1, 1));
}

#[tokio::test]
async fn fifty_at_once_are_one_call_on_sqlite() {
    fifty_at_once(TestApp::builder()).await;
}

#[tokio::test]
async fn fifty_at_once_are_one_call_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    fifty_at_once(TestApp::builder().set("RINGSIDE_DATABASE_URL", &postgres.url).set(SECRET.0, SECRET.1)).await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_ends_nothing_and_finds_the_answer_later() {
    let first = r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}"#;
    let last = r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let usage = r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#;
    let upstream = Upstream::always(vec![
        stream_head(),
        Step::Write(format!("{first}\n\n").into()),
        Step::Pause(Duration::from_millis(400)),
        Step::Write(format!("{last}\n\n{usage}\n\ndata: [DONE]\n\n").into()),
    ])
    .await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let body = ask_streamed("fc:openai/gpt-4o", "hi");
    let mut stream = keyed(&app, "k", &body).open().await;
    read_until(&mut stream, "Hi").await;
    drop(stream);
    let again = async || keyed(&app, "k", &body).send().await;
    again().await.assert_error(409, "conflict_error", "idempotency_in_progress");
    eventually("the call is drained and kept", async || again().await.status == 200).await;
    let kept = again().await;
    assert_eq!(kept.events().last().map(String::as_str), Some("[DONE]"), "{}", kept.text());
    assert!(kept.text().contains("\"Hi\""));
    assert_eq!((upstream.received().len(), upstream.hung_up()), (1, 0));
    let event = app.get("/v1/usage/events").await.json()["data"][0].clone();
    assert_eq!((&event["status"], &event["usage"]["prompt_tokens"]), (&json!("ok"), &json!(5)));
    assert_eq!(calls(&app).await, 1);
}

#[tokio::test]
async fn a_stop_lets_a_call_finish_that_nobody_waits_for() {
    let pause = Step::Pause(Duration::from_millis(700));
    let upstream = Upstream::always([vec![pause], answer_json("200 OK", COMPLETION)].concat()).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let body = ask("fc:openai/gpt-4o", "hi");
    let stream = keyed(&app, "k", &body).open().await;
    eventually("the call has gone out", async || upstream.received().len() == 1).await;
    drop(stream);
    let app = app.restart().await;
    let again = keyed(&app, "k", &body).send().await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")), "{}", again.text());
    assert_eq!((upstream.received().len(), calls(&app).await), (1, 1));
}

#[tokio::test]
async fn a_stream_comes_as_it_is_made_and_one_over_a_mebibyte_is_not_kept() {
    let app = TestApp::start().await;
    let mut slow = keyed(&app, "slow", &ask_streamed("fc:sim/slow", "hi")).open().await;
    read_until(&mut slow, "\"content\":\" 2\"").await;
    keyed(&app, "slow", &ask_streamed("fc:sim/slow", "hi")).send().await.assert_error(
        409,
        "conflict_error",
        "idempotency_in_progress",
    );
    drop(slow);

    let text = "0123456789 ".repeat(8 * 1024);
    let body = ask_streamed("fc:sim/echo", &text);
    let first = keyed(&app, "long", &body).send().await;
    assert!(first.body.len() > 1 << 20, "{}", first.body.len());
    assert!(first.text().ends_with("data: [DONE]\n\n"));
    let again = keyed(&app, "long", &body).send().await;
    let message = again.assert_error(409, "conflict_error", "idempotency_stream_incomplete");
    assert!(message.contains(first.header("x-request-id").unwrap()), "{message}");
    assert_eq!(again.header("x-should-retry"), Some("false"));
    // The first call still runs, without its caller.
    let long = app.get("/v1/usage/events?model=echo").await.json();
    assert_eq!(long["data"].as_array().map(Vec::len), Some(1));
}

/// Killed in mid-call: nobody knows how it ended, and it is not charged again. Killed right after
/// the last byte: the answer is given again.
async fn killed(variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a directory");
    let process = Process::start(folder.path(), variables).await;
    let send = |process: &Process, key: &str, body: &Value| {
        process.request("POST", "/v1/chat/completions").header("Idempotency-Key", key).json(body)
    };
    let (slow, echo) = (ask_streamed("fc:sim/slow", "hi"), ask_streamed("fc:sim/echo", "Hello there"));
    let mut stream = send(&process, "slow", &slow).open().await;
    let head = read_until(&mut stream, "\"content\":\" 3\"").await;
    let request = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id").trim().to_owned();
    let mut done = send(&process, "echo", &echo).open().await;
    let whole = read_answer(&mut done).await;
    process.kill();
    assert!(whole.text().ends_with("data: [DONE]\n\n"));

    let process = Process::start(folder.path(), variables).await;
    assert_replayed(&send(&process, "echo", &echo).send().await, &whole);
    for _ in 0..2 {
        let answer = send(&process, "slow", &slow).send().await;
        let message = answer.assert_error(409, "conflict_error", "idempotency_indeterminate");
        assert!(message.contains(&request), "{message}");
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    let other = send(&process, "slow", &echo).send().await;
    other.assert_error(422, "invalid_request_error", "idempotency_key_reused");
    let echoes = process.request("GET", "/v1/usage/events?model=echo").send().await.json();
    assert_eq!(echoes["data"].as_array().map(Vec::len), Some(1));
    process.kill();
}

#[tokio::test]
async fn kill_9_leaves_whole_answers_kept_and_cut_ones_indeterminate_on_sqlite() {
    killed(&[]).await;
}

#[tokio::test]
async fn kill_9_leaves_whole_answers_kept_and_cut_ones_indeterminate_on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    killed(&[("RINGSIDE_DATABASE_URL", &postgres.url), SECRET]).await;
}

#[tokio::test]
async fn a_token_without_the_scope_is_not_given_the_answer() {
    let app = TestApp::start().await;
    let account = app.admin("POST", "/admin/ringside/accounts").json(&json!({"name": "Acme"})).send().await.json();
    let tokens = format!("/admin/ringside/accounts/{}/tokens", account["id"].as_str().unwrap());
    let body = ask("fc:sim/echo", "hi");
    let send = async |scope: &str| {
        let made = app.admin("POST", &tokens).json(&json!({"name": scope, "scopes": [scope]})).send().await.json();
        let request = app.anonymous("POST", "/v1/chat/completions").token(made["token"].as_str().unwrap());
        request.header("Idempotency-Key", "k").json(&body).send().await
    };
    send("api:read").await.assert_error(403, "permission_error", "insufficient_scope");
    assert_eq!(send("api:chat").await.status, 200);
    send("api:read").await.assert_error(403, "permission_error", "insufficient_scope");
    assert_eq!(send("api:chat").await.header("idempotent-replayed"), Some("true"));
}
