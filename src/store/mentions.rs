//! Mentions: posts that at least one monitor matches, and which monitors.
//!
//! A mention's revision counts the changes of its content and of its set of monitors; `mention.updated`
//! takes its id from it. Never decides what matches.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::columns::{limit, micros, name, uncount};
use super::error::{Sql, StoreError};
use super::posts::{PagePosition, Row};
use super::records::Loader;
use super::{Page, Store};
use crate::domain::MonitorId;

pub(super) const NEWEST_MENTIONS: &str = "SELECT ordered_at, post FROM mentions
     WHERE matched = 1 AND (ordered_at, post) < (?1, ?2)
     ORDER BY ordered_at DESC, post DESC LIMIT ?3";

pub(super) const NEWEST_OF_MONITOR: &str = "SELECT ordered_at, post FROM mention_monitors
     WHERE monitor = ?4 AND (ordered_at, post) < (?1, ?2)
     ORDER BY ordered_at DESC, post DESC LIMIT ?3";

impl Store {
    /// At most `max` mentions, the newest first; of one monitor, or of all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mentions(
        &self,
        monitor: Option<&MonitorId>,
        max: usize,
        after: Option<PagePosition>,
    ) -> Result<Page, StoreError> {
        let monitor = monitor.map(ToString::to_string);
        let from = after.unwrap_or(PagePosition::TOP);
        self.read(move |connection| {
            let wanted = limit(max.saturating_add(1));
            let mut statement;
            let mut rows = match monitor {
                Some(monitor) => {
                    statement = connection.prepare_cached(NEWEST_OF_MONITOR)?;
                    statement.query((from.ordered_at, from.row, wanted, monitor))?
                }
                None => {
                    statement = connection.prepare_cached(NEWEST_MENTIONS)?;
                    statement.query((from.ordered_at, from.row, wanted))?
                }
            };
            let mut places = Vec::new();
            while let Some(row) = rows.next()? {
                places.push(PagePosition {
                    ordered_at: row.get(0)?,
                    row: row.get(1)?,
                });
            }
            Loader::new(connection).page(places, max)
        })
        .await
    }
}

/// The monitors that match the post, sorted.
pub(super) fn monitors_of(connection: &Connection, post: Row) -> Sql<Vec<MonitorId>> {
    let mut statement = connection
        .prepare_cached("SELECT monitor FROM mention_monitors WHERE post = ?1 ORDER BY monitor")?;
    let mut rows = statement.query([post])?;
    let mut monitors = Vec::new();
    while let Some(row) = rows.next()? {
        monitors.push(name(MonitorId::parse, row.get(0)?)?);
    }
    Ok(monitors)
}

/// The mention's revision; `None` when the post never was a mention.
pub(super) fn revision(connection: &Connection, post: Row) -> Sql<Option<u64>> {
    let mut statement =
        connection.prepare_cached("SELECT revision FROM mentions WHERE post = ?1")?;
    let revision = statement.query_row([post], |row| row.get(0)).optional()?;
    Ok(revision.map(uncount))
}

/// Makes a mention of a new post, which `upsert_post` marked as matched, when a monitor matches it.
pub(super) fn add_monitors(
    connection: &Connection,
    post: Row,
    monitors: &[MonitorId],
    ordered_at: Timestamp,
    now: Timestamp,
) -> Sql<()> {
    if monitors.is_empty() {
        return Ok(());
    }
    for monitor in monitors {
        connection
            .prepare_cached(
                "INSERT INTO mention_monitors (post, monitor, ordered_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
            )?
            .execute((post, monitor.as_str(), micros(ordered_at)))?;
    }
    add_mention(connection, post, ordered_at, now)
}

fn add_mention(
    connection: &Connection,
    post: Row,
    ordered_at: Timestamp,
    now: Timestamp,
) -> Sql<()> {
    connection
        .prepare_cached("INSERT INTO mentions (post, ordered_at, created_at) VALUES (?1, ?2, ?3)")?
        .execute((post, micros(ordered_at), micros(now)))?;
    Ok(())
}

/// Makes these the post's monitors. A mention that loses its last monitor stays one in name (its id
/// and revision go on), but no list shows it. Whether the set was another one before.
pub(super) fn set_monitors(
    connection: &Connection,
    post: Row,
    monitors: &[MonitorId],
    ordered_at: Timestamp,
    content_changed: bool,
    now: Timestamp,
) -> Sql<bool> {
    let mut wanted = monitors.to_vec();
    wanted.sort();
    wanted.dedup();
    let old = monitors_of(connection, post)?;
    let changed = old != wanted;
    if changed {
        replace(connection, post, &old, &wanted, ordered_at)?;
    }
    match revision(connection, post)? {
        None if !wanted.is_empty() => add_mention(connection, post, ordered_at, now)?,
        Some(_) if changed || content_changed => {
            connection
                .prepare_cached("UPDATE mentions SET revision = revision + 1 WHERE post = ?1")?
                .execute([post])?;
        }
        _ => {}
    }
    Ok(changed)
}

fn replace(
    connection: &Connection,
    post: Row,
    old: &[MonitorId],
    wanted: &[MonitorId],
    ordered_at: Timestamp,
) -> Sql<()> {
    let mut delete = connection
        .prepare_cached("DELETE FROM mention_monitors WHERE post = ?1 AND monitor = ?2")?;
    for monitor in old.iter().filter(|monitor| !wanted.contains(monitor)) {
        delete.execute((post, monitor.as_str()))?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO mention_monitors (post, monitor, ordered_at) VALUES (?1, ?2, ?3)",
    )?;
    for monitor in wanted.iter().filter(|monitor| !old.contains(monitor)) {
        insert.execute((post, monitor.as_str(), micros(ordered_at)))?;
    }
    connection
        .prepare_cached("UPDATE posts SET matched = ?2 WHERE row = ?1")?
        .execute((post, !wanted.is_empty()))?;
    connection
        .prepare_cached("UPDATE mentions SET matched = ?2 WHERE post = ?1")?
        .execute((post, !wanted.is_empty()))?;
    Ok(())
}

/// Moves the mention in the lists, when the post's time was corrected.
pub(super) fn set_ordered_at(connection: &Connection, post: Row, ordered_at: Timestamp) -> Sql<()> {
    connection
        .prepare_cached("UPDATE mentions SET ordered_at = ?2 WHERE post = ?1")?
        .execute((post, micros(ordered_at)))?;
    connection
        .prepare_cached("UPDATE mention_monitors SET ordered_at = ?2 WHERE post = ?1")?
        .execute((post, micros(ordered_at)))?;
    Ok(())
}
