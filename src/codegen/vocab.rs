//! The closed vocabulary: what a request mapping may read (*sources*), and what a reply or a
//! stream event may feed (*sinks*). Nothing else in the compiler knows a source or a sink by name.
//!
//! Sources are members of `adapter::view`, sinks are methods of `adapter::reply::Reply`; tests
//! hold both to these lists, and `providers/README.md` and `providers/spec.schema.json` too.

/// The type of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    OptionalText,
    Bool,
    OptionalBool,
    Integer,
    OptionalInteger,
    OptionalFloat,
    /// JSON as the caller wrote it.
    Raw,
    OptionalRaw,
    /// Texts; none at all is absent.
    Strings,
    /// One word of a closed list.
    OptionalWord,
    /// True or not, worked out and never written: for `$if` and `$unless`.
    Flag,
    /// Text made of the request; where it can't be made, the request is refused.
    Made,
    /// Text made of the request, where there is anything to make it of.
    OptionalMade,
    /// To `$each` over; names the scope of its items.
    List(&'static str),
    /// The same, picked out of another list.
    Picked(&'static str),
    /// To branch on with `$by`; names the union.
    Union(&'static str),
    OptionalUnion(&'static str),
    /// The item itself is the union.
    Itself(&'static str),
}

/// A name that may stand behind `$` in a scope.
#[derive(Debug)]
pub struct Source {
    pub name: &'static str,
    pub kind: Kind,
    /// What it holds, for the language reference.
    pub about: &'static str,
}

/// One variant of a union.
#[derive(Debug)]
pub struct Variant {
    /// The word of the language.
    pub name: &'static str,
    /// The variant of the Rust enum.
    pub rust: &'static str,
    /// The scope of what it holds; empty for a variant that holds nothing.
    pub scope: &'static str,
}

const fn source(name: &'static str, kind: Kind, about: &'static str) -> Source {
    Source { name, kind, about }
}
const fn variant(name: &'static str, rust: &'static str, scope: &'static str) -> Variant {
    Variant { name, rust, scope }
}

use Kind::{
    Bool, Flag, Integer, Itself, List, Made, OptionalBool, OptionalFloat, OptionalInteger, OptionalMade, OptionalRaw,
    OptionalText, OptionalUnion, OptionalWord, Picked, Raw, Strings, Text,
};

const CHAT: &[Source] = &[
    source("model", Text, "the provider's own model id"),
    source("model_info.max_output", Integer, "most output tokens of the model, from the catalogue"),
    source("stream", Bool, "whether a stream is asked for"),
    source("output_limit", OptionalInteger, "most output tokens: the caller's, or what the budget affords"),
    source("messages", List("message"), "the caller's messages as they are, for `$pass`"),
    source("system_parts", List("system_part"), "texts of system and developer messages"),
    source("turns", List("turn"), "the conversation, sides alternating, tool results in user turns"),
    source("system_text", OptionalMade, "all system texts as one"),
    source("transcript", Made, "the conversation as one text, for models that take no turns; only text can be told"),
    source("tools", List("tool"), "functions that may be called"),
    source("callable_tools", Picked("tool"), "the tools, or only the one that `tool_choice` names"),
    source("tool_choice", OptionalUnion("ToolChoice"), "whether and which tool must be called"),
    source("tool_forced", Flag, "a tool must be called"),
    source("tools_forbidden", Flag, "tools are given, and none may be called"),
    source("called_tools", List("called_tool"), "functions that the conversation calls and that may not be called now"),
    source("parallel_tool_calls", OptionalBool, "whether several tools may be called at once"),
    source("response_format", OptionalUnion("ResponseFormat"), "text, any JSON object, or a schema"),
    source("json_object", Flag, "any JSON object is asked for"),
    source("temperature", OptionalFloat, "0 to 2"),
    source("top_p", OptionalFloat, "0 to 1"),
    source("frequency_penalty", OptionalFloat, "-2 to 2"),
    source("presence_penalty", OptionalFloat, "-2 to 2"),
    source("seed", OptionalInteger, "for answers that repeat"),
    source("stop", Strings, "texts that end the answer"),
    source("n", OptionalInteger, "how many choices"),
    source("logprobs", OptionalBool, "whether log probabilities are asked for"),
    source("top_logprobs", OptionalInteger, "alternatives per token"),
    source("reasoning_effort", OptionalWord, "none, minimal, low, medium, high, xhigh"),
    source("reasoning_budget", OptionalInteger, "tokens to think with, from the effort and the limit"),
    source("user", OptionalText, "a hash of the end customer, where the operator forwards one"),
];
const MESSAGE: &[Source] = &[source("role", Text, "who speaks, as the caller wrote it")];
const SYSTEM_PART: &[Source] =
    &[source("text", Text, "the text"), source("cache_control", OptionalRaw, "the caller's cache mark")];
const TURN: &[Source] = &[
    source("role", Text, "`user` or `assistant`"),
    source("parts", List("part"), "what the side says"),
    source("said", Picked("part"), "the parts without tool calls and tool results"),
    source("calls", Picked("tool_call"), "the tool calls among the parts"),
    source("results", Picked("tool_result"), "the tool results among the parts"),
    source("text", OptionalMade, "all texts of the parts together"),
];
const TOOL: &[Source] = &[
    source("name", Text, "the function's name"),
    source("description", OptionalText, "what it does"),
    source("parameters", Raw, "the JSON schema of its arguments"),
    source("strict", OptionalBool, "whether arguments must follow the schema"),
    source("cache_control", OptionalRaw, "the caller's cache mark"),
];
const PART: &[Source] = &[source("kind", Itself("Part"), "what kind of part it is")];
const RESULT_PART: &[Source] = &[source("kind", Itself("ResultPart"), "what kind of part it is")];
const TEXT: &[Source] = &[
    source("text", Text, "the text"),
    source("seal", OptionalText, "this provider's signature of the text, as it gave it with an answer"),
    source("cache_control", OptionalRaw, "the caller's cache mark"),
];
const IMAGE_URL: &[Source] = &[
    source("url", Text, "where the image is"),
    source("detail", OptionalText, "`low`, `high` or `auto`"),
    source("cache_control", OptionalRaw, "the caller's cache mark"),
];
const IMAGE_DATA: &[Source] = &[
    source("media_type", Text, "such as `image/png`"),
    source("format", Text, "such as `png`"),
    source("base64", Text, "the image"),
    source("cache_control", OptionalRaw, "the caller's cache mark"),
];
const AUDIO: &[Source] = &[source("format", Text, "`wav` or `mp3`"), source("base64", Text, "the sound")];
const DOCUMENT: &[Source] = &[
    source("media_type", Text, "such as `application/pdf`"),
    source("format", Text, "such as `pdf`, `docx`, `csv` or `txt`"),
    source("base64", Text, "the file"),
    source("filename", OptionalText, "its name"),
    source("title", Text, "its name in letters, digits, spaces, `-`, `(` and `)`, unlike that of any other"),
];
const REASONING: &[Source] = &[
    source("text", Text, "what this provider's model thought before"),
    source("signature", OptionalText, "this provider's proof that it did"),
];
const REDACTED: &[Source] = &[source("data", Text, "encrypted thought, as this provider gave it")];
const TOOL_CALL: &[Source] = &[
    source("id", Text, "the id of the call"),
    source("name", Text, "the function called"),
    source("arguments", Raw, "its arguments, a JSON object"),
    source("arguments_text", Text, "its arguments as text"),
    source("seal", OptionalText, "this provider's signature of the call, as it gave it with an answer"),
    source("foreign", Bool, "whether it is the first of a message's calls, none of which this provider sealed"),
];
const TOOL_RESULT: &[Source] = &[
    source("call_id", Text, "the id of the call"),
    source("name", Text, "the function that was called"),
    source("text", Text, "all texts of the result together"),
    source("parts", List("result_part"), "texts and images of the result"),
    source("cache_control", OptionalRaw, "the caller's cache mark"),
];
const CALLED_TOOL: &[Source] = &[source("name", Text, "the function that was called")];
const NAMED_TOOL: &[Source] = &[source("name", Text, "the function to call")];
const SCHEMA_FORMAT: &[Source] = &[
    source("name", Text, "the schema's name"),
    source("schema", Raw, "the JSON schema"),
    source("strict", OptionalBool, "whether the answer must follow it"),
];
const PLAIN: &[Source] = &[
    source("model", Text, "the provider's own model id"),
    source("inputs", List("input"), "the texts to embed; tokens are refused where this is read"),
    source("only_input", Made, "the text to embed, for models that take one at a time; several are refused"),
    source("dimensions", OptionalInteger, "numbers of each vector"),
];
const INPUT: &[Source] = &[source("text", Text, "the text")];

/// Every scope by name, in the order of the language reference.
pub const SCOPES: &[(&str, &[Source])] = &[
    ("chat", CHAT),
    ("message", MESSAGE),
    ("system_part", SYSTEM_PART),
    ("turn", TURN),
    ("part", PART),
    ("result_part", RESULT_PART),
    ("text", TEXT),
    ("image_url", IMAGE_URL),
    ("image_data", IMAGE_DATA),
    ("audio", AUDIO),
    ("document", DOCUMENT),
    ("reasoning", REASONING),
    ("redacted", REDACTED),
    ("tool_call", TOOL_CALL),
    ("tool_result", TOOL_RESULT),
    ("tool", TOOL),
    ("called_tool", CALLED_TOOL),
    ("named_tool", NAMED_TOOL),
    ("schema_format", SCHEMA_FORMAT),
    ("plain", PLAIN),
    ("input", INPUT),
];

/// Every union: its Rust name and variants.
pub const UNIONS: &[(&str, &[Variant])] = &[
    (
        "Part",
        &[
            variant("text", "Text", "text"),
            variant("image_url", "ImageUrl", "image_url"),
            variant("image_data", "ImageData", "image_data"),
            variant("audio", "Audio", "audio"),
            variant("document", "Document", "document"),
            variant("reasoning", "Reasoning", "reasoning"),
            variant("redacted", "Redacted", "redacted"),
            variant("tool_call", "ToolCall", "tool_call"),
            variant("tool_result", "ToolResult", "tool_result"),
        ],
    ),
    (
        "ResultPart",
        &[
            variant("text", "Text", "text"),
            variant("image_url", "ImageUrl", "image_url"),
            variant("image_data", "ImageData", "image_data"),
        ],
    ),
    (
        "ToolChoice",
        &[
            variant("auto", "Auto", ""),
            variant("none", "None", ""),
            variant("required", "Required", ""),
            variant("named", "Named", "named_tool"),
        ],
    ),
    (
        "ResponseFormat",
        &[
            variant("text", "Text", ""),
            variant("json_object", "JsonObject", ""),
            variant("json_schema", "JsonSchema", "schema_format"),
        ],
    ),
];

/// The sources of a scope.
pub fn scope(name: &str) -> &'static [Source] {
    SCOPES.iter().find(|(other, _)| *other == name).map_or(&[], |(_, sources)| sources)
}

/// The variants of a union.
pub fn variants(name: &str) -> &'static [Variant] {
    UNIONS.iter().find(|(other, _)| *other == name).map_or(&[], |(_, variants)| variants)
}

/// The type of a sink's parameter, and so of the path that feeds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// A string.
    Text,
    /// A string, or a number or truth as its text.
    Word,
    /// Any JSON, kept as text.
    Raw,
    Integer,
    /// An integer not below zero.
    Index,
    Bool,
}

/// A sink's parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Empty where a sink has only one and it is written without a name.
    pub name: &'static str,
    pub leaf: Leaf,
}

