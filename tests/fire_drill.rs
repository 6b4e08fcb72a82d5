//! The billing fire drill: everything that a provider's usage can look like, for every provider in
//! the table, down to the nano-dollar.
//!
//! Each provider's own recorded stream is bent in one way after another (its usage is taken out,
//! zeroed, negated, made absurd, repeated, put on the last event alone, cut off), read by its own
//! adapter, judged, and charged; what comes out is compared with sums that are worked out here by
//! other means. Bending works on events and not on bytes, so every framing is drilled alike. A
//! provider that is added to the table is drilled from its first day: without a stream it fails.

use ringside::adapter::Provider;
use ringside::adapter::generated::ALL;
use ringside::adapter::price::{Price, Rate, Rates, Row};
use ringside::adapter::provider::{ChatOperation, Framing, ModelKind, Transport};
use ringside::adapter::reply::{ChunkOptions, Identity, Outcome, Reply, UsageCounts};
use ringside::billing::{
    Abilities, Basis, Charge, Counted, Entry, Expectation, Metered, Reported, Sheet, Terms, charge, judge,
};
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
/// What that costs, in nano-USD.
const OUR_COST: i64 = OURS.0 as i64 * 3000 + OURS.1 as i64 * 15_000;
/// What is held: nothing beyond it is believed.
const HELD: (u64, u64) = (100_000, 50_000);
/// What that costs, in nano-USD: no figure of a provider's own is believed beyond it.
const HELD_COST: i64 = HELD.0 as i64 * 6000 + HELD.1 as i64 * 15_000;

/// One event of a stream: its name, and its data.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
}

/// A provider and what it streams.
struct Drill {
    id: &'static str,
    operation: &'static ChatOperation,
    events: Vec<Event>,
}

/// Every provider that is called over the network and can stream; one without a stream of its own
/// to be drilled with is a failure.
fn drills() -> Vec<Drill> {
    let networked = ALL.iter().filter(|provider| provider.transport == Transport::Http);
    let drills: Vec<Drill> = networked.filter_map(|provider| Drill::of(provider)).collect();
    assert!(!drills.is_empty(), "the table has providers");
    drills
}

impl Drill {
    fn of(provider: &'static Provider) -> Option<Self> {
        let operation = provider.chat.as_ref()?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/providers").join(provider.id);
        let read = |name: &str| {
            std::fs::read(folder.join(name))
                .unwrap_or_else(|error| panic!("{} is not drilled: {name}: {error}", provider.id))
        };
        // Frames are no text.
        let stream = read(if operation.framing == Framing::EventStream { "stream.bin" } else { "stream.txt" });
        let mut framer = Framer::new(operation.framing, 1 << 20);
        framer.feed(&stream);
        framer.finish();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let mut events = Vec::new();
        while let Some(event) = framer.next_event().expect("a sound stream") {
            if operation.until.is_some_and(|until| event.data == until.as_bytes()) {
                break;
            }
            events.push(Event { name: event.name.to_owned(), data: text(event.data) });
        }
        if operation.submit.is_some() {
            // Behind the stream the gateway asks how the call went, and its answer is the last event.
            events.push(Event { name: SETTLED.to_owned(), data: text(&read("response.json")) });
        }
        Some(Self { id: provider.id, operation, events })
    }

    fn read(&self, events: &[Event]) -> Outcome {
        let identity = Identity {
            id: "chatcmpl-1".to_owned(),
            created: 1,
            model: "m".to_owned(),
            reasoning_format: self.operation.reasoning_format,
        };
        let mut reply = Reply::chunks(identity, ChunkOptions { include_usage: true, include_obfuscation: false });
        for event in events {
            (self.operation.on_event)(&event.name, event.data.as_bytes(), &mut reply).expect("a readable event");
        }
        reply.outcome().clone()
    }

    fn whole(&self) -> Outcome {
        self.read(&self.events)
    }

    /// What one event alone tells of the usage; `None` where it tells nothing.
    fn told_by(&self, event: &Event) -> Option<Outcome> {
        let outcome = self.read(std::slice::from_ref(event));
        (outcome.usage != UsageCounts::default()).then_some(outcome)
    }

    /// The stream with what it tells of its usage replaced: the numbers in its usage objects, or,
    /// where its counts stand among other members of an event, every number that is such a count.
    fn bent(&self, number: &str) -> Vec<Event> {
        self.with_usage(|told, data| match raws(told).as_slice() {
            [] => numbers(data, number, &|found| is_count(&told.usage, found)),
            raws => raws.iter().fold(data.to_owned(), |data, raw| data.replace(raw, &numbers(raw, number, &|_| true))),
        })
    }

