//! What digests ask: the mentions of a window of time, counted and listed; and which digests were made.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Connection;

use super::Store;
use super::columns::{Columns, json, limit, micros, name, time, uncount, unjson};
use super::error::{Sql, StoreError};
use super::events::add_event;
use super::posts::PagePosition;
use super::records::Loader;
use crate::domain::{DigestId, Event, MonitorId, PostRecord};

/// A digest that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRun {
    /// The digest.
    pub digest: DigestId,
    /// The local date that it reports on, `YYYY-MM-DD`.
    pub date: String,
    /// When it was made.
    pub at: Timestamp,
    /// The files that were written.
    pub files: Vec<String>,
}

/// A monitor's mentions in a window of time, counted. Copies are counted like originals.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorWindow {
    /// The monitor.
    pub monitor: MonitorId,
    /// All mentions.
    pub mentions: u64,
    /// Against.
    pub negative: u64,
    /// Neither.
    pub neutral: u64,
    /// For.
    pub positive: u64,
    /// Not scored, or in a language that the model does not serve.
    pub unscored: u64,
    /// Likes, replies and shares of all.
    pub engagement: u64,
}

pub(super) const IN_WINDOW: &str = "SELECT ordered_at, post FROM mentions
     WHERE matched = 1 AND ordered_at >= ?1 AND ordered_at < ?2
     ORDER BY ordered_at DESC, post DESC LIMIT ?3";

pub(super) const MONITOR_IN_WINDOW: &str = "SELECT ordered_at, post FROM mention_monitors
     WHERE monitor = ?4 AND ordered_at >= ?1 AND ordered_at < ?2
     ORDER BY ordered_at DESC, post DESC LIMIT ?3";

pub(super) const COUNT_WINDOW: &str = "SELECT count(*),
        count(*) FILTER (WHERE a.supported AND a.label = 'negative'),
        count(*) FILTER (WHERE a.supported AND a.label = 'neutral'),
        count(*) FILTER (WHERE a.supported AND a.label = 'positive'),
        count(*) FILTER (WHERE a.post IS NULL OR NOT a.supported),
        total(coalesce(p.likes, 0)) + total(coalesce(p.replies, 0)) + total(coalesce(p.shares, 0))
     FROM mention_monitors m
     JOIN posts p ON p.row = m.post
     LEFT JOIN analyses a ON a.post = m.post
     WHERE m.monitor = ?1 AND m.ordered_at >= ?2 AND m.ordered_at < ?3";

impl Store {
    /// At most `max` mentions whose time is in `from..to`, the newest first; of these monitors, or of
    /// all when there are none. A mention of two monitors comes once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mentions_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        monitors: &[MonitorId],
        max: usize,
    ) -> Result<Vec<PostRecord>, StoreError> {
        let monitors = monitors.to_vec();
        self.read(move |connection| {
            let places = in_window(connection, micros(from), micros(to), &monitors, max)?;
            let mut loader = Loader::new(connection);
            let mut records = Vec::with_capacity(places.len());
            for place in places {
                records.extend(loader.record(place.row)?.filter(PostRecord::is_mention));
            }
            Ok(records)
        })
        .await
    }

    /// Counts the mentions of each monitor whose time is in `from..to`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn monitor_windows(
        &self,
        from: Timestamp,
        to: Timestamp,
        monitors: &[MonitorId],
    ) -> Result<Vec<MonitorWindow>, StoreError> {
        let monitors = monitors.to_vec();
        self.read(move |connection| {
            let mut windows = Vec::with_capacity(monitors.len());
            let mut statement = connection.prepare_cached(COUNT_WINDOW)?;
            for monitor in monitors {
                let mut rows = statement.query((monitor.as_str(), micros(from), micros(to)))?;
                let Some(row) = rows.next()? else { continue };
                let mut columns = Columns::new(row);
                windows.push(MonitorWindow {
                    monitor,
                    mentions: uncount(columns.next()?),
                    negative: uncount(columns.next()?),
                    neutral: uncount(columns.next()?),
                    positive: uncount(columns.next()?),
                    unscored: uncount(columns.next()?),
                    engagement: whole(columns.next()?),
                });
            }
            Ok(windows)
        })
        .await
    }

    /// Remembers that a digest was made, with its event. False when it was made before: then nothing
    /// changes, and nobody is told twice.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn record_digest(
        &self,
        run: DigestRun,
        event: Option<Event>,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let added = connection
                .prepare_cached(
                    "INSERT INTO digest_runs (digest, date, at, files) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING",
                )?
                .execute((
                    run.digest.as_str(),
                    &run.date,
                    micros(run.at),
                    json(&run.files)?,
                ))?;
            if added == 0 {
                return Ok(false);
            }
            if let Some(event) = &event {
                add_event(connection, event)?;
            }
            Ok(true)
        })
        .await
    }

    /// At most `max` runs of the digest, or of all, the latest date first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn digest_runs(
        &self,
        digest: Option<&DigestId>,
        max: usize,
    ) -> Result<Vec<DigestRun>, StoreError> {
        let digest = digest.map(ToString::to_string);
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT digest, date, at, files FROM digest_runs WHERE ?1 IS NULL OR digest = ?1
                 ORDER BY date DESC, digest LIMIT ?2",
            )?;
            let mut rows = statement.query((digest, limit(max)))?;
            let mut runs = Vec::new();
            while let Some(row) = rows.next()? {
                runs.push(DigestRun {
                    digest: name(DigestId::parse, row.get(0)?)?,
                    date: row.get(1)?,
                    at: time(row.get(2)?)?,
                    files: unjson(&row.get::<_, String>(3)?)?,
                });
            }
            Ok(runs)
        })
        .await
    }
}

fn in_window(
    connection: &Connection,
    from: i64,
    to: i64,
    monitors: &[MonitorId],
    max: usize,
) -> Sql<Vec<PagePosition>> {
    // Sorted the oldest first; an entry for each post, however many monitors match it.
    let mut places = BTreeSet::new();
    let mut take = |rows: &mut rusqlite::Rows<'_>| -> Sql<()> {
        while let Some(row) = rows.next()? {
            places.insert((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        }
        Ok(())
    };
    if monitors.is_empty() {
        let mut statement = connection.prepare_cached(IN_WINDOW)?;
        take(&mut statement.query((from, to, limit(max)))?)?;
    }
    let mut statement = connection.prepare_cached(MONITOR_IN_WINDOW)?;
    for monitor in monitors {
        take(&mut statement.query((from, to, limit(max), monitor.as_str()))?)?;
    }
    let newest = places.into_iter().rev().take(max);
    Ok(newest
        .map(|(ordered_at, row)| PagePosition { ordered_at, row })
        .collect())
}

/// `total()` adds in floating point, so that a sum of absurd counts cannot overflow.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(sum: f64) -> u64 {
    sum as u64
}
