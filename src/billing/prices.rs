//! The price book: what each model costs, and whether it can be called at all.
//!
//! The specs' own prices, and over them those of `prices.yaml` ([`super::price_file`]), which can
//! be exchanged while calls run: a call keeps the prices that it was admitted with.

use super::price_file::{Over, PriceFile};
use crate::adapter::Provider;
use crate::adapter::glob;
use crate::adapter::price::Price;
use crate::adapter::provider::{Model, ModelKind};
use crate::clock::{Clock, Timestamp};
use arc_swap::ArcSwap;
use std::ops::Deref;
use std::sync::Arc;

/// Prices of every provider's models.
pub struct PriceBook {
    clock: Clock,
    version: Arc<str>,
    file: ArcSwap<PriceFile>,
}

/// A model's row, of the moment it was looked up.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: ModelKind,
    pub price: Sheet,
    /// When it was looked up, which is when its call is admitted: what of the price depends on
    /// days and hours is that of this moment.
    pub at: Timestamp,
    /// Tokens; 0 where unknown.
    pub context_window: u32,
    /// Tokens; 0 where unknown.
    pub max_output_tokens: u32,
    /// What the model can do, as the catalogue says it.
    pub capabilities: Abilities,
    /// Which prices these are, for the usage event.
    pub version: Arc<str>,
}

/// A price, wherever it stands.
#[derive(Clone, Debug)]
pub enum Sheet {
    /// In a spec.
    Spec(&'static Price),
    /// In `prices.yaml`.
    Listed(Arc<Price>),
}

impl Deref for Sheet {
    type Target = Price;
    fn deref(&self) -> &Price {
        match self {
            Sheet::Spec(price) => price,
            Sheet::Listed(price) => price,
        }
    }
}

impl Entry {
    /// Whether the model can do something. Where the catalogue says nothing of a model, it is tried.
    pub fn can(&self, ability: &str) -> bool {
        let mut names = self.capabilities.names().peekable();
        names.peek().is_none() || names.any(|name| name == ability)
    }
}

/// What a model can do, wherever that stands.
#[derive(Clone, Debug)]
pub enum Abilities {
    /// In a spec.
    Spec(&'static [&'static str]),
    /// In `prices.yaml`.
    Listed(Arc<[String]>),
}

impl Abilities {
    /// The catalogue's words.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let (spec, listed): (&[&str], &[String]) = match self {
            Abilities::Spec(names) => (names, &[]),
            Abilities::Listed(names) => (&[], names),
        };
        spec.iter().copied().chain(listed.iter().map(String::as_str))
    }
}

/// What the book says of a model.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// It can be called.
    Listed(Entry),
    /// It has ended; this is to be called instead.
    Ended { successor: Option<String> },
    /// It has no price, so it can't be called: nothing passes as free because nobody knew its price.
    Unlisted,
}

/// A model of the catalogue: the spec's row with what `prices.yaml` says over it.
#[derive(Clone, Debug)]
pub struct Listing {
    pub id: String,
    pub kind: ModelKind,
    pub price: Sheet,
    pub context_window: u32,
    pub max_output_tokens: u32,
    pub capabilities: Abilities,
    pub ends: Option<String>,
    pub successor: Option<String>,
    /// Whether `prices.yaml` says anything of it.
    pub from_file: bool,
}

