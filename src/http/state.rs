//! What handlers share.

use super::body::Bounds;
pub use super::idempotency::KeyedCalls;
use crate::access::Tokens;
use crate::billing::{Books, Drain, Ledger};
use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::store::Store;
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The rooms that handlers call; cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Rooms>);

/// What an [`Api`] is made of.
pub struct Rooms {
    pub gateway: Arc<Gateway>,
    pub tokens: Arc<Tokens>,
    pub store: Arc<Store>,
    pub drain: Arc<Drain>,
    pub books: Arc<Books>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    /// Bytes of a request's body.
    pub body: usize,
    /// For a whole request body.
    pub body_time: Duration,
    pub stopping: AtomicBool,
    /// Reports that run at once: they must leave connections of the database to calls.
    pub report_turns: Semaphore,
    /// Calls with an idempotency key that run.
    pub keyed_calls: KeyedCalls,
}

/// Reports of all accounts that run at once; others wait.
pub const REPORT_TURNS: usize = 2;

/// Whether calls can be served.
pub struct Readiness {
    pub storage: bool,
    pub journal: bool,
    pub stopping: bool,
}

impl Api {
    pub fn new(rooms: Rooms) -> Self {
        Self(Arc::new(rooms))
    }

    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.0.gateway
    }

    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// Takes the slots that were re-pointed as they are stored now.
    pub async fn reload_slots(&self) -> Result<(), crate::wire::error::ApiError> {
        self.0.gateway.slots.reload(&self.0.store).await.map_err(|error| super::error::internal(&error))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub fn books(&self) -> &Books {
        &self.0.books
    }

    pub fn ledger(&self) -> &Ledger {
        self.0.books.ledger()
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    pub(super) fn body_bounds(&self) -> Bounds {
        Bounds { bytes: self.0.body, time: self.0.body_time }
    }

    /// Brings finished calls into the database now, so that what is read next has them.
    pub async fn settle_journal(&self) -> Result<(), crate::wire::error::ApiError> {
        self.0.drain.flush().await.map_err(|error| super::error::internal(&error))
    }

    pub fn keyed_calls(&self) -> &KeyedCalls {
        &self.0.keyed_calls
    }

    /// Waits for a turn to read much; it ends with what is given.
    pub async fn report_turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.0.report_turns.acquire().await.ok()
    }

    pub async fn readiness(&self) -> Readiness {
        Readiness {
            storage: self.0.store.answers().await,
            journal: self.0.drain.healthy(),
            stopping: self.0.stopping.load(Ordering::Relaxed),
        }
    }

    /// From now on the process is not ready.
    pub fn stopping(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    pub fn render_metrics(&self) -> String {
        self.0.metrics.render(self.0.drain.pending())
    }
}
