//! Keeps the table of slots: the file when it is saved, what the API re-pointed here or on another
//! replica.

use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::slots::Slots;
use crate::store::{Store, StoreError, slots};
use crate::watch;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often what the API re-pointed is looked at: another replica shows it within a second.
const LOOK: Duration = Duration::from_millis(500);
/// The name under which the last good file is stored.
const NAME: &str = "slots";

/// Reads what stands there at a start: the file, or the last good one where it is broken.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn open(
    slots: &Slots,
    gateway: &Gateway,
    store: &Store,
    clock: &Clock,
    path: &Path,
) -> Result<Option<Vec<u8>>, StoreError> {
    let content = match std::fs::read(path) {
        Ok(content) => Some(content),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        // What it said is not known, so what stood last stays.
        Err(error) => {
            let finding = format!("{}: {error}", path.display());
            tracing::error!("{finding}");
            fall_back(slots, store, path, vec![finding]).await?;
            slots.reload(store).await?;
            return Ok(None);
        }
    };
    let text = content.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    if take(slots, gateway, path, &text) {
        slots::keep_file(store, NAME, &text, clock.now()).await?;
    } else {
        fall_back(slots, store, path, slots.findings()).await?;
    }
    slots.reload(store).await?;
    Ok(content)
}

/// Takes the last file that was good, where there is one, and keeps saying what is wrong with this.
/// It was checked when it was good: if one of its models has ended since, that one's calls say so,
/// and the other slots go on.
async fn fall_back(slots: &Slots, store: &Store, path: &Path, findings: Vec<String>) -> Result<(), StoreError> {
    if let Some(good) = slots::good_file(store, NAME).await?
        && slots.take_file(&path.display().to_string(), &good, &|_| Ok(())).is_ok()
    {
        tracing::warn!("the last good slots are in force");
    }
    slots.note_findings(findings);
    Ok(())
}

/// Whether a file's text took effect; what is wrong with it is logged.
fn take(slots: &Slots, gateway: &Gateway, path: &Path, text: &str) -> bool {
    match slots.take_file(&path.display().to_string(), text, &|target| gateway.referent(target)) {
        Ok(()) => true,
        Err(findings) => {
            for finding in findings {
                tracing::error!("{finding}");
            }
            tracing::error!("the slots file is not in force until it is mended; the last good slots are");
            false
        }
    }
}

/// Follows the file and the database.
pub(super) fn follow(
    gateway: &Arc<Gateway>,
    store: &Arc<Store>,
    clock: &Clock,
    path: PathBuf,
    known: Option<Vec<u8>>,
) -> Vec<JoinHandle<()>> {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<String>();
    let followed = Arc::clone(gateway);
    let file = tokio::spawn(async move {
        let shown = path.clone();
        watch::follow(path, known, move |content| {
            let text = content.map(String::from_utf8_lossy).unwrap_or_default();
            if take(&followed.slots, &followed, &shown, &text) {
                tracing::info!("the slots file has taken effect");
                // Without a receiver the process is stopping.
                let _ = tell.send(text.into_owned());
            }
        })
        .await;
    });
    let (kept, clock) = (Arc::clone(store), clock.clone());
    let keep = tokio::spawn(async move {
        while let Some(text) = told.recv().await {
            if let Err(error) = slots::keep_file(&kept, NAME, &text, clock.now()).await {
                tracing::warn!(%error, "the slots file could not be kept for a start at which it is broken");
            }
        }
    });
    let (gateway, store) = (Arc::clone(gateway), Arc::clone(store));
    let look = tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = gateway.slots.reload(&store).await {
                tracing::debug!(%error, "slots could not be read anew; those known stay");
            }
        }
    });
    vec![file, keep, look]
}
