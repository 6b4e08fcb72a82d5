//! Usage and margin: sums of usage events by whatever an account wants to know them by.
//!
//! Time, customer, provider and model are known to the rollups, which answer in milliseconds
//! however many events there are, and are brought up to date by whoever asks. Tags, sessions and properties are read from the events
//! themselves, so the time of such a report is bounded.

mod groups;
mod pieces;

pub use groups::{Group, GroupError, parse};

use crate::clock::Timestamp;
use crate::money::NanoUsd;
use crate::store::rollups::{self, Dimension, Row, Source, Span, Sums, Wanted};
use crate::store::{Store, StoreError};
use pieces::pieces;
use std::collections::BTreeMap;
use std::time::Duration;

/// Rows that a report has at most.
pub const MOST_ROWS: usize = 50_000;
/// The longest time that a report by tag, session or property spans.
pub const LONGEST_SCAN: Duration = Duration::from_secs(93 * 24 * 3600);

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    pub account: String,
    /// One customer, by its external id.
    pub customer: Option<String>,
    /// Half-open.
    pub from: Timestamp,
    pub to: Timestamp,
    pub groups: Vec<Group>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each with one value for each group of the question, in order.
    pub rows: Vec<(Vec<Option<String>>, Measures)>,
    /// Each call once, whatever it is grouped by.
    pub total: Measures,
}

/// What a report says of a group of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    pub calls: u64,
    pub errors: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub cached_input_tokens: u64,
    pub cost: NanoUsd,
    pub list_cost: NanoUsd,
    pub billable: NanoUsd,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Too long a time for events to be read.
    #[error("too long a time for a report by tag, session or property")]
    TooLong,
    /// More than [`MOST_ROWS`].
    #[error("too many rows")]
    TooLarge,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Measures {
    /// What is billed less what it cost; a call without a billable amount brings nothing in.
    pub fn margin(&self) -> NanoUsd {
        self.billable.saturating_sub(self.cost)
    }

    /// The margin in hundredths of a per cent of what is billed, half to even; `None` where
    /// nothing is billed.
    pub fn margin_basis_points(&self) -> Option<i128> {
        let (billable, scaled) = (i128::from(self.billable.0), i128::from(self.margin().0) * 10_000);
        if billable <= 0 {
            return None;
        }
        let (quotient, rest) = (scaled.div_euclid(billable), scaled.rem_euclid(billable));
        let up = rest * 2 > billable || (rest * 2 == billable && quotient % 2 != 0);
        Some(quotient + i128::from(up))
    }
}

impl From<Sums> for Measures {
    fn from(sums: Sums) -> Self {
        let count = |value: i128| u64::try_from(value).unwrap_or(if value < 0 { 0 } else { u64::MAX });
        let amount = |value: i128| NanoUsd(i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX }));
        Self {
            calls: count(sums.calls),
            errors: count(sums.errors),
            prompt_tokens: count(sums.prompt_tokens),
            completion_tokens: count(sums.completion_tokens),
            cached_input_tokens: count(sums.cached_input_tokens),
            cost: amount(sums.cost),
            list_cost: amount(sums.list_cost),
            billable: amount(sums.billable),
        }
    }
}

/// Answers a question.
///
/// # Errors
/// [`ReportError`].
pub async fn report(store: &Store, question: &Question) -> Result<Report, ReportError> {
    let dimensions = dimensions(&question.groups);
    let of_events = question.groups.iter().any(Group::is_of_events);
    if of_events && question.to.0.saturating_sub(question.from.0) > LONGEST_SCAN.as_millis() as i64 {
        return Err(ReportError::TooLong);
    }
    let largest = question.groups.iter().filter_map(Group::span).min().unwrap_or(Span::Month);
    let pieces = if of_events {
        vec![(Source::Events, (question.from, question.to))]
    } else {
        pieces(question.from, question.to, largest)
    };
    if pieces.iter().any(|(source, _)| *source != Source::Events) {
        rollups::catch_up(store).await?;
    }
    let mut gathered = Gathered::default();
    for (source, time) in pieces {
        let wanted = Wanted {
            account: &question.account,
            customer: question.customer.as_deref(),
            source,
            time,
            dimensions: &dimensions,
        };
        rollups::each(store, wanted, |row| gathered.take(&question.groups, &dimensions, &row)).await?;
    }
    let rows = gathered.rows.into_iter().map(|(key, sums)| (key, sums.into())).collect();
    Ok(Report { rows, total: gathered.total.into() })
}

/// What the database is asked to tell apart.
fn dimensions(groups: &[Group]) -> Vec<Dimension> {
    let hours = groups.contains(&Group::Time(Span::Hour));
    let mut dimensions = Vec::new();
    for group in groups {
        let dimension = match group {
            Group::Time(_) => Dimension::Time { hours },
            Group::Model => Dimension::Model,
            Group::Provider => Dimension::Provider,
            Group::Customer => Dimension::Customer,
            Group::Tag => Dimension::Tags,
            Group::Session => Dimension::Session,
            Group::Property(_) => Dimension::Properties,
        };
        if !dimensions.contains(&dimension) {
            dimensions.push(dimension);
        }
    }
    dimensions
}

#[derive(Default)]
struct Gathered {
    rows: BTreeMap<Vec<Option<String>>, Sums>,
    total: Sums,
}

impl Gathered {
    fn take(&mut self, groups: &[Group], dimensions: &[Dimension], row: &Row) -> Result<(), ReportError> {
        if row.sums.calls == 0 {
            // The sum over no events at all.
            return Ok(());
        }
        self.total.add(&row.sums);
        let value = |wanted: &Group| {
            let at = dimensions.iter().position(|dimension| wanted.reads(*dimension));
            at.and_then(|at| row.values[at].as_deref())
        };
        let mut keys: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(groups.len())];
        for group in groups {
            let labels = group.labels(value(group)).map_err(StoreError::Value)?;
            keys = keys
                .into_iter()
                .flat_map(|key| labels.iter().map(move |label| [key.as_slice(), std::slice::from_ref(label)].concat()))
                .collect();
        }
        for key in keys {
            self.rows.entry(key).or_default().add(&row.sums);
        }
        if self.rows.len() > MOST_ROWS {
            return Err(ReportError::TooLarge);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margin_is_what_is_billed_less_what_it_cost() {
        let of = |billable: i64, cost: i64| Measures {
            billable: NanoUsd(billable),
            cost: NanoUsd(cost),
            ..Measures::default()
        };
        for (billable, cost, margin, points) in [
            (0, 0, 0, None),
            (0, 5, -5, None),
            (100, 40, 60, Some(6000)),
            (100, 250, -150, Some(-15_000)),
            (3, 1, 2, Some(6667)),
            // 0.5 and 1.5 hundredths of a per cent go to the even one.
            (20_000, 19_999, 1, Some(0)),
            (20_000, 19_997, 3, Some(2)),
        ] {
            let measures = of(billable, cost);
            assert_eq!((measures.margin(), measures.margin_basis_points()), (NanoUsd(margin), points));
        }
    }
}
