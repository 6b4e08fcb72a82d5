//! What a provider reported, judged before anything is charged for it.
//!
//! Usage that is missing, zero beside an answer that is not empty, negative or beyond what the
//! model can take is not believed: Ringside counts itself, and the event says `estimated`.

use crate::adapter::reply::{Outcome, UsageCounts};
use crate::wire::usage::Usage;

/// Usage as it is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    pub usage: Usage,
    /// Whether Ringside counted some of it.
    pub estimated: bool,
    /// Whether the provider reported something that can't be, which an operator should look into.
    pub incredible: bool,
}

/// What a call could have used at most.
#[derive(Clone, Copy, Debug)]
pub struct Expectation {
    /// Tokens of the model's context window; 0 where unknown.
    pub context_window: u64,
    /// Input tokens that were held for.
    pub most_input: u64,
    /// Output tokens that were held for; `None` where nothing bounded them.
    pub most_output: Option<u64>,
    /// Choices asked for.
    pub choices: u64,
    /// Inputs that are read one by one, each within the context window.
    pub inputs: u64,
    /// Whether the operation produces output tokens at all.
    pub has_output: bool,
    /// The stream was cut: what was reported until then may lag behind what was produced.
    pub cut: bool,
}

/// No call makes more searches than this.
const MOST_SEARCHES: u64 = 1000;

/// Counting, done only where it is needed.
pub struct Counted<'c> {
    pub input: &'c dyn Fn() -> u64,
    pub output: &'c dyn Fn() -> u64,
}

/// Judges what an answer's provider reported.
pub fn judge(outcome: &Outcome, expectation: Expectation, counted: &Counted<'_>) -> Metered {
    let reported = &outcome.usage;
    let mut metered = Metered { incredible: negative(reported), ..Metered::default() };
    let at_most = |tokens: u64, times: u64| {
        expectation.context_window == 0 || tokens <= expectation.context_window.saturating_mul(times)
    };

    let (read, written) = (positive(reported.cache_read), positive(reported.cache_write));
    let input = match (reported.input_total, reported.input) {
        (Some(total), _) => Some(total.max(0) as u64),
        (None, Some(rest)) => Some((rest.max(0) as u64).saturating_add(read).saturating_add(written)),
        (None, None) => None,
    };
    let input = input.map(|tokens| tokens.saturating_add(positive(reported.input_tools)));
    let too_much =
        input.is_some_and(|tokens| !at_most(tokens, expectation.inputs.max(1)) || tokens > expectation.most_input);
    metered.incredible |= too_much;
    match input {
        Some(tokens) if tokens > 0 && !metered.incredible => {
            metered.usage.prompt_tokens = tokens;
            metered.usage.cached_input_tokens = read.min(tokens);
            metered.usage.cache_write_tokens = written.min(tokens - metered.usage.cached_input_tokens);
            metered.usage.cache_write_1h_tokens =
                positive(reported.cache_write_1h).min(metered.usage.cache_write_tokens);
            metered.usage.cache_write_12h_tokens = positive(reported.cache_write_12h)
                .min(metered.usage.cache_write_tokens - metered.usage.cache_write_1h_tokens);
            metered.usage.audio_input_tokens = positive(reported.audio_input).min(tokens);
            metered.usage.cached_audio_input_tokens = positive(reported.cached_audio_input)
                .min(metered.usage.audio_input_tokens)
                .min(metered.usage.cached_input_tokens);
        }
        _ => {
            metered.usage.prompt_tokens = (counted.input)().min(expectation.most_input);
            metered.estimated = true;
        }
    }
    if !metered.incredible {
        metered.usage.searches = positive(reported.searches).min(MOST_SEARCHES);
        metered.incredible |= positive(reported.searches) > MOST_SEARCHES;
    }
    if !expectation.has_output {
        return metered;
    }

    let (reasoning, citation) = (positive(reported.reasoning), positive(reported.citation));
    let output = match (reported.output, reported.output_visible) {
        (Some(output), _) => Some((output.max(0) as u64).saturating_add(beside(reported, input))),
        (None, Some(visible)) => Some((visible.max(0) as u64).saturating_add(reasoning).saturating_add(citation)),
        // Thought that used up the whole limit: nothing visible came, so nothing is told of it.
        (None, None) if reasoning > 0 => Some(reasoning),
        (None, None) => None,
    };
    let most_output = expectation.most_output.unwrap_or(u64::MAX);
    let too_much = output.is_some_and(|tokens| !at_most(tokens, expectation.choices.max(1)) || tokens > most_output);
    metered.incredible |= too_much;
    let missing = output.is_none_or(|tokens| tokens == 0 && outcome.saw_output) || negative(reported) || too_much;
    if missing || expectation.cut {
        // The provider was told the limit, so it can't have produced more, however we count.
        let produced = (counted.output)().min(most_output);
        let believed = if missing { 0 } else { output.unwrap_or(0) };
        metered.usage.completion_tokens = believed.max(produced);
        metered.estimated |= produced > believed || missing;
    } else {
        metered.usage.completion_tokens = output.unwrap_or(0);
    }
    metered.usage.reasoning_tokens = reasoning.min(metered.usage.completion_tokens);
    metered.usage.audio_output_tokens = positive(reported.audio_output).min(metered.usage.completion_tokens);
    metered.usage.citation_tokens = citation.min(metered.usage.completion_tokens - metered.usage.reasoning_tokens);
    metered
}

