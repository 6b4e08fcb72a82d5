//! A call that runs, and ends once: by one of its methods, or when it is dropped, which is what a
//! hang-up does.

use super::admit::Asked;
use super::context::{Context, looks_like_email};
use super::resolve::Target;
use super::route::goes_on;
use super::settle::{Call, Earlier, Settled, Status};
use super::{Error, Facts, Gateway};
use crate::adapter::reply::Outcome;
use crate::billing::{Customer, Permit, Terms};
use crate::clock::Timestamp;
use crate::id::TokenHash;
use crate::money::NanoUsd;
use crate::slots::FailoverOn;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a running call carries to its settlement.
pub struct Running(Option<Box<Call>>);

/// How often the hold of a call that waits is renewed.
const RENEWAL: Duration = Duration::from_secs(60);

impl Running {
    #[expect(clippy::too_many_arguments, reason = "the parts of one value, put together in one place")]
    pub(super) fn new(
        gateway: &Gateway,
        permit: Permit,
        id: SmolStr,
        customer: Option<Arc<Customer>>,
        context: Context,
        target: Target,
        asked: Asked,
        terms: Terms,
        most_input: u64,
    ) -> Self {
        Self(Some(Box::new(Call {
            created: permit.admitted(),
            permit,
            id,
            customer,
            context,
            target,
            asked,
            terms,
            started: Instant::now(),
            first_output: None,
            attempts: 1,
            earlier: Earlier::default(),
            most_input,
            journal: Arc::clone(&gateway.journal),
            metrics: Arc::clone(&gateway.metrics),
        })))
    }

    /// The output limit to send upstream: what the hold covers.
    pub(super) fn output_limit(&self) -> Option<u64> {
        self.call().permit.grant().limit
    }

    /// Writes the hold to the journal: from here on the call may go out, and is billed whatever
    /// becomes of this process.
    ///
    /// # Errors
    /// [`Error::Unrecorded`]: the call must not go out.
    pub(super) fn goes_out(&self) -> Result<(), Error> {
        self.call().goes_out().map_err(Error::Unrecorded)
    }

    /// What the customer's wallet has before the call is settled, where it has one.
    pub(super) fn wallet_balance(&self) -> Option<NanoUsd> {
        self.call().permit.customer_balance()
    }

    /// Waits for `work`, renewing the hold meanwhile. It is pinned by who calls: a future that takes another by value
    /// has room for it twice.
    pub(super) async fn renewing<T>(&mut self, mut work: Pin<&mut impl Future<Output = T>>) -> T {
        loop {
            match tokio::time::timeout(RENEWAL, work.as_mut()).await {
                Ok(done) => return done,
                Err(_) => self.renew(),
            }
        }
    }

    /// The call shows signs of life.
    pub(super) fn renew(&mut self) {
        if let Some(call) = &mut self.0 {
            call.permit.renew();
        }
    }

    fn call(&self) -> &Call {
        // It is taken out only by what consumes `self`.
        self.0.as_deref().unwrap_or_else(|| unreachable!("a call is settled once"))
    }

    pub(super) fn target(&self) -> &Target {
        &self.call().target
    }

    /// When the call came in.
    pub(super) fn begun(&self) -> Instant {
        self.call().context.begun
    }

    pub(super) fn created(&self) -> Timestamp {
        self.call().created
    }

    /// A hash of the end customer that a provider can't turn back, the same for each call of one.
    pub(super) fn hashed_customer(&self) -> Option<String> {
        let call = self.call();
        let customer = &call.customer.as_ref()?.external_id;
        let mut hash = Sha256::new();
        hash.update(call.context.caller.account_id.as_bytes());
        hash.update([0]);
        hash.update(customer.as_bytes());
        let mut text = TokenHash(hash.finalize().into()).to_hex();
        text.truncate(32);
        Some(text)
    }

    /// How many tries there were.
    pub(super) fn attempts(&mut self, attempts: u32) {
        if let Some(call) = &mut self.0 {
            call.attempts = call.earlier.attempts + attempts;
        }
    }

    /// Notes when the first output came.
    pub(super) fn output_seen(&mut self, seen: bool) {
        if let Some(call) = &mut self.0
            && seen
            && call.first_output.is_none()
        {
            call.first_output = Some(Instant::now());
        }
    }

    /// What response headers say.
    pub(super) fn facts(&self) -> Facts {
        let call = self.call();
        let reference = call.target.reference.clone();
        let email = call.customer.as_ref().is_some_and(|customer| looks_like_email(&customer.external_id));
        let grant = call.permit.grant();
        Facts {
            models_tried: vec![reference.clone()],
            model_used: reference,
            attempts: call.attempts,
            cost: None,
            output_limit: grant.limit.filter(|_| grant.lowered),
            wallet_balance: None,
            wallet_deducted: None,
            limits: call.context.taken.as_ref().map(|taken| taken.limits),
            warning: email.then_some(
                "The customer id looks like an e-mail address; use an id of your own that is not personal data",
            ),
        }
    }

    /// Ends an attempt whose answer is not taken, and holds for the next, which sends `body`.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] where there is no room for it; what was charged stays, and is recorded.
    pub(super) fn next_attempt(mut self, outcome: &Outcome, body: Bytes) -> Result<Self, Error> {
        let admitted = match &mut self.0 {
            Some(call) => call.next_attempt(outcome, body),
            None => Ok(()),
        };
        match admitted {
            Ok(()) => Ok(self),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Ends a call that was not sent: there is nothing to record, unless an attempt was made before.
    pub(super) fn refuse(mut self, error: Error) -> Error {
        if self.0.as_ref().is_some_and(|call| call.earlier.attempts > 0) {
            return self.fail(error);
        }
        self.0 = None;
        error
    }

    /// The caller has seen something of this target's answer: whatever becomes of it, no other
    /// follows.
    pub(super) fn is_the_last(&mut self) {
        if let Some(call) = &mut self.0 {
            call.target.failover_on = FailoverOn::none();
        }
    }

    /// Ends a call that gave nothing.
    pub(super) fn fail(self, error: Error) -> Error {
        self.fail_with(&Outcome::default(), error)
    }

    /// Ends a call that failed after something had come.
    pub(super) fn fail_with(self, outcome: &Outcome, error: Error) -> Error {
        let failover_on = self.0.as_ref().map_or_else(FailoverOn::none, |call| call.target.failover_on);
        let status = if goes_on(failover_on, &error) { Status::Passed } else { Status::Failed };
        let (models, attempts) = (vec![self.target().reference.clone()], self.call().attempts);
        match self.settle(outcome, status(error.code().text())) {
            Ok(_) => Error::Tried { cause: Box::new(error), models, attempts },
            Err(failed) => Error::Journal(failed),
        }
    }

    /// Judges the usage, works out the charge, and writes the usage event. The caller must not see
    /// the end of the answer before this returns.
    ///
    /// # Errors
    /// When the event could not be written.
    pub(super) fn settle(mut self, outcome: &Outcome, status: Status) -> io::Result<Settled> {
        match self.0.take() {
            Some(call) => call.settle(outcome, status),
            None => Ok(Settled::default()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(call) = self.0.take()
            && let Err(error) = call.settle(&Outcome::default(), Status::Aborted)
        {
            tracing::error!(%error, "a call that was hung up on could not be recorded");
        }
    }
}
