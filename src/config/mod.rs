//! Every setting, and the only reader of the environment.
//!
//! A setting is one row of [`table::TABLE`]: its name in `ringside.yaml`, the environment variable
//! that overrides it, its default, what is expected and what it does. The file, the environment,
//! `docs/configuration.md` and `ringside check` all read that table. [`load`] gives one plain
//! [`Settings`]; whoever needs a part of it is handed that part.

mod environment;
mod file;
pub mod table;
mod value;

use crate::money::NanoUsd;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use environment::Environment;
pub use value::{Cidr, Secret};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "ringside.yaml";

/// Everything an operator can set, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where `/admin` and `/metrics` listen instead, when they are to stand apart.
    pub admin_listen: Option<SocketAddr>,
    /// `sqlite://…` or `postgres://…`.
    pub database_url: Secret,
    pub redis_url: Option<Secret>,
    /// Fixes an admin token.
    pub admin_token: Option<Secret>,
    /// Encrypts secrets at rest.
    pub secret_key: Option<Secret>,
    pub slots: PathBuf,
    /// An own template of what models are told about answers that do not fit a schema.
    pub reinforcement: Option<PathBuf>,
    pub prices: PathBuf,
    /// Where finished calls are written before their last byte is sent.
    pub journal: PathBuf,
    /// Where a first start leaves the tokens it made.
    pub token_file: PathBuf,
    pub signup: Signup,
    pub signup_credit: NanoUsd,
    pub trusted_proxies: Vec<Cidr>,
    /// Whether the built-in simulator answers.
    pub sim: bool,
    pub forward_user: ForwardUser,
    /// Whether callers' URLs may lead to this machine.
    pub webhooks_allow_loopback: bool,
    /// A `tracing` filter such as `info` or `ringside=debug`.
    pub log: String,
    pub log_format: LogFormat,
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub upstream: UpstreamSettings,
    /// What the environment (and `base_urls`) says of each provider of the table.
    pub providers: Vec<ProviderSettings>,
    /// Names of settings that were given but do nothing in this version.
    pub without_effect: Vec<&'static str>,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signup {
    Closed,
    Invite,
    Open,
}

/// Whether a provider learns which end customer a call was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardUser {
    Never,
    /// A hash that a provider cannot turn back.
    Hashed,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Bounds on what a client may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request body.
    pub body: usize,
    /// How deep JSON may nest.
    pub json_depth: usize,
    /// Bytes of a request's head (request line and headers).
    pub head: usize,
    /// Number of headers.
    pub headers: usize,
    /// Connections open at once; more wait to be accepted.
    pub connections: usize,
    /// Streams open at once on one HTTP/2 connection.
    pub streams: u32,
}

/// How long Ringside waits for clients.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// Between requests of one connection.
    pub idle: Duration,
    /// For a whole request body.
    pub body: Duration,
    /// For a client to take some of what was written; a slower reader is cut off.
    pub write: Duration,
    /// For running calls to finish after SIGTERM.
    pub shutdown: Duration,
}

/// Bounds on calls to providers.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamSettings {
    pub connect: Duration,
    /// From the sent request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of a stream.
    pub idle: Duration,
    /// For the whole call, retries included.
    pub total: Duration,
    /// Tries in all, before the first byte.
    pub attempts: u32,
    /// Bytes of an answer in one piece.
    pub answer: usize,
    /// Bytes of one event of a stream.
    pub event: usize,
}

/// What an operator gave for one provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The provider's id, as in `fc:<provider>/<model>`.
    pub id: &'static str,
    /// Replaces scheme, host and port; a path in it goes before the provider's own path.
    pub base_url: Option<String>,
    /// Credential name (as the spec has it) and value, for those that were found.
    pub credentials: Vec<(&'static str, Secret)>,
}

/// One reason why the settings can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `ringside.yaml:3:11`, or the environment variable.
    pub place: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

/// A provider as far as settings need to know it.
pub struct ProviderNames {
    pub id: &'static str,
    /// Credential names and the environment variables that may hold each, first found wins.
    pub credentials: Vec<(&'static str, &'static [&'static str])>,
}

/// Reads the settings: defaults, then the file, then the environment.
///
/// `file` is the one named on the command line; without it [`DEFAULT_FILE`] is read if it is there.
///
/// # Errors
/// All problems found, each with its place.
pub fn load(
    file: Option<&Path>,
    environment: &Environment,
    providers: &[ProviderNames],
) -> Result<Settings, Vec<Problem>> {
    let (path, text) = match file {
        Some(path) => (path, Some(read(path)?)),
        None => (
            Path::new(DEFAULT_FILE),
            Path::new(DEFAULT_FILE).exists().then(|| read(Path::new(DEFAULT_FILE))).transpose()?,
        ),
    };
    let mut problems = Vec::new();
    let mut settings = table::defaults();
    settings.providers = providers
        .iter()
        .map(|provider| ProviderSettings { id: provider.id, base_url: None, credentials: Vec::new() })
        .collect();
    if let Some(text) = text {
        file::apply(&mut settings, path, &text, &mut problems);
    }
    environment::apply(&mut settings, environment, providers, &mut problems);
    table::check_between(&mut settings, &mut problems);
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// Problems of one settings file, for `ringside check FILE`.
pub fn check_file(path: &Path, text: &str, providers: &[ProviderNames]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut settings = table::defaults();
    settings.providers = providers
        .iter()
        .map(|provider| ProviderSettings { id: provider.id, base_url: None, credentials: Vec::new() })
        .collect();
    file::apply(&mut settings, path, text, &mut problems);
    problems
}

fn read(path: &Path) -> Result<String, Vec<Problem>> {
    std::fs::read_to_string(path).map_err(|error| {
        vec![Problem { place: path.display().to_string(), message: format!("can't be read: {error}") }]
    })
}

impl Settings {
    /// Whether the API is reachable from this machine only.
    pub fn loopback_only(&self) -> bool {
        self.listen.ip().is_loopback()
    }
}
