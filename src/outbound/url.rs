//! URLs as callers write them.

use super::Reach;
use super::address::allowed;
use reqwest::Url;
use std::net::IpAddr;

/// Why a URL is not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("it is no URL")]
    Malformed,
    #[error("it must begin with https://")]
    Scheme,
    #[error("it must not hold a user name or password")]
    Userinfo,
    #[error("its host is not on the public internet")]
    Host,
}

/// Names that mean this machine or this network, whatever they resolve to.
const DENIED_NAMES: &[&str] = &["localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain"];

/// Reads a URL and checks what can be seen of it.
///
/// # Errors
/// [`UrlError`].
pub fn check(text: &str, reach: Reach) -> Result<Url, UrlError> {
    // The parser drops these without a word; who writes them wants a check to see another host.
    if text.chars().any(|c| c.is_control() || c == '\\') || text.trim() != text {
        return Err(UrlError::Malformed);
    }
    // It also brings every spelling of an IPv4 address (decimal, octal, hexadecimal, short) into
    // the usual one, and letters of other scripts into their ASCII names.
    let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(UrlError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Userinfo);
    }
    let host = url.host_str().ok_or(UrlError::Malformed)?;
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let loopback = match literal {
        Some(address) if !allowed(address, reach) => return Err(UrlError::Host),
        Some(address) => address.to_canonical().is_loopback(),
        None => check_name(host, reach)?,
    };
    if url.scheme() == "http" && !loopback {
        return Err(UrlError::Scheme);
    }
    Ok(url)
}

