//! Makes digests: reads the day's mentions, writes the files, remembers the run and announces it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;

use super::build::{Digest, build};
use super::html::to_html;
use super::json::to_json;
use super::markdown::to_markdown;
use super::plan::{DigestPlan, due_date};
use super::window;
use crate::config::DigestFormat;
use crate::domain::{Event, EventKind, MonitorSummary, Subject};
use crate::runtime::atomic_file::write_atomically;
use crate::store::{DigestRun, Store, StoreError};

/// The most mentions of one day that a digest reads; 100,000 records are about 300 MB.
const MAX_MENTIONS: usize = 50_000;

/// Why a digest was not made.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The day lies outside the years that can be expressed.
    #[error("the date {0} is out of range")]
    Date(Date),
    /// The store could not be read or written.
    #[error("could not read the day's mentions")]
    Store(#[from] StoreError),
    /// A file could not be written.
    #[error("could not write {}: is the directory there, and ours?", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A template or JSON failed.
    #[error("could not render the digest: {0}")]
    Render(String),
}

/// A digest that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Its data.
    pub digest: Digest,
    /// Its files.
    pub files: Vec<PathBuf>,
}

/// Reads the day's mentions and those of the day before, and builds the digest.
///
/// # Errors
/// When the store can't be read.
pub async fn collect(
    plan: &DigestPlan,
    date: Date,
    monitors: &[MonitorSummary],
    store: &Store,
    now: Timestamp,
) -> Result<Digest, DigestError> {
    let out_of_range = |_| DigestError::Date(date);
    let (begin, end) = window::day(date, &plan.zone).map_err(out_of_range)?;
    let yesterday = date.yesterday().map_err(out_of_range)?;
    let (day_before, _) = window::day(yesterday, &plan.zone).map_err(out_of_range)?;
    let records = store
        .mentions_between(begin, end, &plan.monitors, MAX_MENTIONS)
        .await?;
    let before = store
        .mentions_between(day_before, begin, &plan.monitors, MAX_MENTIONS)
        .await?;
    Ok(build(plan, date, now, monitors, &records, &before))
}

/// Writes the digest's files, each atomically; files of an earlier run are replaced.
///
/// # Errors
/// When the directory or a file can't be written.
pub fn write(plan: &DigestPlan, digest: Digest) -> Result<Written, DigestError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DigestError::Write { path, source }
    };
    std::fs::create_dir_all(&plan.dir).map_err(failed(&plan.dir))?;
    let mut files = Vec::new();
    for format in &plan.formats {
        let words = plan.locale.catalogue();
        let (ending, content) = match format {
            DigestFormat::Markdown => ("md", to_markdown(&digest, words)),
            DigestFormat::Html => (
                "html",
                to_html(&digest, words).map_err(|error| DigestError::Render(error.to_string()))?,
            ),
            DigestFormat::Json => (
                "json",
                to_json(&digest).map_err(|error| DigestError::Render(error.to_string()))?,
            ),
        };
        let path = plan
            .dir
            .join(format!("{}-{}.{ending}", plan.id, digest.date));
        write_atomically(&path, content.as_bytes()).map_err(failed(&path))?;
        files.push(path);
    }
    Ok(Written { digest, files })
}

/// Makes the digest that is due, if one is: files first, then the run with its `digest.ready` in one
/// transaction. A crash between the two writes the same files again.
///
/// # Errors
/// When the store or the files can't be used; it is tried again later.
pub async fn write_due(
    plan: &DigestPlan,
    monitors: &[MonitorSummary],
    store: &Store,
    now: Timestamp,
) -> Result<Option<Written>, DigestError> {
    let last = store
        .digest_runs(Some(&plan.id), 1)
        .await?
        .first()
        .and_then(|run| run.date.parse().ok());
    let Some(date) = due_date(plan, now, last) else {
        return Ok(None);
    };
    let written = write(plan, collect(plan, date, monitors, store, now).await?)?;
    let run = DigestRun {
        digest: plan.id.clone(),
        date: date.to_string(),
        at: now,
        files: written
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect(),
    };
    let subject = Subject::Digest {
        id: plan.id.clone(),
        date: run.date.clone(),
    };
    let event = Event::new(EventKind::DigestReady, subject, 0, now);
    store.record_digest(run, Some(event)).await?;
    Ok(Some(written))
}
