//! A spec file as a typed value. Everything that is not a mapping is read and checked here.

use super::checker::Checker;
use super::members;
use super::node::{Constant, Node, Value};
use super::price::{self, Price};
use super::problem::{Place, suggest};
use super::vocab::{ERROR_BODY, ERROR_KINDS, FINISH_REASONS};

/// A provider's spec, what it inherits laid under it.
pub struct Spec {
    pub name: String,
    pub docs: String,
    pub transport: &'static str,
    pub base_url: String,
    pub credentials: Vec<Credential>,
    pub auth: Auth,
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub chat: Option<Chat>,
    pub embeddings: Option<Plain>,
    pub moderations: Option<Plain>,
    pub errors: Errors,
    pub models: Vec<Model>,
}

pub struct Credential {
    pub name: String,
    pub env: Vec<String>,
    pub optional: bool,
    pub default: Option<String>,
}

pub enum Auth {
    None,
    Bearer(String),
    Header { name: String, credential: String },
    AwsSigV4(SigV4),
}

/// Names of credentials, but for `service`.
pub struct SigV4 {
    pub service: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
    pub session_token: Option<String>,
}

/// `chat:`.
pub struct Chat {
    pub path: String,
    pub stream_path: String,
    pub replies: &'static str,
    pub json_object: &'static str,
    pub json_schema: &'static str,
    pub schema_subset: SchemaSubset,
    pub disconnect: &'static str,
    pub reasoning_format: String,
    /// What opens and closes thought at the start of the text.
    pub thought_tags: Option<(String, String)>,
    pub tool_ids: Option<u8>,
    pub least_output_limit: u32,
    /// The provider's word and ours.
    pub finish: Vec<(String, String)>,
    pub request: Node,
    pub response: Node,
    pub submit: Option<Submit>,
    pub framing: &'static str,
    pub until: Option<String>,
    /// Events whose data is text.
    pub text: Vec<String>,
    pub on: Node,
}

/// `chat.schema_subset:`.
#[derive(Default)]
pub struct SchemaSubset {
    pub without: Vec<String>,
    pub closed: bool,
}

/// `chat.submit:`. Paths are split into their segments.
pub struct Submit {
    pub wait: Vec<(String, String)>,
    pub state: Vec<String>,
    pub done: Vec<String>,
    pub failed: Vec<String>,
    pub poll: Vec<String>,
    pub stream: Vec<String>,
    pub cancel: Vec<String>,
    pub last: String,
    pub hosts: Vec<String>,
}

/// `embeddings:` and `moderations:`.
pub struct Plain {
    pub path: String,
    pub replies: &'static str,
    pub request: Node,
    pub response: Node,
}

pub struct Errors {
    pub body: Node,
    /// Members of an error, and the headers that say them.
    pub headers: Vec<(String, String)>,
    pub rules: Vec<Rule>,
    pub retry: Vec<u16>,
}

pub struct Rule {
    pub status: Option<u16>,
    pub code: Option<String>,
    pub kind: Option<String>,
    pub message: Option<String>,
    /// The Rust variant.
    pub is: &'static str,
}

pub struct Model {
    pub id: String,
    pub aliases: Vec<String>,
    pub kind: &'static str,
    pub context: u32,
    pub max_output: u32,
    pub capabilities: Vec<String>,
    pub price: Price,
    pub ends: Option<String>,
    pub successor: Option<String>,
}

