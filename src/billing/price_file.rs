//! `prices.yaml`: an operator's own prices, in the language that specs write prices in.
//!
//! ```yaml
//! ollama/*: { input: 0, output: 0 }                # a glob adds every model that it fits
//! azure/my-deployment: { as: gpt-4o }              # priced as another model of the provider
//! openai/*: { times: 1.1 }                         # what is listed, dearer: a region
//! groq/new-model: { input: 0.2, output: 0.6, context: 131072 }
//! ```

use super::prices::row_of;
use crate::adapter::Provider;
use crate::adapter::glob;
use crate::adapter::price::{Price, Rates, Row, Window};
use crate::adapter::provider::{Model, ModelKind};
use crate::clock::Timestamp;
use crate::codegen::checker::Checker;
use crate::codegen::members::{KINDS, PRICE, RATES};
use crate::codegen::node::Node;
use crate::codegen::price::{self, Times};
use crate::codegen::problem::{Place, Problem, suggest};
use crate::codegen::spec::{capabilities, day};
use crate::money::{NanoUsd, Rate};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Prices over those of the specs.
#[derive(Debug)]
pub struct PriceFile {
    /// Which file this is, for usage events.
    pub version: Arc<str>,
    /// In the order of the file.
    entries: Vec<(&'static str, String, Over)>,
}

impl Default for PriceFile {
    fn default() -> Self {
        Self { version: "prices.yaml-none".into(), entries: Vec::new() }
    }
}

/// What the file says of the models that a key fits; what it does not say is the spec's.
#[derive(Clone, Debug, Default)]
pub(super) struct Over {
    /// The model that it is priced as.
    pub like: Option<&'static Model>,
    own: Option<Arc<Price>>,
    /// Rows of the spec multiplied, by their ids.
    multiplied: HashMap<&'static str, Arc<Price>>,
    pub kind: Option<ModelKind>,
    pub context_window: Option<u32>,
    pub max_output_tokens: Option<u32>,
    pub capabilities: Option<Arc<[String]>>,
    /// `Some(None)`: it does not end, whatever the spec says.
    #[expect(clippy::option_option, reason = "not said, said to be never, and said to be a day are three things")]
    pub ends: Option<Option<String>>,
    pub successor: Option<String>,
}

impl Over {
    /// The price it gives to the model of this row, unless that is the row's own.
    pub fn price(&self, row: Option<&'static Model>) -> Option<Arc<Price>> {
        self.own.clone().or_else(|| self.multiplied.get(row?.id).cloned())
    }

    /// Whether it lists a model that has no row in the spec.
    fn lists(&self) -> bool {
        self.own.is_some() || self.like.is_some()
    }
}

impl PriceFile {
    /// Reads a file; one that is not there says nothing.
    ///
    /// # Errors
    /// As [`Self::read`], and where it can't be read.
    pub fn open(path: &Path, providers: &[&'static Provider]) -> Result<Self, Vec<Problem>> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read(&name, &text, providers),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                let at = Place { file: name.into(), line: 1, column: 1 };
                Err(vec![Problem::new(at, format!("can't be read: {error}"))])
            }
        }
    }

    /// Reads the text of a file, shown as `path` in problems.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(path: &str, text: &str, providers: &[&'static Provider]) -> Result<Self, Vec<Problem>> {
        let version = format!("prices.yaml-{:08x}", crc32fast::hash(text.as_bytes())).into();
        let empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if empty {
            return Ok(Self { version, entries: Vec::new() });
        }
        let node = Node::parse(path, text).map_err(|problem| vec![problem])?;
        let mut check = Checker::default();
        let Some(members) = node.map() else {
            let start = Place { file: path.into(), line: 1, column: 1 };
            return Err(vec![Problem::new(start, "expected a map: `provider/model`, and its price")]);
        };
        let mut entries = Vec::new();
        for (key, block) in members {
            let (name, model) = key.name.split_once('/').unwrap_or((&key.name, ""));
            let known = providers.iter().find(|provider| provider.id == name);
            if known.is_none() {
                let hint = suggest(name, providers.iter().map(|provider| provider.id));
                check.say(&key.at, format!("there is no provider `{name}`; {hint}"));
            }
            if model.is_empty() {
                check.say(&key.at, "a key is `provider/model`, and the model may hold `*`");
            }
            if let Some(provider) = known {
                entries.push((provider.id, model.to_owned(), over(provider, model, block, &mut check)));
            }
        }
        if check.problems.is_empty() { Ok(Self { version, entries }) } else { Err(check.problems) }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Models of a provider that it names without a glob.
    pub(super) fn ids(&self, provider: &str) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter(move |(id, model, _)| *id == provider && !model.contains('*'))
            .map(|(_, model, _)| model.as_str())
    }

    /// What it says of a model: its id before globs, then the order of the file.
    pub(super) fn find(&self, provider: &str, model: &str, row: Option<&'static Model>) -> Option<&Over> {
        let mine = || self.entries.iter().filter(|(id, _, over)| *id == provider && (row.is_some() || over.lists()));
        let exact = mine().find(|(_, id, _)| id == model);
        let fits = |id: &str| id.contains('*') && glob::matches(id, model);
        exact.or_else(|| mine().find(|(_, id, _)| fits(id))).map(|(_, _, over)| over)
    }
}

/// Members beside those of a price.
const BESIDE: [&str; 7] = ["kind", "context", "max_output", "can", "ends", "successor", "as"];

