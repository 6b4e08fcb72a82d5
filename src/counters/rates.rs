//! Requests and tokens a minute.
//!
//! Each limit is a bucket that holds a minute's worth, and fills again evenly: after a burst of all
//! of it there is room for the next request after a minute divided by the limit. Levels are kept
//! in 60,000ths, so that what a millisecond adds is a whole number.

use crate::clock::Timestamp;
use crate::wire::limits::{Left, Limits};
use parking_lot::Mutex;
use std::time::Duration;

/// Milliseconds of a minute, and parts of one unit.
const MINUTE: i64 = 60_000;

/// The limits of one caller, and what is left of them.
#[derive(Debug, Default)]
pub struct Rates(Mutex<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    limit: u32,
    /// Below zero where calls turned out larger than was known when they were let pass.
    level: i64,
    at: Timestamp,
}

/// Which limit is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Requests,
    Tokens,
}

/// A request that comes too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    pub limit: Limit,
    /// A minute.
    pub most: u32,
    /// What the request would take.
    pub wanted: u64,
    /// When there is room for it; `None`: never.
    pub after: Option<Duration>,
    pub limits: Limits,
}

impl Rates {
    /// With everything left.
    pub fn new(requests: Option<u32>, tokens: Option<u32>) -> Self {
        let rates = Self::default();
        rates.limit_requests(requests, Timestamp(0));
        rates.limit_tokens(tokens, Timestamp(0));
        rates
    }

    /// From now on so many requests a minute; what was used of the limit before stays used.
    pub fn limit_requests(&self, limit: Option<u32>, now: Timestamp) {
        let mut buckets = self.0.lock();
        buckets.requests = Bucket::changed(buckets.requests, limit, now);
    }

    /// From now on so many tokens a minute; what was used of the limit before stays used.
    pub fn limit_tokens(&self, limit: Option<u32>, now: Timestamp) {
        let mut buckets = self.0.lock();
        buckets.tokens = Bucket::changed(buckets.tokens, limit, now);
    }

    /// Takes a request of so many tokens. `None`: there are no limits.
    ///
    /// # Errors
    /// [`TooSoon`]; nothing is taken then.
    pub fn take(&self, tokens: u64, now: Timestamp) -> Result<Option<Limits>, TooSoon> {
        let buckets = &mut *self.0.lock();
        if buckets.requests.is_none() && buckets.tokens.is_none() {
            return Ok(None);
        }
        for bucket in [&mut buckets.requests, &mut buckets.tokens].into_iter().flatten() {
            bucket.fill(now);
        }
        let wanted = [(Limit::Requests, buckets.requests, 1), (Limit::Tokens, buckets.tokens, tokens)];
        for (limit, bucket, wanted) in wanted {
            if let Some(bucket) = bucket.filter(|bucket| !bucket.has(wanted)) {
                let after = bucket.wait(wanted);
                return Err(TooSoon { limit, most: bucket.limit, wanted, after, limits: buckets.limits() });
            }
        }
        if let Some(bucket) = &mut buckets.requests {
            bucket.take(1);
        }
        if let Some(bucket) = &mut buckets.tokens {
            bucket.take(tokens);
        }
        Ok(Some(buckets.limits()))
    }

    /// What they leave; `None`: there are no limits.
    pub fn left(&self, now: Timestamp) -> Option<Limits> {
        let buckets = &mut *self.0.lock();
        for bucket in [&mut buckets.requests, &mut buckets.tokens].into_iter().flatten() {
            bucket.fill(now);
        }
        (buckets.requests.is_some() || buckets.tokens.is_some()).then(|| buckets.limits())
    }

    /// Gives back a request of so many tokens that was taken and is not made.
    pub fn give_back(&self, tokens: u64, now: Timestamp) {
        let buckets = &mut *self.0.lock();
        for (bucket, given) in [(&mut buckets.requests, 1), (&mut buckets.tokens, tokens)] {
            if let Some(bucket) = bucket {
                bucket.fill(now);
                bucket.add(given);
            }
        }
    }

    /// A call that took `taken` tokens used `used`.
    pub fn correct(&self, taken: u64, used: u64, now: Timestamp) {
        if let Some(bucket) = &mut self.0.lock().tokens {
            bucket.fill(now);
            bucket.add(taken);
            bucket.take(used);
        }
    }
}

impl Buckets {
    fn limits(&self) -> Limits {
        Limits { requests: self.requests.map(|bucket| bucket.left()), tokens: self.tokens.map(|bucket| bucket.left()) }
    }
}

impl Bucket {
    fn changed(before: Option<Self>, limit: Option<u32>, now: Timestamp) -> Option<Self> {
        let limit = limit?;
        let most = i64::from(limit) * MINUTE;
        let level = before.map_or(most, |mut before| {
            before.fill(now);
            (before.level + most - before.most()).clamp(0, most)
        });
        Some(Self { limit, level, at: now })
    }

    fn most(&self) -> i64 {
        i64::from(self.limit) * MINUTE
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.0.saturating_sub(self.at.0).max(0);
        self.level = self.level.saturating_add(passed.saturating_mul(self.limit.into())).min(self.most());
        self.at = self.at.max(now);
    }

    fn has(&self, wanted: u64) -> bool {
        self.limit > 0 && self.level >= parts(wanted)
    }

