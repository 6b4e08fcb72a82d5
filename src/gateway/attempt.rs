//! One try of a chat call at one target: encode, send, read.

use super::enforce::{Enforcement, Plan};
use super::running::Running;
use super::settle::Status;
use super::stream::ChatStream;
use super::{Answer, Content, Error, Gateway, images};
use crate::adapter::json::Json;
use crate::adapter::normalise;
use crate::adapter::provider::{ChatOperation, Replies};
use crate::adapter::reply::{ChunkOptions, Identity, Reply};
use crate::adapter::view::Chat;
use crate::id::Id;
use crate::upstream::{self, Call, UpstreamError};
use crate::wire::chat::ChatRequest;
use bytes::Bytes;
use std::pin::pin;
use std::sync::Arc;

/// A schema that a streamed answer is checked against at its end.
pub(super) struct Checked {
    pub enforcement: Arc<Enforcement>,
    pub plan: Plan,
}

/// An answer in one piece that is not settled yet.
pub(super) struct Whole {
    pub running: Running,
    pub reply: Reply,
    /// The provider's own bytes.
    pub body: Bytes,
    pub operation: &'static ChatOperation,
}

/// Runs the call that `running` was admitted for. With `early` a stream is handed over once its
/// first bytes are there, so that one that fails before them fails as a whole.
pub(super) async fn attempt(
    gateway: &Gateway,
    request: &ChatRequest<'_>,
    running: Running,
    early: bool,
) -> Result<Answer, Error> {
    if request.stream {
        return stream(gateway, request, running, None, early).await;
    }
    let Whole { running, reply, body, operation } = gather(gateway, request, running, None).await?;
    let mut facts = running.facts();
    let settled = running.settle(reply.outcome(), Status::Ok).map_err(Error::Journal)?;
    facts.settled(&settled);
    let content =
        if operation.replies == Replies::Verbatim { body } else { reply.into_completion(&settled.usage).into() };
    Ok(Answer { facts, content: Content::Json(content) })
}

/// A streamed answer, from its head on.
pub(super) async fn stream(
    gateway: &Gateway,
    request: &ChatRequest<'_>,
    running: Running,
    checked: Option<Checked>,
    early: bool,
) -> Result<Answer, Error> {
    let (running, operation, content) = send(gateway, request, running).await?;
    let upstream::Content::Stream(events) = content else {
        return Err(running.fail(Error::Upstream(UpstreamError::unreadable())));
    };
    let mut facts = running.facts();
    facts.wallet_balance = running.wallet_balance();
    let tool = checked.as_ref().map(|checked| checked.plan.tool.as_str()).filter(|tool| !tool.is_empty());
    // What is a call of a tool upstream is text to the caller: its bytes can't pass as they are.
    let verbatim = (operation.replies == Replies::Verbatim && tool.is_none()).then_some(request.include_usage);
    let mut reply = match verbatim {
        Some(_) => Reply::tap(),
        None => {
            Reply::chunks(identity(&running, operation), options(request)).with_thought_tags(operation.thought_tags)
        }
    };
    if let Some(tool) = tool {
        reply = reply.answering_by(tool);
    }
    let mut stream = ChatStream::new(*events, operation, reply, verbatim, request.n, running, gateway.explain);
    if let Some(checked) = checked {
        stream = stream.checked_against(checked);
    }
    if early {
        stream.begin().await?;
    }
    Ok(Answer { facts, content: Content::Stream(Box::new(stream)) })
}

