//! Embeddings, moderations and the list of models.

use crate::support::app::TestApp;
use serde_json::json;

#[tokio::test]
async fn embeddings_come_as_floats_and_as_base64() {
    let app = TestApp::start().await;
    let answer = app.post("/v1/embeddings", &json!({"model": "fc:sim/embed", "input": ["one", "two"]})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["object"], "list");
    assert_eq!(body["data"].as_array().map(Vec::len), Some(2));
    assert!(body["data"][0]["embedding"][0].is_number());
    assert!(answer.header("x-ringside-cost").is_some());
    let request = json!({"model": "fc:sim/embed", "input": "one", "encoding_format": "base64"});
    let body = app.post("/v1/embeddings", &request).await.json();
    assert!(body["data"][0]["embedding"].is_string());
}

#[tokio::test]
async fn embeddings_need_an_input() {
    let app = TestApp::start().await;
    let answer = app.post("/v1/embeddings", &json!({"model": "fc:sim/embed"})).await;
    answer.assert_error(400, "invalid_request_error", "invalid_request");
    assert_eq!(answer.json()["error"]["param"], "input");
    app.post("/v1/embeddings", &json!({"input": "x"})).await.assert_error(
        400,
        "invalid_request_error",
        "invalid_request",
    );
}

#[tokio::test]
async fn moderations_flag() {
    let app = TestApp::start().await;
    for (text, flagged) in [("please flagme now", true), ("nothing to see", false)] {
        let answer = app.post("/v1/moderations", &json!({"model": "fc:sim/moderate", "input": text})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["results"][0]["flagged"], flagged);
    }
}

#[tokio::test]
async fn a_moderation_without_a_model_means_openais() {
    let app = TestApp::start().await;
    let answer = app.post("/v1/moderations", &json!({"input": "x"})).await;
    let message = answer.assert_error(503, "api_error", "provider_not_configured");
    assert!(message.contains("OPENAI_API_KEY"), "{message}");
}

#[tokio::test]
async fn models_that_can_be_called_are_listed() {
    let app = TestApp::start().await;
    let list = app.get("/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let ids = |list: &serde_json::Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let callable = ids(&list);
    assert!(callable.contains(&"fc:sim/echo".to_owned()));
    assert!(callable.iter().all(|id| id.starts_with("fc:sim/")), "{callable:?}");
    let all = ids(&app.get("/v1/models?all=true").await.json());
    assert!(all.contains(&"fc:openai/gpt-4o".to_owned()));
    assert!(all.len() > callable.len());

    let app = TestApp::builder().set("OPENAI_API_KEY", "sk-x").set("RINGSIDE_SIM", "off").start().await;
    let callable = ids(&app.get("/v1/models").await.json());
    assert!(callable.contains(&"fc:openai/gpt-4o".to_owned()));
    assert!(!callable.iter().any(|id| id.starts_with("fc:sim/")));
    app.get("/v1/models?all=perhaps").await.assert_error(400, "invalid_request_error", "invalid_request");
}

#[tokio::test]
async fn one_model_is_shown_by_its_reference() {
    let app = TestApp::start().await;
    for path in ["/v1/models/fc:openai/gpt-4o", "/v1/models/fc%3Aopenai%2Fgpt-4o"] {
        let model = app.get(path).await.json();
        assert_eq!(model["id"], "fc:openai/gpt-4o", "{model}");
        assert_eq!(model["object"], "model");
        assert_eq!(model["provider"], "openai");
        assert_eq!(model["context_window"], 128_000);
        assert_eq!(model["max_output_tokens"], 16_384);
        assert_eq!(model["pricing"]["input"].to_string(), "2.5");
        assert_eq!(model["pricing"]["cached_input"].to_string(), "1.25");
        assert!(model["capabilities"].as_array().unwrap().contains(&json!("vision")));
        assert!(model["ends"].is_null());
    }
    let nested = app.get("/v1/models/fc:groq/openai/gpt-oss-20b").await.json();
    assert_eq!(nested["id"], "fc:groq/openai/gpt-oss-20b");
    app.get("/v1/models/fc:openai/gpt-99").await.assert_error(404, "not_found_error", "model_not_found");
    app.get("/v1/models/gpt-4o").await.assert_error(404, "not_found_error", "model_not_found");
}
