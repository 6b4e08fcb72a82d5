//! Sinks: what generated code feeds, and what becomes of it.
//!
//! A [`Reply`] is in one of three modes. *Completion* gathers an answer in one piece
//! ([`Reply::into_completion`]); *chunks* writes OpenAI's stream as it comes
//! ([`Reply::take_output`]); *tap* writes nothing and only notes what metering needs, for
//! providers whose bytes pass verbatim. Whatever the mode, [`Reply::outcome`] is the same.
//!
//! The bytes follow OpenAI's own grammar: the order of members, a role chunk first in each choice,
//! a header before the arguments of each tool call, an empty delta with the finish reason.

mod choice;
mod chunks;
mod completion;
mod embeddings;
mod logprob;
mod outcome;
mod parts;
#[cfg(test)]
mod tests;
mod thought;

pub use outcome::{Failure, Outcome, ReportedCost, UsageCounts};
pub use parts::{FailPart, LogprobPart, StartPart, ToolPart, UsagePart};

use crate::wire::usage::Usage;
use choice::Choice;
use chunks::Chunks;
use embeddings::Vector;
use serde_json::value::RawValue;
use thought::Part;

/// The `id` of a reasoning detail that signs the text of a message; one that signs a call has the
/// call's id.
pub const SEALED_TEXT: &str = "content";

/// What Ringside knows of an answer before the provider says anything.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `chatcmpl-…`, used where the provider gives none.
    pub id: String,
    /// Unix seconds, likewise.
    pub created: i64,
    /// The provider's model id as the call named it, likewise.
    pub model: String,
    /// `format` of `reasoning_details`; empty where the provider signs nothing.
    pub reasoning_format: &'static str,
}

/// Whether JSON that passes as it is can be read by whoever gets it: the grammar alone lets half a
/// surrogate pair through, and numbers that nothing holds.
fn is_sound(raw: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(raw).is_ok()
}

/// What the caller asked of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChunkOptions {
    pub include_usage: bool,
    pub include_obfuscation: bool,
}

/// An answer in the making.
pub struct Reply {
    identity: Identity,
    /// The provider has said when.
    created: bool,
    fingerprint: Option<String>,
    choices: Vec<Choice>,
    vectors: Vec<Vector>,
    /// Where in `choices` the sinks write now.
    current: usize,
    thought_tags: Option<(&'static str, &'static str)>,
    mode: Mode,
    outcome: Outcome,
    /// A tool whose arguments are the answer itself.
    answer_tool: Option<AnswerTool>,
    /// Whether what is said is kept, also where it is written as it comes.
    keeps: bool,
}

/// A tool that the model is made to call because its arguments are the answer.
struct AnswerTool {
    name: String,
    /// Slots of its calls, by choice.
    slots: Vec<(u32, Option<u32>)>,
}

/// What was said in one choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'r> {
    pub index: u32,
    pub text: Option<&'r str>,
    pub refused: bool,
    /// Tool calls.
    pub calls: usize,
    pub finish: Option<&'r str>,
}

enum Mode {
    Completion,
    Chunks(Box<Chunks>),
    Tap,
}

impl Reply {
    /// Gathers an answer in one piece.
    pub fn completion(identity: Identity) -> Self {
        Self::new(identity, Mode::Completion)
    }

    /// Writes a stream.
    pub fn chunks(identity: Identity, options: ChunkOptions) -> Self {
        Self::new(identity, Mode::Chunks(Box::new(Chunks::new(options))))
    }

    /// Notes what metering needs.
    pub fn tap() -> Self {
        let identity = Identity { id: String::new(), created: 0, model: String::new(), reasoning_format: "" };
        Self::new(identity, Mode::Tap)
    }

    fn new(identity: Identity, mode: Mode) -> Self {
        Self {
            identity,
            created: false,
            fingerprint: None,
            choices: Vec::new(),
            vectors: Vec::new(),
            current: 0,
            thought_tags: None,
            mode,
            outcome: Outcome::default(),
            answer_tool: None,
            keeps: false,
        }
    }

    /// Keeps what is said, so that it can be looked at in the end.
    pub fn keep(&mut self) {
        self.keeps = true;
    }

    /// Takes the arguments of calls of the tool `name` for the answer's text.
    pub fn answering_by(mut self, name: &str) -> Self {
        self.answer_tool = Some(AnswerTool { name: name.to_owned(), slots: Vec::new() });
        self
    }

