//! Guesses what somebody meant by a name that does not exist.

/// The known name nearest to `given`, when it is near enough to be worth saying.
pub fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Long names are cut: the table below is quadratic and the text may be a stranger's.
    let given: Vec<char> = given.chars().take(64).flat_map(char::to_lowercase).collect();
    let allowed = (given.len() / 3).clamp(1, 4);
    known
        .map(|name| (distance(&given, &name.chars().take(64).flat_map(char::to_lowercase).collect::<Vec<_>>()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours from `a` to `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut table = vec![0; (a.len() + 1) * width];
    for row in 0..=a.len() {
        for column in 0..=b.len() {
            table[row * width + column] = if row == 0 || column == 0 {
                row + column
            } else {
                let (left, right) = (a[row - 1], b[column - 1]);
                let above = table[(row - 1) * width + column] + 1;
                let before = table[row * width + column - 1] + 1;
                let diagonal = table[(row - 1) * width + column - 1] + usize::from(left != right);
                let mut best = above.min(before).min(diagonal);
                if row > 1 && column > 1 && left == b[column - 2] && a[row - 2] == right {
                    best = best.min(table[(row - 2) * width + column - 2] + 1);
                }
                best
            };
        }
    }
    table[table.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_that_are_near_are_found() {
        let known = ["openai", "anthropic", "groq", "sim"];
        assert_eq!(nearest("opnai", known.into_iter()), Some("openai"));
        assert_eq!(nearest("Antropic", known.into_iter()), Some("anthropic"));
        assert_eq!(nearest("gorq", known.into_iter()), Some("groq"));
        assert_eq!(nearest("mistral", known.into_iter()), None);
        assert_eq!(nearest("", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known.into_iter()), None);
    }
}
