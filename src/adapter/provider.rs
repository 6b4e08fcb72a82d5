//! The static description of a provider that its spec compiles to.

use super::json::Json;
pub use super::price::{Price, Row, Window};
use super::reply::Reply;
use super::view;

/// One provider: what `providers/<id>.yaml` says, as data and plain functions.
pub struct Provider {
    /// The `<provider>` of `fc:<provider>/<model>`; the spec's file name.
    pub id: &'static str,
    /// The name shown to people.
    pub name: &'static str,
    /// The provider's own API reference.
    pub docs: &'static str,
    /// How its calls travel.
    pub transport: Transport,
    /// Scheme, host and perhaps a path; `{credential}` is replaced by that credential's value.
    pub base_url: &'static str,
    /// The values this provider needs and the environment variables that hold them.
    pub credentials: &'static [Credential],
    /// How a call proves who is calling.
    pub auth: Auth,
    /// Headers sent with every call; a value may hold `{credential}`.
    pub headers: &'static [(&'static str, &'static str)],
    /// Query parameters sent with every call; a value may hold `{credential}`.
    pub query: &'static [(&'static str, &'static str)],
    /// How error answers read, and which of them are worth another try.
    pub errors: Errors,
    pub chat: Option<ChatOperation>,
    pub embeddings: Option<Operation>,
    pub moderations: Option<Operation>,
    /// The catalogue, in the order of the spec.
    pub models: &'static [Model],
}

/// How calls travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over the network.
    Http,
    /// Answered inside the process by the built-in simulator (`upstream::simulator`).
    Simulator,
}

/// A named value of a provider, taken from the environment.
#[derive(Debug)]
pub struct Credential {
    /// The name the spec uses for it.
    pub name: &'static str,
    /// Environment variables, the first that is set wins.
    pub env: &'static [&'static str],
    /// A missing optional credential does not make the provider unavailable.
    pub optional: bool,
    /// The value where no variable is set; with one, the provider is never unavailable for its lack.
    pub default: Option<&'static str>,
}

impl Credential {
    /// Whether the provider can't be called until an operator gives it.
    pub fn required(&self) -> bool {
        !self.optional && self.default.is_none()
    }
}

/// How a call proves who is calling. Values are names of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nothing to prove.
    None,
    /// `Authorization: Bearer <credential>`.
    Bearer(&'static str),
    /// A header of the provider's own holding the credential.
    Header { name: &'static str, credential: &'static str },
    /// A signature of the whole request.
    AwsSigV4(SigV4),
}

/// AWS Signature Version 4. Names of credentials, but for `service`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigV4 {
    /// The name that calls are signed for.
    pub service: &'static str,
    pub region: &'static str,
    pub access_key: &'static str,
    pub secret_key: &'static str,
    /// Of a key that was lent for a while.
    pub session_token: Option<&'static str>,
}

/// Reads error answers.
pub struct Errors {
    /// From an error body to code, type and message; leaves them empty where the body holds none.
    pub parse: fn(body: &[u8]) -> ErrorBody,
    /// Headers (in lower case) that say what the body does not.
    pub headers: &'static [(ErrorMember, &'static str)],
    /// What particular answers mean, first match wins; checked before the status.
    pub rules: &'static [ErrorRule],
    /// Statuses worth another try before the first byte.
    pub retry: &'static [u16],
}

/// What an error body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    pub code: String,
    pub kind: String,
    pub message: String,
    /// What the message leaves to another member, such as the words of the provider behind a router.
    pub detail: String,
    /// The request member the provider blames.
    pub param: String,
    /// When to try again, as the provider writes it: seconds, or such as `48s`.
    pub retry_after: String,
}

/// A member of [`ErrorBody`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorMember {
    Code,
    Kind,
    Message,
    Param,
}

/// One line of `errors.rules`: every condition that is given must hold.
#[derive(Debug)]
pub struct ErrorRule {
    pub status: Option<u16>,
    /// A glob over `code`.
    pub code: Option<&'static str>,
    /// A glob over `kind`.
    pub kind: Option<&'static str>,
    /// A glob over `message`.
    pub message: Option<&'static str>,
    pub is: ErrorKind,
}

/// What went wrong upstream, in Ringside's words; each is one code of the contract, section 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    InvalidRequest,
    ContextLength,
    ContentFilter,
    Auth,
    Quota,
    Unavailable,
}

