//! Ids and tokens: random, prefixed, and in the order they were made.

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;
use std::fmt;

/// Crockford's base 32, in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `<prefix>_` and 26 characters: 48 bits of milliseconds, 80 random bits (a ULID), so that ids
/// sort by the time they were made and a database's index grows at one end.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(SmolStr);

impl Id {
    /// A new id. Time comes from the process's clock, for order alone.
    pub fn new(prefix: &str) -> Self {
        Self::at(prefix, crate::clock::Clock::of_machine().now().0)
    }

    fn at(prefix: &str, milliseconds: i64) -> Self {
        let random: u128 = rand::rng().random();
        let bits = ((milliseconds as u128 & 0xFFFF_FFFF_FFFF) << 80) | (random & ((1 << 80) - 1));
        let characters: [u8; 26] = std::array::from_fn(|at| ALPHABET[(bits >> ((25 - at) * 5)) as usize & 31]);
        // The alphabet is ASCII.
        let characters = std::str::from_utf8(&characters).unwrap_or_default();
        Self([prefix, "_", characters].concat().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0.into()
    }

    /// Its text, to be shared.
    pub fn into_text(self) -> SmolStr {
        self.0
    }

    /// `<prefix>-…`, as OpenAI writes the ids of answers.
    pub fn with_hyphen(self) -> String {
        self.0.replacen('_', "-", 1)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A bearer token as its owner holds it. Shown once; stored only as [`TokenHash`].
#[derive(Clone)]
pub struct Token(String);

/// What is stored of a token: SHA-256. A token has 200 random bits, so a slow hash adds nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl Token {
    /// A new token: `ko_` or `ka_` and 40 characters of 5 random bits each.
    pub fn new(prefix: &str) -> Self {
        let mut rng = rand::rng();
        let mut text = format!("{prefix}_");
        for _ in 0..40 {
            text.push(char::from(ALPHABET[rng.random_range(0..32)]));
        }
        Self(text)
    }

    /// The token itself, to be shown to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its last four characters, by which it is listed.
    pub fn last_four(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl TokenHash {
    /// The hash of a text that claims to be a token.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads what [`TokenHash::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_sort_by_time() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| Id::new("req")).collect();
        assert_eq!(ids.len(), 1000);
        assert!(Id::at("x", 1_000) < Id::at("x", 1_001));
        assert!(ids.iter().all(|id| id.as_str().len() == 30 && id.as_str().starts_with("req_")));
    }

    #[test]
    fn tokens_do_not_show_themselves() {
        let token = Token::new("ko");
        assert!(!format!("{token:?}").contains(token.expose()));
        assert!(token.expose().starts_with("ko_") && token.expose().len() == 43);
        assert!(token.expose().ends_with(token.last_four()));
    }

    #[test]
    fn hashes_read_back() {
        let hash = TokenHash::of("ko_x");
        assert!(TokenHash::from_hex(&hash.to_hex()) == Some(hash));
        assert!(TokenHash::from_hex("zz").is_none() && TokenHash::from_hex(&"é".repeat(32)).is_none());
    }
}
