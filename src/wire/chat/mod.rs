//! `POST /v1/chat/completions`: the request, read once and checked.

mod check;

pub use super::request_error::RequestError;

use super::members::{Member, Members, find};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A chat request. Members stay as the caller wrote them; those that Ringside itself reads are
/// typed beside.
#[derive(Debug)]
pub struct ChatRequest<'a> {
    /// All top-level members in their order, less Ringside's own.
    pub members: Vec<Member<'a>>,
    /// The reference: `fc:…` or `slot:…`.
    pub model: Cow<'a, str>,
    pub messages: Vec<Message<'a>>,
    pub stream: bool,
    pub include_usage: bool,
    /// `None` where the caller does not say.
    pub include_obfuscation: Option<bool>,
    /// The smaller of `max_completion_tokens` and `max_tokens`, where given.
    pub output_limit: Option<u64>,
    /// How many choices; 1 where not given.
    pub n: u64,
    /// The end customer, by the caller's own id.
    pub user: Option<Cow<'a, str>>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub seed: Option<i64>,
    pub logprobs: Option<bool>,
    pub top_logprobs: Option<u64>,
    pub parallel_tool_calls: Option<bool>,
    pub stop: Vec<Cow<'a, str>>,
    /// One of OpenAI's words.
    pub reasoning_effort: Option<Cow<'a, str>>,
    /// The tier of service asked for.
    pub service_tier: Option<Cow<'a, str>>,
    /// Bytes of the body, from which the input is bounded.
    pub bytes: usize,
}

/// One message: its role, and all members as the caller wrote them.
#[derive(Debug)]
pub struct Message<'a> {
    pub role: Role,
    pub members: Vec<Member<'a>>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

impl Role {
    /// OpenAI's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
            Role::Function => "function",
        }
    }
}

impl<'a> ChatRequest<'a> {
    /// Reads and checks a body that nests no deeper than `depth`.
    ///
    /// # Errors
    /// [`RequestError`], naming the member.
    pub fn parse(body: &'a [u8], depth: usize) -> Result<Self, RequestError> {
        let Members(members) = super::body::members(body, depth)?;
        check::foreign(&members)?;
        let model = check::model(&members)?;
        let messages = check::messages(&members)?;
        let (include_usage, include_obfuscation) = check::stream_options(&members)?;
        let limits = [check::limit(&members, "max_completion_tokens")?, check::limit(&members, "max_tokens")?];
        check::types(&members)?;
        let request = Self {
            model,
            messages,
            stream: check::truth(&members, "stream")?.unwrap_or(false),
            include_usage,
            include_obfuscation,
            output_limit: limits.into_iter().flatten().min(),
            n: check::integer(&members, "n", 1, 128)?.map_or(1, |n| n as u64),
            user: check::text(&members, "user")?,
            temperature: check::number(&members, "temperature", 0.0, 2.0)?,
            top_p: check::number(&members, "top_p", 0.0, 1.0)?,
            frequency_penalty: check::number(&members, "frequency_penalty", -2.0, 2.0)?,
            presence_penalty: check::number(&members, "presence_penalty", -2.0, 2.0)?,
            seed: check::integer(&members, "seed", i64::MIN, i64::MAX)?,
            logprobs: check::truth(&members, "logprobs")?,
            top_logprobs: check::integer(&members, "top_logprobs", 0, 20)?.map(|n| n as u64),
            parallel_tool_calls: check::truth(&members, "parallel_tool_calls")?,
            stop: check::stop(&members)?,
            reasoning_effort: check::text(&members, "reasoning_effort")?,
            service_tier: check::text(&members, "service_tier")?,
            bytes: body.len(),
            // The end customer is nobody's business upstream.
            members: members.into_iter().filter(|(name, _)| name != "user").collect(),
        };
        Ok(request)
    }

    /// Tokens of thought that the caller asks for in a provider's own way: `thinking.budget_tokens`
    /// or `reasoning.max_tokens`.
    pub fn thinking_budget(&self) -> Option<u64> {
        let of = |object: &str, name: &str| {
            let members = Members::parse(self.member(object)?.get())?;
            find(&members.0, name)?.get().parse().ok()
        };
        of("thinking", "budget_tokens").or_else(|| of("reasoning", "max_tokens"))
    }

    /// A top-level member, unless it is absent or `null`.
    pub fn member(&self, name: &str) -> Option<&'a RawValue> {
        find(&self.members, name).filter(|raw| raw.get() != "null")
    }
}