/// Reads a whole, merged spec.
pub fn read(node: &Node, check: &mut Checker) -> Spec {
    check.members(node, "a spec", members::SPEC);
    let credentials = credentials(node.get("credentials"), check);
    let base_url = check.required_text(node, "a spec", "base_url");
    if let Some(url) = node.get("base_url") {
        placeholders(&base_url, &url.at, &credentials, &[], check);
        if !(base_url.starts_with("https://") || base_url.starts_with("http://") || base_url.starts_with('{')) {
            check.say(&url.at, "`base_url` begins with https:// or http://");
        }
    }
    let docs = check.required_text(node, "a spec", "docs");
    if let Some(link) = node.get("docs")
        && !docs.starts_with("https://")
    {
        check.say(&link.at, "`docs` is a link to the provider's API reference, https://…");
    }
    for part in ["headers", "query"] {
        for (_, value) in node.get(part).and_then(Node::map).unwrap_or(&[]) {
            placeholders(value.text().unwrap_or(""), &value.at, &credentials, &[], check);
        }
    }
    Spec {
        name: check.required_text(node, "a spec", "name"),
        docs,
        transport: check.word(node.get("transport"), "transport", members::TRANSPORTS, "Http"),
        auth: auth(node.get("auth"), &node.at, &credentials, check),
        headers: check.pairs(node.get("headers"), "`headers`"),
        query: check.pairs(node.get("query"), "`query`"),
        chat: node.get("chat").map(|chat| self::chat(chat, &credentials, check)),
        embeddings: node.get("embeddings").map(|operation| plain(operation, "embeddings", &credentials, check)),
        moderations: node.get("moderations").map(|operation| plain(operation, "moderations", &credentials, check)),
        errors: errors(check.required(node, "a spec", "errors"), &node.at, check),
        models: models(node.get("models"), check),
        credentials,
        base_url,
    }
}

fn credentials(node: Option<&Node>, check: &mut Checker) -> Vec<Credential> {
    let Some(node) = node else { return Vec::new() };
    let Some(members) = node.map() else {
        check.say(&node.at, "`credentials` is a map: a name, and the environment variable that holds the value");
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in members {
        let (mut env, mut optional, mut default) = (Vec::new(), false, None);
        match &value.value {
            Value::List(items) => env.extend(items.iter().map(|item| check.text(item, "an environment variable"))),
            Value::Map(_) => {
                check.members(value, "a credential", members::CREDENTIAL);
                match value.get("env").map(|node| (&node.value, node)) {
                    Some((Value::List(items), _)) => {
                        env.extend(items.iter().map(|item| check.text(item, "an environment variable")));
                    }
                    Some((_, node)) => env.push(check.text(node, "`env`")),
                    None => check.say(&value.at, "a credential lacks `env`"),
                }
                optional = value.get("optional").and_then(Node::constant) == Some(Constant::Bool(true));
                default = check.optional_text(value, "default");
            }
            _ => env.push(check.text(value, "an environment variable")),
        }
        for name in &env {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
                check.say(&value.at, format!("`{name}` is no name of an environment variable such as ACME_API_KEY"));
            }
        }
        read.push(Credential { name: key.name.clone(), env, optional, default });
    }
    read
}

fn auth(node: Option<&Node>, at: &Place, credentials: &[Credential], check: &mut Checker) -> Auth {
    let Some(node) = node else {
        check.say(at, format!("a spec lacks `auth`: {AUTHS}"));
        return Auth::None;
    };
    if node.text() == Some("none") {
        return Auth::None;
    }
    let known = |check: &mut Checker, node: &Node| -> String {
        let name = check.text(node, "a credential's name");
        if !credentials.iter().any(|credential| credential.name == name) {
            let hint = suggest(&name, credentials.iter().map(|credential| credential.name.as_str()));
            check.say(&node.at, format!("`{name}` is no credential of this spec; {hint}"));
        }
        name
    };
    if let Some(bearer) = node.get("bearer") {
        check.only(node, "`auth`", &["bearer"]);
        return Auth::Bearer(known(check, bearer));
    }
    if let (Some(header), Some(value)) = (node.get("header"), node.get("value")) {
        check.only(node, "`auth`", &["header", "value"]);
        return Auth::Header {
            name: check.text(header, "`header`").to_ascii_lowercase(),
            credential: known(check, value),
        };
    }
    if let Some(given) = node.get("aws-sigv4") {
        check.only(node, "`auth`", &["aws-sigv4"]);
        check.members(given, "`aws-sigv4`", members::SIGV4);
        let mut credential = |name: &str| match check.required(given, "`aws-sigv4`", name) {
            Some(value) => known(check, value),
            None => String::new(),
        };
        let (region, access_key, secret_key) =
            (credential("region"), credential("access_key"), credential("secret_key"));
        return Auth::AwsSigV4(SigV4 {
            service: check.required_text(given, "`aws-sigv4`", "service"),
            region,
            access_key,
            secret_key,
            session_token: given.get("session_token").map(|value| known(check, value)),
        });
    }
    check.say(&node.at, format!("`auth` is {AUTHS}"));
    Auth::None
}

