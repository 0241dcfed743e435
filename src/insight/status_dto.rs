//! Sources and monitors as the API answers and `--json` prints them; the rules of `dto` hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{BrandRole, MonitorSummary, SourceStatus};

/// A source and how it fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceDto {
    /// The name.
    pub id: String,
    /// The connector.
    pub kind: String,
    /// `waiting`, `healthy`, `failing`, `paused`; `disabled` in the configuration; `removed` from it.
    pub state: String,
    /// The last poll.
    pub polled_at: Option<Timestamp>,
    /// The last poll that worked.
    pub succeeded_at: Option<Timestamp>,
    /// The next poll.
    pub next_poll_at: Option<Timestamp>,
    /// What is wrong, in words.
    pub error: Option<String>,
    /// Polls that failed since the last success.
    pub failures: u32,
    /// Posts brought so far.
    pub posts: u64,
    /// Items rejected so far.
    pub rejects: u64,
    /// Requests made so far.
    pub requests: u64,
    /// No request before this time, whoever asks: the server said so.
    pub not_before: Option<Timestamp>,
    /// The time between polls that its posts call for, in seconds; 0 before the first.
    pub pace_secs: u64,
    /// What is odd and does not keep it from being polled, in words.
    pub warning: Option<String>,
    /// The URL that is asked in place of the configured one, after permanent redirects.
    pub moved_to: Option<String>,
    /// What was heard and what may have been missed.
    pub coverage: CoverageDto,
}

/// What was heard of a source and what may have been missed; how fresh it is, is `succeeded_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoverageDto {
    /// The last poll that brought posts.
    pub news_at: Option<Timestamp>,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
    /// Polls that failed so far.
    pub errors: u64,
    /// Polls so far that ended at a bound of ours.
    pub caps: u64,
    /// Polls so far that found nothing known, so that posts before them may have passed unseen.
    pub gaps: u64,
    /// The last such poll.
    pub gap_at: Option<Timestamp>,
    /// The last time that a WebSub hub sent something.
    pub pushed_at: Option<Timestamp>,
    /// A WebSub hub sends what is new until then, so that polls are few; absent without a hub or its word.
    pub pushed_until: Option<Timestamp>,
}

/// A saved listening query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorDto {
    /// The name.
    pub id: String,
    /// Canonical form.
    pub query: String,
    /// The brand that it listens for.
    pub brand: Option<String>,
    /// `own`, `competitor` or `topic`.
    pub role: BrandRole,
}

impl From<&SourceStatus> for SourceDto {
    fn from(status: &SourceStatus) -> Self {
        Self {
            id: status.id.to_string(),
            kind: status.kind.clone(),
            state: status.state.as_str().to_owned(),
            polled_at: status.polled_at,
            succeeded_at: status.succeeded_at,
            next_poll_at: status.next_poll_at,
            error: status.error.clone(),
            failures: status.failures,
            posts: status.posts,
            rejects: status.rejects,
            requests: status.requests,
            not_before: status.not_before,
            pace_secs: status.pace_secs,
            warning: status.warning.clone(),
            moved_to: status.moved_to.clone(),
            coverage: CoverageDto {
                news_at: status.coverage.news_at,
                failing_since: status.coverage.failing_since,
                errors: status.coverage.errors,
                caps: status.coverage.caps,
                gaps: status.coverage.gaps,
                gap_at: status.coverage.gap_at,
                pushed_at: status.coverage.pushed_at,
                pushed_until: status.coverage.pushed_until,
            },
        }
    }
}

impl From<&MonitorSummary> for MonitorDto {
    fn from(monitor: &MonitorSummary) -> Self {
        Self {
            id: monitor.id.to_string(),
            query: monitor.query.clone(),
            brand: monitor.brand.clone(),
            role: monitor.role,
        }
    }
}
