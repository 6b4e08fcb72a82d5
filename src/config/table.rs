//! The table of settings.

use super::value::{self, Cidr, Secret};
use super::{ForwardUser, Limits, LogFormat, Problem, Settings, Signup, Timeouts, UpstreamSettings};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// One setting.
pub struct Setting {
    /// Its name in `ringside.yaml`; `group.name` stands in a map `group:`.
    pub name: &'static str,
    /// The environment variable that overrides the file.
    pub env: &'static str,
    /// The default, written as in the file; empty where the setting is unset by default.
    pub default: &'static str,
    /// Completes "expected …".
    pub expects: &'static str,
    /// What it does, for the documentation.
    pub help: &'static str,
    /// A bad value of it is not repeated in messages.
    pub secret: bool,
    /// Read and checked, but nothing in this version uses it.
    pub without_effect: bool,
    /// Puts the value in its place; `None` if it is not what was expected.
    apply: fn(&mut Settings, &str) -> Option<()>,
}

impl Setting {
    const fn new(
        name: &'static str,
        env: &'static str,
        default: &'static str,
        expects: &'static str,
        help: &'static str,
        apply: fn(&mut Settings, &str) -> Option<()>,
    ) -> Self {
        Self { name, env, default, expects, help, secret: false, without_effect: false, apply }
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn without_effect(mut self) -> Self {
        self.without_effect = true;
        self
    }

    /// Puts `text` into `settings`.
    ///
    /// # Errors
    /// What was expected, and what was given unless it is a secret.
    pub(super) fn set(&'static self, settings: &mut Settings, text: &str) -> Result<(), String> {
        if (self.apply)(settings, text).is_none() {
            return Err(if self.secret {
                format!("expected {}", self.expects)
            } else {
                format!("expected {}, found \"{text}\"", self.expects)
            });
        }
        if self.without_effect {
            settings.without_effect.push(self.name);
        }
        Ok(())
    }
}

const ADDRESS: &str = "an IP address and a port such as 127.0.0.1:8080";
const DURATION: &str = "a duration such as 500ms, 30s, 10m or 1h, of more than 0 and at most a week";
const SIZE: &str = "a size such as 64KiB, 20MiB or a number of bytes";
const COUNT: &str = "a whole number of at least 1";
const FILE: &str = "the path of a file";

/// Every setting, in the order of the documentation.
pub static TABLE: &[Setting] = &[
    Setting::new("listen", "RINGSIDE_LISTEN", "127.0.0.1:8080", ADDRESS, "Where the API listens.", |s, text| {
        s.listen = text.parse().ok()?;
        Some(())
    }),
    Setting::new(
        "admin_listen",
        "RINGSIDE_ADMIN_LISTEN",
        "",
        ADDRESS,
        "Moves `/admin` and `/metrics` to another address, where `/metrics` needs no token.",
        |s, text| {
            s.admin_listen = Some(text.parse().ok()?);
            Some(())
        },
    ),
    Setting::new(
        "database_url",
        "RINGSIDE_DATABASE_URL",
        "sqlite://ringside.db",
        "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME",
        "The database. A SQLite file is made when it is missing.",
        |s, text| {
            let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
            s.database_url = known.then(|| Secret::new(text))?;
            Some(())
        },
    )
    .secret(),
    Setting::new(
        "redis_url",
        "RINGSIDE_REDIS_URL",
        "",
        "redis://HOST:PORT or rediss://HOST:PORT",
        "Shared counters for several replicas. Without it one replica serves one database.",
        |s, text| {
            let known = text.starts_with("redis://") || text.starts_with("rediss://");
            s.redis_url = Some(known.then(|| Secret::new(text))?);
            Some(())
        },
    )
    .secret()
    .without_effect(),
    Setting::new(
        "admin_token",
        "RINGSIDE_ADMIN_TOKEN",
        "",
        "at least 32 characters without spaces",
        "Fixes an admin token, beside those that were made.",
        |s, text| {
            let good = text.chars().count() >= 32 && text.bytes().all(|byte| byte.is_ascii_graphic());
            s.admin_token = Some(good.then(|| Secret::new(text))?);
            Some(())
        },
    )
    .secret(),
    Setting::new(
        "secret_key",
        "RINGSIDE_SECRET_KEY",
        "",
        "32 bytes in hex or base64",
        "Encrypts secrets at rest. Required with PostgreSQL.",
        |s, text| {
            s.secret_key = Some(value::is_key(text).then(|| Secret::new(text))?);
            Some(())
        },
    )
    .secret()
    .without_effect(),
    Setting::new(
        "slots",
        "RINGSIDE_SLOTS",
        "slots.yaml",
        FILE,
        "Where aliases (`slot:<alias>`) are mapped to models.",
        |s, text| {
            s.slots = path(text)?;
            Some(())
        },
    ),
    Setting::new(
        "schema.reinforcement",
        "RINGSIDE_SCHEMA_REINFORCEMENT",
        "",
        FILE,
        "A minijinja template for what a model is told when its answer does not fit a JSON schema (`errors`, `schema`, `attempt`).",
        |s, text| {
            s.reinforcement = Some(path(text)?);
            Some(())
        },
    ),
    Setting::new(
        "prices",
        "RINGSIDE_PRICES",
        "prices.yaml",
        FILE,
        "Prices that add to or override those of the specs.",
        |s, text| {
            s.prices = path(text)?;
            Some(())
        },
    ),
    Setting::new(
        "journal",
        "RINGSIDE_JOURNAL",
        "ringside.journal",
        FILE,
        "Where a finished call is written before its last byte is sent; it is drained into the database. Files of this name with a number, and with `.lane2`, `.lane3`, … before the number for further processors; one of 64 MiB for each is usual under load.",
        |s, text| {
            s.journal = path(text)?;
            Some(())
        },
    ),
    Setting::new(
        "token_file",
        "RINGSIDE_TOKEN_FILE",
        "ringside.token",
        FILE,
        "Where a first start writes the tokens it made, readable by its owner only.",
        |s, text| {
            s.token_file = path(text)?;
            Some(())
        },
    ),
    Setting::new(
        "signup",
        "RINGSIDE_SIGNUP",
        "",
        "closed, invite or open",
        "Who may open an account in the dashboard. Default: `open` on loopback only, else `closed`.",
        |s, text| {
            s.signup = match text {
                "closed" => Signup::Closed,
                "invite" => Signup::Invite,
                "open" => Signup::Open,
                _ => return None,
            };
            Some(())
        },
    )
    .without_effect(),
    Setting::new(
        "signup_credit_usd",
        "RINGSIDE_SIGNUP_CREDIT_USD",
        "10",
        "an amount of USD such as 10 or 2.50",
        "What a new account's wallet is credited, once.",
        |s, text| {
            s.signup_credit = text.parse().ok().filter(|amount| *amount >= crate::money::NanoUsd(0))?;
            Some(())
        },
    )
    .without_effect(),
    Setting::new(
        "trusted_proxies",
        "RINGSIDE_TRUSTED_PROXIES",
        "",
        "ranges of addresses such as 10.0.0.0/8, 192.168.1.7, with commas between them",
        "Whose `X-Forwarded-For` is believed. The client's address is the right-most one that is not trusted.",
        |s, text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            s.trusted_proxies = parts.map(Cidr::parse).collect::<Option<_>>()?;
            Some(())
        },
    )
    .without_effect(),
    Setting::new(
        "sim",
        "RINGSIDE_SIM",
        "on",
        "on or off",
        "Whether the built-in simulator (`fc:sim/…`) answers.",
        |s, text| {
            s.sim = value::switch(text)?;
            Some(())
        },
    ),
    Setting::new(
        "forward_user",
        "RINGSIDE_FORWARD_USER",
        "never",
        "never or hashed",
        "Whether providers are sent a hash of the end customer. The customer's own name is never sent.",
        |s, text| {
            s.forward_user = match text {
                "never" => ForwardUser::Never,
                "hashed" => ForwardUser::Hashed,
                _ => return None,
            };
            Some(())
        },
    ),
    Setting::new(
        "webhooks_allow_loopback",
        "RINGSIDE_WEBHOOKS_ALLOW_LOOPBACK",
        "false",
        "true or false",
        "Whether URLs that callers give (webhooks, images) may lead to this machine, over http too: for development.",
        |s, text| {
            s.webhooks_allow_loopback = value::switch(text)?;
            Some(())
        },
    ),
    Setting::new(
        "log",
        "RINGSIDE_LOG",
        "info",
        "a filter such as info, warn or ringside=debug",
        "What is logged, in the form of `tracing`'s filters.",
        |s, text| {
            tracing_subscriber::EnvFilter::try_new(text).ok()?;
            s.log = text.to_owned();
            Some(())
        },
    ),
    Setting::new("log_format", "RINGSIDE_LOG_FORMAT", "text", "text or json", "How log lines look.", |s, text| {
        s.log_format = match text {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return None,
        };
        Some(())
    }),
    Setting::new(
        "limits.body",
        "RINGSIDE_LIMITS_BODY",
        "20MiB",
        SIZE,
        "Largest request body; a larger one is 413 `request_too_large`.",
        |s, text| {
            s.limits.body = value::size(text)?;
            Some(())
        },
    ),
    Setting::new(
        "limits.json_depth",
        "RINGSIDE_LIMITS_JSON_DEPTH",
        "128",
        COUNT,
        "How deep the JSON of a request may nest.",
        |s, text| {
            s.limits.json_depth = value::count(text)? as usize;
            Some(())
        },
    ),
    Setting::new(
        "limits.head",
        "RINGSIDE_LIMITS_HEAD",
        "64KiB",
        "a size of at least 8KiB such as 64KiB",
        "Largest head of a request: request line and headers.",
        |s, text| {
            s.limits.head = value::size(text).filter(|bytes| *bytes >= 8192)?;
            Some(())
        },
    ),
    Setting::new("limits.headers", "RINGSIDE_LIMITS_HEADERS", "100", COUNT, "Most headers of a request.", |s, text| {
        s.limits.headers = value::count(text)? as usize;
        Some(())
    }),
    Setting::new(
        "limits.connections",
        "RINGSIDE_LIMITS_CONNECTIONS",
        "10000",
        COUNT,
        "Most connections at once; more wait to be accepted.",
        |s, text| {
            s.limits.connections = value::count(text)? as usize;
            Some(())
        },
    ),
    Setting::new(
        "limits.streams",
        "RINGSIDE_LIMITS_STREAMS",
        "250",
        COUNT,
        "Most requests at once on one HTTP/2 connection.",
        |s, text| {
            s.limits.streams = value::count(text)?;
            Some(())
        },
    ),
    Setting::new(
        "timeouts.head",
        "RINGSIDE_TIMEOUTS_HEAD",
        "10s",
        DURATION,
        "For a request's head, from its first byte to its last.",
        |s, text| {
            s.timeouts.head = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new(
        "timeouts.idle",
        "RINGSIDE_TIMEOUTS_IDLE",
        "75s",
        DURATION,
        "For the next request on an open connection.",
        |s, text| {
            s.timeouts.idle = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new("timeouts.body", "RINGSIDE_TIMEOUTS_BODY", "60s", DURATION, "For a whole request body.", |s, text| {
        s.timeouts.body = value::duration(text)?;
        Some(())
    }),
    Setting::new(
        "timeouts.write",
        "RINGSIDE_TIMEOUTS_WRITE",
        "30s",
        DURATION,
        "For a client to take some of an answer; a slower reader is cut off.",
        |s, text| {
            s.timeouts.write = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new(
        "timeouts.shutdown",
        "RINGSIDE_TIMEOUTS_SHUTDOWN",
        "30s",
        DURATION,
        "For running calls to finish after SIGTERM; then they are cut off and settled.",
        |s, text| {
            s.timeouts.shutdown = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new(
        "upstream.connect",
        "RINGSIDE_UPSTREAM_CONNECT",
        "10s",
        DURATION,
        "For a connection to a provider.",
        |s, text| {
            s.upstream.connect = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new(
        "upstream.first_byte",
        "RINGSIDE_UPSTREAM_FIRST_BYTE",
        "300s",
        DURATION,
        "From the sent request to the first byte of a provider's answer.",
        |s, text| {
            s.upstream.first_byte = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new(
        "upstream.idle",
        "RINGSIDE_UPSTREAM_IDLE",
        "120s",
        DURATION,
        "Between two pieces of a provider's answer.",
        |s, text| {
            s.upstream.idle = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new(
        "upstream.total",
        "RINGSIDE_UPSTREAM_TOTAL",
        "600s",
        DURATION,
        "For a whole call, retries included.",
        |s, text| {
            s.upstream.total = value::duration(text)?;
            Some(())
        },
    ),
    Setting::new(
        "upstream.attempts",
        "RINGSIDE_UPSTREAM_ATTEMPTS",
        "3",
        "a whole number from 1 to 10",
        "Tries in all of one call, as long as no byte of an answer has come.",
        |s, text| {
            s.upstream.attempts = value::count(text).filter(|count| *count <= 10)?;
            Some(())
        },
    ),
    Setting::new(
        "upstream.answer",
        "RINGSIDE_UPSTREAM_ANSWER",
        "64MiB",
        SIZE,
        "Largest answer in one piece.",
        |s, text| {
            s.upstream.answer = value::size(text)?;
            Some(())
        },
    ),
    Setting::new("upstream.event", "RINGSIDE_UPSTREAM_EVENT", "4MiB", SIZE, "Largest event of a stream.", |s, text| {
        s.upstream.event = value::size(text)?;
        Some(())
    }),
];

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.name == name)
}

fn path(text: &str) -> Option<std::path::PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

/// The settings of the table's defaults.
pub(super) fn defaults() -> Settings {
    let later = Duration::from_secs(1);
    let mut settings = Settings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        admin_listen: None,
        database_url: Secret::new(""),
        redis_url: None,
        admin_token: None,
        secret_key: None,
        slots: "".into(),
        reinforcement: None,
        prices: "".into(),
        journal: "".into(),
        token_file: "".into(),
        signup: Signup::Closed,
        signup_credit: crate::money::NanoUsd(0),
        trusted_proxies: Vec::new(),
        sim: true,
        forward_user: ForwardUser::Never,
        webhooks_allow_loopback: false,
        log: String::new(),
        log_format: LogFormat::Text,
        limits: Limits { body: 1, json_depth: 1, head: 1, headers: 1, connections: 1, streams: 1 },
        timeouts: Timeouts { head: later, idle: later, body: later, write: later, shutdown: later },
        upstream: UpstreamSettings {
            connect: later,
            first_byte: later,
            idle: later,
            total: later,
            attempts: 1,
            answer: 1,
            event: 1,
        },
        providers: Vec::new(),
        without_effect: Vec::new(),
    };
    for setting in TABLE.iter().filter(|setting| !setting.default.is_empty()) {
        let applied = (setting.apply)(&mut settings, setting.default);
        debug_assert!(applied.is_some(), "the default of {} is no value of it", setting.name);
    }
    settings
}

/// What one setting demands of another, and defaults that depend on another.
pub(super) fn check_between(settings: &mut Settings, problems: &mut Vec<Problem>) {
    if settings.database_url.expose().starts_with("postgres") && settings.secret_key.is_none() {
        problems.push(Problem {
            place: "RINGSIDE_SECRET_KEY".to_owned(),
            message: "required with PostgreSQL: 32 bytes in hex or base64, the same on every replica; `openssl rand -hex 32` makes one".to_owned(),
        });
    }
    if !settings.without_effect.contains(&"signup") {
        settings.signup = if settings.loopback_only() { Signup::Open } else { Signup::Closed };
    }
    if settings.admin_listen == Some(settings.listen) && settings.listen.port() != 0 {
        problems.push(Problem {
            place: "admin_listen".to_owned(),
            message: "expected another address than listen's".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value() {
        for setting in TABLE.iter().filter(|setting| !setting.default.is_empty()) {
            let mut settings = defaults();
            assert!((setting.apply)(&mut settings, setting.default).is_some(), "{}", setting.name);
        }
    }

    #[test]
    fn names_and_variables_agree() {
        for setting in TABLE {
            let expected = format!("RINGSIDE_{}", setting.name.to_uppercase().replace('.', "_"));
            assert_eq!(setting.env, expected);
        }
    }

    #[test]
    fn the_documentation_has_every_setting() {
        let docs = include_str!("../../docs/configuration.md");
        for setting in TABLE {
            let default = if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
            let effect = if setting.without_effect { " *No effect in this version.*" } else { "" };
            let row = format!("| `{}` | `{}` | {default} | {}{effect} |", setting.name, setting.env, setting.help);
            assert!(docs.contains(&row), "docs/configuration.md lacks this row:\n{row}");
        }
        let rows = docs.lines().filter(|line| line.starts_with("| `") && line.contains("| `RINGSIDE_")).count();
        assert_eq!(rows, TABLE.len(), "docs/configuration.md has a setting that does not exist");
    }
}
