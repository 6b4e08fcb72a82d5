//! The built program, started as an operator starts it.

use serde_json::Value;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The admin token of every test.
const ADMIN: &str = "ka_test_0123456789abcdef0123456789abcdef";

/// A start that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// `ringside serve` in a directory of its own, killed when it is dropped.
pub struct Gateway {
    child: Child,
    directory: TempDir,
    client: reqwest::Client,
    pub address: SocketAddr,
    /// The server token that the first start made.
    pub token: String,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub request_id: Option<String>,
    pub body: Vec<u8>,
}

impl Gateway {
    /// Starts it with `upstream` as the address of each of `providers`.
    pub async fn start(upstream: SocketAddr, providers: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let address = free_address();
        let log = File::create(directory.path().join("log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringside"));
        command
            .arg("serve")
            .current_dir(directory.path())
            .env("RINGSIDE_LISTEN", address.to_string())
            .env("RINGSIDE_ADMIN_TOKEN", ADMIN)
            // What was recorded is answered once; another try would only wait.
            .env("RINGSIDE_UPSTREAM_ATTEMPTS", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        for provider in providers {
            let provider = provider.to_uppercase();
            if provider == "REPLICATE" {
                command.env("REPLICATE_API_TOKEN", "r8_of_replicate");
            }
            if provider == "BEDROCK" {
                for (name, value) in [
                    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                    ("AWS_REGION", "us-east-1"),
                ] {
                    command.env(name, value);
                }
            }
            match provider.as_str() {
                "AZURE" => {
                    command.env("AZURE_OPENAI_API_KEY", "key-of-azure");
                    command.env("AZURE_OPENAI_ENDPOINT", "https://example-resource.openai.azure.com/");
                }
                "HUGGINGFACE" => {
                    command.env("HF_TOKEN", "hf_of_huggingface");
                }
                _ => {}
            }
            command.env(format!("{provider}_API_KEY"), format!("sk-of-{provider}"));
            command.env(format!("RINGSIDE_{provider}_BASE_URL"), format!("http://{upstream}"));
        }
        let child = command.spawn().expect("the program starts");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut gateway = Self { child, directory, client, address, token: String::new() };
        gateway.wait_until_ready().await;
        gateway
    }

    async fn wait_until_ready(&mut self) {
        let begun = Instant::now();
        loop {
            if let Ok(answer) = self.client.get(self.url("/readyz")).send().await
                && answer.status().is_success()
            {
                break;
            }
            let ended = self.child.try_wait().expect("a child of ours");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "it did not get ready ({ended:?}):\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let written =
            std::fs::read_to_string(self.directory.path().join("ringside.token")).expect("tokens are written");
        let words = written.split(|c: char| c.is_whitespace() || c == '=' || c == ':' || c == '"');
        self.token = words.into_iter().find(|word| word.starts_with("ko_")).expect("a server token").to_owned();
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        let request = self.client.post(self.url(path)).body(body.to_string());
        self.send(request.header("Content-Type", "application/json")).await
    }

    pub async fn get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(self.client.get(self.url(path))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.bearer_auth(&self.token).timeout(PATIENCE).send().await?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let (content_type, request_id) = (header("content-type").unwrap_or_default(), header("x-request-id"));
        let status = answer.status().as_u16();
        Ok(Answer { status, content_type, request_id, body: answer.bytes().await?.to_vec() })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nothing listens on; the next moment somebody may, which a test then sees.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address")
}
