//! Every route, on one page.

use super::edge::edge;
use super::state::Api;
use super::{
    account, admin, chat, customers, embeddings, health, metrics, missing, models, moderations, reports, usage, wallet,
};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

/// Which routes a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// One address for everything.
    Both,
    /// Administration stands elsewhere.
    Public,
    /// Administration alone; `/metrics` needs no token here.
    Admin,
}

/// The routes of one side.
pub fn router(api: &Api, side: Side) -> Router {
    let mut router = Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready));
    if side != Side::Admin {
        router = router
            .route("/v1/chat/completions", post(chat::create))
            .route("/v1/embeddings", post(embeddings::create))
            .route("/v1/moderations", post(moderations::create))
            .route("/v1/models", get(models::list))
            .route("/v1/models/{*id}", get(models::one))
            .route("/v1/usage", get(reports::usage))
            .route("/v1/margin", get(reports::margin))
            .route("/v1/customers/{customer}/usage", get(reports::customer_usage))
            .route("/v1/customers/{customer}/margin", get(reports::customer_margin))
            .route("/v1/account", get(account::one).patch(account::change))
            .route("/v1/customers", post(customers::create).get(customers::list))
            .route("/v1/customers/{customer}", get(customers::one).patch(customers::change).delete(customers::delete))
            .route("/v1/customers/{customer}/wallet", get(wallet::one).delete(wallet::close))
            .route("/v1/customers/{customer}/wallet/topup", post(wallet::topup))
            .route("/v1/customers/{customer}/wallet/adjust", post(wallet::adjust))
            .route("/v1/usage/events", get(usage::list))
            .route("/v1/usage/events/{id}", get(usage::one));
    }
    if side != Side::Public {
        router = router
            .route("/metrics", if side == Side::Admin { get(metrics::open) } else { get(metrics::guarded) })
            .route("/admin/ringside/slots", get(admin::slots::list))
            .route(
                "/admin/ringside/slots/{alias}",
                get(admin::slots::one).patch(admin::slots::change).delete(admin::slots::remove),
            )
            .route("/admin/ringside/slots/{alias}/preview", post(admin::slots::preview))
            .route("/admin/ringside/accounts", post(admin::accounts::create).get(admin::accounts::list))
            .route("/admin/ringside/accounts/{account}", get(admin::accounts::one).patch(admin::accounts::change))
            .route("/admin/ringside/accounts/{account}/credits", post(admin::credits::create))
            .route("/admin/ringside/accounts/{account}/tokens", post(admin::tokens::create).get(admin::tokens::list))
            .route("/admin/ringside/accounts/{account}/tokens/{token}", delete(admin::tokens::revoke))
            .route("/admin/ringside/accounts/{account}/tokens/{token}/rotate", post(admin::tokens::rotate));
    }
    router
        .fallback(missing::path)
        .method_not_allowed_fallback(missing::method)
        .layer(from_fn_with_state(api.clone(), edge))
        .with_state(api.clone())
}
