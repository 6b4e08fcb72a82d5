//! The two ends of a call's money: what is held before it, and what is recorded after it.

use super::context::{Context, looks_like_email};
use super::resolve::{Operation, Target};
use super::{Error, Facts, Gateway};
use crate::adapter::reply::Outcome;
use crate::billing::journal::Journal;
use crate::billing::{
    self, Bound, Charge, Counted, Expectation, Extent, Permit, Reported, Terms, charge, judge, price_version,
};
use crate::clock::Timestamp;
use crate::id::{Id, TokenHash};
use crate::telemetry::{CallKey, CallNumbers, Metrics};
use crate::wire::chat::ChatRequest;
use crate::wire::event::UsageEvent;
use crate::wire::plain::PlainRequest;
use crate::wire::request_error::RequestError;
use crate::wire::usage::Usage;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::io;
use std::sync::Arc;
use tokio::time::Instant;

/// What a request asks for, as far as money goes.
pub(super) struct Asked {
    pub operation: Operation,
    pub streamed: bool,
    pub choices: u64,
    pub output_limit: Option<u64>,
    pub service_tier: Option<String>,
    /// The body's `user`.
    pub user: Option<String>,
    /// The reference as the caller wrote it.
    pub reference: String,
    /// The whole request, to count its tokens where the provider does not.
    pub body: Bytes,
}

impl Asked {
    pub fn of_chat(request: &ChatRequest<'_>, body: &Bytes) -> Self {
        Self {
            operation: Operation::Chat,
            streamed: request.stream,
            choices: request.n,
            output_limit: request.output_limit,
            service_tier: request.service_tier.as_deref().map(str::to_owned),
            user: request.user.as_deref().map(str::to_owned),
            reference: request.model.as_ref().to_owned(),
            body: body.clone(),
        }
    }

    pub fn of_plain(request: &PlainRequest<'_>, operation: Operation, reference: &str, body: &Bytes) -> Self {
        Self {
            operation,
            streamed: false,
            choices: 1,
            output_limit: Some(0),
            service_tier: None,
            user: request.user.as_deref().map(str::to_owned),
            reference: reference.to_owned(),
            body: body.clone(),
        }
    }
}

/// What a running call carries to its settlement. It settles exactly once: by one of its methods,
/// or when it is dropped, which is what a hang-up does.
pub struct Running(Option<Box<Call>>);

struct Call {
    permit: Permit,
    context: Context,
    customer: Option<String>,
    target: Target,
    asked: Asked,
    terms: Terms,
    created: Timestamp,
    started: Instant,
    first_output: Option<Instant>,
    attempts: u32,
    /// Whether anything has been sent; before, there is nothing to record.
    journal: Arc<Journal>,
    metrics: Arc<Metrics>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    /// With an error of this code.
    Failed(&'static str),
    /// The caller hung up.
    Aborted,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    pub usage: Usage,
    pub charge: Charge,
}

/// An output that nobody limited is held at this much, or the model's maximum if that is less.
const UNSTATED_OUTPUT: u64 = 4096;

/// Admits a call: its customer is known, and the most that it may cost is held.
pub(super) fn admit(gateway: &Gateway, context: Context, target: Target, asked: Asked) -> Result<Running, Error> {
    let customer = context.metadata.customer.clone().or_else(|| asked.user.clone());
    if let Some(user) = &asked.user
        && (user.is_empty() || user.len() > 255)
    {
        return Err(Error::Request(RequestError::member(
            "user",
            "Invalid value for 'user': expected the id of an end customer, 1 to 255 bytes.",
        )));
    }
    let caller = &context.caller;
    let markup = match asked.operation {
        Operation::Moderations if !caller.markup_on_moderations => 0,
        _ => caller.markup_basis_points,
    };
    let terms = Terms { markup_basis_points: markup };
    let bound = Bound(billing::bound(&target.entry, extent(&asked, &target), terms));
    let permit = gateway.ledger.admit(&caller.account_id, bound);
    // The moment whose prices it has.
    let created = target.entry.at;
    Ok(Running(Some(Box::new(Call {
        permit,
        customer,
        context,
        target,
        asked,
        terms,
        created,
        started: Instant::now(),
        first_output: None,
        attempts: 1,
        journal: Arc::clone(&gateway.journal),
        metrics: Arc::clone(&gateway.metrics),
    }))))
}

/// What a call may use at most; its body's bytes bound its input tokens.
fn extent<'a>(asked: &'a Asked, target: &Target) -> Extent<'a> {
    let most = u64::from(target.entry.max_output_tokens);
    let unstated = if most == 0 { UNSTATED_OUTPUT } else { UNSTATED_OUTPUT.min(most) };
    Extent {
        input: asked.body.len() as u64,
        output: asked.output_limit.unwrap_or(unstated),
        choices: asked.choices,
        service_tier: asked.service_tier.as_deref(),
    }
}

