//! The index of tokens, and making and ending them.

use super::scope::Scopes;
use crate::clock::{Clock, Timestamp};
use crate::counters::throttle::Throttle;
use crate::id::{Id, Token, TokenHash};
use crate::money::NanoUsd;
use crate::store::accounts::{self, Account};
use crate::store::tokens::{self, TokenRow};
use crate::store::{Store, StoreError};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Who holds a server token.
#[derive(Clone, Debug)]
pub struct ServerCaller {
    pub token_id: Arc<str>,
    pub account_id: Arc<str>,
    pub scopes: Scopes,
    /// What the account's plan adds to list prices, in hundredths of a per cent.
    pub markup_basis_points: u32,
    /// Whether it adds anything to moderations.
    pub markup_on_moderations: bool,
    /// What the account may spend a month.
    pub monthly_budget: Option<NanoUsd>,
    /// What a customer without a budget of its own may spend a month.
    pub default_customer_budget: Option<NanoUsd>,
    /// Whether the account pays in advance, out of its wallet.
    pub prepaid: bool,
    /// What the account may do at a time, shared by all its tokens.
    pub throttle: Arc<Throttle>,
}

/// Who holds an admin token.
#[derive(Clone, Debug)]
pub struct AdminCaller {
    /// The token's id, or `environment` for the one that is fixed by a setting.
    pub token_id: Arc<str>,
}

#[derive(Clone)]
enum Holder {
    Server(Arc<ServerCaller>),
    Admin(Arc<AdminCaller>),
}

#[derive(Clone)]
struct Entry {
    holder: Holder,
    expires: Option<Timestamp>,
}

/// A token that was just made: the only time that its text is seen.
pub struct Made {
    pub row: TokenRow,
    pub token: Token,
}

/// How long a rotated token stays valid, so that its holders can change over.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// The index.
pub struct Tokens {
    store: Arc<Store>,
    clock: Clock,
    /// The admin token of a setting.
    fixed: Option<TokenHash>,
    index: RwLock<HashMap<TokenHash, Entry>>,
    /// Whoever reads the index anew, so that what was read first is not taken last.
    reloading: tokio::sync::Mutex<()>,
    /// By account: what its calls have taken outlives the index.
    throttles: Mutex<HashMap<String, Arc<Throttle>>>,
}

