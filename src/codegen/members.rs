//! The members of a spec's maps, and what each is for: what the compiler accepts, and what
//! `providers/README.md` and `providers/spec.schema.json` say. A test holds all three together.

/// A member of a map of the spec.
#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    /// For the language reference.
    pub about: &'static str,
}

const fn member(name: &'static str, about: &'static str) -> Member {
    Member { name, about }
}

pub const SPEC: &[Member] = &[
    member("name", "the provider's name, for people"),
    member("docs", "a link to the provider's API reference"),
    member("extends", "the spec this one is laid over"),
    member("transport", "`http`, or `simulator` for answers from inside the process"),
    member("base_url", "where its API is; may hold `{credential}`"),
    member("credentials", "its secrets: a name, and the environment variable that holds the value"),
    member(
        "auth",
        "how a call proves who is calling: `{ bearer: NAME }`, `{ header: H, value: NAME }`, `{ aws-sigv4: … }` or `none`",
    ),
    member("headers", "sent with every call; values may hold `{credential}`"),
    member("query", "query parameters of every call; values may hold `{credential}`"),
    member("chat", "chat completions"),
    member("embeddings", "embeddings"),
    member("moderations", "moderations"),
    member("errors", "how errors read and what they mean"),
    member("models", "the catalogue: model id, limits, abilities and price"),
];

pub const CREDENTIAL: &[Member] = &[
    member("env", "the environment variable, or a list of which the first that is set wins"),
    member("optional", "`true`: the provider can be called without it"),
    member("default", "the value where no variable is set"),
];

/// `auth: { aws-sigv4: … }`.
pub const SIGV4: &[Member] = &[
    member("service", "the name that calls are signed for, such as `execute-api`"),
    member("region", "the credential that names the region"),
    member("access_key", "the credential that names the key"),
    member("secret_key", "the credential that signs"),
    member("session_token", "the credential of a key that was lent for a while"),
];

pub const CHAT: &[Member] = &[
    member("path", "appended to `base_url`; may hold `{model}`, or `{model_path}`, which keeps the slashes of the id"),
    member("submit", "how the answer is come by, where the call only asks for it to be made"),
    member("stream_path", "the path of streamed calls, where it differs"),
    member("replies", "`rebuilt` from sinks, or `verbatim`: the provider's bytes pass as they are"),
    member("json_object", "how any JSON object is asked for: `native` (a JSON mode, if nothing is said) or `prompt`"),
    member("json_schema", "how a schema is asked for: `native`, `tool`, `json_mode` or `prompt`"),
    member("schema_subset", "what its own enforcement takes of JSON Schema, where that is not all"),
    member("disconnect", "what a hang-up costs: `bills_partial` or `bills_all`"),
    member("reasoning_format", "`format` of `reasoning_details`, where the provider signs its thoughts"),
    member("finish", "the provider's finish reasons and OpenAI's"),
    member("thought_tags", "two texts between which, at the start of an answer's text, its thought stands"),
    member(
        "tool_ids",
        "the length of ids of tool calls, all letters and digits; foreign ids in a history are made to fit",
    ),
    member(
        "least_output_limit",
        "an output limit below it is raised to it there, so what is held covers that many tokens",
    ),
    member("request", "OpenAI's request as the provider's"),
    member("response", "an answer in one piece, as sinks"),
    member("stream", "a stream's framing and events"),
];

pub const SCHEMA_SUBSET: &[Member] = &[
    member("without", "keywords that are taken out of a schema before it is sent, and still checked here"),
    member("closed", "`true`: every object must say `additionalProperties: false`, and is made to"),
];

pub const SUBMIT: &[Member] = &[
    member("wait", "headers of a call that is not streamed, to have the answer at once if it is quick"),
    member("state", "where an answer says how far it is"),
    member("done", "states in which it is whole"),
    member("failed", "states in which it failed"),
    member("poll", "where an answer says the URL at which it is asked for again"),
    member("stream", "where it says the URL of its stream; without one, it is asked for until it is whole"),
    member("cancel", "where it says the URL that stops it: called when nobody waits any more"),
    member("last", "the name of the stream's last event"),
    member("hosts", "hosts that those URLs may lead to, with `*` for any text; others are refused"),
];

