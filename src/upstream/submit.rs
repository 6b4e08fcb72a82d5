//! Answers that a call only asks for: it is answered at once with how far the answer is and with
//! URLs, at which the answer streams or is asked for until it is whole.
//!
//! Whoever waits no longer drops the [`Job`], and that stops it at the provider.

use super::body::read_body;
use super::deadline::Watch;
use super::endpoint::Endpoint;
use super::error::UpstreamError;
use super::send::{Call, Content, Operation, Upstream, failed};
use super::stream::{EventStream, Following, Source};
use crate::adapter::provider::Submit;
use crate::adapter::reply::Reply;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// Between the first two questions; later pauses grow to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Questions that may fail one after another.
const FAILURES: u32 = 3;
/// Questions after a stream, for what it does not tell: usage.
const QUESTIONS_AFTER: u32 = 6;

/// An answer in the making at the provider.
struct Job {
    client: reqwest::Client,
    /// Credentials and the like.
    headers: HeaderMap,
    poll: Url,
    cancel: Option<Url>,
    /// Bytes of an answer, pause between its pieces, time to its first byte.
    limits: (usize, Duration, Duration),
    deadline: Instant,
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// Whole or failed: its body says which.
    Over,
}

impl Upstream {
    /// Goes on from the answer to a submission.
    pub(super) async fn submitted(
        &self,
        call: &Call,
        endpoint: &Endpoint,
        submit: &'static Submit,
        response: reqwest::Response,
    ) -> Result<Content, UpstreamError> {
        let name = call.provider.name;
        let limits = &self.limits;
        let body = read_body(response.into(), limits.answer, limits.idle, call.deadline).await;
        // Made is made: another try would have it made twice.
        let body = body.map_err(|broken| UpstreamError { again: false, ..broken.error(name) })?;
        let value: Value = serde_json::from_slice(&body).map_err(|_| UpstreamError::unreadable())?;
        let watch = || Watch::new(limits.idle, call.deadline);
        let streams = call.operation == Operation::Chat { stream: true };
        if state(submit, &value) == State::Over {
            let whole = || Content::stream(EventStream::of_one("whole", body.clone(), watch()));
            return Ok(if streams { whole() } else { Content::Body(body) });
        }
        let job = Job {
            client: self.client.clone(),
            headers: endpoint.headers.clone(),
            poll: url(endpoint, submit, &value, submit.poll, name)?.ok_or_else(UpstreamError::unreadable)?,
            cancel: url(endpoint, submit, &value, submit.cancel, name)?,
            limits: (limits.answer, limits.idle, limits.first_byte),
            deadline: call.deadline,
        };
        if !streams {
            return self.poll(call, endpoint, submit, job, body).await.map(Content::Body);
        }
        match url(endpoint, submit, &value, submit.stream, name)? {
            Some(stream) => self.stream_of(call, endpoint, submit, job, (stream, body)).await,
            None => {
                let body = self.poll(call, endpoint, submit, job, body).await?;
                Ok(Content::stream(EventStream::of_one("whole", body, watch())))
            }
        }
    }

    /// Asks until it is over.
    async fn poll(
        &self,
        call: &Call,
        endpoint: &Endpoint,
        submit: &'static Submit,
        mut job: Job,
        mut body: Bytes,
    ) -> Result<Bytes, UpstreamError> {
        let (mut pause, mut failures) = (FIRST_PAUSE, 0);
        loop {
            if Instant::now() + pause >= call.deadline {
                let message =
                    format!("{} did not finish its answer in time (setting upstream.total).", call.provider.name);
                return Err(UpstreamError::unavailable(message));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            let asked = match job.ask().await {
                Ok(response) if response.status().is_success() => {
                    job.read(response).await.map_err(|broken| broken.error(call.provider.name))
                }
                Ok(response) => Err(self.refused(call.provider, endpoint, response, call.deadline).await),
                Err(error) => {
                    Err(error.unwrap_or_else(|| UpstreamError::unavailable("The provider did not answer in time.")))
                }
            };
            match asked {
                Ok(told) => {
                    failures = 0;
                    let value: Value = serde_json::from_slice(&told).map_err(|_| UpstreamError::unreadable())?;
                    body = told;
                    if state(submit, &value) == State::Over {
                        job.over();
                        return Ok(body);
                    }
                }
                Err(error) => {
                    failures += 1;
                    if error.again && failures < FAILURES {
                        continue;
                    }
                    // An answer that is there is not thrown away for want of a last word on it.
                    let mut reply = Reply::tap();
                    let read = call.provider.chat.as_ref().map(|chat| (chat.decode)(&body, &mut reply));
                    return match read {
                        Some(Ok(())) if reply.outcome().saw_output => Ok(body),
                        _ => Err(UpstreamError { again: false, ..error }),
                    };
                }
            }
        }
    }

    async fn stream_of(
        &self,
        call: &Call,
        endpoint: &Endpoint,
        submit: &'static Submit,
        job: Job,
        (stream, body): (Url, Bytes),
    ) -> Result<Content, UpstreamError> {
        let response = match job.get(stream, "text/event-stream").await {
            Ok(response) if response.status().as_u16() == 200 => response,
            Ok(response) => {
                let error = self.refused(call.provider, endpoint, response, call.deadline).await;
                return Err(UpstreamError { again: false, ..error });
            }
            Err(error) => {
                let late = || UpstreamError::unavailable("The provider's stream did not begin in time.");
                let error = error.map_or_else(late, |error| UpstreamError { again: false, ..error });
                return Err(UpstreamError { again: false, ..error });
            }
        };
        let framing = call.provider.chat.as_ref().map_or(crate::adapter::provider::Framing::Sse, |chat| chat.framing);
        let watch = Watch::new(self.limits.idle, call.deadline);
        let source = Source::Http(Box::new(response.into()));
        let events = EventStream::new(source, framing, self.limits.event, watch);
        Ok(Content::stream(events.within(("submitted", body), submit.last, job.last_word(submit))))
    }
}

impl Job {
    /// There is nothing left to stop.
    fn over(&mut self) {
        self.cancel = None;
    }