    /// `None`: all of a minute's worth is not enough.
    fn wait(&self, wanted: u64) -> Option<Duration> {
        let need = parts(wanted);
        (self.limit > 0 && need <= self.most()).then(|| self.time(need))
    }

    /// How long it takes to be as full as that.
    fn time(&self, level: i64) -> Duration {
        let missing = u64::try_from(level - self.level).unwrap_or(0);
        Duration::from_millis(missing.div_ceil(u64::from(self.limit).max(1)))
    }

    /// A call may use more than there is, and delays the next by a minute's worth at most.
    fn take(&mut self, wanted: u64) {
        self.level = self.level.saturating_sub(parts(wanted)).max(-self.most());
    }

    fn add(&mut self, given: u64) {
        self.level = self.level.saturating_add(parts(given)).min(self.most());
    }

    fn left(&self) -> Left {
        Left {
            limit: self.limit,
            remaining: u32::try_from(self.level / MINUTE).unwrap_or(0),
            reset: self.time(self.most()),
        }
    }
}

fn parts(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX).saturating_mul(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(1_764_000_000_000);

    fn at(milliseconds: u64) -> Timestamp {
        START.after(Duration::from_millis(milliseconds))
    }

    fn requests(limits: Limits) -> (u32, u32, u128) {
        let left = limits.requests.expect("a limit");
        (left.limit, left.remaining, left.reset.as_millis())
    }

    #[test]
    fn a_minutes_requests_pass_at_once_and_then_one_by_one() {
        let rates = Rates::new(Some(3), None);
        for left in [2, 1, 0] {
            let limits = rates.take(0, START).expect("room").expect("limits");
            assert_eq!(requests(limits), (3, left, u128::from(3 - left) * 20_000));
        }
        let refused = rates.take(0, at(5000)).expect_err("three have passed");
        assert_eq!((refused.limit, refused.most), (Limit::Requests, 3));
        assert_eq!(refused.after, Some(Duration::from_secs(15)));
        assert_eq!(requests(refused.limits), (3, 0, 55_000));
        assert!(rates.take(0, at(19_999)).is_err());
        assert!(rates.take(0, at(20_000)).is_ok() && rates.take(0, at(20_000)).is_err());
        // Nothing is saved up beyond a minute's worth.
        assert_eq!(requests(rates.take(0, at(10_000_000)).expect("room").expect("limits")).1, 2);
    }

    #[test]
    fn tokens_are_taken_by_estimate_and_put_right_by_use() {
        let rates = Rates::new(None, Some(600));
        let left = |limits: Option<Limits>| limits.and_then(|limits| limits.tokens).expect("a limit").remaining;
        assert_eq!(left(rates.take(100, START).expect("room")), 500);
        rates.correct(100, 30, START);
        assert_eq!(left(rates.take(70, START).expect("room")), 500);
        // It used far more than was known: the next waits, for a minute's worth at most.
        rates.correct(70, 1_000_000, START);
        let refused = rates.take(1, START).expect_err("nothing is left");
        assert_eq!((refused.limit, refused.after), (Limit::Tokens, Some(Duration::from_millis(60_100))));
        assert_eq!(left(rates.take(600, at(120_000)).expect("room")), 0);
        // One that is larger than the limit never passes, as at OpenAI.
        let refused = rates.take(601, at(10_000_000)).expect_err("too large");
        assert_eq!((refused.wanted, refused.after), (601, None));
    }

    #[test]
    fn a_refused_request_takes_nothing() {
        let rates = Rates::new(Some(2), Some(100));
        assert!(rates.take(90, START).is_ok());
        let refused = rates.take(90, START).expect_err("10 tokens are left");
        assert_eq!((refused.limit, requests(refused.limits).1), (Limit::Tokens, 1));
        assert!(rates.take(10, START).is_ok(), "the second request is still there");
    }

    #[test]
    fn a_changed_limit_counts_what_was_used_and_zero_blocks() {
        let rates = Rates::new(Some(2), None);
        assert!(rates.take(0, START).is_ok() && rates.take(0, START).is_ok());
        rates.limit_requests(Some(3), START);
        assert!(rates.take(0, START).is_ok() && rates.take(0, START).is_err(), "one more than before");
        rates.limit_requests(Some(0), START);
        let refused = rates.take(0, at(10_000_000)).expect_err("blocked");
        assert_eq!((refused.most, refused.after), (0, None));
        rates.limit_requests(None, START);
        assert_eq!(rates.take(0, START), Ok(None));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_twice() {
        let rates = Rates::new(Some(1), None);
        assert!(rates.take(0, at(60_000)).is_ok());
        assert!(rates.take(0, START).is_err() && rates.take(0, at(60_000)).is_err());
        assert!(rates.take(0, at(120_000)).is_ok());
    }

    proptest! {
        /// No stretch of time lets more pass than its share and one minute's worth.
        #[test]
        fn no_minute_has_more_than_twice_its_limit(limit in 1_u32..50, gaps in proptest::collection::vec(0_u64..5000, 1..400)) {
            let rates = Rates::new(Some(limit), None);
            let (mut now, mut passed) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                if rates.take(0, at(now)).is_ok() {
                    passed.push(now);
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let most = f64::from(limit) * (1.0 + (to - from) as f64 / 60_000.0);
                    prop_assert!((last - first + 1) as f64 <= most + 1e-6, "{from}..{to}");
                }
            }
        }
    }
}
