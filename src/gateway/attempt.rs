//! One try of a chat call at one target: encode, send, read.

use super::settle::{Running, Status};
use super::stream::ChatStream;
use super::{Answer, Content, Error, Gateway, images};
use crate::adapter::json::Json;
use crate::adapter::normalise::{self, Target};
use crate::adapter::provider::{ChatOperation, Replies};
use crate::adapter::reply::{ChunkOptions, Identity, Reply};
use crate::id::Id;
use crate::upstream::{self, Call, UpstreamError};
use crate::wire::chat::ChatRequest;
use bytes::Bytes;
use tokio::time::Instant;

/// Runs the call that `running` was admitted for.
pub(super) async fn attempt(
    gateway: &Gateway,
    request: &ChatRequest<'_>,
    mut running: Running,
) -> Result<Answer, Error> {
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
        deadline: Instant::now() + gateway.total,
    };
    let answer = match running.renewing(gateway.upstream.send(call)).await {
        Ok(answer) => answer,
        Err(error) => {
            running.attempts(error.attempts);
            return Err(running.fail(Error::Upstream(error)));
        }
    };
    running.attempts(answer.attempts);
    match answer.content {
        upstream::Content::Body(body) => whole(&body, running, operation),
        upstream::Content::Stream(events) => {
            let mut facts = running.facts();
            facts.attempts = answer.attempts;
            facts.wallet_balance = running.wallet_balance();
            let verbatim = (operation.replies == Replies::Verbatim).then_some(request.include_usage);
            let reply = match verbatim {
                Some(_) => Reply::tap(),
                None => Reply::chunks(identity(&running, operation), options(request))
                    .with_thought_tags(operation.thought_tags),
            };
            let stream = ChatStream::new(*events, operation, reply, verbatim, request.n, running, gateway.explain);
            Ok(Answer { facts, content: Content::Stream(Box::new(stream)) })
        }
    }
}

async fn encode(
    gateway: &Gateway,
    request: &ChatRequest<'_>,
    running: &Running,
    operation: &ChatOperation,
) -> Result<Bytes, Error> {
    let target = running.target();
    let user = gateway.forward_user.then(|| running.hashed_customer()).flatten();
    let mut view = normalise::chat(
        request,
        Target {
            model: &target.model,
            max_output: u64::from(target.entry.max_output_tokens),
            output_limit: running.output_limit(),
            reasoning_format: operation.reasoning_format,
            tool_ids: operation.tool_ids,
            normalises: operation.normalises,
            user: user.as_deref(),
        },
    )
    .map_err(Error::Request)?;
    if operation.fetches_images {
        images::fetch(gateway, &mut view).await?;
    }
    let mut json = Json::with_capacity(request.bytes + 256);
    (operation.encode)(&view, &mut json)
        .map_err(|refused| Error::Refused { provider: target.provider.name, refused })?;
    Ok(json.into_bytes().into())
}

fn identity(running: &Running, operation: &ChatOperation) -> Identity {
    Identity {
        id: Id::new("chatcmpl").with_hyphen(),
        created: running.created().unix_seconds(),
        model: running.target().model.clone(),
        reasoning_format: operation.reasoning_format,
    }
}

fn options(request: &ChatRequest<'_>) -> ChunkOptions {
    ChunkOptions {
        include_usage: request.include_usage,
        include_obfuscation: request.include_obfuscation.unwrap_or(false),
    }
}

/// An answer in one piece.
fn whole(body: &Bytes, running: Running, operation: &'static ChatOperation) -> Result<Answer, Error> {
    let verbatim = operation.replies == Replies::Verbatim;
    let mut reply = if verbatim {
        Reply::tap()
    } else {
        Reply::completion(identity(&running, operation)).with_thought_tags(operation.thought_tags)
    };
    if (operation.decode)(body, &mut reply).is_err() {
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
    let mut facts = running.facts();
    let settled = running.settle(reply.outcome(), Status::Ok).map_err(Error::Journal)?;
    facts.settled(&settled);
    let content = if verbatim { body.clone() } else { reply.into_completion(&settled.usage).into() };
    Ok(Answer { facts, content: Content::Json(content) })
}
