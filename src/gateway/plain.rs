//! Embeddings and moderations: a call without streams or conversation.

use super::admit::{Asked, admit};
use super::context::Context;
use super::resolve::{Operation, Target};
use super::route::route;
use super::running::Running;
use super::settle::Status;
use super::{Answer, Content, Error, Gateway, limit};
use crate::adapter::json::Json;
use crate::adapter::provider::{self, Replies};
use crate::adapter::reply::{Identity, Reply};
use crate::adapter::view::{Input, Plain};
use crate::upstream::{self, Call, UpstreamError};
use crate::wire::plain::PlainRequest;
use bytes::Bytes;
use std::pin::pin;

/// What a moderation without a model means.
const DEFAULT_MODERATION: &str = "fc:openai/omni-moderation-latest";

/// Runs a call.
///
/// # Errors
/// [`Error`]; whatever was held is settled by then.
pub async fn run(gateway: &Gateway, mut context: Context, body: Bytes, operation: Operation) -> Result<Answer, Error> {
    let request = match operation {
        Operation::Moderations => PlainRequest::moderations(&body, gateway.json_depth),
        _ => PlainRequest::embeddings(&body, gateway.json_depth),
    }
    .map_err(Error::Request)?;
    let reference = request.model.as_deref().unwrap_or(DEFAULT_MODERATION);
    let route = route(gateway, reference, operation)?;
    limit::take(gateway, &mut context, request.user.as_deref(), request.bytes, 0)?;
    let (request, body) = (&request, &body);
    let call = |target: Target| {
        let context = context.clone();
        async move {
            let Some(own) = operation_of(&target, operation) else {
                return Err(Error::Unfit { reference: reference.to_owned(), wanted: operation, is: None });
            };
            let running = admit(gateway, context, target, Asked::of_plain(request, operation, reference, body))?;
            attempt(gateway, request, operation, own, running).await
        }
    };
    route.run(gateway, call).await
}

fn operation_of(target: &Target, operation: Operation) -> Option<&'static provider::Operation> {
    match operation {
        Operation::Embeddings => target.provider.embeddings.as_ref(),
        Operation::Moderations => target.provider.moderations.as_ref(),
        Operation::Chat => None,
    }
}

async fn attempt(
    gateway: &Gateway,
    request: &PlainRequest<'_>,
    operation: Operation,
    own: &'static provider::Operation,
    mut running: Running,
) -> Result<Answer, Error> {
    let target = running.target().clone();
    let inputs = match own.reads_inputs.then(|| request.texts()).transpose() {
        Ok(texts) => texts.unwrap_or_default().into_iter().map(|text| Input { text }).collect::<Vec<_>>(),
        Err(error) => return Err(running.refuse(Error::Request(error))),
    };
    let view = Plain { raw: &request.members, model: &target.model, inputs, dimensions: request.dimensions() };
    let wanted = view.inputs.len();
    let mut json = Json::with_capacity(request.bytes + 64);
    if let Err(refused) = (own.encode)(&view, &mut json) {
        return Err(running.refuse(Error::Refused { provider: target.provider.name, refused }));
    }
    if let Err(error) = running.goes_out() {
        return Err(running.refuse(error));
    }
    let call = Call {
        provider: target.provider,
        operation: if operation == Operation::Embeddings {
            upstream::Operation::Embeddings
        } else {
            upstream::Operation::Moderations
        },
        model: target.model,
        body: json.into_bytes().into(),
        deadline: running.begun() + gateway.total,
    };
    let answer = match running.renewing(pin!(gateway.upstream.send(call))).await {
        Ok(answer) => answer,
        Err(error) => {
            running.attempts(error.attempts);
            return Err(running.fail(Error::Upstream(error)));
        }
    };
    running.attempts(answer.attempts);
    let upstream::Content::Body(body) = answer.content else {
        return Err(running.fail(Error::Upstream(UpstreamError::unreadable())));
    };
    let rebuilt = own.replies == Replies::Rebuilt && operation == Operation::Embeddings;
    let mut reply = if rebuilt { Reply::completion(identity(&running)) } else { Reply::tap() };
    if (own.decode)(&body, &mut reply).is_err() || !body.trim_ascii().starts_with(b"{") {
        return Err(running.fail_with(reply.outcome(), Error::Upstream(UpstreamError::unreadable())));
    }
    if let Some(failure) = &reply.outcome().failure {
        let error = upstream::in_stream(target.provider, failure);
        return Err(running.fail_with(reply.outcome(), Error::Upstream(error)));
    }
    if rebuilt && reply.vectors() != wanted {
        return Err(running.fail_with(reply.outcome(), Error::Upstream(UpstreamError::unreadable())));
    }
    let mut facts = running.facts();
    let settled = running.settle(reply.outcome(), Status::Ok).map_err(Error::Journal)?;
    facts.settled(&settled);
    let content = if rebuilt { reply.into_embeddings(request.wants_base64(), &settled.usage).into() } else { body };
    Ok(Answer { facts, content: Content::Json(content) })
}

fn identity(running: &Running) -> Identity {
    Identity { id: String::new(), created: 0, model: running.target().model.to_string(), reasoning_format: "" }
}
