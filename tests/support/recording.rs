//! Recorded upstream traffic, kept beside the repository because it is not ours.

use base64::Engine as _;
use serde_json::Value;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One recorded exchange.
pub struct Recording {
    pub provider: String,
    /// The file's name without `.json`.
    pub case: String,
    /// The path of the request's URL.
    pub path: String,
    pub request: Value,
    pub status: u16,
    pub content_type: String,
    /// Headers of the answer besides its type, as far as recorders kept them.
    pub headers: Vec<(String, String)>,
    pub body: Arc<Vec<u8>>,
    /// Name and payload of each event, where the body is binary.
    pub events: Vec<(String, Value)>,
}

impl Recording {
    /// Whether the answer came as a stream.
    pub fn streamed(&self) -> bool {
        let lines = ["text/event-stream", "application/x-ndjson"];
        lines.iter().any(|kind| self.content_type.starts_with(kind)) || self.binary()
    }

    /// Whether the stream is made of frames and not of lines.
    pub fn binary(&self) -> bool {
        self.content_type.starts_with("application/vnd.amazon.eventstream")
    }

    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    fn read(provider: &str, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (request, response) = (&value["request"], &value["response"]);
        let headers = response["headers"].as_object().expect("headers");
        let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = content_type.and_then(|(_, value)| value.as_str()).unwrap_or("application/json");
        let url = request["url"].as_str().unwrap_or_default();
        let url_path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let body = match &response["body"] {
            Value::Null if response["body_base64"].is_string() => {
                let text = response["body_base64"].as_str().expect("a text");
                base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
            }
            Value::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        };
        Self {
            provider: provider.to_owned(),
            case: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            path: url_path.split('?').next().unwrap_or_default().to_owned(),
            request: request["body"].clone(),
            status: u16::try_from(response["status"].as_u64().expect("a status")).expect("a status"),
            content_type: content_type.to_owned(),
            headers: headers
                .iter()
                .filter(|(name, _)| name.starts_with("x-") || name.starts_with("retry-"))
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            events: response["decoded_events"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|event| (event["event"].as_str().unwrap_or_default().to_owned(), event["payload"].clone()))
                .collect(),
            body: Arc::new(body),
        }
    }
}

/// A directory that lies beside the repository in the project's workplace, or `None`, said aloud.
pub fn shared(name: &str) -> Option<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    if directory.is_dir() {
        return Some(directory);
    }
    eprintln!("\n!!! SKIPPED: ../shared/{name} is missing, so nothing was compared with real traffic !!!\n");
    None
}

/// Every recording of these providers, in order; `None` where they are not at hand.
pub fn all_of(providers: &[&str]) -> Option<Vec<Recording>> {
    let root = shared("recordings")?;
    let mut recordings = Vec::new();
    for provider in providers {
        let directory = root.join(provider);
        let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        assert!(!files.is_empty(), "no recording of {provider}");
        recordings.extend(files.iter().map(|file| Recording::read(provider, file)));
    }
    Some(recordings)
}
