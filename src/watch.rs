//! Files that take effect when they are saved: `prices.yaml`, and others like it.
//!
//! The system tells of what happens to the file; besides that the file is looked at now and then by
//! its path, which sees whatever a save is (a write, a rename over it, a symlink swapped above it, a
//! folder exchanged) on file systems that tell nothing too. Either way what counts is whether the
//! content differs.
//!
//! The file is watched and not its folder: the journal and the database often stand beside it, and
//! to be told of each of their writes costs a busy gateway a seventh of its time.

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Where nothing tells of a save it is still in force within a second.
const LOOK: Duration = Duration::from_millis(700);
/// A save may be several writes: content counts when it has stayed the same for this long.
const QUIET: Duration = Duration::from_millis(50);
/// A file that is written to all the time is taken as it is after this long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Calls `changed` with the content of `path` each time that it is another one, `None` where there
/// is no such file. `known` is the content that has taken effect already. It never returns: run it
/// as a task, and abort that.
pub async fn follow(path: PathBuf, mut known: Option<Vec<u8>>, mut changed: impl FnMut(Option<&[u8]>) + Send) {
    let mut told = false;
    let mut nudges = Nudges::new();
    loop {
        nudges.arm(&path).await;
        match settled(&path, known.as_deref()).await {
            Ok(content) => {
                told = false;
                if content != known {
                    changed(content.as_deref());
                    known = content;
                }
            }
            Err(error) => {
                if !told {
                    tracing::warn!(%error, path = %path.display(), "can't be read; what it said before stays");
                }
                told = true;
            }
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = nudges.wake.notified() => {
                // What was told may have been the end of the file that was watched.
                nudges.watched = None;
                // A file to which much happens is not looked at all the time.
                sleep(QUIET).await;
            }
        }
    }
}

/// What the system tells of a file.
struct Nudges {
    wake: Arc<Notify>,
    /// `None` where the system has nothing that tells.
    watcher: Option<RecommendedWatcher>,
    /// The file that is watched, with no links in its path.
    watched: Option<PathBuf>,
}

impl Nudges {
    fn new() -> Self {
        let wake = Arc::new(Notify::new());
        let tell = Arc::clone(&wake);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| changes(event.kind)) {
                tell.notify_one();
            }
        });
        let watcher = watcher.inspect_err(|error| tracing::debug!(%error, "nothing tells of saves")).ok();
        Self { wake, watcher, watched: None }
    }

    /// Watches the file that `path` leads to now; where there is none, nothing.
    async fn arm(&mut self, path: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        let real = tokio::fs::canonicalize(path).await.ok();
        if real == self.watched {
            return;
        }
        if let Some(before) = self.watched.take() {
            // One that has gone is not watched any more.
            let _ = watcher.unwatch(&before);
        }
        self.watched = real.filter(|file| {
            // The same path may lead to another file than when it was watched before.
            let _ = watcher.unwatch(file);
            watcher.watch(file, RecursiveMode::NonRecursive).is_ok()
        });
    }
}

/// Whether an event can mean another content; that somebody reads is none.
fn changes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// The content; where it is not what is known, once it has stopped changing.
async fn settled(path: &Path, known: Option<&[u8]>) -> std::io::Result<Option<Vec<u8>>> {
    let latest = Instant::now() + PATIENCE;
    let mut content = read(path).await?;
    while content.as_deref() != known && Instant::now() < latest {
        sleep(QUIET).await;
        let again = read(path).await?;
        if again == content {
            break;
        }
        content = again;
    }
    Ok(content)
}

async fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match tokio::fs::read(path).await {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;

    /// A running watch and what it told, in order.
    struct Watch {
        task: JoinHandle<()>,
        told: mpsc::UnboundedReceiver<Option<String>>,
    }

    impl Watch {
        fn start(path: &Path) -> Self {
            let (tell, told) = mpsc::unbounded_channel();
            let known = fs::read(path).ok();
            let task = tokio::spawn(follow(path.to_owned(), known, move |content| {
                let text = content.map(|content| String::from_utf8_lossy(content).into_owned());
                tell.send(text).expect("the test listens");
            }));
            Self { task, told }
        }

        /// The next content; far later than it should come, the test fails.
        async fn next(&mut self) -> Option<String> {
            tokio::time::timeout(Duration::from_secs(30), self.told.recv()).await.expect("it is told").expect("it runs")
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "content is there or not")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[tokio::test]
    async fn a_file_that_comes_changes_and_goes_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prices.yaml");
        let mut watch = Watch::start(&path);
        fs::write(&path, "a").expect("written");
        assert_eq!(watch.next().await, text("a"));
        // As editors save: beside it, then renamed over it.
        fs::write(folder.path().join("new"), "b").expect("written");
        fs::rename(folder.path().join("new"), &path).expect("renamed");
        assert_eq!(watch.next().await, text("b"));
        fs::remove_file(&path).expect("removed");
        assert_eq!(watch.next().await, None);
    }

    #[tokio::test]
    async fn a_swapped_symlink_above_the_file_is_told() {
        // As Kubernetes mounts a ConfigMap: prices.yaml -> ..data/prices.yaml, ..data -> a folder.
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (version, content) in [("v1", "a"), ("v2", "b"), ("v3", "c")] {
            fs::create_dir(at(version)).expect("made");
            fs::write(at(version).join("prices.yaml"), content).expect("written");
        }
        symlink("v1", at("..data")).expect("linked");
        symlink("..data/prices.yaml", at("prices.yaml")).expect("linked");
        let mut watch = Watch::start(&at("prices.yaml"));
        for (version, content) in [("v2", "b"), ("v3", "c")] {
            symlink(version, at("..new")).expect("linked");
            fs::rename(at("..new"), at("..data")).expect("swapped");
            assert_eq!(watch.next().await, text(content));
        }
    }

    #[tokio::test]
    async fn a_folder_that_was_exchanged_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (name, content) in [("live", "a"), ("next", "b")] {
            fs::create_dir(at(name)).expect("made");
            fs::write(at(name).join("prices.yaml"), content).expect("written");
        }
        let mut watch = Watch::start(&at("live/prices.yaml"));
        fs::rename(at("live"), at("old")).expect("renamed");
        fs::rename(at("next"), at("live")).expect("renamed");
        while watch.next().await != text("b") {}
        fs::write(at("live/prices.yaml"), "c").expect("written");
        assert_eq!(watch.next().await, text("c"));
    }

    #[tokio::test]
    async fn a_save_in_pieces_ends_in_what_was_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prices.yaml");
        let mut watch = Watch::start(&path);
        for piece in 0..20 {
            fs::write(&path, "x".repeat(piece)).expect("written");
        }
        while watch.next().await != text(&"x".repeat(19)) {}
    }
}
