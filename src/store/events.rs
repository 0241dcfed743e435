//! The outbox: what happened, in order, for those outside.
//!
//! An event's id is derived, so adding it twice adds it once. Its body is absent until the first attempt
//! freezes it, and then never changes. What tells of a deleted post is withdrawn: its body goes, and
//! it is sent no more.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row};

use super::Store;
use super::columns::{
    count, hash_bytes, id, json, limit, micros, time, uncount, unjson, unvariant, variant,
};
use super::error::{Sql, StoreError};
use crate::domain::{Event, EventId, EventKind, PostId, Subject};

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number; grows in the order of commits.
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// The bytes that are sent, once the first attempt froze them.
    pub body: Option<Vec<u8>>,
}

pub(super) const EVENTS_AFTER: &str = "SELECT seq, id, kind, subject, occurred_at, body
     FROM events WHERE seq > ?1 AND withdrawn = 0 ORDER BY seq LIMIT ?2";

impl Store {
    /// At most `max` events after `seq`, in order, without withdrawn ones.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn events_after(&self, seq: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(EVENTS_AFTER)?;
            let mut rows = statement.query((count(seq), limit(max)))?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                events.push(read_event(row)?);
            }
            Ok(events)
        })
        .await
    }

    /// The event with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn event(&self, event: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        let bytes = hash_bytes(event.as_str());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, id, kind, subject, occurred_at, body FROM events WHERE id = ?1",
            )?;
            let mut rows = statement.query([bytes])?;
            rows.next()?.map(read_event).transpose()
        })
        .await
    }

    /// Freezes the bodies of events, given by number, unless that was done before, and returns the frozen ones: what every
    /// attempt at every endpoint sends. An event that was withdrawn, or is none, has none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn freeze_bodies(
        &self,
        bodies: Vec<(u64, Vec<u8>)>,
    ) -> Result<HashMap<u64, Vec<u8>>, StoreError> {
        self.write(move |connection| {
            let mut freeze = connection.prepare_cached(
                "UPDATE events SET body = ?2 WHERE seq = ?1 AND body IS NULL AND withdrawn = 0",
            )?;
            let mut read = connection.prepare_cached("SELECT body FROM events WHERE seq = ?1")?;
            let mut frozen = HashMap::with_capacity(bodies.len());
            for (event, body) in bodies {
                let seq = count(event);
                let body = match freeze.execute((seq, &body))? {
                    1 => Some(body),
                    _ => read
                        .query_row([seq], |row| row.get(0))
                        .optional()?
                        .flatten(),
                };
                frozen.extend(body.map(|body| (event, body)));
            }
            Ok(frozen)
        })
        .await
    }

    /// Adds events that belong to no batch, such as `source.failed`. Those that are there stay as they are.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn add_events(&self, events: Vec<Event>) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let mut added = 0;
            for event in &events {
                added += u64::from(add_event(connection, event)?);
            }
            Ok(added)
        })
        .await
    }
}

/// Reads `seq, id, kind, subject, occurred_at, body` from the row's first columns.
pub(super) fn read_event(row: &Row<'_>) -> Sql<StoredEvent> {
    let bytes: [u8; 16] = row.get(1)?;
    Ok(StoredEvent {
        seq: uncount(row.get(0)?),
        event: Event {
            id: id(EventId::parse, "evt_", &bytes)?,
            kind: unvariant::<EventKind>(row.get(2)?)?,
            subject: unjson(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?,
            occurred_at: time(row.get(4)?)?,
        },
        body: row.get(5)?,
    })
}

/// Adds the event unless it is there; whether it was new.
pub(super) fn add_event(connection: &Connection, event: &Event) -> Sql<bool> {
    let mention = match &event.subject {
        Subject::Mention { id } => Some(hash_bytes(id.as_str())),
        _ => None,
    };
    // Looked up first: an ignored insert would use up a sequence number.
    let bytes = hash_bytes(event.id.as_str());
    let mut known = connection.prepare_cached("SELECT 1 FROM events WHERE id = ?1")?;
    if known.exists([bytes])? {
        return Ok(false);
    }
    let added = connection
        .prepare_cached(
            "INSERT INTO events (id, kind, subject, mention, occurred_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            bytes,
            variant(&event.kind)?,
            json(&event.subject)?,
            mention,
            micros(event.occurred_at),
        ))?;
    Ok(added == 1)
}

/// Withdraws what tells of this post, except that it is gone: bodies are erased, waiting and dead
/// deliveries removed.
pub(super) fn withdraw(connection: &Connection, post: &PostId) -> Sql<()> {
    let mention = hash_bytes(post.as_str());
    connection
        .prepare_cached(
            "DELETE FROM deliveries WHERE state <> 'delivered' AND event IN
             (SELECT seq FROM events WHERE mention = ?1 AND kind <> 'mention.deleted')",
        )?
        .execute([mention])?;
    connection
        .prepare_cached(
            "UPDATE events SET body = NULL, withdrawn = 1
             WHERE mention = ?1 AND kind <> 'mention.deleted' AND withdrawn = 0",
        )?
        .execute([mention])?;
    Ok(())
}