impl PriceBook {
    /// The book of the specs' own prices.
    pub fn of_specs(providers: &[&'static Provider], clock: Clock) -> Self {
        let mut hash = crc32fast::Hasher::new();
        for provider in providers {
            for model in provider.models {
                hash.update(format!("{}/{} {:?}\n", provider.id, model.id, model.price).as_bytes());
            }
        }
        let version = format!("specs-{:08x}", hash.finalize()).into();
        Self { clock, version, file: ArcSwap::default() }
    }

    /// Takes other prices over those of the specs. Calls that run keep theirs.
    pub fn replace(&self, file: PriceFile) {
        self.file.store(Arc::new(file));
    }

    /// The prices over those of the specs.
    pub fn file(&self) -> Arc<PriceFile> {
        self.file.load_full()
    }

    /// Looks a model up: `prices.yaml` before the spec, exact ids before globs, then the order of
    /// the file.
    pub fn lookup(&self, provider: &'static Provider, model: &str) -> Lookup {
        self.lookup_at(provider, model, self.clock.now())
    }

    /// The same, as it was or will be at `now`.
    pub fn lookup_at(&self, provider: &'static Provider, model: &str, now: Timestamp) -> Lookup {
        let file = self.file.load();
        let Some(listing) = listing(provider, model, &file) else {
            return Lookup::Unlisted;
        };
        // Days are compared as texts, `YYYY-MM-DD`, in UTC: on the day itself a model has ended.
        if listing.ends.as_ref().is_some_and(|ends| *ends <= now.day()) {
            return Lookup::Ended { successor: listing.successor };
        }
        Lookup::Listed(Entry {
            kind: listing.kind,
            price: listing.price,
            at: now,
            context_window: listing.context_window,
            max_output_tokens: listing.max_output_tokens,
            capabilities: listing.capabilities,
            version: Arc::clone(if listing.from_file { &file.version } else { &self.version }),
        })
    }

    /// Every model of a provider that has an id of its own: those of the spec, then those that only
    /// `prices.yaml` names.
    pub fn models(&self, provider: &'static Provider) -> Vec<Listing> {
        let file = self.file.load();
        let rows = provider.models.iter().map(|row| row.id).filter(|id| !id.contains('*'));
        let own = file.ids(provider.id).filter(|id| provider.models.iter().all(|row| row.id != *id));
        rows.chain(own).filter_map(|id| listing(provider, id, &file)).collect()
    }
}

/// The spec's row of a model: exact ids before globs, then the order of the spec.
pub fn row_of(provider: &'static Provider, model: &str) -> Option<&'static Model> {
    let names = |row: &'static Model| std::iter::once(&row.id).chain(row.aliases);
    let exact = provider.models.iter().find(|row| names(row).any(|id| *id == model));
    exact.or_else(|| {
        provider.models.iter().find(|row| names(row).any(|id| id.contains('*') && glob::matches(id, model)))
    })
}

fn listing(provider: &'static Provider, model: &str, file: &PriceFile) -> Option<Listing> {
    let row = row_of(provider, model);
    let over = file.find(provider.id, model, row);
    let row = over.and_then(|over| over.like).or(row);
    let price = match (over.and_then(|over| over.price(row)), row) {
        (Some(price), _) => Sheet::Listed(price),
        (None, Some(row)) => Sheet::Spec(&row.price),
        (None, None) => return None,
    };
    let pick = |own: Option<u32>, theirs: fn(&Model) -> u32| own.or(row.map(theirs)).unwrap_or(0);
    let text = |text: Option<&'static str>| text.map(str::to_owned);
    let none = Over::default();
    let own = over.unwrap_or(&none);
    Some(Listing {
        id: model.to_owned(),
        kind: own.kind.or(row.map(|row| row.kind)).unwrap_or(ModelKind::Chat),
        price,
        context_window: pick(own.context_window, |row| row.context_window),
        max_output_tokens: pick(own.max_output_tokens, |row| row.max_output_tokens),
        capabilities: match &own.capabilities {
            Some(names) => Abilities::Listed(Arc::clone(names)),
            None => Abilities::Spec(row.map_or(&[], |row| row.capabilities)),
        },
        ends: own.ends.clone().unwrap_or_else(|| text(row.and_then(|row| row.ends))),
        successor: own.successor.clone().or_else(|| text(row.and_then(|row| row.successor))),
        from_file: over.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::generated::ALL;
    use crate::money::Rate;
    use std::time::Duration;

    fn provider(id: &str) -> &'static Provider {
        ALL.iter().find(|provider| provider.id == id).expect("in the table")
    }

    fn book(file: &str) -> PriceBook {
        let book = PriceBook::of_specs(ALL, Clock::of_machine());
        book.replace(PriceFile::read("prices.yaml", file, ALL).unwrap_or_else(|problems| panic!("{problems:?}")));
        book
    }

    fn listed(book: &PriceBook, id: &str, model: &str) -> Entry {
        match book.lookup(provider(id), model) {
            Lookup::Listed(entry) => entry,
            other => panic!("{id}/{model}: {other:?}"),
        }
    }

    fn input(entry: &Entry) -> Rate {
        entry.price.standard(entry.at).input
    }

    #[test]
    fn a_model_ends_on_its_day() {
        let clock = Clock::movable();
        let book = PriceBook::of_specs(ALL, clock.clone());
        let (provider, row) = ALL
            .iter()
            .flat_map(|provider| provider.models.iter().map(move |row| (*provider, row)))
            .find(|(_, row)| row.ends.is_some_and(|ends| ends > clock.now().day().as_str()))
            .expect("some model of the catalogue is to end");
        assert!(matches!(book.lookup(provider, row.id), Lookup::Listed(_)));
        clock.advance(Duration::from_secs(10 * 365 * 86_400));
        assert!(matches!(book.lookup(provider, row.id), Lookup::Ended { .. }));
        assert!(matches!(book.lookup(provider, "no-such-model"), Lookup::Unlisted));
    }

    #[test]
    fn a_dated_id_costs_what_its_model_costs() {
        let book = PriceBook::of_specs(ALL, Clock::of_machine());
        let (dated, plain) =
            (listed(&book, "openai", "gpt-4o-mini-2024-07-18"), listed(&book, "openai", "gpt-4o-mini"));
        assert_eq!(dated.price.rows, plain.price.rows);
    }

    #[test]
    fn the_file_adds_models_and_globs() {
        let book = book("sim/other: { input: 3, output: 4, context: 1000 }\nsim/free-*: { input: 0, output: 0 }\n");
        let other = listed(&book, "sim", "other");
        assert_eq!((input(&other), other.context_window), (Rate(3_000_000_000), 1000));
        assert!(other.version.starts_with("prices.yaml-"), "{}", other.version);
        assert_eq!(input(&listed(&book, "sim", "free-7")), Rate(0));
        assert!(matches!(book.lookup(provider("sim"), "unknown"), Lookup::Unlisted));
        let models: Vec<String> = book.models(provider("sim")).into_iter().map(|listing| listing.id).collect();
        assert!(models.contains(&"other".to_owned()) && models.contains(&"echo".to_owned()));
    }

    #[test]
    fn the_file_stands_over_the_spec() {
        let book = book("sim/echo: { input: 7, output: 8 }\nsim/tool: { context: 77 }\n");
        let (echo, tool) = (listed(&book, "sim", "echo"), listed(&book, "sim", "tool"));
        assert_eq!((input(&echo), echo.context_window), (Rate(7_000_000_000), 1_000_000));
        assert_eq!((input(&tool), tool.context_window), (Rate(1_000_000_000), 77));
        assert!(listed(&book, "sim", "slow").version.starts_with("specs-"));
    }

    #[test]
    fn a_deployment_is_priced_as_what_it_deploys() {
        let book = book("openai/mine: { as: gpt-4o }\nopenai/here: { as: gpt-4o, times: 1.1 }\n");
        let (mine, here) = (listed(&book, "openai", "mine"), listed(&book, "openai", "here"));
        assert_eq!((input(&mine), mine.max_output_tokens), (Rate(2_500_000_000), 16384));
        assert_eq!(input(&here), Rate(2_750_000_000));
    }

    #[test]
    fn a_region_multiplies_every_token_rate_and_lists_nothing() {
        let book = book("openai/*: { times: 1.1 }\nopenai/gpt-4o: { times: 2 }\n");
        assert_eq!(input(&listed(&book, "openai", "gpt-4o")), Rate(5_000_000_000), "an id before a glob");
        assert_eq!(input(&listed(&book, "openai", "gpt-4o-mini-2024-07-18")), Rate(165_000_000), "by any id");
        assert!(matches!(book.lookup(provider("openai"), "gpt-99"), Lookup::Unlisted));
    }

    #[test]
    fn a_call_keeps_the_prices_that_it_was_admitted_with() {
        let book = book("sim/echo: { input: 7, output: 8 }\n");
        let before = listed(&book, "sim", "echo");
        book.replace(PriceFile::default());
        assert_eq!(input(&before), Rate(7_000_000_000));
        assert_eq!(input(&listed(&book, "sim", "echo")), Rate(1_000_000_000));
    }
}
