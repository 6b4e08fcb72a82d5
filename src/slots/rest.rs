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
    rests: u32,
    /// Since when one call tries whether it is back.
    probing: Option<Instant>,
}

impl Rest {
    /// Whether a call may go to a target now. A target whose rest is over lets one call through,
    /// which has to tell how it went.
    pub fn admits(&self, target: &str) -> bool {
        let mut targets = self.targets.lock();
        let Some(state) = targets.get_mut(target) else {
            return true;
        };
        let Some(until) = state.until else {
            return true;
        };
        let now = Instant::now();
        if now < until || state.probing.is_some_and(|since| now - since < PROBE) {
            return false;
        }
        state.probing = Some(now);
        true
    }

    /// A call went well.
    pub fn succeeded(&self, target: &str) {
        self.targets.lock().remove(target);
    }

    /// A call failed in a way that is the target's fault.
    pub fn failed(&self, target: &str) {
        let mut targets = self.targets.lock();
        if targets.len() >= MOST && !targets.contains_key(target) {
            return;
        }
        let state = targets.entry(target.to_owned()).or_default();
        state.failures += 1;
        if state.probing.take().is_some() || state.failures >= FAILURES {
            let rest = FIRST.saturating_mul(1 << state.rests.min(10)).min(LONGEST);
            state.rests += 1;
            state.failures = 0;
            state.until = Some(Instant::now() + rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_target_rests_and_is_tried_by_one_call() {
        let rest = Rest::default();
        for _ in 0..FAILURES {
            assert!(rest.admits("t"));
            rest.failed("t");
        }
        assert!(!rest.admits("t") && rest.admits("other"));
        tokio::time::advance(FIRST).await;
        assert!(rest.admits("t"), "one call tries");
        assert!(!rest.admits("t"), "the others wait for it");
        rest.failed("t");
        tokio::time::advance(FIRST).await;
        assert!(!rest.admits("t"), "the second rest is longer");
        tokio::time::advance(FIRST).await;
        assert!(rest.admits("t"));
        rest.succeeded("t");
        assert!(rest.admits("t") && rest.admits("t"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_never_tells_is_forgotten() {
        let rest = Rest::default();
        (0..FAILURES).for_each(|_| rest.failed("t"));
        tokio::time::advance(FIRST).await;
        assert!(rest.admits("t") && !rest.admits("t"));
        tokio::time::advance(PROBE).await;
        assert!(rest.admits("t"));
    }

    #[test]
    fn a_failure_between_successes_is_no_reason_to_rest() {
        let rest = Rest::default();
        for _ in 0..10 {
            rest.failed("t");
            rest.succeeded("t");
            assert!(rest.admits("t"));
        }
    }
}