/// What a reply may feed.
#[derive(Debug)]
pub struct Sink {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    /// What it does, for the language reference.
    pub about: &'static str,
}

const fn parameter(name: &'static str, leaf: Leaf) -> Parameter {
    Parameter { name, leaf }
}

/// Every sink.
pub const SINKS: &[Sink] = &[
    Sink {
        name: "start",
        parameters: &[
            parameter("id", Leaf::Text),
            parameter("model", Leaf::Text),
            parameter("created", Leaf::Integer),
            parameter("fingerprint", Leaf::Text),
            parameter("service_tier", Leaf::Text),
        ],
        about: "the provider's id, model and the like, once known",
    },
    Sink {
        name: "choice",
        parameters: &[parameter("", Leaf::Index)],
        about: "what follows belongs to this choice (0 without)",
    },
    Sink { name: "text", parameters: &[parameter("", Leaf::Text)], about: "a piece of the answer" },
    Sink { name: "reasoning", parameters: &[parameter("", Leaf::Text)], about: "a piece of thought" },
    Sink { name: "refusal", parameters: &[parameter("", Leaf::Text)], about: "a piece of a refusal" },
    Sink {
        name: "signature",
        parameters: &[parameter("", Leaf::Text)],
        about: "closes the block of thought and signs it",
    },
    Sink {
        name: "seal",
        parameters: &[parameter("", Leaf::Text)],
        about: "signs the answer's text, which must return with the signature",
    },
    Sink { name: "redacted", parameters: &[parameter("", Leaf::Text)], about: "a whole block of encrypted thought" },
    Sink {
        name: "details",
        parameters: &[parameter("", Leaf::Raw)],
        about: "a list of `reasoning_details` that are in that shape already",
    },
    Sink {
        name: "tool",
        parameters: &[
            parameter("slot", Leaf::Index),
            parameter("id", Leaf::Text),
            parameter("name", Leaf::Text),
            parameter("args_text", Leaf::Text),
            parameter("args", Leaf::Raw),
            parameter("seal", Leaf::Text),
        ],
        about: "a tool call or a piece of one; pieces share a `slot`, a call without one stands alone; `seal` signs it",
    },
    Sink { name: "logprobs", parameters: &[parameter("", Leaf::Raw)], about: "OpenAI's logprobs object" },
    Sink {
        name: "logprob",
        parameters: &[parameter("text", Leaf::Text), parameter("of", Leaf::Raw)],
        about: "the log probability of a piece of text (`text`), or those of the tokens that make it, whose sum is the piece's (`of`: a number, or a list)",
    },
    Sink {
        name: "finish",
        parameters: &[parameter("", Leaf::Text)],
        about: "why it ended, through the `finish` table",
    },
    Sink {
        name: "usage",
        parameters: &[
            parameter("raw", Leaf::Raw),
            parameter("input", Leaf::Integer),
            parameter("input_total", Leaf::Integer),
            parameter("input_tools", Leaf::Integer),
            parameter("output", Leaf::Integer),
            parameter("output_visible", Leaf::Integer),
            parameter("reasoning", Leaf::Integer),
            parameter("cache_read", Leaf::Integer),
            parameter("cache_write", Leaf::Integer),
            parameter("cache_write_1h", Leaf::Integer),
            parameter("cache_write_12h", Leaf::Integer),
            parameter("audio_input", Leaf::Integer),
            parameter("cached_audio_input", Leaf::Integer),
            parameter("audio_output", Leaf::Integer),
            parameter("total", Leaf::Integer),
            parameter("citation", Leaf::Integer),
            parameter("searches", Leaf::Integer),
            parameter("service_tier", Leaf::Text),
            parameter("cost", Leaf::Raw),
            parameter("cost_decimals", Leaf::Text),
        ],
        about: "token counts; `input` is without cached tokens, `input_total` with them, `input_tools` what tools of the provider's own read beside either; `output_visible` is without `reasoning` and `citation`; `total`, where given, tells whether `output` holds the thinking; `service_tier` picks the rates; `cost` is the provider's own figure in USD, or in units of 10^-`cost_decimals` USD",
    },
    Sink {
        name: "embedding",
        parameters: &[parameter("", Leaf::Raw)],
        about: "the next input's vector, a list of numbers",
    },
    Sink {
        name: "embedding_int8",
        parameters: &[parameter("", Leaf::Text)],
        about: "the same as base64 of one signed byte a number",
    },
    Sink { name: "flagged", parameters: &[parameter("", Leaf::Bool)], about: "a moderation's verdict" },
    Sink {
        name: "fail",
        parameters: &[
            parameter("code", Leaf::Word),
            parameter("kind", Leaf::Word),
            parameter("message", Leaf::Word),
            parameter("param", Leaf::Word),
        ],
        about: "the provider's own error, in an answer that began well",
    },
];

