//! The composition root: opens, connects, starts, stops.

use crate::access::Tokens;
use crate::adapter::Provider;
use crate::adapter::generated::ALL;
use crate::adapter::provider::Transport;
use crate::billing::{Books, Drain, PriceBook};
use crate::clock::Clock;
use crate::config::{ForwardUser, ProviderSettings, Settings};
use crate::gateway::{Gateway, Prompts, Schemas};
use crate::http;
use crate::http::router::{Side, router};
use crate::http::server::Server;
use crate::http::state::{Api, KeyedCalls, REPORT_TURNS, Rooms};
use crate::outbound::{Outbound, Reach};
use crate::store::{Claim, idempotency, rollups};
use crate::telemetry::Metrics;
use crate::upstream::{Access, Endpoints, Limits, Upstream};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

mod first_start;
mod keepers;
mod prices;
mod slots;

pub use first_start::FirstTokens;

/// How long a start waits for the process before it to give the database free.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often tokens are read anew, for what commands changed beside the running process.
const RELOAD: Duration = Duration::from_secs(2);
const UPKEEP: Duration = Duration::from_secs(5);
/// How often expired idempotency keys are deleted.
const PURGE: Duration = Duration::from_secs(60);

/// A running gateway.
pub struct App {
    api: Api,
    /// For running calls to finish.
    patience: Duration,
    drain: Arc<Drain>,
    server: Server,
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    listeners: Vec<JoinHandle<()>>,
    helpers: Vec<JoinHandle<()>>,
    /// What a first start made, to be shown once.
    pub first: Option<FirstTokens>,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error("{0}")]
    Drain(String),
    #[error("provider {provider}: {error}")]
    Provider { provider: &'static str, error: crate::upstream::EndpointError },
    #[error("the HTTP client can't be made: {0}")]
    Client(reqwest_error::Text),
    #[error("{address}: {error}. Set another address with RINGSIDE_LISTEN or RINGSIDE_ADMIN_LISTEN")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("{0}")]
    Prices(String),
    #[error("the template {file} can't be used (setting schema.reinforcement): {error}")]
    Template { file: String, error: String },
    #[error("{file} can't be written: {error}")]
    TokenFile { file: String, error: std::io::Error },
}

impl StartError {
    fn address_in_use(&self) -> bool {
        matches!(self, Self::Listen { error, .. } if error.kind() == std::io::ErrorKind::AddrInUse)
    }
}

/// The client's error without naming its crate here.
mod reqwest_error {
    #[derive(Debug)]
    pub struct Text(pub String);
    impl std::fmt::Display for Text {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }
}

