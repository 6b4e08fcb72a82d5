//! A chat call whose answer must fit a JSON schema: asked for, checked, asked for again.

use super::admit::{Asked, admit};
use super::attempt::{self, Checked, options};
use super::context::Context;
use super::enforce::{ATTEMPTS, Enforcement, Failed, Plan, Verdict};
use super::held::{Held, SILENCE, Work};
use super::resolve::Target;
use super::route::Route;
use super::settle::Status;
use super::{Answer, Content, Error, Facts, Gateway};
use crate::adapter::provider::Replies;
use crate::wire::chat::ChatRequest;
use bytes::Bytes;
use std::sync::Arc;

/// Runs a call whose answer is held to `enforcement`.
pub(super) async fn run(
    gateway: &Arc<Gateway>,
    context: Context,
    body: Bytes,
    request: &ChatRequest<'_>,
    enforcement: Arc<Enforcement>,
    route: Route,
) -> Result<Answer, Error> {
    let early = route.fails_over();
    let through = context.metadata.passthrough
        || route.reachable().all(|target| plan(&enforcement, request, target).is_some_and(|plan| plan.native));
    if !request.stream || through {
        let streams = request.stream;
        return route
            .run(gateway, |target| {
                one(gateway, context.clone(), &body, request, &enforcement, target, Passing { streams, early })
            })
            .await;
    }
    hold_back(Arc::clone(gateway), context, body, enforcement, route).await
}

/// Whether any target that may be called is held to `enforcement` here; then all of them are.
pub(super) fn concerns(enforcement: &Enforcement, route: &Route) -> bool {
    let mut operations = route.reachable().filter_map(|target| target.provider.chat.as_ref());
    operations.any(|operation| enforcement.concerns(operation))
}

fn plan(enforcement: &Enforcement, request: &ChatRequest<'_>, target: &Target) -> Option<Plan> {
    let operation = target.provider.chat.as_ref()?;
    Some(enforcement.plan(request, operation, |ability| target.entry.can(ability)))
}

/// How a streamed answer passes to the caller.
#[derive(Clone, Copy, Default)]
struct Passing {
    /// As it comes.
    streams: bool,
    /// Once its first bytes are there.
    early: bool,
}

/// One target, with all its attempts. A stream that passes as it comes has only one: what is sent
/// can't be taken back.
async fn one(
    gateway: &Gateway,
    context: Context,
    body: &Bytes,
    request: &ChatRequest<'_>,
    enforcement: &Arc<Enforcement>,
    target: Target,
    Passing { streams, early }: Passing,
) -> Result<Answer, Error> {
    let reference = target.reference.clone();
    let Some(plan) = plan(enforcement, request, &target) else {
        return Err(Error::Unfit { reference: reference.into(), wanted: super::Operation::Chat, is: None });
    };
    let rewrite = |failed: &[Failed]| enforcement.body(request, &plan, streams, failed, &gateway.prompts);
    // One that is held back is gathered here, so it is not streamed upstream either.
    let mut sent = if plan.untouched && streams == request.stream { body.clone() } else { Bytes::from(rewrite(&[])) };
    let asked = Asked { body: sent.clone(), ..Asked::of_chat(request, body) };
    let mut running = admit(gateway, context, target, asked)?;
    let mut failed: Vec<Failed> = Vec::new();
    loop {
        let attempted = match ChatRequest::parse(&sent, usize::MAX) {
            Ok(attempted) => attempted,
            Err(error) => return Err(running.refuse(Error::Request(error))),
        };
        if streams {
            let checked = Checked { enforcement: Arc::clone(enforcement), plan };
            return attempt::stream(gateway, &attempted, running, Some(checked), early).await;
        }
        let whole = attempt::gather(gateway, &attempted, running, Some(&plan.tool)).await?;
        running = whole.running;
        match enforcement.judge(&plan, whole.reply.said()) {
            Verdict::Taken(replaced) => {
                let untouched = replaced.is_empty() && failed.is_empty() && plan.tool.is_empty() && !request.stream;
                let mut reply = whole.reply;
                for (index, text) in replaced {
                    reply.replace_text(index, text);
                }
                let mut facts = running.facts();
                let verbatim = whole.operation.replies == Replies::Verbatim;
                let settled = running.settle(reply.outcome(), Status::Ok).map_err(Error::Journal)?;
                facts.settled(&settled);
                let content = match (untouched && verbatim, request.stream) {
                    (true, _) => whole.body,
                    (false, false) => reply.into_completion(&settled.usage).into(),
                    (false, true) => reply.into_stream(options(request), &settled.usage).into(),
                };
                return Ok(Answer { facts, content: Content::Json(content) });
            }
            Verdict::Refused { answer, mismatch } => {
                let errors = mismatch.errors.clone();
                failed.push(Failed { answer, mismatch });
                if failed.len() == ATTEMPTS {
                    tracing::debug!(reference = reference.as_str(), "no attempt fitted the schema");
                    let error = Error::Schema(errors);
                    return Err(running.fail_with(whole.reply.outcome(), error));
                }
                sent = rewrite(&failed).into();
                running = running.next_attempt(whole.reply.outcome(), sent.clone())?;
            }
        }
    }
}

/// A stream that only begins once its answer fits. The head waits too, for as long as a client may
/// hear nothing, so that what fails early fails with its status.
async fn hold_back(
    gateway: Arc<Gateway>,
    context: Context,
    body: Bytes,
    enforcement: Arc<Enforcement>,
    route: Route,
) -> Result<Answer, Error> {
    let (explain, limits) = (gateway.explain, context.taken.as_ref().map(|taken| taken.limits));
    let first = route.callable().next().map(|target| target.reference.clone()).unwrap_or_default();
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut work: Work = Box::pin(async move {
        let request = ChatRequest::parse(&body, gateway.json_depth).map_err(Error::Request)?;
        let answer = route
            .run(&gateway, |target| {
                one(&gateway, context.clone(), &body, &request, &enforcement, target, Passing::default())
            })
            .await?;
        let Content::Json(bytes) = answer.content else {
            return Err(Error::Upstream(crate::upstream::UpstreamError::unreadable()));
        };
        // Nobody listens any more where the head is sent already.
        let _ = tell.send(answer.facts);
        Ok(bytes)
    });
    match tokio::time::timeout(SILENCE, work.as_mut()).await {
        Ok(done) => {
            let bytes = done?;
            let facts = told.await.unwrap_or_default();
            let done: Work = Box::pin(async move { Ok(bytes) });
            Ok(Answer {
                facts: Facts { cost: None, ..facts },
                content: Content::Held(Box::new(Held::new(done, explain))),
            })
        }
        Err(_) => {
            let models_tried = vec![first.clone()];
            let facts = Facts { models_tried, model_used: first, attempts: 1, limits, ..Facts::default() };
            Ok(Answer { facts, content: Content::Held(Box::new(Held::new(work, explain))) })
        }
    }
}
