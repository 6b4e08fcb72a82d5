//! Accepts connections and serves them until told to stop.

use super::connection::{InFlight, InFlightGuard, Patience, Watched};
use crate::config::{Limits, Timeouts};
use crate::telemetry::Metrics;
use axum::Router;
use axum::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

/// Everything a listener needs to serve.
#[derive(Clone)]
pub struct Server {
    limits: Limits,
    timeouts: Timeouts,
    metrics: Arc<Metrics>,
    /// No new connections, no new requests on old ones.
    stop: CancellationToken,
    /// Give up what still runs.
    give_up: CancellationToken,
    connections: TaskTracker,
    places: Arc<Semaphore>,
}

impl Server {
    pub fn new(limits: Limits, timeouts: Timeouts, metrics: Arc<Metrics>) -> Self {
        Self {
            limits,
            timeouts,
            metrics,
            stop: CancellationToken::new(),
            give_up: CancellationToken::new(),
            connections: TaskTracker::new(),
            places: Arc::new(Semaphore::new(limits.connections)),
        }
    }

    /// Accepts on `listener` until [`Server::stop`] is called.
    pub async fn run(&self, listener: TcpListener, router: Router) {
        let builder = Arc::new(self.builder());
        loop {
            // A place is taken before accepting, so that connections beyond the limit wait in the
            // kernel's queue and cost nothing here.
            let place = tokio::select! {
                () = self.stop.cancelled() => return,
                place = Arc::clone(&self.places).acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let server = self.clone();
                    let builder = Arc::clone(&builder);
                    let router = router.clone();
                    self.connections.spawn(async move {
                        let _place = place;
                        let _counted = server.metrics.connection();
                        server.serve(stream, peer, &builder, router).await;
                    });
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    // Most likely out of file descriptors: accepting again at once would spin.
                    tracing::error!(%error, "no connection can be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Stops accepting, lets what runs finish within `timeouts.shutdown`, then cuts it off.
    /// Returns whether everything finished by itself.
    pub async fn stop(&self) -> bool {
        self.stop.cancel();
        self.connections.close();
        let finished = tokio::time::timeout(self.timeouts.shutdown, self.connections.wait()).await.is_ok();
        self.give_up.cancel();
        self.connections.wait().await;
        finished
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(self.limits.head)
            .max_headers(self.limits.headers)
            .half_close(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.head).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(256)
            .max_send_buf_size(64 * 1024)
            .keep_alive_interval(Some(Duration::from_secs(30)))
            .keep_alive_timeout(Duration::from_secs(20));
        builder
    }

    async fn serve(
        &self,
        stream: TcpStream,
        peer: std::net::SocketAddr,
        builder: &auto::Builder<TokioExecutor>,
        router: Router,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let in_flight = InFlight::default();
        let patience = Patience { head: self.timeouts.head, idle: self.timeouts.idle, write: self.timeouts.write };
        let watched = TokioIo::new(Watched::new(stream, patience, in_flight.clone()));
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let guard = in_flight.enter();
            let mut router = router.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer));
                let response = router.call(request).await?;
                Ok::<_, std::convert::Infallible>(response.map(|body| Guarded { body, _guard: guard }))
            }
        });
        let mut connection = std::pin::pin!(builder.serve_connection(watched, service));
        let mut stopping = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, %peer, "connection ended");
                    }
                    return;
                }
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.give_up.cancelled() => return,
            }
        }
    }
}

/// The address a connection came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub std::net::SocketAddr);

/// An answer that counts as being given until its last byte is handed over.
struct Guarded {
    body: Body,
    _guard: InFlightGuard,
}

impl http_body::Body for Guarded {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Errors of the one connection that was being accepted; the next may be fine.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