impl App {
    /// Starts it; when this returns, calls are served.
    ///
    /// # Errors
    /// [`StartError`], which says what to mend.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let clock = Clock::of_machine();
        let metrics = Arc::new(Metrics::default());
        // Listening first: calls that come while an earlier process still has the database wait for this one.
        // An earlier process may have the address too; nothing is done to the database before it is ours as well.
        let (claim, Listeners { api: listener, admin }) = match Listeners::bind(&settings).await {
            Err(error) if error.address_in_use() => {
                let claim = Claim::take(settings.database_url.expose(), PATIENCE).await?;
                (claim, Listeners::bind(&settings).await?)
            }
            early => {
                let listeners = early?;
                (Claim::take(settings.database_url.expose(), PATIENCE).await?, listeners)
            }
        };
        let store = Arc::new(claim.open().await?);
        let drain = Drain::start(Arc::clone(&store), &settings.journal).await;
        let drain = Arc::new(drain.map_err(|error| StartError::Drain(error.to_string()))?);
        let cut = idempotency::abandon_running(&store).await?;
        if cut > 0 {
            tracing::warn!(keys = cut, "calls with an idempotency key were cut by the end of an earlier process");
        }
        let fixed = settings.admin_token.as_ref().map(crate::config::Secret::expose);
        let tokens = Arc::new(Tokens::load(Arc::clone(&store), clock.clone(), fixed).await?);
        let first = first_start::prepare(&store, &tokens, &clock, &settings.token_file).await?;
        let prices = Arc::new(PriceBook::of_specs(ALL, clock.clone()));
        let watching = prices::follow(&settings.prices, &prices)?;
        let books = Books::open(Arc::clone(&store), Arc::clone(&drain), clock.clone()).await;
        let books = Arc::new(books.map_err(|error| StartError::Drain(error.to_string()))?);
        let gateway = Arc::new(gateway(&settings, &clock, &metrics, &drain, &prices, &books)?);
        let known = slots::open(&gateway.slots, &gateway, &store, &clock, &settings.slots).await?;
        let api = Api::new(Rooms {
            gateway: Arc::clone(&gateway),
            tokens: Arc::clone(&tokens),
            store: Arc::clone(&store),
            drain: Arc::clone(&drain),
            books: Arc::clone(&books),
            metrics: Arc::clone(&metrics),
            clock: clock.clone(),
            body: settings.limits.body,
            body_time: settings.timeouts.body,
            stopping: AtomicBool::new(false),
            report_turns: Semaphore::new(REPORT_TURNS),
            keyed_calls: KeyedCalls::default(),
        });
        let server = Server::new(settings.limits, settings.timeouts, Arc::clone(&metrics));
        let address = local(&listener, settings.listen)?;
        let admin_address = admin.as_ref().map(|admin| local(admin, settings.listen)).transpose()?;
        let side = if admin.is_some() { Side::Public } else { Side::Both };
        let mut listeners = vec![serve(&server, listener, &api, side)];
        listeners.extend(admin.map(|admin| serve(&server, admin, &api, Side::Admin)));
        let mut helpers = helpers(&api, &drain, tokens, metrics);
        helpers.push(tokio::spawn(watching));
        helpers.extend(keepers::start(&store, &books));
        helpers.extend(slots::follow(&gateway, &store, &clock, settings.slots.clone(), known));
        let patience = settings.timeouts.shutdown;
        Ok(Self { api, patience, drain, server, address, admin_address, listeners, helpers, first })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where administration listens, if that is elsewhere.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Stops accepting, finishes what runs within the setting's bound, brings the journal into the
    /// database. Says whether everything finished by itself.
    pub async fn stop(self) -> bool {
        self.api.stopping();
        let begun = Instant::now();
        let finished = self.server.stop().await;
        // Calls with an idempotency key may run on without their callers.
        let finished = self.api.keyed_calls().finish(self.patience.saturating_sub(begun.elapsed())).await && finished;
        for listener in self.listeners {
            // A listener that panicked has been logged; stopping goes on.
            let _ = listener.await;
        }
        for helper in self.helpers {
            helper.abort();
            let _ = helper.await;
        }
        if let Err(error) = self.drain.flush().await {
            tracing::error!(%error, "usage events wait in the journal for the next start");
        }
        if let Err(error) = rollups::catch_up(self.api.store()).await {
            tracing::error!(%error, "the sums of usage could not follow; the next start tries again");
        }
        if let Err(error) = self.drain.journal().sync() {
            tracing::error!(%error, "the journal can't be synced");
        }
        self.api.store().close().await;
        finished
    }
}

