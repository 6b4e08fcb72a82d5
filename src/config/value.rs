//! Texts of settings to values.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A text that must not be shown: its `Debug` says only that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A range of addresses such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub address: IpAddr,
    pub bits: u8,
}

impl Cidr {
    /// `None` unless the text is an address, or an address and a prefix length that fits it.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u8>().ok()?)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Self { address, bits })
    }
}

/// `90s`, `1.5s`, `250ms`, `10m`, `1h`, or a bare number of seconds. Zero is no duration.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let duration = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
    (!duration.is_zero() && duration <= Duration::from_secs(7 * 24 * 3600)).then_some(duration)
}

/// `20MiB`, `64KiB`, `1GiB`, or a bare number of bytes. At least one byte.
pub fn size(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor).filter(|bytes| *bytes > 0)
}

/// A count of at least one.
pub fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| *count > 0)
}

/// `on`, `off`, `true`, `false`.
pub fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

/// 32 bytes written in hex or base64; the text is kept.
pub fn is_key(text: &str) -> bool {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_32 = |bytes: Result<Vec<u8>, _>| bytes.is_ok_and(|bytes| bytes.len() == 32);
    hex || is_32(STANDARD.decode(text)) || is_32(URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
}

/// An absolute `http` or `https` URL without credentials, query or fragment; trailing slashes cut.
pub fn base_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let clean = !host.is_empty() && !rest.contains(['?', '#', '@', ' ']) && !rest.chars().any(char::is_control);
    clean.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("90"), Some(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1h"), Some(Duration::from_secs(3600)));
        for bad in ["", "0", "-1s", "s", "1d", "1e400s", "99999999h", "1.2.3s", "soon"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("20MiB"), Some(20 << 20));
        assert_eq!(size("512"), Some(512));
        for bad in ["", "0", "1MB", "-1", "99999999999999999999GiB", "1.5MiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges_of_addresses() {
        assert_eq!(Cidr::parse("10.0.0.0/8"), Some(Cidr { address: "10.0.0.0".parse().unwrap(), bits: 8 }));
        assert_eq!(Cidr::parse("::1").map(|cidr| cidr.bits), Some(128));
        for bad in ["10.0.0.0/33", "10.0.0/8", "::/129", "host", "1.2.3.4/"] {
            assert_eq!(Cidr::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys() {
        assert!(is_key(&"ab".repeat(32)));
        assert!(is_key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        assert!(!is_key("short"));
        assert!(!is_key(&"ab".repeat(31)));
    }

    #[test]
    fn base_urls() {
        assert_eq!(base_url("https://example.com/v1/"), Some("https://example.com/v1".to_owned()));
        for bad in ["example.com", "ftp://x", "https://", "http://a?b", "http://user@host", "http://a b"] {
            assert_eq!(base_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
