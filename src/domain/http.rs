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
    /// Where permanent redirects led, and how often in a row.
    pub moved: Option<Moved>,
}

/// A permanent redirect that was seen. It counts only after some polls, each with a valid answer behind it:
/// a wrong redirect that is mended within the hour must not stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The absolute URL.
    pub to: String,
    /// Committed polls in a row that were led there.
    pub seen: u32,
}

impl Moved {
    /// Polls in a row after which the new URL is asked directly.
    pub const NEEDED: u32 = 3;

    /// Whether the new URL is asked directly.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.seen >= Self::NEEDED
    }
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
            moved: None,
        }
    }
}
