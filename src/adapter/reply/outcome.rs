//! What metering and the request path want to know of an answer, whatever its mode.

use super::parts::UsagePart;

/// Text kept for counting is bounded; beyond it only its length is.
const MOST_KEPT: usize = 4 << 20;
/// Usage objects kept of one call; a provider that repeats itself in every event has its last ones kept.
const MOST_RAW: usize = 8;

/// What is known of an answer.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub response_id: Option<String>,
    pub upstream_model: Option<String>,
    /// The tier of service the provider says it used.
    pub service_tier: Option<String>,
    /// The word of its usage that picks the rates, where it has one.
    pub priced_tier: Option<String>,
    pub usage: UsageCounts,
    /// What the provider says the call cost.
    pub cost: Option<ReportedCost>,
    raw_usage: Vec<String>,
    /// One a finished choice, in the order they finished.
    pub finish_reasons: Vec<String>,
    pub failure: Option<Failure>,
    /// The provider said that this is all.
    pub done: bool,
    /// A moderation flagged something.
    pub flagged: bool,
    /// Whether anything was produced that a caller could have seen.
    pub saw_output: bool,
    /// What was produced: text, thought, refusals, names and arguments of calls. For counting
    /// where a provider reports no usage.
    pub produced: String,
    /// Bytes produced beyond what is kept.
    pub produced_beyond: usize,
}

/// A provider's counts, events merged and nothing judged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageCounts {
    pub input: Option<i64>,
    pub input_total: Option<i64>,
    /// Beside either.
    pub input_tools: Option<i64>,
    pub output: Option<i64>,
    pub output_visible: Option<i64>,
    pub reasoning: Option<i64>,
    pub cache_read: Option<i64>,
    pub cache_write: Option<i64>,
    pub cache_write_1h: Option<i64>,
    pub cache_write_12h: Option<i64>,
    pub audio_input: Option<i64>,
    pub cached_audio_input: Option<i64>,
    pub audio_output: Option<i64>,
    pub citation: Option<i64>,
    pub searches: Option<i64>,
    /// Input and output together, where told.
    pub total: Option<i64>,
}

/// The provider's own figure of what a call cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedCost {
    /// JSON as it came, nothing judged yet.
    pub text: String,
    /// How many of its digits are decimals of a USD; empty where it is USD.
    pub decimals: String,
}

/// The provider's own error, in an answer that began well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub kind: String,
    pub message: String,
    pub param: String,
}

impl Outcome {
    pub(super) fn produce(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.saw_output = true;
        if self.produced.len() + text.len() <= MOST_KEPT {
            self.produced.push_str(text);
        } else {
            self.produced_beyond += text.len();
        }
    }

    pub(super) fn add_usage(&mut self, part: &UsagePart<'_>) {
        if !part.raw.is_empty() && self.raw_usage.last().is_none_or(|last| last != part.raw) {
            if self.raw_usage.len() == MOST_RAW {
                self.raw_usage.pop();
            }
            self.raw_usage.push(part.raw.to_owned());
        }
        if !part.cost.is_empty() {
            self.cost = Some(ReportedCost { text: part.cost.to_owned(), decimals: part.cost_decimals.to_owned() });
        }
        if let Some(tier) = part.service_tier {
            self.priced_tier = Some(tier.to_owned());
        }
        let counts = &mut self.usage;
        for (count, given) in [
            (&mut counts.input, part.input),
            (&mut counts.input_total, part.input_total),
            (&mut counts.input_tools, part.input_tools),
            (&mut counts.output, part.output),
            (&mut counts.output_visible, part.output_visible),
            (&mut counts.reasoning, part.reasoning),
            (&mut counts.cache_read, part.cache_read),
            (&mut counts.cache_write, part.cache_write),
            (&mut counts.cache_write_1h, part.cache_write_1h),
            (&mut counts.cache_write_12h, part.cache_write_12h),
            (&mut counts.audio_input, part.audio_input),
            (&mut counts.cached_audio_input, part.cached_audio_input),
            (&mut counts.audio_output, part.audio_output),
            (&mut counts.citation, part.citation),
            (&mut counts.searches, part.searches),
            (&mut counts.total, part.total),
        ] {
            if given.is_some() {
                *count = given;
            }
        }
    }

    /// What picks the rates, in the provider's words; empty where it said nothing.
    pub fn tier(&self) -> &str {
        self.priced_tier.as_deref().or(self.service_tier.as_deref()).unwrap_or("")
    }

    /// The tier of service, where it is one of OpenAI's words: others would not fit the API's type.
    pub fn openai_tier(&self) -> Option<&str> {
        let tier = self.service_tier.as_deref()?;
        matches!(tier, "auto" | "default" | "flex" | "scale" | "priority").then_some(tier)
    }

    /// The provider's usage as it gave it: an object, a list of them where several events had
    /// one, nothing where none had.
    pub fn raw_usage(&self) -> Option<String> {
        match self.raw_usage.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(format!("[{}]", several.join(","))),
        }
    }
}
