//! Reads answers in one piece, bounded in size and time.

use super::deadline::{Rang, Watch};
use super::error::UpstreamError;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// Reads a body of at most `limit` bytes, whose pieces come within `idle` of each other.
pub async fn read_body(
    mut body: reqwest::Body,
    limit: usize,
    idle: Duration,
    deadline: Instant,
) -> Result<Bytes, Broken> {
    let mut watch = Watch::new(idle, deadline);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => watch.poll(cx).map(Err),
        });
        let data = match frame.await {
            Err(rang) => return Err(Broken::Slow(rang)),
            Ok(None) => return Ok(if all.is_empty() { first } else { all.freeze() }),
            Ok(Some(Err(_))) => return Err(Broken::Off),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        watch.touch();
        if first.len() + all.len() + data.len() > limit {
            return Err(Broken::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
}

/// Why a body could not be read to its end.
pub enum Broken {
    Slow(Rang),
    Off,
    TooLarge,
}

impl Broken {
    pub fn error(&self, name: &str) -> UpstreamError {
        UpstreamError::unavailable(match self {
            Broken::Slow(Rang::Idle) => format!("{name} stopped in the middle of its answer."),
            Broken::Slow(Rang::End) => format!("{name} did not finish its answer in time."),
            Broken::Off => {
                format!("{name} broke off in the middle of its answer. Send the request again.")
            }
            Broken::TooLarge => {
                format!("{name} sent an answer larger than this gateway takes (setting upstream.answer).")
            }
        })
    }
}
