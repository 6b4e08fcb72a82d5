//! The billing fire drill: everything that a provider's usage can look like, for every provider in
//! the table, down to the nano-dollar.
//!
//! Each provider's own recorded stream is bent in one way after another (its usage is taken out,
//! zeroed, negated, made absurd, repeated, put on the last event alone, cut off), read by its own
//! adapter, judged, and charged; what comes out is compared with sums that are worked out here by
//! other means. A provider that is added to the table is drilled from its first day.

use ringside::adapter::Provider;
use ringside::adapter::generated::ALL;
use ringside::adapter::price::{Price, Rate, Rates, Row};
use ringside::adapter::provider::{ChatOperation, ModelKind, Transport};
use ringside::adapter::reply::{ChunkOptions, Identity, Outcome, Reply};
use ringside::billing::{Abilities, Counted, Entry, Expectation, Metered, Reported, Sheet, Terms, charge, judge};
use ringside::clock::Timestamp;
use ringside::money::{FemtoUsd, NanoUsd};
use ringside::upstream::framing::Framer;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// 3 and 15 USD a million; reads 0.3, writes 3.75, for an hour 6.
const RATES: Rates = Rates {
    input: Rate(3_000_000_000),
    cached_input: Rate(300_000_000),
    cache_write: Rate(3_750_000_000),
    cache_write_1h: Rate(6_000_000_000),
    cache_write_12h: Rate(6_000_000_000),
    audio_input: Rate(3_000_000_000),
    cached_audio_input: Rate(300_000_000),
    output: Rate(15_000_000_000),
    reasoning: Rate(15_000_000_000),
    audio_output: Rate(15_000_000_000),
    citation: Rate(0),
    search: Rate(0),
    request: Rate(0),
};

fn entry(rates: Rates) -> Entry {
    let row = Row {
        from: Timestamp(0),
        hours: Cow::Borrowed(&[]),
        tier: Cow::Borrowed(""),
        on_request: false,
        at_least: 0,
        rates,
    };
    let price = Price { rows: Cow::Owned(vec![row]), reported: false, ceiling: None, searches: 0 };
    Entry {
        kind: ModelKind::Chat,
        price: Sheet::Listed(Arc::new(price)),
        at: Timestamp(1_795_435_200_000),
        context_window: 0,
        max_output_tokens: 0,
        capabilities: Abilities::Spec(&[]),
        version: "drill".into(),
    }
}

/// What we would count: input, output.
const OURS: (u64, u64) = (1_001, 503);
/// What is held: nothing beyond it is believed.
const HELD: (u64, u64) = (100_000, 50_000);

fn providers() -> impl Iterator<Item = (&'static Provider, &'static ChatOperation, String)> {
    let networked = ALL.iter().filter(|provider| provider.transport == Transport::Http);
    networked.filter_map(|provider| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/providers").join(provider.id);
        let stream = std::fs::read_to_string(folder.join("stream.txt")).ok()?;
        provider.chat.as_ref().map(|chat| (*provider, chat, stream))
    })
}

fn read(operation: &ChatOperation, stream: &str) -> Outcome {
    let identity = Identity {
        id: "chatcmpl-1".to_owned(),
        created: 1,
        model: "m".to_owned(),
        reasoning_format: operation.reasoning_format,
    };
    let mut reply = Reply::chunks(identity, ChunkOptions { include_usage: true, include_obfuscation: false });
    let mut framer = Framer::new(operation.framing, 1 << 20);
    framer.feed(stream.as_bytes());
    framer.finish();
    while let Ok(Some(event)) = framer.next_event() {
        if operation.until.is_some_and(|until| event.data == until.as_bytes()) {
            break;
        }
        (operation.on_event)(event.name, event.data, &mut reply).expect("a readable event");
    }
    reply.outcome().clone()
}

fn judged(outcome: &Outcome, cut: bool) -> Metered {
    let expectation = Expectation {
        context_window: 0,
        most_input: HELD.0,
        most_output: Some(HELD.1),
        choices: 1,
        has_output: true,
        cut,
    };
    judge(outcome, expectation, &Counted { input: &|| OURS.0, output: &|| OURS.1 })
}

/// The charge by other means: nano-USD are micro-USD a thousand, so a token's price in USD a
/// million is its price in micro-USD; prices here have two decimals of it at most.
fn by_hand(metered: &Metered) -> i128 {
    let usage = &metered.usage;
    let (read, write, hour) = (
        i128::from(usage.cached_input_tokens),
        i128::from(usage.cache_write_tokens),
        i128::from(usage.cache_write_1h_tokens),
    );
    let plain = i128::from(usage.prompt_tokens) - read - write;
    plain * 3000 + read * 300 + (write - hour) * 3750 + hour * 6000 + i128::from(usage.completion_tokens) * 15_000
}

fn cost(metered: &Metered) -> i64 {
    let most = FemtoUsd(i128::MAX);
    let charged = charge(&metered.usage, &entry(RATES), Reported::default(), most, Terms::default()).cost;
    assert_eq!(i128::from(charged.0), by_hand(metered));
    charged.0
}

/// Every usage object of the stream, as its adapter keeps it.
fn raws(outcome: &Outcome) -> Vec<String> {
    let Some(text) = outcome.raw_usage() else { return Vec::new() };
    match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(&text) {
        Ok(several) => several.into_iter().map(|raw| raw.get().to_owned()).collect(),
        Err(_) => vec![text],
    }
}

/// The stream with every number of its usage objects replaced.
fn bent(stream: &str, outcome: &Outcome, number: &str) -> String {
    raws(outcome).iter().fold(stream.to_owned(), |stream, raw| stream.replace(raw.as_str(), &numbers(raw, number)))
}

