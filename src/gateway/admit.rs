//! The beginning of a call's money: its customer is known, and the most that it may cost is held.

use super::context::Context;
use super::most_input::most_input;
use super::resolve::{Operation, Target};
use super::running::Running;
use super::{Error, Gateway};
use crate::access::ServerCaller;
use crate::billing::{Extent, Payer, Terms, Wish};
use crate::id::Id;
use crate::wire::chat::ChatRequest;
use crate::wire::plain::PlainRequest;
use bytes::Bytes;
use smol_str::SmolStr;
use std::sync::Arc;

/// What a request asks for, as far as money goes.
pub(super) struct Asked {
    pub operation: Operation,
    pub streamed: bool,
    pub choices: u64,
    /// Inputs that are read one by one, each within the model's context window.
    pub inputs: u64,
    pub output_limit: Option<u64>,
    pub service_tier: Option<String>,
    /// Tokens of thought that the caller asks for.
    pub thinking: Option<u64>,
    /// The body's `user`.
    pub user: Option<String>,
    /// The reference as the caller wrote it.
    pub reference: SmolStr,
    /// The whole request, to bound its tokens, and to count them where the provider does not.
    pub body: Bytes,
}

/// The least that a provider lets a model think, and room for an answer.
const THINKING: u64 = 1024 + super::LEAST_OUTPUT;

impl Asked {
    /// What the call may use at most, where `limit` output tokens a choice were held for; `None`:
    /// nothing bounded them but the model itself.
    pub fn extent(&self, target: &Target, most_input: u64, limit: Option<u64>) -> Extent<'_> {
        let known = [target.entry.max_output_tokens, target.entry.context_window].into_iter().find(|most| *most > 0);
        let output = match self.operation {
            Operation::Chat => {
                limit.map_or_else(|| known.map_or(u64::MAX, u64::from), |limit| limit.max(least_output_limit(target)))
            }
            _ => 0,
        };
        Extent { input: most_input, output, choices: self.choices, service_tier: self.service_tier.as_deref() }
    }

    pub fn of_chat(request: &ChatRequest<'_>, body: &Bytes) -> Self {
        let thinks = request.reasoning_effort.as_deref().is_some_and(|effort| !matches!(effort, "none" | "minimal"));
        Self {
            operation: Operation::Chat,
            streamed: request.stream,
            choices: request.n,
            inputs: 1,
            output_limit: request.output_limit,
            service_tier: request.service_tier.as_deref().map(str::to_owned),
            thinking: request.thinking_budget().or_else(|| thinks.then_some(THINKING)),
            user: request.user.as_deref().map(str::to_owned),
            reference: request.model.as_ref().into(),
            body: body.clone(),
        }
    }

    pub fn of_plain(request: &PlainRequest<'_>, operation: Operation, reference: &str, body: &Bytes) -> Self {
        Self {
            operation,
            streamed: false,
            choices: 1,
            inputs: request.inputs,
            output_limit: None,
            service_tier: None,
            thinking: None,
            user: request.user.as_deref().map(str::to_owned),
            reference: reference.into(),
            body: body.clone(),
        }
    }

    /// What the call wants of the caps.
    pub fn wish<'t>(&'t self, target: &'t Target, terms: Terms, context: &Context) -> Wish<'t> {
        Wish {
            entry: &target.entry,
            terms,
            service_tier: self.service_tier.as_deref(),
            input: most_input(&self.body, u64::from(target.entry.context_window), self.inputs),
            has_output: self.operation == Operation::Chat,
            stated: self.output_limit,
            floor: if self.operation == Operation::Chat { least_output_limit(target) } else { 0 },
            choices: self.choices,
            thinking: self.thinking,
            billable: context.metadata.billable,
        }
    }
}

/// The output limit that the provider raises a smaller one to.
fn least_output_limit(target: &Target) -> u64 {
    target.provider.chat.as_ref().map_or(0, |chat| u64::from(chat.least_output_limit))
}

/// Who pays.
fn payer(caller: &ServerCaller) -> Payer {
    Payer {
        account: Arc::clone(&caller.account_id),
        monthly_budget: caller.monthly_budget,
        default_customer_budget: caller.default_customer_budget,
        prepaid: caller.prepaid,
    }
}

/// Admits a call.
///
/// # Errors
/// [`Error::NotAdmitted`]; nothing is held then.
pub(super) fn admit(gateway: &Gateway, context: Context, target: Target, asked: Asked) -> Result<Running, Error> {
    let caller = &context.caller;
    let payer = payer(caller);
    let named = context.metadata.customer.as_deref().or(asked.user.as_deref());
    let customer = named.map(|named| gateway.ledger.customer(&payer, named)).transpose();
    let blamed = if context.metadata.customer.is_some() { "fc-customer" } else { "user" };
    let refused = |refusal| Error::NotAdmitted { refusal, param: blamed };
    let customer = customer.map_err(refused)?;
    let markup = match asked.operation {
        Operation::Moderations if !caller.markup_on_moderations => 0,
        _ => caller.markup_basis_points,
    };
    let terms = Terms { markup_basis_points: markup };
    let wish = asked.wish(&target, terms, &context);
    let most_input = wish.input;
    let id = Id::new("use").into_text();
    let permit = gateway.ledger.admit(&id.clone().into(), &payer, customer.as_deref(), &wish).map_err(refused)?;
    Ok(Running::new(gateway, permit, id, customer, context, target, asked, terms, most_input))
}
