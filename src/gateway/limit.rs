//! Limits of requests and tokens a minute and of calls at once, before anything else is done for a
//! call.

use super::context::Context;
use super::{Error, Gateway};
use crate::billing::Customer;
use crate::clock::Clock;
use crate::counters::rates::TooSoon;
use crate::counters::throttle::{Busy, Place, Throttle};
use crate::wire::limits::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a call has taken of the limits of its account and its customer: an estimate of tokens, put
/// right as its targets are settled, and given back where none was; and a place among the calls
/// that run, until it is over.
pub struct Taken {
    /// Where tokens were taken from its limit.
    account: Option<Arc<Throttle>>,
    /// Likewise.
    customer: Option<Arc<Customer>>,
    _place: Option<Place>,
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

/// A call that a limit stands in the way of.
#[derive(Debug)]
pub enum Limited {
    Customer {
        customer: Arc<str>,
        too_soon: TooSoon,
        /// Where the customer was named.
        param: &'static str,
    },
    Account(Busy),
}

/// Bytes of a request that are taken for one token.
const BYTES: u64 = 4;

/// Takes a call from the limits of its account and of the customer that it names, once however many
/// targets it tries. `user` is the body's, `bytes` is the body's size, `output` the output that it
/// asks for.
///
/// # Errors
/// [`Error::Limited`]; nothing is taken then.
pub(super) fn take(
    gateway: &Gateway,
    context: &mut Context,
    user: Option<&str>,
    bytes: usize,
    output: u64,
) -> Result<(), Error> {
    let limited = |limited| Error::Limited(Box::new(limited));
    let account = &context.caller.throttle;
    let header = context.metadata.customer.as_deref();
    let customers = gateway.ledger.customers();
    // One that is not known yet has no limits.
    let customer = header
        .or(user)
        .filter(|_| customers.any_limited())
        .and_then(|named| customers.find(&context.caller.account_id, named));
    let tokens = (bytes as u64 / BYTES).saturating_add(output);
    let now = gateway.clock.now();
    let entered = account.enter(tokens, now).map_err(|busy| limited(Limited::Account(busy)))?;
    let of_customer = match customer.as_ref().map(|customer| customer.rates.take(tokens, now)) {
        None => None,
        Some(Ok(limits)) => limits,
        Some(Err(too_soon)) => {
            account.rates().give_back(tokens, now);
            let param = if header.is_some() { "fc-customer" } else { "user" };
            let customer = customer.map(|customer| Arc::clone(&customer.external_id)).unwrap_or_default();
            return Err(limited(Limited::Customer { customer, too_soon, param }));
        }
    };
    if entered.place.is_none() && entered.limits.is_none() && of_customer.is_none() {
        return Ok(());
    }
    let of_tokens = |limits: Option<Limits>| limits.is_some_and(|limits| limits.tokens.is_some());
    context.taken = Some(Arc::new(Taken {
        account: of_tokens(entered.limits).then(|| Arc::clone(account)),
        customer: customer.filter(|_| of_tokens(of_customer)),
        _place: entered.place,
        clock: gateway.clock.clone(),
        tokens: AtomicU64::new(tokens),
        limits: entered.limits.unwrap_or_default().tighter(of_customer.unwrap_or_default()),
    }));
    Ok(())
}

impl Taken {
    /// The call is over, and its last target used so many tokens.
    pub fn used(&self, tokens: u64) {
        self.correct(self.tokens.swap(0, Ordering::Relaxed), tokens);
    }

    /// A target used so many tokens, and the call goes on with the next, for which what was taken
    /// stands.
    pub fn used_on_the_way(&self, tokens: u64) {
        self.correct(0, tokens);
    }

    fn correct(&self, taken: u64, used: u64) {
        let now = self.clock.now();
        let account = self.account.iter().map(|account| account.rates());
        for rates in account.chain(self.customer.iter().map(|customer| &customer.rates)) {
            rates.correct(taken, used, now);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if *self.tokens.get_mut() > 0 {
            self.used(0);
        }
    }
}
