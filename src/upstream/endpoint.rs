//! Where calls go, worked out once: URLs, headers, credentials.

use super::send::Operation;
use super::signing::Signer;
use crate::adapter::Provider;
use crate::adapter::glob;
use crate::adapter::provider::{Auth, Transport};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::collections::HashMap;

/// What an operator gave for one provider: credentials by the names of its spec, a base URL.
#[derive(Clone, Default)]
pub struct Access {
    pub base_url: Option<String>,
    pub credentials: Vec<(&'static str, String)>,
}

/// The endpoints of all providers that can be called.
#[derive(Default)]
pub struct Endpoints {
    by_provider: HashMap<&'static str, Endpoint>,
}

/// One provider's.
pub struct Endpoint {
    base: String,
    query: Vec<(&'static str, String)>,
    pub headers: HeaderMap,
    /// Where every request is signed.
    pub signer: Option<Signer>,
    /// The operator's own base URL, where there is one.
    replaced: Option<String>,
    credentials: Vec<(&'static str, String)>,
    /// The name of the credential that is no secret, though it is given like one.
    public: Option<&'static str>,
    /// URLs that hold no model, by operation.
    fixed: Vec<(Operation, Url)>,
}

/// Why a provider can't be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("the value of {0} can't stand in a header: it holds control characters or is not ASCII")]
    Header(String),
    #[error("{0} is no URL")]
    Url(String),
}

/// The operations a provider may have.
const OPERATIONS: &[Operation] = &[
    Operation::Chat { stream: false },
    Operation::Chat { stream: true },
    Operation::Embeddings,
    Operation::Moderations,
];

impl Endpoints {
    /// Adds a provider.
    ///
    /// # Errors
    /// [`EndpointError`], when a credential or the base URL can't be used.
    pub fn add(&mut self, provider: &'static Provider, mut access: Access) -> Result<(), EndpointError> {
        if provider.transport == Transport::Simulator {
            return Ok(());
        }
        for credential in provider.credentials {
            let given = access.credentials.iter().any(|(name, _)| *name == credential.name);
            if let Some(default) = credential.default.filter(|_| !given) {
                access.credentials.push((credential.name, default.to_owned()));
            }
        }
        let base = match &access.base_url {
            // The provider's own path stays: what is replaced is scheme, host and port.
            Some(given) => format!("{given}{}", path_of(provider.base_url)),
            None => base_of(provider, &access.credentials),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let secret = |name: &str, text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| EndpointError::Header(name.to_owned()))?;
            value.set_sensitive(true);
            Ok(value)
        };
        for (name, value) in provider.headers {
            let known =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| EndpointError::Header((*name).to_owned()))?;
            headers.insert(known, secret(name, &fill(value, &access.credentials))?);
        }
        let mut signer = None;
        match provider.auth {
            Auth::None => {}
            Auth::Bearer(credential) => {
                if let Some((_, token)) = access.credentials.iter().find(|(name, _)| *name == credential) {
                    headers.insert(reqwest::header::AUTHORIZATION, secret(credential, &format!("Bearer {token}"))?);
                }
            }
            Auth::Header { name, credential } => {
                let known =
                    HeaderName::from_bytes(name.as_bytes()).map_err(|_| EndpointError::Header(name.to_owned()))?;
                if let Some((_, token)) = access.credentials.iter().find(|(name, _)| *name == credential) {
                    headers.insert(known, secret(credential, token)?);
                }
            }
            Auth::AwsSigV4(spec) => signer = Some(Signer::new(spec, &access.credentials)),
        }
        let query = provider.query.iter().map(|(name, value)| (*name, fill(value, &access.credentials))).collect();
        let mut endpoint = Endpoint {
            base,
            query,
            headers,
            signer,
            replaced: access.base_url,
            public: region_of(provider.auth),
            credentials: access.credentials,
            fixed: Vec::new(),
        };
        for operation in OPERATIONS {
            if let Some(path) = path(provider, *operation) {
                // Parsed now also where it holds a model, so that a bad base URL stops the start.
                let url = endpoint.make(path, "model")?;
                if !path.contains("{model") {
                    endpoint.fixed.push((*operation, url));
                }
            }
        }
        self.by_provider.insert(provider.id, endpoint);
        Ok(())
    }

