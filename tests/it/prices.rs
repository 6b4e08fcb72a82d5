//! `prices.yaml` while the gateway runs.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{PATIENCE, read_until};
use crate::wallets::usd;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::time::{Duration, Instant, sleep};

/// Saves as editors do: beside the file, then over it.
fn save(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).expect("it is there");
    fs::rename(&beside, path).expect("it is there");
}

async fn cost(app: &TestApp) -> String {
    let answer = app.chat(&ask("fc:sim/echo", "Hello there")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-ringside-cost").expect("it is there").to_owned()
}

/// Waits until a call costs this much.
async fn costs(app: &TestApp, wanted: &str) {
    let latest = Instant::now() + PATIENCE;
    while cost(app).await != wanted {
        assert!(Instant::now() < latest, "it never costs {wanted}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("it is there");
    let path = folder.path().join("prices.yaml");
    (folder, path)
}

#[tokio::test]
async fn saved_prices_are_in_force_and_broken_ones_are_refused_whole() {
    let (_folder, path) = file();
    let app = TestApp::builder().set("RINGSIDE_PRICES", path.to_str().expect("it is there")).start().await;
    // 3 tokens in at 1 USD and 3 out at 2 USD a million.
    assert_eq!(cost(&app).await, "0.000009");
    save(&path, "sim/echo: { input: 100, output: 200 }\n");
    costs(&app, "0.0009").await;
    // Broken in one entry: the other one is refused with it, and what was in force stays.
    save(&path, "sim/echo: { input: 5, output: 5 }\nsim/tool: { input: 1 }\n");
    save(&path, "sim/echo: { input: 5, output: 5 }\nsim/tool: { input: 1, outptu: 1 }\n");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(cost(&app).await, "0.0009");
    save(&path, "sim/echo: { input: 10, output: 20, tiers: { flex: { times: 0.5 } } }\n");
    costs(&app, "0.00009").await;
    let model = app.get("/v1/models/fc:sim/echo").await.json();
    assert_eq!(model["pricing"]["output"].to_string(), "20");
    assert_eq!(model["pricing"]["variants"], json!([{ "service_tier": "flex", "input": 5, "output": 10 }]));
    fs::remove_file(&path).expect("it is there");
    costs(&app, "0.000009").await;
}

#[tokio::test]
async fn prices_are_read_before_the_first_call() {
    let (_folder, path) = file();
    save(&path, "sim/echo: { times: 3 }\nsim/mine: { as: echo }\n");
    let app = TestApp::builder().set("RINGSIDE_PRICES", path.to_str().expect("it is there")).start().await;
    assert_eq!(cost(&app).await, "0.000027");
    let models = app.get("/v1/models").await.json();
    assert!(models["data"].as_array().expect("it is there").iter().any(|model| model["id"] == "fc:sim/mine"));
}

#[tokio::test]
async fn a_stream_is_charged_at_the_prices_that_it_began_with() {
    let (_folder, path) = file();
    let app = TestApp::builder().set("RINGSIDE_PRICES", path.to_str().expect("it is there")).start().await;
    let mut running = app.request("POST", "/v1/chat/completions").json(&ask_streamed("fc:sim/slow", "hi")).open().await;
    read_until(&mut running, "data:").await;
    save(&path, "sim/*: { input: 100, output: 200 }\n");
    costs(&app, "0.0009").await;
    read_until(&mut running, "[DONE]").await;
    let events = app.get("/v1/usage/events?model=slow").await.json();
    let event = &events["data"][0];
    let tokens = |name: &str| event["usage"][name].as_i64().expect("a number");
    let expected = tokens("prompt_tokens") * 1000 + tokens("completion_tokens") * 2000;
    assert_eq!(usd(&event["cost_usd"]), expected, "{event}");
    assert!(expected > 0);
}
