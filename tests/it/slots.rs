//! Aliases: re-pointed while calls run, failed over, previewed.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{Answer, eventually};
use crate::support::upstream::{self, Step, Upstream};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const GOOD: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"from upstream","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":1000,"total_tokens":2000}}"#;
const DOWN: &str = r#"{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}"#;

async fn point(app: &TestApp, alias: &str, body: &Value) -> Answer {
    app.admin("PATCH", &format!("/admin/ringside/slots/{alias}")).json(body).send().await
}

async fn used(app: &TestApp, alias: &str) -> String {
    let answer = app.chat(&ask(&format!("slot:{alias}"), "Hi")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-ringside-model-used").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn saving_the_file_takes_effect_and_a_broken_one_changes_nothing() {
    let (app, file) = TestApp::with_file("slots.yaml", "RINGSIDE_SLOTS", "a: fc:sim/echo\n").await;
    assert_eq!(used(&app, "a").await, "fc:sim/echo");
    std::fs::write(&file, "a: fc:sim/tool\n").unwrap();
    eventually("the slot points elsewhere", || async { used(&app, "a").await == "fc:sim/tool" }).await;

    std::fs::write(&file, "a: fc:sim/echo\nb: fc:sim/nobody\n").unwrap();
    let listed = || async { app.admin("GET", "/admin/ringside/slots").send().await.json() };
    eventually("the finding is told", || async { !listed().await["findings"].as_array().unwrap().is_empty() }).await;
    let finding = listed().await["findings"][0].as_str().unwrap().to_owned();
    assert!(finding.contains("slots.yaml:2:4: ") && finding.contains("nobody"), "{finding}");
    let ready = app.anonymous("GET", "/readyz").send().await;
    assert_eq!((ready.status, &ready.json()["slots"]), (200, &json!("broken")), "{}", ready.text());
    assert_eq!(used(&app, "a").await, "fc:sim/tool");

    // The last good table outlives a restart.
    let app = app.restart().await;
    assert_eq!(used(&app, "a").await, "fc:sim/tool");
    std::fs::write(&file, "a: fc:sim/echo\n").unwrap();
    eventually("the mended file counts", || async { used(&app, "a").await == "fc:sim/echo" }).await;
    app.stop().await;
}

#[tokio::test]
async fn the_api_re_points_at_once_over_the_file_and_gives_back() {
    let (app, _file) = TestApp::with_file("slots.yaml", "RINGSIDE_SLOTS", "a: fc:sim/echo\n").await;
    let answer = point(&app, "a", &json!({"target": "fc:sim/tool"})).await;
    assert_eq!((answer.status, &answer.json()["source"]), (200, &json!("api")), "{}", answer.text());
    assert_eq!(used(&app, "a").await, "fc:sim/tool");
    assert_eq!(point(&app, "new", &json!({"targets": ["slot:a"]})).await.status, 200);
    assert_eq!(used(&app, "new").await, "fc:sim/tool");
    let shown = app.get("/v1/models/slot:new").await.json();
    assert_eq!((&shown["id"], &shown["provider"], &shown["kind"]), (&json!("slot:new"), &json!("sim"), &json!("chat")));
    let listed = app.get("/v1/models").await.json();
    assert!(listed["data"].as_array().unwrap().contains(&shown));

    let app = app.restart().await;
    assert_eq!(used(&app, "a").await, "fc:sim/tool");
    assert_eq!(app.admin("DELETE", "/admin/ringside/slots/a").send().await.status, 204);
    assert_eq!(used(&app, "a").await, "fc:sim/echo");
    app.admin("DELETE", "/admin/ringside/slots/a").send().await.assert_error(404, "not_found_error", "slot_not_found");
    app.chat(&ask("slot:nobody", "Hi")).await.assert_error(404, "not_found_error", "slot_not_found");
    app.stop().await;
}

#[tokio::test]
async fn a_target_that_leads_nowhere_is_refused_by_name() {
    let app = TestApp::start().await;
    for (body, param) in [
        (json!({"target": "fc:sim/nobody"}), "target"),
        (json!({"target": "gpt-4o"}), "target"),
        (json!({"target": "slot:a"}), "target"),
        (json!({}), "target"),
        (json!({"target": "fc:sim/echo", "targets": ["fc:sim/echo"]}), "targets"),
        (json!({"target": "fc:sim/echo", "failover_on": ["always"]}), "failover_on"),
        (json!({"target": "fc:sim/echo", "weight": 1}), "weight"),
    ] {
        let answer = point(&app, "a", &body).await;
        answer.assert_error(400, "invalid_request_error", "invalid_request");
        assert_eq!(answer.json()["error"]["param"], param, "{body}");
    }
    app.anonymous("GET", "/admin/ringside/slots").token(&app.token).send().await.assert_error(
        401,
        "authentication_error",
        "invalid_api_key",
    );
    app.stop().await;
}

/// A provider whose streams take a fifth of a second.
async fn paused(model: &str) -> Upstream {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
        let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]});
        format!("data: {chunk}\n\n").into_bytes()
    };
    let mut script =
        vec![upstream::stream_head(), Step::Write(chunk(json!({"role": "assistant", "content": ""}), Value::Null))];
    for word in ["where ", "it ", "began"] {
        script.push(Step::Pause(Duration::from_millis(60)));
        script.push(Step::Write(chunk(json!({"content": word}), Value::Null)));
    }
    let mut end = chunk(json!({}), "stop".into());
    end.extend_from_slice(b"data: [DONE]\n\n");
    script.push(Step::Write(end));
    Upstream::always(script).await
}

