//! The configuration as types. Reading, checking and explaining it live in the files beside this one.
//!
//! Every key has a default in `config/overheard.toml`, which is embedded and read first, so that a
//! default is written in one place. Secrets are never in here: `*_file` keys name the files.

mod check;
mod check_endpoint;
mod check_query;
mod check_source;
mod env;
mod explain;
pub mod fetch;
mod layers;
mod load;
mod load_source;
pub mod model;
pub mod monitor;
pub mod outputs;
mod read;
pub mod report;
pub mod source;

use std::path::PathBuf;

use serde::Deserialize;

pub use env::{ENV_PREFIX, ENV_RESERVED};
pub use fetch::FetchConfig;
pub use load::DEFAULT_CONFIG;
pub use model::{ModelConfig, ModelTask, Precision};
pub use monitor::MonitorConfig;
pub use outputs::{
    DeliverConfig, DigestConfig, DigestFormat, EndpointConfig, WebConfig, WebhookFormat,
    WebhookPayload,
};
pub use report::{ConfigErrors, ConfigProblem};
pub use source::{
    AppStoreConfig, FeedConfig, FileConfig, FileFormat, HackerNewsConfig, JsonConfig,
    MastodonConfig, PageConfig, SourceConfig, SourceKind,
};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where store, index and digests live. Overridden by `--data`.
    pub data_dir: PathBuf,
    /// IANA name of the zone in which days begin for people, such as `Europe/Berlin`.
    pub time_zone: String,
    /// What digests and events link to; absent means that they carry no links to the page.
    pub public_url: Option<String>,
    /// The HTTP door.
    pub fetch: FetchConfig,
    /// Normalising and keeping posts.
    pub ingest: IngestConfig,
    /// Scoring.
    pub analysis: AnalysisConfig,
    /// The search index.
    pub index: IndexConfig,
    /// HTTP API and page.
    pub web: WebConfig,
    /// Webhooks.
    pub deliver: DeliverConfig,
    /// Logs.
    pub log: LogConfig,
    /// `[[sources]]`.
    #[serde(default)]
    pub sources: Vec<SourceConfig>,
    /// `[[models]]`.
    pub models: Vec<ModelConfig>,
    /// `[[monitors]]`.
    #[serde(default)]
    pub monitors: Vec<MonitorConfig>,
    /// `[[endpoints]]`.
    #[serde(default)]
    pub endpoints: Vec<EndpointConfig>,
    /// `[[digests]]`.
    #[serde(default)]
    pub digests: Vec<DigestConfig>,
}

/// `[ingest]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestConfig {
    /// Days that posts which no monitor matches are kept, unscored; 0 drops them at once, remembering the id.
    pub keep_unmatched_days: u32,
    /// Batches that may wait between the pollers and the pipeline.
    pub queue_batches: usize,
}

/// `[analysis]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisConfig {
    /// Which engine scores.
    pub engine: AnalysisEngine,
    /// Worker threads; 0 means one a core, at most two: more eat the memory that a small server needs for the rest.
    pub threads: usize,
    /// Results kept for texts that come again (reposts), in texts.
    pub cache_texts: usize,
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnalysisEngine {
    /// The shipped model in the embedded runtime.
    Embedded,
    /// The shipped model, and the `[[models]]` by libtorch; only in builds with the feature `rust-bert`.
    #[serde(rename = "rust-bert")]
    RustBert,
    /// No scoring; no model is loaded.
    None,
}

/// `[index]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexConfig {
    /// Longest time between a stored post and a commit that makes it searchable, in milliseconds.
    pub commit_interval_ms: u64,
    /// Memory of the index writer, in MiB; at least 15.
    pub writer_memory_mib: usize,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A filter such as `info` or `overheard=debug`.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
}

/// Forms of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// JSON under systemd, text elsewhere.
    Auto,
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}
