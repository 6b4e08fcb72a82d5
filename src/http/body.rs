//! Reads a request's body, bounded in size and time.

use crate::wire::error::{ApiError, Code};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::time::Duration;

/// How much of a body that is too large is still read, so that a client which writes all of it
/// before it reads gets the answer and not a reset connection.
const DRAIN: usize = 4;
/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Bounds on a body.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub bytes: usize,
    pub time: Duration,
}

/// The whole body.
///
/// # Errors
/// 413 `request_too_large`; 400 `invalid_request` where it stops short or comes too slowly.
pub async fn read(mut body: Body, bounds: Bounds) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(bounds.time, collect(&mut body, bounds.bytes)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(Failure::TooLarge)) => {
            let drain = discard(&mut body, bounds.bytes.saturating_mul(DRAIN));
            // Whether it could be drained makes no difference to the answer.
            let _ = tokio::time::timeout(DRAIN_TIME, drain).await;
            Err(ApiError::new(
                Code::RequestTooLarge,
                format!(
                    "The request body is larger than {} bytes, the limit of this server (setting limits.body). Send less, or images by URL.",
                    bounds.bytes
                ),
            ))
        }
        Ok(Err(Failure::Broken)) => {
            Err(ApiError::new(Code::InvalidRequest, "The request body could not be read to its end."))
        }
        Err(_) => Err(ApiError::new(
            Code::InvalidRequest,
            format!("The request body did not arrive within {} s (setting timeouts.body).", bounds.time.as_secs()),
        )),
    }
}

enum Failure {
    TooLarge,
    Broken,
}

async fn collect(body: &mut Body, limit: usize) -> Result<Bytes, Failure> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(Failure::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Failure::Broken)?.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > limit {
            return Err(Failure::TooLarge);
        }
        // A body in one frame, the usual case, is not copied.
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if !first.is_empty() {
            all.reserve((announced as usize).max(first.len() + data.len()));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

async fn discard(body: &mut Body, limit: usize) {
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        seen += frame.data_ref().map_or(0, Bytes::len);
        if seen > limit {
            return;
        }
    }
}
