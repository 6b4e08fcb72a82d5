//! Syncs what was written, in groups.

use parking_lot::{Condvar, Mutex};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long written entries may wait to be synced together.
const GROUP: Duration = Duration::from_millis(5);

/// What the syncing thread and the writers share.
#[derive(Default)]
pub(super) struct Sync {
    dirty: Mutex<Vec<Arc<File>>>,
    ready: Condvar,
    stop: AtomicBool,
}

impl Sync {
    /// Has the file synced, soon.
    pub(super) fn mark(&self, file: &Arc<File>) {
        let mut dirty = self.dirty.lock();
        if dirty.last().is_some_and(|last| Arc::ptr_eq(last, file)) {
            return;
        }
        dirty.push(Arc::clone(file));
        if dirty.len() == 1 {
            self.ready.notify_one();
        }
    }

    /// Ends the thread, once everything is synced.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.ready.notify_all();
    }

    /// What the thread does.
    pub(super) fn run(&self) {
        loop {
            let files = {
                let mut dirty = self.dirty.lock();
                while dirty.is_empty() && !self.stop.load(Ordering::Acquire) {
                    self.ready.wait_for(&mut dirty, Duration::from_secs(1));
                }
                if dirty.is_empty() {
                    return;
                }
                drop(dirty);
                // Others join the group while this one waits.
                std::thread::sleep(GROUP);
                std::mem::take(&mut *self.dirty.lock())
            };
            for error in files.iter().filter_map(|file| file.sync_data().err()) {
                tracing::error!(%error, "the journal can't be synced: a power cut may lose usage events");
            }
        }
    }
}
