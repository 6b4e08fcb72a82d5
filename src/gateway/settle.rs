//! The end of a call's money: what is recorded and charged.

use super::Error;
use super::admit::Asked;
use super::context::Context;
use super::resolve::{Operation, Target};
use crate::adapter::reply::Outcome;
use crate::billing::journal::Journal;
use crate::billing::{
    self, Charge, Counted, Customer, Expectation, Metered, Permit, Receipt, Refusal, Reported, Terms, charge, judge,
    price_version,
};
use crate::clock::Timestamp;
use crate::money::NanoUsd;
use crate::telemetry::{CallKey, CallNumbers, Metrics};
use crate::wire::event::UsageEvent;
use crate::wire::usage::Usage;
use bytes::Bytes;
use smol_str::SmolStr;
use std::io;
use std::sync::Arc;
use tokio::time::Instant;

/// Everything that settling a call takes.
pub(super) struct Call {
    pub permit: Permit,
    /// Of the hold, and of the usage event.
    pub id: SmolStr,
    pub context: Context,
    pub customer: Option<Arc<Customer>>,
    pub target: Target,
    pub asked: Asked,
    pub terms: Terms,
    pub created: Timestamp,
    pub started: Instant,
    pub first_output: Option<Instant>,
    pub attempts: u32,
    /// What attempts before this one came to.
    pub earlier: Earlier,
    /// Input tokens that were held for.
    pub most_input: u64,
    pub journal: Arc<Journal>,
    pub metrics: Arc<Metrics>,
}