impl Tokens {
    /// Reads the index.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(store: Arc<Store>, clock: Clock, fixed: Option<&str>) -> Result<Self, StoreError> {
        let tokens = Self {
            store,
            clock,
            fixed: fixed.map(TokenHash::of),
            index: RwLock::default(),
            reloading: tokio::sync::Mutex::default(),
            throttles: Mutex::default(),
        };
        tokens.reload().await?;
        Ok(tokens)
    }

    /// Reads the index anew.
    ///
    /// # Errors
    /// [`StoreError`]; the index stays as it was then.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let _one = self.reloading.lock().await;
        let mut all = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = accounts::list(&self.store, after.as_deref(), 1000).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            all.extend(page.into_iter().map(|account| (account.id.clone(), account)));
        }
        let throttles = self.throttles(all.values());
        let mut index = HashMap::new();
        for row in tokens::all(&self.store).await? {
            let token_id: Arc<str> = row.id.into();
            let holder = match &row.account_id {
                None => Holder::Admin(Arc::new(AdminCaller { token_id })),
                Some(id) => {
                    let (Some(account), Some(throttle)) = (all.get(id), throttles.get(id)) else { continue };
                    let scopes = Scopes::parse(row.scopes.split_whitespace())
                        .map_err(|error| StoreError::Value(error.to_string()))?;
                    Holder::Server(Arc::new(ServerCaller {
                        token_id,
                        account_id: id.as_str().into(),
                        scopes,
                        markup_basis_points: account.markup_basis_points,
                        markup_on_moderations: account.plan == accounts::Plan::Developer,
                        monthly_budget: account.monthly_budget,
                        default_customer_budget: account.default_customer_budget,
                        prepaid: account.billing == accounts::Billing::Prepaid,
                        throttle: Arc::clone(throttle),
                    }))
                }
            };
            index.insert(row.hash, Entry { holder, expires: row.expires });
        }
        if let Some(hash) = self.fixed {
            let holder = Holder::Admin(Arc::new(AdminCaller { token_id: "environment".into() }));
            index.insert(hash, Entry { holder, expires: None });
        }
        *self.index.write() = index;
        Ok(())
    }

    /// Those of the accounts, with their limits as they are now.
    fn throttles<'a>(&self, accounts: impl Iterator<Item = &'a Account>) -> HashMap<String, Arc<Throttle>> {
        let (mut throttles, now) = (self.throttles.lock(), self.clock.now());
        let of = |account: &Account| {
            let throttle = throttles.remove(&account.id).unwrap_or_default();
            throttle.limit(account.most, now);
            (account.id.clone(), throttle)
        };
        let kept: HashMap<_, _> = accounts.map(of).collect();
        throttles.clone_from(&kept);
        kept
    }

    /// The holder of a server token that is valid now. What is compared are hashes, so that how
    /// long it takes tells nothing of a token.
    pub fn server(&self, token: &str) -> Option<Arc<ServerCaller>> {
        match self.holder(token, "ko_")? {
            Holder::Server(caller) => Some(caller),
            Holder::Admin(_) => None,
        }
    }

    /// The holder of an admin token that is valid now.
    pub fn admin(&self, token: &str) -> Option<Arc<AdminCaller>> {
        match self.holder(token, "")? {
            Holder::Admin(caller) => Some(caller),
            Holder::Server(_) => None,
        }
    }

    fn holder(&self, token: &str, prefix: &str) -> Option<Holder> {
        if !token.starts_with(prefix) || token.len() > 256 {
            return None;
        }
        let entry = self.index.read().get(&TokenHash::of(token)).cloned()?;
        match entry.expires {
            Some(expires) if expires <= self.clock.now() => None,
            _ => Some(entry.holder),
        }
    }

    /// Makes a server token of an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn make_server(&self, account: &str, name: &str, scopes: Scopes) -> Result<Made, StoreError> {
        self.make(Some(account), name, scopes).await
    }

    /// Makes an admin token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn make_admin(&self, name: &str) -> Result<Made, StoreError> {
        self.make(None, name, Scopes::ALL).await
    }

    async fn make(&self, account: Option<&str>, name: &str, scopes: Scopes) -> Result<Made, StoreError> {
        let token = Token::new(if account.is_some() { "ko" } else { "ka" });
        let row = TokenRow {
            id: Id::new("tok").into_string(),
            account_id: account.map(str::to_owned),
            name: name.to_owned(),
            hash: TokenHash::of(token.expose()),
            last_four: token.last_four().to_owned(),
            scopes: if account.is_some() { scopes.names().join(" ") } else { String::new() },
            created: self.clock.now(),
            expires: None,
            revoked: None,
        };
        tokens::insert(&self.store, &row).await?;
        self.reload().await?;
        Ok(Made { row, token })
    }

    /// Ends a token at once. `false`: the account has no such token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke(&self, account: &str, id: &str) -> Result<bool, StoreError> {
        if tokens::find(&self.store, account, id).await?.is_none() {
            return Ok(false);
        }
        tokens::end(&self.store, id, Some(self.clock.now()), None).await?;
        self.reload().await?;
        Ok(true)
    }

    /// Makes a token with the name and scopes of another, which stays valid for a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate(&self, account: &str, id: &str) -> Result<Option<Made>, StoreError> {
        let Some(old) = tokens::find(&self.store, account, id).await? else {
            return Ok(None);
        };
        let scopes =
            Scopes::parse(old.scopes.split_whitespace()).map_err(|error| StoreError::Value(error.to_string()))?;
        let made = self.make(Some(account), &old.name, scopes).await?;
        let grace = self.clock.now().after(GRACE);
        let expires = old.expires.map_or(grace, |expires| expires.min(grace));
        tokens::end(&self.store, id, None, Some(expires)).await?;
        self.reload().await?;
        Ok(Some(made))
    }
}
