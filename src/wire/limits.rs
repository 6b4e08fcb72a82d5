//! What limits a minute leave, as the headers `x-ratelimit-…` tell it.

use std::time::Duration;

/// What one limit leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// A minute.
    pub limit: u32,
    pub remaining: u32,
    /// Until all of it is there again.
    pub reset: Duration,
}

/// What the limits of a caller leave; `None` where there is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub requests: Option<Left>,
    pub tokens: Option<Left>,
}

/// What an account may do at a time; `None` where there is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    /// A minute.
    pub requests: Option<u32>,
    /// A minute.
    pub tokens: Option<u32>,
    /// Calls that run at the same time.
    pub at_once: Option<u32>,
}

impl Limits {
    /// Of each limit the one that leaves less.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let less = |one: Option<Left>, other: Option<Left>| {
            [one, other].into_iter().flatten().min_by_key(|left| left.remaining)
        };
        Self { requests: less(self.requests, other.requests), tokens: less(self.tokens, other.tokens) }
    }
}

/// A duration as OpenAI's headers write it: `0s`, `120ms`, `8.64s`, `6m0s`.
pub fn reset(duration: Duration) -> String {
    let all = duration.as_millis();
    if all > 0 && all < 1000 {
        return format!("{all}ms");
    }
    let (hours, minutes, seconds, rest) = (all / 3_600_000, all / 60_000 % 60, all / 1000 % 60, all % 1000);
    let mut text = String::new();
    if hours > 0 {
        text.push_str(&format!("{hours}h"));
    }
    if hours > 0 || minutes > 0 {
        text.push_str(&format!("{minutes}m"));
    }
    text.push_str(&seconds.to_string());
    if rest > 0 {
        text.push_str(format!(".{rest:03}").trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        for (milliseconds, text) in [
            (0, "0s"),
            (1, "1ms"),
            (120, "120ms"),
            (1000, "1s"),
            (8640, "8.64s"),
            (8006, "8.006s"),
            (60_000, "1m0s"),
            (360_000, "6m0s"),
            (61_500, "1m1.5s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(reset(Duration::from_millis(milliseconds)), text);
        }
    }
}
