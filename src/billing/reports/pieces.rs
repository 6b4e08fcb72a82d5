//! A time, cut into the largest spans that there are sums of.

use crate::clock::Timestamp;
use crate::store::rollups::{Source, Span};

/// Half-open.
type Time = (Timestamp, Timestamp);

/// Cuts a time into whole months, days and hours, none larger than `largest`, and the ragged ends
/// that only events know. Each moment lies in exactly one piece.
pub fn pieces(from: Timestamp, to: Timestamp, largest: Span) -> Vec<(Source, Time)> {
    let spans: Vec<Span> = Span::ALL.into_iter().filter(|span| *span <= largest).collect();
    let mut pieces = Vec::new();
    cut(from, to, &spans, &mut pieces);
    pieces
}

fn cut(from: Timestamp, to: Timestamp, spans: &[Span], pieces: &mut Vec<(Source, Time)>) {
    if from >= to {
        return;
    }
    let Some((span, smaller)) = spans.split_first() else {
        pieces.push((Source::Events, (from, to)));
        return;
    };
    let (first, last) = (span.ceil(from), span.floor(to));
    if first >= last {
        return cut(from, to, smaller, pieces);
    }
    cut(from, first, smaller, pieces);
    pieces.push((Source::Rollups(*span), (first, last)));
    cut(last, to, smaller, pieces);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_month_is_one_piece_and_ragged_ends_are_cut_finer() {
        // 2025-11-01 and 2025-12-01.
        let (november, december) = (Timestamp(1_761_955_200_000), Timestamp(1_764_547_200_000));
        assert_eq!(pieces(november, december, Span::Month), [(Source::Rollups(Span::Month), (november, december))]);
        assert_eq!(pieces(november, december, Span::Hour), [(Source::Rollups(Span::Hour), (november, december))]);
        let late = Timestamp(december.0 + 25 * 3_600_000 + 1);
        assert_eq!(
            pieces(november, late, Span::Month),
            [
                (Source::Rollups(Span::Month), (november, december)),
                (Source::Rollups(Span::Day), (december, Timestamp(december.0 + 24 * 3_600_000))),
                (
                    Source::Rollups(Span::Hour),
                    (Timestamp(december.0 + 24 * 3_600_000), Timestamp(december.0 + 25 * 3_600_000))
                ),
                (Source::Events, (Timestamp(december.0 + 25 * 3_600_000), late)),
            ]
        );
        assert_eq!(pieces(december, november, Span::Month), []);
    }

    proptest! {
        #[test]
        fn pieces_join_without_gap_or_overlap(from in 0_i64..4_000_000_000_000, length in 1_i64..100_000_000_000, largest in 0_usize..3) {
            let (from, to) = (Timestamp(from), Timestamp(from + length));
            let largest = Span::ALL[largest];
            let mut at = from;
            for (source, (start, end)) in pieces(from, to, largest) {
                prop_assert_eq!(start, at);
                prop_assert!(start < end);
                if let Source::Rollups(span) = source {
                    prop_assert!(span <= largest && span.floor(start) == start && span.floor(end) == end);
                } else {
                    prop_assert!(end.0 - start.0 < 2 * 3_600_000);
                }
                at = end;
            }
            prop_assert_eq!(at, to);
        }
    }
}
