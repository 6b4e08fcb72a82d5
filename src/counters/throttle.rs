//! What an account may do at a time: requests and tokens a minute, and calls at once.

use super::rates::{Rates, TooSoon};
use crate::clock::Timestamp;
use crate::wire::limits::{Limits, Most};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The limits of one account, and what its calls have taken of them.
#[derive(Debug, Default)]
pub struct Throttle {
    /// Whether there is any limit: calls of an account without one pass without a lock.
    limits: AtomicBool,
    rates: Rates,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    most: Most,
    /// Calls that have a [`Place`].
    running: u32,
}

/// A call's place among those that run at once, until it is dropped.
#[derive(Debug)]
pub struct Place(Arc<Throttle>);

/// What a call was given.
#[derive(Debug)]
pub struct Entered {
    /// Where calls at once are limited.
    pub place: Option<Place>,
    /// What the limits a minute leave, where there are any.
    pub limits: Option<Limits>,
}

/// A call that may not begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    TooSoon(TooSoon),
    /// As many run as may.
    AtOnce {
        most: u32,
        /// What the limits a minute leave, where there are any.
        limits: Option<Limits>,
    },
}

impl Throttle {
    /// From now on so much; what was used of limits that stay the same stays used. Calls that run
    /// already are not counted among those at once where they were not limited before.
    pub fn limit(&self, most: Most, now: Timestamp) {
        let before = std::mem::replace(&mut self.state.lock().most, most);
        self.limits.store(most != Most::default(), Ordering::Release);
        if before.requests != most.requests {
            self.rates.limit_requests(most.requests, now);
        }
        if before.tokens != most.tokens {
            self.rates.limit_tokens(most.tokens, now);
        }
    }

    /// Begins a call of so many tokens.
    ///
    /// # Errors
    /// [`Busy`]; nothing is taken then.
    pub fn enter(self: &Arc<Self>, tokens: u64, now: Timestamp) -> Result<Entered, Busy> {
        if !self.limits.load(Ordering::Acquire) {
            return Ok(Entered { place: None, limits: None });
        }
        let place = self.place().map_err(|most| Busy::AtOnce { most, limits: self.rates.left(now) })?;
        let limits = self.rates.take(tokens, now).map_err(Busy::TooSoon)?;
        Ok(Entered { place, limits })
    }

    fn place(self: &Arc<Self>) -> Result<Option<Place>, u32> {
        let mut state = self.state.lock();
        let Some(most) = state.most.at_once else { return Ok(None) };
        if state.running >= most {
            return Err(most);
        }
        state.running += 1;
        Ok(Some(Place(Arc::clone(self))))
    }

    /// Its limits a minute.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.state.lock().running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_764_000_000_000);

    fn most(requests: Option<u32>, at_once: Option<u32>) -> Most {
        Most { requests, tokens: None, at_once }
    }

    #[test]
    fn a_place_is_free_again_once_its_call_is_over() {
        let throttle = Arc::new(Throttle::default());
        assert!(throttle.enter(1, NOW).unwrap().place.is_none(), "there is no limit");
        throttle.limit(most(None, Some(2)), NOW);
        let first = throttle.enter(1, NOW).unwrap();
        let _second = throttle.enter(1, NOW).unwrap();
        assert_eq!(throttle.enter(1, NOW).unwrap_err(), Busy::AtOnce { most: 2, limits: None });
        drop(first);
        let _third = throttle.enter(1, NOW).unwrap();
        // A limit below what runs waits until enough are over.
        throttle.limit(most(None, Some(1)), NOW);
        assert_eq!(throttle.enter(1, NOW).unwrap_err(), Busy::AtOnce { most: 1, limits: None });
        throttle.limit(most(None, None), NOW);
        assert!(throttle.enter(1, NOW).is_ok());
    }

    #[test]
    fn a_call_that_comes_too_soon_takes_no_place() {
        let throttle = Arc::new(Throttle::default());
        throttle.limit(most(Some(1), Some(9)), NOW);
        let _first = throttle.enter(1, NOW).unwrap();
        assert!(matches!(throttle.enter(1, NOW), Err(Busy::TooSoon(_))));
        assert_eq!(throttle.state.lock().running, 1);
    }

    #[test]
    fn limits_that_are_set_again_stay_used() {
        let throttle = Arc::new(Throttle::default());
        throttle.limit(most(Some(1), None), NOW);
        assert!(throttle.enter(1, NOW).is_ok());
        throttle.limit(most(Some(1), Some(5)), NOW);
        assert!(throttle.enter(1, NOW).is_err());
    }
}
