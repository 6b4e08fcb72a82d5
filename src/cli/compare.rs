//! `ringside models --compare FACTS.csv`: what a newer table of facts would change.
//!
//! A table has a header and a row a model. Read are `provider`, `model`, `kind`, the columns of
//! [`RATES`], `tier_rule` (JSON: thresholds of context and the rates above them) and `deprecated`.
//! An empty cell says nothing. Providers that the table does not name are left alone.

use super::Failure;
use crate::adapter::Provider;
use crate::adapter::generated::ALL;
use crate::adapter::price::{Price, Rates};
use crate::adapter::provider::Model;
use crate::billing::row_of;
use crate::clock::{Clock, Timestamp};
use crate::money::NanoUsd;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Columns of prices, and the rates that they are.
const RATES: [(&str, &str); 5] = [
    ("input_usd_per_mtok", "input"),
    ("output_usd_per_mtok", "output"),
    ("cached_input_usd_per_mtok", "cached_input"),
    ("cache_write_usd_per_mtok", "cache_write"),
    ("cache_write_1h_usd_per_mtok", "cache_write_1h"),
];

/// Prints the differences.
pub fn run(facts: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(facts).map_err(|error| Failure(format!("{}: {error}", facts.display())))?;
    let lines =
        compare(&text, Clock::of_machine().now()).map_err(|told| Failure(format!("{}: {told}", facts.display())))?;
    for line in &lines {
        println!("{line}");
    }
    println!("{} {}", lines.len(), if lines.len() == 1 { "difference" } else { "differences" });
    Ok(())
}

/// One row, by column.
type Row = BTreeMap<String, String>;

/// A step of `tier_rule`.
#[derive(Deserialize)]
struct Step {
    above_input_tokens: u64,
    inclusive: bool,
    #[serde(flatten)]
    rates: BTreeMap<String, serde_json::Value>,
}

/// The differences between the facts and the specs, a line each.
pub fn compare(text: &str, now: Timestamp) -> Result<Vec<String>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let cell = |name: &str| row.get(name).map_or("", String::as_str);
        let (provider, model) = (cell("provider"), cell("model"));
        if provider.is_empty() || model.is_empty() {
            return Err(format!("row {}: `provider` and `model` are missing", index + 2));
        }
        if !matches!(cell("kind"), "" | "chat" | "embedding" | "moderation") || cell("input_usd_per_mtok").is_empty() {
            continue;
        }
        let Some(known) = ALL.iter().find(|known| known.id == provider) else {
            continue;
        };
        named.entry(known.id).or_default().insert(model);
        match row_of(known, model) {
            None => lines.push(format!(
                "+ {provider}/{model}: input {}, output {}",
                cell("input_usd_per_mtok"),
                cell("output_usd_per_mtok")
            )),
            Some(ours) => {
                let place = format!("~ {provider}/{model}");
                let changes = changes(ours, row, now).map_err(|told| format!("row {}: {told}", index + 2))?;
                lines.extend(changes.into_iter().map(|change| format!("{place}: {change}")));
            }
        }
    }
    for (provider, models) in named {
        let lacking = ALL.iter().filter(|known| known.id == provider).flat_map(|known| lacking(known, &models, now));
        lines.extend(lacking.map(|model| format!("- {provider}/{model}")));
    }
    Ok(lines)
}

