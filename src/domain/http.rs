//! What we remember of an HTTP resource between polls.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Validators belong to a URL as one credential sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HttpKey {
    /// The absolute URL without fragment.
    pub url: String,
    /// The credential's name, never its value; empty for none.
    pub credential: String,
}

/// Validators and the earliest next request. Committed in the transaction that stores the items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpState {
    /// What it belongs to.
    pub key: HttpKey,
    /// `ETag`, byte-exact, weak mark and quotes included.
    pub etag: Option<String>,
    /// `Last-Modified`, byte-exact.
    pub last_modified: Option<String>,
    /// No request before this time, whoever asks.
    pub not_before: Option<Timestamp>,
}

impl HttpState {
    /// The state of a resource that was never fetched.
    #[must_use]
    pub fn unknown(key: HttpKey) -> Self {
        Self {
            key,
            etag: None,
            last_modified: None,
            not_before: None,
        }
    }
}
