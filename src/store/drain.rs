//! Entries of the journal, brought into the tables in one transaction with the checkpoint.
//!
//! An event counts once, whatever is drained twice: those whose id is there already are passed
//! over with everything that would follow from them.

use super::events::{self, Checkpoint};
use super::{Store, StoreError, customers, holds, rollups, wallets};
use crate::wire::event::{Entry, UsageEvent};
use std::collections::{BTreeMap, HashSet};

/// Adds what `entries` say and moves the checkpoint, all or nothing.
///
/// # Errors
/// [`StoreError`]; nothing has changed then.
pub async fn drain(store: &Store, journal: &str, entries: &[Entry], checkpoint: Checkpoint) -> Result<(), StoreError> {
    // An event is there already only after a crash, or where its hold was given up first: which ones
    // are is looked up only when one is.
    for known in [Known::None, Known::LookedUp] {
        if attempt(store, journal, entries, checkpoint, known).await? {
            return Ok(());
        }
    }
    Err(StoreError::Raced)
}

/// Which events are taken to be there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    None,
    LookedUp,
}

/// Says whether it did; where not, an event was there that was not known to be.
async fn attempt(
    store: &Store,
    journal: &str,
    entries: &[Entry],
    checkpoint: Checkpoint,
    known: Known,
) -> Result<bool, StoreError> {
    let writing = store.writing().await?;
    let transaction = &*writing;
    let made = entries.iter().filter_map(|entry| match entry {
        Entry::Customer(customer) => Some(&**customer),
        _ => None,
    });
    customers::insert_new(transaction, &made.collect::<Vec<_>>()).await?;

    let mut finished: BTreeMap<&str, &UsageEvent> = BTreeMap::new();
    for entry in entries {
        if let Entry::Usage(event) = entry {
            finished.entry(&event.id).or_insert(event);
        }
    }
    let ids: Vec<&str> = finished.keys().copied().collect();
    let known = match known {
        Known::None => HashSet::new(),
        Known::LookedUp => events::known(transaction, &ids).await?,
    };
    let new: Vec<&UsageEvent> = finished.values().copied().filter(|event| !known.contains(event.id.as_str())).collect();
    if events::insert(transaction, &new).await? < new.len() as u64 {
        return Ok(false);
    }
    rollups::add_late(transaction, &new).await?;
    wallets::debit(transaction, &new).await?;

    // Most calls begin and end within one batch: their holds never reach the table.
    let mut open: BTreeMap<&str, &UsageEvent> = BTreeMap::new();
    let mut begun: HashSet<&str> = HashSet::new();
    for entry in entries {
        if let Entry::Hold(event) = entry {
            begun.insert(&event.id);
            open.insert(&event.id, event);
        }
    }
    open.retain(|id, _| !finished.contains_key(id));
    holds::put(transaction, &open.into_values().collect::<Vec<_>>()).await?;
    let ended: Vec<&str> = ids.into_iter().filter(|id| !begun.contains(id)).collect();
    holds::delete(transaction, &ended).await?;

    events::move_checkpoint(transaction, journal, checkpoint).await?;
    writing.commit().await?;
    Ok(true)
}