    /// The endpoint of a provider that was added.
    pub fn get(&self, provider: &Provider) -> Option<&Endpoint> {
        self.by_provider.get(provider.id)
    }
}

impl Endpoint {
    /// The URL of an operation.
    ///
    /// # Errors
    /// [`EndpointError::Url`]; never for one that was added.
    pub fn url(&self, provider: &Provider, operation: Operation, model: &str) -> Result<Url, EndpointError> {
        if let Some((_, url)) = self.fixed.iter().find(|(known, _)| *known == operation) {
            return Ok(url.clone());
        }
        self.make(path(provider, operation).unwrap_or_default(), model)
    }

    /// A URL that an answer of the provider holds, as it is called: with the operator's own base
    /// URL where there is one, else only where one of `hosts` fits, so that credentials go nowhere
    /// else.
    pub fn of_answer(&self, text: &str, hosts: &[&str]) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        if let Some(base) = &self.replaced {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Url::parse(&format!("{base}{}{query}", url.path())).ok();
        }
        let plain =
            url.scheme() == "https" && url.port().is_none() && url.username().is_empty() && url.password().is_none();
        let host = url.host_str()?;
        (plain && hosts.iter().any(|glob| glob::matches(glob, host))).then_some(url)
    }

    /// Values that must not be shown.
    pub fn secrets(&self) -> Vec<&str> {
        let secret = self.credentials.iter().filter(|(name, _)| self.public != Some(*name));
        secret.map(|(_, value)| value.as_str()).collect()
    }

    fn make(&self, path: &str, model: &str) -> Result<Url, EndpointError> {
        let (raw, mut model) = (model, segment(model));
        if self.signer.is_some() {
            // A signature is over the path as it is written, and AWS writes it so.
            model = model.replace(':', "%3A");
        }
        let slashes: Vec<String> = raw.split('/').map(segment).collect();
        // A URL's parser takes even encoded dots for steps up; encoded twice they are a name.
        let slashes = slashes.join("/").replace("%2E", "%252E");
        let path = fill(path, &self.credentials).replace("{model}", &model).replace("{model_path}", &slashes);
        let mut url = Url::parse(&format!("{}{path}", self.base)).map_err(|_| EndpointError::Url(self.base.clone()))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query.iter());
        }
        Ok(url)
    }
}

/// The path of an operation as the spec has it; `None` where the provider has no such operation.
fn path(provider: &Provider, operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Chat { stream: false } => provider.chat.as_ref().map(|chat| chat.path),
        Operation::Chat { stream: true } => provider.chat.as_ref().map(|chat| chat.stream_path),
        Operation::Embeddings => provider.embeddings.as_ref().map(|operation| operation.path),
        Operation::Moderations => provider.moderations.as_ref().map(|operation| operation.path),
    }
}

/// The region is told in URLs and messages.
fn region_of(auth: Auth) -> Option<&'static str> {
    match auth {
        Auth::AwsSigV4(spec) => Some(spec.region),
        _ => None,
    }
}

