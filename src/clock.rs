//! The only reader of the time of day. Everything else takes a [`Clock`], so that tests own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A calendar month in UTC; months sort as time does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// Tells the time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds that a test has moved it by.
    moved: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    pub fn of_machine() -> Self {
        Self::default()
    }

    /// The machine's clock, which [`Clock::advance`] can move: for tests.
    pub fn movable() -> Self {
        Self { moved: Some(Arc::default()) }
    }

    /// Moves a movable clock; others stay.
    pub fn advance(&self, by: Duration) {
        if let Some(moved) = &self.moved {
            moved.fetch_add(by.as_millis() as i64, Ordering::Relaxed);
        }
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the time of day")]
    pub fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let moved = self.moved.as_ref().map_or(0, |moved| moved.load(Ordering::Relaxed));
        Timestamp(since.as_millis() as i64 + moved)
    }
}

impl Timestamp {
    /// Whole seconds since 1970, as OpenAI's objects have them.
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `2026-11-24T14:19:00.123Z`, as Ringside's own objects have it.
    pub fn rfc3339(self) -> String {
        let nanos = i128::from(self.0) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_default()
    }

    /// That much earlier.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The day in UTC, `2026-11-24`.
    pub fn day(self) -> String {
        self.rfc3339().split('T').next().unwrap_or_default().to_owned()
    }

    /// The month it lies in, in UTC.
    pub fn month(self) -> Month {
        let at = OffsetDateTime::from_unix_timestamp(self.unix_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Month(at.year() * 12 + i32::from(u8::from(at.month())) - 1)
    }

    /// That much later.
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Month {
    /// Its first moment.
    pub fn start(self) -> Timestamp {
        let month = time::Month::try_from(self.0.rem_euclid(12) as u8 + 1).unwrap_or(time::Month::January);
        let day = time::Date::from_calendar_date(self.0.div_euclid(12), month, 1);
        Timestamp(day.map_or(0, |day| day.midnight().assume_utc().unix_timestamp() * 1000))
    }

    /// The month after it.
    pub fn next(self) -> Month {
        Month(self.0 + 1)
    }
}

impl std::fmt::Display for Month {
    /// `2026-11`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_of_its_first_day_in_utc() {
        let month = Timestamp(1_764_000_000_123).month();
        assert_eq!(month.to_string(), "2025-11");
        assert_eq!(month.start().rfc3339(), "2025-11-01T00:00:00Z");
        assert_eq!((month.next().to_string(), month.next().next().to_string()), ("2025-12".into(), "2026-01".into()));
        let edge = month.next().start();
        assert_eq!((edge.month(), Timestamp(edge.0 - 1).month()), (month.next(), month));
    }

    #[test]
    fn a_timestamp_is_written_in_utc() {
        assert_eq!(Timestamp(0).rfc3339(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_764_000_000_123).rfc3339(), "2025-11-24T16:00:00.123Z");
        assert_eq!(Timestamp(1_764_000_000_123).day(), "2025-11-24");
        assert_eq!(Timestamp(1_764_000_000_999).unix_seconds(), 1_764_000_000);
    }

    #[test]
    fn a_movable_clock_is_moved_and_others_are_not() {
        let (still, movable) = (Clock::of_machine(), Clock::movable());
        let before = (still.now(), movable.now());
        still.advance(Duration::from_secs(86_400));
        movable.advance(Duration::from_secs(86_400));
        assert!(still.now() < before.0.after(Duration::from_secs(3600)));
        assert!(movable.now() >= before.1.after(Duration::from_secs(86_400)));
    }
}
