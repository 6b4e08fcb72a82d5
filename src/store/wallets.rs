//! Wallets of accounts and customers. Entries are only ever added; a wallet's balance is their sum,
//! and both change in one transaction.

use super::batch;
use super::entity::{wallet, wallet_entry};
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::money::NanoUsd;
use crate::wire::event::UsageEvent;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Value,
};
use std::collections::BTreeMap;

/// Why a balance changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Topup,
    Debit,
    Adjust,
    Refund,
    /// The operator's, on an account's wallet.
    Credit,
    /// A plan's monthly fee.
    Fee,
}

impl Kind {
    /// As the API writes it.
    pub fn text(self) -> &'static str {
        match self {
            Kind::Topup => "topup",
            Kind::Debit => "debit",
            Kind::Adjust => "adjust",
            Kind::Refund => "refund",
            Kind::Credit => "credit",
            Kind::Fee => "fee",
        }
    }
}

/// A wallet.
#[derive(Clone, Debug)]
pub struct Wallet {
    pub account_id: String,
    /// `None`: the account's own.
    pub customer_id: Option<String>,
    pub balance: NanoUsd,
    /// Whether it is a cap.
    pub open: bool,
}

/// Whose wallet.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub account: &'a str,
    /// `None`: the account's own.
    pub customer: Option<&'a str>,
}

impl Owner<'_> {
    fn id(&self) -> &str {
        self.customer.unwrap_or(self.account)
    }
}

/// One change of a balance.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: String,
    pub kind: Kind,
    /// Below zero: taken.
    pub amount: NanoUsd,
    pub note: Option<String>,
    pub created: Timestamp,
}

/// An entry as it stands in the history.
#[derive(Clone, Debug)]
pub struct EntryRow {
    pub id: String,
    pub kind: String,
    pub amount: NanoUsd,
    pub event_id: Option<String>,
    pub note: Option<String>,
    pub created: Timestamp,
}

/// Adds an entry and what it changes; `open` says whether the wallet is a cap from now on.
/// `false`: an entry of that id is there already, and nothing was changed.
pub async fn add(store: &Store, owner: Owner<'_>, change: &Change, open: bool) -> Result<bool, StoreError> {
    let writing = store.writing().await?;
    let transaction = &*writing;
    let row = wallet_entry::ActiveModel {
        id: Set(change.id.clone()),
        owner: Set(owner.id().to_owned()),
        kind: Set(change.kind.text().to_owned()),
        amount_nano_usd: Set(change.amount.0),
        event_id: Set(None),
        note: Set(change.note.clone()),
        created: Set(change.created.0),
    };
    let conflict = OnConflict::column(wallet_entry::Column::Id).do_nothing().to_owned();
    let added = wallet_entry::Entity::insert(row).on_conflict(conflict).exec_without_returning(transaction).await?;
    if added == 0 {
        writing.commit().await?;
        return Ok(false);
    }
    upsert(transaction, owner, change.amount, Some(open)).await?;
    writing.commit().await?;
    Ok(true)
}

async fn upsert(
    transaction: &impl ConnectionTrait,
    owner: Owner<'_>,
    amount: NanoUsd,
    open: Option<bool>,
) -> Result<(), StoreError> {
    let row = wallet::ActiveModel {
        owner: Set(owner.id().to_owned()),
        account_id: Set(owner.account.to_owned()),
        customer_id: Set(owner.customer.map(str::to_owned)),
        balance_nano_usd: Set(amount.0),
        open: Set(open.unwrap_or(owner.customer.is_none())),
    };
    // Only ever a difference: a balance that was read before could be an old one.
    let mut conflict = OnConflict::column(wallet::Column::Owner);
    conflict.value(wallet::Column::BalanceNanoUsd, Expr::cust("wallets.balance_nano_usd + excluded.balance_nano_usd"));
    if open.is_some() {
        conflict.update_column(wallet::Column::Open);
    }
    wallet::Entity::insert(row).on_conflict(conflict).exec_without_returning(transaction).await?;
    Ok(())
}