/// No call fails, each finishes where it began, the next goes to the new target. The streams of a few callers
/// pause between their chunks, so that every one of them is under way while the slot moves some dozens of times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_is_re_pointed_a_thousand_times_under_load() {
    const CALLERS: usize = 8;
    let (openai, groq) = (paused("gpt-4o-mini").await, paused("openai/gpt-oss-20b").await);
    let app = TestApp::builder().upstream("openai", openai.address).upstream("groq", groq.address).start().await;
    let targets = ["fc:openai/gpt-4o-mini", "fc:groq/openai/gpt-oss-20b", "fc:sim/echo"];
    point(&app, "a", &json!({"target": targets[0]})).await;
    let running = AtomicBool::new(true);
    let (ended, elsewhere) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let load = |_| async {
        while running.load(Ordering::Relaxed) {
            let answer = app.chat(&ask_streamed("slot:a", "Hello there")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let events = answer.events();
            assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
            let models: BTreeSet<String> = events[..events.len() - 1]
                .iter()
                .map(|event| serde_json::from_str::<Value>(event).unwrap()["model"].as_str().unwrap().to_owned())
                .collect();
            let began = answer.header("x-ringside-model-used").unwrap();
            let model = began.splitn(2, '/').last().unwrap();
            assert_eq!(models, BTreeSet::from([model.to_owned()]), "{began}");
            ended.fetch_add(1, Ordering::Relaxed);
            elsewhere.fetch_add(usize::from(began != targets[2]), Ordering::Relaxed);
        }
    };
    let pointing = async {
        // A fast machine moves the slot a thousand times before enough streams have ended: there it moves on.
        let enough = || ended.load(Ordering::Relaxed) > 10 * CALLERS && elsewhere.load(Ordering::Relaxed) > CALLERS;
        let (mut turn, begun) = (0, Instant::now());
        while turn < 1000 || !enough() {
            assert!(begun.elapsed() < Duration::from_secs(90), "{ended:?} calls ended, {elsewhere:?} of them paused");
            let target = targets[turn % targets.len()];
            assert_eq!(point(&app, "a", &json!({"target": target})).await.status, 200);
            // The paused ones would make the test take minutes.
            if target == targets[2] {
                assert_eq!(used(&app, "a").await, target, "turn {turn}");
            }
            turn += 1;
        }
        running.store(false, Ordering::Relaxed);
    };
    tokio::join!(futures_util::future::join_all((0..CALLERS).map(load)), pointing);
    app.stop().await;
}

