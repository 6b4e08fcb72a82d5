//! JSON schemas held to on every model.

use crate::support::app::{TestApp, ask};
use crate::support::upstream::{self, Upstream};
use serde_json::{Value, json};

fn with_schema(model: &str, schema: &Value) -> Value {
    let mut body = ask(model, "A city, please");
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "city", "strict": true, "schema": schema}});
    body
}

fn city() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false})
}

async fn last_event(app: &TestApp) -> Value {
    app.get("/v1/usage/events?limit=1").await.json()["data"][0].clone()
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_and_every_attempt_is_paid() {
    let app = TestApp::start().await;
    for (model, attempts) in [("fc:sim/schema-once", 2), ("fc:sim/schema-twice", 3)] {
        let answer = app.chat(&with_schema(model, &city())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let content: Value = serde_json::from_str(body["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
        assert!(content["name"].is_string());
        assert_eq!(answer.header("x-ringside-attempts"), Some(attempts.to_string().as_str()));
        let event = last_event(&app).await;
        assert_eq!((&event["status"], &event["attempts"]), (&json!("ok"), &json!(attempts)));
        assert_eq!(event["usage"]["prompt_tokens"], body["usage"]["prompt_tokens"]);
        assert_eq!(event["raw_usage"].as_array().map(Vec::len), Some(attempts));
        // The answers of the simulator that break the schema are 24 bytes: 6 tokens each.
        assert!(body["usage"]["completion_tokens"].as_u64().unwrap() > 6 * (attempts as u64 - 1));
    }
    app.stop().await;
}

#[tokio::test]
async fn after_three_attempts_the_errors_are_told_and_all_are_paid() {
    let app = TestApp::start().await;
    let answer = app.chat(&with_schema("fc:sim/schema-always", &city())).await;
    let message = answer.assert_error(422, "invalid_request_error", "response_schema_validation_failed");
    assert!(message.contains("is not of type"), "{message}");
    assert_eq!(answer.json()["error"]["param"], "response_format");
    assert_eq!(answer.header("x-ringside-models-tried"), Some("fc:sim/schema-always"));
    assert_eq!(answer.header("x-ringside-attempts"), Some("3"));
    let event = last_event(&app).await;
    assert_eq!(
        (&event["status"], &event["error_code"]),
        (&json!("error"), &json!("response_schema_validation_failed"))
    );
    assert_eq!(event["attempts"], 3);
    assert!(event["cost_usd"].as_f64().unwrap() > 0.0);
    app.stop().await;
}

#[tokio::test]
async fn a_wrong_schema_is_refused_before_any_call() {
    let app = TestApp::start().await;
    let answer = app.chat(&with_schema("fc:sim/schema-once", &json!({"type": "objekt"}))).await;
    answer.assert_error(400, "invalid_request_error", "invalid_request");
    assert_eq!(answer.json()["error"]["param"], "response_format.json_schema.schema");
    assert!(app.get("/v1/usage/events").await.json()["data"].as_array().unwrap().is_empty());
    app.stop().await;
}

#[tokio::test]
async fn a_native_stream_passes_and_a_mismatch_at_its_end_is_an_error() {
    let app = TestApp::start().await;
    let mut body = with_schema("fc:sim/schema-always", &city());
    body["stream"] = true.into();
    let answer = app.chat(&body).await;
    assert_eq!(answer.status, 200);
    let events = answer.events();
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "response_schema_validation_failed");
    assert!(events.len() > 2, "what was said had passed");
    let mut good = with_schema("fc:sim/echo", &json!({"type": "object"}));
    good["messages"][0]["content"] = "{}".into();
    good["stream"] = true.into();
    assert_eq!(app.chat(&good).await.events().last().map(String::as_str), Some("[DONE]"));
    app.stop().await;
}

#[tokio::test]
async fn a_stream_that_nobody_enforces_is_held_back_until_it_fits() {
    let app = TestApp::start().await;
    let mut body = with_schema("fc:sim/schema-once", &city());
    body["response_format"]["json_schema"]["strict"] = false.into();
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    let answer = app.chat(&body).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"), "{}", answer.text());
    assert_eq!(answer.header("x-ringside-attempts"), Some("2"));
    let events = answer.events();
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(serde_json::from_str::<Value>(&text).unwrap()["name"].is_string(), "{text}");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks.last().unwrap()["usage"]["completion_tokens"].as_u64().unwrap() > 6);

    // What fails before the head is sent fails with its status.
    body["model"] = "fc:sim/schema-always".into();
    app.chat(&body).await.assert_error(422, "invalid_request_error", "response_schema_validation_failed");
    body["model"] = "fc:sim/fail-quota".into();
    app.chat(&body).await.assert_error(429, "rate_limit_error", "upstream_quota_exceeded");
    app.stop().await;
}

#[tokio::test]
async fn a_caller_may_want_the_stream_as_it_comes() {
    let app = TestApp::start().await;
    let mut body = with_schema("fc:sim/schema-always", &city());
    body["response_format"]["json_schema"]["strict"] = false.into();
    body["stream"] = true.into();
    let request = app.request("POST", "/v1/chat/completions").json(&body);
    let answer = request.header("FC-Stream-Enforcement", "passthrough").send().await;
    let events = answer.events();
    assert!(events.len() > 2 && events.last().unwrap().contains("response_schema_validation_failed"));
    let odd = app.request("POST", "/v1/chat/completions").json(&body).header("FC-Stream-Enforcement", "maybe");
    odd.send().await.assert_error(400, "invalid_request_error", "invalid_request");
    app.stop().await;
}

#[tokio::test]
async fn a_provider_with_a_subset_is_sent_what_it_takes_and_the_rest_is_checked_here() {
    let answer = |text: &str| {
        let content = json!([{"type": "text", "text": text}]);
        let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 5}});
        upstream::json("200 OK", body.to_string())
    };
    let server = Upstream::start(vec![answer(r#"{"name":"x"}"#), answer(r#"{"name":"Rome"}"#)]).await;
    let app = TestApp::builder().upstream("anthropic", server.address).start().await;
    let mut schema = city();
    schema["properties"]["name"]["minLength"] = 2.into();
    let reply = app.chat(&with_schema("fc:anthropic/claude-sonnet-4-6", &schema)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["choices"][0]["message"]["content"], r#"{"name":"Rome"}"#);
    assert_eq!(reply.json()["usage"]["prompt_tokens"], 20);
    let received = server.received();
    let sent = &received[0].json()["output_config"]["format"]["schema"]["properties"]["name"];
    assert_eq!(*sent, json!({"type": "string", "description": "minLength: 2"}));
    let told = received[1].json()["messages"].to_string();
    assert!(told.contains("/name") && told.contains("shorter than 2"), "{told}");
    app.stop().await;
}

#[tokio::test]
async fn json_object_is_an_object_at_a_provider_without_a_json_mode_too() {
    let answer = |text: &str| {
        let content = json!([{"type": "text", "text": text}]);
        let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 5}});
        upstream::json("200 OK", body.to_string())
    };
    let server =
        Upstream::start(vec![answer("Certainly, in a moment."), answer("```json\n{\"city\": \"Rome\"}\n```")]).await;
    let app = TestApp::builder().upstream("anthropic", server.address).start().await;
    let mut body = ask("fc:anthropic/claude-sonnet-4-6", "A city, please");
    body["response_format"] = json!({"type": "json_object"});
    body["stream"] = true.into();
    let answer = app.chat(&body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let chunks = answer.events();
    let text: String = chunks
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(text, "{\"city\": \"Rome\"}");
    assert_eq!(answer.header("x-ringside-attempts"), Some("2"));
    let event = last_event(&app).await;
    assert_eq!((&event["attempts"], &event["usage"]["prompt_tokens"]), (&json!(2), &json!(20)));
    app.stop().await;
}

/// A slot over both kinds: every answer is checked, whoever gave it.
#[tokio::test]
async fn json_object_with_a_fallback_that_has_no_json_mode_is_checked_at_both() {
    let answer = |text: &str| {
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
        let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}});
        upstream::json("200 OK", body.to_string())
    };
    let server = Upstream::start(vec![answer("not yet"), answer("{}")]).await;
    let app = TestApp::builder().upstream("openai", server.address).upstream("anthropic", server.address).start().await;
    let targets = json!({"targets": ["fc:openai/gpt-4o-mini", "fc:anthropic/claude-sonnet-4-6"]});
    app.admin("PATCH", "/admin/ringside/slots/both").json(&targets).send().await;
    let mut body = ask("slot:both", "An object, please");
    body["response_format"] = json!({"type": "json_object"});
    let answer = app.chat(&body).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "{}", "{}", answer.text());
    assert_eq!(answer.header("x-ringside-attempts"), Some("2"));
    app.stop().await;
}
