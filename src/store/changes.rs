//! What followers read: which posts changed, by sequence number, and how far each follower is.
//!
//! A post has one row, its latest change, so reading from 0 is a rebuild and never longer than the
//! store. Never says what changed: a follower takes the whole record.

use rusqlite::{Connection, OptionalExtension};

use super::columns::{count, hash_bytes, id, limit, uncount};
use super::error::{Sql, StoreError};
use super::records::Loader;
use super::{Store, posts};
use crate::domain::{PostId, PostRecord};

/// The newest sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tip {
    /// Of `changes`.
    pub change_seq: u64,
    /// Of `events`.
    pub event_seq: u64,
}

/// A post that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The change's number.
    pub seq: u64,
    /// The post.
    pub post_id: PostId,
    /// The post as it is now; absent when it is gone.
    pub record: Option<PostRecord>,
    /// Whether no change of the post had a number before this one, so that a follower who is not past
    /// it never saw the post.
    pub first: bool,
}

impl Store {
    /// At most `max` posts that changed after `seq`, in order. From 0, every post of the store comes once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn changes_after(&self, seq: u64, max: usize) -> Result<Vec<Change>, StoreError> {
        self.read(move |connection| changes_after(connection, seq, max))
            .await
    }

    /// How far the follower with this name is; 0 when it never said.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn follower(&self, name: &str) -> Result<u64, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT seq FROM followers WHERE name = ?1")?;
            let seq = statement.query_row([name], |row| row.get(0)).optional()?;
            Ok(seq.map_or(0, uncount))
        })
        .await
    }

    /// Notes how far the follower with this name is.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn set_follower(&self, name: &str, seq: u64) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO followers (name, seq) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
                )?
                .execute((name, count(seq)))?;
            Ok(())
        })
        .await
    }
}

pub(super) const CHANGES_AFTER: &str = "SELECT c.seq, c.post, p.row, c.op = 'insert'
     FROM changes c LEFT JOIN posts p ON p.id = c.post
     WHERE c.seq > ?1 ORDER BY c.seq LIMIT ?2";

fn changes_after(connection: &Connection, seq: u64, max: usize) -> Sql<Vec<Change>> {
    let mut loader = Loader::new(connection);
    let mut statement = connection.prepare_cached(CHANGES_AFTER)?;
    let mut rows = statement.query((count(seq), limit(max)))?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let post: [u8; 16] = row.get(1)?;
        let record = match row.get::<_, Option<i64>>(2)? {
            Some(row) => loader.record(row)?,
            None => None,
        };
        changes.push(Change {
            seq: uncount(row.get(0)?),
            post_id: id(PostId::parse, "post_", &post)?,
            record,
            first: row.get(3)?,
        });
    }
    Ok(changes)
}

/// Notes that the post is new. It may have been here before and be gone: then a follower may have seen it.
pub(super) fn mark_new(connection: &Connection, post: &PostId) -> Sql<()> {
    let id = hash_bytes(post.as_str());
    let first = connection
        .prepare_cached(
            "INSERT INTO changes (post, op) VALUES (?1, 'insert') ON CONFLICT DO NOTHING",
        )?
        .execute([id])?;
    if first == 0 {
        connection
            .prepare_cached("INSERT OR REPLACE INTO changes (post, op) VALUES (?1, 'upsert')")?
            .execute([id])?;
    }
    Ok(())
}

/// Notes that the post in this row changed.
pub(super) fn mark_changed(connection: &Connection, post: posts::Row) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO changes (post, op) SELECT id, 'upsert' FROM posts WHERE row = ?1",
        )?
        .execute([post])?;
    Ok(())
}

/// Notes that all posts of the author in this row changed.
pub(super) fn mark_author_changed(connection: &Connection, author: i64) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO changes (post, op)
             SELECT id, 'upsert' FROM posts WHERE author = ?1 ORDER BY ordered_at",
        )?
        .execute([author])?;
    Ok(())
}

/// Notes that the post is gone.
pub(super) fn mark_deleted(connection: &Connection, post: &PostId) -> Sql<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO changes (post, op) VALUES (?1, 'delete')")?
        .execute([hash_bytes(post.as_str())])?;
    Ok(())
}

/// The newest sequence numbers that were handed out.
pub(super) fn read_tip(connection: &Connection) -> rusqlite::Result<Tip> {
    let newest = |table: &str| -> rusqlite::Result<u64> {
        let mut statement =
            connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")?;
        let seq = statement.query_row([table], |row| row.get(0)).optional()?;
        Ok(seq.map_or(0, uncount))
    };
    Ok(Tip {
        change_seq: newest("changes")?,
        event_seq: newest("events")?,
    })
}
