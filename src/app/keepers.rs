//! What keeps the books while the process runs: the database is still ours, holds of lost calls are
//! settled, monthly fees are debited.

use crate::billing::Books;
use crate::store::{Ours, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often the database's lock is looked at.
const WATCH: Duration = Duration::from_millis(500);
/// How often lost calls are looked for.
const SWEEP: Duration = Duration::from_secs(15);
/// How often fees are debited: a new month is noticed within this.
const FEES: Duration = Duration::from_secs(60);

/// Starts them.
pub(super) fn start(store: &Arc<Store>, books: &Arc<Books>) -> Vec<JoinHandle<()>> {
    let (store, watched) = (Arc::clone(store), Arc::clone(books));
    let lock = tokio::spawn(async move {
        let mut admits = true;
        loop {
            tokio::time::sleep(WATCH).await;
            let ours = store.is_ours().await;
            if (ours == Ours::Yes) != admits {
                admits = ours == Ours::Yes;
                watched.ledger().halt(!admits);
                let word = match ours {
                    Ours::Yes => "the database is served by this process again; calls are admitted",
                    Ours::Unknown => "the database's lock is lost; no calls are admitted until it is taken again",
                    Ours::Another => {
                        "another process has served the database meanwhile; no calls are admitted until this one is started anew"
                    }
                };
                tracing::error!("{word}");
            }
        }
    });
    let swept = Arc::clone(books);
    let sweeping = tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            if let Err(error) = swept.settle_abandoned().await {
                tracing::error!(%error, "lost calls can't be settled; what they hold stays held");
            }
        }
    });
    let charged = Arc::clone(books);
    let fees = tokio::spawn(async move {
        loop {
            tokio::time::sleep(FEES).await;
            if let Err(error) = charged.charge_fees().await {
                tracing::error!(%error, "monthly fees can't be debited; they are tried again");
            }
        }
    });
    vec![lock, sweeping, fees]
}
