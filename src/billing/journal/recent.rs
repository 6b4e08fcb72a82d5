//! What was written a moment ago, kept so that the drain need not read it from the file again.

use super::{Batch, End};
use crate::wire::event::Entry;
use std::collections::VecDeque;

/// Entries that are kept at most; a drain that falls further behind reads the file.
const MOST: usize = 4096;

/// The latest entries, in the order and the places of the file, without a gap.
#[derive(Default)]
pub(super) struct Recent {
    kept: VecDeque<Kept>,
}

struct Kept {
    entry: Entry,
    start: End,
    end: End,
}

impl Recent {
    /// Keeps an entry that was written from `start` to `end`, unless others between it and those
    /// that are kept are missing, or there are too many.
    pub(super) fn keep(&mut self, entry: Entry, start: End, end: End) {
        let follows = self.kept.back().is_none_or(|last| last.end == start);
        if follows && self.kept.len() < MOST {
            self.kept.push_back(Kept { entry, start, end });
        }
    }

    /// Takes out up to `most` entries of one segment from `from` on; `None` where what stands there
    /// is not kept. What stands before it is given up.
    pub(super) fn take(&mut self, from: End, most: usize) -> Option<Batch> {
        while self.kept.front().is_some_and(|kept| kept.start < from) {
            self.kept.pop_front();
        }
        let mut batch = Batch { entries: Vec::new(), position: from.position, torn: false };
        while batch.entries.len() < most {
            let at = End { segment: from.segment, position: batch.position };
            let Some(kept) = self.kept.pop_front_if(|kept| kept.start == at) else { break };
            batch.entries.push(kept.entry);
            batch.position = kept.end.position;
        }
        (!batch.entries.is_empty()).then_some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::event::NewCustomer;

    fn entry(id: &str) -> Entry {
        Entry::Customer(Box::new(NewCustomer {
            id: id.to_owned(),
            account_id: String::new(),
            external_id: String::new(),
            name: None,
            monthly_budget: None,
            rate_limit_rpm: None,
            rate_limit_tpm: None,
            metadata: [].into(),
            created: 0,
        }))
    }

    fn at(position: u64) -> End {
        End { segment: 1, position }
    }

    #[test]
    fn what_was_kept_is_taken_once_and_in_order() {
        let mut recent = Recent::default();
        for (name, start) in [("a", 0), ("b", 10), ("c", 20)] {
            recent.keep(entry(name), at(start), at(start + 10));
        }
        let first = recent.take(at(0), 2).expect("it is kept");
        assert_eq!((first.entries, first.position), (vec![entry("a"), entry("b")], 20));
        let rest = recent.take(at(20), 2).expect("it is kept");
        assert_eq!((rest.entries, rest.position), (vec![entry("c")], 30));
        assert!(recent.take(at(30), 2).is_none());
    }

    #[test]
    fn nothing_is_taken_from_another_place_than_where_it_stands() {
        let mut recent = Recent::default();
        recent.keep(entry("b"), at(10), at(20));
        // What stands before it is in the file alone.
        assert!(recent.take(at(0), 9).is_none());
        // One that does not follow is not kept: it would be taken for the next.
        recent.keep(entry("d"), at(30), at(40));
        let taken = recent.take(at(10), 9).expect("it is kept");
        assert_eq!((taken.entries, taken.position), (vec![entry("b")], 20));
        assert!(recent.take(at(20), 9).is_none());
        // And a segment is not mixed with another.
        recent.keep(entry("e"), at(40), at(50));
        recent.keep(entry("f"), at(50), at(60));
        assert!(recent.take(End { segment: 2, position: 0 }, 9).is_none());
        assert!(recent.take(at(50), 9).is_none(), "what was passed is given up");
    }
}
