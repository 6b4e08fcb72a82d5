//! Fetching, bounded in size and time.

use super::Reach;
use super::resolver::{Checked, Lookup, NotPublic, of_machine};
use super::url::{UrlError, check};
use http_body::Body as _;
use reqwest::header::CONTENT_TYPE;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Fetches what callers' URLs lead to.
pub struct Outbound {
    client: reqwest::Client,
    reach: Reach,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The media type without parameters, in lower case; empty where none was told.
    pub media_type: String,
    pub body: Vec<u8>,
}

/// What several fetches may take together.
pub struct Budget {
    left: AtomicUsize,
    deadline: Instant,
}

/// Why nothing was fetched. The texts complete "… could not be fetched: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error("its host is not on the public internet")]
    NotPublic,
    #[error("its host could not be reached")]
    Unreachable,
    #[error("its host answered with status {0}")]
    Status(u16),
    #[error("its host answered with a redirect, which is not followed: give the URL that it leads to")]
    Redirect,
    #[error("it is too large")]
    TooLarge,
    #[error("it took too long")]
    TooSlow,
}

impl Budget {
    /// `bytes` in all, until `time` from now.
    pub fn new(bytes: usize, time: Duration) -> Self {
        Self { left: AtomicUsize::new(bytes), deadline: Instant::now() + time }
    }

    fn take(&self, bytes: usize) -> Result<(), OutboundError> {
        let taken =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if taken { Ok(()) } else { Err(OutboundError::TooLarge) }
    }
}

impl Outbound {
    /// # Errors
    /// When the machine's certificates can't be loaded.
    pub fn new(reach: Reach) -> reqwest::Result<Self> {
        Self::resolving(reach, of_machine())
    }

    fn resolving(reach: Reach, lookup: Lookup) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(Checked { reach, lookup }))
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would connect to whatever it is told.
            .no_proxy()
            // A small body that unpacks to a large one would pass the bound.
            .no_gzip()
            .referer(false)
            .connect_timeout(Duration::from_secs(5))
            .pool_max_idle_per_host(0)
            .user_agent(concat!("ringside/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, reach })
    }

    /// Gets what `url` leads to, within `budget`.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn get(&self, url: &str, budget: &Budget) -> Result<Fetched, OutboundError> {
        let url = check(url, self.reach)?;
        let fetching = async {
            let response = self.client.get(url).send().await.map_err(|error| failed(&error))?;
            let status = response.status();
            if status.is_redirection() {
                return Err(OutboundError::Redirect);
            }
            if !status.is_success() {
                return Err(OutboundError::Status(status.as_u16()));
            }
            let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
            let media_type = media_type.to_ascii_lowercase();
            let mut from = reqwest::Body::from(response);
            let mut body = Vec::new();
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut from).poll_frame(cx)).await {
                let data = frame.map_err(|_| OutboundError::Unreachable)?.into_data().unwrap_or_default();
                budget.take(data.len())?;
                body.extend_from_slice(&data);
            }
            Ok(Fetched { media_type, body })
        };
        let fetched = tokio::time::timeout_at(budget.deadline, fetching).await;
        match fetched {
            // What breaks off once the time is over was too slow, whichever is noticed first.
            Ok(Err(OutboundError::Unreachable)) if Instant::now() >= budget.deadline => Err(OutboundError::TooSlow),
            Ok(fetched) => fetched,
            Err(_) => Err(OutboundError::TooSlow),
        }
    }
}

/// reqwest's own text holds the URL, which may hold a secret of the caller's.
fn failed(error: &reqwest::Error) -> OutboundError {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<NotPublic>() {
            return OutboundError::NotPublic;
        }
        cause = inner.source();
    }
    if error.is_timeout() { OutboundError::TooSlow } else { OutboundError::Unreachable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A host that answers everything so.
    async fn host(answer: Vec<u8>) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(&answer).await;
            }
        });
        address
    }

    fn answer(head: &str, body: &[u8]) -> Vec<u8> {
        let mut answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        answer.push_str("");
        let mut answer = answer.into_bytes();
        answer.extend_from_slice(body);
        answer
    }

    fn budget() -> Budget {
        Budget::new(1000, Duration::from_secs(10))
    }

    #[tokio::test]
    async fn what_is_there_is_fetched() {
        let at = host(answer("200 OK\r\nContent-Type: Image/PNG; x=y", b"picture")).await;
        let outbound = Outbound::new(Reach::AndLoopback).expect("a client");
        let fetched = outbound.get(&format!("http://{at}/a.png"), &budget()).await;
        assert_eq!(fetched, Ok(Fetched { media_type: "image/png".to_owned(), body: b"picture".to_vec() }));
    }

    #[tokio::test]
    async fn redirects_errors_and_large_answers_are_not_taken() {
        let outbound = Outbound::new(Reach::AndLoopback).expect("a client");
        let elsewhere = host(answer("302 Found\r\nLocation: http://169.254.169.254/", b"")).await;
        let missing = host(answer("404 Not Found", b"")).await;
        let large = host(answer("200 OK", &[0; 1001])).await;
        for (at, wanted) in [
            (elsewhere, OutboundError::Redirect),
            (missing, OutboundError::Status(404)),
            (large, OutboundError::TooLarge),
        ] {
            assert_eq!(outbound.get(&format!("http://{at}/"), &budget()).await, Err(wanted));
        }
    }

    #[tokio::test]
    async fn fetches_share_one_budget() {
        let at = host(answer("200 OK", &[0; 600])).await;
        let (outbound, budget) = (Outbound::new(Reach::AndLoopback).expect("a client"), budget());
        assert!(outbound.get(&format!("http://{at}/"), &budget).await.is_ok());
        assert_eq!(outbound.get(&format!("http://{at}/"), &budget).await, Err(OutboundError::TooLarge));
    }

    #[tokio::test]
    async fn a_host_that_says_nothing_is_left_at_the_deadline() {
        let at = host(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab".to_vec()).await;
        let outbound = Outbound::new(Reach::AndLoopback).expect("a client");
        let hurried = Budget::new(1000, Duration::ZERO);
        assert_eq!(outbound.get(&format!("http://{at}/"), &hurried).await, Err(OutboundError::TooSlow));
    }

    /// The name is public to look at; what it resolves to is not.
    #[tokio::test]
    async fn the_address_that_a_name_leads_to_is_checked() {
        for inside in
            ["127.0.0.1:0", "169.254.169.254:0", "10.1.2.3:0", "[::1]:0", "[::ffff:10.0.0.1]:0", "[fd00::1]:0"]
        {
            let address: SocketAddr = inside.parse().expect("an address");
            let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![address]) }));
            let outbound = Outbound::resolving(Reach::Public, lookup).expect("a client");
            let fetched = outbound.get("https://rebound.example.com/x", &budget()).await;
            assert_eq!(fetched, Err(OutboundError::NotPublic), "{inside}");
        }
    }
}
