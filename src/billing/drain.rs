//! From the journal into the database, in batches, each in the transaction that moves the
//! checkpoint.

use super::journal::{self, Journal, Lane, MOST_LANES};
use crate::store::events::{self, Checkpoint};
use crate::store::{self, Store, StoreError, rollups};
use crate::wire::event::Entry;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The name of the checkpoint's row of a lane.
fn name(lane: usize) -> String {
    if lane == 0 { "usage".to_owned() } else { format!("usage-{}", lane + 1) }
}

/// Entries of one transaction.
const BATCH: usize = 4000;
/// Entries gather this long before they are drained, so that a busy gateway writes large batches.
const GATHER: Duration = Duration::from_millis(100);
/// After so many entries the sums follow, or after so long: what a report has still to sum up is bounded, and thousands
/// of calls change a customer's sums once.
const FOLLOW_ENTRIES: u64 = 65_536;
const FOLLOW_TIME: Duration = Duration::from_secs(60);

/// Drains a journal.
pub struct Drain {
    store: Arc<Store>,
    journal: Arc<Journal>,
    /// Of each lane.
    checkpoints: Vec<tokio::sync::Mutex<Checkpoint>>,
    drained: AtomicU64,
    healthy: AtomicBool,
}

/// Why events stay in the journal.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    #[error("the journal can't be read: {0}")]
    Journal(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Drain {
    /// Brings what an earlier process left into the database, then opens a new segment.
    ///
    /// # Errors
    /// [`DrainError`]: nothing is lost, and nothing is served until it is mended.
    pub async fn start(store: Arc<Store>, path: &Path) -> Result<Self, DrainError> {
        Self::start_with(store, path, Journal::usual_lanes()).await
    }

    /// The same with a certain number of lanes.
    async fn start_with(store: Arc<Store>, path: &Path, lanes: usize) -> Result<Self, DrainError> {
        let mut drained = Vec::new();
        // An earlier process may have had more of them.
        for lane in 0..MOST_LANES {
            let checkpoint = leftovers(&store, &name(lane), &journal::lane_of(path, lane)).await?;
            drained.push(checkpoint.segment);
        }
        let journal = Arc::new(Journal::open(path, &drained[..lanes])?);
        let mut checkpoints = Vec::new();
        for (lane, drained) in drained.into_iter().enumerate() {
            // From here on the earlier segments are in the database.
            let Some(opened) = journal.lanes().get(lane) else {
                remove_before(&journal::lane_of(path, lane), drained + 1);
                continue;
            };
            let checkpoint = Checkpoint { segment: opened.end().segment, position: 0 };
            store::drain::drain(&store, &name(lane), &[], checkpoint).await?;
            remove_before(opened.path(), checkpoint.segment);
            checkpoints.push(tokio::sync::Mutex::new(checkpoint));
        }
        Ok(Self { store, journal, checkpoints, drained: AtomicU64::new(0), healthy: AtomicBool::new(true) })
    }

    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Events that are not in the database yet.
    pub fn pending(&self) -> u64 {
        self.journal.appended().saturating_sub(self.drained.load(Ordering::Relaxed))
    }

    /// Whether the last attempt went well.
    pub fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Drains whenever something was appended, for as long as it is polled.
    pub async fn run(&self) {
        let mut pause = Duration::from_millis(100);
        let mut followed = (self.drained.load(Ordering::Relaxed), Instant::now());
        loop {
            self.journal.changed().await;
            tokio::time::sleep(GATHER).await;
            while !self.journal.retry() {
                tokio::time::sleep(pause).await;
            }
            while let Err(error) = self.flush().await {
                self.healthy.store(false, Ordering::Relaxed);
                tracing::error!(%error, "usage events wait in the journal");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
            pause = Duration::from_millis(100);
            self.healthy.store(true, Ordering::Relaxed);
            let drained = self.drained.load(Ordering::Relaxed);
            if drained - followed.0 >= FOLLOW_ENTRIES || followed.1.elapsed() >= FOLLOW_TIME {
                if let Err(error) = rollups::catch_up(&self.store).await {
                    tracing::warn!(%error, "the sums of usage could not follow; whoever reads them tries again");
                }
                followed = (drained, Instant::now());
            }
        }
    }

    /// Records entries beside the journal, as if they had come from there.
    ///
    /// # Errors
    /// [`DrainError`].
    pub async fn record(&self, entries: Vec<Entry>) -> Result<(), DrainError> {
        let checkpoint = self.checkpoints[0].lock().await;
        Ok(store::drain::drain(&self.store, &name(0), &entries, *checkpoint).await?)
    }

    /// Drains everything that has been appended by now, and leaves no earlier segment behind.
    ///
    /// # Errors
    /// [`DrainError`].
    pub async fn empty(&self) -> Result<(), DrainError> {
        self.journal.rotate()?;
        self.flush().await
    }

    /// Drains everything that has been appended by now.
    ///
    /// # Errors
    /// [`DrainError`]; what was drained before it stays drained.
    pub async fn flush(&self) -> Result<(), DrainError> {
        for (lane, checkpoint) in self.checkpoints.iter().enumerate() {
            self.flush_lane(&name(lane), &self.journal.lanes()[lane], &mut *checkpoint.lock().await).await?;
        }
        Ok(())
    }

    async fn flush_lane(&self, name: &str, lane: &Lane, checkpoint: &mut Checkpoint) -> Result<(), DrainError> {
        let end = lane.end();
        loop {
            let last = checkpoint.segment == end.segment;
            // What is appended meanwhile gathers for the next time: under load there is always more.
            if last && checkpoint.position >= end.position {
                return Ok(());
            }
            let batch = if !last && !journal::file_of(lane.path(), checkpoint.segment).exists() {
                journal::Batch { entries: Vec::new(), position: 0, torn: false }
            } else {
                let from = journal::End { segment: checkpoint.segment, position: checkpoint.position };
                lane.entries(from, last.then_some(end.position), BATCH)?
            };
            let moved = Checkpoint { segment: checkpoint.segment, position: batch.position };
            if !batch.entries.is_empty() {
                store::drain::drain(&self.store, name, &batch.entries, moved).await?;
                self.drained.fetch_add(batch.entries.len() as u64, Ordering::Relaxed);
                *checkpoint = moved;
                continue;
            }
            if last {
                return Ok(());
            }
            *checkpoint = Checkpoint { segment: checkpoint.segment + 1, position: 0 };
            store::drain::drain(&self.store, name, &[], *checkpoint).await?;
            remove_before(lane.path(), checkpoint.segment);
        }
    }
}

/// Brings what an earlier process left in a lane into the database, and says how far that was.
async fn leftovers(store: &Store, name: &str, path: &Path) -> Result<Checkpoint, DrainError> {
    let mut checkpoint = events::checkpoint(store, name).await?;
    for segment in journal::segments(path)? {
        if segment < checkpoint.segment {
            continue;
        }
        if segment > checkpoint.segment {
            checkpoint = Checkpoint { segment, position: 0 };
        }
        loop {
            let batch = journal::read(path, segment, checkpoint.position, None, BATCH)?;
            let more = batch.entries.len() == BATCH;
            if batch.torn {
                tracing::warn!(
                    segment,
                    position = batch.position,
                    "the journal ends in an entry that a crash cut; its call's answer was never finished"
                );
            }
            checkpoint.position = batch.position;
            if !batch.entries.is_empty() {
                tracing::info!(entries = batch.entries.len(), segment, "entries of an earlier run are recorded");
                store::drain::drain(store, name, &batch.entries, checkpoint).await?;
            }
            if !more {
                break;
            }
        }
    }
    Ok(checkpoint)
}

/// Segments that are in the database are not needed any more.
fn remove_before(path: &Path, segment: u64) {
    for old in journal::segments(path).unwrap_or_default().into_iter().filter(|old| *old < segment) {
        if let Err(error) = std::fs::remove_file(journal::file_of(path, old)) {
            tracing::warn!(%error, segment = old, "a drained segment of the journal can't be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::testing::event;
    use crate::clock::Timestamp;

    /// Processors come and go between one process and the next.
    #[tokio::test]
    async fn what_more_lanes_left_is_recorded_once_by_fewer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        let store = Arc::new(Store::open(&url, Duration::ZERO).await.unwrap());
        let recorded = async || {
            let mut found = 0;
            for number in 0..120 {
                found += usize::from(events::find(&store, "acct_1", &format!("use_{number}")).await.unwrap().is_some());
            }
            found
        };
        let append = |drain: &Drain, numbers: std::ops::Range<u32>| {
            for number in numbers {
                drain.journal().append(event(&format!("use_{number}"), "acct_1", Timestamp(0))).unwrap();
            }
        };
        let files = |lane| journal::segments(&journal::lane_of(&path, lane)).unwrap();
        let three = Drain::start_with(Arc::clone(&store), &path, 3).await.unwrap();
        append(&three, 0..30);
        three.flush().await.unwrap();
        append(&three, 30..60);
        assert_eq!(recorded().await, 30);
        drop(three);
        let one = Drain::start_with(Arc::clone(&store), &path, 1).await.unwrap();
        assert_eq!(recorded().await, 60, "what three lanes left");
        assert_eq!([files(0), files(1), files(2)], [vec![2], vec![], vec![]]);
        append(&one, 60..90);
        drop(one);
        let two = Drain::start_with(Arc::clone(&store), &path, 2).await.unwrap();
        append(&two, 90..120);
        two.flush().await.unwrap();
        assert_eq!((recorded().await, two.pending()), (120, 0));
        assert_eq!([files(0), files(1), files(2)], [vec![3], vec![2], vec![]]);
    }
}
