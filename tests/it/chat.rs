//! Chat through the simulator: what a first request does.

use crate::support::app::{TestApp, ask, ask_streamed};
use serde_json::{Value, json};

#[tokio::test]
async fn echo_answers_in_one_piece() {
    let app = TestApp::start().await;
    let answer = app.chat(&ask("fc:sim/echo", "Hello there")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["message"]["content"], "Hello there");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    // 11 bytes are 3 tokens: 3 in at 1 USD and 3 out at 2 USD a million.
    assert_eq!(body["usage"]["prompt_tokens"], 3);
    assert_eq!(body["usage"]["completion_tokens"], 3);
    assert_eq!(answer.header("x-ringside-cost"), Some("0.000009"));
    assert_eq!(answer.header("x-ringside-model-used"), Some("fc:sim/echo"));
    assert_eq!(answer.header("x-ringside-models-tried"), Some("fc:sim/echo"));
    assert_eq!(answer.header("x-ringside-attempts"), Some("1"));
}

#[tokio::test]
async fn echo_streams() {
    let app = TestApp::start().await;
    let answer = app.chat(&ask_streamed("fc:sim/echo", "Hello there")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert!(answer.header("x-ringside-cost").is_none());
    let events = answer.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Hello there");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["object"] == "chat.completion.chunk"));
    assert!(chunks.iter().all(|chunk| chunk["usage"].is_null()), "usage was not asked for");
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "stop"));
}

#[tokio::test]
async fn an_output_limit_cuts_the_answer_and_says_so() {
    let app = TestApp::start().await;
    let mut body = ask("fc:sim/echo", "0123456789");
    body["max_completion_tokens"] = 2.into();
    let choice = &app.chat(&body).await.json()["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("01234567"), &json!("length")));
}

#[tokio::test]
async fn usage_comes_in_a_stream_exactly_when_asked() {
    let app = TestApp::start().await;
    let mut body = ask_streamed("fc:sim/echo", "Hello there");
    body["stream_options"] = json!({"include_usage": true});
    let events = app.chat(&body).await.events();
    let last: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], 3);
    assert_eq!(last["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn the_simulators_failures_are_the_contracts() {
    let app = TestApp::start().await;
    for (model, status, kind, code) in [
        ("fail-unavailable", 503, "api_error", "upstream_unavailable"),
        ("fail-quota", 429, "rate_limit_error", "upstream_quota_exceeded"),
        ("fail-auth", 502, "api_error", "upstream_auth_failed"),
        ("fail-invalid-request", 400, "invalid_request_error", "upstream_invalid_request"),
        ("fail-context-length", 400, "invalid_request_error", "upstream_context_length_exceeded"),
        ("fail-content-filter", 400, "invalid_request_error", "upstream_content_filter"),
    ] {
        for body in [ask(&format!("fc:sim/{model}"), "hi"), ask_streamed(&format!("fc:sim/{model}"), "hi")] {
            let answer = app.chat(&body).await;
            answer.assert_error(status, kind, code);
            if matches!(status, 429 | 503) {
                assert!(answer.header("retry-after").is_some(), "{model}: {:?}", answer.headers);
            }
            if code == "upstream_auth_failed" {
                assert_eq!(answer.header("x-should-retry"), Some("false"));
            }
        }
    }
}

#[tokio::test]
async fn a_failure_in_mid_stream_is_one_event_and_no_done() {
    let app = TestApp::start().await;
    let answer = app.chat(&ask_streamed("fc:sim/fail-midstream", "hi there, this is long enough")).await;
    assert_eq!(answer.status, 200);
    let events = answer.events();
    assert!(!events.iter().any(|event| event == "[DONE]"), "{events:?}");
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["type"], "api_error", "{last}");
    assert_eq!(last["error"]["code"], "upstream_unavailable", "{last}");
    let errors = events.iter().filter(|event| event.contains("\"error\"")).count();
    assert_eq!(errors, 1);
}

#[tokio::test]
async fn tools_are_called_and_answered() {
    let app = TestApp::start().await;
    let mut body = ask("fc:sim/tool", "What is the weather?");
    body["tools"] = json!([{"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    let answer = app.chat(&body).await.json();
    let message = &answer["choices"][0]["message"];
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls", "{answer}");
    let call = &message["tool_calls"][0];
    assert_eq!(call["function"]["name"], "weather");
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["city"].is_string());

    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message.clone());
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny"}));
    let answer = app.chat(&body).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
}