/// Members of `errors.body`.
pub const ERROR_BODY: &[&str] = &["code", "kind", "message", "detail", "param", "retry_after"];

/// What an error can be, with the Rust variant; see the contract, section 7.
pub const ERROR_KINDS: &[(&str, &str)] = &[
    ("invalid_request", "InvalidRequest"),
    ("context_length", "ContextLength"),
    ("content_filter", "ContentFilter"),
    ("auth", "Auth"),
    ("quota", "Quota"),
    ("unavailable", "Unavailable"),
];

/// OpenAI's finish reasons, which a `finish` table maps to.
pub const FINISH_REASONS: &[&str] = &["stop", "length", "tool_calls", "content_filter", "function_call"];

/// A member of OpenAI's request, and the sources that read it.
pub type RequestMember = (&'static str, &'static [&'static str]);

/// Members of OpenAI's chat request (`CreateChatCompletionRequest` and what it is made of, OpenAPI
/// 2.3.0), with the sources that read them. One whose list is empty can only be dropped or refused.
/// A mapping without `$pass` must say something of each.
pub const CHAT_PARAMETERS: &[RequestMember] = &[
    ("messages", &["turns", "messages", "transcript"]),
    ("model", &["model"]),
    ("audio", &[]),
    ("frequency_penalty", &["frequency_penalty"]),
    ("function_call", &[]),
    ("functions", &[]),
    ("logit_bias", &[]),
    ("logprobs", &["logprobs"]),
    ("max_completion_tokens", &["output_limit"]),
    ("max_tokens", &["output_limit"]),
    ("metadata", &[]),
    ("modalities", &[]),
    ("moderation", &[]),
    ("n", &["n"]),
    ("parallel_tool_calls", &["parallel_tool_calls"]),
    ("prediction", &[]),
    ("presence_penalty", &["presence_penalty"]),
    ("prompt_cache_key", &[]),
    ("prompt_cache_options", &[]),
    ("prompt_cache_retention", &[]),
    ("reasoning_effort", &["reasoning_effort", "reasoning_budget"]),
    ("response_format", &["response_format"]),
    ("safety_identifier", &[]),
    ("seed", &["seed"]),
    ("service_tier", &[]),
    ("stop", &["stop"]),
    ("store", &[]),
    ("stream", &["stream"]),
    ("temperature", &["temperature"]),
    ("tool_choice", &["tool_choice"]),
    ("tools", &["tools", "callable_tools"]),
    ("top_logprobs", &["top_logprobs"]),
    ("top_p", &["top_p"]),
    ("verbosity", &[]),
    ("web_search_options", &[]),
];

/// Members of OpenAI's embeddings request, likewise. `encoding_format` needs no mapping: vectors
/// that are rebuilt are written in the form that the caller asked for.
pub const EMBEDDING_PARAMETERS: &[RequestMember] =
    &[("input", &["inputs", "only_input"]), ("model", &["model"]), ("dimensions", &["dimensions"])];