impl Running {
    fn call(&self) -> &Call {
        // It is taken out only by what consumes `self`.
        self.0.as_deref().unwrap_or_else(|| unreachable!("a call is settled once"))
    }

    pub(super) fn target(&self) -> &Target {
        &self.call().target
    }

    pub(super) fn created(&self) -> Timestamp {
        self.call().created
    }

    /// A hash of the end customer that a provider can't turn back, the same for each call of one.
    pub(super) fn hashed_customer(&self) -> Option<String> {
        let call = self.call();
        let customer = call.customer.as_ref()?;
        let mut hash = Sha256::new();
        hash.update(call.context.caller.account_id.as_bytes());
        hash.update([0]);
        hash.update(customer.as_bytes());
        let mut text = TokenHash(hash.finalize().into()).to_hex();
        text.truncate(32);
        Some(text)
    }

    /// How many tries there were.
    pub(super) fn attempts(&mut self, attempts: u32) {
        if let Some(call) = &mut self.0 {
            call.attempts = attempts;
        }
    }

    /// Notes when the first output came.
    pub(super) fn output_seen(&mut self, seen: bool) {
        if let Some(call) = &mut self.0
            && seen
            && call.first_output.is_none()
        {
            call.first_output = Some(Instant::now());
        }
    }

    /// What response headers say.
    pub(super) fn facts(&self) -> Facts {
        let call = self.call();
        let reference = call.target.reference();
        let email = call.customer.as_deref().is_some_and(looks_like_email);
        Facts {
            models_tried: vec![reference.clone()],
            model_used: reference,
            attempts: call.attempts,
            cost: None,
            warning: email.then_some(
                "The customer id looks like an e-mail address; use an id of your own that is not personal data",
            ),
        }
    }

    /// Ends a call that was never sent: there is nothing to record.
    pub(super) fn refuse(mut self, error: Error) -> Error {
        self.0 = None;
        error
    }

    /// Ends a call that gave nothing.
    pub(super) fn fail(self, error: Error) -> Error {
        self.fail_with(&Outcome::default(), error)
    }

    /// Ends a call that failed after something had come.
    pub(super) fn fail_with(self, outcome: &Outcome, error: Error) -> Error {
        match self.settle(outcome, Status::Failed(error.code().text())) {
            Ok(_) => error,
            Err(failed) => Error::Journal(failed),
        }
    }

