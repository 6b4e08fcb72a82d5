//! Whether a reference names a model that has a price: for slots, which are checked when they are made.

use super::Gateway;
use super::reference::{self, Reference};
use crate::adapter::Provider;
use crate::billing::{Entry, Lookup, PriceBook};

/// What calls to `target` are charged by.
///
/// # Errors
/// Why it can't be called, whoever calls it; credentials are not looked at.
pub fn priced(providers: &[&'static Provider], prices: &PriceBook, target: &str) -> Result<Entry, String> {
    let (provider, model) = match reference::parse(target, providers) {
        Ok(Reference::Direct { provider, model }) => (provider, model),
        Ok(Reference::Slot(_)) => return Err(format!("`{target}` is a slot, and a model is expected")),
        Err(error) => return Err(error.to_string().trim_end_matches('.').to_owned()),
    };
    match prices.lookup(provider, model) {
        Lookup::Listed(entry) => Ok(entry),
        Lookup::Ended { successor } => {
            let instead = successor.map(|model| format!("; its successor is `fc:{}/{model}`", provider.id));
            Err(format!("`{target}` has ended{}", instead.unwrap_or_default()))
        }
        Lookup::Unlisted => Err(format!("`{target}` is not listed, and a model without a price can't be called")),
    }
}

impl Gateway {
    /// What calls to `target` are charged by.
    ///
    /// # Errors
    /// As [`priced`].
    pub fn priced(&self, target: &str) -> Result<Entry, String> {
        priced(self.providers, &self.prices, target)
    }

    /// Whether a slot may point to `target`.
    ///
    /// # Errors
    /// As [`priced`].
    pub fn referent(&self, target: &str) -> Result<(), String> {
        self.priced(target).map(|_| ())
    }
}
