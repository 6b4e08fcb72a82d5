//! OpenAI's stream, written as the sinks are fed.
//!
//! A chunk is left open until the next one begins or the bytes are taken, because log
//! probabilities are told after the text they belong to.

use super::choice::Choice;
use super::outcome::Outcome;
use super::{ChunkOptions, Identity, logprob};
use crate::adapter::json::write_text;
use crate::wire::usage::Usage;
use rand::RngExt as _;

/// The stream of one answer.
pub struct Chunks {
    options: ChunkOptions,
    /// `data: {"id":…,"choices":[{"index":`, the same in every chunk; made with the first.
    head: Vec<u8>,
    out: Vec<u8>,
    /// Where the chunk that is still open began, and its log probabilities.
    open: Option<Open>,
}

struct Open {
    start: usize,
    logprobs: Vec<String>,
    finish: Option<String>,
}

/// The stream, with what its chunks say of the answer.
pub struct Writer<'w> {
    chunks: &'w mut Chunks,
    identity: &'w Identity,
    service_tier: Option<&'w str>,
    fingerprint: Option<&'w str>,
}

impl Chunks {
    pub fn new(options: ChunkOptions) -> Self {
        Self { options, head: Vec::new(), out: Vec::with_capacity(1024), open: None }
    }

    pub fn writer<'w>(
        &'w mut self,
        identity: &'w Identity,
        service_tier: Option<&'w str>,
        fingerprint: Option<&'w str>,
    ) -> Writer<'w> {
        Writer { chunks: self, identity, service_tier, fingerprint }
    }

    /// Closes what is open and takes the bytes.
    pub fn take(&mut self) -> Vec<u8> {
        self.close();
        std::mem::take(&mut self.out)
    }

    /// Closes what is open and moves the bytes; the buffer is kept.
    pub fn drain(&mut self, out: &mut Vec<u8>) {
        self.close();
        out.extend_from_slice(&self.out);
        self.out.clear();
    }

    pub fn end(&mut self, identity: &Identity, fingerprint: Option<&str>, outcome: &Outcome, usage: &Usage) {
        self.close();
        if self.options.include_usage {
            self.make_head(identity, outcome.openai_tier(), fingerprint);
            let start = self.out.len();
            // The head ends where a choice would begin.
            let head = self.head.strip_suffix(CHOICE).unwrap_or(&self.head);
            self.out.extend_from_slice(head);
            self.out.extend_from_slice(b"],\"usage\":");
            usage.write_json(&mut self.out);
            self.finish_line(start);
        }
        self.out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn make_head(&mut self, identity: &Identity, service_tier: Option<&str>, fingerprint: Option<&str>) {
        if !self.head.is_empty() {
            return;
        }
        let head = &mut self.head;
        head.extend_from_slice(b"data: {\"id\":");
        write_text(head, &identity.id);
        head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        head.extend_from_slice(itoa::Buffer::new().format(identity.created).as_bytes());
        head.extend_from_slice(b",\"model\":");
        write_text(head, &identity.model);
        if let Some(tier) = service_tier {
            head.extend_from_slice(b",\"service_tier\":");
            write_text(head, tier);
        }
        if let Some(fingerprint) = fingerprint {
            head.extend_from_slice(b",\"system_fingerprint\":");
            write_text(head, fingerprint);
        }
        head.extend_from_slice(b",\"choices\":[");
        head.extend_from_slice(CHOICE);
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let out = &mut self.out;
        out.extend_from_slice(b"},\"logprobs\":");
        logprob::joined(out, &open.logprobs);
        out.extend_from_slice(b",\"finish_reason\":");
        match &open.finish {
            Some(reason) => write_text(out, reason),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(if self.options.include_usage { b"}],\"usage\":null" } else { b"}]" });
        self.finish_line(open.start);
    }

    /// Closes the chunk's object, padded as OpenAI pads: the JSON's length in characters is 1
    /// beyond a multiple of 16, so that an observer of lengths learns little.
    fn finish_line(&mut self, start: usize) {
        if self.options.include_obfuscation {
            self.out.extend_from_slice(b",\"obfuscation\":\"");
            let written = &self.out[start + b"data: ".len()..];
            // Bytes that continue a character are not counted; two more close string and object.
            let length = written.iter().filter(|byte| (**byte & 0xC0) != 0x80).count() + 2;
            let padding = (17 - length % 16) % 16;
            let mut rng = rand::rng();
            self.out.extend((0..padding).map(|_| rng.sample(rand::distr::Alphanumeric)));
            self.out.push(b'"');
        }
        self.out.extend_from_slice(b"}\n\n");
    }
}

/// How every choice of a chunk begins.
const CHOICE: &[u8] = b"{\"index\":";

impl Writer<'_> {
    /// Opens a chunk whose delta is `delta`, without its braces.
    fn chunk(&mut self, choice: &Choice, delta: impl FnOnce(&mut Vec<u8>)) {
        let chunks = &mut *self.chunks;
        chunks.close();
        chunks.make_head(self.identity, self.service_tier, self.fingerprint);
        let start = chunks.out.len();
        chunks.out.extend_from_slice(&chunks.head);
        chunks.out.extend_from_slice(itoa::Buffer::new().format(choice.index).as_bytes());
        chunks.out.extend_from_slice(b",\"delta\":{");
        delta(&mut chunks.out);
        chunks.open = Some(Open { start, logprobs: Vec::new(), finish: None });
    }

    /// The role chunk, once; it says what kind of answer begins.
    fn role(&mut self, choice: &mut Choice, rest: &'static [u8]) {
        if !choice.opened {
            choice.opened = true;
            self.chunk(choice, |out| {
                out.extend_from_slice(b"\"role\":\"assistant\",");
                out.extend_from_slice(rest);
            });
        }
    }

    fn delta(&mut self, choice: &Choice, key: &'static [u8], text: &str) {
        self.chunk(choice, |out| {
            out.extend_from_slice(key);
            write_text(out, text);
        });
    }

    pub fn text(&mut self, choice: &mut Choice, text: &str) {
        self.role(choice, b"\"content\":\"\",\"refusal\":null");
        if !text.is_empty() {
            self.delta(choice, b"\"content\":", text);
        }
    }

    pub fn reasoning(&mut self, choice: &mut Choice, text: &str) {
        self.role(choice, b"\"content\":\"\",\"refusal\":null");
        self.delta(choice, b"\"reasoning_content\":", text);
    }

    pub fn refusal(&mut self, choice: &mut Choice, text: &str) {
        self.role(choice, b"\"content\":null,\"refusal\":\"\"");
        if !text.is_empty() {
            self.delta(choice, b"\"refusal\":", text);
        }
    }

    pub fn detail(&mut self, choice: &mut Choice, detail: &str) {
        self.role(choice, b"\"content\":\"\",\"refusal\":null");
        self.chunk(choice, |out| {
            out.extend_from_slice(b"\"reasoning_details\":[");
            out.extend_from_slice(detail.as_bytes());
            out.push(b']');
        });
    }

    /// Writes what is new of the call at `position`.
    pub fn tool(&mut self, choice: &mut Choice, position: usize) {
        self.role(choice, b"\"content\":null");
        if !choice.tools[position].announced {
            if choice.tools[position].name.is_empty() {
                // The name is still to come; arguments wait for it.
                return;
            }
            choice.tools[position].announced = true;
            let tool = &choice.tools[position];
            self.chunk(choice, |out| {
                out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
                out.extend_from_slice(itoa::Buffer::new().format(position).as_bytes());
                out.extend_from_slice(b",\"id\":");
                write_text(out, &tool.id);
                out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
                write_text(out, &tool.name);
                out.extend_from_slice(b",\"arguments\":\"\"}}]");
            });
        }
        let tool = &choice.tools[position];
        if tool.sent < tool.arguments.len() {
            let piece = &tool.arguments[tool.sent..];
            self.chunk(choice, |out| {
                out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
                out.extend_from_slice(itoa::Buffer::new().format(position).as_bytes());
                out.extend_from_slice(b",\"function\":{\"arguments\":");
                write_text(out, piece);
                out.extend_from_slice(b"}}]");
            });
            choice.tools[position].sent = choice.tools[position].arguments.len();
        }
    }

    pub fn logprobs(&mut self, raw: &str) {
        if let Some(open) = &mut self.chunks.open {
            open.logprobs.push(raw.to_owned());
        }
    }

    /// Everything that a choice holds, at once.
    pub fn whole(&mut self, choice: &mut Choice) {
        if let Some(reasoning) = choice.reasoning.clone() {
            self.reasoning(choice, &reasoning);
        }
        for detail in choice.details.clone() {
            self.detail(choice, &detail);
        }
        if let Some(refusal) = choice.refusal.clone() {
            self.refusal(choice, &refusal);
        }
        if let Some(text) = choice.content.clone() {
            self.text(choice, &text);
        }
        for raw in choice.logprobs.clone() {
            self.logprobs(&raw);
        }
        self.finish(choice);
    }

    pub fn finish(&mut self, choice: &mut Choice) {
        self.role(choice, b"\"content\":\"\",\"refusal\":null");
        for position in 0..choice.tools.len() {
            // Calls that nobody named, and those without arguments, are completed now.
            if choice.tools[position].name.is_empty() {
                choice.tools[position].name.push_str("unnamed");
            }
            self.tool(choice, position);
        }
        self.chunk(choice, |_| {});
        if let Some(open) = &mut self.chunks.open {
            open.finish.clone_from(&choice.finish);
        }
    }
}