/// What `auth` may be, for messages.
const AUTHS: &str = "{ bearer: CREDENTIAL }, { header: NAME, value: CREDENTIAL }, { aws-sigv4: … } or none";

fn path(node: &Node, what: &str, name: &str, credentials: &[Credential], check: &mut Checker) -> Option<String> {
    let value = node.get(name)?;
    let text = check.text(value, &format!("`{name}`"));
    placeholders(&text, &value.at, credentials, &["model", "model_path"], check);
    if !text.starts_with('/') {
        check.say(&value.at, format!("the path of {what} begins with a slash"));
    }
    Some(text)
}

fn chat(node: &Node, credentials: &[Credential], check: &mut Checker) -> Chat {
    check.members(node, "`chat`", members::CHAT);
    let path_given = path(node, "chat", "path", credentials, check);
    if path_given.is_none() {
        check.say(&node.at, "`chat` lacks `path`");
    }
    let path_given = path_given.unwrap_or_default();
    let stream_path = path(node, "chat", "stream_path", credentials, check).unwrap_or_else(|| path_given.clone());
    let finish = check.pairs(node.get("finish"), "`finish`");
    for (_, value) in node.get("finish").and_then(Node::map).unwrap_or(&[]) {
        let word = value.text().unwrap_or("");
        if !FINISH_REASONS.contains(&word) {
            check.say(
                &value.at,
                format!("`{word}` is no finish reason; {}", suggest(word, FINISH_REASONS.iter().copied())),
            );
        }
    }
    let empty = |at: &Place| Node { value: Value::Map(Vec::new()), at: at.clone() };
    let stream = check.required(node, "`chat`", "stream").cloned().unwrap_or_else(|| empty(&node.at));
    check.members(&stream, "`stream`", members::STREAM);
    Chat {
        path: path_given,
        stream_path,
        replies: check.word(node.get("replies"), "replies", members::REPLIES, "Rebuilt"),
        json_object: check.word(node.get("json_object"), "json_object", members::JSON_OBJECTS, "Native"),
        json_schema: check.word(node.get("json_schema"), "json_schema", members::JSON_SCHEMAS, "Prompt"),
        schema_subset: node.get("schema_subset").map(|subset| schema_subset(subset, check)).unwrap_or_default(),
        disconnect: check.word(node.get("disconnect"), "disconnect", members::DISCONNECTS, "BillsAll"),
        reasoning_format: check.optional_text(node, "reasoning_format").unwrap_or_default(),
        thought_tags: thought_tags(node.get("thought_tags"), check),
        tool_ids: tool_ids(node.get("tool_ids"), check),
        least_output_limit: node
            .get("least_output_limit")
            .and_then(|limit| check.number(limit, "`least_output_limit`"))
            .unwrap_or(0),
        finish,
        request: check.required(node, "`chat`", "request").cloned().unwrap_or_else(|| empty(&node.at)),
        response: check.required(node, "`chat`", "response").cloned().unwrap_or_else(|| empty(&node.at)),
        framing: check.word(stream.get("framing"), "framing", members::FRAMINGS, "Sse"),
        submit: node.get("submit").map(|submit| self::submit(submit, check)),
        until: check.optional_text(&stream, "until"),
        text: stream.get("text").map(|names| check.texts(names, "`text`")).unwrap_or_default(),
        on: check.required(&stream, "`stream`", "on").cloned().unwrap_or_else(|| empty(&stream.at)),
    }
}