    /// Judges the usage, works out the charge, and writes the usage event. The caller must not see
    /// the end of the answer before this returns.
    ///
    /// # Errors
    /// When the event could not be written.
    pub(super) fn settle(mut self, outcome: &Outcome, status: Status) -> io::Result<Settled> {
        match self.0.take() {
            Some(call) => call.settle(outcome, status),
            None => Ok(Settled::default()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(call) = self.0.take()
            && let Err(error) = call.settle(&Outcome::default(), Status::Aborted)
        {
            tracing::error!(%error, "a call that was hung up on could not be recorded");
        }
    }
}

impl Call {
    fn settle(self, outcome: &Outcome, status: Status) -> io::Result<Settled> {
        let entry = &self.target.entry;
        let expectation = Expectation {
            context_window: u64::from(entry.context_window),
            choices: self.asked.choices,
            has_output: self.asked.operation == Operation::Chat,
            cut: status != Status::Ok,
        };
        let nothing_came = !outcome.saw_output && outcome.raw_usage().is_none();
        let metered = if matches!(status, Status::Failed(_)) && nothing_came {
            // What a provider refused, it does not bill.
            billing::Metered::default()
        } else {
            let output = || billing::text_tokens(&outcome.produced) + outcome.produced_beyond.div_ceil(4) as u64;
            judge(
                outcome,
                expectation,
                &Counted { input: &|| billing::input_tokens(&self.asked.body), output: &output },
            )
        };
        if metered.incredible {
            tracing::warn!(
                provider = self.target.provider.id,
                request_id = self.context.request_id,
                "the provider reported a usage that can't be; it was counted here"
            );
        }
        let reported = Reported::of(outcome);
        let most = billing::bound(entry, extent(&self.asked, &self.target), Terms::default());
        let charged = charge(&metered.usage, entry, reported, most, self.terms);
        if charged.refused_figure {
            tracing::warn!(
                provider = self.target.provider.id,
                request_id = self.context.request_id,
                figure = reported.cost.map(|cost| cost.text.as_str()),
                "the provider reported a cost that can't be; the call is charged by its tokens"
            );
        }
        let duration = self.started.elapsed();
        let first = self.first_output.map(|at| at.duration_since(self.started));
        let (word, code) = match status {
            Status::Ok => ("ok", None),
            Status::Failed(code) => ("error", Some(code)),
            Status::Aborted => ("aborted", None),
        };
        let caller = &self.context.caller;
        let event = UsageEvent {
            id: Id::new("use").into_string(),
            account_id: caller.account_id.as_ref().to_owned(),
            token_id: caller.token_id.as_ref().to_owned(),
            request_id: self.context.request_id,
            response_id: outcome.response_id.clone(),
            created: self.created.0,
            customer: self.customer,
            endpoint: self.asked.operation.path().to_owned(),
            reference: self.asked.reference,
            provider: self.target.provider.id.to_owned(),
            usage: metered.usage,
            raw_usage: outcome.raw_usage(),
            estimated: metered.estimated,
            cost: charged.cost,
            list_cost: charged.list,
            billable: self.context.metadata.billable,
            price_version: price_version(entry, &metered.usage, reported.tier, charged.basis),
            model: self.target.model,
            tags: self.context.metadata.tags,
            session_id: self.context.metadata.session_id,
            properties: self.context.metadata.properties,
            status: word.to_owned(),
            error_code: code.map(str::to_owned),
            attempts: self.attempts,
            streamed: self.asked.streamed,
            latency_ms: duration.as_millis() as u64,
            first_token_ms: first.map(|first| first.as_millis() as u64),
        };
        let written = self.journal.append(&event);
        // The provider bills the call, recorded or not: the charge counts against caps.
        self.permit.settle(charged.cost);
        let key = CallKey {
            provider: self.target.provider.id,
            operation: self.asked.operation.name(),
            outcome: code.unwrap_or(word),
        };
        self.metrics.call(
            key,
            CallNumbers {
                duration,
                first_token: first,
                input_tokens: metered.usage.prompt_tokens,
                output_tokens: metered.usage.completion_tokens,
            },
        );
        if let Err(error) = &written {
            // The log is the last place left to keep it.
            tracing::error!(%error, event = %serde_json::to_string(&event).unwrap_or_default(), "a usage event could not be written to the journal");
        }
        written.map(|()| Settled { usage: metered.usage, charge: charged })
    }
}