/// Attempts whose answers did not fit, and what they came to: they are paid all the same.
#[derive(Default)]
pub(super) struct Earlier {
    pub attempts: u32,
    usage: Usage,
    charge: Charge,
    estimated: bool,
    raw_usage: Vec<String>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    /// With an error of this code.
    Failed(&'static str),
    /// The same, but the call goes on with its next target.
    Passed(&'static str),
    /// The caller hung up.
    Aborted,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    pub usage: Usage,
    pub charge: Charge,
    pub receipt: Receipt,
}

impl Earlier {
    fn add(&mut self, attempts: u32, metered: &Metered, charged: Charge, raw_usage: Option<String>) {
        self.attempts = self.attempts.max(attempts);
        self.usage = self.usage.plus(&metered.usage);
        self.charge = self.charge.plus(charged);
        self.estimated |= metered.estimated;
        self.raw_usage.extend(raw_usage);
    }
}

impl Call {
    pub fn goes_out(&self) -> io::Result<()> {
        let held = self.permit.held();
        let charge = Charge { list: held.cost, cost: held.cost, ..Charge::default() };
        let receipt = Receipt {
            customer_debit: self.permit.debits_customer().then_some(held.debit),
            account_debit: self.permit.debits_account().then_some(held.cost),
            ..Receipt::default()
        };
        let event =
            UsageEvent { estimated: true, status: SmolStr::new_static("abandoned"), ..self.event(charge, receipt) };
        self.named(event, |event| self.journal.append_hold(event))
    }

    /// Writes an event that names its customer, unless the customer is purged, or was: that can't
    /// begin before the event is written.
    fn named<T>(&self, mut event: UsageEvent, write: impl FnOnce(UsageEvent) -> T) -> T {
        let Some(customer) = &self.customer else {
            return write(event);
        };
        let named = customer.named();
        if !named.may_be_named() {
            event.scrub();
        }
        write(event)
    }

    /// What is known of the call before it is over.
    fn event(&self, charge: Charge, receipt: Receipt) -> UsageEvent {
        let caller = &self.context.caller;
        let customer = self.customer.as_ref();
        UsageEvent {
            id: self.id.clone(),
            account_id: Arc::clone(&caller.account_id).into(),
            token_id: Arc::clone(&caller.token_id).into(),
            request_id: self.context.request_id.clone(),
            response_id: None,
            created: self.created.0,
            customer: customer.map(|customer| Arc::clone(&customer.external_id).into()),
            customer_id: customer.map(|customer| Arc::clone(&customer.id).into()),
            endpoint: SmolStr::new_static(self.asked.operation.path()),
            reference: self.asked.reference.clone(),
            provider: SmolStr::new_static(self.target.provider.id),
            model: self.target.model.clone(),
            usage: Usage::default(),
            raw_usage: None,
            estimated: false,
            cost: charge.cost,
            list_cost: charge.list,
            billable: self.context.metadata.billable,
            held: self.permit.held().cost,
            customer_debit: receipt.customer_debit,
            account_debit: receipt.account_debit,
            price_version: Arc::clone(&self.target.entry.version).into(),
            tags: self.context.metadata.tags.clone(),
            session_id: self.context.metadata.session_id.as_deref().map(SmolStr::new),
            properties: self.context.metadata.properties.clone(),
            status: SmolStr::default(),
            error_code: None,
            attempts: self.attempts,
            streamed: self.asked.streamed,
            latency_ms: 0,
            first_token_ms: None,
        }
    }

    pub fn next_attempt(&mut self, outcome: &Outcome, body: Bytes) -> Result<(), Error> {
        let (metered, _) = self.meter(outcome, Status::Ok);
        let (charged, _) = self.charged(outcome, &metered);
        self.earlier.add(self.attempts, &metered, charged, outcome.raw_usage());
        self.asked.body = body;
        let wish = self.asked.wish(&self.target, self.terms, &self.context);
        self.most_input = wish.input;
        // What the caller bills is debited once, whatever the attempts cost.
        let debit = if self.context.metadata.billable.is_some() { NanoUsd::ZERO } else { charged.cost };
        let next = self.permit.next_attempt(charged.cost, debit, &wish);
        let refusal = match next {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => Refusal::Lapsed,
            Err(denied) => {
                let customer = self.customer.as_ref().map(|customer| Arc::clone(&customer.external_id));
                Refusal::of(denied, customer, self.created.month())
            }
        };
        Err(Error::NotAdmitted { refusal, param: "response_format" })
    }

    /// The usage that is charged, and whether nothing came at all.
    fn meter(&self, outcome: &Outcome, status: Status) -> (Metered, bool) {
        let entry = &self.target.entry;
        let grant = self.permit.grant();
        let expectation = Expectation {
            context_window: u64::from(entry.context_window),
            most_input: self.most_input,
            most_output: grant.most_output,
            choices: self.asked.choices,
            inputs: self.asked.inputs,
            has_output: self.asked.operation == Operation::Chat,
            cut: status != Status::Ok,
        };
        let nothing_came = !outcome.saw_output && outcome.raw_usage().is_none();
        let metered = if matches!(status, Status::Failed(_) | Status::Passed(_)) && nothing_came {
            // What a provider refused, it does not bill.
            Metered::default()
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
                request_id = self.context.request_id.as_str(),
                "the provider reported a usage that can't be; it was counted here"
            );
        }
        (metered, nothing_came)
    }

    /// What an attempt costs, and which prices that was made of.
    fn charged(&self, outcome: &Outcome, metered: &Metered) -> (Charge, SmolStr) {
        let entry = &self.target.entry;
        let reported = Reported::of(outcome);
        let extent = self.asked.extent(&self.target, self.most_input, self.permit.grant().limit);
        let most = billing::bound(entry, extent, Terms::default());
        let charged = charge(&metered.usage, entry, reported, most, self.terms);
        if charged.refused_figure {
            tracing::warn!(
                provider = self.target.provider.id,
                request_id = self.context.request_id.as_str(),
                figure = reported.cost.map(|cost| cost.text.as_str()),
                "the provider reported a cost that can't be; the call is charged by its tokens"
            );
        }
        (charged, price_version(entry, &metered.usage, reported.tier, charged.basis))
    }

    pub fn settle(mut self, outcome: &Outcome, status: Status) -> io::Result<Settled> {
        let (metered, nothing_came) = self.meter(outcome, status);
        let (last, price_version) = self.charged(outcome, &metered);
        let nothing_came = nothing_came && self.earlier.attempts == 0;
        self.earlier.add(0, &metered, last, outcome.raw_usage());
        let Earlier { usage, charge: charged, estimated, raw_usage, .. } = std::mem::take(&mut self.earlier);
        let raw_usage = match raw_usage.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(format!("[{}]", several.join(","))),
        };
        let duration = self.started.elapsed();
        let first = self.first_output.map(|at| at.duration_since(self.started));
        let (word, code) = match status {
            Status::Ok => ("ok", None),
            Status::Failed(code) | Status::Passed(code) => ("error", Some(code)),
            Status::Aborted => ("aborted", None),
        };
        // What the caller charges for the call is charged once: with the target that ends it.
        let passed = matches!(status, Status::Passed(_));
        let billable = self.context.metadata.billable.filter(|_| !passed);
        let debit = match self.context.metadata.billable {
            // A call that gave nothing debits nothing, whatever was to be charged for it.
            _ if nothing_came && matches!(status, Status::Failed(_)) => NanoUsd::ZERO,
            Some(_) if passed => NanoUsd::ZERO,
            Some(billable) => billable,
            None => charged.cost,
        };
        let receipt_of = Receipt {
            customer_debit: self.permit.debits_customer().then_some(debit),
            account_debit: self.permit.debits_account().then_some(charged.cost),
            ..Receipt::default()
        };
        let event = UsageEvent {
            response_id: outcome.response_id.as_deref().map(SmolStr::new),
            usage,
            raw_usage,
            estimated,
            price_version,
            billable,
            status: SmolStr::new_static(word),
            error_code: code.map(SmolStr::new_static),
            latency_ms: duration.as_millis() as u64,
            first_token_ms: first.map(|first| first.as_millis() as u64),
            ..self.event(charged, receipt_of)
        };
        let written = self.named(event, |event| self.journal.append(event));
        if let Some(taken) = &self.context.taken {
            let tokens = usage.prompt_tokens.saturating_add(usage.completion_tokens);
            if passed { taken.used_on_the_way(tokens) } else { taken.used(tokens) }
        }
        // The provider bills the call, recorded or not: the charge counts against caps.
        let receipt = self.permit.settle(charged.cost, debit);
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
                input_tokens: usage.prompt_tokens,
                output_tokens: usage.completion_tokens,
            },
        );
        written.map(|()| Settled { usage, charge: charged, receipt })
    }
}