fn schema_subset(node: &Node, check: &mut Checker) -> SchemaSubset {
    check.members(node, "`schema_subset`", members::SCHEMA_SUBSET);
    let without = node.get("without").and_then(Node::list).unwrap_or(&[]);
    SchemaSubset {
        without: without.iter().map(|word| check.text(word, "a keyword")).collect(),
        closed: node.get("closed").and_then(Node::constant) == Some(Constant::Bool(true)),
    }
}

fn submit(node: &Node, check: &mut Checker) -> Submit {
    check.members(node, "`submit`", members::SUBMIT);
    let mut path = |name: &str, required: bool| -> Vec<String> {
        let value = if required { check.required(node, "`submit`", name) } else { node.get(name) };
        let Some(value) = value else { return Vec::new() };
        match value.text().and_then(|text| text.strip_prefix('$')).filter(|path| !path.is_empty()) {
            Some(path) => path.split('.').map(str::to_owned).collect(),
            None => {
                check.say(&value.at, "expected a `$path` into the provider's JSON");
                Vec::new()
            }
        }
    };
    let (state, poll) = (path("state", true), path("poll", true));
    let (stream, cancel) = (path("stream", false), path("cancel", false));
    let mut texts = |name: &str| match check.required(node, "`submit`", name) {
        Some(list) => check.texts(list, &format!("`{name}`")),
        None => Vec::new(),
    };
    let (done, failed, hosts) = (texts("done"), texts("failed"), texts("hosts"));
    Submit {
        wait: check.pairs(node.get("wait"), "`wait`"),
        last: check.optional_text(node, "last").unwrap_or_default(),
        state,
        done,
        failed,
        poll,
        stream,
        cancel,
        hosts,
    }
}

fn thought_tags(node: Option<&Node>, check: &mut Checker) -> Option<(String, String)> {
    let node = node?;
    let tags: Vec<&str> = node.list().unwrap_or(&[]).iter().filter_map(Node::text).collect();
    match tags[..] {
        [open, close] if !open.trim().is_empty() && !close.trim().is_empty() => {
            Some((open.trim().to_owned(), close.trim().to_owned()))
        }
        _ => {
            check.say(&node.at, "`thought_tags` are two texts, such as [<think>, </think>]");
            None
        }
    }
}

fn tool_ids(node: Option<&Node>, check: &mut Checker) -> Option<u8> {
    let node = node?;
    let length = check.number(node, "`tool_ids`")?;
    if !(6..=32).contains(&length) {
        check.say(&node.at, "`tool_ids` is a length from 6, below which ids would meet, to 32");
    }
    Some(length)
}

fn plain(node: &Node, what: &str, credentials: &[Credential], check: &mut Checker) -> Plain {
    check.members(node, &format!("`{what}`"), members::PLAIN);
    let path = path(node, what, "path", credentials, check);
    if path.is_none() {
        check.say(&node.at, format!("`{what}` lacks `path`"));
    }
    let empty = || Node { value: Value::Map(Vec::new()), at: node.at.clone() };
    Plain {
        path: path.unwrap_or_default(),
        replies: check.word(node.get("replies"), "replies", members::REPLIES, "Verbatim"),
        request: check.required(node, &format!("`{what}`"), "request").cloned().unwrap_or_else(empty),
        response: check.required(node, &format!("`{what}`"), "response").cloned().unwrap_or_else(empty),
    }
}

