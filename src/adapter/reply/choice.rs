//! What has been said of one choice.

use super::parts::ToolPart;
use super::thought::Splitter;
use crate::adapter::json::write_text;
use rand::RngExt as _;

/// One choice of an answer.
pub struct Choice {
    pub index: u32,
    /// Whether its role chunk is written.
    pub opened: bool,
    pub content: Option<String>,
    pub reasoning: Option<String>,
    pub refusal: Option<String>,
    /// `reasoning_details` written so far, each an object's text.
    pub details: Vec<String>,
    /// The block of thought that no signature has closed yet.
    block: String,
    pub tools: Vec<ToolCall>,
    /// The items of OpenAI's `logprobs.content` and `logprobs.refusal`, or a whole object that
    /// has neither.
    pub logprobs: Vec<String>,
    pub finish: Option<String>,
    /// Takes thought out of the text, as long as there may be some.
    pub splitter: Option<Splitter>,
}

/// One tool call.
pub struct ToolCall {
    slot: Option<u32>,
    pub id: String,
    pub name: String,
    pub arguments: String,
    /// Whether its header chunk is written.
    pub announced: bool,
    /// Bytes of `arguments` that are written.
    pub sent: usize,
}

impl Choice {
    pub fn new(index: u32, thought_tags: Option<(&'static str, &'static str)>) -> Self {
        Self {
            index,
            opened: false,
            content: None,
            reasoning: None,
            refusal: None,
            details: Vec::new(),
            block: String::new(),
            tools: Vec::new(),
            logprobs: Vec::new(),
            finish: None,
            splitter: thought_tags.map(Splitter::new),
        }
    }

    pub fn add_text(&mut self, text: &str) {
        self.content.get_or_insert_default().push_str(text);
    }

    pub fn add_reasoning(&mut self, text: &str) {
        self.reasoning.get_or_insert_default().push_str(text);
        self.block.push_str(text);
    }

    pub fn add_refusal(&mut self, text: &str) {
        self.refusal.get_or_insert_default().push_str(text);
    }

    pub fn add_logprobs(&mut self, raw: &str) {
        self.logprobs.push(raw.to_owned());
    }

    /// Closes the open block of thought. Returns the detail as JSON: the whole text of the block
    /// stands beside its signature, so that a client that only collects details can send it back.
    pub fn sign(&mut self, signature: &str, format: &str) -> String {
        let text = std::mem::take(&mut self.block);
        self.detail(&[("type", "reasoning.text"), ("text", &text), ("signature", signature), ("format", format)])
    }

    pub fn redact(&mut self, data: &str, format: &str) -> String {
        self.detail(&[("type", "reasoning.encrypted"), ("data", data), ("format", format)])
    }

    /// Signs a text or a call: `of` is [`super::SEALED_TEXT`] or the call's id.
    pub fn seal(&mut self, of: &str, data: &str, format: &str) -> String {
        self.detail(&[("type", "reasoning.encrypted"), ("id", of), ("data", data), ("format", format)])
    }

    fn detail(&mut self, members: &[(&str, &str)]) -> String {
        let mut out = vec![b'{'];
        for (name, value) in members {
            write_text(&mut out, name);
            out.push(b':');
            write_text(&mut out, value);
            out.push(b',');
        }
        out.extend_from_slice(format!("\"index\":{}}}", self.details.len()).as_bytes());
        let detail = String::from_utf8(out).unwrap_or_default();
        self.details.push(detail.clone());
        detail
    }

    /// Adds a piece of a call. Returns which call; none for arguments of a call that never began,
    /// as those of a tool that the provider runs itself.
    pub fn add_tool(&mut self, part: &ToolPart<'_>, arguments: &str) -> Option<usize> {
        let known = part.slot.and_then(|slot| self.tools.iter().rposition(|tool| tool.slot == Some(slot)));
        // Some providers give every call the same slot: another id is another call.
        let known = known.filter(|&position| part.id.is_empty() || self.tools[position].id == part.id);
        if known.is_none() && part.id.is_empty() && part.name.is_empty() {
            return None;
        }
        let position = known.unwrap_or_else(|| {
            let id = if part.id.is_empty() { made_id() } else { part.id.to_owned() };
            self.tools.push(ToolCall {
                slot: part.slot,
                id,
                name: String::new(),
                arguments: String::new(),
                announced: false,
                sent: 0,
            });
            self.tools.len() - 1
        });
        let tool = &mut self.tools[position];
        if !tool.announced {
            tool.name.push_str(part.name);
        }
        tool.arguments.push_str(arguments);
        Some(position)
    }

    /// A call without arguments has an empty object of them.
    pub fn complete_arguments(&mut self) {
        for tool in &mut self.tools {
            if tool.arguments.is_empty() {
                tool.arguments.push_str("{}");
            }
        }
    }
}

/// An id as OpenAI makes them, for providers that give calls none.
fn made_id() -> String {
    let mut rng = rand::rng();
    let mut id = String::with_capacity(29);
    id.push_str("call_");
    for _ in 0..24 {
        id.push(char::from(rng.sample(rand::distr::Alphanumeric)));
    }
    id
}
