//! Logs and metrics: where they go and in which form.
//!
//! Logs go to standard error, metrics are rendered on request; neither opens a port, and neither ever
//! carries post text, handles, addresses or tokens. Set up once, by `app`; everybody else uses the
//! `tracing` and `metrics` macros.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::time::Duration;

use jiff::Timestamp;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use super::clock::Clock;
use crate::config::{LogConfig, LogFormat};

/// Bounds of the histograms of times, in seconds: from a webhook on this machine to a slow feed.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Every metric: name and help. A name that ends in `_total` is a counter, in `_seconds` without
/// `process_` a histogram, and anything else a gauge.
pub const METRICS: &[(&str, &str)] = &[
    ("overheard_fetch_requests_total", "Fetches by outcome"),
    (
        "overheard_fetch_seconds",
        "Time of one request to a server, without the wait for its turn",
    ),
    (
        "overheard_fetch_bytes_total",
        "Decoded bytes of fetched bodies",
    ),
    (
        "overheard_task_restarts_total",
        "Restarts of failed tasks by task",
    ),
    (
        "overheard_polls_total",
        "Polls of sources by source and outcome",
    ),
    (
        "overheard_poll_lateness_seconds",
        "Time from when a source was due to when its poll began",
    ),
    ("overheard_posts_total", "Posts taken in by source"),
    (
        "overheard_rejects_total",
        "Items that could not be understood by source",
    ),
    (
        "overheard_mentions_total",
        "Posts that matched at least one monitor",
    ),
    (
        "overheard_commit_seconds",
        "Time of the transaction that stores a batch",
    ),
    (
        "overheard_analysis_seconds",
        "Time of scoring a batch of texts",
    ),
    ("overheard_analysis_texts_total", "Texts scored by outcome"),
    ("overheard_index_commit_seconds", "Time of an index commit"),
    (
        "overheard_index_lag",
        "Changes in the store that the index has not committed",
    ),
    (
        "overheard_deliveries_total",
        "Webhook attempts by endpoint and outcome",
    ),
    ("overheard_delivery_seconds", "Time of a webhook attempt"),
    (
        "overheard_outbox_pending",
        "Events that wait for their delivery",
    ),
    ("overheard_digests_total", "Digests written"),
    (
        "overheard_http_requests_total",
        "Requests to the API and the page by status class",
    ),
    (
        "overheard_http_seconds",
        "Time of a request to the API or the page",
    ),
    (
        "overheard_process_resident_bytes",
        "Memory of the process that is in RAM",
    ),
    (
        "overheard_process_open_files",
        "Open file descriptors of the process",
    ),
    (
        "overheard_process_uptime_seconds",
        "Time since the metrics were set up",
    ),
];

/// Logs or metrics could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// `log.filter` is no filter.
    #[error("log.filter: `{filter}` is not a log filter such as `info` or `overheard=debug`")]
    Filter {
        /// As configured.
        filter: String,
        /// Where it stops making sense.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Set up twice in one process.
    #[error("{0} are already set up in this process")]
    Installed(&'static str),
    /// The metrics recorder refuses its settings.
    #[error("metrics cannot be set up")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStyle {
    /// One JSON object a line.
    Json,
    /// For people.
    Text {
        /// With colours.
        colours: bool,
    },
}

impl LogStyle {
    /// Chooses the form: by the configuration, else JSON under systemd. A terminal is never the
    /// journal, although terminals that systemd started pass its variables on. Colours only on a
    /// terminal, and not where `NO_COLOR` is set.
    #[must_use]
    pub fn choose(
        format: LogFormat,
        variable: impl Fn(&str) -> Option<OsString>,
        terminal: bool,
    ) -> Self {
        let systemd = variable("JOURNAL_STREAM").is_some() || variable("INVOCATION_ID").is_some();
        let colours = terminal && variable("NO_COLOR").is_none_or(|value| value.is_empty());
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Auto if systemd && !terminal => Self::Json,
            LogFormat::Text | LogFormat::Auto => Self::Text { colours },
        }
    }
}

/// Sends log lines to standard error. `variable` is `std::env::var_os`.
///
/// # Errors
/// A filter that is none, or a second call in one process.
pub fn init_logs(
    config: &LogConfig,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(), TelemetryError> {
    let filter = log_filter(&config.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let style = LogStyle::choose(config.format, variable, io::stderr().is_terminal());
    let initialised = match style {
        LogStyle::Json => builder.json().flatten_event(true).try_init(),
        LogStyle::Text { colours } => builder.with_ansi(colours).try_init(),
    };
    initialised.map_err(|_| TelemetryError::Installed("logs"))
}

fn log_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter {
            filter: filter.to_owned(),
            source,
        })
}

