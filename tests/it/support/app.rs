//! The real application on a free port, with SQLite in a directory of its own.

use super::client::{Answer, Request};
use ringside::app::App;
use ringside::cli::provider_names;
use ringside::config::{self, Environment};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;

/// The admin token of every test.
pub const ADMIN: &str = "ka_test_0123456789abcdef0123456789abcdef";

/// How a test wants its application.
pub struct Builder {
    variables: Vec<(String, String)>,
    directory: TempDir,
}

impl Builder {
    /// Sets an environment variable.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives a provider its credential and sends its calls to `address`.
    pub fn upstream(self, provider: &str, address: SocketAddr) -> Self {
        let provider = provider.to_uppercase();
        self.set(&format!("{provider}_API_KEY"), &format!("sk-secret-of-{provider}"))
            .set(&format!("RINGSIDE_{provider}_BASE_URL"), &format!("http://{address}"))
    }

    /// Starts it.
    pub async fn start(self) -> TestApp {
        TestApp::on(self.directory, self.variables).await
    }
}

/// A running application.
pub struct TestApp {
    app: App,
    pub address: SocketAddr,
    /// The server token that the first start made; all scopes.
    pub token: String,
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl TestApp {
    pub fn builder() -> Builder {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str| directory.path().join(name).display().to_string();
        let variables = [
            ("RINGSIDE_LISTEN", "127.0.0.1:0".to_owned()),
            ("RINGSIDE_DATABASE_URL", format!("sqlite://{}", file("ringside.db"))),
            ("RINGSIDE_JOURNAL", file("ringside.journal")),
            ("RINGSIDE_TOKEN_FILE", file("ringside.token")),
            ("RINGSIDE_SLOTS", file("slots.yaml")),
            ("RINGSIDE_ADMIN_TOKEN", ADMIN.to_owned()),
            ("RINGSIDE_LOG", "ringside=debug".to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Builder { variables, directory }
    }

    /// One whose setting `variable` names a file of this content, and that file.
    pub async fn with_file(name: &str, variable: &str, content: &str) -> (Self, PathBuf) {
        let builder = Self::builder();
        let file = builder.directory.path().join(name);
        std::fs::write(&file, content).expect("writable");
        let shown = file.display().to_string();
        (builder.set(variable, &shown).start().await, file)
    }

    /// One with the simulator alone.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    async fn on(directory: TempDir, variables: Vec<(String, String)>) -> Self {
        let file = directory.path().join("ringside.yaml");
        std::fs::write(&file, "").expect("writable");
        let environment: Environment = variables.iter().cloned().collect();
        let settings = config::load(Some(&file), &environment, &provider_names())
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        let app = App::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
        let tokens =
            std::fs::read_to_string(directory.path().join("ringside.token")).expect("a first start writes tokens");
        let token = tokens
            .split_whitespace()
            .map(|word| word.rsplit('=').next().unwrap_or(word))
            .find(|word| word.starts_with("ko_"))
            .expect("a server token")
            .to_owned();
        Self { address: app.address(), app, token, directory, variables }
    }

    /// Where admin routes and metrics are.
    pub fn admin_address(&self) -> SocketAddr {
        self.app.admin_address().unwrap_or(self.address)
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub fn token_file(&self) -> PathBuf {
        self.directory.path().join("ringside.token")
    }

    /// Stops as SIGTERM does; says whether all calls had finished by themselves.
    pub async fn stop(self) -> bool {
        self.app.stop().await
    }

    /// Stops and starts again on the same files.
    pub async fn restart(self) -> Self {
        self.app.stop().await;
        Self::on(self.directory, self.variables).await
    }

    /// A request of the first account.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.anonymous(method, path).token(&self.token)
    }

    /// A request without a token.
    pub fn anonymous(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    /// A request of the operator.
    pub fn admin(&self, method: &str, path: &str) -> Request {
        Request::new(self.admin_address(), method, path).token(ADMIN)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).json(body).send().await
    }

    pub async fn chat(&self, body: &Value) -> Answer {
        self.post("/v1/chat/completions", body).await
    }

    /// One number of `GET /metrics`; 0 where the line is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let page = self.admin("GET", "/metrics").send().await;
        let line = page.text().lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }
}

/// A chat request with one user message.
pub fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// The same, streamed.
pub fn ask_streamed(model: &str, text: &str) -> Value {
    json!({"model": model, "stream": true, "messages": [{"role": "user", "content": text}]})
}