pub const STREAM: &[Member] = &[
    member("framing", "`sse`, `ndjson` or `eventstream`"),
    member("until", "data that ends the stream and is no JSON, such as `[DONE]`"),
    member("text", "names of events whose data is text and no JSON; it reads as `$text`"),
    member(
        "on",
        "an event's name and the sinks it feeds; `_` is every other event; with `submit`, `submitted`, `settled` and `whole` are an answer's first and last state, and its last where there is no stream",
    ),
];

pub const PLAIN: &[Member] = &[
    member("path", "appended to `base_url`; may hold `{model}`"),
    member("replies", "`verbatim` (the default) or `rebuilt`"),
    member("request", "OpenAI's request as the provider's"),
    member("response", "the answer, as sinks"),
];

pub const ERRORS: &[Member] = &[
    member(
        "body",
        "where an error body says `code`, `kind`, `message`, `detail` (what the message leaves to another member), `param` and `retry_after` (seconds, or such as `48s`)",
    ),
    member("headers", "headers that say what the body does not: a name each, read up to the first `:`"),
    member("rules", "what an error means; the first rule that fits, otherwise the status decides"),
    member("retry", "statuses that are worth another try"),
];

pub const RULE: &[Member] = &[
    member("status", "the HTTP status"),
    member("code", "the body's `code`, exactly"),
    member("kind", "the body's `kind`, exactly"),
    member("message", "the body's `message`; `*` stands for any text"),
    member("is", "what it means"),
];

pub const MODEL: &[Member] = &[
    member("kind", "`chat` (the default), `embedding` or `moderation`"),
    member("context", "tokens of input and output together"),
    member("max_output", "most output tokens"),
    member("can", "its abilities"),
    member("price", "what it costs: rates in USD a million tokens, and what differs from them"),
    member("aliases", "other ids of the same model, such as dated ones; `*` stands for any text"),
    member("ends", "the day it ends, such as \"2027-04-01\""),
    member("successor", "the model to use instead"),
];

/// What a price has beside its rates.
pub const PRICE: &[Member] = &[
    member(
        "above",
        "rates of the whole call where its prompt has more tokens than this, such as `{ 272000: { times: 2 } }`",
    ),
    member("at_least", "the same, where it has this many or more"),
    member("tiers", "rates by the tier of service that the answer reports, such as `{ flex: { times: 0.5 } }`"),
    member("hours", "a list of hours with rates of their own: `{ days: mon-fri, at: [\"01:00-04:00\"], times: 2 }`"),
    member("from", "rates from a day on, such as `{ \"2026-12-01\": { times: 2 } }`"),
    member("until", "rates before a day"),
    member(
        "reported",
        "`true`: only the provider's answer says what a call costs, and the rates are for one that does not",
    ),
    member("ceiling", "USD that no call costs more than, where a price is not known before the call"),
    member("searches", "most searches of one call, for the bound of its cost"),
];

/// What a block has that differs from the rates around it, beside the rates it names itself.
pub const DIFFERING: &[Member] = &[
    member("times", "multiplies every rate of the block around it; a rate written beside it wins"),
    member("days", "of `hours`: such as `mon-fri` or `sat,sun`; without it, every day"),
    member("at", "of `hours`: such as \"01:00-04:00\", or a list of them, UTC; without it, all day"),
    member("on_request", "of a tier, `true`: it comes only to those who ask for it"),
];

/// A price of one unit.
#[derive(Debug)]
pub struct Rate {
    pub name: &'static str,
    /// For the language reference.
    pub about: &'static str,
    /// The rates that it follows where it is not given, the first that is; nothing where none is.
    pub follows: &'static [&'static str],
    /// USD each, and not USD a million tokens.
    pub fee: bool,
}