/// Thinking that is not in `output`. Some models of a provider count it there and some beside it;
/// the sum tells them apart: only where it is right with the thinking on top, the thinking is on top.
fn beside(reported: &UsageCounts, input: Option<u64>) -> u64 {
    let (reasoning, output) = (positive(reported.reasoning), positive(reported.output));
    let with = input.unwrap_or(0).saturating_add(output).saturating_add(reasoning);
    if reported.total.is_some() && positive(reported.total) == with { reasoning } else { 0 }
}

fn positive(tokens: Option<i64>) -> u64 {
    tokens.map_or(0, |tokens| tokens.max(0) as u64)
}

fn negative(counts: &UsageCounts) -> bool {
    [
        counts.input,
        counts.input_total,
        counts.input_tools,
        counts.output,
        counts.output_visible,
        counts.reasoning,
        counts.cache_read,
        counts.cache_write,
        counts.cache_write_1h,
        counts.cache_write_12h,
        counts.audio_input,
        counts.cached_audio_input,
        counts.audio_output,
        counts.citation,
        counts.searches,
    ]
    .into_iter()
    .flatten()
    .any(|tokens| tokens < 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Expectation = Expectation {
        context_window: 1000,
        most_input: 900,
        most_output: Some(500),
        choices: 1,
        inputs: 1,
        has_output: true,
        cut: false,
    };

    fn judged(usage: UsageCounts, expectation: Expectation) -> Metered {
        let mut outcome = Outcome::default();
        outcome.usage = usage;
        outcome.saw_output = true;
        judge(&outcome, expectation, &Counted { input: &|| 7, output: &|| 5 })
    }

    #[test]
    fn what_is_credible_is_believed() {
        let usage = UsageCounts {
            input_total: Some(100),
            output: Some(20),
            cache_read: Some(60),
            reasoning: Some(8),
            ..UsageCounts::default()
        };
        let metered = judged(usage, CALL);
        assert!(!metered.estimated && !metered.incredible);
        assert_eq!((metered.usage.prompt_tokens, metered.usage.cached_input_tokens), (100, 60));
        assert_eq!((metered.usage.completion_tokens, metered.usage.reasoning_tokens), (20, 8));
        let apart = UsageCounts {
            input: Some(40),
            cache_read: Some(60),
            cache_write: Some(10),
            output_visible: Some(12),
            reasoning: Some(8),
            ..UsageCounts::default()
        };
        let metered = judged(apart, CALL);
        assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (110, 20));
        let with_tools = UsageCounts {
            input_total: Some(75),
            input_tools: Some(573),
            cache_read: Some(80),
            reasoning: Some(162),
            ..UsageCounts::default()
        };
        let metered = judged(with_tools, CALL);
        assert_eq!((metered.usage.prompt_tokens, metered.usage.cached_input_tokens), (648, 80));
        assert_eq!((metered.usage.completion_tokens, metered.usage.reasoning_tokens), (162, 162));
        assert!(!metered.estimated);
    }

    #[test]
    fn what_is_not_is_counted() {
        let counts = |input: Option<i64>, output: Option<i64>| UsageCounts {
            input_total: input,
            output,
            ..UsageCounts::default()
        };
        for (usage, incredible) in [
            (counts(None, None), false),
            (counts(Some(0), Some(0)), false),
            (counts(Some(-3), Some(-4)), true),
            (counts(Some(3), Some(-4)), true),
            (counts(Some(1001), Some(1001)), true),
            (counts(Some(i64::MAX), Some(i64::MAX)), true),
        ] {
            let metered = judged(usage, CALL);
            assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (7, 5), "{usage:?}");
            assert!(metered.estimated, "{usage:?}");
            assert_eq!(metered.incredible, incredible, "{usage:?}");
        }
    }

    #[test]
    fn what_is_beyond_the_hold_is_counted() {
        let counts =
            |input, output| UsageCounts { input_total: Some(input), output: Some(output), ..UsageCounts::default() };
        let metered = judged(counts(901, 1), CALL);
        assert!(metered.estimated && metered.incredible);
        assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (7, 1));
        let metered = judged(counts(1, 501), CALL);
        assert!(metered.estimated && metered.incredible);
        assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (1, 5));
        let tight = Expectation { most_input: 3, most_output: Some(2), ..CALL };
        let metered = judged(UsageCounts::default(), tight);
        assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (3, 2));
    }

    #[test]
    fn each_input_of_a_batch_has_the_window_to_itself() {
        let read = |tokens| UsageCounts { input_total: Some(tokens), ..UsageCounts::default() };
        let batch = Expectation { inputs: 3, most_input: 100_000, has_output: false, ..CALL };
        let metered = judged(read(3000), batch);
        assert_eq!((metered.usage.prompt_tokens, metered.estimated, metered.incredible), (3000, false, false));
        let metered = judged(read(3001), batch);
        assert_eq!((metered.usage.prompt_tokens, metered.estimated, metered.incredible), (7, true, true));
    }

    #[test]
    fn a_cut_stream_is_charged_for_what_it_produced() {
        let begun = UsageCounts { input_total: Some(100), output: Some(1), ..UsageCounts::default() };
        let metered = judged(begun, Expectation { cut: true, ..CALL });
        assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (100, 5));
        assert!(metered.estimated);
    }
}