/// The request path, made of the settings.
fn gateway(
    settings: &Settings,
    clock: &Clock,
    metrics: &Arc<Metrics>,
    drain: &Drain,
    prices: &Arc<PriceBook>,
    books: &Books,
) -> Result<Gateway, StartError> {
    let mut endpoints = Endpoints::default();
    let (mut configured, mut assumed) = (HashSet::new(), HashSet::new());
    for provider in ALL {
        let given = settings.providers.iter().find(|given| given.id == provider.id);
        if !is_configured(provider, given, settings.sim) {
            continue;
        }
        let access = given.map(access).unwrap_or_default();
        endpoints.add(provider, access).map_err(|error| StartError::Provider { provider: provider.id, error })?;
        configured.insert(provider.id);
        if is_assumed(provider, given) {
            assumed.insert(provider.id);
        }
    }
    let upstream = &settings.upstream;
    let limits = Limits {
        connect: upstream.connect,
        first_byte: upstream.first_byte,
        idle: upstream.idle,
        attempts: upstream.attempts,
        answer: upstream.answer,
        event: upstream.event,
    };
    let client = Upstream::new(endpoints, limits, clock.clone());
    let reach = if settings.webhooks_allow_loopback { Reach::AndLoopback } else { Reach::Public };
    let outbound = Outbound::new(reach);
    Ok(Gateway {
        providers: ALL,
        configured,
        assumed,
        prices: Arc::clone(prices),
        slots: Arc::default(),
        schemas: Schemas::default(),
        prompts: prompts(settings)?,
        ledger: Arc::clone(books.ledger()),
        journal: Arc::clone(drain.journal()),
        upstream: client.map_err(|error| StartError::Client(reqwest_error::Text(error.to_string())))?,
        outbound: outbound.map_err(|error| StartError::Client(reqwest_error::Text(error.to_string())))?,
        metrics: Arc::clone(metrics),
        clock: clock.clone(),
        json_depth: settings.limits.json_depth,
        total: upstream.total,
        forward_user: settings.forward_user == ForwardUser::Hashed,
        explain: http::explain,
    })
}

/// Whether a provider can be called only because its credentials have defaults.
fn is_assumed(provider: &Provider, given: Option<&ProviderSettings>) -> bool {
    let set_up = given.is_some_and(|given| given.base_url.is_some() || !given.credentials.is_empty());
    !set_up && provider.credentials.iter().any(|credential| credential.default.is_some())
}

/// What models are told about schemas, with the operator's own template where there is one.
fn prompts(settings: &Settings) -> Result<Prompts, StartError> {
    let Some(path) = &settings.reinforcement else {
        return Prompts::new(None).map_err(|error| StartError::Template { file: "built in".to_owned(), error });
    };
    let failed = |error: String| StartError::Template { file: path.display().to_string(), error };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Prompts::new(Some(text)).map_err(failed)
}

/// Whether everything that a provider needs is there.
pub fn is_configured(provider: &Provider, given: Option<&ProviderSettings>, sim: bool) -> bool {
    let has = |name: &str| given.is_some_and(|given| given.credentials.iter().any(|(known, _)| *known == name));
    let complete = provider.credentials.iter().all(|credential| !credential.required() || has(credential.name));
    complete && (provider.transport != Transport::Simulator || sim)
}

fn access(given: &ProviderSettings) -> Access {
    Access {
        base_url: given.base_url.clone(),
        credentials: given.credentials.iter().map(|(name, value)| (*name, value.expose().to_owned())).collect(),
    }
}

/// Where calls come in.
struct Listeners {
    api: TcpListener,
    /// The admin API's own, where it has one.
    admin: Option<TcpListener>,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self, StartError> {
        let api = listen(settings.listen).await?;
        let admin = match settings.admin_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        Ok(Self { api, admin })
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, error })
}

fn local(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|error| StartError::Listen { address: asked, error })
}

fn serve(server: &Server, listener: TcpListener, api: &Api, side: Side) -> JoinHandle<()> {
    let (server, router) = (server.clone(), router(api, side));
    tokio::spawn(async move { server.run(listener, router).await })
}

fn helpers(api: &Api, drain: &Arc<Drain>, tokens: Arc<Tokens>, metrics: Arc<Metrics>) -> Vec<JoinHandle<()>> {
    let drain = Arc::clone(drain);
    let draining = tokio::spawn(async move { drain.run().await });
    let reloading = tokio::spawn(async move {
        loop {
            tokio::time::sleep(RELOAD).await;
            if let Err(error) = tokens.reload().await {
                tracing::warn!(%error, "tokens could not be read anew; those known stay as they were");
            }
        }
    });
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.upkeep();
        }
    });
    let api = api.clone();
    let purging = tokio::spawn(async move {
        loop {
            if let Err(error) = idempotency::purge_expired(api.store(), api.clock().now()).await {
                tracing::warn!(%error, "expired idempotency keys could not be deleted");
            }
            tokio::time::sleep(PURGE).await;
        }
    });
    vec![draining, reloading, upkeep, purging]
}