/// The spec's base URL. A credential in it may name a server by host and port alone, and may end
/// in slashes, which a path would double.
fn base_of(provider: &Provider, credentials: &[(&'static str, String)]) -> String {
    let trimmed: Vec<(&'static str, String)> =
        credentials.iter().map(|(name, value)| (*name, value.trim_end_matches('/').to_owned())).collect();
    let url = fill(provider.base_url, &trimmed);
    if url.contains("://") { url } else { format!("http://{url}") }
}

/// What follows the host.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

/// Puts credentials in the place of their names.
fn fill(text: &str, credentials: &[(&'static str, String)]) -> String {
    let mut text = text.to_owned();
    for (name, value) in credentials {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// A model's id as one segment of a path.
fn segment(model: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(model.len());
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    // A segment of dots would climb.
    if out.bytes().all(|byte| byte == b'.') { out.replace('.', "%2E") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::generated::ALL;

    fn endpoint(id: &str, base_url: Option<&str>) -> (Endpoints, &'static Provider) {
        let provider = *ALL.iter().find(|provider| provider.id == id).expect("in the table");
        let mut endpoints = Endpoints::default();
        let access =
            Access { base_url: base_url.map(str::to_owned), credentials: vec![("api_key", "sk-1".to_owned())] };
        endpoints.add(provider, access).expect("usable");
        (endpoints, provider)
    }

    #[test]
    fn a_base_url_replaces_the_host_and_keeps_the_path() {
        let url = |given| {
            let (endpoints, provider) = endpoint("groq", given);
            endpoints
                .get(provider)
                .map(|endpoint| endpoint.url(provider, Operation::Chat { stream: true }, "m").unwrap().to_string())
        };
        assert_eq!(url(None).as_deref(), Some("https://api.groq.com/openai/v1/chat/completions"));
        assert_eq!(url(Some("http://127.0.0.1:9")).as_deref(), Some("http://127.0.0.1:9/openai/v1/chat/completions"));
        assert_eq!(url(Some("http://p/x")).as_deref(), Some("http://p/x/openai/v1/chat/completions"));
    }

    #[test]
    fn credentials_go_where_the_spec_says_and_are_marked() {
        let (endpoints, provider) = endpoint("openai", None);
        let value = &endpoints.get(provider).unwrap().headers["authorization"];
        assert!(value == "Bearer sk-1" && value.is_sensitive());
        let (endpoints, provider) = endpoint("anthropic", None);
        assert_eq!(endpoints.get(provider).unwrap().headers["x-api-key"], "sk-1");
        assert_eq!(endpoints.get(provider).unwrap().headers["anthropic-version"], "2023-06-01");
    }

    #[test]
    fn a_model_is_one_segment() {
        assert_eq!(segment("a/b c"), "a%2Fb%20c");
        assert_eq!(segment("../x"), "..%2Fx");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("m:8b-v1.0"), "m:8b-v1.0");
    }

    #[test]
    fn an_id_may_be_several_segments_and_never_climbs() {
        let (endpoints, provider) = endpoint("replicate", None);
        let url = |model: &str| {
            let endpoint = endpoints.get(provider).expect("added");
            endpoint.url(provider, Operation::Chat { stream: false }, model).expect("a URL").to_string()
        };
        let at = |path: &str| format!("https://api.replicate.com/v1/models/{path}/predictions");
        assert_eq!(url("meta/llama-3 8b"), at("meta/llama-3%208b"));
        assert_eq!(url("a?b#c/d"), at("a%3Fb%23c/d"));
        assert_eq!(url("../../x"), at("%252E%252E/%252E%252E/x"));
        assert_eq!(url("./x"), at("%252E/x"));
    }

    #[test]
    fn an_answers_urls_lead_to_the_providers_own_hosts_only() {
        let hosts = &["api.example.com", "*.stream.example.net"];
        let (endpoints, provider) = endpoint("replicate", None);
        let endpoint_ = endpoints.get(provider).expect("added");
        let called = |text: &str| endpoint_.of_answer(text, hosts).map(|url| url.to_string());
        for good in ["https://api.example.com/v1/x?y=1", "https://eu.stream.example.net/z"] {
            assert_eq!(called(good).as_deref(), Some(good));
        }
        for bad in [
            "http://api.example.com/v1/x",
            "https://evil.example/",
            "https://stream.example.net.evil.example/",
            "https://evilstream.example.net/",
            "https://api.example.com.evil.example/",
            "https://api.example.com@evil.example/",
            "https://user@api.example.com/",
            "https://api.example.com:8443/",
            "https://169.254.169.254/",
            "/v1/x",
            "",
        ] {
            assert_eq!(called(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_operators_base_url_replaces_the_host_of_an_answers_urls_too() {
        let (endpoints, provider) = endpoint("replicate", Some("http://127.0.0.1:9/proxy"));
        let endpoint = endpoints.get(provider).expect("added");
        let called = endpoint.of_answer("https://evil.example/v1/streams/s?t=1", &[]).map(|url| url.to_string());
        assert_eq!(called.as_deref(), Some("http://127.0.0.1:9/proxy/v1/streams/s?t=1"));
    }
}
