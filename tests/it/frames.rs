//! A provider whose requests are signed and whose streams are frames: what arrives there, and what
//! comes of what it answers.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::upstream::{Received, Step, Upstream, answer, answer_with, json};
use serde_json::{Value, json as value};

const MODEL: &str = "fc:bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0";
const GOOD: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":1,"totalTokens":10}}"#;

async fn app(upstream: &Upstream) -> TestApp {
    TestApp::builder()
        .set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .set("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .set("AWS_SESSION_TOKEN", "lent-for-a-while")
        .set("AWS_REGION", "eu-west-1")
        .set("RINGSIDE_BEDROCK_BASE_URL", &format!("http://{}", upstream.address))
        .set("RINGSIDE_WEBHOOKS_ALLOW_LOOPBACK", "true")
        .start()
        .await
}

/// A frame as the provider writes it.
fn frame(kind: &str, name: &str, payload: &str) -> Vec<u8> {
    let named = if kind == "event" { ":event-type" } else { ":exception-type" };
    let mut head = Vec::new();
    for (header, text) in [(named, name), (":message-type", kind)] {
        head.push(header.len() as u8);
        head.extend_from_slice(header.as_bytes());
        head.push(7);
        head.extend_from_slice(&(text.len() as u16).to_be_bytes());
        head.extend_from_slice(text.as_bytes());
    }
    let mut frame = ((16 + head.len() + payload.len()) as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn text(piece: &str) -> Vec<u8> {
    frame("event", "contentBlockDelta", &value!({"contentBlockIndex": 0, "delta": {"text": piece}}).to_string())
}

fn end(reason: &str) -> Vec<u8> {
    let usage = value!({"usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12}}).to_string();
    [frame("event", "messageStop", &value!({"stopReason": reason}).to_string()), frame("event", "metadata", &usage)]
        .concat()
}

fn frames(bytes: Vec<u8>) -> Vec<Step> {
    answer("200 OK", "application/vnd.amazon.eventstream", bytes)
}

/// The error that ends a stream, or stands in place of it.
fn error_of(body: &str) -> Value {
    let last = body.trim_end().rsplit("\n\n").next().unwrap_or_default();
    serde_json::from_str::<Value>(last.strip_prefix("data: ").unwrap_or(last)).expect("JSON")["error"].clone()
}

#[tokio::test]
async fn each_try_is_signed_for_the_path_that_it_is_sent_to() {
    let busy =
        answer_with("429 Too Many Requests", &[("x-amzn-errortype", "ThrottlingException:http://internal/")], "{}");
    let upstream = Upstream::start(vec![busy, json("200 OK", GOOD)]).await;
    let app = app(&upstream).await;
    let answer = app.chat(&ask(MODEL, "hello")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hi");
    let received = upstream.received();
    assert_eq!(received.len(), 2);
    for sent in &received {
        assert_eq!(sent.path, "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse");
        let signature = sent.header("authorization").expect("signed");
        let scope = "/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
        assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") && signature.contains(scope));
        assert_eq!(sent.header("x-amz-security-token"), Some("lent-for-a-while"));
        assert!(sent.header("x-amz-date").is_some_and(|at| at.len() == "20261124T141900Z".len() && at.ends_with('Z')));
        assert_eq!(sent.json(), value!({"messages": [{"role": "user", "content": [{"text": "hello"}]}]}));
    }
}

#[tokio::test]
async fn the_kind_of_an_error_is_read_from_its_header() {
    let rows = [
        (
            "400 Bad Request",
            "ValidationException",
            "Input is too long for requested model.",
            400,
            "upstream_context_length_exceeded",
        ),
        ("400 Bad Request", "ValidationException", "Malformed input request.", 400, "upstream_invalid_request"),
        ("400 Bad Request", "ServiceQuotaExceededException", "Quota of us-east-1.", 429, "upstream_quota_exceeded"),
        ("429 Too Many Requests", "ThrottlingException", "Too many tokens.", 429, "upstream_quota_exceeded"),
        ("429 Too Many Requests", "ModelNotReadyException", "Warming up.", 503, "upstream_unavailable"),
        ("424 Failed Dependency", "ModelErrorException", "The model failed.", 503, "upstream_unavailable"),
        ("503 Service Unavailable", "ServiceUnavailableException", "Throttled.", 503, "upstream_unavailable"),
        ("403 Forbidden", "ExpiredTokenException", "The token has expired.", 502, "upstream_auth_failed"),
        ("400 Bad Request", "UnrecognizedClientException", "The token is invalid.", 502, "upstream_auth_failed"),
    ];
    for (status, kind, message, wanted, code) in rows {
        let kind = format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/");
        let body = value!({"message": message}).to_string();
        let upstream =
            Upstream::always(answer_with(status, &[("x-amzn-errortype", &kind), ("retry-after", "60")], body)).await;
        let answer = app(&upstream).await.chat(&ask(MODEL, "hello")).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (wanted, Some(code)), "{kind} {message}");
    }
}

#[tokio::test]
async fn an_exception_in_the_middle_of_a_stream_is_its_end() {
    for (kind, code) in [
        ("throttlingException", "upstream_quota_exceeded"),
        ("modelStreamErrorException", "upstream_unavailable"),
        ("validationException", "upstream_invalid_request"),
        ("somethingNewException", "upstream_unavailable"),
    ] {
        let thrown = frame("exception", kind, r#"{"message":"It is over."}"#);
        let upstream = Upstream::always(frames([text("Hel"), thrown, text("lo")].concat())).await;
        let app = app(&upstream).await;
        let answer = app.chat(&ask_streamed(MODEL, "hello")).await;
        assert_eq!(answer.status, 200);
        let body = answer.text();
        assert!(body.contains(r#""content":"Hel""#) && !body.contains("\"lo\"") && !body.contains("[DONE]"), "{body}");
        let error = error_of(body);
        assert_eq!(error["code"], code, "{kind}");
        assert!(error["message"].as_str().expect("a text").contains("It is over."), "{error}");
    }
}

#[tokio::test]
async fn a_frame_that_was_damaged_ends_the_stream_and_is_never_taken_for_an_answer() {
    let mut damaged = text("forged");
    let last = damaged.len() - 10;
    damaged[last] ^= 1;
    let upstream = Upstream::always(frames([text("Hel"), damaged, end("end_turn")].concat())).await;
    let app = app(&upstream).await;
    let answer = app.chat(&ask_streamed(MODEL, "hello")).await;
    let body = answer.text();
    assert!(body.contains("Hel") && !body.contains("[DONE]"), "{body}");
    assert!(error_of(body)["message"].as_str().expect("a text").contains("checksum"), "{body}");
}

fn picture(content: &[(&str, &str)]) -> Value {
    let parts: Vec<Value> = content
        .iter()
        .map(|(kind, text)| match *kind {
            "text" => value!({"type": "text", "text": text}),
            _ => value!({"type": "image_url", "image_url": {"url": text}}),
        })
        .collect();
    value!({"model": MODEL, "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": parts}]})
}

#[tokio::test]
async fn images_by_url_are_fetched_for_a_provider_that_takes_only_data() {
    let host = Upstream::always(answer("200 OK", "image/jpg", b"\xff\xd8picture")).await;
    let upstream = Upstream::always(json("200 OK", GOOD)).await;
    let app = app(&upstream).await;
    let url = format!("http://{}/cat.jpg", host.address);
    let answer = app.chat(&picture(&[("text", "What?"), ("image", &url), ("image", &url)])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let image = value!({"image": {"format": "jpeg", "source": {"bytes": "/9hwaWN0dXJl"}}});
    let sent: Vec<Received> = upstream.received();
    assert_eq!(sent[0].json()["messages"][0]["content"], value!([{"text": "What?"}, image, image]));
    let fetched = host.received();
    assert_eq!(fetched.len(), 1, "the same URL is fetched once");
    assert!(fetched[0].header("authorization").is_none() && fetched[0].header("x-amz-security-token").is_none());
}

#[tokio::test]
async fn an_image_that_cant_be_had_is_named_and_nothing_is_sent() {
    let page = Upstream::always(answer("200 OK", "text/html", "<html>")).await;
    let missing = Upstream::always(answer("404 Not Found", "text/plain", "")).await;
    let upstream = Upstream::always(json("200 OK", GOOD)).await;
    let app = app(&upstream).await;
    for (url, why) in [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "not on the public internet"),
        ("https://metadata.google.internal/".to_owned(), "not on the public internet"),
        (format!("http://{}/", page.address), "did not answer with an image"),
        (format!("http://{}/", missing.address), "status 404"),
    ] {
        let answer = app.chat(&picture(&[("text", "What?"), ("image", &url)])).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["code"].as_str()), (400, Some("invalid_url")), "{url}");
        assert_eq!(error["param"], "messages[1].content[1].image_url", "{url}");
        assert!(error["message"].as_str().expect("a text").contains(why), "{error}");
    }
    assert!(upstream.received().is_empty(), "the provider was not asked");
}
