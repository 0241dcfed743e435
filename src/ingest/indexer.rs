//! Follows the store's changes by sequence number into the search index.
//!
//! The index is a projection: whatever happens to it, this loop brings it back to what the store
//! says. It never writes to the store.

use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::index::{IndexChange, IndexError, IndexReader, IndexWriter};
use crate::runtime::Clock;
use crate::store::{Store, StoreError, Tip};

/// The most changes that one commit takes: bounds memory while a rebuild reads millions.
const BATCH: usize = 2_000;

/// Brings the index up to the store.
pub struct Indexer {
    store: Store,
    writer: Option<IndexWriter>,
    reader: IndexReader,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexerStep {
    /// Changes up to this sequence number are searchable.
    Worked {
        /// The store's sequence number.
        seq: u64,
        /// How many changes were taken.
        changes: usize,
    },
    /// The index has all that the store has.
    Idle,
}

/// Why the index could not follow.
#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    /// The store could not be read.
    #[error("the indexer could not read the store's changes")]
    Store(#[from] StoreError),
    /// The index could not be written.
    #[error("the indexer could not write the index")]
    Index(#[from] IndexError),
    /// The writer's thread was lost.
    #[error("the index writer stopped")]
    WriterLost,
}

impl Indexer {
    /// Follows `store` with `writer`; `reader` is reloaded after each commit.
    #[must_use]
    pub fn new(store: Store, writer: IndexWriter, reader: IndexReader) -> Self {
        Self {
            store,
            writer: Some(writer),
            reader,
        }
    }

    /// Takes the next changes.
    ///
    /// # Errors
    /// When the store can't be read or the index can't be written.
    pub async fn step(&mut self) -> Result<IndexerStep, IndexerError> {
        let writer = self.writer.take().ok_or(IndexerError::WriterLost)?;
        let after = writer.last_seq();
        let changes = match self.store.changes_after(after, BATCH).await {
            Ok(changes) => changes,
            Err(error) => {
                self.writer = Some(writer);
                return Err(error.into());
            }
        };
        let Some(last) = changes.last() else {
            self.writer = Some(writer);
            return Ok(IndexerStep::Idle);
        };
        let seq = last.seq;
        let count = changes.len();
        // A commit takes about 100 ms of blocking work.
        let worked = blocking(writer, move |writer| {
            let changes: Vec<IndexChange> = changes.into_iter().map(into_index_change).collect();
            writer.apply(&changes)?;
            writer.commit(seq)
        })
        .await?;
        self.writer = Some(worked);
        self.reader.reload()?;
        metrics::gauge!("overheard_index_seq").set(seq as f64);
        Ok(IndexerStep::Worked {
            seq,
            changes: count,
        })
    }

    /// Steps until the index has all that the store has now.
    ///
    /// # Errors
    /// As `step`.
    pub async fn catch_up(&mut self) -> Result<u64, IndexerError> {
        let mut taken = 0;
        while let IndexerStep::Worked { changes, .. } = self.step().await? {
            taken += changes as u64;
        }
        Ok(taken)
    }

    /// Builds the index anew: everything again in one commit, so that readers keep the old one until then.
    /// Returns the number of changes taken.
    ///
    /// # Errors
    /// As `step`.
    pub async fn rebuild(&mut self, progress: impl Fn(u64)) -> Result<u64, IndexerError> {
        let mut writer = self.writer.take().ok_or(IndexerError::WriterLost)?;
        writer.clear()?;
        let mut taken = 0;
        let mut seq = 0;
        loop {
            let changes = self.store.changes_after(seq, BATCH).await?;
            let Some(last) = changes.last() else { break };
            seq = last.seq;
            taken += changes.len() as u64;
            writer = blocking(writer, move |writer| {
                let changes: Vec<IndexChange> =
                    changes.into_iter().map(into_index_change).collect();
                writer.apply(&changes)
            })
            .await?;
            progress(taken);
        }
        self.writer = Some(blocking(writer, move |writer| writer.commit(seq)).await?);
        self.reader.reload()?;
        Ok(taken)
    }
}

/// Does a writer's blocking work on a thread for it, and hands the writer back.
async fn blocking(
    mut writer: IndexWriter,
    work: impl FnOnce(&mut IndexWriter) -> Result<(), IndexError> + Send + 'static,
) -> Result<IndexWriter, IndexerError> {
    let (writer, result) = tokio::task::spawn_blocking(move || {
        let result = work(&mut writer);
        (writer, result)
    })
    .await
    .map_err(|_| IndexerError::WriterLost)?;
    result?;
    Ok(writer)
}

/// Follows the store until `stop`: wakes with each commit, then waits `interval`, so that one commit of the
/// index takes what came meanwhile. When more is waiting than one step takes, it goes on at once.
///
/// # Errors
/// As `Indexer::step`; the supervisor starts it again.
pub async fn follow(
    indexer: &Mutex<Indexer>,
    mut tip: watch::Receiver<Tip>,
    clock: &Clock,
    interval: Duration,
    stop: &CancellationToken,
) -> Result<(), IndexerError> {
    loop {
        tip.mark_unchanged();
        match indexer.lock().await.step().await? {
            IndexerStep::Worked { changes, .. } if changes == BATCH && !stop.is_cancelled() => {
                continue;
            }
            IndexerStep::Worked { .. } => {}
            IndexerStep::Idle => tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = tip.changed() => if changed.is_err() { return Ok(()) },
            },
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = clock.sleep(interval) => {}
        }
    }
}

fn into_index_change(change: crate::store::Change) -> IndexChange {
    match change.record {
        Some(record) if change.first => IndexChange::Insert(Box::new(record)),
        Some(record) => IndexChange::Upsert(Box::new(record)),
        None => IndexChange::Delete(change.post_id),
    }
}
