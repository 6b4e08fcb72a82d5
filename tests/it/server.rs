//! The process: health, metrics, the admin address, shutting down.

use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{Request, eventually, read_until};
use std::os::unix::fs::PermissionsExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

#[tokio::test]
async fn health_needs_no_token() {
    let app = TestApp::start().await;
    let alive = app.anonymous("GET", "/healthz").send().await;
    assert_eq!((alive.status, alive.json()["status"].as_str().unwrap().to_owned()), (200, "ok".to_owned()));
    let ready = app.anonymous("GET", "/readyz").send().await;
    assert_eq!((ready.status, ready.json()["status"].as_str().unwrap().to_owned()), (200, "ready".to_owned()));
    assert_eq!(app.anonymous("HEAD", "/healthz").send().await.status, 200);
}

#[tokio::test]
async fn metrics_count_and_name_no_customer() {
    let app = TestApp::start().await;
    app.anonymous("GET", "/metrics").send().await.assert_error(401, "authentication_error", "invalid_api_key");
    app.get("/metrics").await.assert_error(401, "authentication_error", "invalid_api_key");
    let chat = app.request("POST", "/v1/chat/completions").header("FC-Customer", "customer-seven");
    assert_eq!(chat.json(&ask("fc:sim/echo", "Hello there")).send().await.status, 200);
    let page = app.admin("GET", "/metrics").send().await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("customer-seven"));
    for line in [
        r#"ringside_http_requests_total{route="/v1/chat/completions",status="200"} 1"#,
        r#"ringside_tokens_total{provider="sim",direction="input"} 3"#,
        r#"ringside_upstream_calls_total{provider="sim",operation="chat",outcome="ok"} 1"#,
    ] {
        assert!(page.text().contains(line), "{line} is missing from\n{}", page.text());
    }
}

#[tokio::test]
async fn the_admin_address_moves_administration() {
    let app = TestApp::builder().set("RINGSIDE_ADMIN_LISTEN", "127.0.0.1:0").start().await;
    assert_ne!(app.admin_address(), app.address);
    let accounts = "/admin/ringside/accounts";
    assert_eq!(app.admin("GET", accounts).send().await.status, 200);
    Request::new(app.admin_address(), "GET", accounts).send().await.assert_error(
        401,
        "authentication_error",
        "invalid_api_key",
    );
    assert_eq!(Request::new(app.admin_address(), "GET", "/metrics").send().await.status, 200);
    app.get(accounts).await.assert_error(404, "not_found_error", "not_found");
    app.get("/metrics").await.assert_error(404, "not_found_error", "not_found");
    Request::new(app.admin_address(), "GET", "/v1/models").send().await.assert_error(
        404,
        "not_found_error",
        "not_found",
    );
}

#[tokio::test]
async fn a_first_start_leaves_its_tokens_for_the_owner_only() {
    let app = TestApp::start().await;
    let mode = std::fs::metadata(app.token_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(app.token_file()).unwrap();
    let admin = text
        .split_whitespace()
        .map(|word| word.rsplit('=').next().unwrap_or(word))
        .find(|word| word.starts_with("ka_"))
        .expect("an admin token");
    let answer = Request::new(app.address, "GET", "/admin/ringside/accounts").token(admin).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_stop_lets_streams_finish() {
    let app = TestApp::start().await;
    let mut stream = app.request("POST", "/v1/chat/completions").json(&ask_streamed("fc:sim/slow", "hi")).open().await;
    read_until(&mut stream, "data: ").await;
    let address = app.address;
    let stopping = tokio::spawn(app.stop());
    eventually("the listener closes", async || TcpStream::connect(address).await.is_err()).await;
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("data: [DONE]"), "{rest}");
    assert!(stopping.await.unwrap(), "everything finished by itself");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let app = TestApp::builder().set("RINGSIDE_TIMEOUTS_SHUTDOWN", "200ms").start().await;
    let mut stream = app.request("POST", "/v1/chat/completions").json(&ask_streamed("fc:sim/slow", "hi")).open().await;
    read_until(&mut stream, "data: ").await;
    assert!(!app.stop().await, "a stream was cut off");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).contains("[DONE]"));
}

#[tokio::test]
async fn a_kept_connection_takes_several_requests() {
    use tokio::io::AsyncWriteExt as _;
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
        read_until(&mut stream, "\"ok\"").await;
    }
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_off() {
    let app = TestApp::builder().set("RINGSIDE_TIMEOUTS_WRITE", "200ms").start().await;
    // Far more than the sockets' buffers hold.
    let text = "x".repeat(12 << 20);
    let stream = app.request("POST", "/v1/chat/completions").json(&ask("fc:sim/echo", &text)).open().await;
    let aborted = async || {
        let page = app.admin("GET", "/metrics").send().await;
        page.text().contains("ringside_http_connections 1")
    };
    eventually("the connection is closed", aborted).await;
    drop(stream);
}

#[tokio::test]
async fn a_body_that_comes_after_its_answer_leaves_the_connection_whole() {
    use tokio::io::AsyncWriteExt as _;
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut stream, "invalid_api_key").await;
    stream.write_all(b"{\"model\": 1}").await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut stream, "\"ok\"").await;
    app.stop().await;
}