/// Says whether the name means this machine.
fn check_name(host: &str, reach: Reach) -> Result<bool, UrlError> {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if name == "localhost" && reach == Reach::AndLoopback {
        return Ok(true);
    }
    let denied = DENIED_NAMES
        .iter()
        .any(|denied| name.strip_suffix(denied).is_some_and(|before| before.is_empty() || before.ends_with('.')));
    // A name without a dot is one of this network.
    if denied || !name.contains('.') || name.ends_with('.') || name.starts_with('.') {
        return Err(UrlError::Host);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row a way of reaching what should not be reached.
    #[test]
    fn hostile_urls_are_refused_and_good_ones_are_not() {
        use UrlError::{Host, Malformed, Scheme, Userinfo};
        #[rustfmt::skip]
        let rows: &[(&str, Option<UrlError>)] = &[
            ("https://images.example.com/cat.png", None),
            ("https://images.example.com:8443/cat.png?size=1#top", None),
            ("https://93.184.216.34/cat.png", None),
            ("https://[2606:2800:220:1::1]/cat.png", None),
            ("https://bücher.example/cat.png", None),
            ("https://IMAGES.example.COM./cat.png", None),
            // Schemes.
            ("http://images.example.com/cat.png", Some(Scheme)),
            ("ftp://images.example.com/cat.png", Some(Scheme)),
            ("file:///etc/passwd", Some(Scheme)),
            ("gopher://127.0.0.1:6379/_INFO", Some(Scheme)),
            ("data:image/png;base64,AAAA", Some(Scheme)),
            ("javascript:alert(1)", Some(Scheme)),
            ("//images.example.com/cat.png", Some(Malformed)),
            ("/etc/passwd", Some(Malformed)),
            ("", Some(Malformed)),
            ("https://", Some(Malformed)),
            // Private, loopback, link-local, metadata.
            ("https://127.0.0.1/", Some(Host)),
            ("https://127.255.255.254/", Some(Host)),
            ("https://10.0.0.1/", Some(Host)),
            ("https://172.16.0.1/", Some(Host)),
            ("https://172.31.255.255/", Some(Host)),
            ("https://172.32.0.1/", None),
            ("https://192.168.1.1/", Some(Host)),
            ("https://169.254.169.254/latest/meta-data/", Some(Host)),
            ("https://168.63.129.16/", Some(Host)),
            ("https://100.64.0.1/", Some(Host)),
            ("https://100.128.0.1/", None),
            ("https://0.0.0.0/", Some(Host)),
            ("https://0.1.2.3/", Some(Host)),
            ("https://192.0.0.192/", Some(Host)),
            ("https://192.0.2.1/", Some(Host)),
            ("https://198.18.0.1/", Some(Host)),
            ("https://198.51.100.1/", Some(Host)),
            ("https://203.0.113.1/", Some(Host)),
            ("https://192.88.99.1/", Some(Host)),
            ("https://224.0.0.1/", Some(Host)),
            ("https://240.0.0.1/", Some(Host)),
            ("https://255.255.255.255/", Some(Host)),
            // The same in odd spellings.
            ("https://2130706433/", Some(Host)),
            ("https://0x7f000001/", Some(Host)),
            ("https://0x7f.0.0.1/", Some(Host)),
            ("https://017700000001/", Some(Host)),
            ("https://0177.0.0.1/", Some(Host)),
            ("https://127.1/", Some(Host)),
            ("https://127.0.1/", Some(Host)),
            ("https://127.0.0.1./", Some(Host)),
            ("https://0xA9FEA9FE/", Some(Host)),
            ("https://2852039166/", Some(Host)),
            ("https://①②⑦.0.0.1/", Some(Host)),
            ("https://127。0。0。1/", Some(Host)),
            ("https://%31%32%37.0.0.1/", Some(Host)),
            ("https://99999999999/", Some(Malformed)),
            // IPv6 and IPv4 inside it.
            ("https://[::1]/", Some(Host)),
            ("https://[::]/", Some(Host)),
            ("https://[0:0:0:0:0:0:0:1]/", Some(Host)),
            ("https://[::ffff:127.0.0.1]/", Some(Host)),
            ("https://[::ffff:7f00:1]/", Some(Host)),
            ("https://[::ffff:a9fe:a9fe]/", Some(Host)),
            ("https://[::127.0.0.1]/", Some(Host)),
            ("https://[64:ff9b::7f00:1]/", Some(Host)),
            ("https://[64:ff9b:1::a00:1]/", Some(Host)),
            ("https://[2002:7f00:1::]/", Some(Host)),
            ("https://[2001::1]/", Some(Host)),
            ("https://[2001:db8::1]/", Some(Host)),
            ("https://[3fff::1]/", Some(Host)),
            ("https://[fe80::1]/", Some(Host)),
            ("https://[fe80::1%25eth0]/", Some(Malformed)),
            ("https://[fe80::1%eth0]/", Some(Malformed)),
            ("https://[fc00::1]/", Some(Host)),
            ("https://[fd00:ec2::254]/", Some(Host)),
            ("https://[fec0::1]/", Some(Host)),
            ("https://[ff02::1]/", Some(Host)),
            ("https://[100::1]/", Some(Host)),
            ("https://[5f00::1]/", Some(Host)),
            ("https://[::ffff:93.184.216.34]/", None),
            // Names of this machine and network.
            ("https://localhost/", Some(Host)),
            ("https://LOCALHOST./", Some(Host)),
            ("https://a.localhost/", Some(Host)),
            ("https://localhost.localdomain/", Some(Host)),
            ("https://metadata.google.internal/", Some(Host)),
            ("https://metadata.google.internal./", Some(Host)),
            ("https://printer.local/", Some(Host)),
            ("https://kubernetes/", Some(Host)),
            ("https://db:5432/", Some(Host)),
            ("https://notlocalhost.example/", None),
            ("https://images.example.com../", Some(Host)),
            // What a reader and a parser may see differently.
            ("https://user@images.example.com/", Some(Userinfo)),
            ("https://images.example.com@127.0.0.1/", Some(Userinfo)),
            ("https://images.example.com:pw@10.0.0.1/", Some(Userinfo)),
            ("https://images.example.com\\@127.0.0.1/", Some(Malformed)),
            ("https:\\\\127.0.0.1/", Some(Malformed)),
            ("https://images.example.com\n@127.0.0.1/", Some(Malformed)),
            ("https://127.0.0.1\t/", Some(Malformed)),
            (" https://127.0.0.1/", Some(Malformed)),
            ("https:127.0.0.1/", Some(Host)),
            ("https:///127.0.0.1/", Some(Host)),
            ("https://images.example.com:99999/", Some(Malformed)),
        ];
        for (url, wanted) in rows {
            assert_eq!(check(url, Reach::Public).err(), *wanted, "{url}");
        }
    }

    #[test]
    fn loopback_is_reached_where_it_is_allowed_and_nothing_else_is() {
        for good in [
            "http://127.0.0.1:9/x",
            "http://localhost:9/x",
            "https://localhost/",
            "http://[::1]:9/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert_eq!(check(good, Reach::AndLoopback).err(), None, "{good}");
        }
        for bad in
            ["http://10.0.0.1/", "http://169.254.169.254/", "https://a.internal/", "http://0.0.0.0/", "http://[::]/"]
        {
            assert_eq!(check(bad, Reach::AndLoopback).err(), Some(UrlError::Host), "{bad}");
        }
        assert_eq!(check("http://images.example.com/", Reach::AndLoopback).err(), Some(UrlError::Scheme));
    }
}
