//! Limits of requests and tokens a minute, before anything else is done for a call.

use super::context::Context;
use super::{Error, Gateway};
use crate::billing::Customer;
use crate::clock::Clock;
use crate::counters::rates::TooSoon;
use crate::wire::limits::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a call has taken of its customer's limits: an estimate, put right as its targets are
/// settled, and given back where none was.
pub struct Taken {
    customer: Arc<Customer>,
    clock: Clock,
    tokens: AtomicU64,
    /// What they leave.
    pub limits: Limits,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("tokens", &self.tokens).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A customer's call that came too soon.
#[derive(Debug)]
pub struct Limited {
    pub customer: Arc<str>,
    pub too_soon: TooSoon,
    /// Where the customer was named.
    pub param: &'static str,
}

/// Bytes of a request that are taken for one token.
const BYTES: u64 = 4;

/// Takes a call from the limits of the customer that it names, once however many targets it tries.
/// `user` is the body's, `bytes` is the body's size, `output` the output that it asks for.
///
/// # Errors
/// [`Error::Limited`].
pub(super) fn take(
    gateway: &Gateway,
    context: &mut Context,
    user: Option<&str>,
    bytes: usize,
    output: u64,
) -> Result<(), Error> {
    let customers = gateway.ledger.customers();
    let header = context.metadata.customer.as_deref();
    let (true, Some(named)) = (customers.any_limited(), header.or(user)) else {
        return Ok(());
    };
    // One that is not known yet has no limits.
    let Some(customer) = customers.find(&context.caller.account_id, named) else {
        return Ok(());
    };
    let tokens = (bytes as u64 / BYTES).saturating_add(output);
    match customer.rates.take(tokens, gateway.clock.now()) {
        Ok(None) => {}
        Ok(Some(limits)) => {
            let clock = gateway.clock.clone();
            context.taken = Some(Arc::new(Taken { customer, clock, tokens: AtomicU64::new(tokens), limits }));
        }
        Err(too_soon) => {
            let param = if header.is_some() { "fc-customer" } else { "user" };
            let customer = Arc::clone(&customer.external_id);
            return Err(Error::Limited(Box::new(Limited { customer, too_soon, param })));
        }
    }
    Ok(())
}

impl Taken {
    /// The call used so many tokens; with several targets, each says so.
    pub fn used(&self, tokens: u64) {
        let taken = self.tokens.swap(0, Ordering::Relaxed);
        self.customer.rates.correct(taken, tokens, self.clock.now());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if *self.tokens.get_mut() > 0 {
            self.used(0);
        }
    }
}
