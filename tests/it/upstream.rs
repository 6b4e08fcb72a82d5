//! Upstreams that misbehave, and what callers see of it.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{eventually, read_until};
use crate::support::upstream::{Step, Upstream, answer, answer_with, json, stream, stream_head};
use serde_json::{Value, json as value};
use std::io::Write as _;
use std::time::Duration;

const MODEL: &str = "fc:openai/gpt-4o-mini";
const GOOD: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#;
const CHUNKS: &str = concat!(
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"total_tokens\":10}}\n\n",
    "data: [DONE]\n\n"
);

async fn app(upstream: &Upstream) -> TestApp {
    TestApp::builder()
        .upstream("openai", upstream.address)
        .set("RINGSIDE_UPSTREAM_FIRST_BYTE", "500ms")
        .set("RINGSIDE_UPSTREAM_IDLE", "500ms")
        .set("RINGSIDE_UPSTREAM_ANSWER", "64KiB")
        .set("RINGSIDE_UPSTREAM_EVENT", "16KiB")
        .start()
        .await
}

async fn events(app: &TestApp) -> Vec<Value> {
    app.get("/v1/usage/events?limit=100").await.json()["data"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_good_answer_passes_byte_for_byte_and_is_charged() {
    let upstream = Upstream::always(json("200 OK", GOOD)).await;
    let app = app(&upstream).await;
    let mut body = ask(MODEL, "hello");
    body["user"] = value!("cus_42");
    body["max_tokens"] = value!(10);
    let answer = app.chat(&body).await;
    assert_eq!((answer.status, answer.text()), (200, GOOD));
    // 9 × 0.15 + 1 × 0.6 USD a million.
    assert_eq!(answer.header("x-ringside-cost"), Some("0.00000195"));
    let sent = &upstream.received()[0];
    assert_eq!(sent.path, "/v1/chat/completions");
    assert_eq!(sent.header("authorization"), Some("Bearer sk-secret-of-OPENAI"));
    assert_eq!(sent.header("accept"), Some("application/json"));
    assert_eq!(
        sent.json(),
        value!({"max_tokens": 10, "model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}),
        "the customer is not sent on"
    );
    assert!(sent.headers.iter().all(|(name, _)| !name.starts_with("fc-") && !name.starts_with("x-fc")));
    let event = &events(&app).await[0];
    assert_eq!(event["customer"], "cus_42");
    assert_eq!(event["cost_usd"].to_string(), "1.95e-6");
    assert_eq!(event["usage"]["prompt_tokens"], 9);
    assert_eq!(event["response_id"], "chatcmpl-1");
    assert_eq!(event["status"], "ok");
}

#[tokio::test]
async fn a_stream_passes_and_usage_is_cut_unless_asked_for() {
    let upstream = Upstream::always(stream(CHUNKS)).await;
    let app = app(&upstream).await;
    let answer = app.chat(&ask_streamed(MODEL, "hello")).await;
    let expected = CHUNKS.replace(",\"usage\":null", "");
    let expected: Vec<&str> =
        expected.split_inclusive("\n\n").filter(|event| !event.contains("\"choices\":[]")).collect();
    assert_eq!(answer.text(), expected.concat());
    let sent = &upstream.received()[0];
    assert_eq!(sent.json()["stream_options"], value!({"include_usage": true}));
    // One that negotiates what it sends takes the first.
    assert_eq!(sent.header("accept"), Some("text/event-stream, application/json"));
    let mut asked = ask_streamed(MODEL, "hello");
    asked["stream_options"] = value!({"include_usage": true});
    assert_eq!(app.chat(&asked).await.text(), CHUNKS);
    for event in events(&app).await {
        assert_eq!((&event["usage"]["prompt_tokens"], &event["usage"]["completion_tokens"]), (&value!(9), &value!(1)));
        assert_eq!(event["streamed"], true);
    }
}

#[tokio::test]
async fn however_a_stream_is_cut_into_packets_it_is_the_same() {
    let pieces: Vec<Step> = CHUNKS.as_bytes().chunks(7).map(|piece| Step::Write(piece.to_vec())).collect();
    let upstream = Upstream::always([vec![stream_head()], pieces].concat()).await;
    let app = app(&upstream).await;
    let mut asked = ask_streamed(MODEL, "hello");
    asked["stream_options"] = value!({"include_usage": true});
    assert_eq!(app.chat(&asked).await.text(), CHUNKS);
}

#[tokio::test]
async fn what_is_no_answer_is_unavailable() {
    let page = "<html><body><h1>502 Bad Gateway</h1>nginx/1.2.3</body></html>";
    let unreadable: Vec<(&str, Vec<Step>)> = vec![
        ("garbage", json("200 OK", "\u{1}\u{2}garbage")),
        ("half", json("200 OK", &GOOD[..100])),
        ("empty", json("200 OK", "")),
        ("null", json("200 OK", "null")),
        ("another object", json("200 OK", "{\"hello\":1}")),
        ("a page", answer("200 OK", "text/html", page)),
        ("an error page", answer("502 Bad Gateway", "text/html", page)),
        ("a redirect", answer_with("302 Found", &[("location", "http://127.0.0.1:1/")], "")),
        ("nothing at all", vec![]),
        ("no HTTP", vec![Step::Write(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())]),
        ("a cut body", vec![Step::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{".to_vec())]),
        ("silence", vec![Step::Hang]),
        ("silence within", vec![Step::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()), Step::Hang]),
        ("too much", json("200 OK", format!("{{\"a\":\"{}\"}}", "x".repeat(100_000)))),
        ("an object too deep", json("200 OK", "[".repeat(100_000))),
    ];
    for (name, script) in unreadable {
        let upstream = Upstream::always(script).await;
        let app = TestApp::builder()
            .upstream("openai", upstream.address)
            .set("RINGSIDE_UPSTREAM_FIRST_BYTE", "300ms")
            .set("RINGSIDE_UPSTREAM_IDLE", "300ms")
            .set("RINGSIDE_UPSTREAM_ANSWER", "64KiB")
            .set("RINGSIDE_UPSTREAM_ATTEMPTS", "1")
            .start()
            .await;
        let answer = app.chat(&ask(MODEL, "hello")).await;
        assert_eq!(answer.status, 503, "{name}: {}", answer.text());
        let message = answer.assert_error(503, "api_error", "upstream_unavailable");
        assert!(!message.contains("nginx") && !message.contains("127.0.0.1"), "{name}: {message}");
        assert!(answer.header("retry-after").is_some());
        let events = events(&app).await;
        assert_eq!(events.len(), 1, "{name}");
        assert_eq!(events[0]["status"], "error", "{name}");
        assert_eq!(events[0]["cost_usd"].to_string(), "0", "{name}");
    }
}

#[tokio::test]
async fn streams_that_go_wrong_end_in_one_error_event() {
    let begun = CHUNKS.split_inclusive("\n\n").take(2).collect::<String>();
    let scripts: Vec<(&str, Vec<Step>)> = vec![
        ("cut between events", stream(begun.clone())),
        ("cut in an event", stream(CHUNKS[..begun.len() + 30].to_owned())),
        ("garbage", stream(format!("{begun}data: {{garbage\n\n"))),
        ("silence", vec![stream_head(), Step::Write(begun.clone().into()), Step::Hang]),
        ("an event too large", stream(format!("{begun}data: {{\"a\":\"{}\"}}\n\n", "x".repeat(40_000)))),
        (
            "an error",
            stream(format!(
                "{begun}data: {{\"error\":{{\"message\":\"boom\",\"type\":\"server_error\",\"code\":null,\"param\":null}}}}\n\n"
            )),
        ),
        (
            "a reset",
            vec![Step::Write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata:"
                    .to_vec(),
            )],
        ),
    ];
    for (name, script) in scripts {
        let upstream = Upstream::always(script).await;
        let app = app(&upstream).await;
        let answer = app.chat(&ask_streamed(MODEL, "hello")).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let events_seen = answer.events();
        let errors: Vec<&String> = events_seen.iter().filter(|event| event.contains("\"error\"")).collect();
        assert_eq!(errors.len(), 1, "{name}: {events_seen:?}");
        let error: Value = serde_json::from_str(events_seen.last().unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "upstream_unavailable", "{name}");
        assert!(!answer.text().contains("[DONE]"), "{name}");
        let events = events(&app).await;
        assert_eq!((events.len(), &events[0]["status"]), (1, &value!("error")), "{name}");
        if name != "a reset" {
            // What had been produced is charged, as the provider bills it; Ringside counted.
            assert_eq!(events[0]["estimated"], true, "{name}: {}", events[0]);
            assert_ne!(events[0]["cost_usd"].to_string(), "0", "{name}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_was_no_stream_is_an_error() {
    for body in ["<html>busy</html>", GOOD] {
        let kind = if body == GOOD { "application/json" } else { "text/html" };
        let upstream = Upstream::always(answer("200 OK", kind, body)).await;
        let app = app(&upstream).await;
        app.chat(&ask_streamed(MODEL, "hello")).await.assert_error(503, "api_error", "upstream_unavailable");
    }
    let error = r#"{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}"#;
    let upstream = Upstream::always(json("200 OK", error)).await;
    let app = app(&upstream).await;
    let answer = app.chat(&ask_streamed(MODEL, "hello")).await;
    answer.assert_error(400, "invalid_request_error", "upstream_context_length_exceeded");
}

#[tokio::test]
async fn gzip_is_taken_though_nobody_asked_for_it() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(GOOD.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let upstream = Upstream::always(answer_with("200 OK", &headers, packed)).await;
    let app = app(&upstream).await;
    let answer = app.chat(&ask(MODEL, "hello")).await;
    assert_eq!((answer.status, answer.text()), (200, GOOD));
    assert!(answer.header("content-encoding").is_none());
}

#[tokio::test]
async fn a_stream_that_never_ends_is_ended() {
    let endless: Vec<Step> = (0..400)
        .flat_map(|_| [Step::Write(b": still here\n\n".to_vec()), Step::Pause(Duration::from_millis(20))])
        .collect();
    let upstream = Upstream::always([vec![stream_head()], endless].concat()).await;
    let app =
        TestApp::builder().upstream("openai", upstream.address).set("RINGSIDE_UPSTREAM_TOTAL", "400ms").start().await;
    let answer = app.chat(&ask_streamed(MODEL, "hello")).await;
    assert!(answer.text().contains("upstream_unavailable"), "{}", answer.text());
    eventually("the upstream is let go", async || upstream.hung_up() == 1).await;
}

#[tokio::test]
async fn errors_are_the_contracts_and_keep_no_secret() {
    for (status, body, expected, code) in [
        (
            "400 Bad Request",
            r#"{"error":{"message":"bad temperature","type":"invalid_request_error","param":"temperature","code":null}}"#,
            400,
            "upstream_invalid_request",
        ),
        (
            "400 Bad Request",
            r#"{"error":{"message":"long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            400,
            "upstream_context_length_exceeded",
        ),
        (
            "400 Bad Request",
            r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"content_filter"}}"#,
            400,
            "upstream_content_filter",
        ),
        (
            "401 Unauthorized",
            r#"{"error":{"message":"Incorrect API key provided: sk-secret-of-OPENAI","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            502,
            "upstream_auth_failed",
        ),
        ("403 Forbidden", r#"{"error":{"message":"no access for sk-secret-of-OPENAI"}}"#, 502, "upstream_auth_failed"),
        (
            "404 Not Found",
            r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
            400,
            "upstream_invalid_request",
        ),
        (
            "429 Too Many Requests",
            r#"{"error":{"message":"slow down sk-secret-of-OPENAI","code":"rate_limit_exceeded"}}"#,
            429,
            "upstream_quota_exceeded",
        ),
        (
            "500 Internal Server Error",
            r#"{"error":{"message":"oops","type":"server_error"}}"#,
            503,
            "upstream_unavailable",
        ),
        ("503 Service Unavailable", "", 503, "upstream_unavailable"),
    ] {
        let upstream = Upstream::always(json(status, body)).await;
        let app = TestApp::builder()
            .upstream("openai", upstream.address)
            .set("RINGSIDE_UPSTREAM_ATTEMPTS", "1")
            .start()
            .await;
        for request in [ask(MODEL, "hello"), ask_streamed(MODEL, "hello")] {
            let answer = app.chat(&request).await;
            assert_eq!(answer.status, expected, "{status}: {}", answer.text());
            assert_eq!(answer.json()["error"]["code"], code, "{status}");
            assert!(!answer.text().contains("sk-secret"), "{}", answer.text());
        }
        assert_eq!(events(&app).await.len(), 2);
    }
}

#[tokio::test]
async fn a_failed_try_is_followed_by_another_and_counted() {
    let busy = json("503 Service Unavailable", "{}");
    let upstream = Upstream::start(vec![busy.clone(), vec![], json("200 OK", GOOD)]).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let answer = app.chat(&ask(MODEL, "hello")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ringside-attempts"), Some("3"));
    assert_eq!(upstream.received().len(), 3);
    assert_eq!(events(&app).await[0]["attempts"], 3);

    // A delay that is told is kept; one that is too long is passed on.
    let wait = answer_with("429 Too Many Requests", &[("retry-after", "90")], "{}");
    let upstream = Upstream::always(wait).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let answer = app.chat(&ask(MODEL, "hello")).await;
    answer.assert_error(429, "rate_limit_error", "upstream_quota_exceeded");
    assert_eq!(answer.header("retry-after"), Some("90"));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert_eq!(upstream.received().len(), 1);

    // What the caller did wrong is not tried again.
    let upstream = Upstream::always(json("400 Bad Request", "{}")).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    app.chat(&ask(MODEL, "hello")).await.assert_error(400, "invalid_request_error", "upstream_invalid_request");
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn a_hang_up_cancels_the_call_and_settles_what_was_produced() {
    let begun = CHUNKS.split_inclusive("\n\n").take(2).collect::<String>();
    let upstream = Upstream::always(vec![stream_head(), Step::Write(begun.into()), Step::Hang]).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let mut stream = app.request("POST", "/v1/chat/completions").json(&ask_streamed(MODEL, "hello")).open().await;
    read_until(&mut stream, "\"Hi\"").await;
    drop(stream);
    eventually("the upstream sees it", async || upstream.hung_up() == 1).await;
    eventually("it is recorded", async || !events(&app).await.is_empty()).await;
    let event = &events(&app).await[0];
    assert_eq!(event["status"], "aborted");
    assert_eq!(event["usage"]["completion_tokens"], 1, "{event}");
    assert_eq!(event["estimated"], true);

    // Before the first byte too.
    let upstream = Upstream::always(vec![Step::Hang]).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    let stream = app.request("POST", "/v1/chat/completions").json(&ask(MODEL, "hello")).open().await;
    eventually("the call arrives", async || upstream.received().len() == 1).await;
    drop(stream);
    eventually("the upstream sees it", async || upstream.hung_up() == 1).await;
    eventually("it is recorded", async || !events(&app).await.is_empty()).await;
    assert_eq!(events(&app).await[0]["status"], "aborted");
}

#[tokio::test]
async fn a_customers_hash_is_sent_where_the_operator_says_so() {
    let upstream = Upstream::always(json("200 OK", GOOD)).await;
    let app =
        TestApp::builder().upstream("openai", upstream.address).set("RINGSIDE_FORWARD_USER", "hashed").start().await;
    let mut body = ask(MODEL, "hello");
    body["user"] = value!("cus_42");
    app.chat(&body).await;
    app.chat(&body).await;
    let users: Vec<Value> = upstream.received().iter().map(|sent| sent.json()["user"].clone()).collect();
    assert_eq!(users[0], users[1]);
    let hash = users[0].as_str().unwrap();
    assert!(hash.len() == 32 && !hash.contains("cus_42"));
}