#[tokio::test]
async fn the_next_target_takes_over_and_is_told() {
    let down = Upstream::always(upstream::json("503 Service Unavailable", DOWN)).await;
    let app = TestApp::builder().upstream("openai", down.address).set("RINGSIDE_UPSTREAM_ATTEMPTS", "1").start().await;
    point(&app, "a", &json!({"targets": ["fc:openai/gpt-4o-mini", "fc:sim/echo"]})).await;
    for body in [ask("slot:a", "Hi"), ask_streamed("slot:a", "Hi")] {
        let answer = app.chat(&body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ringside-model-used"), Some("fc:sim/echo"));
        assert_eq!(answer.header("x-ringside-models-tried"), Some("fc:openai/gpt-4o-mini, fc:sim/echo"));
    }
    // Failures that another target would not mend are not failed over.
    point(&app, "b", &json!({"targets": ["fc:sim/fail-invalid-request", "fc:sim/echo"]})).await;
    app.chat(&ask("slot:b", "Hi")).await.assert_error(400, "invalid_request_error", "upstream_invalid_request");
    point(
        &app,
        "c",
        &json!({"targets": ["fc:sim/fail-quota", "fc:sim/echo"], "failover_on": ["upstream_unavailable"]}),
    )
    .await;
    app.chat(&ask("slot:c", "Hi")).await.assert_error(429, "rate_limit_error", "upstream_quota_exceeded");
    app.stop().await;
}

#[tokio::test]
async fn an_error_tells_what_was_tried() {
    let down = Upstream::always(upstream::json("503 Service Unavailable", DOWN)).await;
    let app = TestApp::builder().upstream("openai", down.address).set("RINGSIDE_UPSTREAM_ATTEMPTS", "2").start().await;
    point(&app, "a", &json!({"targets": ["fc:sim/fail-quota", "fc:openai/gpt-4o-mini"]})).await;
    let told = |answer: &Answer| {
        (
            answer.header("x-ringside-models-tried").map(str::to_owned),
            answer.header("x-ringside-attempts").map(str::to_owned),
        )
    };
    let told_of = |models: &str, attempts: &str| (Some(models.to_owned()), Some(attempts.to_owned()));
    for body in [ask("slot:a", "Hi"), ask_streamed("slot:a", "Hi")] {
        let answer = app.chat(&body).await;
        answer.assert_error(503, "api_error", "upstream_unavailable");
        assert_eq!(told(&answer), told_of("fc:sim/fail-quota, fc:openai/gpt-4o-mini", "2"));
    }
    let direct = app.chat(&ask("fc:openai/gpt-4o-mini", "Hi")).await;
    assert_eq!(told(&direct), told_of("fc:openai/gpt-4o-mini", "2"));
    // What was refused before anything was called has tried nothing.
    let wrong = app.chat(&ask("fc:sim/nobody", "Hi")).await;
    assert_eq!((wrong.status, told(&wrong)), (404, (None, None)));
    app.stop().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_counts_against_its_target() {
    let begins = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n";
    let breaks = Upstream::always(upstream::stream(begins)).await;
    let app =
        TestApp::builder().upstream("openai", breaks.address).set("RINGSIDE_UPSTREAM_ATTEMPTS", "1").start().await;
    point(&app, "a", &json!({"targets": ["fc:openai/gpt-4o-mini", "fc:sim/echo"]})).await;
    let mut used = Vec::new();
    for _ in 0..5 {
        let answer = app.chat(&ask_streamed("slot:a", "Hi")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        // What has begun is not failed over.
        let broken = answer.events().last().unwrap().contains("upstream_unavailable");
        used.push((answer.header("x-ringside-model-used").unwrap().to_owned(), broken));
    }
    let (first, second) = (("fc:openai/gpt-4o-mini".to_owned(), true), ("fc:sim/echo".to_owned(), false));
    assert_eq!(used, [first.clone(), first.clone(), first, second.clone(), second], "three failures, then it rests");
    app.stop().await;
}

#[tokio::test]
async fn a_target_that_keeps_failing_rests() {
    let down = Upstream::always(upstream::json("503 Service Unavailable", DOWN)).await;
    let app = TestApp::builder().upstream("openai", down.address).set("RINGSIDE_UPSTREAM_ATTEMPTS", "1").start().await;
    point(&app, "a", &json!({"targets": ["fc:openai/gpt-4o-mini", "fc:sim/echo"]})).await;
    for _ in 0..6 {
        assert_eq!(used(&app, "a").await, "fc:sim/echo");
    }
    assert_eq!(down.received().len(), 3, "after three failures it was left alone");
    app.stop().await;
}

#[tokio::test]
async fn a_wrong_target_is_refused_by_its_place() {
    let app = TestApp::start().await;
    for (body, param, told) in [
        (json!({"targets": [{"target": "fc:sim/echo", "wieght": 5}]}), "targets", "targets[0]: unknown field `wieght`"),
        (
            json!({"targets": ["fc:sim/echo", {"target": "fc:sim/tool", "weight": 1_000_001}]}),
            "targets",
            "targets[1].weight",
        ),
        (json!({"targets": ["fc:sim/nobody"]}), "targets", "nobody"),
        (json!({"targets": []}), "targets", "1 to 32"),
        (json!({"targets": vec!["fc:sim/echo"; 33]}), "targets", "1 to 32"),
        (json!({"target": "fc:sim/nobody"}), "target", "nobody"),
        (json!({}), "target", "expected a reference"),
    ] {
        let answer = point(&app, "a", &body).await;
        let message = answer.assert_error(400, "invalid_request_error", "invalid_request");
        assert_eq!(answer.json()["error"]["param"], param, "{body}");
        assert!(message.contains(told), "{message}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_slot_none_of_whose_targets_can_be_called_says_why() {
    let app = TestApp::start().await;
    point(&app, "a", &json!({"targets": ["fc:openai/gpt-4o-mini", "fc:groq/openai/gpt-oss-20b"]})).await;
    app.chat(&ask("slot:a", "Hi")).await.assert_error(503, "api_error", "provider_not_configured");
    app.stop().await;
}

#[tokio::test]
async fn a_preview_prices_the_last_day_at_another_target() {
    let good = Upstream::always(upstream::json("200 OK", GOOD)).await;
    let app = TestApp::builder().upstream("openai", good.address).start().await;
    point(&app, "a", &json!({"target": "fc:openai/gpt-4o-mini"})).await;
    for (customer, billable) in [("cus_a", "0.001"), ("cus_b", "1")] {
        let answer = app
            .request("POST", "/v1/chat/completions")
            .header("FC-Customer", customer)
            .header("X-FC-Billable-Amount", billable)
            // Long enough for the usage that the upstream reports.
            .json(&ask("slot:a", &"Hi ".repeat(2000)))
            .send()
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let preview =
        app.admin("POST", "/admin/ringside/slots/a/preview").json(&json!({"target": "fc:sim/echo"})).send().await;
    assert_eq!(preview.status, 200, "{}", preview.text());
    let preview = preview.json();
    // 1,000 tokens each way: 0.15 and 0.6 USD a million before, 1 and 2 after.
    assert_eq!(preview["calls"], 2);
    assert_eq!(preview["list_cost_usd_before"].to_string(), "0.0015");
    assert_eq!(preview["list_cost_usd_after"].to_string(), "0.006");
    let below = preview["customers_below_zero"].as_array().unwrap();
    assert_eq!(below.len(), 1);
    assert_eq!(
        (&below[0]["customer"], below[0]["margin_usd_after"].to_string()),
        (&json!("cus_a"), "-0.002".to_owned())
    );
    let unknown =
        app.admin("POST", "/admin/ringside/slots/a/preview").json(&json!({"target": "fc:sim/no"})).send().await;
    unknown.assert_error(400, "invalid_request_error", "invalid_request");
    app.stop().await;
}

#[test]
fn check_says_what_is_wrong_with_a_file_of_slots() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slots.yaml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_ringside")).arg("check").arg(&file).output().unwrap();
        (ran.status.success(), String::from_utf8(ran.stdout).unwrap())
    };
    let (good, said) = check("a: fc:sim/echo\nb: slot:a\n");
    assert!(good && said.contains("1 file checked"), "{said}");
    let (good, said) = check("a: fc:sim/nobody\n");
    assert!(!good && said.contains("slots.yaml:1:4: ") && said.contains("nobody"), "{said}");
}

#[tokio::test]
async fn a_model_that_is_gone_at_a_restart_takes_no_other_slot_with_it() {
    let (app, prices) = TestApp::with_file("prices.yaml", "RINGSIDE_PRICES", "sim/mine: { as: echo }\n").await;
    std::fs::write(prices.with_file_name("slots.yaml"), "a: fc:sim/echo\nb: fc:sim/mine\n").unwrap();
    let exists = || async { app.get("/v1/models/slot:b").await.status == 200 };
    eventually("the file counts", exists).await;

    std::fs::write(&prices, "").unwrap();
    let app = app.restart().await;
    assert_eq!(used(&app, "a").await, "fc:sim/echo");
    assert_eq!(app.chat(&ask("slot:b", "Hi")).await.status, 404);
    let listed = app.admin("GET", "/admin/ringside/slots").send().await.json();
    assert!(listed["findings"][0].as_str().unwrap().contains("fc:sim/mine"), "{listed}");
    app.stop().await;
}
