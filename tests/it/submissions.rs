//! A provider whose calls only ask for an answer: what is asked of it until the answer is there,
//! and that it is stopped where nobody waits.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{eventually, read_until};
use crate::support::upstream::{Step, Upstream, answer, json, stream_head};
use serde_json::{Value, json as value};

const MODEL: &str = "fc:replicate/meta/llama-3-70b-instruct";

async fn app(upstream: &Upstream) -> TestApp {
    TestApp::builder()
        .set("REPLICATE_API_TOKEN", "r8_secret")
        .set("RINGSIDE_REPLICATE_BASE_URL", &format!("http://{}", upstream.address))
        .start()
        .await
}

fn prediction(status: &str, more: &Value) -> Vec<Step> {
    let mut body = value!({
        "id": "p1",
        "model": "meta/llama-3-70b-instruct",
        "status": status,
        "urls": {
            "get": "https://api.replicate.com/v1/predictions/p1",
            "cancel": "https://api.replicate.com/v1/predictions/p1/cancel",
            "stream": "https://streaming-api.svc.us.c.replicate.net/v1/streams/s1"
        }
    });
    for (name, member) in more.as_object().expect("an object") {
        body[name] = member.clone();
    }
    json(if status == "starting" { "201 Created" } else { "200 OK" }, body.to_string())
}

fn whole() -> Vec<Step> {
    let metrics = value!({"input_token_count": 9, "output_token_count": 3});
    prediction("succeeded", &value!({"output": ["Grü", "ße"], "metrics": metrics}))
}

fn sse(events: &str) -> Vec<Step> {
    vec![stream_head(), Step::Write(events.as_bytes().to_vec())]
}

/// Method-less paths in the order they were called.
fn paths(upstream: &Upstream) -> Vec<String> {
    upstream.received().into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn it_is_asked_for_until_it_is_whole() {
    let running = prediction("processing", &value!({"output": ["Grü"]}));
    let upstream = Upstream::start(vec![prediction("starting", &value!({})), running, whole()]).await;
    let app = app(&upstream).await;
    let mut body = ask(MODEL, "hello");
    body["messages"] = value!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Again"}
    ]);
    body["max_tokens"] = value!(50);
    let answer = app.chat(&body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Grüße");
    assert_eq!(answer.json()["usage"]["prompt_tokens"], 9);
    let received = upstream.received();
    assert_eq!(
        paths(&upstream),
        ["/v1/models/meta/llama-3-70b-instruct/predictions", "/v1/predictions/p1", "/v1/predictions/p1"]
    );
    assert!(received.iter().all(|request| request.header("authorization") == Some("Bearer r8_secret")));
    assert_eq!((received[0].header("prefer"), received[1].header("prefer")), (Some("wait=10"), None));
    let prompt = "User: Hi\n\nAssistant: Hello!\n\nUser: Again\n\nAssistant:";
    let input = value!({"prompt": prompt, "system_prompt": "Be brief.", "max_tokens": 50});
    assert_eq!(received[0].json(), value!({"stream": false, "input": input}));
}

#[tokio::test]
async fn a_stream_is_followed_and_usage_asked_for_behind_it() {
    let stream = sse(
        ": hi\n\nevent: output\nid: 1\ndata: Grü\n\nevent: output\ndata: ße,\ndata: \ndata:  you\n\nevent: done\ndata: {}\n\n: trailing\n\n",
    );
    let upstream = Upstream::start(vec![
        prediction("starting", &value!({})),
        stream,
        prediction("processing", &value!({})),
        whole(),
    ])
    .await;
    let app = app(&upstream).await;
    let mut body = ask_streamed(MODEL, "hello");
    body["stream_options"] = value!({"include_usage": true});
    let answer = app.chat(&body).await;
    let text = answer.text();
    for piece in [
        r#""content":"Grü""#,
        r#""content":"ße,\n\n you""#,
        r#""finish_reason":"stop""#,
        r#""prompt_tokens":9"#,
        "[DONE]",
    ] {
        assert!(text.contains(piece), "{piece} in {text}");
    }
    assert_eq!(paths(&upstream)[1], "/v1/streams/s1");
    let received = upstream.received();
    assert_eq!(received[0].json(), value!({"stream": true, "input": {"prompt": "hello"}}));
    assert_eq!((received[0].header("prefer"), received[1].header("accept")), (None, Some("text/event-stream")));
    assert_eq!(received.len(), 4, "nothing is stopped that is over");
}

