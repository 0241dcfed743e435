//! Where each source stands, and what is known of the HTTP resources that they poll.
//!
//! A cursor moves in `commit_batch` alone. HTTP state belongs to a URL and a credential, so two sources
//! on one URL share it.

use rusqlite::{Connection, OptionalExtension};

use super::Store;
use super::columns::{micros_opt, time_opt};
use super::error::{Sql, StoreError};
use crate::domain::{Cursor, HttpKey, HttpState, SourceId};

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
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT position FROM cursors WHERE source = ?1")?;
            let position = statement.query_row([source], |row| row.get(0)).optional()?;
            Ok(Cursor {
                position: position.flatten(),
                http: http.map(|key| http_state(connection, key)).transpose()?,
            })
        })
        .await
    }
}

fn http_state(connection: &Connection, key: HttpKey) -> Sql<HttpState> {
    let mut statement = connection.prepare_cached(
        "SELECT etag, last_modified, not_before FROM http_state WHERE url = ?1 AND credential = ?2",
    )?;
    let mut rows = statement.query((&key.url, &key.credential))?;
    match rows.next()? {
        None => Ok(HttpState::unknown(key)),
        Some(row) => Ok(HttpState {
            etag: row.get(0)?,
            last_modified: row.get(1)?,
            not_before: time_opt(row.get(2)?)?,
            key,
        }),
    }
}

/// Moves the source's cursor, and remembers the HTTP state that comes with it.
pub(super) fn set_cursor(connection: &Connection, source: &SourceId, cursor: &Cursor) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT INTO cursors (source, position) VALUES (?1, ?2)
             ON CONFLICT (source) DO UPDATE SET position = excluded.position",
        )?
        .execute((source.as_str(), &cursor.position))?;
    match &cursor.http {
        Some(state) => set_http_state(connection, state),
        None => Ok(()),
    }
}

/// Remembers what is known of a resource.
pub(super) fn set_http_state(connection: &Connection, state: &HttpState) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT INTO http_state (url, credential, etag, last_modified, not_before)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (url, credential) DO UPDATE SET etag = excluded.etag,
                 last_modified = excluded.last_modified, not_before = excluded.not_before",
        )?
        .execute((
            &state.key.url,
            &state.key.credential,
            &state.etag,
            &state.last_modified,
            micros_opt(state.not_before),
        ))?;
    Ok(())
}
