//! What the sinks with several parameters take.

/// The provider's id and the like; empty and `None` where it gave none.
#[derive(Clone, Copy, Debug, Default)]
pub struct StartPart<'a> {
    pub id: &'a str,
    pub model: &'a str,
    /// Unix seconds.
    pub created: Option<i64>,
    pub fingerprint: Option<&'a str>,
    pub service_tier: Option<&'a str>,
}

/// A tool call, or a piece of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToolPart<'a> {
    /// Pieces of one call share a slot; `None` is a call of its own.
    pub slot: Option<u32>,
    pub id: &'a str,
    pub name: &'a str,
    /// A piece of the arguments' text.
    pub args_text: &'a str,
    /// The whole arguments as JSON.
    pub args: &'a str,
    /// What the provider signs the call with; it must return with it.
    pub seal: &'a str,
}

/// The log probability of a piece of text.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogprobPart<'a> {
    pub text: &'a str,
    /// A number, or a list of those of the tokens that make the piece, as JSON.
    pub of: &'a str,
}

/// Token counts as one provider event gave them; absent is not zero. Later events overwrite
/// member by member, except `raw`, of which all are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsagePart<'a> {
    /// The provider's own usage object, as text.
    pub raw: &'a str,
    /// Input tokens without those read from or written to a cache.
    pub input: Option<i64>,
    /// Input tokens with those.
    pub input_total: Option<i64>,
    /// Input that tools of the provider's own read, where it is counted apart.
    pub input_tools: Option<i64>,
    /// Output tokens, thinking included.
    pub output: Option<i64>,
    /// Output tokens without thinking and citations, where a provider counts those apart.
    pub output_visible: Option<i64>,
    pub reasoning: Option<i64>,
    pub cache_read: Option<i64>,
    /// All tokens written to a cache, those for hours included.
    pub cache_write: Option<i64>,
    pub cache_write_1h: Option<i64>,
    pub cache_write_12h: Option<i64>,
    pub audio_input: Option<i64>,
    /// Of `audio_input` and of `cache_read`.
    pub cached_audio_input: Option<i64>,
    pub audio_output: Option<i64>,
    /// Input and output together.
    pub total: Option<i64>,
    /// Tokens of citations, which `output_visible` does not hold.
    pub citation: Option<i64>,
    /// Web searches made.
    pub searches: Option<i64>,
    /// What picks the rates: a tier of service, or whatever else the provider prices by.
    pub service_tier: Option<&'a str>,
    /// The provider's own figure, JSON as it came; empty where it gave none.
    pub cost: &'a str,
    /// How many of the digits of `cost` are decimals of a USD; empty where it is USD.
    pub cost_decimals: &'a str,
}

/// A provider's own error; empty where it said nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailPart<'a> {
    pub code: &'a str,
    pub kind: &'a str,
    pub message: &'a str,
    pub param: &'a str,
}
