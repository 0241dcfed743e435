//! Where each source stands, and what is known of the HTTP resources that they poll.
//!
//! A cursor moves in `commit_batch` and, where a poll brought no posts, in `commit_quiet`. HTTP state belongs to a
//! URL and a credential, so two sources on one URL share it; but **a source is given validators only if it
//! read the answer that they stand for**: a 304 to it would otherwise hide posts that only the other has seen.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::Store;
use super::columns::{micros, micros_opt, time, time_opt};
use super::error::{Sql, StoreError};
use super::status::status_of;
use super::subscriptions::subscription_of;
use crate::domain::{Cursor, HttpKey, HttpState, Moved, SourceId, SourceStatus, Subscription};

/// Where a source stands and how it fares: all that a poll begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Where the next poll begins.
    pub cursor: Cursor,
    /// How it fares; absent when it was never polled.
    pub status: Option<SourceStatus>,
    /// The subscription of its feed at a hub.
    pub subscription: Option<Subscription>,
}

impl Store {
    /// Where the source stands; with `http`, also what is known of that resource.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cursor(
        &self,
        source: &SourceId,
        http: Option<&HttpKey>,
    ) -> Result<Cursor, StoreError> {
        let source = source.to_string();
        let http = http.cloned();
        self.read(move |connection| read_cursor(connection, &source, http))
            .await
    }

    /// Where the sources stand and how they fare, at one moment, in the order of the question.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn standings(
        &self,
        sources: Vec<(SourceId, Option<HttpKey>)>,
    ) -> Result<Vec<Standing>, StoreError> {
        self.read(move |connection| {
            let standing = |(source, http): (SourceId, Option<HttpKey>)| {
                let feed = http.as_ref().map(|key| key.url.clone());
                let subscription = feed.map(|feed| subscription_of(connection, &feed));
                Ok(Standing {
                    subscription: subscription.transpose()?.flatten(),
                    cursor: read_cursor(connection, source.as_str(), http)?,
                    status: status_of(connection, source.as_str())?,
                })
            };
            sources.into_iter().map(standing).collect()
        })
        .await
    }

    /// What is known of a URL, with each credential that it was asked with.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn http_states(&self, url: &str) -> Result<Vec<HttpState>, StoreError> {
        let url = url.to_owned();
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT credential FROM http_state WHERE url = ?1")?;
            let credentials: Vec<String> = statement
                .query_map([&url], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let state = |credential| {
                let key = HttpKey {
                    url: url.clone(),
                    credential,
                };
                http_state(connection, key)
            };
            credentials.into_iter().map(state).collect()
        })
        .await
    }

    /// Remembers until when hosts and credentials must not be asked; a hold is never shortened, and those that have passed are dropped.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_holds(
        &self,
        holds: Vec<(String, Timestamp)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM holds WHERE until <= ?1")?
                .execute([micros(now)])?;
            let mut insert = connection.prepare_cached(
                "INSERT INTO holds (name, until) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET until = max(until, excluded.until)",
            )?;
            for (name, until) in &holds {
                insert.execute((name, micros(*until)))?;
            }
            Ok(())
        })
        .await
    }

    /// Until when hosts and credentials must not be asked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn holds(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT name, until FROM holds")?;
            let mut rows = statement.query([])?;
            let mut holds = Vec::new();
            while let Some(row) = rows.next()? {
                holds.push((row.get(0)?, time(row.get(1)?)?));
            }
            Ok(holds)
        })
        .await
    }
}

fn read_cursor(connection: &Connection, source: &str, http: Option<HttpKey>) -> Sql<Cursor> {
    let mut statement =
        connection.prepare_cached("SELECT position, read FROM cursors WHERE source = ?1")?;
    let row: Option<(Option<String>, Option<Vec<u8>>)> = statement
        .query_row([source], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (position, read) = row.unwrap_or_default();
    let mut http = http.map(|key| http_state(connection, key)).transpose()?;
    if let Some(state) = &mut http
        && read.is_none_or(|read| read != validators_hash(state))
    {
        state.etag = None;
        state.last_modified = None;
    }
    Ok(Cursor { position, http })
}

fn http_state(connection: &Connection, key: HttpKey) -> Sql<HttpState> {
    let mut statement = connection.prepare_cached(
        "SELECT etag, last_modified, not_before, moved_to, moved_seen
         FROM http_state WHERE url = ?1 AND credential = ?2",
    )?;
    let mut rows = statement.query((&key.url, &key.credential))?;
    match rows.next()? {
        None => Ok(HttpState::unknown(key)),
        Some(row) => {
            let moved_to: Option<String> = row.get(3)?;
            let seen = row.get(4)?;
            Ok(HttpState {
                etag: row.get(0)?,
                last_modified: row.get(1)?,
                not_before: time_opt(row.get(2)?)?,
                moved: moved_to.map(|to| Moved { to, seen }),
                key,
            })
        }
    }
}

/// Moves the source's cursor, and remembers the HTTP state that comes with it.
pub(super) fn set_cursor(connection: &Connection, source: &SourceId, cursor: &Cursor) -> Sql<()> {
    let read = cursor.http.as_ref().map(validators_hash);
    // A position may be a hundred kilobytes, and a 304 does not change it: then the row stays as it is.
    connection
        .prepare_cached(
            "INSERT INTO cursors (source, position, read) VALUES (?1, ?2, ?3)
             ON CONFLICT (source) DO UPDATE SET position = excluded.position, read = excluded.read
             WHERE position IS NOT excluded.position OR read IS NOT excluded.read",
        )?
        .execute((source.as_str(), &cursor.position, read))?;
    match &cursor.http {
        Some(state) => set_http_state(connection, state),
        None => Ok(()),
    }
}

/// Remembers what is known of a resource.
pub(super) fn set_http_state(connection: &Connection, state: &HttpState) -> Sql<()> {
    let moved = state.moved.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO http_state
                 (url, credential, etag, last_modified, not_before, moved_to, moved_seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (url, credential) DO UPDATE SET etag = excluded.etag,
                 last_modified = excluded.last_modified, not_before = excluded.not_before,
                 moved_to = excluded.moved_to, moved_seen = excluded.moved_seen",
        )?
        .execute((
            &state.key.url,
            &state.key.credential,
            &state.etag,
            &state.last_modified,
            micros_opt(state.not_before),
            moved.map(|moved| &moved.to),
            moved.map_or(0, |moved| moved.seen),
        ))?;
    Ok(())
}

/// Remembers a demand to wait and a permanent redirect; the validators stay as they are.
pub(super) fn set_waiting(connection: &Connection, state: &HttpState) -> Sql<()> {
    let moved = state.moved.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO http_state (url, credential, not_before, moved_to, moved_seen)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (url, credential) DO UPDATE SET not_before = excluded.not_before,
                 moved_to = excluded.moved_to, moved_seen = excluded.moved_seen",
        )?
        .execute((
            &state.key.url,
            &state.key.credential,
            micros_opt(state.not_before),
            moved.map(|moved| &moved.to),
            moved.map_or(0, |moved| moved.seen),
        ))?;
    Ok(())
}

/// 16 bytes that stand for both validators and for the URL and credential that they belong to.
fn validators_hash(state: &HttpState) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in [
        Some(&state.key.url),
        Some(&state.key.credential),
        state.etag.as_ref(),
        state.last_modified.as_ref(),
    ] {
        let text = part.map_or("", String::as_str);
        hasher.update([u8::from(part.is_some())]);
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}
