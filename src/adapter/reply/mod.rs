//! Sinks: what generated code feeds, and what becomes of it.
//!
//! A [`Reply`] is in one of three modes. *Collect* gathers an answer in one piece
//! ([`Reply::into_completion`]); *chunks* writes OpenAI's stream as it comes
//! ([`Reply::take_output`]); *tap* writes nothing and only notes what metering needs, for
//! providers whose bytes pass verbatim. Whatever the mode, [`Reply::outcome`] is the same.

/// Token counts as one provider event gave them; absent is not zero. Later events overwrite
/// member by member, except `raw`, of which all are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsagePart<'a> {
    /// The provider's own usage object, as text.
    pub raw: &'a str,
    /// Input tokens without those read from or written to a cache.
    pub input: Option<i64>,
    /// Input tokens with those.
    pub input_total: Option<i64>,
    /// Output tokens, thinking included.
    pub output: Option<i64>,
    /// Output tokens without thinking, where a provider counts thinking apart in `reasoning`.
    pub output_visible: Option<i64>,
    pub reasoning: Option<i64>,
    pub cache_read: Option<i64>,
    /// All tokens written to a cache, those for an hour included.
    pub cache_write: Option<i64>,
    pub cache_write_1h: Option<i64>,
    pub audio_input: Option<i64>,
    pub audio_output: Option<i64>,
}
