//! Sends a call and reads the answer's beginning: retries, time-outs, sizes.

use super::body::read_body;
use super::classification::{classify, classify_with};
use super::client::client;
use super::deadline::Watch;
use super::endpoint::{Endpoint, Endpoints};
use super::error::UpstreamError;
use super::stream::{EventStream, Source};
use super::{retry, simulator};
use crate::adapter::Provider;
use crate::adapter::provider::{Framing, Transport};
use crate::clock::Clock;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use smol_str::SmolStr;
use std::time::Duration;
use tokio::time::Instant;

/// What is asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Chat { stream: bool },
    Embeddings,
    Moderations,
}

/// One call.
pub struct Call {
    pub provider: &'static Provider,
    pub operation: Operation,
    /// The provider's own model id.
    pub model: SmolStr,
    /// The encoded request.
    pub body: Bytes,
    /// For all tries together, and for the answer.
    pub deadline: Instant,
}

/// What came back.
pub struct Answer {
    pub content: Content,
    /// Tries that were made.
    pub attempts: u32,
}

/// An answer in one piece, or a stream that has begun.
pub enum Content {
    Body(Bytes),
    Stream(Box<EventStream>),
}

impl Content {
    pub(super) fn stream(events: EventStream) -> Self {
        Content::Stream(Box::new(events))
    }
}

/// Bounds on calls.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connect: Duration,
    /// From the sent request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// Tries in all, before the first byte.
    pub attempts: u32,
    /// Bytes of an answer in one piece.
    pub answer: usize,
    /// Bytes of one event of a stream.
    pub event: usize,
}

/// Bytes of an error answer that are looked at.
pub(super) const ERROR_BODY: usize = 64 * 1024;

/// Talks to providers.
pub struct Upstream {
    pub(super) client: reqwest::Client,
    endpoints: Endpoints,
    pub(super) limits: Limits,
    clock: Clock,
}

impl Upstream {
    /// # Errors
    /// When the machine's certificates can't be loaded.
    pub fn new(endpoints: Endpoints, limits: Limits, clock: Clock) -> reqwest::Result<Self> {
        Ok(Self { client: client(limits.connect)?, endpoints, limits, clock })
    }

