//! How sources fare, and what they brought that could not be understood.
//!
//! Rejects are for a person who looks into a source: the newest of each source are kept, each once.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use sha2::{Digest, Sha256};

use super::Store;
use super::columns::{
    count, json, limit, micros, micros_opt, name, time, time_opt, uncount, unjson, unvariant,
    variant,
};
use super::cursors::{set_cursor, set_waiting};
use super::error::{Sql, StoreError};
use super::events::add_event;
use crate::domain::{Cursor, Event, HttpState, Reject, SourceId, SourceState, SourceStatus};

/// Rejects kept of each source: enough to see a pattern, and at most half a MB.
const REJECTS_KEPT: i64 = 1_000;

/// A reject, and when it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReject {
    /// What was rejected, and why.
    pub reject: Reject,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
}

pub(super) const REJECTS: &str = "SELECT native_id, reason, excerpt, first_at, last_at
     FROM rejects WHERE source = ?1 ORDER BY row DESC LIMIT ?2";

const STATUSES: &str = "SELECT source, kind, state, polled_at, succeeded_at, next_poll_at, error,
            failures, posts, rejects, requests, not_before, pace_secs, rhythm, warning, moved_to,
            coverage
     FROM source_status";

/// When a source is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Healthy, failing, paused.
    pub state: SourceState,
    /// When it is polled next.
    pub next_poll_at: Option<Timestamp>,
}

/// What came of a wish to poll a source now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// It is polled then: now, or when the server wants to be asked again.
    At(Timestamp),
    /// It is paused; it has to be resumed.
    Paused,
    /// It was never polled, so there is nothing to bring forward.
    Unknown,
}

impl Store {
    /// Remembers how the source fares after a poll that failed, with what is told of it outside. `http` keeps
    /// a `not_before` that the server asked for and the state of a redirect; the cursor stays where it is.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn record_status(
        &self,
        status: SourceStatus,
        http: Option<HttpState>,
        event: Option<Event>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            if let Some(state) = &http {
                set_waiting(connection, state)?;
            }
            if let Some(event) = &event {
                add_event(connection, event)?;
            }
            set_status(connection, &status)
        })
        .await
    }

    /// Commits a poll that brought no posts: the cursor with its HTTP state, how the source fares, and rejects.
    ///
    /// # Errors
    /// When the store cannot be written; nothing of it is kept then.
    pub async fn commit_quiet(
        &self,
        cursor: Cursor,
        status: SourceStatus,
        rejects: Vec<Reject>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            set_cursor(connection, &status.id, &cursor)?;
            add_rejects(connection, &status.id, &rejects, now)?;
            set_status(connection, &status)
        })
        .await
    }

    /// How all sources fare that were ever polled, by name. Some may not be configured any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn source_statuses(&self) -> Result<Vec<SourceStatus>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("{STATUSES} ORDER BY source"))?;
            let mut rows = statement.query([])?;
            let mut statuses = Vec::new();
            while let Some(row) = rows.next()? {
                statuses.push(read_status(row)?);
            }
            Ok(statuses)
        })
        .await
    }

    /// How one source fares; absent when it was never polled.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn source_status(
        &self,
        source: &SourceId,
    ) -> Result<Option<SourceStatus>, StoreError> {
        let source = source.to_string();
        self.read(move |connection| status_of(connection, &source))
            .await
    }

    /// When all sources are due that were ever polled.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn due_times(&self) -> Result<HashMap<String, Due>, StoreError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT source, state, next_poll_at FROM source_status")?;
            let mut rows = statement.query([])?;
            let mut due = HashMap::new();
            while let Some(row) = rows.next()? {
                let at = Due {
                    state: unvariant(row.get(1)?)?,
                    next_poll_at: time_opt(row.get(2)?)?,
                };
                due.insert(row.get(0)?, at);
            }
            Ok(due)
        })
        .await
    }

    /// Brings the next poll forward to `now`, or to the time before which the server wants no request.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn refresh_source(
        &self,
        source: &SourceId,
        now: Timestamp,
    ) -> Result<Refreshed, StoreError> {
        let source = source.to_string();
        self.write(move |connection| {
            let Some(mut status) = status_of(connection, &source)? else {
                return Ok(Refreshed::Unknown);
            };
            if status.state == SourceState::Paused {
                return Ok(Refreshed::Paused);
            }
            let at = status
                .not_before
                .map_or(now, |not_before| not_before.max(now));
            status.next_poll_at = Some(at);
            set_status(connection, &status)?;
            Ok(Refreshed::At(at))
        })
        .await
    }

    /// Lets a paused source be polled at `now`, or when the server wants to be asked again. False when there is no such source, or it is not paused.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn resume_source(
        &self,
        source: &SourceId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let source = source.to_string();
        self.write(move |connection| {
            let Some(mut status) = status_of(connection, &source)? else {
                return Ok(false);
            };
            if status.state != SourceState::Paused {
                return Ok(false);
            }
            status.state = SourceState::Failing;
            status.next_poll_at = status.not_before.max(Some(now));
            status.coverage.refused_since = None;
            status.coverage.gone = None;
            set_status(connection, &status)?;
            Ok(true)
        })
        .await
    }

    /// At most `max` rejects of the source, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rejects(
        &self,
        source: &SourceId,
        max: usize,
    ) -> Result<Vec<StoredReject>, StoreError> {
        let source = source.to_string();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(REJECTS)?;
            let mut rows = statement.query((source, limit(max)))?;
            let mut rejects = Vec::new();
            while let Some(row) = rows.next()? {
                rejects.push(StoredReject {
                    reject: Reject {
                        native_id: row.get(0)?,
                        reason: row.get(1)?,
                        excerpt: row.get(2)?,
                    },
                    first_at: time(row.get(3)?)?,
                    last_at: time(row.get(4)?)?,
                });
            }
            Ok(rejects)
        })
        .await
    }
}

