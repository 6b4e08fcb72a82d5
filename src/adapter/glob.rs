//! Globs as specs use them: `*` stands for any text, everything else for itself.

/// Whether `text` fits `glob`. Letters are compared without regard to case, as error messages are
/// written either way.
pub fn matches(glob: &str, text: &str) -> bool {
    let mut pieces = glob.split('*');
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = strip_prefix(text, first) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        if let Some(before) = last.replace(piece) {
            let Some(at) = find(rest, before) else {
                return false;
            };
            rest = rest.get(at + before.len()..).unwrap_or("");
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => {
            rest.len() >= last.len() && rest.as_bytes()[rest.len() - last.len()..].eq_ignore_ascii_case(last.as_bytes())
        }
    }
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn find(text: &str, piece: &str) -> Option<usize> {
    if piece.is_empty() {
        return Some(0);
    }
    text.as_bytes().windows(piece.len()).position(|window| window.eq_ignore_ascii_case(piece.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, text, fits) in [
            ("abc", "abc", true),
            ("abc", "ABC", true),
            ("abc", "abcd", false),
            ("abc*", "abcd", true),
            ("*abc", "xabc", true),
            ("*abc*", "xxabcyy", true),
            ("a*b*c", "a--b--c", true),
            ("a*b*c", "a--c--b", false),
            ("*", "", true),
            ("ab*ba", "aba", false),
            ("*é*", "café au lait", true),
        ] {
            assert_eq!(matches(glob, text), fits, "{glob} {text}");
        }
    }
}