    /// Sends a call, again where that may help and no byte of an answer has come.
    ///
    /// # Errors
    /// [`UpstreamError`] of the last try.
    pub async fn send(&self, call: Call) -> Result<Answer, UpstreamError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let tried = match call.provider.transport {
                Transport::Simulator => simulator::answer(&call, &self.clock, &self.limits),
                Transport::Http => self.try_once(&call).await,
            };
            match tried {
                Ok(content) => return Ok(Answer { content, attempts }),
                Err(error) => match retry::pause(&error, attempts, self.limits.attempts, call.deadline) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(UpstreamError { attempts, ..error }),
                },
            }
        }
    }

    async fn try_once(&self, call: &Call) -> Result<Content, UpstreamError> {
        let name = call.provider.name;
        let Some(endpoint) = self.endpoints.get(call.provider) else {
            return Err(UpstreamError::unavailable(format!("{name} is not configured.")));
        };
        let url = endpoint
            .url(call.provider, call.operation, &call.model)
            .map_err(|error| UpstreamError::unavailable(error.to_string()))?;
        let mut request = reqwest::Request::new(reqwest::Method::POST, url);
        request.headers_mut().clone_from(&endpoint.headers);
        *request.body_mut() = Some(call.body.clone().into());
        let streams = call.operation == Operation::Chat { stream: true };
        let chat = call.provider.chat.as_ref().filter(|_| matches!(call.operation, Operation::Chat { .. }));
        let submit = chat.and_then(|chat| chat.submit.as_ref());
        let framing = call.provider.chat.as_ref().map_or(Framing::Sse, |chat| chat.framing);
        // Who sends what is wanted most sends the first. A spec that names a kind knows better.
        let kinds = if streams && submit.is_none() && framing == Framing::Sse {
            "text/event-stream, application/json"
        } else {
            "application/json"
        };
        request.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static(kinds));
        if let Some(submit) = submit.filter(|_| !streams) {
            for (header, value) in submit.wait {
                request.headers_mut().insert(HeaderName::from_static(header), HeaderValue::from_static(value));
            }
        }
        if let Some(signer) = &endpoint.signer {
            let signed = signer.sign(&mut request, &call.body, self.clock.now());
            signed.map_err(|error| UpstreamError::unavailable(format!("{name}: {error}.")))?;
        }
        let first_byte = (Instant::now() + self.limits.first_byte).min(call.deadline);
        let response = match tokio::time::timeout_at(first_byte, self.client.execute(request)).await {
            Ok(Ok(response)) => response,
            // reqwest's own text holds the URL, which may hold a key.
            Ok(Err(error)) => return Err(failed(name, &error)),
            Err(_) => {
                return Err(UpstreamError::unavailable(format!("{name} did not begin to answer in time.")));
            }
        };
        let status = response.status().as_u16();
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        // What was only asked for is created or accepted.
        // What few calls need is on the heap: its state would make that of every call larger.
        if status != 200 && !(submit.is_some() && response.status().is_success()) {
            return Err(Box::pin(self.refused(call.provider, endpoint, response, call.deadline)).await);
        }
        if let Some(submit) = submit {
            return Box::pin(self.submitted(call, endpoint, submit, response)).await;
        }
        if !streams {
            let body = read_body(response.into(), self.limits.answer, self.limits.idle, call.deadline).await;
            return body.map(Content::Body).map_err(|broken| broken.error(name));
        }
        // An answer in one piece where a stream was asked for is an error with the wrong status.
        if kind.starts_with("text/html") || (framing != Framing::Ndjson && kind.starts_with("application/json")) {
            return Err(Box::pin(self.no_stream(call, response.into(), endpoint)).await);
        }
        let watch = Watch::new(self.limits.idle, call.deadline);
        Ok(Content::stream(EventStream::new(
            Source::Http(Box::new(response.into())),
            framing,
            self.limits.event,
            watch,
        )))
    }

    /// An error answer as an error.
    pub(super) async fn refused(
        &self,
        provider: &Provider,
        endpoint: &Endpoint,
        response: reqwest::Response,
        deadline: Instant,
    ) -> UpstreamError {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read_body(response.into(), ERROR_BODY, self.limits.idle, deadline).await.unwrap_or_default();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut error = classify_with(provider, status, &header, &body, &endpoint.secrets());
        error.retry_after = retry::after(&headers, self.clock.now().unix_seconds());
        error.again = header("x-should-retry").map_or(error.again, |should| should == "true");
        error
    }

    async fn no_stream(&self, call: &Call, body: reqwest::Body, endpoint: &Endpoint) -> UpstreamError {
        let body = read_body(body, ERROR_BODY, self.limits.idle, call.deadline).await.unwrap_or_default();
        let parsed = (call.provider.errors.parse)(&body);
        if parsed.message.is_empty() && parsed.code.is_empty() {
            return UpstreamError::unavailable(format!(
                "{} sent no stream where one was asked for. Send the request again; if it stays so, check the provider's base URL.",
                call.provider.name
            ));
        }
        let error = classify(call.provider, 200, &body, &endpoint.secrets());
        UpstreamError { again: false, ..error }
    }
}

/// No answer at all: worth another try, as nothing of one has been seen.
pub(super) fn failed(name: &str, error: &reqwest::Error) -> UpstreamError {
    let what = if error.is_timeout() {
        "could not be reached in time"
    } else if error.is_connect() {
        "could not be reached"
    } else {
        "closed the connection without an answer"
    };
    tracing::debug!(provider = name, error = ?error.without_url_text(), "call failed");
    UpstreamError {
        again: true,
        ..UpstreamError::unavailable(format!(
            "{name} {what}. Send the request again; if it stays so, its operator must check the network and the provider's base URL."
        ))
    }
}

/// The causes of an error without the URL.
trait WithoutUrl {
    fn without_url_text(&self) -> String;
}

impl WithoutUrl for reqwest::Error {
    fn without_url_text(&self) -> String {
        let mut texts = Vec::new();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        texts.join(": ")
    }
}