    /// The stream with `null` where its usage was.
    fn without_usage(&self) -> Vec<Event> {
        self.with_usage(|told, data| match raws(told).as_slice() {
            [] => numbers(data, "null", &|found| is_count(&told.usage, found)),
            raws => raws.iter().fold(data.to_owned(), |data, raw| data.replace(raw, "null")),
        })
    }

    /// The stream with every event that tells usage made into another.
    fn with_usage(&self, another: impl Fn(&Outcome, &str) -> String) -> Vec<Event> {
        let events = self.events.iter().map(|event| match self.told_by(event) {
            None => event.clone(),
            Some(told) => {
                let data = another(&told, &event.data);
                assert_ne!(data, event.data, "{}: nothing was bent", self.id);
                Event { name: event.name.clone(), data }
            }
        });
        let bent: Vec<Event> = events.collect();
        assert_ne!(bent, self.events, "{}: no event tells usage", self.id);
        bent
    }
}

/// The name of the event that says how a call went that was asked for and then streamed.
const SETTLED: &str = "settled";

fn judged(outcome: &Outcome, cut: bool) -> Metered {
    let expectation = Expectation {
        context_window: 0,
        most_input: HELD.0,
        most_output: Some(HELD.1),
        choices: 1,
        inputs: 1,
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

/// The charge where the provider's own figure counts.
fn with_figure(outcome: &Outcome, metered: &Metered) -> Charge {
    let most = FemtoUsd::from(NanoUsd(HELD_COST));
    charge(&metered.usage, &entry(RATES), Reported::of(outcome), most, Terms::default())
}

/// Every usage object of the stream, as its adapter keeps it.
fn raws(outcome: &Outcome) -> Vec<String> {
    let Some(text) = outcome.raw_usage() else { return Vec::new() };
    match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(&text) {
        Ok(several) => several.into_iter().map(|raw| raw.get().to_owned()).collect(),
        Err(_) => vec![text],
    }
}

/// Whether a number is one of the counts. Zero is not: it stands for much else.
fn is_count(usage: &UsageCounts, number: &str) -> bool {
    let counts = [usage.input, usage.input_total, usage.output, usage.output_visible, usage.total];
    number.parse().is_ok_and(|number: i64| number > 0 && counts.contains(&Some(number)))
}

/// A JSON text with those of its numbers replaced that are meant.
fn numbers(json: &str, number: &str, meant: &dyn Fn(&str) -> bool) -> String {
    let (mut out, mut rest) = (String::new(), json);
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '"' => text_length(rest),
            '-' | '0'..='9' => {
                rest.find(|c| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(rest.len())
            }
            _ => letter.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        let is_number = letter == '-' || letter.is_ascii_digit();
        out.push_str(if is_number && meant(token) { number } else { token });
        rest = behind;
    }
    out
}

/// The bytes of the JSON string that `json` begins with, its quotes included.
fn text_length(json: &str) -> usize {
    let mut escaped = false;
    let end = json.char_indices().skip(1).find(|(_, letter)| {
        let is_end = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        is_end
    });
    end.map_or(json.len(), |(at, _)| at + 1)
}

#[test]
fn what_is_sound_is_charged_as_reported() {
    for drill in drills() {
        let metered = judged(&drill.whole(), false);
        assert!(!metered.estimated && !metered.incredible, "{}", drill.id);
        assert!(metered.usage.prompt_tokens > 0 && metered.usage.completion_tokens > 0, "{}", drill.id);
        assert!(cost(&metered) > 0, "{}", drill.id);
    }
}

/// All streams tell their usage but those that have it asked for behind them; where that failed, the
/// stream alone is what is known.
#[test]
fn what_nobody_could_be_asked_about_is_charged_at_our_count() {
    for drill in drills() {
        let told_later = drill.operation.submit.is_some();
        let streamed: Vec<Event> = drill.events.iter().filter(|event| event.name != SETTLED).cloned().collect();
        assert_eq!(streamed.iter().any(|event| drill.told_by(event).is_some()), !told_later, "{}", drill.id);
        if told_later {
            let outcome = drill.read(&streamed);
            let metered = judged(&outcome, false);
            assert_eq!(outcome.usage, UsageCounts::default(), "{}", drill.id);
            assert_eq!(cost(&metered), OUR_COST, "{}", drill.id);
            assert!(metered.estimated && !metered.incredible, "{}", drill.id);
        }
    }
}

#[test]
fn what_is_missing_zero_negative_or_absurd_is_charged_at_our_count() {
    for drill in drills() {
        assert!(drill.whole().saw_output, "{}", drill.id);
        for (name, number, incredible) in
            [("zero", "0", false), ("negative", "-7", true), ("absurd", "99999999999", true)]
        {
            let outcome = drill.read(&drill.bent(number));
            let metered = judged(&outcome, false);
            assert_eq!(cost(&metered), OUR_COST, "{} {name}: {metered:?}", drill.id);
            assert!(metered.estimated, "{} {name}", drill.id);
            assert_eq!(metered.incredible, incredible, "{} {name}", drill.id);
            // Nor is a figure of the provider's own believed that is bent with it.
            let charged = with_figure(&outcome, &metered);
            assert_eq!((charged.cost.0, charged.basis), (OUR_COST, Basis::Rates), "{} {name}", drill.id);
            assert_eq!(charged.refused_figure, outcome.cost.is_some(), "{} {name}", drill.id);
        }
        let outcome = drill.read(&drill.without_usage());
        let metered = judged(&outcome, false);
        assert_eq!(outcome.usage, UsageCounts::default(), "{} missing", drill.id);
        assert_eq!(with_figure(&outcome, &metered).cost.0, OUR_COST, "{} missing", drill.id);
        assert_eq!(cost(&metered), OUR_COST, "{} missing", drill.id);
        assert!(metered.estimated && !metered.incredible, "{} missing", drill.id);
    }
}

/// Providers that say what a call cost, and the nano-USD that their recorded calls did.
#[test]
fn what_a_provider_says_it_cost_is_what_is_charged() {
    let mut figures = Vec::new();
    for drill in drills() {
        let outcome = drill.whole();
        let metered = judged(&outcome, false);
        let charged = with_figure(&outcome, &metered);
        if outcome.cost.is_some() {
            figures.push((drill.id, charged.cost.0));
            assert_eq!((charged.basis, charged.refused_figure), (Basis::Reported, false), "{}", drill.id);
        } else {
            assert_eq!((charged.cost.0, charged.basis), (cost(&metered), Basis::Rates), "{}", drill.id);
        }
    }
    figures.sort_unstable();
    // 0.0007826 USD; 1,654,500 ticks of 10^-10 USD.
    assert_eq!(figures, [("openrouter", 782_600), ("xai", 165_450)]);
}

#[test]
fn what_is_said_twice_is_charged_once() {
    for drill in drills() {
        let once = drill.whole();
        // The whole event that has it, once more right behind.
        let twice: Vec<Event> = drill
            .events
            .iter()
            .flat_map(|event| {
                let times = if drill.told_by(event).is_some() { 2 } else { 1 };
                std::iter::repeat_n(event.clone(), times)
            })
            .collect();
        assert!(twice.len() > drill.events.len(), "{}: no event tells usage", drill.id);
        let twice = drill.read(&twice);
        let (once_metered, twice_metered) = (judged(&once, false), judged(&twice, false));
        assert_eq!(cost(&twice_metered), cost(&once_metered), "{}", drill.id);
        assert_eq!(with_figure(&twice, &twice_metered), with_figure(&once, &once_metered), "{}", drill.id);
    }
}

#[test]
fn a_stream_that_is_cut_is_charged_for_what_it_produced_at_least() {
    for drill in drills() {
        let whole = judged(&drill.whole(), false);
        assert!(drill.events.len() > 1, "{}: nowhere to cut", drill.id);
        for cut in 1..drill.events.len() {
            let outcome = drill.read(&drill.events[..cut]);
            let metered = judged(&outcome, true);
            let charged = cost(&metered);
            let counted = metered.usage.completion_tokens;
            assert!(counted >= OURS.1.min(HELD.1), "{} cut after {cut}: {metered:?}", drill.id);
            assert!(charged >= 3000, "{} cut after {cut}: input is billed whatever came", drill.id);
            let reported = whole.usage.completion_tokens;
            assert!(counted <= reported.max(OURS.1), "{} cut after {cut}", drill.id);
        }
    }
}

#[test]
fn cached_tokens_count_once_inside_or_outside_of_the_input() {
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
