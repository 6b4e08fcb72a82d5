//! A real PostgreSQL on a free port, of whatever version the machine has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A running cluster; it ends with its owner.
pub struct Postgres {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    pub url: String,
}

impl Postgres {
    /// Starts one; `None`, said loudly, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(bin) = installed() else {
            eprintln!(
                "SKIPPED: PostgreSQL is not installed (Debian: apt-get install postgresql); nothing was tested on it"
            );
            return None;
        };
        let folder = tempfile::Builder::new().prefix("ringside-pg").tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let sockets = folder.path().display().to_string();
        let data = format!("{sockets}/data");
        let this = Self { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), bin, folder, port };
        this.own();
        this.run(&format!("initdb -D {data} -U postgres --auth=trust -E UTF8 --no-sync"));
        this.start_again();
        Some(this)
    }

    /// Stops it as a crash would.
    pub fn stop(&self) {
        let data = self.folder.path().join("data").display().to_string();
        self.run(&format!("pg_ctl -D {data} -m immediate stop"));
    }

    /// Starts it again, on the same port.
    pub fn start_again(&self) {
        let sockets = self.folder.path().display().to_string();
        let port = self.port;
        self.run(&format!("pg_ctl -D {sockets}/data -w -l {sockets}/log -o '-p {port} -k {sockets} -c listen_addresses=127.0.0.1 -c fsync=off' start"));
    }

    /// Runs a statement.
    pub fn sql(&self, statement: &str) {
        let sockets = self.folder.path().display().to_string();
        self.run(&format!("psql -h {sockets} -p {} -U postgres -c \"{statement}\" postgres", self.port));
    }

    /// All that is in it, as text.
    pub fn dump(&self) -> Vec<u8> {
        let (sockets, port) = (self.folder.path().display().to_string(), self.port);
        self.run(&format!("pg_dump -h {sockets} -p {port} -U postgres --data-only -f {sockets}/dump.sql postgres"));
        std::fs::read(self.folder.path().join("dump.sql")).expect("a dump")
    }

    /// PostgreSQL refuses to run as root.
    fn own(&self) {
        if is_root() {
            let status = Command::new("chown").arg("nobody").arg(self.folder.path()).status();
            assert!(status.is_ok_and(|status| status.success()), "the folder can't be given away");
        }
    }

    fn run(&self, command: &str) {
        let command = format!("cd {} && {}/{command}", self.folder.path().display(), self.bin.display());
        let mut shell = if is_root() {
            let mut su = Command::new("su");
            su.args(["-s", "/bin/sh", "nobody", "-c", &command]);
            su
        } else {
            let mut sh = Command::new("sh");
            sh.args(["-c", &command]);
            sh
        };
        let status = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "failed: {command}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let command = format!("{}/pg_ctl -D {} -m immediate stop", self.bin.display(), data.display());
        let mut shell = if is_root() {
            let mut su = Command::new("su");
            su.args(["-s", "/bin/sh", "nobody", "-c", &command]);
            su
        } else {
            let mut sh = Command::new("sh");
            sh.args(["-c", &command]);
            sh
        };
        let _ = shell.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The folder of `initdb`: on the path, or where Debian puts it.
fn installed() -> Option<PathBuf> {
    let output = Command::new("sh").args(["-c", "readlink -f \"$(command -v initdb)\""]).output().ok()?;
    let found = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if found.is_file() {
        return found.parent().map(Path::to_owned);
    }
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    versions.into_iter().rev().find(|bin| bin.join("initdb").is_file())
}