/// How one source fares.
pub(super) fn status_of(connection: &Connection, source: &str) -> Sql<Option<SourceStatus>> {
    let mut statement = connection.prepare_cached(&format!("{STATUSES} WHERE source = ?1"))?;
    let mut rows = statement.query([source])?;
    rows.next()?.map(read_status).transpose()
}

fn read_status(row: &Row<'_>) -> Sql<SourceStatus> {
    let rhythm: Option<String> = row.get(13)?;
    let coverage: String = row.get(16)?;
    Ok(SourceStatus {
        id: name(SourceId::parse, row.get(0)?)?,
        kind: row.get(1)?,
        state: unvariant(row.get(2)?)?,
        polled_at: time_opt(row.get(3)?)?,
        succeeded_at: time_opt(row.get(4)?)?,
        next_poll_at: time_opt(row.get(5)?)?,
        error: row.get(6)?,
        failures: row.get(7)?,
        posts: uncount(row.get(8)?),
        rejects: uncount(row.get(9)?),
        requests: uncount(row.get(10)?),
        not_before: time_opt(row.get(11)?)?,
        pace_secs: uncount(row.get(12)?),
        rhythm: rhythm.as_deref().map(unjson).transpose()?,
        warning: row.get(14)?,
        moved_to: row.get(15)?,
        coverage: unjson(&coverage)?,
    })
}

/// Remembers how the source fares.
pub(super) fn set_status(connection: &Connection, status: &SourceStatus) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO source_status (source, kind, state, polled_at, succeeded_at,
                 next_poll_at, error, failures, posts, rejects, requests, not_before, pace_secs,
                 rhythm, warning, moved_to, coverage)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            status.id.as_str(),
            &status.kind,
            variant(&status.state)?,
            micros_opt(status.polled_at),
            micros_opt(status.succeeded_at),
            micros_opt(status.next_poll_at),
            &status.error,
            status.failures,
            count(status.posts),
            count(status.rejects),
            count(status.requests),
            micros_opt(status.not_before),
            count(status.pace_secs),
            status.rhythm.as_ref().map(json).transpose()?,
            &status.warning,
            &status.moved_to,
            json(&status.coverage)?,
        ])?;
    Ok(())
}

/// Keeps the rejects, each once, and drops the source's oldest beyond the bound.
pub(super) fn add_rejects(
    connection: &Connection,
    source: &SourceId,
    rejects: &[Reject],
    now: Timestamp,
) -> Sql<()> {
    if rejects.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO rejects (source, digest, native_id, reason, excerpt, first_at, last_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (source, digest) DO UPDATE SET last_at = excluded.last_at",
    )?;
    for reject in rejects {
        insert.execute((
            source.as_str(),
            digest(reject),
            &reject.native_id,
            &reject.reason,
            &reject.excerpt,
            micros(now),
        ))?;
    }
    connection
        .prepare_cached(
            "DELETE FROM rejects WHERE source = ?1 AND row <=
             (SELECT row FROM rejects WHERE source = ?1 ORDER BY row DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute((source.as_str(), REJECTS_KEPT))?;
    Ok(())
}

fn digest(reject: &Reject) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let native_id = reject.native_id.as_deref().unwrap_or_default();
    for part in [native_id, &reject.reason, &reject.excerpt] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}
