//! Usage as every answer tells it, whatever the provider.

use std::fmt::Write as _;

/// Token counts of one call, in OpenAI's terms: parts are contained in their wholes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All input tokens, those read from and written to a cache included.
    pub prompt_tokens: u64,
    /// All output tokens, thinking included.
    pub completion_tokens: u64,
    /// Of the input: read from a prompt cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached_input_tokens: u64,
    /// Of the input: written to a prompt cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
    /// Of the written: kept for an hour.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_1h_tokens: u64,
    /// Of the written: kept for 12 hours.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_12h_tokens: u64,
    /// Of the output: thinking.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning_tokens: u64,
    /// Of the input: sound.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_input_tokens: u64,
    /// Of the input that is sound: read from a prompt cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached_audio_input_tokens: u64,
    /// Of the output: sound.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_output_tokens: u64,
    /// Of the output: citations, where a provider counts them apart.
    #[serde(skip_serializing_if = "is_zero")]
    pub citation_tokens: u64,
    /// Web searches that the provider made and counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub searches: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// Input and output together.
    pub fn total_tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// Both together: that of a call which took several attempts.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_add(other.cached_input_tokens),
            cache_write_tokens: self.cache_write_tokens.saturating_add(other.cache_write_tokens),
            cache_write_1h_tokens: self.cache_write_1h_tokens.saturating_add(other.cache_write_1h_tokens),
            cache_write_12h_tokens: self.cache_write_12h_tokens.saturating_add(other.cache_write_12h_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
            audio_input_tokens: self.audio_input_tokens.saturating_add(other.audio_input_tokens),
            cached_audio_input_tokens: self.cached_audio_input_tokens.saturating_add(other.cached_audio_input_tokens),
            audio_output_tokens: self.audio_output_tokens.saturating_add(other.audio_output_tokens),
            citation_tokens: self.citation_tokens.saturating_add(other.citation_tokens),
            searches: self.searches.saturating_add(other.searches),
        }
    }

    /// Appends OpenAI's usage object, with Ringside's two members after OpenAI's own.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut text = String::with_capacity(320);
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{},\
             \"prompt_tokens_details\":{{\"cached_tokens\":{},\"audio_tokens\":{}}},\
             \"completion_tokens_details\":{{\"reasoning_tokens\":{},\"audio_tokens\":{},\
             \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},\
             \"cached_input_tokens\":{},\"cache_write_tokens\":{}}}",
            self.prompt_tokens,
            self.completion_tokens,
            self.total_tokens(),
            self.cached_input_tokens,
            self.audio_input_tokens,
            self.reasoning_tokens,
            self.audio_output_tokens,
            self.cached_input_tokens,
            self.cache_write_tokens,
        );
        out.extend_from_slice(text.as_bytes());
    }
}