/// A JSON text with its numbers replaced.
fn numbers(raw: &str, number: &str) -> String {
    let (mut out, mut inside, mut rest) = (String::new(), false, raw.chars().peekable());
    while let Some(letter) = rest.next() {
        inside ^= letter == '"';
        if !inside && letter.is_ascii_digit() {
            while rest.peek().is_some_and(|next| next.is_ascii_digit() || *next == '.') {
                rest.next();
            }
            out.push_str(number);
        } else {
            out.push(letter);
        }
    }
    out
}

#[test]
fn what_is_sound_is_charged_as_reported() {
    let mut drilled = 0;
    for (provider, operation, stream) in providers() {
        let outcome = read(operation, &stream);
        let metered = judged(&outcome, false);
        assert!(!metered.estimated && !metered.incredible, "{}", provider.id);
        assert!(metered.usage.prompt_tokens > 0 && metered.usage.completion_tokens > 0, "{}", provider.id);
        assert!(cost(&metered) > 0, "{}", provider.id);
        drilled += 1;
    }
    assert!(drilled >= 3, "only {drilled} providers were drilled");
}

#[test]
fn what_is_missing_zero_negative_or_absurd_is_charged_at_our_count() {
    let ours = OURS.0 as i64 * 3000 + OURS.1 as i64 * 15_000;
    for (provider, operation, stream) in providers() {
        let outcome = read(operation, &stream);
        assert!(outcome.saw_output, "{}", provider.id);
        for (name, number, incredible) in
            [("zero", "0", false), ("negative", "-7", true), ("absurd", "99999999999", true)]
        {
            let metered = judged(&read(operation, &bent(&stream, &outcome, number)), false);
            assert_eq!(cost(&metered), ours, "{} {name}: {metered:?}", provider.id);
            assert!(metered.estimated, "{} {name}", provider.id);
            assert_eq!(metered.incredible, incredible, "{} {name}", provider.id);
        }
        let without = raws(&outcome).iter().fold(stream.clone(), |stream, raw| stream.replace(raw.as_str(), "null"));
        let metered = judged(&read(operation, &without), false);
        assert_eq!(cost(&metered), ours, "{} missing", provider.id);
        assert!(metered.estimated && !metered.incredible, "{} missing", provider.id);
    }
}

#[test]
fn what_is_said_twice_is_charged_once() {
    for (provider, operation, stream) in providers() {
        let outcome = read(operation, &stream);
        let once = cost(&judged(&outcome, false));
        let raws = raws(&outcome);
        let last = raws.last().expect("usage");
        // The whole event that has it, once more right behind.
        let events: Vec<&str> = stream.split_inclusive("\n\n").collect();
        let twice: String = events
            .iter()
            .map(|event| if event.contains(last.as_str()) { event.repeat(2) } else { (*event).to_owned() })
            .collect();
        assert!(twice.len() > stream.len(), "{}", provider.id);
        assert_eq!(cost(&judged(&read(operation, &twice), false)), once, "{}", provider.id);
    }
}

#[test]
fn a_stream_that_is_cut_is_charged_for_what_it_produced_at_least() {
    for (provider, operation, stream) in providers() {
        let whole = judged(&read(operation, &stream), false);
        let events: Vec<&str> = stream.split_inclusive("\n\n").collect();
        for cut in 1..events.len() {
            let outcome = read(operation, &events[..cut].concat());
            let metered = judged(&outcome, true);
            let charged = cost(&metered);
            let counted = metered.usage.completion_tokens;
            assert!(counted >= OURS.1.min(HELD.1), "{} cut after {cut}: {metered:?}", provider.id);
            assert!(charged >= 3000, "{} cut after {cut}: input is billed whatever came", provider.id);
            let reported = whole.usage.completion_tokens;
            assert!(counted <= reported.max(OURS.1), "{} cut after {cut}", provider.id);
        }
    }
}

#[test]
fn cached_tokens_count_once_inside_or_outside_of_the_input() {
    use ringside::adapter::reply::UsageCounts;
    let of = |usage: UsageCounts| {
        let mut outcome = Outcome::default();
        outcome.usage = usage;
        outcome.saw_output = true;
        cost(&judged(&outcome, false))
    };
    // 100 plain, 600 read, 300 written of which 100 for an hour, 50 out.
    let expected = 100 * 3000 + 600 * 300 + 200 * 3750 + 100 * 6000 + 50 * 15_000;
    let parts = UsageCounts {
        cache_read: Some(600),
        cache_write: Some(300),
        cache_write_1h: Some(100),
        output: Some(50),
        ..UsageCounts::default()
    };
    assert_eq!(of(UsageCounts { input: Some(100), ..parts }), expected, "outside");
    assert_eq!(of(UsageCounts { input_total: Some(1000), ..parts }), expected, "inside");
    // Parts that are larger than their whole are cut to it, and nothing is charged twice.
    let wrong = UsageCounts { input_total: Some(500), ..parts };
    assert_eq!(of(wrong), 500 * 300 + 50 * 15_000);
}

#[test]
fn markup_is_rounded_once_half_to_even() {
    use ringside::wire::usage::Usage;
    let price = entry(Rates { input: Rate(25_000_000), ..Rates::default() });
    // One token costs 25 nano-USD: with 6 % 26.5, which goes to 26; three cost 79.5, which goes to 80.
    let of = |tokens: u64| {
        let usage = Usage { prompt_tokens: tokens, ..Usage::default() };
        charge(&usage, &price, Reported::default(), FemtoUsd(i128::MAX), Terms { markup_basis_points: 600 }).cost
    };
    assert_eq!((of(1), of(3)), (NanoUsd(26), NanoUsd(80)));
}
