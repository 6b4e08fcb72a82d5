//! Customers: made on first sight or by the API, addressed, changed, archived, purged.

use crate::durability::KEY;
use crate::support::app::{TestApp, ask};
use crate::support::client::{Answer, Request};
use crate::support::postgres::Postgres;
use crate::wallets::usd;
use serde_json::{Value, json};

/// A call for `customer` that costs 1 USD a million for its words and 2 USD for their echo.
pub fn call(app: &TestApp, customer: &str, text: &str) -> Request {
    app.request("POST", "/v1/chat/completions").header("FC-Customer", customer).json(&ask("fc:sim/echo", text))
}

async fn patch(app: &TestApp, customer: &str, body: &Value) -> Answer {
    app.request("PATCH", &format!("/v1/customers/{customer}")).json(body).send().await
}

#[tokio::test]
async fn a_customer_is_made_on_first_sight_by_user_or_by_header_which_wins() {
    let app = TestApp::start().await;
    let mut body = ask("fc:sim/echo", "Hello there");
    body["user"] = json!("cus_42");
    assert_eq!(app.chat(&body).await.status, 200);
    let customer = app.get("/v1/customers/cus_42").await;
    assert_eq!(customer.status, 200, "{}", customer.text());
    let customer = customer.json();
    let id = customer["id"].as_str().unwrap();
    assert!(id.starts_with("cus_") && id.len() == 30, "{id}");
    assert_eq!(customer["external_id"], "cus_42");
    assert_eq!(customer["archived"], false);
    assert_eq!(usd(&customer["spend_usd_mtd"]), 9_000);
    assert_eq!(customer["budget_remaining_usd"], Value::Null);

    let both = app.request("POST", "/v1/chat/completions").header("FC-Customer", "other").json(&body).send().await;
    assert_eq!(both.status, 200);
    let by_our_id = call(&app, id, "Hello there").send().await;
    assert_eq!(by_our_id.status, 200, "{}", by_our_id.text());
    assert_eq!(usd(&app.get("/v1/customers/cus_42").await.json()["spend_usd_mtd"]), 18_000);
    assert_eq!(usd(&app.get("/v1/customers/other").await.json()["spend_usd_mtd"]), 9_000);
    let events = app.get("/v1/usage/events").await.json();
    let customers: Vec<&Value> = events["data"].as_array().unwrap().iter().map(|event| &event["customer"]).collect();
    assert_eq!(customers, ["cus_42", "other", "cus_42"], "events name the external id, however it was given");

    let unknown = call(&app, "cus_00000000000000000000000000", "x").send().await;
    unknown.assert_error(404, "not_found_error", "customer_not_found");
}

#[tokio::test]
async fn an_id_that_looks_like_an_address_is_taken_with_a_warning() {
    let app = TestApp::start().await;
    let answer = call(&app, "a@example.com", "hi").send().await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-ringside-warning").is_some_and(|warning| warning.contains("e-mail")));
    assert!(call(&app, "cus_42", "hi").send().await.header("x-ringside-warning").is_none());
}

