//! What a model costs, as a table: the last row that fits a call is its price.
//!
//! Rows are written by the spec compiler, which lays out what a person wrote in the order in which
//! it overrides itself: days, hours, tiers of service, context. Each holds every rate.

use crate::clock::Timestamp;
pub use crate::money::Rate;
use crate::money::{FemtoUsd, NanoUsd};
use std::borrow::Cow;

/// The price of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// In the order in which they override each other; the first fits every call. Never empty.
    pub rows: Cow<'static, [Row]>,
    /// Only the provider's answer says what a call costs; the rates are for an answer that doesn't.
    pub reported: bool,
    /// What no call costs more than, where a price is not known before the call.
    pub ceiling: Option<NanoUsd>,
    /// Most searches of one call, for the bound of its cost.
    pub searches: u64,
}

/// Rates, and when they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From this moment on.
    pub from: Timestamp,
    /// In any of these; none is always.
    pub hours: Cow<'static, [Window]>,
    /// In this tier of service; empty is any.
    pub tier: Cow<'static, str>,
    /// The tier comes only to those who ask for it by name.
    pub on_request: bool,
    /// Where the whole prompt has at least this many tokens.
    pub at_least: u64,
    pub rates: Rates,
}

/// Hours of some days of the week, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bit 0 is Monday.
    pub days: u8,
    /// Minutes of the day: from this one on,
    pub from: u16,
    /// before this one.
    pub until: u16,
}

/// Every rate of a row; what its meaning follows from was worked out by the compiler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub input: Rate,
    pub cached_input: Rate,
    pub cache_write: Rate,
    pub cache_write_1h: Rate,
    pub cache_write_12h: Rate,
    pub audio_input: Rate,
    pub cached_audio_input: Rate,
    pub output: Rate,
    pub reasoning: Rate,
    pub audio_output: Rate,
    pub citation: Rate,
    /// Of one search.
    pub search: Rate,
    /// Of one call.
    pub request: Rate,
}

/// A rate by its name in the language of specs.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    pub name: &'static str,
    pub rate: Rate,
    /// What it is where a spec does not give it.
    pub follows: Option<Rate>,
    /// Of one, and not of a token.
    pub fee: bool,
}

impl Named {
    /// As it is written: USD a million tokens, or USD each.
    pub fn shown(&self) -> NanoUsd {
        if self.fee { self.rate.times(1).round() } else { self.rate.per_million() }
    }
}

impl Price {
    /// For generated code.
    pub const fn of(rows: &'static [Row], reported: bool, ceiling: Option<u64>, searches: u64) -> Self {
        let ceiling = match ceiling {
            Some(nano) => Some(NanoUsd(nano as i64)),
            None => None,
        };
        Self { rows: Cow::Borrowed(rows), reported, ceiling, searches }
    }

    /// The row of a call that was admitted at `at`, served in `tier`, with that many tokens in its
    /// prompt, all kinds together. A tier that the price does not know is the standard one.
    pub fn row(&self, at: Timestamp, tier: &str, prompt_tokens: u64) -> Option<&Row> {
        self.rows
            .iter()
            .rev()
            .find(|row| row.holds_at(at) && row.at_least <= prompt_tokens && (row.tier.is_empty() || row.tier == tier))
    }

    /// The rates that may come to a call admitted at `at` with at most that many tokens in its
    /// prompt, whichever tier the answer reports: those that come unasked, and the one asked for.
    pub fn possible(&self, at: Timestamp, asked: Option<&str>, prompt_tokens: u64) -> impl Iterator<Item = &Rates> {
        // What a later day or an hour overrides can't come any more.
        let now = self.rows.iter().rev().find(|row| row.holds_at(at)).map(|row| (row.from, row.hours.clone()));
        let unasked = asked.is_none_or(|asked| asked == "auto");
        self.rows
            .iter()
            .filter(move |row| now.as_ref().is_some_and(|(from, hours)| row.from == *from && row.hours == *hours))
            .filter(move |row| row.at_least <= prompt_tokens)
            .filter(move |row| {
                row.tier.is_empty() || (unasked && !row.on_request) || asked.is_some_and(|asked| row.tier == asked)
            })
            .map(|row| &row.rates)
    }

    /// Whether the cost of a call has a bound before it goes out. A caller with a cap may only make
    /// calls that have.
    pub fn is_bounded(&self) -> bool {
        !self.reported || self.ceiling.is_some()
    }

