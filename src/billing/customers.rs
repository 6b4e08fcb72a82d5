//! The customers of all accounts, in memory: no call waits for the database to know its customer.
//!
//! A customer that is seen for the first time is written to the journal before anything is held
//! for it, so that it survives the process; the drain brings it into the database.

use super::journal::Journal;
use crate::clock::{Clock, Timestamp};
use crate::counters::rates::Rates;
use crate::id::Id;
use crate::money::NanoUsd;
use crate::store::customers::{self as rows, Change};
use crate::store::{Store, StoreError};
use crate::wire::event::NewCustomer;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of an external id.
const LONGEST: usize = 255;
/// Customers read in one go at the start.
const PAGE: u64 = 5000;

/// A customer, as far as calls need it.
#[derive(Debug)]
pub struct Customer {
    /// `cus_…`.
    pub id: Arc<str>,
    pub external_id: Arc<str>,
    /// Its limits of requests and tokens a minute.
    pub rates: Rates,
    state: RwLock<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// `None`: the account's default.
    budget: Option<NanoUsd>,
    archived: bool,
    /// It is being purged, or was: nothing may be written any more that names it.
    purged: bool,
}

/// What a new customer may be given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub name: Option<String>,
    pub monthly_budget: Option<NanoUsd>,
    pub rate_limit_rpm: Option<u32>,
    pub rate_limit_tpm: Option<u32>,
    pub metadata: BTreeMap<String, String>,
}

/// Why there is no such customer.
#[derive(Debug)]
pub enum CustomerError {
    /// It has the shape of our ids, and there is none of that id.
    Unknown,
    /// It is no external id: empty, longer than 255 bytes, or of the shape of our ids.
    NotAnId(&'static str),
    /// The external id is in use.
    Taken,
    /// It is being purged.
    Purged,
    /// It could not be written to the journal.
    Journal(io::Error),
}

/// While this lives, a customer is not purged: what it names can be written.
pub struct Named<'a> {
    state: RwLockReadGuard<'a, State>,
}

impl Named<'_> {
    /// Whether the customer may still be named.
    pub fn may_be_named(&self) -> bool {
        !self.state.purged
    }

    pub fn is_archived(&self) -> bool {
        self.state.archived
    }

    /// Its budget, or its account's default for customers.
    pub fn budget(&self, default: Option<NanoUsd>) -> Option<NanoUsd> {
        self.state.budget.or(default)
    }
}

impl Customer {
    fn new(id: Arc<str>, external_id: Arc<str>, rates: Rates, state: State) -> Arc<Self> {
        Arc::new(Self { id, external_id, rates, state: RwLock::new(state) })
    }

    /// Its state, held still.
    pub fn named(&self) -> Named<'_> {
        Named { state: self.state.read() }
    }
}

#[derive(Default)]
struct OfAccount {
    by_id: HashMap<Arc<str>, Arc<Customer>>,
    by_external: HashMap<Arc<str>, Arc<Customer>>,
}

/// The customers of every account.
pub struct Customers {
    journal: Arc<Journal>,
    clock: Clock,
    accounts: RwLock<HashMap<Arc<str>, OfAccount>>,
    /// One customer is made at a time; those who only look are not kept waiting by the disk.
    making: Mutex<()>,
    /// Whether any customer has, or had, a limit a minute.
    any_limited: AtomicBool,
}