/// Renders what was measured, in Prometheus' text format.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    clock: Clock,
    started: Timestamp,
}

impl Metrics {
    /// Installs the recorder for the whole process. No port is opened.
    ///
    /// # Errors
    /// A second call in one process.
    pub fn install(clock: Clock) -> Result<Self, TelemetryError> {
        let recorder = recorder()?;
        let metrics = Self::over(&recorder, clock);
        metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Installed("metrics"))?;
        describe();
        Ok(metrics)
    }

    /// Takes the process's own gauges and renders everything.
    #[must_use]
    pub fn render(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            metrics::gauge!("overheard_process_resident_bytes").set(bytes as f64);
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            // The listing itself is one of them.
            metrics::gauge!("overheard_process_open_files")
                .set(open.count().saturating_sub(1) as f64);
        }
        let uptime = self.clock.now().duration_since(self.started);
        metrics::gauge!("overheard_process_uptime_seconds").set(uptime.as_secs_f64().max(0.0));
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Moves samples out of the recorder's buffers, which would grow without it where nobody asks for
    /// the metrics. Never ends; run it as a task.
    pub async fn upkeep(&self) {
        loop {
            self.clock.sleep(Duration::from_secs(60)).await;
            self.handle.run_upkeep();
        }
    }

    fn over(recorder: &metrics_exporter_prometheus::PrometheusRecorder, clock: Clock) -> Self {
        Self {
            handle: recorder.handle(),
            started: clock.now(),
            clock,
        }
    }
}

fn recorder() -> Result<metrics_exporter_prometheus::PrometheusRecorder, TelemetryError> {
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .map_err(TelemetryError::Metrics)?
        .build_recorder())
}

fn describe() {
    for (name, help) in METRICS {
        if name.ends_with("_total") {
            metrics::describe_counter!(*name, *help);
        } else if name.ends_with("_seconds") && !name.contains("process_") {
            metrics::describe_histogram!(*name, metrics::Unit::Seconds, *help);
        } else {
            metrics::describe_gauge!(*name, *help);
        }
    }
}

/// `VmRSS` of `/proc/self/status`, in bytes.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json_for_the_journal_and_coloured_only_on_a_terminal() {
        let journal = |name: &str| (name == "JOURNAL_STREAM").then(|| OsString::from("8:1"));
        let unit = |name: &str| (name == "INVOCATION_ID").then(|| OsString::from("ab"));
        let no_color = |name: &str| (name == "NO_COLOR").then(|| OsString::from("1"));
        let bare = |_: &str| None;
        let text = |colours| LogStyle::Text { colours };
        let auto = LogFormat::Auto;
        assert_eq!(LogStyle::choose(auto, journal, false), LogStyle::Json);
        assert_eq!(LogStyle::choose(auto, unit, false), LogStyle::Json);
        assert_eq!(LogStyle::choose(auto, unit, true), text(true));
        assert_eq!(LogStyle::choose(auto, bare, true), text(true));
        assert_eq!(LogStyle::choose(auto, bare, false), text(false));
        assert_eq!(LogStyle::choose(auto, no_color, true), text(false));
        assert_eq!(
            LogStyle::choose(LogFormat::Json, bare, true),
            LogStyle::Json
        );
        assert_eq!(
            LogStyle::choose(LogFormat::Text, journal, false),
            text(false)
        );
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        assert_eq!(
            log_filter("overheard=debug,info").unwrap().to_string(),
            "overheard=debug,info"
        );
        assert_eq!(
            log_filter("overheard=loud").unwrap_err().to_string(),
            "log.filter: `overheard=loud` is not a log filter such as `info` or `overheard=debug`"
        );
    }

    #[test]
    fn renders_counters_histograms_and_the_process() {
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let recorder = recorder().unwrap();
        let metrics = Metrics::over(&recorder, clock);
        hand.advance(Duration::from_secs(90));
        let text = metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::counter!("overheard_polls_total", "source" => "blog").increment(2);
            metrics::histogram!("overheard_fetch_seconds").record(0.3);
            metrics.render()
        });
        for line in [
            "# HELP overheard_polls_total Polls of sources by source and outcome",
            "overheard_polls_total{source=\"blog\"} 2",
            "overheard_fetch_seconds_bucket{le=\"0.25\"} 0",
            "overheard_fetch_seconds_bucket{le=\"0.5\"} 1",
            "overheard_process_uptime_seconds 90",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "no `{line}` in:\n{text}"
            );
        }
        let resident: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix("overheard_process_resident_bytes "))
            .unwrap()
            .parse()
            .unwrap();
        assert!(resident > 1_000_000.0, "{resident}");
    }
}
