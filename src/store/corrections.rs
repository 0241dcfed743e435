//! Corrections: what people say of posts where the model was wrong.
//!
//! A correction is applied whenever an analysis is written, so that whoever scores again, and whatever, a
//! person's word stays. It is about the text that the person read: when the text changes, it goes.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::Store;
use super::analyses::{LabelSets, read_analysis, set_analysis};
use super::changes::mark_changed;
use super::columns::{count, json, limit, micros, time, uncount, unjson};
use super::error::{Sql, StoreError};
use super::posts::{Row, row_of};
use super::records::Loader;
use crate::domain::correction::Correction;
use crate::domain::{Analysis, ModelId, PostId, PostRecord};

/// A post that a person corrected.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// The post, with the correction applied.
    pub record: PostRecord,
    /// What the person said.
    pub correction: Correction,
    /// When.
    pub at: Timestamp,
}

/// What became of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correcting {
    /// It stands.
    Done,
    /// There is no such post.
    NoPost,
    /// The post has no score to correct.
    NoScore,
}

/// Posts to score again, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stale {
    /// The posts, with their old analyses.
    pub records: Vec<PostRecord>,
    /// What to ask for next.
    pub next: u64,
}

pub(super) const STALE: &str = "SELECT post FROM analyses
     WHERE post > ?1 AND model NOT IN (SELECT m.row FROM models m, json_each(?2) known WHERE m.id = known.value)
     ORDER BY post LIMIT ?3";

impl Store {
    /// Keeps a correction of each post, over what was said before of it, and applies it: all in one transaction.
    /// What became of each, in order.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn correct(
        &self,
        posts: &[PostId],
        correction: Correction,
        now: Timestamp,
    ) -> Result<Vec<Correcting>, StoreError> {
        let posts = posts.to_vec();
        self.write(move |connection| {
            let one = |post| correct(connection, post, &correction, now);
            posts.iter().map(one).collect()
        })
        .await
    }

    /// Everything that people corrected, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn corrections(&self) -> Result<Vec<Corrected>, StoreError> {
        self.read(|connection| {
            let mut loader = Loader::new(connection);
            let mut statement = connection.prepare_cached(
                "SELECT post, correction, corrected_at FROM corrections ORDER BY corrected_at, post",
            )?;
            let mut rows = statement.query(())?;
            let mut corrected = Vec::new();
            while let Some(row) = rows.next()? {
                let text: String = row.get(1)?;
                if let Some(record) = loader.record(row.get(0)?)? {
                    corrected.push(Corrected {
                        record,
                        correction: unjson(&text)?,
                        at: time(row.get(2)?)?,
                    });
                }
            }
            Ok(corrected)
        })
        .await
    }

    /// At most `max` posts, from `from` on (0 at first), that another model than `models` scored.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn scored_by_others(
        &self,
        models: &[ModelId],
        from: u64,
        max: usize,
    ) -> Result<Stale, StoreError> {
        let models = models.to_vec();
        self.read(move |connection| {
            let mut loader = Loader::new(connection);
            let mut statement = connection.prepare_cached(STALE)?;
            let mut rows = statement.query((count(from), json(&models)?, limit(max)))?;
            let mut stale = Stale {
                records: Vec::new(),
                next: from,
            };
            while let Some(row) = rows.next()? {
                let row: Row = row.get(0)?;
                stale.records.extend(loader.record(row)?);
                stale.next = uncount(row);
            }
            Ok(stale)
        })
        .await
    }

    /// Replaces analyses in one transaction; what people corrected stays. How many records are different now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn replace_analyses(
        &self,
        analyses: Vec<(PostId, Analysis)>,
    ) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let mut changed = 0;
            for (post, analysis) in &analyses {
                let Some(row) = row_of(connection, post)? else {
                    continue;
                };
                if set_analysis(connection, row, analysis, false)? {
                    mark_changed(connection, row)?;
                    changed += 1;
                }
            }
            Ok(changed)
        })
        .await
    }
}

fn correct(
    connection: &Connection,
    post: &PostId,
    correction: &Correction,
    now: Timestamp,
) -> Sql<Correcting> {
    let Some(row) = row_of(connection, post)? else {
        return Ok(Correcting::NoPost);
    };
    let Some(analysis) = read_analysis(connection, row, &mut LabelSets::new())? else {
        return Ok(Correcting::NoScore);
    };
    let older = read_correction(connection, row)?.unwrap_or_default();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO corrections (post, correction, corrected_at) VALUES (?1, ?2, ?3)",
        )?
        .execute((row, json(&correction.clone().over(older))?, micros(now)))?;
    if set_analysis(connection, row, &analysis, false)? {
        mark_changed(connection, row)?;
    }
    Ok(Correcting::Done)
}

/// The analysis as the person's word, if there is one, leaves it.
pub(super) fn corrected(
    connection: &Connection,
    post: Row,
    mut analysis: Analysis,
) -> Sql<Analysis> {
    if let Some(correction) = read_correction(connection, post)? {
        correction.apply(&mut analysis);
    }
    Ok(analysis)
}

/// Forgets what was said of an earlier text.
pub(super) fn forget_correction(connection: &Connection, post: Row) -> Sql<()> {
    connection
        .prepare_cached("DELETE FROM corrections WHERE post = ?1")?
        .execute([post])?;
    Ok(())
}

fn read_correction(connection: &Connection, post: Row) -> Sql<Option<Correction>> {
    let mut statement =
        connection.prepare_cached("SELECT correction FROM corrections WHERE post = ?1")?;
    let text: Option<String> = statement.query_row([post], |row| row.get(0)).optional()?;
    text.map(|text| unjson(&text)).transpose()
}