/// Whether `text` has the shape of our ids: `cus_` and 26 characters.
pub fn is_our_id(text: &str) -> bool {
    text.strip_prefix("cus_").is_some_and(|rest| rest.len() == 26 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Checks an external id.
///
/// # Errors
/// [`CustomerError::NotAnId`], with what is expected.
pub fn check_external(text: &str) -> Result<(), CustomerError> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(CustomerError::NotAnId("expected 1 to 255 bytes"));
    }
    if is_our_id(text) {
        return Err(CustomerError::NotAnId(
            "an external id can't have the shape of Ringside's own (cus_ and 26 characters)",
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(CustomerError::NotAnId("control characters are not taken"));
    }
    Ok(())
}

impl Customers {
    /// Reads them from the database, into which the journal has been drained.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(store: &Store, journal: Arc<Journal>, clock: Clock) -> Result<Self, StoreError> {
        let mut accounts: HashMap<Arc<str>, OfAccount> = HashMap::new();
        let (mut after, mut any_limited): (Option<String>, bool) = (None, false);
        loop {
            let page = rows::all(store, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for row in page {
                let state = State { budget: row.monthly_budget, archived: row.archived.is_some(), purged: false };
                let account: Arc<str> = row.account_id.into();
                any_limited |= row.rate_limit_rpm.is_some() || row.rate_limit_tpm.is_some();
                let rates = Rates::new(row.rate_limit_rpm, row.rate_limit_tpm);
                let customer = Customer::new(row.id.into(), row.external_id.into(), rates, state);
                accounts.entry(account).or_default().add(customer);
            }
        }
        let any_limited = AtomicBool::new(any_limited);
        Ok(Self { journal, clock, accounts: RwLock::new(accounts), making: Mutex::new(()), any_limited })
    }

    /// Whether any customer has limits a minute: where none has, no call looks for them.
    pub fn any_limited(&self) -> bool {
        self.any_limited.load(Ordering::Relaxed)
    }

    /// The customer that `text` names: by our id where it has that shape, else by the external id.
    pub fn find(&self, account: &str, text: &str) -> Option<Arc<Customer>> {
        let accounts = self.accounts.read();
        let account = accounts.get(account)?;
        let names = if is_our_id(text) { &account.by_id } else { &account.by_external };
        names.get(text).cloned()
    }

    /// The customer of that external id, whatever shape it has.
    pub fn find_external(&self, account: &str, external_id: &str) -> Option<Arc<Customer>> {
        self.accounts.read().get(account)?.by_external.get(external_id).cloned()
    }

    /// The customer that a call names; an external id that was never seen is made a customer.
    ///
    /// # Errors
    /// [`CustomerError`], but for `Taken`.
    pub fn seen(&self, account: &Arc<str>, text: &str) -> Result<Arc<Customer>, CustomerError> {
        if let Some(customer) = self.find(account, text) {
            return Ok(customer);
        }
        if is_our_id(text) {
            return Err(CustomerError::Unknown);
        }
        check_external(text)?;
        let making = self.making.lock();
        // Another of the first calls may have made it meanwhile.
        match self.find(account, text) {
            Some(customer) => Ok(customer),
            None => self.make(account, text, Given::default(), &making).map(|(customer, _)| customer),
        }
    }

    /// Makes a customer.
    ///
    /// # Errors
    /// [`CustomerError`].
    pub fn create(
        &self,
        account: &Arc<str>,
        external_id: &str,
        given: Given,
    ) -> Result<(Arc<Customer>, NewCustomer), CustomerError> {
        check_external(external_id)?;
        let making = self.making.lock();
        if self.find_external(account, external_id).is_some() {
            return Err(CustomerError::Taken);
        }
        self.make(account, external_id, given, &making)
    }

    fn make(
        &self,
        account: &Arc<str>,
        external_id: &str,
        given: Given,
        _making: &parking_lot::MutexGuard<'_, ()>,
    ) -> Result<(Arc<Customer>, NewCustomer), CustomerError> {
        let new = NewCustomer {
            id: Id::new("cus").into_string(),
            account_id: account.as_ref().to_owned(),
            external_id: external_id.to_owned(),
            name: given.name,
            monthly_budget: given.monthly_budget,
            rate_limit_rpm: given.rate_limit_rpm,
            rate_limit_tpm: given.rate_limit_tpm,
            metadata: given.metadata,
            created: self.clock.now().0,
        };
        self.journal.append_customer(new.clone()).map_err(CustomerError::Journal)?;
        let state = State { budget: new.monthly_budget, ..State::default() };
        let rates = Rates::new(new.rate_limit_rpm, new.rate_limit_tpm);
        self.limits(new.rate_limit_rpm.or(new.rate_limit_tpm));
        let customer = Customer::new(new.id.as_str().into(), external_id.into(), rates, state);
        let mut accounts = self.accounts.write();
        accounts.entry(Arc::clone(account)).or_default().add(Arc::clone(&customer));
        Ok((customer, new))
    }

    /// Changes a customer in the database and here: the next call sees it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed then.
    pub async fn change(&self, store: &Store, customer: &Customer, change: &Change) -> Result<(), StoreError> {
        rows::change(store, &customer.id, change).await?;
        if let Some(limit) = change.rate_limit_rpm {
            customer.rates.limit_requests(limit, self.clock.now());
            self.limits(limit);
        }
        if let Some(limit) = change.rate_limit_tpm {
            customer.rates.limit_tokens(limit, self.clock.now());
            self.limits(limit);
        }
        let mut state = customer.state.write();
        if let Some(budget) = change.monthly_budget {
            state.budget = budget;
        }
        if let Some(archived) = change.archived {
            state.archived = archived.is_some();
        }
        Ok(())
    }

    fn limits(&self, limit: Option<u32>) {
        if limit.is_some() {
            self.any_limited.store(true, Ordering::Relaxed);
        }
    }

    /// From now on nothing is written any more that names the customer. `false`: somebody else
    /// purges it already.
    pub(super) fn begin_purge(customer: &Customer) -> bool {
        let mut state = customer.state.write();
        !std::mem::replace(&mut state.purged, true)
    }

    /// A purge failed: the customer is as it was.
    pub(super) fn end_purge(customer: &Customer) {
        customer.state.write().purged = false;
    }

    /// The customer is not known any more.
    pub(super) fn forget(&self, account: &str, customer: &Customer) {
        if let Some(account) = self.accounts.write().get_mut(account) {
            account.by_id.remove(&customer.id);
            account.by_external.remove(&customer.external_id);
        }
    }

    /// Now, for what is archived.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl OfAccount {
    fn add(&mut self, customer: Arc<Customer>) {
        self.by_external.insert(Arc::clone(&customer.external_id), Arc::clone(&customer));
        self.by_id.insert(Arc::clone(&customer.id), customer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_ids_are_told_from_external_ones() {
        assert!(is_our_id("cus_01arz3ndektsv4rrffq69g5fav") && is_our_id(Id::new("cus").as_str()));
        for external in ["cus_42", "cus_01arz3ndektsv4rrffq69g5fa", "cus_01arz3ndektsv4rrffq69g5favx", "cus-1", ""] {
            assert!(!is_our_id(external), "{external}");
        }
        assert!(check_external("cus_42").is_ok() && check_external("kunde ü/1").is_ok());
        for bad in ["", "cus_01arz3ndektsv4rrffq69g5fav", "a\nb", &"x".repeat(256)] {
            assert!(matches!(check_external(bad), Err(CustomerError::NotAnId(_))), "{bad}");
        }
    }
}