/// Models of the spec, not ended, that the facts do not name by any id.
fn lacking(provider: &'static Provider, named: &BTreeSet<&str>, now: Timestamp) -> Vec<&'static str> {
    let today = now.day();
    let running = provider.models.iter().filter(|row| row.ends.is_none_or(|ends| ends > today.as_str()));
    let named =
        |row: &&Model| std::iter::once(&row.id).chain(row.aliases).any(|id| id.contains('*') || named.contains(id));
    running.filter(|row| !named(row)).map(|row| row.id).collect()
}

fn changes(ours: &Model, row: &Row, now: Timestamp) -> Result<Vec<String>, String> {
    let mut changes = Vec::new();
    let mut differ = |what: &str, ours: NanoUsd, theirs: &str| -> Result<(), String> {
        let theirs: NanoUsd = theirs.parse().map_err(|error| format!("{what}: {theirs}: {error}"))?;
        if theirs != ours {
            changes.push(format!("{what} {ours} -> {theirs}"));
        }
        Ok(())
    };
    let usual = dearest(&ours.price, now, 0);
    for (column, name) in RATES {
        if let Some(theirs) = row.get(column).filter(|cell| !cell.is_empty()) {
            differ(name, rate(&usual, name), theirs)?;
        }
    }
    let rule = row.get("tier_rule").map_or("", String::as_str);
    let steps: Vec<Step> = if rule.is_empty() {
        Vec::new()
    } else {
        serde_json::from_str(rule).map_err(|error| format!("tier_rule: {error}"))?
    };
    for step in steps {
        let at_least = step.above_input_tokens + u64::from(!step.inclusive);
        let rates = dearest(&ours.price, now, at_least);
        for (name, theirs) in step.rates.iter().filter_map(|(name, rate)| Some((name, rate.as_str()?))) {
            if RATES.iter().any(|(_, known)| known == name) {
                differ(&format!("from {at_least} tokens {name}"), rate(&rates, name), theirs)?;
            }
        }
    }
    let ends = row.get("deprecated").map_or("", String::as_str);
    if !ends.is_empty() && ours.ends != Some(ends) {
        changes.push(format!("ends {} -> {ends}", ours.ends.unwrap_or("never")));
    }
    Ok(changes)
}

/// The rates of the standard tier; of several hours, the dearest ones, as tables of facts give them.
fn dearest(price: &Price, now: Timestamp, prompt: u64) -> Rates {
    let period = price.rows.iter().map(|row| row.from).filter(|from| *from <= now).max().unwrap_or_default();
    let rows = price.rows.iter().filter(|row| row.from == period && row.tier.is_empty() && row.at_least <= prompt);
    // Of one group of hours, the last row that fits is the one with the highest step.
    let highest = rows.clone().map(|row| row.at_least).max().unwrap_or(0);
    let rates = rows.filter(|row| row.at_least == highest).map(|row| row.rates);
    rates.max_by_key(|rates| (rates.input, rates.output)).unwrap_or_default()
}

fn rate(rates: &Rates, name: &str) -> NanoUsd {
    rates.named().into_iter().find(|named| named.name == name).map(|named| named.shown()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_435_200_000);
    const HEAD: &str =
        "provider,model,kind,input_usd_per_mtok,output_usd_per_mtok,cached_input_usd_per_mtok,tier_rule,deprecated\n";

    fn told(rows: &str) -> Vec<String> {
        compare(&format!("{HEAD}{rows}"), NOW).unwrap_or_else(|told| panic!("{told}"))
    }

    #[test]
    fn what_is_new_gone_or_dearer_is_told() {
        let lines =
            told("openai,gpt-4o,chat,2.5,12,1.25,,2027-06-01\nopenai,gpt-99,chat,1,2,,,\nnobody,x,chat,1,2,,,\n");
        assert_eq!(lines[0], "~ openai/gpt-4o: output 10 -> 12");
        assert_eq!(lines[1], "~ openai/gpt-4o: ends never -> 2027-06-01");
        assert_eq!(lines[2], "+ openai/gpt-99: input 1, output 2");
        assert!(lines[3..].iter().all(|line| line.starts_with("- openai/")), "{lines:?}");
        assert!(lines.contains(&"- openai/gpt-4.1".to_owned()));
    }

    #[test]
    fn steps_of_context_are_compared() {
        let rule = r#""[{""above_input_tokens"":272000,""inclusive"":false,""scope"":""whole_request"",""input"":""4"",""output"":""16""}]""#;
        let lines = told(&format!("openai,gpt-6.1-sol,chat,2,10,0.1,{rule},\n"));
        assert_eq!(lines[0], "~ openai/gpt-6.1-sol: from 272001 tokens output 15 -> 16");
        assert!(!lines[1].starts_with('~'), "{lines:?}");
    }

    #[test]
    fn a_table_that_is_none_is_refused() {
        assert!(compare("a,b\n1,2\n", NOW).is_err());
        assert!(compare(&format!("{HEAD}openai,gpt-4o,chat,much,1,,,\n"), NOW).is_err());
    }
}
