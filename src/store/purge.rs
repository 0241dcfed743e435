//! Takes posts out: deleted by their network, or dropped because nothing matched them.
//!
//! What goes leaves its id behind, so that it never comes back, and a change, so that the index lets go
//! of it. Its texts go with all versions; what the outbox holds of it is withdrawn.

use jiff::Timestamp;
use rusqlite::Connection;

use super::Store;
use super::authors::remove_if_silent;
use super::changes::{mark_changed, mark_deleted};
use super::columns::{hash_bytes, id, micros};
use super::error::{Sql, StoreError};
use super::events::{add_event, withdraw};
use super::mentions::revision;
use super::posts::row_of;
use crate::domain::{Event, EventKind, PostId, Subject};

/// Posts dropped in one transaction: others who want to write wait no longer than for a batch.
const DROP_STEP: i64 = 500;

/// Why a post is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The network says that it is gone.
    Deleted,
    /// No monitor matched it.
    Unmatched,
}

pub(super) const UNMATCHED: &str =
    "SELECT id FROM posts WHERE matched = 0 AND fetched_at < ?1 ORDER BY fetched_at LIMIT ?2";

impl Store {
    /// Drops the posts that were fetched before `before` and that no monitor matches. Their ids are
    /// remembered; they leave the timelines of customers too. Returns how many; other writers get their turn in between.
    ///
    /// # Errors
    /// When the store cannot be written; what was dropped until then stays dropped.
    pub async fn drop_unmatched(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let dropped = self
                .write(move |connection| drop_some(connection, before, now))
                .await?;
            if dropped == 0 {
                return Ok(total);
            }
            total += dropped;
        }
    }
}

fn drop_some(connection: &Connection, before: Timestamp, now: Timestamp) -> Sql<u64> {
    let mut statement = connection.prepare_cached(UNMATCHED)?;
    let ids: Vec<[u8; 16]> = statement
        .query_map((micros(before), DROP_STEP), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for bytes in &ids {
        let post = id(PostId::parse, "post_", bytes)?;
        remove_post(connection, &post, Reason::Unmatched, now)?;
    }
    Ok(ids.len() as u64)
}

/// Takes the post out and remembers its id, also of a post that was never stored. Whether it was there.
pub(super) fn remove_post(
    connection: &Connection,
    post: &PostId,
    reason: Reason,
    now: Timestamp,
) -> Sql<bool> {
    let reason = match reason {
        Reason::Deleted => "deleted",
        Reason::Unmatched => "unmatched",
    };
    connection
        .prepare_cached(
            "INSERT INTO forgotten (id, at, reason) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute((hash_bytes(post.as_str()), micros(now), reason))?;
    let Some(row) = row_of(connection, post)? else {
        return Ok(false);
    };
    if revision(connection, row)?.is_some() {
        withdraw(connection, post)?;
        let subject = Subject::Mention { id: post.mention() };
        add_event(
            connection,
            &Event::new(EventKind::MentionDeleted, subject, 0, now),
        )?;
    }
    // Its copies stand alone from now on.
    let copies: Vec<i64> = connection
        .prepare_cached("SELECT row FROM posts WHERE duplicate_of = ?1")?
        .query_map([row], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for copy in copies {
        mark_changed(connection, copy)?;
    }
    let author: Option<i64> = connection
        .prepare_cached("SELECT author FROM posts WHERE row = ?1")?
        .query_row([row], |row| row.get(0))?;
    connection
        .prepare_cached("DELETE FROM posts WHERE row = ?1")?
        .execute([row])?;
    if let Some(author) = author {
        remove_if_silent(connection, author)?;
    }
    mark_deleted(connection, post)?;
    Ok(true)
}