/// An answer in one piece. With `kept` what it says is looked at, and calls of the tool of that
/// name, where it is not empty, are its text.
pub(super) async fn gather(
    gateway: &Gateway,
    request: &ChatRequest<'_>,
    running: Running,
    kept: Option<&str>,
) -> Result<Whole, Error> {
    let (running, operation, content) = send(gateway, request, running).await?;
    let upstream::Content::Body(body) = content else {
        return Err(running.fail(Error::Upstream(UpstreamError::unreadable())));
    };
    let mut reply = if kept.is_none() && operation.replies == Replies::Verbatim {
        Reply::tap()
    } else {
        Reply::completion(identity(&running, operation)).with_thought_tags(operation.thought_tags)
    };
    if let Some(tool) = kept.filter(|tool| !tool.is_empty()) {
        reply = reply.answering_by(tool);
    }
    if (operation.decode)(&body, &mut reply).is_err() {
        return Err(running.fail_with(reply.outcome(), Error::Upstream(UpstreamError::unreadable())));
    }
    if let Some(failure) = &reply.outcome().failure {
        let error = upstream::in_stream(running.target().provider, failure);
        return Err(running.fail_with(reply.outcome(), Error::Upstream(error)));
    }
    if reply.outcome().finish_reasons.is_empty() && !reply.outcome().saw_output {
        // JSON, but no answer: an object of something else.
        return Err(running.fail_with(reply.outcome(), Error::Upstream(UpstreamError::unreadable())));
    }
    Ok(Whole { running, reply, body, operation })
}

/// Encodes and sends a call.
async fn send(
    gateway: &Gateway,
    request: &ChatRequest<'_>,
    mut running: Running,
) -> Result<(Running, &'static ChatOperation, upstream::Content), Error> {
    let provider = running.target().provider;
    let Some(operation) = &provider.chat else {
        // `resolve` lets no such target pass.
        return Err(running.refuse(Error::Upstream(UpstreamError::unreadable())));
    };
    let encoded = match encode(gateway, request, &running, operation).await {
        Ok(encoded) => encoded,
        Err(error) => return Err(running.refuse(error)),
    };
    if let Err(error) = running.goes_out() {
        return Err(running.refuse(error));
    }
    let call = Call {
        provider,
        operation: upstream::Operation::Chat { stream: request.stream },
        model: running.target().model.clone(),
        body: encoded,
        deadline: running.begun() + gateway.total,
    };
    match running.renewing(pin!(gateway.upstream.send(call))).await {
        Ok(answer) => {
            running.attempts(answer.attempts);
            Ok((running, operation, answer.content))
        }
        Err(error) => {
            running.attempts(error.attempts);
            Err(running.fail(Error::Upstream(error)))
        }
    }
}

/// The request in the provider's own shape.
async fn encode(
    gateway: &Gateway,
    request: &ChatRequest<'_>,
    running: &Running,
    operation: &ChatOperation,
) -> Result<Bytes, Error> {
    let target = running.target();
    let user = gateway.forward_user.then(|| running.hashed_customer()).flatten();
    let view = || {
        let target = normalise::Target {
            output_limit: running.output_limit(),
            user: user.as_deref(),
            ..normalise::Target::of(operation, request, &target.model, u64::from(target.entry.max_output_tokens))
        };
        normalise::chat(request, target).map_err(Error::Request)
    };
    let written = |view: &Chat<'_>| {
        let mut json = Json::with_capacity(request.bytes + 256);
        (operation.encode)(view, &mut json)
            .map_err(|refused| Error::Refused { provider: target.provider.name, refused })?;
        Ok(json.into_bytes().into())
    };
    if !operation.fetches_images {
        return written(&view()?);
    }
    // On the heap: its state would make that of every call larger.
    Box::pin(async {
        let mut view = view()?;
        images::fetch(gateway, &mut view).await?;
        written(&view)
    })
    .await
}

fn identity(running: &Running, operation: &ChatOperation) -> Identity {
    Identity {
        id: Id::new("chatcmpl").with_hyphen(),
        created: running.created().unix_seconds(),
        model: running.target().model.to_string(),
        reasoning_format: operation.reasoning_format,
    }
}

pub(super) fn options(request: &ChatRequest<'_>) -> ChunkOptions {
    ChunkOptions {
        include_usage: request.include_usage,
        include_obfuscation: request.include_obfuscation.unwrap_or(false),
    }
}