    /// What was said, choice by choice.
    pub fn said(&self) -> impl Iterator<Item = Said<'_>> {
        self.choices.iter().map(|choice| Said {
            index: choice.index,
            text: choice.content.as_deref(),
            refused: choice.refusal.as_deref().is_some_and(|text| !text.is_empty()),
            calls: choice.tools.len(),
            finish: choice.finish.as_deref(),
        })
    }

    /// Puts `text` in the place of what a choice said. Only of use before the answer is written.
    pub fn replace_text(&mut self, index: u32, text: String) {
        if let Some(choice) = self.choices.iter_mut().find(|choice| choice.index == index) {
            choice.content = Some(text);
        }
    }

    /// Writes a gathered answer as a stream, as if it had come at once: a role chunk, what was said,
    /// a finish chunk for each choice, and the end.
    pub fn into_stream(mut self, options: ChunkOptions, usage: &Usage) -> Vec<u8> {
        self.mode = Mode::Chunks(Box::new(Chunks::new(options)));
        for mut choice in std::mem::take(&mut self.choices) {
            self.choice(choice.index);
            if let Mode::Chunks(chunks) = &mut self.mode {
                let tier = self.outcome.openai_tier();
                chunks.writer(&self.identity, tier, self.fingerprint.as_deref()).whole(&mut choice);
            }
            let last = self.choices.len() - 1;
            self.choices[last] = choice;
        }
        self.end(usage);
        self.take_output()
    }

    /// Takes thought out of the text, where the provider writes it between tags there.
    #[must_use]
    pub fn with_thought_tags(mut self, tags: Option<(&'static str, &'static str)>) -> Self {
        self.thought_tags = tags;
        self
    }

    /// What is known so far.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Takes the bytes of a stream written since the last call; empty in other modes.
    pub fn take_output(&mut self) -> Vec<u8> {
        match &mut self.mode {
            Mode::Chunks(chunks) => chunks.take(),
            _ => Vec::new(),
        }
    }

    /// Appends the bytes of a stream written since the last call to `out`.
    pub fn drain_output(&mut self, out: &mut Vec<u8>) {
        if let Mode::Chunks(chunks) = &mut self.mode {
            chunks.drain(out);
        }
    }

    /// Writes a stream's end: a finish chunk for each choice that has none, the usage chunk where
    /// the caller asked for one, `[DONE]`.
    pub fn end(&mut self, usage: &Usage) {
        self.finish_open_choices();
        if let Mode::Chunks(chunks) = &mut self.mode {
            chunks.end(&self.identity, self.fingerprint.as_deref(), &self.outcome, usage);
        }
    }

    /// The answer in one piece, as OpenAI's `chat.completion`.
    pub fn into_completion(mut self, usage: &Usage) -> Vec<u8> {
        self.finish_open_choices();
        completion::write(&self.identity, self.fingerprint.as_deref(), &self.choices, &self.outcome, usage)
    }

    /// How many vectors came.
    pub fn vectors(&self) -> usize {
        self.vectors.len()
    }

    /// The vectors as OpenAI's `CreateEmbeddingResponse`, each a list of numbers, or the base64 of
    /// 32-bit floats in little-endian order.
    pub fn into_embeddings(self, base64: bool, usage: &Usage) -> Vec<u8> {
        embeddings::write(&self.identity.model, &self.vectors, base64, usage)
    }

    fn finish_open_choices(&mut self) {
        for index in 0..self.choices.len() {
            if self.choices[index].finish.is_none() {
                self.current = index;
                self.finish("stop");
            }
        }
    }

    /// The choice that sinks write to, opened on first use.
    fn choice_now(&mut self) -> &mut Choice {
        if self.choices.is_empty() {
            self.choices.push(Choice::new(0, self.thought_tags));
        }
        let last = self.choices.len() - 1;
        &mut self.choices[self.current.min(last)]
    }

    // The sinks.

    /// The provider's own id and the like. Only the first of each counts: a stream has one.
    pub fn start(&mut self, part: StartPart<'_>) {
        if let Some(tier) = part.service_tier
            && self.outcome.service_tier.as_deref() != Some(tier)
        {
            self.outcome.service_tier = Some(tier.to_owned());
        }
        // A stream may begin with a chunk whose members are there and empty.
        if !part.id.is_empty() && self.outcome.response_id.is_none() {
            self.outcome.response_id = Some(part.id.to_owned());
            part.id.clone_into(&mut self.identity.id);
        }
        if !part.model.is_empty() && self.outcome.upstream_model.is_none() {
            self.outcome.upstream_model = Some(part.model.to_owned());
            part.model.clone_into(&mut self.identity.model);
        }
        if let Some(created) = part.created.filter(|created| *created > 0 && !self.created) {
            self.identity.created = created;
            self.created = true;
        }
        if let (Some(fingerprint), None) = (part.fingerprint, &self.fingerprint) {
            self.fingerprint = Some(fingerprint.to_owned());
        }
    }

    /// What follows belongs to this choice.
    pub fn choice(&mut self, index: u32) {
        if let Some(known) = self.choices.iter().position(|choice| choice.index == index) {
            self.current = known;
        } else if self.choices.len() < MOST_CHOICES {
            self.choices.push(Choice::new(index, self.thought_tags));
            self.current = self.choices.len() - 1;
        }
    }

    /// A piece of the answer; an empty one only opens the choice.
    pub fn text(&mut self, text: &str) {
        if text.is_empty() || self.choice_now().splitter.is_none() {
            self.plain_text(text);
            return;
        }
        if let Some(mut splitter) = self.choice_now().splitter.take() {
            splitter.feed(text, |part| self.part(part));
            self.choice_now().splitter = Some(splitter);
        }
    }

    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Thought(text) => self.reasoning(text),
            Part::Text(text) => self.plain_text(text),
        }
    }

    /// What follows is no text: what was held back of it is given out.
    fn end_text(&mut self) {
        if let Some(mut splitter) = self.choice_now().splitter.take() {
            splitter.finish(|part| self.part(part));
        }
    }

    fn plain_text(&mut self, text: &str) {
        self.outcome.produce(text);
        self.write(|choice, sink| sink.text(choice, text));
        self.gather(|choice| choice.add_text(text));
    }

    /// A piece of thought.
    pub fn reasoning(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.outcome.produce(text);
        self.write(|choice, sink| sink.reasoning(choice, text));
        self.choice_now().add_reasoning(text);
    }

    /// A piece of a refusal.
    pub fn refusal(&mut self, text: &str) {
        self.outcome.produce(text);
        self.write(|choice, sink| sink.refusal(choice, text));
        self.gather(|choice| choice.add_refusal(text));
    }

    /// Closes the block of thought and signs it.
    pub fn signature(&mut self, signature: &str) {
        let format = self.identity.reasoning_format;
        let detail = self.choice_now().sign(signature, format);
        self.write(|choice, sink| sink.detail(choice, &detail));
    }

    /// Signs the answer's text. What is signed must return signed, so it travels in `reasoning_details`.
    pub fn seal(&mut self, data: &str) {
        let format = self.identity.reasoning_format;
        let detail = self.choice_now().seal(SEALED_TEXT, data, format);
        self.write(|choice, sink| sink.detail(choice, &detail));
    }

    /// A whole block of encrypted thought.
    pub fn redacted(&mut self, data: &str) {
        let format = self.identity.reasoning_format;
        let detail = self.choice_now().redact(data, format);
        self.outcome.saw_output = true;
        self.write(|choice, sink| sink.detail(choice, &detail));
    }

    /// Details of reasoning in the shape that callers get, as OpenRouter writes them.
    pub fn details(&mut self, list: &str) {
        let details: Vec<&RawValue> = serde_json::from_str(list).unwrap_or_default();
        for detail in details.into_iter().filter(|detail| detail.get().starts_with('{') && is_sound(detail.get())) {
            self.outcome.saw_output = true;
            self.choice_now().details.push(detail.get().to_owned());
            self.write(|choice, sink| sink.detail(choice, detail.get()));
        }
    }

    /// A tool call, or a piece of one.
    pub fn tool(&mut self, part: ToolPart<'_>) {
        self.end_text();
        let arguments = if part.args_text.is_empty() { part.args } else { part.args_text };
        if self.is_answer(&part) {
            return self.text(arguments);
        }
        self.outcome.produce(part.name);
        self.outcome.produce(arguments);
        self.outcome.saw_output = true;
        if let Some(position) = self.choice_now().add_tool(&part, arguments) {
            self.write(|choice, sink| sink.tool(choice, position));
            if !part.seal.is_empty() {
                let format = self.identity.reasoning_format;
                let choice = self.choice_now();
                let id = choice.tools[position].id.clone();
                let detail = choice.seal(&id, part.seal, format);
                self.write(|choice, sink| sink.detail(choice, &detail));
            }
        }
    }

    /// Whether a piece belongs to a call of the tool whose arguments are the answer.
    fn is_answer(&mut self, part: &ToolPart<'_>) -> bool {
        let index = self.choice_now().index;
        let Some(tool) = &mut self.answer_tool else {
            return false;
        };
        let known = part.name.is_empty() && part.slot.is_some() && tool.slots.contains(&(index, part.slot));
        if part.name == tool.name {
            tool.slots.push((index, part.slot));
        }
        known || part.name == tool.name
    }

    /// OpenAI's logprobs object of the piece of text before it.
    pub fn logprobs(&mut self, raw: &str) {
        if !is_sound(raw) {
            return;
        }
        self.write(|_, sink| sink.logprobs(raw));
        self.gather(|choice| choice.add_logprobs(raw));
    }

    /// The log probability of the piece of text before it, where the provider's shape is not OpenAI's.
    pub fn logprob(&mut self, part: LogprobPart<'_>) {
        if let Some(object) = logprob::object(part) {
            self.logprobs(&object);
        }
    }

    /// Why the choice ended. Only the first reason counts: in OpenAI's grammar nothing of a choice
    /// follows it, and providers that tell a second one repeat themselves, or know less of the calls
    /// they have made. An answer that failed has not ended.
    pub fn finish(&mut self, reason: &str) {
        if self.choice_now().finish.is_some() || self.outcome.failure.is_some() {
            return;
        }
        self.end_text();
        // To the caller there was no call of the tool that is the answer.
        let answers = self.answer_tool.is_some();
        let choice = self.choice_now();
        // Some providers say only that they stopped, tools called or not.
        let reason = match reason {
            "stop" if !choice.tools.is_empty() => "tool_calls",
            "tool_calls" if choice.tools.is_empty() && answers => "stop",
            other => other,
        };
        choice.finish = Some(reason.to_owned());
        choice.complete_arguments();
        self.outcome.finish_reasons.push(reason.to_owned());
        self.write(|choice, sink| sink.finish(choice));
    }

    /// Token counts.
    pub fn usage(&mut self, part: UsagePart<'_>) {
        self.outcome.add_usage(&part);
    }

    /// The next input's vector; what is no list of numbers is none.
    pub fn embedding(&mut self, numbers: &str) {
        if let Mode::Completion = self.mode {
            self.vectors.extend(Vector::parse(numbers));
        }
    }

    /// The same as base64 of one signed byte a number.
    pub fn embedding_int8(&mut self, base64: &str) {
        if let Mode::Completion = self.mode {
            self.vectors.extend(Vector::of_bytes(base64));
        }
    }

    /// A moderation's verdict on one input.
    pub fn flagged(&mut self, yes: bool) {
        self.outcome.flagged |= yes;
    }

    /// The provider's own error, in an answer that began well.
    pub fn fail(&mut self, part: FailPart<'_>) {
        if self.outcome.failure.is_none() {
            self.outcome.failure = Some(Failure {
                code: part.code.to_owned(),
                kind: part.kind.to_owned(),
                message: part.message.to_owned(),
                param: part.param.to_owned(),
            });
        }
    }

    /// The provider said that this is all.
    pub fn done(&mut self) {
        self.outcome.done = true;
    }

    /// Runs `with` where the answer is needed at its end; a stream needs no second copy of it.
    fn gather(&mut self, with: impl FnOnce(&mut Choice)) {
        if self.keeps || matches!(self.mode, Mode::Completion) {
            with(self.choice_now());
        }
    }

    /// Runs `with` where a stream is written.
    fn write(&mut self, with: impl FnOnce(&mut Choice, &mut chunks::Writer<'_>)) {
        if self.choices.is_empty() {
            self.choices.push(Choice::new(0, self.thought_tags));
        }
        let last = self.choices.len() - 1;
        let choice = &mut self.choices[self.current.min(last)];
        if let Mode::Chunks(chunks) = &mut self.mode {
            let service_tier = self.outcome.openai_tier();
            with(choice, &mut chunks.writer(&self.identity, service_tier, self.fingerprint.as_deref()));
        }
    }
}

/// OpenAI's own limit of `n`; a provider that invents more is not followed.
const MOST_CHOICES: usize = 128;