    /// The rates that hold at `at` in the standard tier, below every step.
    pub fn standard(&self, at: Timestamp) -> Rates {
        self.row(at, "", 0).map(|row| row.rates).unwrap_or_default()
    }
}

impl Row {
    /// For generated code; rates are in the order of `codegen::members::RATES`.
    pub const fn of(
        from: u64,
        hours: &'static [Window],
        tier: &'static str,
        on_request: bool,
        at_least: u64,
        rates: [u64; 13],
    ) -> Self {
        Self {
            from: Timestamp(from as i64),
            hours: Cow::Borrowed(hours),
            tier: Cow::Borrowed(tier),
            on_request,
            at_least,
            rates: Rates::of(rates),
        }
    }

    fn holds_at(&self, at: Timestamp) -> bool {
        self.from <= at && (self.hours.is_empty() || self.hours.iter().any(|window| window.holds_at(at)))
    }
}

impl Window {
    fn holds_at(self, at: Timestamp) -> bool {
        let minutes = at.0.div_euclid(60_000);
        let (day, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
        // The first of January 1970 was a Thursday.
        let weekday = (day + 3).rem_euclid(7);
        self.days >> weekday & 1 == 1 && (i64::from(self.from)..i64::from(self.until)).contains(&minute)
    }
}

impl Rates {
    /// In the order of `codegen::members::RATES`, femto-USD.
    pub const fn of(rates: [u64; 13]) -> Self {
        let [
            input,
            cached_input,
            cache_write,
            cache_write_1h,
            cache_write_12h,
            audio_input,
            cached_audio_input,
            output,
            reasoning,
            audio_output,
            citation,
            search,
            request,
        ] = rates;
        Self {
            input: Rate(input),
            cached_input: Rate(cached_input),
            cache_write: Rate(cache_write),
            cache_write_1h: Rate(cache_write_1h),
            cache_write_12h: Rate(cache_write_12h),
            audio_input: Rate(audio_input),
            cached_audio_input: Rate(cached_audio_input),
            output: Rate(output),
            reasoning: Rate(reasoning),
            audio_output: Rate(audio_output),
            citation: Rate(citation),
            search: Rate(search),
            request: Rate(request),
        }
    }

    /// Every rate with its name, `input` and `output` first.
    pub fn named(&self) -> [Named; 13] {
        let of = |name, rate, follows| Named { name, rate, follows, fee: false };
        let fee = |name, rate| Named { name, rate, follows: Some(Rate(0)), fee: true };
        let cached_audio = if self.audio_input == self.input { self.cached_input } else { self.audio_input };
        [
            of("input", self.input, None),
            of("output", self.output, None),
            of("cached_input", self.cached_input, Some(self.input)),
            of("cache_write", self.cache_write, Some(self.input)),
            of("cache_write_1h", self.cache_write_1h, Some(self.cache_write)),
            of("cache_write_12h", self.cache_write_12h, Some(self.cache_write_1h)),
            of("audio_input", self.audio_input, Some(self.input)),
            of("cached_audio_input", self.cached_audio_input, Some(cached_audio)),
            of("reasoning", self.reasoning, Some(self.output)),
            of("audio_output", self.audio_output, Some(self.output)),
            of("citation", self.citation, Some(self.output)),
            fee("search", self.search),
            fee("request", self.request),
        ]
    }

    /// The rates that are of tokens, to change them all.
    pub fn tokens(&mut self) -> [&mut Rate; 11] {
        [
            &mut self.input,
            &mut self.cached_input,
            &mut self.cache_write,
            &mut self.cache_write_1h,
            &mut self.cache_write_12h,
            &mut self.audio_input,
            &mut self.cached_audio_input,
            &mut self.output,
            &mut self.reasoning,
            &mut self.audio_output,
            &mut self.citation,
        ]
    }

    /// The dearest that a token of the prompt may be.
    pub fn dearest_input(&self) -> Rate {
        let written = self.cache_write.max(self.cache_write_1h).max(self.cache_write_12h);
        self.input.max(self.cached_input).max(written).max(self.audio_input).max(self.cached_audio_input)
    }

    /// The dearest that a token of the answer may be.
    pub fn dearest_output(&self) -> Rate {
        self.output.max(self.reasoning).max(self.audio_output).max(self.citation)
    }

    /// What a call costs beside its tokens.
    pub fn fees(&self, searches: u64) -> FemtoUsd {
        self.search.times(searches) + self.request.times(1)
    }
}