const fn rate(name: &'static str, follows: &'static [&'static str], about: &'static str) -> Rate {
    Rate { name, about, follows, fee: false }
}

const fn fee(name: &'static str, about: &'static str) -> Rate {
    Rate { name, about, follows: &[], fee: true }
}

/// Every rate; the order is that of the rows that a price compiles to.
pub const RATES: &[Rate] = &[
    rate("input", &[], "input tokens of text that are not cached"),
    rate("cached_input", &["input"], "input tokens read from a cache"),
    rate("cache_write", &["input"], "input tokens written to a cache for minutes"),
    rate("cache_write_1h", &["cache_write", "input"], "input tokens written to a cache for an hour"),
    rate(
        "cache_write_12h",
        &["cache_write_1h", "cache_write", "input"],
        "input tokens written to a cache for 12 hours",
    ),
    rate("audio_input", &["input"], "input tokens of sound that are not cached"),
    rate("cached_audio_input", &["audio_input", "cached_input", "input"], "input tokens of sound read from a cache"),
    rate("output", &[], "output tokens"),
    rate("reasoning", &["output"], "output tokens of thought"),
    rate("audio_output", &["output"], "output tokens of sound"),
    rate("citation", &["output"], "tokens of citations"),
    fee("search", "USD a web search that the usage counts"),
    fee("request", "USD a call"),
];

/// Directives of request mappings.
pub const DIRECTIVES: &[Member] = &[
    member("$pass", "`all`: copy what the caller sent, less the members written beside it; or a member's name"),
    member("$drop", "members that are left out"),
    member("$rename", "members that are copied under another name"),
    member("$refuse", "members that are answered with an error that names them"),
    member("$limit", "the names under which the output limit may be passed on, the preferred one first"),
    member("$if", "only where this source is there (or true)"),
    member("$unless", "only where it is not"),
    member("$else", "beside `$if` or `$unless`: what stands there otherwise"),
    member("$each", "one item for each of a list"),
    member("$items", "several items of the list around it, in place of one"),
    member("$by", "one mapping for each variant of a union"),
    member("$fetch", "for `image_url`: the gateway fetches the image, and it is mapped as `image_data`"),
    member(
        "$match",
        "one mapping for each glob that a text fits; `_` where none does; nothing for a text that is absent",
    ),
    member("$get", "a number, bounded by `$max` and `$min`"),
    member("$max", "the upper bound of `$get`"),
    member("$min", "the lower bound of `$get`"),
    member("$not", "the opposite of a truth"),
    member("$join", "one text of several: constants and sources that are never absent"),
];

/// Directives of replies.
pub const REPLY_DIRECTIVES: &[Member] = &[
    member("$each", "the sinks under `$do`, for each item of a list"),
    member("$do", "beside `$each`: paths begin at the item, which is `$` itself"),
    member("$text", "beside `$each`: the sink of a text that stands in the list's place"),
    member("$by", "sinks by the word at a path; `_` is every other word"),
    member("$key", "sinks by which member of an object is there"),
];

/// Words that a member may have, with what they are in Rust.
pub type Words = &'static [(&'static str, &'static str)];

pub const TRANSPORTS: Words = &[("http", "Http"), ("simulator", "Simulator")];
pub const REPLIES: Words = &[("verbatim", "Verbatim"), ("rebuilt", "Rebuilt")];
pub const JSON_SCHEMAS: Words =
    &[("native", "Native"), ("tool", "Tool"), ("json_mode", "JsonMode"), ("prompt", "Prompt")];
pub const JSON_OBJECTS: Words = &[("native", "Native"), ("prompt", "Prompt")];
pub const DISCONNECTS: Words = &[("bills_partial", "BillsPartial"), ("bills_all", "BillsAll")];
pub const FRAMINGS: Words = &[("sse", "Sse"), ("ndjson", "Ndjson"), ("eventstream", "EventStream")];
pub const KINDS: Words = &[("chat", "Chat"), ("embedding", "Embedding"), ("moderation", "Moderation")];

/// What a model can do, as the catalogue says it.
pub const CAPABILITIES: &[&str] = &["tools", "vision", "audio", "json_schema", "reasoning", "logprobs", "documents"];
