//! `[[monitors]]`: saved listening queries.

use serde::Deserialize;

use crate::domain::{BrandRole, MonitorId};

/// One monitor. The query is checked when the configuration is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorConfig {
    /// The name.
    pub id: MonitorId,
    /// The query, in the one query language.
    pub query: String,
    /// The brand that it listens for.
    pub brand: Option<String>,
    /// Own, competitor or topic.
    #[serde(default)]
    pub role: BrandRole,
}