#[tokio::test]
async fn customers_are_made_shown_listed_and_changed() {
    let app = TestApp::start().await;
    let made = app
        .post(
            "/v1/customers",
            &json!({"external_id": "acme/ü 1", "name": "Acme", "budget_usd": "12.5", "rate_limit_rpm": 60, "metadata": {"k": "v"}}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["monthly_budget_usd"].to_string(), "12.5");
    assert_eq!(made["budget_remaining_usd"].to_string(), "12.5");
    assert_eq!((&made["rate_limit_rpm"], &made["rate_limit_tpm"]), (&json!(60), &Value::Null));
    assert_eq!(made["metadata"], json!({"k": "v"}));

    let again = app.post("/v1/customers", &json!({"external_id": "acme/ü 1"})).await;
    again.assert_error(409, "conflict_error", "external_id_taken");
    assert_eq!(again.header("x-should-retry"), Some("false"));

    let id = made["id"].as_str().unwrap();
    for path in [id.to_owned(), "acme%2F%C3%BC%201".to_owned(), "ext:acme%2F%C3%BC%201".to_owned()] {
        let shown = app.get(&format!("/v1/customers/{path}")).await;
        assert_eq!(shown.json(), made, "{path}");
    }
    let found = app.get("/v1/customers?external_id=acme%2F%C3%BC%201").await.json();
    assert_eq!(found["data"], json!([made]));
    assert_eq!(app.get("/v1/customers?external_id=nobody").await.json()["data"], json!([]));

    for number in 0..3 {
        app.post("/v1/customers", &json!({"external_id": format!("c{number}")})).await;
    }
    let page = app.get("/v1/customers?limit=3").await.json();
    assert_eq!(page["has_more"], true);
    let rest = app.get(&format!("/v1/customers?limit=3&cursor={}", page["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!((rest["data"].as_array().map(Vec::len), &rest["has_more"]), (Some(1), &json!(false)));

    let changed = patch(&app, id, &json!({"name": null, "monthly_budget_usd": null, "rate_limit_tpm": 5})).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let changed = changed.json();
    assert_eq!((&changed["name"], &changed["monthly_budget_usd"]), (&Value::Null, &Value::Null));
    assert_eq!((&changed["rate_limit_rpm"], &changed["rate_limit_tpm"]), (&json!(60), &json!(5)));
    let app = app.restart().await;
    assert_eq!(app.get(&format!("/v1/customers/{id}")).await.json(), changed);
}

#[tokio::test]
async fn what_is_no_customer_is_refused_naming_the_member() {
    let app = TestApp::start().await;
    let long = "x".repeat(256);
    for (body, param) in [
        (json!({}), "external_id"),
        (json!({"external_id": ""}), "external_id"),
        (json!({"external_id": long}), "external_id"),
        (json!({"external_id": "cus_01arz3ndektsv4rrffq69g5fav"}), "external_id"),
        (json!({"external_id": "a", "monthly_budget_usd": -1}), "monthly_budget_usd"),
        (json!({"external_id": "a", "monthly_budget_usd": "ten"}), "monthly_budget_usd"),
        (json!({"external_id": "a", "rate_limit_rpm": -1}), "rate_limit_rpm"),
        (json!({"external_id": "a", "metadata": {"k": 1}}), "metadata.k"),
        (json!({"external_id": "a", "colour": "red"}), "colour"),
        (json!({"external_id": "a", "name": ""}), "name"),
    ] {
        let answer = app.post("/v1/customers", &body).await;
        answer.assert_error(400, "invalid_request_error", "invalid_request");
        assert_eq!(answer.json()["error"]["param"], param, "{body}");
    }
    app.get("/v1/customers/nobody").await.assert_error(404, "not_found_error", "customer_not_found");
    patch(&app, "nobody", &json!({})).await.assert_error(404, "not_found_error", "customer_not_found");
    let unread = app.request("DELETE", "/v1/customers/nobody").send().await;
    unread.assert_error(404, "not_found_error", "customer_not_found");
}

#[tokio::test]
async fn an_archived_customer_may_not_call_until_it_is_restored() {
    let app = TestApp::start().await;
    call(&app, "cus_42", "hi").send().await;
    let archived = app.request("DELETE", "/v1/customers/cus_42").send().await;
    assert_eq!((archived.status, &archived.json()["archived"]), (200, &json!(true)));
    let refused = call(&app, "cus_42", "hi").send().await;
    let message = refused.assert_error(403, "permission_error", "customer_archived");
    assert!(message.contains("\"archived\": false"), "{message}");
    let app = app.restart().await;
    call(&app, "cus_42", "hi").send().await.assert_error(403, "permission_error", "customer_archived");
    assert_eq!(patch(&app, "cus_42", &json!({"archived": false})).await.json()["archived"], false);
    assert_eq!(call(&app, "cus_42", "hi").send().await.status, 200);
}

#[tokio::test]
async fn an_account_sees_its_own_customers_only() {
    let app = TestApp::start().await;
    let id = app.post("/v1/customers", &json!({"external_id": "mine"})).await.json()["id"].clone();
    let account = app.admin("POST", "/admin/ringside/accounts").json(&json!({"name": "Other"})).send().await.json();
    let tokens = format!("/admin/ringside/accounts/{}/tokens", account["id"].as_str().unwrap());
    let token = app.admin("POST", &tokens).json(&json!({"name": "t"})).send().await.json();
    let other = |method: &str, path: &str| app.anonymous(method, path).token(token["token"].as_str().unwrap());
    for path in ["mine", "ext:mine", id.as_str().unwrap()] {
        let path = format!("/v1/customers/{path}");
        for method in ["GET", "PATCH", "DELETE"] {
            other(method, &path).send().await.assert_error(404, "not_found_error", "customer_not_found");
        }
    }
    assert_eq!(other("GET", "/v1/customers").send().await.json()["data"], json!([]));
    let made = other("POST", "/v1/customers").json(&json!({"external_id": "mine"})).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
}

#[tokio::test]
async fn scopes_keep_readers_from_writing() {
    let app = TestApp::start().await;
    let account = app.admin("POST", "/admin/ringside/accounts").json(&json!({"name": "A"})).send().await.json();
    let tokens = format!("/admin/ringside/accounts/{}/tokens", account["id"].as_str().unwrap());
    let body = json!({"name": "t", "scopes": ["api:read"]});
    let token = app.admin("POST", &tokens).json(&body).send().await.json();
    let reader = |method: &str, path: &str| app.anonymous(method, path).token(token["token"].as_str().unwrap());
    assert_eq!(reader("GET", "/v1/account").send().await.status, 200);
    for (method, path) in [
        ("POST", "/v1/customers"),
        ("PATCH", "/v1/customers/a"),
        ("DELETE", "/v1/customers/a"),
        ("POST", "/v1/customers/a/wallet/topup"),
        ("PATCH", "/v1/account"),
    ] {
        let answer = reader(method, path).json(&json!({})).send().await;
        answer.assert_error(403, "permission_error", "insufficient_scope");
    }
}

#[tokio::test]
async fn sixty_four_first_calls_at_once_make_one_customer_and_keep_its_cap() {
    sixty_four_first_calls(TestApp::start().await).await;
}

#[tokio::test]
async fn sixty_four_first_calls_at_once_make_one_customer_on_postgresql_too() {
    let Some(postgres) = Postgres::start() else { return };
    let app = TestApp::builder().set("RINGSIDE_DATABASE_URL", &postgres.url).set(KEY.0, KEY.1).start().await;
    sixty_four_first_calls(app).await;
}

async fn sixty_four_first_calls(app: TestApp) {
    // What one call holds: its bytes and overhead at 1 USD and 256 tokens at 2 USD a million.
    let body = json!({"default_customer_budget_usd": "0.0015"});
    assert_eq!(app.request("PATCH", "/v1/account").json(&body).send().await.status, 200);
    let calls = (0..64).map(|_| call(&app, "new", "Hello there").send());
    let answers = futures_util::future::join_all(calls).await;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(passed > 0, "{}", answers[0].text());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.assert_error(402, "billing_error", "customer_budget_exceeded");
    }
    let list = app.get("/v1/customers").await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    let customer = &list["data"][0];
    let spent = usd(&customer["spend_usd_mtd"]);
    assert_eq!(spent, passed as i64 * 9_000);
    assert!(spent <= 1_500_000, "{spent}");
    let app = app.restart().await;
    assert_eq!(app.get("/v1/customers").await.json(), list, "exactly one row, and its spending");
}
