//! Thought that a model writes into its text, between two tags at the text's start.
//!
//! Pieces may be cut anywhere, in a tag too. What may yet be the beginning of a tag is held back,
//! and so is white space next to one, which belongs to the tags; nothing else is.

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Thought(&'a str),
    Text(&'a str),
}

/// Takes a text apart, piece by piece.
pub struct Splitter {
    open: &'static str,
    close: &'static str,
    at: At,
    held: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing but white space and what may be the opening tag has come.
    Start,
    /// Right behind the opening tag.
    Opened,
    Thought,
    /// Right behind the closing tag.
    Closed,
    Text,
}

impl Splitter {
    pub fn new((open, close): (&'static str, &'static str)) -> Self {
        Self { open, close, at: At::Start, held: String::new() }
    }

    /// Takes a piece and gives out what it is now known to be.
    pub fn feed(&mut self, piece: &str, mut give: impl FnMut(Part<'_>)) {
        if self.at == At::Text {
            give(Part::Text(piece));
            return;
        }
        self.held.push_str(piece);
        while let Some(next) = self.step(&mut give) {
            self.at = next;
        }
    }

    /// No more text comes: what was held back is what it seemed to be.
    pub fn finish(&mut self, mut give: impl FnMut(Part<'_>)) {
        let held = std::mem::take(&mut self.held);
        let part = match self.at {
            At::Opened | At::Thought => Part::Thought(&held),
            At::Start | At::Closed | At::Text => Part::Text(&held),
        };
        if !held.is_empty() {
            give(part);
        }
        self.at = At::Text;
    }

    /// Reads as far as one state goes; `None` where more must come.
    fn step(&mut self, give: &mut impl FnMut(Part<'_>)) -> Option<At> {
        match self.at {
            At::Start => {
                let begun = self.held.trim_start();
                if let Some(rest) = begun.strip_prefix(self.open) {
                    self.held = rest.to_owned();
                    return Some(At::Opened);
                }
                (!self.open.starts_with(begun)).then_some(At::Text)
            }
            At::Opened | At::Closed => {
                self.held = self.held.trim_start().to_owned();
                let next = if self.at == At::Opened { At::Thought } else { At::Text };
                (!self.held.is_empty()).then_some(next)
            }
            At::Thought => {
                if let Some((thought, rest)) = self.held.split_once(self.close) {
                    if !thought.trim_end().is_empty() {
                        give(Part::Thought(thought.trim_end()));
                    }
                    self.held = rest.to_owned();
                    return Some(At::Closed);
                }
                let known = self.held[..self.held.len() - self.begun_close()].trim_end().len();
                if known > 0 {
                    give(Part::Thought(&self.held[..known]));
                    self.held.drain(..known);
                }
                None
            }
            At::Text => {
                if !self.held.is_empty() {
                    give(Part::Text(&std::mem::take(&mut self.held)));
                }
                None
            }
        }
    }

    /// Bytes at the end of what is held that may be the beginning of the closing tag.
    fn begun_close(&self) -> usize {
        let lengths = (1..self.close.len()).rev().filter(|length| self.close.is_char_boundary(*length));
        lengths.into_iter().find(|length| self.held.ends_with(&self.close[..*length])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Thought and text, put together again.
    fn split<'p>(pieces: impl IntoIterator<Item = &'p str>) -> (String, String) {
        let (mut thought, mut text) = (String::new(), String::new());
        let mut splitter = Splitter::new(("<think>", "</think>"));
        let mut give = |part: Part<'_>| match part {
            Part::Thought(piece) => thought.push_str(piece),
            Part::Text(piece) => text.push_str(piece),
        };
        for piece in pieces {
            splitter.feed(piece, &mut give);
        }
        splitter.finish(&mut give);
        (thought, text)
    }

    /// The same of a whole text, said in one line for each case.
    fn by_definition(whole: &str) -> (String, String) {
        let Some(inside) = whole.trim_start().strip_prefix("<think>").map(str::trim_start) else {
            return (String::new(), whole.to_owned());
        };
        match inside.split_once("</think>") {
            Some((thought, text)) => (thought.trim_end().to_owned(), text.trim_start().to_owned()),
            None => (inside.to_owned(), String::new()),
        }
    }

    #[test]
    fn thought_stands_between_the_tags_and_only_at_the_start() {
        for (whole, thought, text) in [
            ("<think>\nwhy\n</think>\n\nso", "why", "so"),
            ("  <think>why</think>so", "why", "so"),
            ("so <think>no</think>", "", "so <think>no</think>"),
            ("<thin", "", "<thin"),
            ("<think>cut </thi", "cut </thi", ""),
            ("<think></think>so", "", "so"),
            ("<think>a</think><think>b</think>", "a", "<think>b</think>"),
            ("  ", "", "  "),
        ] {
            assert_eq!(split([whole]), (thought.to_owned(), text.to_owned()), "{whole:?}");
        }
    }

    #[test]
    fn nothing_is_held_back_that_is_known() {
        let mut splitter = Splitter::new(("<think>", "</think>"));
        let mut seen = Vec::new();
        let mut feed = |piece: &str| {
            seen.clear();
            splitter.feed(piece, |part| seen.push(format!("{part:?}")));
            seen.join(" ")
        };
        assert_eq!(feed("<th"), "");
        assert_eq!(feed("ink>\nfirst "), "Thought(\"first\")");
        assert_eq!(feed("second</"), "Thought(\" second\")");
        assert_eq!(feed("b> third"), "Thought(\"</b> third\")");
        assert_eq!(feed("</think>\n"), "");
        assert_eq!(feed("answer"), "Text(\"answer\")");
        assert_eq!(feed(" </think>"), "Text(\" </think>\")");
    }

    proptest! {
        #[test]
        fn wherever_a_text_is_cut_the_parts_are_the_same(
            words in prop::collection::vec(prop::sample::select(vec![
                "<think>", "</think>", "<", "</", "think>", " ", "\n", "a", "日本", "</thi", "é",
            ]), 0..9),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let whole = words.concat();
            let mut at: Vec<usize> = cuts.iter().map(|cut| {
                let mut at = cut.index(whole.len() + 1);
                while !whole.is_char_boundary(at) {
                    at -= 1;
                }
                at
            }).collect();
            at.extend([0, whole.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &whole[pair[0]..pair[1]]);
            prop_assert_eq!(split(pieces), by_definition(&whole));
        }
    }
}
