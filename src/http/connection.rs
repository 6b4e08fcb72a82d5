//! One accepted connection, watched: idle ones, heads that come in drips and readers that do not
//! read are cut off. hyper's own time-out for heads also runs between requests and can't tell the
//! two apart, so it is not used.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client may keep a connection waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// Between requests.
    pub idle: Duration,
    /// For some bytes of an answer to be taken.
    pub write: Duration,
}

/// Counts the requests that a connection is answering; shared with the service.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    /// Counts one until the guard drops, which is when its answer has been handed over or given up.
    pub fn enter(&self) -> InFlightGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self.clone())
    }

    fn none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// One request being answered.
#[derive(Debug)]
pub struct InFlightGuard(InFlight);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the client is doing while no request is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// Something is being answered: the client may wait as long as it likes.
    No,
    Idle,
    Head,
}

/// A connection with a watch on it.
pub struct Watched<S> {
    stream: S,
    patience: Patience,
    in_flight: InFlight,
    waiting: Waiting,
    /// HTTP/2 sends frames between requests, which are no head in drips.
    http2: Option<bool>,
    read: Alarm,
    write: Alarm,
}

impl<S> Watched<S> {
    pub fn new(stream: S, patience: Patience, in_flight: InFlight) -> Self {
        Self {
            stream,
            patience,
            in_flight,
            waiting: Waiting::No,
            http2: None,
            read: Alarm::default(),
            write: Alarm::default(),
        }
    }

    /// Fails a write that has been pending for too long.
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write.clear();
            return result;
        }
        self.write.arm(self.patience.write);
        ready!(self.write.poll(cx));
        tracing::debug!("a client that did not read was cut off");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(cx, buffer) {
            let read = &buffer.filled()[before..];
            if !read.is_empty() && this.in_flight.none() {
                let http2 = *this.http2.get_or_insert_with(|| read.starts_with(b"PRI"));
                let next = if http2 { Waiting::Idle } else { Waiting::Head };
                if next != this.waiting {
                    this.waiting = next;
                    this.read.clear();
                }
                if next == Waiting::Head {
                    this.read.arm(this.patience.head);
                }
            }
            return Poll::Ready(result);
        }
        if !this.in_flight.none() {
            this.waiting = Waiting::No;
            this.read.clear();
            return Poll::Pending;
        }
        if this.waiting == Waiting::No {
            this.waiting = Waiting::Idle;
        }
        this.read.arm(if this.waiting == Waiting::Head { this.patience.head } else { this.patience.idle });
        ready!(this.read.poll(cx));
        tracing::debug!("a connection that sent no request in time was closed");
        // The end of input: what is left to write still goes out, then the connection closes.
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch_write(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch_write(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch_write(cx, result)
    }
}

/// A deadline that costs a timer only when it comes near: the timer is left to ring at an older
/// deadline and set anew then.
#[derive(Default)]
struct Alarm {
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Starts the wait unless it is running.
    fn arm(&mut self, after: Duration) {
        if self.deadline.is_none() {
            self.deadline = Some(Instant::now() + after);
        }
    }

    fn clear(&mut self) {
        self.deadline = None;
    }

    /// Ready once the deadline has passed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_secs(3600);

    fn watched(patience: Patience) -> (DuplexStream, Watched<DuplexStream>, InFlight) {
        let (client, server) = tokio::io::duplex(64);
        let in_flight = InFlight::default();
        (client, Watched::new(server, patience, in_flight.clone()), in_flight)
    }

    /// Whether the watch ends the input within a few seconds.
    async fn ends(stream: &mut Watched<DuplexStream>) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.is_ok()
    }

    #[tokio::test]
    async fn an_idle_connection_ends() {
        let (_client, mut stream, _) = watched(Patience { head: LONG, idle: SHORT, write: LONG });
        assert!(ends(&mut stream).await);
    }

    #[tokio::test]
    async fn a_head_in_drips_ends_however_steadily_it_drips() {
        let (mut client, mut stream, _) = watched(Patience { head: SHORT, idle: LONG, write: LONG });
        let drips = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            ended = ends(&mut stream) => assert!(ended),
            () = drips => panic!("the connection was closed before its input ended"),
        }
    }

    #[tokio::test]
    async fn frames_between_requests_are_no_head() {
        let (mut client, mut stream, _) = watched(Patience { head: SHORT, idle: LONG, write: LONG });
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut rest = Vec::new();
        let waited = tokio::time::timeout(SHORT * 5, stream.read_to_end(&mut rest)).await;
        assert!(waited.is_err());
    }

    #[tokio::test]
    async fn a_running_request_may_take_as_long_as_it_likes() {
        let (_client, mut stream, in_flight) = watched(Patience { head: SHORT, idle: SHORT, write: LONG });
        let guard = in_flight.enter();
        let mut byte = [0];
        assert!(tokio::time::timeout(SHORT * 5, stream.read(&mut byte)).await.is_err());
        drop(guard);
        assert!(ends(&mut stream).await);
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_is_cut_off() {
        let (_client, mut stream, _) = watched(Patience { head: LONG, idle: LONG, write: SHORT });
        let error = stream.write_all(&[0; 65]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
