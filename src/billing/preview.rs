//! What a slot's last 24 hours would have cost at another target.

use super::Reported;
use super::{Entry, Terms, charge};
use crate::clock::Timestamp;
use crate::money::{FemtoUsd, NanoUsd};
use crate::store::events::{self, Repriced};
use crate::store::{Store, StoreError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Customers that are named.
const MOST: usize = 100;

/// The answer of a preview.
#[derive(Debug, Serialize)]
pub struct Preview {
    pub alias: String,
    pub target: String,
    pub from: String,
    pub to: String,
    pub calls: u64,
    /// What the calls cost at list prices.
    pub list_cost_usd_before: NanoUsd,
    pub list_cost_usd_after: NanoUsd,
    /// What accounts paid for them, and would have paid.
    pub cost_usd_before: NanoUsd,
    pub cost_usd_after: NanoUsd,
    /// Customers whose margin was not below zero and would be, the worst first.
    pub customers_below_zero: Vec<CustomerMargin>,
    /// Whether more customers would be below zero than are named.
    pub more_customers: bool,
}

/// One customer's margin, of the calls that name a billable amount.
#[derive(Debug, Serialize)]
pub struct CustomerMargin {
    pub account: String,
    pub customer: String,
    pub margin_usd_before: NanoUsd,
    pub margin_usd_after: NanoUsd,
}

#[derive(Default)]
struct Margins {
    before: i64,
    after: i64,
}

/// Re-prices the calls of the last 24 hours that named `slot:<alias>`: the same tokens at the prices
/// of `entry`, which is that of `target`, with the markup that each call had.
///
/// # Errors
/// [`StoreError`].
pub async fn preview(
    store: &Store,
    alias: &str,
    target: &str,
    entry: &Entry,
    now: Timestamp,
) -> Result<Preview, StoreError> {
    let (from, to) = (now.minus(WINDOW), now);
    let mut preview = Preview {
        alias: alias.to_owned(),
        target: target.to_owned(),
        from: from.rfc3339(),
        to: to.rfc3339(),
        calls: 0,
        list_cost_usd_before: NanoUsd::ZERO,
        list_cost_usd_after: NanoUsd::ZERO,
        cost_usd_before: NanoUsd::ZERO,
        cost_usd_after: NanoUsd::ZERO,
        customers_below_zero: Vec::new(),
        more_customers: false,
    };
    let mut margins: BTreeMap<(String, String), Margins> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = events::of_reference(store, &format!("slot:{alias}"), from, after.as_deref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for event in page {
            let terms = Terms { markup_basis_points: markup_of(&event) };
            let charged = charge(&event.usage, entry, Reported::default(), FemtoUsd::default(), terms);
            preview.calls += 1;
            let sums = [
                (&mut preview.list_cost_usd_before, event.list_cost),
                (&mut preview.list_cost_usd_after, charged.list),
                (&mut preview.cost_usd_before, event.cost),
                (&mut preview.cost_usd_after, charged.cost),
            ];
            for (sum, amount) in sums {
                *sum = sum.saturating_add(amount);
            }
            if let (Some(customer), Some(billable)) = (event.customer, event.billable) {
                let margin = margins.entry((event.account_id, customer)).or_default();
                margin.before += billable.0 - event.cost.0;
                margin.after += billable.0 - charged.cost.0;
            }
        }
    }
    let mut below: Vec<CustomerMargin> = margins
        .into_iter()
        .filter(|(_, margin)| margin.before >= 0 && margin.after < 0)
        .map(|((account, customer), margin)| CustomerMargin {
            account,
            customer,
            margin_usd_before: NanoUsd(margin.before),
            margin_usd_after: NanoUsd(margin.after),
        })
        .collect();
    below.sort_by_key(|customer| customer.margin_usd_after);
    preview.more_customers = below.len() > MOST;
    below.truncate(MOST);
    preview.customers_below_zero = below;
    Ok(preview)
}

/// The markup that a call had: what it cost over its list cost.
fn markup_of(event: &Repriced) -> u32 {
    let (cost, list) = (i128::from(event.cost.0), i128::from(event.list_cost.0));
    if list <= 0 { 0 } else { u32::try_from(((cost - list) * 10_000 + list / 2) / list).unwrap_or(0) }
}
