//! The journal: holds, usage events and new customers, appended to a file with one write each: a
//! hold before its call goes out, an event before the caller sees the last byte of an answer. What
//! was written survives `kill -9`; a thread syncs it in groups every few milliseconds, which is
//! what a power cut may cost.
//!
//! A file is one of a row of numbered segments (`ringside.journal.000001`, …; of further lanes
//! `ringside.journal.lane2.000001`, …). An
//! entry is its length and its CRC-32, four bytes each, little-endian, a letter that says what it
//! is, and MessagePack with names (events) or JSON (customers); `ringside journal` prints it. What a
//! crash left half-written at the end of a segment is noticed by length or checksum and ends that
//! segment; a new process begins a new one. A whole entry that can't be understood is an error, and
//! nothing is passed over: a later version may have written it.
//!
//! There are as many such rows, *lanes*, as there are processors, so that no lock is shared by all calls:
//! a call's hold and event go to the lane that its id names, each with a lock, files and syncs of its own.
//!
//! When the disk is full, holds and customers are refused by the lanes that find it so, so that their new calls don't go
//! out. Calls
//! that run are finished: their events wait in memory until they can be written, while their holds,
//! which are on the disk, vouch for them.

mod lane;
mod recent;
mod segment;
mod sync;

pub use self::lane::{End, Lane};
pub use self::segment::{Batch, file_of, read, segments};
use crate::wire::event::{NewCustomer, UsageEvent};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Lanes at most: what one drain writes into a database needs no more.
pub const MOST_LANES: usize = 8;

/// Where the files of a lane lie, without the segments' numbers.
pub fn lane_of(path: &Path, lane: usize) -> PathBuf {
    if lane == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".lane{}", lane + 1));
    name.into()
}

/// All that is appended.
pub struct Journal {
    /// At least one.
    lanes: Vec<Lane>,
    appended: AtomicU64,
    wake: tokio::sync::Notify,
}

impl Journal {
    /// Opens one lane for each of `drained`, each with a new segment, numbered after all that exist and after
    /// the last that the database knows of it.
    ///
    /// # Errors
    /// When a file can't be made.
    pub fn open(path: &Path, drained: &[u64]) -> io::Result<Self> {
        let lanes = drained.iter().enumerate().map(|(lane, drained)| Lane::open(&lane_of(path, lane), *drained));
        let lanes = lanes.collect::<io::Result<Vec<_>>>()?;
        Ok(Self { lanes, appended: AtomicU64::new(0), wake: tokio::sync::Notify::new() })
    }

    /// As many lanes as there are processors for this process.
    pub fn usual_lanes() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).min(MOST_LANES)
    }

    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Appends a usage event. When this returns, the event survives the process; on a full disk it
    /// waits in memory, and the call's hold, which is on the disk, stands for it.
    ///
    /// # Errors
    /// When it could neither be written nor kept; it is in the log then.
    pub fn append(&self, event: UsageEvent) -> io::Result<()> {
        self.lane_of(&event.id).append(event)?;
        self.noted();
        Ok(())
    }

    /// Appends the hold of a call that is about to go out: the event that stands if nothing else
    /// is heard of it.
    ///
    /// # Errors
    /// When it could not be written whole, a full disk for example; nothing of it stays then, and
    /// the call must not go out.
    pub fn append_hold(&self, event: UsageEvent) -> io::Result<()> {
        self.lane_of(&event.id).append_hold(event)?;
        self.noted();
        Ok(())
    }

    /// Appends a customer that is about to be made.
    ///
    /// # Errors
    /// When it could not be written whole; nothing of it stays then.
    pub fn append_customer(&self, customer: NewCustomer) -> io::Result<()> {
        self.lane_of(&customer.id).append_customer(customer)?;
        self.noted();
        Ok(())
    }

    /// The lane of what has an id: a call's hold and event have one id, and stand in one row.
    fn lane_of(&self, id: &str) -> &Lane {
        match &*self.lanes {
            [only] => only,
            lanes => &lanes[crc32fast::hash(id.as_bytes()) as usize % lanes.len()],
        }
    }

    fn noted(&self) {
        self.appended.fetch_add(1, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Writes what waited in memory, if the disk takes it now. Says whether nothing waits any more.
    pub fn retry(&self) -> bool {
        // Each is tried, whatever became of the others.
        self.lanes.iter().filter(|lane| !lane.retry()).count() == 0
    }

    /// Begins a new segment of each lane, so that those before it can be drained and removed.
    ///
    /// # Errors
    /// When a file can't be made, or something waits for a full disk.
    pub fn rotate(&self) -> io::Result<()> {
        self.lanes.iter().try_for_each(Lane::rotate)
    }

    /// Entries appended since the start.
    pub fn appended(&self) -> u64 {
        self.appended.load(Ordering::Relaxed)
    }

    /// Waits until something was appended since the last wait.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Syncs what was written.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        self.lanes.iter().try_for_each(Lane::sync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::testing::event;
    use crate::clock::Timestamp;
    use crate::wire::event::Entry;

    #[test]
    fn a_call_stands_in_one_lane_and_all_lanes_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let journal = Journal::open(&path, &[0, 7, 0]).unwrap();
        for number in 0..60 {
            let event = event(&format!("use_{number}"), "acct_1", Timestamp(0));
            journal.append_hold(event.clone()).unwrap();
            journal.append(event).unwrap();
        }
        assert_eq!(journal.appended(), 120);
        let mut calls = 0;
        for (lane, segment) in [(0, 1), (1, 8), (2, 1)] {
            let path = lane_of(&path, lane);
            assert_eq!(segments(&path).unwrap(), [segment], "and no file of another lane");
            let entries = read(&path, segment, 0, None, 1000).unwrap().entries;
            for pair in entries.chunks(2) {
                let [Entry::Hold(hold), Entry::Usage(usage)] = pair else { panic!("{pair:?}") };
                assert_eq!(hold.id, usage.id);
                calls += 1;
            }
            assert!(entries.len() >= 20, "lane {lane}: {}", entries.len());
        }
        assert_eq!(calls, 60);
    }
}
