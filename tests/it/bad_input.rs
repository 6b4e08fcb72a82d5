//! What a client may send that is wrong, and the contract's answer to each.

use crate::support::app::{ADMIN, TestApp, ask, ask_streamed};
use crate::support::client::{PATIENCE, Request, read_answer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CHAT: &str = "/v1/chat/completions";
const INVALID: &str = "invalid_request_error";

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_with_a_place() {
    let app = TestApp::start().await;
    for body in ["", "{", "nonsense", "{\"model\": }", "[1,2", "{\"model\":\"fc:sim/echo\",}", "{} {}", "\u{feff}{}"] {
        let answer = app.request("POST", CHAT).header("Content-Type", "application/json").body(body).send().await;
        answer.assert_error(400, INVALID, "invalid_json");
    }
    for body in ["[]", "null", "\"text\"", "3"] {
        let answer = app.request("POST", CHAT).header("Content-Type", "application/json").body(body).send().await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_refused() {
    let app = TestApp::start().await;
    let mut body = br#"{"model":"fc:sim/echo","messages":[{"role":"user","content":""#.to_vec();
    body.extend_from_slice(b"\xff\xfe\"}]}");
    let answer = app.request("POST", CHAT).header("Content-Type", "application/json").body(body).send().await;
    answer.assert_error(400, INVALID, "invalid_json");
}

#[tokio::test]
async fn members_of_the_wrong_type_are_named() {
    let app = TestApp::start().await;
    let messages = json!([{"role": "user", "content": "hi"}]);
    for (member, body) in [
        ("model", json!({"messages": messages})),
        ("model", json!({"model": 3, "messages": messages})),
        ("model", json!({"model": null, "messages": messages})),
        ("messages", json!({"model": "fc:sim/echo"})),
        ("messages", json!({"model": "fc:sim/echo", "messages": []})),
        ("messages", json!({"model": "fc:sim/echo", "messages": "hi"})),
        ("messages", json!({"model": "fc:sim/echo", "messages": null})),
        ("stream", json!({"model": "fc:sim/echo", "messages": messages, "stream": "yes"})),
        ("n", json!({"model": "fc:sim/echo", "messages": messages, "n": "two"})),
        ("temperature", json!({"model": "fc:sim/echo", "messages": messages, "temperature": "hot"})),
        ("max_tokens", json!({"model": "fc:sim/echo", "messages": messages, "max_tokens": -1})),
        ("tools", json!({"model": "fc:sim/echo", "messages": messages, "tools": {}})),
        ("user", json!({"model": "fc:sim/echo", "messages": messages, "user": 7})),
    ] {
        let answer = app.chat(&body).await;
        answer.assert_error(400, INVALID, "invalid_request");
        assert_eq!(answer.json()["error"]["param"], member, "{}", answer.text());
    }
}

#[tokio::test]
async fn messages_that_are_none_are_named() {
    let app = TestApp::start().await;
    for message in [json!("hi"), json!({}), json!({"role": "nobody", "content": "hi"}), json!({"role": 1}), json!(null)]
    {
        let answer = app.chat(&json!({"model": "fc:sim/echo", "messages": [message]})).await;
        answer.assert_error(400, INVALID, "invalid_request");
        let param = answer.json()["error"]["param"].as_str().unwrap_or_default().to_owned();
        assert!(param.starts_with("messages"), "{message}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_model_that_is_no_reference_is_told_what_was_meant() {
    let app = TestApp::start().await;
    for (given, meant) in [
        ("gpt-4o", Some("fc:openai/gpt-4o")),
        ("openai/gpt-4o", Some("fc:openai/gpt-4o")),
        ("fc:opnai/gpt-4o", Some("fc:openai/gpt-4o")),
        ("sim/echo", Some("fc:sim/echo")),
        ("fc:", None),
        ("", None),
        ("fc:sim", None),
        ("fc:sim/", None),
        ("FC:sim/echo", None),
        ("../../etc/passwd", None),
        ("fc:sim/echo\n", None),
    ] {
        let answer = app.chat(&ask(given, "hi")).await;
        let message = answer.assert_error(400, INVALID, "invalid_model_ref");
        assert_eq!(answer.json()["error"]["param"], "model");
        if let Some(meant) = meant {
            assert!(message.contains(&format!("`{meant}`")), "{message}");
        }
    }
}

#[tokio::test]
async fn models_that_are_not_listed_are_not_found() {
    let app = TestApp::builder().set("OPENAI_API_KEY", "sk-x").start().await;
    for model in ["fc:sim/nothing", "fc:openai/gpt-99", "fc:openai/text-embedding-3-small/../gpt-4o"] {
        let answer = app.chat(&ask(model, "hi")).await;
        let message = answer.assert_error(404, "not_found_error", "model_not_found");
        assert_eq!(answer.json()["error"]["param"], "model");
        assert!(message.contains("list"), "{message}");
    }
    app.chat(&ask("slot:chat-fast", "hi")).await.assert_error(404, "not_found_error", "slot_not_found");
}

#[tokio::test]
async fn a_model_of_another_kind_is_told_where_it_belongs() {
    let app = TestApp::start().await;
    let answer = app.chat(&ask("fc:sim/embed", "hi")).await;
    let message = answer.assert_error(400, INVALID, "invalid_request");
    assert!(message.contains("/v1/embeddings"), "{message}");
    let answer = app.post("/v1/embeddings", &json!({"model": "fc:sim/echo", "input": "hi"})).await;
    let message = answer.assert_error(400, INVALID, "invalid_request");
    assert!(message.contains("/v1/chat/completions"), "{message}");
}

#[tokio::test]
async fn a_provider_without_credentials_names_the_variable() {
    let app = TestApp::start().await;
    let answer = app.chat(&ask("fc:openai/gpt-4o", "hi")).await;
    let message = answer.assert_error(503, "api_error", "provider_not_configured");
    assert!(message.contains("OPENAI_API_KEY"), "{message}");
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn members_of_another_gateway_are_refused_with_the_alternative() {
    let app = TestApp::start().await;
    for member in ["transforms", "provider", "models", "route"] {
        let mut body = ask("fc:sim/echo", "hi");
        body[member] = json!([]);
        let answer = app.chat(&body).await;
        answer.assert_error(400, INVALID, "invalid_request");
        assert_eq!(answer.json()["error"]["param"], member);
    }
}

#[tokio::test]
async fn bodies_that_are_too_large_are_413() {
    let app = TestApp::builder().set("RINGSIDE_LIMITS_BODY", "64KiB").start().await;
    let large = app.chat(&ask("fc:sim/echo", &"x".repeat(70_000))).await;
    large.assert_error(413, INVALID, "request_too_large");
    let fits = app.chat(&ask("fc:sim/echo", &"x".repeat(60_000))).await;
    assert_eq!(fits.status, 200, "{}", fits.text());

    // Without a length announced, it is counted.
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        app.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..9 {
        let _ = stream.write_all(format!("2000\r\n{}\r\n", "x".repeat(0x2000)).as_bytes()).await;
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    read_answer(&mut stream).await.assert_error(413, INVALID, "request_too_large");
}

#[tokio::test]
async fn json_that_is_too_deep_is_refused_and_kills_nothing() {
    let app = TestApp::start().await;
    for depth in [200, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let body =
                format!(r#"{{"model":"fc:sim/echo","messages":[{{"role":"user","content":"hi"}}],"metadata":{deep}}}"#);
            let answer = app.request("POST", CHAT).header("Content-Type", "application/json").body(body).send().await;
            answer.assert_error(400, INVALID, "invalid_json");
        }
    }
    // Brackets inside a string are no depth.
    let answer = app.chat(&ask("fc:sim/echo", &"[".repeat(1000))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_body_of_another_type_is_told_the_right_one() {
    let app = TestApp::start().await;
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"] {
        let body = ask("fc:sim/echo", "hi").to_string();
        let answer = app.request("POST", CHAT).header("Content-Type", kind).body(body).send().await;
        let message = answer.assert_error(400, INVALID, "invalid_request");
        assert!(message.contains("application/json"), "{message}");
    }
    for kind in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"] {
        let body = ask("fc:sim/echo", "hi").to_string();
        let answer = app.request("POST", CHAT).header("Content-Type", kind).body(body).send().await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
    let answer = app.request("POST", CHAT).body(ask("fc:sim/echo", "hi").to_string()).send().await;
    assert_eq!(answer.status, 200, "none: {}", answer.text());
}

#[tokio::test]
async fn headers_that_are_wrong_are_named() {
    let app = TestApp::start().await;
    for (name, value) in [
        ("x-fc-billable-amount", "-1"),
        ("x-fc-billable-amount", "lots"),
        ("x-fc-billable-amount", "0.1234567891"),
        ("fc-customer", ""),
        ("fc-session-id", &"x".repeat(300)),
    ] {
        let answer = app.request("POST", CHAT).header(name, value).json(&ask("fc:sim/echo", "hi")).send().await;
        answer.assert_error(400, INVALID, "invalid_request");
        assert_eq!(answer.json()["error"]["param"], name, "{}", answer.text());
    }
}

#[tokio::test]
async fn an_e_mail_address_as_customer_is_warned_about() {
    let app = TestApp::start().await;
    let answer =
        app.request("POST", CHAT).header("FC-Customer", "jo@example.com").json(&ask("fc:sim/echo", "hi")).send().await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.header("x-ringside-warning").is_some_and(|warning| !warning.contains("jo@")),
        "{:?}",
        answer.headers
    );
    let answer = app.request("POST", CHAT).header("FC-Customer", "jo").json(&ask("fc:sim/echo", "hi")).send().await;
    assert!(answer.header("x-ringside-warning").is_none());
}

#[tokio::test]
async fn tokens_that_are_wrong_all_get_the_same_answer() {
    let app = TestApp::start().await;
    let body = ask("fc:sim/echo", "hi");
    let mut bodies = Vec::new();
    for value in ["Bearer ko_unknown", "Bearer x", "Bearer ", "Basic eDp5", "ko_x", &format!("Bearer {}x", app.token)] {
        let answer = app.anonymous("POST", CHAT).header("Authorization", value).json(&body).send().await;
        answer.assert_error(401, "authentication_error", "invalid_api_key");
        assert!(!answer.text().contains("unknown"), "{}", answer.text());
        bodies.push(answer.body);
    }
    let first = bodies.first().cloned();
    assert!(bodies[..2].iter().all(|body| Some(body) == first.as_ref()));
    app.anonymous("POST", CHAT).json(&body).send().await.assert_error(401, "authentication_error", "invalid_api_key");
    // An admin token is no server token, and the other way round.
    app.anonymous("POST", CHAT).token(ADMIN).json(&body).send().await.assert_error(
        401,
        "authentication_error",
        "invalid_api_key",
    );
    app.get("/admin/ringside/accounts").await.assert_error(401, "authentication_error", "invalid_api_key");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_have_the_envelope() {
    let app = TestApp::start().await;
    for path in ["/", "/v2/chat/completions", "/v1/chat/completions/", "/v1/models/", "/admin", "/%00", "/v1//models"] {
        let answer = app.get(path).await;
        answer.assert_error(404, "not_found_error", "not_found");
    }
    for (method, path) in [
        ("POST", "/v1/responses"),
        ("POST", "/v1/completions"),
        ("GET", "/v1/files"),
        ("POST", "/v1/audio/speech"),
        ("POST", "/v1/images/generations"),
        ("GET", "/v1/assistants"),
    ] {
        let message = app.request(method, path).send().await.assert_error(404, "not_found_error", "not_found");
        assert!(message.contains("OpenAI"), "{message}");
    }
    for (method, path) in [
        ("GET", CHAT),
        ("OPTIONS", CHAT),
        ("TRACE", CHAT),
        ("PUT", CHAT),
        ("DELETE", "/v1/models"),
        ("TRACE", "/healthz"),
        ("BREW", CHAT),
    ] {
        let answer = app.request(method, path).send().await;
        answer.assert_error(405, INVALID, "method_not_supported");
        assert!(answer.header("allow").is_some(), "{:?}", answer.headers);
    }
}

#[tokio::test]
async fn every_answer_has_its_own_request_id() {
    let app = TestApp::start().await;
    let mut seen = std::collections::HashSet::new();
    for answer in [
        app.get("/healthz").await,
        app.get("/nothing").await,
        app.request("PUT", CHAT).send().await,
        app.chat(&ask("fc:sim/echo", "hi")).await,
        app.chat(&ask_streamed("fc:sim/echo", "hi")).await,
        app.anonymous("GET", "/v1/models").send().await,
    ] {
        let id = answer.header("x-request-id").expect("an id").to_owned();
        assert!(id.starts_with("req_"), "{id}");
        assert!(seen.insert(id));
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_by_http() {
    let app = TestApp::builder().set("RINGSIDE_LIMITS_HEAD", "8KiB").start().await;
    let answer = app.request("GET", "/healthz").header("X-Long", &"x".repeat(20_000)).send().await;
    assert_eq!(answer.status, 431);
    let mut many = Request::new(app.address, "GET", "/healthz");
    for number in 0..150 {
        many = many.header(&format!("X-{number}"), "1");
    }
    assert_eq!(many.send().await.status, 431);
    assert_eq!(app.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_head_in_drips_and_a_body_that_never_comes_are_cut() {
    let app = TestApp::builder()
        .set("RINGSIDE_TIMEOUTS_HEAD", "200ms")
        .set("RINGSIDE_TIMEOUTS_IDLE", "200ms")
        .set("RINGSIDE_TIMEOUTS_BODY", "200ms")
        .start()
        .await;
    let mut drips = TcpStream::connect(app.address).await.unwrap();
    drips.write_all(b"GET /healthz HT").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, drips.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is still open");

    let mut idle = TcpStream::connect(app.address).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, idle.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is still open");

    let mut slow = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\n{{",
        app.token
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, read_answer(&mut slow)).await.expect("an answer");
    answer.assert_error(400, INVALID, "invalid_request");
}
