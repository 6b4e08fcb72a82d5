//! Ids of tool calls for a provider that takes only its own kind.
//!
//! A conversation may have been begun with another provider, whose ids look otherwise. They become
//! ids of the right length, the same for the same, so that calls and results still meet.

use crate::adapter::view::{Part, Turn};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// Makes every id in the conversation fit: `length` letters and digits.
pub(super) fn fit(turns: &mut [Turn<'_>], length: u8) {
    for part in turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        let id = match part {
            Part::ToolCall(call) => &mut call.id,
            Part::ToolResult(result) => &mut result.call_id,
            _ => continue,
        };
        if !fits(id, length) {
            *id = Cow::Owned(made_of(id, length));
        }
    }
}

fn fits(id: &str, length: u8) -> bool {
    id.len() == usize::from(length) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Letters and digits of a hash; a byte makes each, which prefers some of them and matters to nobody.
fn made_of(id: &str, length: u8) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let hash = Sha256::digest(id.as_bytes());
    hash.iter().take(usize::from(length)).map(|byte| char::from(ALPHABET[usize::from(*byte) % 62])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_of_the_providers_own_stays() {
        assert!(fits("wyFNfgjhN", 9));
        assert!(!fits("call_1234", 9));
        assert!(!fits("wyFNfgjh", 9));
    }

    proptest! {
        #[test]
        fn every_id_is_made_to_fit_and_the_same_for_the_same(id in ".*", other in ".*") {
            let made = made_of(&id, 9);
            prop_assert!(fits(&made, 9));
            prop_assert_eq!(&made, &made_of(&id, 9));
            prop_assert!(id == other || made != made_of(&other, 9));
        }
    }
}
