//! The cost engine against figures that independent tools worked out: every case to the nano-USD.
//!
//! A case of a provider whose spec is there goes the way of a real answer: its bytes through the
//! adapter's own decode, judged, priced at the case's time. Others go by the counts that the case
//! gives in canonical form, at the prices in `worked_examples/prices.yaml`.

use ringside::adapter::Provider;
use ringside::adapter::generated::ALL;
use ringside::adapter::reply::{Outcome, Reply, UsageCounts};
use ringside::billing::{
    Counted, Entry, Expectation, Extent, Lookup, PriceBook, PriceFile, Reported, Terms, bound, charge, judge,
};
use ringside::clock::{Clock, Timestamp};
use ringside::money::NanoUsd;
use serde_json::Value;
use std::path::Path;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where Ringside must differ from the tool: the case, its own figure, and why. None does.
const DIFFERS: &[(&str, &str, &str)] = &[];

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn examples() -> Option<Vec<Value>> {
    let path = here("../shared/facts/worked_examples.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is not there, so no worked example was checked", path.display());
        return None;
    };
    let all: Value = serde_json::from_str(&text).expect("JSON");
    Some(all["examples"].as_array().expect("a list").clone())
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name}: {value}"))
}

fn moment(case: &Value) -> Timestamp {
    let at = OffsetDateTime::parse(text(case, "at"), &Rfc3339).expect("a moment");
    Timestamp(at.unix_timestamp() * 1000)
}

/// The case's entry of the price book, and the provider where its spec is there.
fn entry(case: &Value) -> (Entry, Option<&'static Provider>) {
    let (id, model) = (text(case, "provider"), text(case, "model"));
    let own = ALL.iter().find(|provider| provider.id == id).copied();
    let book = PriceBook::of_specs(ALL, Clock::of_machine());
    // The simulator stands in for a provider that is not there.
    let provider = own.or_else(|| ALL.iter().find(|provider| provider.id == "sim").copied()).expect("the simulator");
    if own.is_none() {
        let prices = std::fs::read_to_string(here("tests/worked_examples/prices.yaml")).expect("prices");
        let mine = prices.lines().filter(|line| line.trim_start_matches('"').starts_with(&format!("{id}/")));
        let mine: Vec<String> = mine.map(|line| line.replacen(&format!("{id}/"), "sim/", 1)).collect();
        book.replace(
            PriceFile::read("prices.yaml", &mine.join("\n"), ALL).unwrap_or_else(|problems| panic!("{problems:?}")),
        );
    }
    match book.lookup_at(provider, model, moment(case)) {
        Lookup::Listed(entry) => (entry, own),
        other => panic!("{id}/{model}: {other:?}"),
    }
}

/// What the adapter makes of the case's answer, where the provider's spec reads this kind of answer.
fn decoded(case: &Value, provider: &Provider) -> Option<Outcome> {
    // Perplexity's chat completions have ended; its spec speaks what replaced them, shaped as Responses.
    let replaced = provider.id == "perplexity";
    let decode = match text(case, "api_flavor") {
        "chat" | "default" if !replaced => provider.chat.as_ref()?.decode,
        "responses" if replaced => provider.chat.as_ref()?.decode,
        "embeddings" => provider.embeddings.as_ref()?.decode,
        _ => return None,
    };
    let mut reply = Reply::tap();
    decode(case["response"].to_string().as_bytes(), &mut reply).expect("it is read");
    Some(reply.outcome().clone())
}

/// What the case itself counted.
fn counted(case: &Value) -> Outcome {
    let count = |name: &str| case["normalized_usage"][name].as_i64();
    let mut outcome = Outcome::default();
    outcome.usage = UsageCounts {
        input_total: count("input_tokens"),
        output: count("output_tokens"),
        reasoning: count("output_reasoning_tokens"),
        cache_read: count("cache_read_tokens"),
        cache_write: count("cache_write_tokens"),
        cache_write_1h: count("cache_write_1h_tokens"),
        audio_input: count("input_audio_tokens"),
        citation: count("output_citation_tokens"),
        searches: count("web_searches"),
        ..UsageCounts::default()
    };
    outcome.priced_tier = case["response"]["usage"]["search_context_size"].as_str().map(str::to_owned);
    outcome
}

#[test]
fn every_worked_example_agrees_to_the_nano_usd() {
    let Some(examples) = examples() else { return };
    assert!(examples.len() >= 30, "only {} cases", examples.len());
    let (mut wrong, mut by_decode) = (Vec::new(), 0);
    for case in &examples {
        let (entry, provider) = entry(case);
        let decoded = provider.and_then(|provider| decoded(case, provider));
        by_decode += usize::from(decoded.is_some());
        let outcome = decoded.unwrap_or_else(|| counted(case));
        let expectation = Expectation {
            context_window: 0,
            most_input: u64::MAX,
            most_output: None,
            choices: 1,
            inputs: 1,
            has_output: text(case, "api_flavor") != "embeddings",
            cut: false,
        };
        let none = || panic!("{}: Ringside counts itself", text(case, "id"));
        let metered = judge(&outcome, expectation, &Counted { input: &none, output: &none });
        assert!(!metered.estimated && !metered.incredible, "{}", text(case, "id"));
        let mut reported = Reported::of(&outcome);
        if case["price_context"]["processing"] == "batch" {
            // No answer says that it was one of a batch: whoever sent it knows.
            reported.tier = "batch";
        }
        let usage = metered.usage;
        let extent = Extent {
            input: usage.prompt_tokens,
            output: usage.completion_tokens,
            choices: 1,
            service_tier: Some(reported.tier).filter(|tier| !tier.is_empty()),
        };
        let most = bound(&entry, extent, Terms::default());
        let charged = charge(&usage, &entry, reported, most, Terms::default());
        let differs = DIFFERS.iter().find(|(id, ..)| *id == text(case, "id"));
        let wanted: NanoUsd =
            differs.map_or_else(|| text(case, "expected_usd"), |(_, usd, _)| usd).parse().expect("USD");
        if charged.cost != wanted {
            wrong.push(format!("{}: {} instead of {wanted}; {usage:?}", text(case, "id"), charged.cost));
        }
        if usage.searches == 0 {
            assert!(charged.cost <= most.ceil(), "{}: above its bound", text(case, "id"));
        }
    }
    eprintln!("{} worked examples, {by_decode} of them through an adapter's own decode", examples.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(by_decode >= 15, "only {by_decode} through a decode");
}
