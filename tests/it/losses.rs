//! A disk that is full and a database that is lost: a clear error, or the call goes on; nothing is
//! lost in either case.

use crate::durability::{KEY, all_events};
use crate::support::app::{TestApp, ask, ask_streamed};
use crate::support::client::{eventually, read_until};
use crate::support::postgres::Postgres;
use crate::support::process::Process;
use std::path::Path;
use std::process::Command;

/// A file system of its own, so small that it can be filled.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts one; `None`, said loudly, where that is not allowed.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a directory");
        let size = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        eprintln!("SKIPPED: a tmpfs can't be mounted here (it needs root); a full disk was not tested");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.path().join("filler")).expect("a file");
        while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.path().join("filler")).expect("the filler");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_new_calls_and_loses_none_that_runs() {
    let Some(disk) = SmallDisk::mount("256k") else { return };
    let journal = disk.path().join("ringside.journal").display().to_string();
    let app = TestApp::builder().set("RINGSIDE_JOURNAL", &journal).start().await;
    assert_eq!(app.chat(&ask("fc:sim/echo", "hi")).await.status, 200);
    let slow = app.request("POST", "/v1/chat/completions").json(&ask_streamed("fc:sim/slow", "hi"));
    let mut running = slow.open().await;
    read_until(&mut running, "data:").await;
    disk.fill();
    let mut refused = 0;
    for _ in 0..20 {
        let answer = app.chat(&ask("fc:sim/echo", "hi")).await;
        if answer.status == 503 {
            let message = answer.assert_error(503, "api_error", "counters_unavailable");
            assert!(message.contains("disk may be full"), "{message}");
            assert!(answer.header("retry-after").is_some());
            refused += 1;
        }
    }
    assert!(refused > 0, "the disk is full");
    read_until(&mut running, "[DONE]").await;
    disk.empty();
    eventually("calls are admitted again", async || app.chat(&ask("fc:sim/echo", "hi")).await.status == 200).await;
    eventually("the journal is drained", async || app.metric("ringside_journal_pending_events").await == 0.0).await;
    let events = app.get("/v1/usage/events?limit=100").await.json();
    let events = events["data"].as_array().unwrap();
    let slow = events.iter().filter(|event| event["model"] == "slow" && event["status"] == "ok").count();
    assert_eq!(slow, 1, "the call that ran is recorded: {events:?}");
    assert!(events.iter().all(|event| event["status"] == "ok"), "{events:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_database_that_takes_nothing_stops_no_call_and_loses_none() {
    let Some(disk) = SmallDisk::mount("4m") else { return };
    let url = format!("sqlite://{}", disk.path().join("ringside.db").display());
    let app = TestApp::builder().set("RINGSIDE_DATABASE_URL", &url).start().await;
    let call = |customer: &str| {
        let request = app.request("POST", "/v1/chat/completions").header("FC-Customer", customer);
        request.json(&ask("fc:sim/echo", "Hello there")).send()
    };
    assert_eq!(call("before").await.status, 200);
    assert_eq!(app.get("/v1/usage/events").await.status, 200);
    disk.fill();
    // Enough that it can't hide in pages that the file has already.
    for number in 0..300 {
        let answer = call(&format!("customer-{}", number % 7)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    eventually("events wait in the journal", async || app.metric("ringside_journal_pending_events").await > 0.0).await;
    let reading = app.get("/v1/usage").await;
    reading.assert_error(500, "api_error", "internal_error");
    disk.empty();
    eventually("the journal is drained", async || app.metric("ringside_journal_pending_events").await == 0.0).await;
    assert_eq!(app.get("/v1/usage").await.json()["total"]["calls"], 301);
    let app = app.restart().await;
    assert_eq!(app.get("/v1/usage").await.json()["total"]["calls"], 301);
    assert_eq!(app.get("/v1/customers").await.json()["data"].as_array().map(Vec::len), Some(8));
    app.stop().await;
}

#[tokio::test]
async fn a_lost_postgresql_stops_admission_until_it_is_back_and_loses_nothing() {
    let Some(postgres) = Postgres::start() else { return };
    let folder = tempfile::tempdir().expect("a directory");
    let process = Process::start(folder.path(), &[("RINGSIDE_DATABASE_URL", &postgres.url), KEY]).await;
    let chat = |body| process.request("POST", "/v1/chat/completions").json(&body).send();
    assert_eq!(chat(ask("fc:sim/echo", "hi")).await.status, 200);
    let slow = process.request("POST", "/v1/chat/completions").json(&ask_streamed("fc:sim/slow", "hi"));
    let mut running = slow.open().await;
    read_until(&mut running, "data:").await;
    postgres.stop();
    eventually("no calls are admitted without the lock", async || chat(ask("fc:sim/echo", "hi")).await.status == 503)
        .await;
    let refused = chat(ask("fc:sim/echo", "hi")).await;
    refused.assert_error(503, "api_error", "counters_unavailable");
    read_until(&mut running, "[DONE]").await;
    postgres.start_again();
    eventually("calls are admitted again", async || chat(ask("fc:sim/echo", "hi")).await.status == 200).await;
    let events = all_events(&process).await;
    let slow = events.iter().filter(|event| event["model"] == "slow" && event["status"] == "ok").count();
    assert_eq!(slow, 1, "the call that ran through it is recorded: {events:?}");
    assert!(events.iter().all(|event| event["status"] == "ok"), "{events:?}");
}

#[tokio::test]
async fn a_process_that_lost_its_lock_to_another_admits_nobody() {
    let Some(postgres) = Postgres::start() else { return };
    let folder = tempfile::tempdir().expect("a directory");
    let variables = [("RINGSIDE_DATABASE_URL", postgres.url.as_str()), KEY];
    let process = Process::start(folder.path(), &variables).await;
    let chat = || process.request("POST", "/v1/chat/completions").json(&ask("fc:sim/echo", "hi")).send();
    assert_eq!(chat().await.status, 200);
    // What ends sessions: an administrator, a proxy, a network.
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
    let other = ringside::store::Store::open(&postgres.url, std::time::Duration::from_secs(20)).await;
    match other {
        Ok(other) => {
            eventually("the process notices", async || chat().await.status == 503).await;
            other.close().await;
            drop(other);
            eventually("the process has the lock again", async || {
                let taken = ringside::store::Store::open(&postgres.url, std::time::Duration::ZERO).await;
                taken.is_err_and(|error| error.to_string().contains("another process"))
            })
            .await;
            // But what it has in memory may be old.
            chat().await.assert_error(503, "api_error", "counters_unavailable");
        }
        // The process was faster and has its lock again: then nobody else has served.
        Err(error) => assert!(error.to_string().contains("another process"), "{error}"),
    }
}
