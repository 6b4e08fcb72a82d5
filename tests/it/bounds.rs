//! What a hold covers: as much as its provider may use, and what was used is then charged.

use crate::support::app::{TestApp, ask};
use crate::support::upstream::{self, Upstream};
use serde_json::{Value, json};

async fn capped(app: &TestApp, usd: &str) {
    let body = json!({"external_id": "cus_42", "monthly_budget_usd": usd});
    let answer = app.post("/v1/customers", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn patch(app: &TestApp, usd: &str) {
    let answer = app.request("PATCH", "/v1/customers/cus_42").json(&json!({"monthly_budget_usd": usd})).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn event(app: &TestApp) -> Value {
    app.get("/v1/usage/events").await.json()["data"][0].clone()
}

#[tokio::test]
async fn a_limit_that_the_provider_raises_is_held_for_and_charged_as_it_is_raised() {
    let answer = json!({
        "id": "gen-1", "object": "chat.completion", "created": 1, "model": "openai/gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "one two three four"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 16, "total_tokens": 25}
    });
    let upstream = Upstream::always(upstream::json("200 OK", answer.to_string())).await;
    let app = TestApp::builder().upstream("openrouter", upstream.address).start().await;
    capped(&app, "1").await;
    let mut body = ask("fc:openrouter/openai/gpt-4o-mini", "hi");
    (body["user"], body["max_tokens"]) = (json!("cus_42"), json!(3));
    assert_eq!(app.chat(&body).await.status, 200);
    assert_eq!(upstream.received()[0].json()["max_tokens"], 3, "raising it is the provider's");
    let event = event(&app).await;
    assert_eq!((&event["usage"]["completion_tokens"], &event["estimated"]), (&json!(16), &json!(false)));
    // 9 × 0.15 + 16 × 0.6 USD a million.
    assert_eq!(event["cost_usd"].to_string(), "0.00001095");

    // What is held for the input alone is its bytes and 128 tokens at 0.15; then 16 tokens at 0.6.
    let input = body.to_string().len() as f64 + 128.0;
    let spent = 10.95;
    patch(&app, &format!("{:.9}", (spent + input * 0.15 + 15.9 * 0.6) / 1e6)).await;
    app.chat(&body).await.assert_error(402, "billing_error", "customer_budget_exceeded");
    patch(&app, &format!("{:.9}", (spent + input * 0.15 + 16.0 * 0.6) / 1e6)).await;
    assert_eq!(app.chat(&body).await.status, 200);
}

#[tokio::test]
async fn every_input_of_a_batch_may_be_as_long_as_the_window() {
    let vector = |index: u64| json!({"object": "embedding", "index": index, "embedding": [0.5, 0.25]});
    let answer = json!({
        "object": "list", "data": [vector(0), vector(1), vector(2)], "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 24_000, "total_tokens": 24_000}
    });
    let upstream = Upstream::always(upstream::json("200 OK", answer.to_string())).await;
    let app = TestApp::builder().upstream("openai", upstream.address).start().await;
    capped(&app, "1").await;
    let text = "x ".repeat(8000);
    let body = json!({"model": "fc:openai/text-embedding-3-small", "input": [text, text, text], "user": "cus_42"});
    assert_eq!(app.post("/v1/embeddings", &body).await.status, 200);
    let event = event(&app).await;
    assert_eq!((&event["usage"]["prompt_tokens"], &event["estimated"]), (&json!(24_000), &json!(false)));
    // 0.02 USD a million.
    assert_eq!(event["cost_usd"].to_string(), "0.00048");

    // Two windows of 8,191 tokens are affordable beside what is spent, but three may come.
    patch(&app, &format!("{:.9}", (24_000.0 + 2.0 * 8191.0) * 0.02 / 1e6)).await;
    app.post("/v1/embeddings", &body).await.assert_error(402, "billing_error", "customer_budget_exceeded");
    patch(&app, &format!("{:.9}", (24_000.0 + 3.0 * 8191.0) * 0.02 / 1e6)).await;
    assert_eq!(app.post("/v1/embeddings", &body).await.status, 200);
}
