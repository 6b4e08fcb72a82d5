//! Logs and metrics.
//!
//! Metrics have no labels that grow with customers. Their handles are made once and then only
//! added to, so that a request pays an atomic addition and no look-up by label.

use crate::config::LogFormat;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. A second call in one process (tests) changes nothing.
pub fn start_logging(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // It fails only when logging has been started before.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Bounds of the histograms of seconds: from what an echo takes to what a long answer takes.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// The metrics of one process.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    in_flight: Gauge,
    connections: Gauge,
    journal_pending: Gauge,
    /// By route, then by status.
    requests: RwLock<ByRoute>,
    calls: RwLock<HashMap<CallKey, Arc<CallMetrics>>>,
}

/// By route, then by status.
type ByRoute = HashMap<Box<str>, HashMap<u16, Arc<RequestMetrics>>>;

struct RequestMetrics {
    count: Counter,
    seconds: Histogram,
}

/// What one call to a provider was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey {
    pub provider: &'static str,
    /// `chat`, `embeddings`, `moderations`.
    pub operation: &'static str,
    /// `ok`, `aborted`, or the error's code.
    pub outcome: &'static str,
}

struct CallMetrics {
    count: Counter,
    seconds: Histogram,
    first_token: Histogram,
    input: Counter,
    output: Counter,
}

/// What one call to a provider took.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallNumbers {
    pub duration: Duration,
    pub first_token: Option<Duration>,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        let builder = PrometheusBuilder::new();
        let builder = builder
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let (in_flight, connections, journal_pending) = with_local_recorder(&recorder, || {
            describe();
            (
                gauge!("ringside_http_requests_in_flight"),
                gauge!("ringside_http_connections"),
                gauge!("ringside_journal_pending_events"),
            )
        });
        Self {
            recorder,
            handle,
            in_flight,
            connections,
            journal_pending,
            requests: RwLock::default(),
            calls: RwLock::default(),
        }
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("ringside_http_requests_in_flight", "Requests whose answer has not begun.");
    describe_gauge!("ringside_http_connections", "Open connections of clients.");
    describe_gauge!("ringside_journal_pending_events", "Usage events in the journal that are not in the database yet.");
    describe_counter!("ringside_http_requests_total", "Requests answered, by route and status.");
    describe_histogram!("ringside_http_request_duration_seconds", "From a request's head to its answer's head.");
    describe_counter!(
        "ringside_upstream_calls_total",
        "Calls to providers, by outcome: ok, aborted or the error's code."
    );
    describe_histogram!(
        "ringside_upstream_call_duration_seconds",
        "Calls to providers, from sending to the last byte."
    );
    describe_histogram!(
        "ringside_upstream_first_token_seconds",
        "Calls to providers, from sending to the first output."
    );
    describe_counter!("ringside_tokens_total", "Tokens metered, by direction.");
}

impl Metrics {
    /// Counts one answered request. `route` is the route's pattern, never the path itself.
    pub fn request(&self, route: &str, status: u16, duration: Duration) {
        let known = self.requests.read().get(route).and_then(|statuses| statuses.get(&status)).cloned();
        let metrics = known.unwrap_or_else(|| self.register_request(route, status));
        metrics.count.increment(1);
        metrics.seconds.record(duration);
    }

    fn register_request(&self, route: &str, status: u16) -> Arc<RequestMetrics> {
        let (name, code) = (route.to_owned(), status.to_string());
        let made = with_local_recorder(&self.recorder, || RequestMetrics {
            count: counter!("ringside_http_requests_total", "route" => name.clone(), "status" => code),
            seconds: histogram!("ringside_http_request_duration_seconds", "route" => name.clone()),
        });
        let mut requests = self.requests.write();
        Arc::clone(requests.entry(name.into_boxed_str()).or_default().entry(status).or_insert_with(|| Arc::new(made)))
    }

    /// Counts one finished call to a provider.
    pub fn call(&self, key: CallKey, numbers: CallNumbers) {
        let known = self.calls.read().get(&key).cloned();
        let metrics = known.unwrap_or_else(|| self.register_call(key));
        metrics.count.increment(1);
        metrics.seconds.record(numbers.duration);
        metrics.input.increment(numbers.input_tokens);
        metrics.output.increment(numbers.output_tokens);
        if let Some(first) = numbers.first_token {
            metrics.first_token.record(first);
        }
    }

    fn register_call(&self, key: CallKey) -> Arc<CallMetrics> {
        let CallKey { provider, operation, outcome } = key;
        let made = with_local_recorder(&self.recorder, || CallMetrics {
            count: counter!("ringside_upstream_calls_total", "provider" => provider, "operation" => operation, "outcome" => outcome),
            seconds: histogram!("ringside_upstream_call_duration_seconds", "provider" => provider, "operation" => operation),
            first_token: histogram!("ringside_upstream_first_token_seconds", "provider" => provider, "operation" => operation),
            input: counter!("ringside_tokens_total", "provider" => provider, "direction" => "input"),
            output: counter!("ringside_tokens_total", "provider" => provider, "direction" => "output"),
        });
        Arc::clone(self.calls.write().entry(key).or_insert_with(|| Arc::new(made)))
    }

    /// Counts a request whose answer has not begun, until the guard drops.
    pub fn running(&self) -> Counted {
        Counted::new(&self.in_flight)
    }

    /// Counts an open connection until the guard drops.
    pub fn connection(&self) -> Counted {
        Counted::new(&self.connections)
    }

    /// The page for `GET /metrics`.
    pub fn render(&self, journal_pending: u64) -> String {
        self.journal_pending.set(journal_pending as f64);
        self.handle.render()
    }

    /// Folds recorded samples into the histograms; to be called every few seconds.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// One of what a gauge counts.
pub struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered() {
        let metrics = Metrics::default();
        let running = metrics.running();
        metrics.request("/v1/models", 200, Duration::from_millis(3));
        metrics.request("/v1/models", 200, Duration::from_millis(3));
        metrics.request("/v1/models", 401, Duration::from_millis(3));
        let key = CallKey { provider: "sim", operation: "chat", outcome: "ok" };
        metrics.call(key, CallNumbers { input_tokens: 7, output_tokens: 2, ..CallNumbers::default() });
        let page = metrics.render(4);
        for line in [
            r#"ringside_http_requests_total{route="/v1/models",status="200"} 2"#,
            r#"ringside_http_requests_total{route="/v1/models",status="401"} 1"#,
            r#"ringside_tokens_total{provider="sim",direction="input"} 7"#,
            r#"ringside_upstream_calls_total{provider="sim",operation="chat",outcome="ok"} 1"#,
            r#"ringside_http_request_duration_seconds_bucket{route="/v1/models",le="0.005"} 3"#,
            "ringside_http_requests_in_flight 1",
            "ringside_journal_pending_events 4",
        ] {
            assert!(page.contains(line), "{line} is missing from:\n{page}");
        }
        drop(running);
        assert!(metrics.render(0).contains("ringside_http_requests_in_flight 0"));
    }
}
