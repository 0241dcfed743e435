//! How sources fare, and what they brought that could not be understood.
//!
//! Rejects are for a person who looks into a source: the newest of each source are kept, each once.

use jiff::Timestamp;
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};

use super::Store;
use super::columns::{
    count, limit, micros, micros_opt, name, time, time_opt, uncount, unvariant, variant,
};
use super::cursors::set_http_state;
use super::error::{Sql, StoreError};
use crate::domain::{HttpState, Reject, SourceId, SourceStatus};

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

impl Store {
    /// Remembers how the source fares after a poll that brought nothing to commit: a failure, or a
    /// pause. `http` keeps a `not_before` that the server asked for; the cursor stays where it is.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn record_status(
        &self,
        status: SourceStatus,
        http: Option<HttpState>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            if let Some(state) = &http {
                set_http_state(connection, state)?;
            }
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
            let mut statement = connection.prepare_cached(
                "SELECT source, kind, state, polled_at, succeeded_at, next_poll_at, error,
                        failures, posts, rejects, requests
                 FROM source_status ORDER BY source",
            )?;
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
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT source, kind, state, polled_at, succeeded_at, next_poll_at, error,
                        failures, posts, rejects, requests
                 FROM source_status WHERE source = ?1",
            )?;
            let mut rows = statement.query([source])?;
            rows.next()?.map(read_status).transpose()
        })
        .await
    }

    /// Lets a paused source be polled at `now`. False when there is no such source, or it is not paused.
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
            let resumed = connection
                .prepare_cached(
                    "UPDATE source_status SET state = 'failing', next_poll_at = ?2
                     WHERE source = ?1 AND state = 'paused'",
                )?
                .execute((&source, micros(now)))?;
            Ok(resumed > 0)
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

fn read_status(row: &Row<'_>) -> Sql<SourceStatus> {
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
    })
}

/// Remembers how the source fares.
pub(super) fn set_status(connection: &Connection, status: &SourceStatus) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO source_status (source, kind, state, polled_at, succeeded_at,
                 next_poll_at, error, failures, posts, rejects, requests)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
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
        ))?;
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