    async fn ask(&self) -> Result<reqwest::Response, Option<UpstreamError>> {
        self.get(self.poll.clone(), "application/json").await
    }

    /// `Err(None)`: not in time.
    async fn get(&self, url: Url, accept: &'static str) -> Result<reqwest::Response, Option<UpstreamError>> {
        let mut request = reqwest::Request::new(Method::GET, url);
        request.headers_mut().clone_from(&self.headers);
        request.headers_mut().remove(CONTENT_TYPE);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
        let until = (Instant::now() + self.limits.2).min(self.deadline);
        match tokio::time::timeout_at(until, self.client.execute(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Some(failed("The provider", &error))),
            Err(_) => Err(None),
        }
    }

    async fn read(&self, response: reqwest::Response) -> Result<Bytes, super::body::Broken> {
        read_body(response.into(), self.limits.0, self.limits.1, self.deadline).await
    }

    /// The state after the stream's last event; an empty object where it can't be had.
    fn last_word(mut self, submit: &'static Submit) -> Following {
        Box::pin(async move {
            let mut pause = FIRST_PAUSE / 5;
            for _ in 0..QUESTIONS_AFTER {
                let told = match self.ask().await {
                    Ok(response) if response.status().is_success() => self.read(response).await.ok(),
                    // Whoever refuses now will not say more in a moment.
                    _ => break,
                };
                let value: Option<Value> = told.as_ref().and_then(|told| serde_json::from_slice(told).ok());
                if let (Some(told), Some(value)) = (told, value)
                    && state(submit, &value) == State::Over
                {
                    self.over();
                    return told;
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            self.over();
            Bytes::from_static(b"{}")
        })
    }
}

/// Nobody waits any more: the provider is told, and not waited for.
impl Drop for Job {
    fn drop(&mut self) {
        let (Some(cancel), Ok(runtime)) = (self.cancel.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let mut request = reqwest::Request::new(Method::POST, cancel);
        request.headers_mut().clone_from(&self.headers);
        let (client, time) = (self.client.clone(), self.limits.2);
        runtime.spawn(async move {
            if !matches!(tokio::time::timeout(time, client.execute(request)).await, Ok(Ok(_))) {
                tracing::warn!("a provider could not be told that nobody waits for an answer any more");
            }
        });
    }
}

fn state(submit: &Submit, answer: &Value) -> State {
    let word = at(answer, submit.state).and_then(Value::as_str).unwrap_or_default();
    if submit.done.iter().chain(submit.failed).any(|known| *known == word) { State::Over } else { State::Running }
}

/// A URL of the answer; `None` where it holds none.
///
/// # Errors
/// Where it leads somewhere else than the spec allows.
fn url(
    endpoint: &Endpoint,
    submit: &Submit,
    answer: &Value,
    path: &[&str],
    name: &str,
) -> Result<Option<Url>, UpstreamError> {
    let Some(text) = at(answer, path).and_then(Value::as_str).filter(|_| !path.is_empty()) else {
        return Ok(None);
    };
    endpoint.of_answer(text, submit.hosts).map(Some).ok_or_else(|| {
        UpstreamError::unavailable(format!("{name} pointed to a host that is none of its own; it was not called."))
    })
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, member| value.get(member))
}
