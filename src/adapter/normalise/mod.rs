//! From the caller's request to the view that specs read: what is laborious is done once, here.
//!
//! System text is lifted out, messages are folded into alternating turns, tool results find the
//! calls they answer, data URIs are taken apart. A spec that only copies members
//! ([`ChatOperation::normalises`] is false) gets the top level alone.

mod content;
mod history;
mod ids;
mod options;

use super::provider::ChatOperation;
use super::view::{Chat, ModelInfo, RawMessage};
use crate::wire::chat::{ChatRequest, Message};
use crate::wire::request_error::RequestError;

/// What the view depends on besides the request.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The provider's own model id.
    pub model: &'a str,
    /// Most tokens of one answer; 0 where the catalogue does not know.
    pub max_output: u64,
    /// The output limit to send, where the caller or the budget set one.
    pub output_limit: Option<u64>,
    /// The `format` of reasoning details that this provider takes back.
    pub reasoning_format: &'a str,
    /// The length of ids of tool calls, where it takes no others.
    pub tool_ids: Option<u8>,
    /// Whether the conversation is read, and not only copied.
    pub normalises: bool,
    /// A hash of the end customer, where the operator forwards one.
    pub user: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// A model as an operation takes it; the output limit is the caller's own, and nobody's hash is sent.
    pub fn of(operation: &ChatOperation, request: &ChatRequest<'_>, model: &'a str, max_output: u64) -> Self {
        Self {
            model,
            max_output,
            output_limit: request.output_limit,
            reasoning_format: operation.reasoning_format,
            tool_ids: operation.tool_ids,
            normalises: operation.normalises,
            user: None,
        }
    }
}

/// What a model without a known limit is taken to be able to say.
const UNKNOWN_MAX_OUTPUT: u64 = 4096;

/// Makes the view of `request` for `target`.
///
/// # Errors
/// [`RequestError`], naming the part that can't be read.
pub fn chat<'a>(request: &'a ChatRequest<'a>, target: Target<'a>) -> Result<Chat<'a>, RequestError> {
    let max_output = if target.max_output == 0 { UNKNOWN_MAX_OUTPUT } else { target.max_output };
    let mut view = Chat {
        raw: &request.members,
        model: target.model,
        model_info: ModelInfo { max_output },
        stream: request.stream,
        output_limit: target.output_limit,
        messages: raw_messages(request),
        system_parts: Vec::new(),
        turns: Vec::new(),
        tools: Vec::new(),
        tool_choice: None,
        called_tools: Vec::new(),
        parallel_tool_calls: request.parallel_tool_calls,
        response_format: None,
        temperature: request.temperature,
        top_p: request.top_p,
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        seed: request.seed,
        stop: request.stop.clone(),
        n: Some(request.n).filter(|n| *n > 1),
        logprobs: request.logprobs,
        top_logprobs: request.top_logprobs,
        reasoning_effort: None,
        reasoning_budget: None,
        user: target.user,
    };
    if target.normalises {
        history::fold(request, target.reasoning_format, &mut view)?;
        if let Some(length) = target.tool_ids {
            ids::fit(&mut view.turns, length);
        }
        view.tools = options::tools(request)?;
        if !view.tools.is_empty() {
            view.tool_choice = options::tool_choice(request)?;
        }
        view.response_format = options::response_format(request)?;
        history::called_tools(&mut view);
        view.reasoning_effort = options::effort(request)?;
        let limit = target.output_limit.unwrap_or(max_output);
        view.reasoning_budget = view.reasoning_effort.and_then(|effort| options::budget(effort, limit));
    }
    Ok(view)
}

fn raw_messages<'a>(request: &'a ChatRequest<'a>) -> Vec<RawMessage<'a>> {
    let raw = |message: &'a Message<'a>| RawMessage { role: message.role.as_str(), raw: &message.members };
    request.messages.iter().map(raw).collect()
}
