//! The beginning of a call's money: its customer is known, and the most that it may cost is held.

use super::context::Context;
use super::resolve::{Operation, Target};
use super::settle::Running;
use super::{Error, Gateway};
use crate::access::ServerCaller;
use crate::billing::{Extent, Payer, Terms, Wish};
use crate::id::Id;
use crate::wire::chat::ChatRequest;
use crate::wire::plain::PlainRequest;
use bytes::Bytes;
use std::sync::Arc;

/// What a request asks for, as far as money goes.
pub(super) struct Asked {
    pub operation: Operation,
    pub streamed: bool,
    pub choices: u64,
    pub output_limit: Option<u64>,
    pub service_tier: Option<String>,
    /// Tokens of thought that the caller asks for.
    pub thinking: Option<u64>,
    /// The body's `user`.
    pub user: Option<String>,
    /// The reference as the caller wrote it.
    pub reference: String,
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
            Operation::Chat => limit.unwrap_or_else(|| known.map_or(u64::MAX, u64::from)),
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
            output_limit: request.output_limit,
            service_tier: request.service_tier.as_deref().map(str::to_owned),
            thinking: request.thinking_budget().or_else(|| thinks.then_some(THINKING)),
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
            output_limit: None,
            service_tier: None,
            thinking: None,
            user: request.user.as_deref().map(str::to_owned),
            reference: reference.to_owned(),
            body: body.clone(),
        }
    }

    /// What the call wants of the caps.
    pub fn wish<'t>(&'t self, target: &'t Target, terms: Terms, context: &Context) -> Wish<'t> {
        Wish {
            entry: &target.entry,
            terms,
            service_tier: self.service_tier.as_deref(),
            input: most_input(&self.body, u64::from(target.entry.context_window)),
            has_output: self.operation == Operation::Chat,
            stated: self.output_limit,
            choices: self.choices,
            thinking: self.thinking,
            billable: context.metadata.billable,
        }
    }
}

/// What a provider adds to every request by itself.
const OVERHEAD: u64 = 128;
/// What it adds to explain tools.
const TOOLS: u64 = 1000;
/// An image, a sound or a file, which may be named by a short address: the dearest image known
/// counts 48,169 tokens.
const MEDIA: u64 = 50_000;

/// Input tokens of a request, at most: a token is at least a byte, media count by themselves, and
/// no request is larger than the model's context window (0: unknown).
fn most_input(body: &[u8], context_window: u64) -> u64 {
    let count = |needle: &[u8]| memchr::memmem::find_iter(body, needle).count() as u64;
    let media: u64 =
        [&b"\"image_url\":"[..], b"\"image_url\" :", b"\"input_audio\":", b"\"file\":"].map(count).iter().sum();
    let tools = if count(b"\"tools\"") > 0 { TOOLS } else { 0 };
    let most = body.len() as u64 + OVERHEAD + tools + media * MEDIA;
    if context_window == 0 { most } else { most.min(context_window) }
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
    let id: Arc<str> = Id::new("use").into_string().into();
    let permit = gateway.ledger.admit(&id, &payer, customer.as_deref(), &wish).map_err(refused)?;
    Ok(Running::new(gateway, permit, id, customer, context, target, asked, terms, most_input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_behind_a_short_address_is_bounded_too() {
        let image = br#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x.test/i.png"}}]}]}"#;
        assert_eq!(most_input(image, 0), image.len() as u64 + OVERHEAD + MEDIA);
        assert_eq!(most_input(image, 8000), 8000);
        let text = br#"{"messages":[{"role":"user","content":"hi"}]}"#;
        assert_eq!(most_input(text, 8000), text.len() as u64 + OVERHEAD);
        assert_eq!(most_input(br#"{"tools":[]}"#, 0), 12 + OVERHEAD + TOOLS);
    }
}
