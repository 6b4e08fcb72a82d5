//! The price book: what each model costs, and whether it can be called at all.

use crate::adapter::Provider;
use crate::adapter::glob;
use crate::adapter::provider::{Model, ModelKind, Price};
use crate::clock::Clock;
use std::sync::Arc;

/// Prices of every provider's models.
pub struct PriceBook {
    clock: Clock,
    version: Arc<str>,
}

/// A model's row.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: ModelKind,
    pub price: Price,
    /// Tokens; 0 where unknown.
    pub context_window: u32,
    /// Tokens; 0 where unknown.
    pub max_output_tokens: u32,
    /// Which prices these are, for the usage event.
    pub version: Arc<str>,
}

/// What the book says of a model.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// It can be called.
    Listed(Entry),
    /// It has ended; this is to be called instead.
    Ended { successor: Option<&'static str> },
    /// It has no price, so it can't be called: nothing passes as free because nobody knew its price.
    Unlisted,
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
        Self { clock, version: format!("specs-{:08x}", hash.finalize()).into() }
    }

    /// Looks a model up: exact ids before globs, then the order of the spec.
    pub fn lookup(&self, provider: &'static Provider, model: &str) -> Lookup {
        let exact = provider.models.iter().find(|row| row.id == model);
        let row =
            exact.or_else(|| provider.models.iter().find(|row| row.id.contains('*') && glob::matches(row.id, model)));
        match row {
            None => Lookup::Unlisted,
            Some(row) if self.ended(row) => Lookup::Ended { successor: row.successor },
            Some(row) => Lookup::Listed(Entry {
                kind: row.kind,
                price: row.price,
                context_window: row.context_window,
                max_output_tokens: row.max_output_tokens,
                version: Arc::clone(&self.version),
            }),
        }
    }

    /// Days are compared as texts, `YYYY-MM-DD`, in UTC: on the day itself a model has ended.
    fn ended(&self, row: &Model) -> bool {
        row.ends.is_some_and(|ends| ends <= self.clock.now().day().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::generated::ALL;
    use std::time::Duration;

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
}
