//! The HTTP client that calls to providers share.

use std::time::Duration;

/// Makes it: no redirects (a provider's key must not follow one), keep-alive, small writes sent at
/// once, proxies as the environment has them (an operator's egress), certificates checked.
pub fn client(connect: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(60))
        .pool_idle_timeout(Duration::from_secs(90))
        .pool_max_idle_per_host(usize::MAX)
        .user_agent(concat!("ringside/", env!("CARGO_PKG_VERSION")))
        .referer(false)
        // Retries are ours, where they are counted; the client's own copy every request.
        .retry(reqwest::retry::never().max_retries_per_request(0))
        .build()
}