/// `POST …/chat/completions`.
pub struct ChatOperation {
    /// Path for answers in one piece; `{model}` is percent-encoded into its segment.
    pub path: &'static str,
    /// Path for streams.
    pub stream_path: &'static str,
    /// How the answer is come by, where the call only asks for it to be made.
    pub submit: Option<Submit>,
    pub framing: Framing,
    /// The data of the event that ends a stream, e.g. `[DONE]`.
    pub until: Option<&'static str>,
    pub replies: Replies,
    pub json_object: JsonObject,
    pub json_schema: JsonSchema,
    /// What its own enforcement of a schema takes.
    pub schema_subset: SchemaSubset,
    /// Whether `encode` writes the format of an answer anew, and does not only copy it.
    pub rewrites_schema: bool,
    /// Whether the provider is told of `strict`, and may hold answers to a schema only where it is true.
    pub strict_counts: bool,
    pub disconnect: Disconnect,
    /// The name under which reasoning signatures of this provider travel in `reasoning_details`.
    pub reasoning_format: &'static str,
    /// What opens and closes thought that stands at the start of an answer's text.
    pub thought_tags: Option<(&'static str, &'static str)>,
    /// The length of ids of tool calls, where the provider takes no others.
    pub tool_ids: Option<u8>,
    /// The output limit that the provider raises a smaller one to; 0: it takes any.
    pub least_output_limit: u32,
    /// Whether `encode` reads the conversation, and does not only copy it.
    pub normalises: bool,
    /// Whether images that are URLs are fetched before `encode`, as the provider takes only data.
    pub fetches_images: bool,
    /// Writes the provider's request. Pure.
    pub encode: fn(&view::Chat<'_>, &mut Json) -> Result<(), view::Refused>,
    /// Reads an answer in one piece. Pure.
    pub decode: fn(&[u8], &mut Reply) -> Result<(), serde_json::Error>,
    /// Reads one event of a stream: its name (empty without one) and data. Pure.
    pub on_event: fn(&str, &[u8], &mut Reply) -> Result<(), serde_json::Error>,
}

/// Where and how to come by an answer that a call only asked for. A path is the members of the
/// provider's JSON one inside the other; an empty one is none.
#[derive(Debug)]
pub struct Submit {
    /// Headers of a call that is not streamed.
    pub wait: &'static [(&'static str, &'static str)],
    pub state: &'static [&'static str],
    /// States in which the answer is whole.
    pub done: &'static [&'static str],
    /// States in which it failed.
    pub failed: &'static [&'static str],
    pub poll: &'static [&'static str],
    pub stream: &'static [&'static str],
    pub cancel: &'static [&'static str],
    /// The name of the stream's last event.
    pub last: &'static str,
    /// Globs of hosts that the answer's URLs may lead to.
    pub hosts: &'static [&'static str],
}

/// An operation without streams: embeddings, moderations.
pub struct Operation {
    pub path: &'static str,
    pub replies: Replies,
    /// Whether `encode` reads the texts of the input, and does not only copy it.
    pub reads_inputs: bool,
    pub encode: fn(&view::Plain<'_>, &mut Json) -> Result<(), view::Refused>,
    pub decode: fn(&[u8], &mut Reply) -> Result<(), serde_json::Error>,
}

/// How bytes of a stream are cut into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Sse,
    Ndjson,
    /// AWS's `application/vnd.amazon.eventstream`: binary frames with checksums.
    EventStream,
}

/// What reaches the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// The provider's own bytes: it speaks OpenAI's dialect to the byte.
    Verbatim,
    /// Written anew from what the sinks were fed.
    Rebuilt,
}

/// How an answer is made to be any JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonObject {
    /// By the provider's JSON mode.
    Native,
    /// In words: it has none. Whether the answer is one is checked by Ringside.
    Prompt,
}

/// The provider's own means to hold an answer to a JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonSchema {
    Native,
    Tool,
    JsonMode,
    Prompt,
}

/// What a provider's own enforcement takes of JSON Schema. The rest is taken out before a schema is
/// sent, and checked by Ringside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchemaSubset {
    /// Keywords that it does not take.
    pub without: &'static [&'static str],
    /// Whether every object must say `additionalProperties: false`.
    pub closed: bool,
}

/// What a provider charges for a stream that was cut by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// What was produced until the cut.
    BillsPartial,
    /// The whole answer, as if it had not been cut.
    BillsAll,
}

/// One model of the catalogue. An id may be a glob (`ollama`'s `*`): the first match wins,
/// exact ids before globs.
#[derive(Debug)]
pub struct Model {
    pub id: &'static str,
    /// Other ids of the same model, globs among them.
    pub aliases: &'static [&'static str],
    pub kind: ModelKind,
    /// Tokens of input and output together; 0 where unknown.
    pub context_window: u32,
    /// Most tokens of one answer; 0 where unknown.
    pub max_output_tokens: u32,
    pub capabilities: &'static [&'static str],
    pub price: Price,
    /// The day it ends or ended, `YYYY-MM-DD`.
    pub ends: Option<&'static str>,
    /// What to call instead.
    pub successor: Option<&'static str>,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    Chat,
    Embedding,
    Moderation,
}
