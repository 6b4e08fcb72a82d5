//! A proxy that does nothing: what the packages alone cost that Ringside's request path stands on.
//!
//!   floor ADDRESS UPSTREAM
//!
//! One route of axum, whose body is read and sent to UPSTREAM by reqwest, and whose answer is read and
//! given back; nobody is authenticated, nothing is parsed, counted or written down. The client is set
//! up as Ringside's is.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::post;
use std::error::Error;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a request.
const MOST: usize = 16 << 20;

#[derive(Clone)]
struct Upstream {
    client: reqwest::Client,
    url: reqwest::Url,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, upstream] = arguments.as_slice() else {
        return Err("floor ADDRESS UPSTREAM".into());
    };
    let url = reqwest::Url::parse(upstream)?.join("/v1/chat/completions")?;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .pool_max_idle_per_host(usize::MAX)
        .referer(false)
        .retry(reqwest::retry::never().max_retries_per_request(0))
        .build()?;
    let router = Router::new().route("/v1/chat/completions", post(forward)).with_state(Upstream { client, url });
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address.as_str()).await?;
        Ok(axum::serve(listener, router).await?)
    })
}

async fn forward(State(upstream): State<Upstream>, body: Body) -> Result<Response, StatusCode> {
    let body = to_bytes(body, MOST).await.map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut request = reqwest::Request::new(reqwest::Method::POST, upstream.url.clone());
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer sk-of-openai"));
    *request.timeout_mut() = Some(Duration::from_secs(600));
    *request.body_mut() = Some(body.into());
    let answer = upstream.client.execute(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let kind = answer.headers().get(CONTENT_TYPE).cloned();
    let body = if kind.as_ref().is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        Body::from_stream(answer.bytes_stream())
    } else {
        answer.bytes().await.map_err(|_| StatusCode::BAD_GATEWAY)?.into()
    };
    let mut response = Response::new(body);
    response.headers_mut().extend(kind.map(|kind| (CONTENT_TYPE, kind)));
    Ok(response)
}