fn over(provider: &'static Provider, model: &str, node: &Node, check: &mut Checker) -> Over {
    let mut over = Over::default();
    let mut names = RATES.iter().map(|rate| rate.name).chain(PRICE.iter().map(|member| member.name));
    let priced = names.any(|name| node.has(name));
    if let Some(like) = node.get("as") {
        let name = check.text(like, "`as`");
        over.like = row_of(provider, &name);
        if over.like.is_none() {
            let hint = suggest(&name, provider.models.iter().map(|row| row.id));
            check.say(&like.at, format!("{} lists no `{name}`; {hint}", provider.id));
        }
    }
    if priced {
        if let (Some(at), _) | (None, Some(at)) = (node.get("times"), node.get("as")) {
            check.say(&at.at, "prices of its own, or those of another model: not both");
        } else {
            over.own = Some(Arc::new(compiled(&price::read(node, &BESIDE, check))));
        }
    } else {
        let known: Vec<&str> = RATES.iter().map(|rate| rate.name).chain(BESIDE).chain(["times"]).collect();
        check.only(node, "a price", &known);
        if let Some(times) = node.get("times") {
            multiply(provider, model, times, &mut over, check);
        } else if !node.has("as") && node.map().is_some() && !model.contains('*') && row_of(provider, model).is_none() {
            check.say(&node.at, "the spec does not list this model: give `input` and `output`, or `as`");
        }
    }
    let number = |check: &mut Checker, name: &str| node.get(name).and_then(|at| check.number(at, &format!("`{name}`")));
    over.context_window = number(check, "context");
    over.max_output_tokens = number(check, "max_output");
    over.kind = node.get("kind").map(|kind| match check.word(Some(kind), "kind", KINDS, "Chat") {
        "Embedding" => ModelKind::Embedding,
        "Moderation" => ModelKind::Moderation,
        _ => ModelKind::Chat,
    });
    over.capabilities = node.get("can").map(|can| capabilities(Some(can), check).into());
    over.ends = node.get("ends").map(|ends| if ends.is_null() { None } else { day(node, "ends", check) });
    over.successor = check.optional_text(node, "successor");
    over
}

/// The rows of the spec that the key fits, multiplied.
fn multiply(provider: &'static Provider, model: &str, node: &Node, over: &mut Over, check: &mut Checker) {
    let Some(times) = price::times(node.text().unwrap_or("")) else {
        check.say(&node.at, "`times` is a decimal of at most 4 places such as 1.1");
        return;
    };
    let fits = |id: &str| id == model || (model.contains('*') && glob::matches(model, id));
    let rows: Vec<&'static Model> = match over.like {
        Some(like) => vec![like],
        // An alias is multiplied by way of its row.
        None if !model.contains('*') => row_of(provider, model).into_iter().collect(),
        None => provider
            .models
            .iter()
            .filter(|row| std::iter::once(&row.id).chain(row.aliases).any(|id| fits(id)))
            .collect(),
    };
    if rows.is_empty() {
        check.say(&node.at, "`times` multiplies what the spec lists, and it lists nothing that this fits");
    }
    for row in rows {
        match scaled(&row.price, times) {
            Some(price) => {
                over.multiplied.insert(row.id, Arc::new(price));
            }
            None => check.say(&node.at, format!("`times` gives a rate of `{}` more than 9 decimals", row.id)),
        }
    }
}

/// Every token rate multiplied; fees stay.
fn scaled(price: &Price, times: Times) -> Option<Price> {
    let mut price = price.clone();
    for row in price.rows.to_mut() {
        for rate in row.rates.tokens() {
            *rate = Rate(price::multiplied(rate.0, times)?);
        }
    }
    Some(price)
}

/// A price as it was read, as the table that calls are charged by.
pub(super) fn compiled(price: &price::Price) -> Price {
    let rows = price.rows.iter().map(|row| Row {
        from: Timestamp(row.from as i64),
        hours: row
            .hours
            .iter()
            .map(|window| Window { days: window.days, from: window.from, until: window.until })
            .collect(),
        tier: Cow::Owned(row.tier.clone()),
        on_request: row.on_request,
        at_least: row.at_least,
        rates: Rates::of(row.rates),
    });
    Price {
        rows: rows.collect(),
        reported: price.reported,
        ceiling: price.ceiling.map(|nano| NanoUsd(nano as i64)),
        searches: price.searches,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::generated::ALL;

    fn problems(text: &str) -> Vec<String> {
        match PriceFile::read("prices.yaml", text, ALL) {
            Ok(_) => panic!("it is read: {text}"),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_broken_file_is_refused_whole_and_says_where_it_is_broken() {
        let text = "\
opnai/gpt-4o: { input: 1, output: 2 }
sim/a: { input: 1 }
sim/b: { input: 1, output: 2, tiers: { flex: { tims: 0.5 } } }
openai/c: { as: gpt-4oo }
openai/d: { context: 10 }
openai/e: { times: 1.1 }
openai/gpt-4o: { times: 1.1, input: 3, output: 4 }
openai: { input: 1, output: 2 }
sim/f: { input: 15000, output: 2 }
sim/g: { input: 1, output: 2, ends: tomorrow, can: [everything] }
";
        insta::assert_snapshot!(problems(text).join("\n"));
    }

    #[test]
    fn what_is_no_yaml_is_refused_where_it_breaks() {
        let told = problems("sim/a: { input: 1, output: 2 }\nsim/b: { input: 1\n");
        assert!(told[0].starts_with("prices.yaml:"), "{told:?}");
        assert!(problems("- 1\n")[0].starts_with("prices.yaml:1:1: expected a map"));
    }

    #[test]
    fn a_file_of_comments_is_empty() {
        let file =
            PriceFile::read("prices.yaml", "# none yet\n\n", ALL).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert!(file.is_empty());
    }
}
