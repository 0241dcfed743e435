//! A monitor without its query: what shows and reports need. The query lives in `config` and `query`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::MonitorId;

/// Whose brand a monitor listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BrandRole {
    /// Our own brand.
    #[default]
    Own,
    /// Somebody else's.
    Competitor,
    /// A subject, not a brand.
    Topic,
}

/// A saved listening query, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorSummary {
    /// The name.
    pub id: MonitorId,
    /// The query in canonical form.
    pub query: String,
    /// The brand that it listens for, if any.
    pub brand: Option<String>,
    /// Own, competitor or topic.
    pub role: BrandRole,
}