/// Adds the debits of events that have just been recorded.
pub(super) async fn debit(transaction: &impl ConnectionTrait, events: &[&UsageEvent]) -> Result<(), StoreError> {
    let mut entries: Vec<Debit<'_>> = Vec::new();
    // In the order of owners, so that two transactions do not wait for each other.
    let mut sums: BTreeMap<(&str, Option<&str>), NanoUsd> = BTreeMap::new();
    for event in events {
        let of_customer = event.customer_debit.zip(event.customer_id.as_deref()).map(|(debit, id)| (debit, Some(id)));
        let of_account = event.account_debit.map(|debit| (debit, None));
        for (debit, customer) in [of_customer, of_account].into_iter().flatten() {
            if debit == NanoUsd::ZERO {
                continue;
            }
            let amount = NanoUsd::ZERO.saturating_sub(debit);
            let sum = sums.entry((&event.account_id, customer)).or_default();
            *sum = sum.saturating_add(amount);
            entries.push(Debit { event, owner: Owner { account: &event.account_id, customer }, amount });
        }
    }
    let columns = ["id", "owner", "kind", "amount_nano_usd", "event_id", "note", "created"];
    let into = batch::Into { table: "wallet_entries", columns: &columns, conflict: "" };
    batch::insert(transaction, &into, &entries, |Debit { event, owner, amount }, values| {
        let prefix = if owner.customer.is_some() { CUSTOMERS } else { ACCOUNTS };
        let suffix = event.id.split_once('_').map_or(event.id.as_str(), |(_, suffix)| suffix);
        values.extend([
            format!("{prefix}_{suffix}").into(),
            owner.id().into(),
            Kind::Debit.text().into(),
            amount.0.into(),
            event.id.as_str().into(),
            Value::from(None::<String>),
            event.created.into(),
        ]);
        Ok(())
    })
    .await?;
    let sums: Vec<(Owner<'_>, NanoUsd)> =
        sums.into_iter().map(|((account, customer), amount)| (Owner { account, customer }, amount)).collect();
    // Only ever a difference: a balance that was read before could be an old one.
    let into = batch::Into {
        table: "wallets",
        columns: &["owner", "account_id", "customer_id", "balance_nano_usd", "open"],
        conflict: "ON CONFLICT (owner) DO UPDATE SET balance_nano_usd = wallets.balance_nano_usd + excluded.balance_nano_usd",
    };
    batch::insert(transaction, &into, &sums, |(owner, amount), values| {
        let (customer, is_open) = (owner.customer.map(str::to_owned), owner.customer.is_none());
        values.extend([owner.id().into(), owner.account.into(), customer.into(), amount.0.into(), is_open.into()]);
        Ok(())
    })
    .await?;
    Ok(())
}

/// What a call takes out of a wallet.
struct Debit<'e> {
    event: &'e UsageEvent,
    owner: Owner<'e>,
    amount: NanoUsd,
}

/// Prefix of the entries of customers' wallets.
pub const CUSTOMERS: &str = "wle";
/// Prefix of the entries of accounts' wallets.
pub const ACCOUNTS: &str = "wla";

/// Every wallet.
pub async fn all(store: &Store) -> Result<Vec<Wallet>, StoreError> {
    let rows = wallet::Entity::find().all(store.connection()).await?;
    Ok(rows
        .into_iter()
        .map(|row| Wallet {
            account_id: row.account_id,
            customer_id: row.customer_id,
            balance: NanoUsd(row.balance_nano_usd),
            open: row.open,
        })
        .collect())
}

/// Up to `limit` entries of a wallet, the newest first, those before the id `before`.
pub async fn entries(
    store: &Store,
    owner: Owner<'_>,
    before: Option<&str>,
    limit: u64,
) -> Result<Vec<EntryRow>, StoreError> {
    let mut query = wallet_entry::Entity::find()
        .filter(wallet_entry::Column::Owner.eq(owner.id()))
        .order_by_desc(wallet_entry::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(wallet_entry::Column::Id.lt(before));
    }
    let rows = query.all(store.connection()).await?;
    Ok(rows
        .into_iter()
        .map(|row| EntryRow {
            id: row.id,
            kind: row.kind,
            amount: NanoUsd(row.amount_nano_usd),
            event_id: row.event_id,
            note: row.note,
            created: Timestamp(row.created),
        })
        .collect())
}

/// Takes a customer's wallet away, entries and all: for customers that are purged.
pub(super) async fn purge(transaction: &impl ConnectionTrait, customer: &str) -> Result<(), StoreError> {
    wallet_entry::Entity::delete_many().filter(wallet_entry::Column::Owner.eq(customer)).exec(transaction).await?;
    wallet::Entity::delete_by_id(customer).exec(transaction).await?;
    Ok(())
}
