//! What is wrong, and where.

use std::fmt;
use std::rc::Rc;

/// A place in a file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: Rc<str>,
    pub line: usize,
    pub column: usize,
}

/// One thing wrong with a spec, the place to mend it, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub at: Place,
    pub text: String,
}

impl Problem {
    pub fn new(at: Place, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.at.file, self.at.line, self.at.column, self.text)
    }
}

/// The word of `known` that was probably meant by `got`, as the end of a message.
pub fn suggest<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known.iter().map(|word| (distance(got, word), *word)).min();
    match nearest {
        Some((far, word)) if far <= 2.max(got.len() / 3) => format!("did you mean `{word}`?"),
        Some(_) => format!("one of: {}", known.join(", ")),
        None => "there are none here".to_owned(),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}
