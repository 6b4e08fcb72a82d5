//! When a failed try is followed by another.

use super::error::UpstreamError;
use rand::RngExt as _;
use std::time::Duration;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);
/// A provider that wants more patience than this is answered with its own delay.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait before try number `attempts + 1`; `None` to give up.
pub fn pause(error: &UpstreamError, attempts: u32, most: u32, deadline: Instant) -> Option<Duration> {
    if !error.again || attempts >= most {
        return None;
    }
    let wait = match error.retry_after {
        Some(after) if after > PATIENCE => return None,
        Some(after) => after,
        // Full jitter: peers that failed together do not come back together.
        None => {
            let most = FIRST.saturating_mul(1 << (attempts - 1).min(10)).min(LONGEST);
            most.mul_f64(rand::rng().random_range(0.25..1.0))
        }
    };
    (Instant::now() + wait < deadline).then_some(wait)
}

/// `retry-after-ms`, or `retry-after` in seconds or as a date.
pub fn after(headers: &reqwest::header::HeaderMap, now_unix: i64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    let text = text("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc2822).ok()?;
    Some(Duration::from_secs(u64::try_from(date.unix_timestamp() - now_unix).unwrap_or(0)))
}

/// A delay as error bodies write it: `48s`, `1.5s`, `120ms`, or seconds alone.
pub fn delay(text: &str) -> Option<Duration> {
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => (text, 1.0),
    };
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderValue};

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        [(reqwest::header::HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn delays_are_read_in_every_form() {
        assert_eq!(after(&headers("retry-after-ms", "120"), 0), Some(Duration::from_millis(120)));
        assert_eq!(after(&headers("retry-after", "2.5"), 0), Some(Duration::from_millis(2500)));
        assert_eq!(after(&headers("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"), 20), Some(Duration::from_secs(40)));
        assert_eq!(after(&headers("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"), 90), Some(Duration::ZERO));
        for odd in ["-1", "soon", "1e400", "NaN"] {
            assert_eq!(after(&headers("retry-after", odd), 0), None, "{odd}");
        }
    }

    #[test]
    fn delays_of_bodies_are_read_with_their_units() {
        for (text, wanted) in [("48s", Some(48_000)), ("1.5s", Some(1500)), ("120ms", Some(120)), ("7", Some(7000))] {
            assert_eq!(delay(text), wanted.map(Duration::from_millis), "{text}");
        }
        for odd in ["", "s", "ms", "-3s", "soon", "1e400s"] {
            assert_eq!(delay(odd), None, "{odd}");
        }
    }

    #[tokio::test]
    async fn tries_are_bounded_in_number_and_time() {
        let again = UpstreamError { again: true, ..UpstreamError::unavailable("") };
        let far = Instant::now() + Duration::from_secs(3600);
        assert!(pause(&again, 1, 3, far).is_some_and(|wait| wait <= FIRST));
        assert!(pause(&again, 3, 3, far).is_none());
        assert!(pause(&UpstreamError::unavailable(""), 1, 3, far).is_none());
        assert!(pause(&again, 1, 3, Instant::now()).is_none());
        let told = UpstreamError { retry_after: Some(Duration::from_secs(2)), ..again.clone() };
        assert_eq!(pause(&told, 1, 3, far), Some(Duration::from_secs(2)));
        let patient = UpstreamError { retry_after: Some(Duration::from_secs(60)), ..again };
        assert_eq!(pause(&patient, 1, 3, far), None);
    }
}
