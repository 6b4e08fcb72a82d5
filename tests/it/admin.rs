//! Accounts, tokens and scopes.

use crate::support::app::{TestApp, ask};
use serde_json::json;

const ACCOUNTS: &str = "/admin/ringside/accounts";

#[tokio::test]
async fn an_account_is_made_listed_shown_and_changed() {
    let app = TestApp::start().await;
    let made = app.admin("POST", ACCOUNTS).json(&json!({"name": "Acme"})).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("acct_"), "{id}");
    let list = app.admin("GET", ACCOUNTS).send().await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2), "{list}");
    assert_eq!(list["has_more"], false);
    let page = app.admin("GET", &format!("{ACCOUNTS}?limit=1")).send().await.json();
    assert_eq!(page["has_more"], true);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = app.admin("GET", &format!("{ACCOUNTS}?limit=1&cursor={cursor}")).send().await.json();
    assert_eq!(rest["has_more"], false);
    assert_ne!(rest["data"][0]["id"], page["data"][0]["id"]);

    let path = format!("{ACCOUNTS}/{id}");
    assert_eq!(app.admin("GET", &path).send().await.json()["name"], "Acme");
    let changed = app.admin("PATCH", &path).json(&json!({"name": "Acme 2"})).send().await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(app.admin("GET", &path).send().await.json()["name"], "Acme 2");
}

#[tokio::test]
async fn wrong_bodies_and_unknown_objects_are_refused() {
    let app = TestApp::start().await;
    for body in
        [json!({}), json!({"name": 3}), json!({"name": ""}), json!({"name": "x", "role": "operator"}), json!([])]
    {
        let answer = app.admin("POST", ACCOUNTS).json(&body).send().await;
        answer.assert_error(400, "invalid_request_error", "invalid_request");
    }
    for path in ["acct_none", "acct_00000000000000000000000000", "%20"] {
        app.admin("GET", &format!("{ACCOUNTS}/{path}")).send().await.assert_error(404, "not_found_error", "not_found");
    }
    let answer = app.admin("GET", &format!("{ACCOUNTS}?limit=1000")).send().await;
    answer.assert_error(400, "invalid_request_error", "invalid_request");
}

#[tokio::test]
async fn tokens_work_until_they_are_revoked() {
    let app = TestApp::start().await;
    let account = app.admin("POST", ACCOUNTS).json(&json!({"name": "Acme"})).send().await.json();
    let tokens = format!("{ACCOUNTS}/{}/tokens", account["id"].as_str().unwrap());
    let made = app.admin("POST", &tokens).json(&json!({"name": "ci"})).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ko_"));
    let list = app.admin("GET", &tokens).send().await;
    assert!(!list.text().contains(&token), "a token is shown once");
    assert!(list.text().contains(&token[token.len() - 4..]));

    let call = || app.anonymous("POST", "/v1/chat/completions").token(&token).json(&ask("fc:sim/echo", "hi")).send();
    assert_eq!(call().await.status, 200);
    let path = format!("{tokens}/{}", made.json()["id"].as_str().unwrap());
    let revoked = app.admin("DELETE", &path).send().await;
    assert!(matches!(revoked.status, 200 | 204), "{}", revoked.text());
    call().await.assert_error(401, "authentication_error", "invalid_api_key");
}

#[tokio::test]
async fn a_rotated_token_leaves_time_to_change_over() {
    let app = TestApp::start().await;
    let account = app.admin("POST", ACCOUNTS).json(&json!({"name": "Acme"})).send().await.json();
    let tokens = format!("{ACCOUNTS}/{}/tokens", account["id"].as_str().unwrap());
    let made = app.admin("POST", &tokens).json(&json!({"name": "ci"})).send().await.json();
    let path = format!("{tokens}/{}/rotate", made["id"].as_str().unwrap());
    let rotated = app.admin("POST", &path).send().await;
    assert!(matches!(rotated.status, 200 | 201), "{}", rotated.text());
    let rotated = rotated.json();
    assert_ne!(rotated["token"], made["token"]);
    for token in [&made["token"], &rotated["token"]] {
        let answer = app.anonymous("GET", "/v1/models").token(token.as_str().unwrap()).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn scopes_are_enforced() {
    let app = TestApp::start().await;
    let account = app.admin("POST", ACCOUNTS).json(&json!({"name": "Acme"})).send().await.json();
    let tokens = format!("{ACCOUNTS}/{}/tokens", account["id"].as_str().unwrap());
    let scoped = async |scope: &str| {
        let made = app.admin("POST", &tokens).json(&json!({"name": scope, "scopes": [scope]})).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["token"].as_str().unwrap().to_owned()
    };
    let (chat, read) = (scoped("api:chat").await, scoped("api:read").await);
    let body = ask("fc:sim/echo", "hi");
    let call = |token: &str| app.anonymous("POST", "/v1/chat/completions").token(token).json(&body).send();
    let list = |token: &str| app.anonymous("GET", "/v1/models").token(token).send();
    assert_eq!(call(&chat).await.status, 200);
    assert_eq!(list(&read).await.status, 200);
    let message = call(&read).await.assert_error(403, "permission_error", "insufficient_scope");
    assert!(message.contains("api:chat"), "{message}");
    let message = list(&chat).await.assert_error(403, "permission_error", "insufficient_scope");
    assert!(message.contains("api:read"), "{message}");
    let answer = app.admin("POST", &tokens).json(&json!({"name": "x", "scopes": ["api:everything"]})).send().await;
    answer.assert_error(400, "invalid_request_error", "invalid_request");
}

#[tokio::test]
async fn only_operators_administer() {
    let app = TestApp::start().await;
    app.anonymous("GET", ACCOUNTS).send().await.assert_error(401, "authentication_error", "invalid_api_key");
    app.get(ACCOUNTS).await.assert_error(401, "authentication_error", "invalid_api_key");
}

#[tokio::test]
async fn tokens_and_accounts_survive_a_restart() {
    let app = TestApp::start().await;
    let token = app.token.clone();
    app.admin("POST", ACCOUNTS).json(&json!({"name": "Acme"})).send().await;
    let app = app.restart().await;
    assert_eq!(app.token, token, "a second start makes no new tokens");
    assert_eq!(app.chat(&ask("fc:sim/echo", "hi")).await.status, 200);
    let list = app.admin("GET", ACCOUNTS).send().await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
}
