//! The program itself as a process, to be killed.

use super::client::{PATIENCE, Request};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `ringside serve`.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    pub token: String,
}

impl Process {
    /// Starts it in `folder` with these variables and waits until it serves.
    pub async fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        // A port that was free a moment ago.
        let address =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        Self::start_at(address, folder, variables).await
    }

    /// Starts it at an address, at which another may serve still.
    pub async fn start_at(address: SocketAddr, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringside"));
        command.current_dir(folder).env("RINGSIDE_LISTEN", address.to_string()).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        let deadline = std::time::Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(address).await.is_err() || !folder.join("ringside.token").exists() {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the program ended: {status}");
            }
            assert!(std::time::Instant::now() < deadline, "the program does not serve");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // The file is written after it is made.
        let token = loop {
            let text = std::fs::read_to_string(folder.join("ringside.token")).expect("readable");
            if let Some(token) = text.lines().find_map(|line| line.strip_prefix("RINGSIDE_TOKEN=")) {
                break token.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        Self { child, address, token }
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path).token(&self.token)
    }

    /// Whether it has not ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