fn errors(node: Option<&Node>, at: &Place, check: &mut Checker) -> Errors {
    let empty = Node { value: Value::Map(Vec::new()), at: at.clone() };
    let Some(node) = node else {
        return Errors { body: empty, headers: Vec::new(), rules: Vec::new(), retry: Vec::new() };
    };
    check.members(node, "`errors`", members::ERRORS);
    let mut rules = Vec::new();
    for rule in node.get("rules").and_then(Node::list).unwrap_or(&[]) {
        check.members(rule, "an error rule", members::RULE);
        let is = rule.get("is");
        if is.is_none() {
            check.say(&rule.at, "an error rule lacks `is`: what the error means");
        }
        if rule.map().is_some_and(|members| members.iter().all(|(key, _)| key.name == "is")) {
            check.say(&rule.at, "an error rule lacks a condition: `status`, `code`, `kind` or `message`");
        }
        rules.push(Rule {
            status: rule.get("status").and_then(|node| check.number(node, "`status`")),
            code: check.optional_text(rule, "code"),
            kind: check.optional_text(rule, "kind"),
            message: check.optional_text(rule, "message"),
            is: check.word(is, "is", ERROR_KINDS, "Unavailable"),
        });
    }
    let headers = node.get("headers");
    if let Some(headers) = headers.filter(|headers| headers.map().is_some()) {
        check.only(headers, "`errors.headers`", ERROR_BODY);
    }
    let retry = node.get("retry").and_then(Node::list).unwrap_or(&[]);
    Errors {
        headers: check.pairs(headers, "`errors.headers`"),
        body: check.required(node, "`errors`", "body").cloned().unwrap_or(empty),
        rules,
        retry: retry.iter().filter_map(|status| check.number(status, "a status")).collect(),
    }
}

fn models(node: Option<&Node>, check: &mut Checker) -> Vec<Model> {
    let Some(node) = node else { return Vec::new() };
    let Some(members) = node.map() else {
        check.say(&node.at, "`models` is a map: a model's id, and what it can and costs");
        return Vec::new();
    };
    members.iter().map(|(key, model)| self::model(&key.name, model, check)).collect()
}

fn model(id: &str, node: &Node, check: &mut Checker) -> Model {
    check.members(node, "a model", members::MODEL);
    let aliases = node.get("aliases").and_then(Node::list).unwrap_or(&[]);
    Model {
        id: id.to_owned(),
        aliases: aliases.iter().map(|alias| check.text(alias, "an alias")).collect(),
        kind: check.word(node.get("kind"), "kind", members::KINDS, "Chat"),
        context: node.get("context").and_then(|node| check.number(node, "`context`")).unwrap_or(0),
        max_output: node.get("max_output").and_then(|node| check.number(node, "`max_output`")).unwrap_or(0),
        capabilities: capabilities(node.get("can"), check),
        price: match check.required(node, "a model", "price") {
            Some(price) => price::read(price, &[], check),
            None => Price::default(),
        },
        ends: day(node, "ends", check),
        successor: check.optional_text(node, "successor"),
    }
}

/// What a model can.
pub fn capabilities(node: Option<&Node>, check: &mut Checker) -> Vec<String> {
    let mut capabilities = Vec::new();
    for word in node.and_then(Node::list).unwrap_or(&[]) {
        let text = check.text(word, "a capability");
        if !members::CAPABILITIES.contains(&text.as_str()) {
            let hint = suggest(&text, members::CAPABILITIES.iter().copied());
            check.say(&word.at, format!("no capability `{text}`; {hint}"));
        }
        capabilities.push(text);
    }
    capabilities
}

/// A day, as text.
pub fn day(node: &Node, name: &str, check: &mut Checker) -> Option<String> {
    let day = check.optional_text(node, name)?;
    if price::unix_day(&day).is_none()
        && let Some(at) = node.get(name)
    {
        check.say(&at.at, format!("`{name}` is a day such as \"2027-04-01\""));
    }
    Some(day)
}

/// Every `{credential}` of a text must be one of the spec's.
fn placeholders(text: &str, at: &Place, credentials: &[Credential], also: &[&str], check: &mut Checker) {
    for rest in text.split('{').skip(1) {
        let name = rest.split('}').next().unwrap_or(rest);
        let known = || credentials.iter().map(|credential| credential.name.as_str()).chain(also.iter().copied());
        if !known().any(|other| other == name) {
            check.say(at, format!("`{{{name}}}` is no credential of this spec; {}", suggest(name, known())));
        }
    }
}
