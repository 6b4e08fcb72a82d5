//! Targets that fail rest: calls go past them for a while, then one call at a time tries whether
//! they are back.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which a target rests.
const FAILURES: u32 = 3;
/// The first rest; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(120);
/// A probe that tells nothing for this long is forgotten, and another call may try.
const PROBE: Duration = Duration::from_secs(60);
/// Targets remembered at once; one that goes well is forgotten.
const MOST: usize = 10_000;

/// What is known of failing targets, by reference.
#[derive(Default)]
pub struct Rest {
    targets: Mutex<HashMap<String, State>>,
}

#[derive(Default)]
struct State {
    failures: u32,
    /// When the rest is over.
    until: Option<Instant>,
    /// How often it has rested.
    rested: u32,
    /// Since when one call tries whether it is back.
    probing: Option<Instant>,
}

impl State {
    fn rests(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until || self.probing.is_some_and(|since| now - since < PROBE))
    }
}

impl Rest {
    /// Whether a target rests, or another call tries just now whether it is back.
    pub fn rests(&self, target: &str, now: Instant) -> bool {
        self.targets.lock().get(target).is_some_and(|state| state.rests(now))
    }

    /// Whether a call may go to a target now. A target whose rest is over lets one call through,
    /// which has to tell how it went.
    pub fn admits(&self, target: &str, now: Instant) -> bool {
        let mut targets = self.targets.lock();
        let Some(state) = targets.get_mut(target) else {
            return true;
        };
        if state.rests(now) {
            return false;
        }
        if state.until.is_some() {
            state.probing = Some(now);
        }
        true
    }

    /// A call went well.
    pub fn succeeded(&self, target: &str) {
        self.targets.lock().remove(target);
    }

    /// A call failed in a way that is the target's fault.
    pub fn failed(&self, target: &str, now: Instant) {
        let mut targets = self.targets.lock();
        if targets.len() >= MOST && !targets.contains_key(target) {
            return;
        }
        let state = targets.entry(target.to_owned()).or_default();
        state.failures += 1;
        if state.probing.take().is_some() || state.failures >= FAILURES {
            let rest = FIRST.saturating_mul(1 << state.rested.min(10)).min(LONGEST);
            state.rested += 1;
            state.failures = 0;
            state.until = Some(now + rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_target_rests_and_is_tried_by_one_call() {
        let (rest, begin) = (Rest::default(), Instant::now());
        for _ in 0..FAILURES {
            assert!(rest.admits("t", begin));
            rest.failed("t", begin);
        }
        assert!(!rest.admits("t", begin) && rest.admits("other", begin));
        let over = begin + FIRST;
        assert!(rest.admits("t", over), "one call tries");
        assert!(!rest.admits("t", over), "the others wait for it");
        rest.failed("t", over);
        assert!(!rest.admits("t", over + FIRST), "the second rest is longer");
        let over = over + FIRST * 2;
        assert!(rest.admits("t", over));
        rest.succeeded("t");
        assert!(rest.admits("t", over) && rest.admits("t", over));
    }

    #[test]
    fn a_probe_that_never_tells_is_forgotten() {
        let (rest, begin) = (Rest::default(), Instant::now());
        (0..FAILURES).for_each(|_| rest.failed("t", begin));
        let over = begin + FIRST;
        assert!(rest.admits("t", over) && !rest.admits("t", over));
        assert!(rest.admits("t", over + PROBE));
    }

    #[test]
    fn a_failure_between_successes_is_no_reason_to_rest() {
        let (rest, now) = (Rest::default(), Instant::now());
        for _ in 0..10 {
            rest.failed("t", now);
            rest.succeeded("t");
            assert!(rest.admits("t", now));
        }
    }
}