#[tokio::test]
async fn what_fails_there_fails_here() {
    let failed = prediction("failed", &value!({"error": "CUDA out of memory"}));
    let upstream = Upstream::start(vec![prediction("starting", &value!({})), failed.clone()]).await;
    let answer = app(&upstream).await.chat(&ask(MODEL, "hello")).await;
    answer.assert_error(503, "api_error", "upstream_unavailable");
    assert!(answer.text().contains("CUDA out of memory"));

    let flagged = sse(
        "event: output\ndata: Hel\n\nevent: error\ndata: The input or output was flagged as sensitive.\n\nevent: done\ndata: {\"reason\": \"error\"}\n\n",
    );
    let upstream = Upstream::start(vec![prediction("starting", &value!({})), flagged]).await;
    let answer = app(&upstream).await.chat(&ask_streamed(MODEL, "hello")).await;
    assert!(answer.text().contains("Hel") && answer.text().contains("upstream_content_filter"), "{}", answer.text());
    assert!(!answer.text().contains("[DONE]"));

    // A submission is not repeated: it would be made, and billed, twice.
    let upstream =
        Upstream::start(vec![prediction("starting", &value!({})), answer_of_nothing(), answer_of_nothing()]).await;
    let answer = app(&upstream).await.chat(&ask(MODEL, "hello")).await;
    answer.assert_error(400, "invalid_request_error", "upstream_invalid_request");
    let submitted = paths(&upstream).into_iter().filter(|path| path.ends_with("/predictions")).count();
    assert_eq!(submitted, 1);
}

fn answer_of_nothing() -> Vec<Step> {
    answer(
        "404 Not Found",
        "application/problem+json",
        r#"{"title":"Not found","detail":"No such prediction","status":404}"#,
    )
}

#[tokio::test]
async fn a_hang_up_stops_it_there() {
    let begun = vec![stream_head(), Step::Write(b"event: output\ndata: Hel\n\n".to_vec()), Step::Hang];
    let upstream = Upstream::start(vec![prediction("starting", &value!({})), begun, json("200 OK", "{}")]).await;
    let app_ = app(&upstream).await;
    let mut stream = app_.request("POST", "/v1/chat/completions").json(&ask_streamed(MODEL, "hello")).open().await;
    read_until(&mut stream, "Hel").await;
    drop(stream);
    eventually("it is stopped", async || paths(&upstream).last().is_some_and(|path| path.ends_with("/p1/cancel")))
        .await;
    let stopped = upstream.received().pop().expect("a call");
    assert_eq!(stopped.header("authorization"), Some("Bearer r8_secret"));

    // While it is asked for too.
    let upstream =
        Upstream::start(vec![prediction("starting", &value!({})), vec![Step::Hang], json("200 OK", "{}")]).await;
    let app = app(&upstream).await;
    let waiting = app.request("POST", "/v1/chat/completions").json(&ask(MODEL, "hello")).open().await;
    eventually("it is asked for", async || upstream.received().len() == 2).await;
    drop(waiting);
    eventually("it is stopped", async || paths(&upstream).last().is_some_and(|path| path.ends_with("/p1/cancel")))
        .await;
}

#[tokio::test]
async fn what_is_no_text_is_refused() {
    let upstream = Upstream::always(whole()).await;
    let app = app(&upstream).await;
    let image = value!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let body = value!({"model": MODEL, "messages": [{"role": "user", "content": [image]}]});
    app.chat(&body).await.assert_error(400, "invalid_request_error", "invalid_request");
    assert!(upstream.received().is_empty());
}
