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
        let writer = self.writer.as_ref().ok_or(IndexerError::WriterLost)?;
        let changes = self.store.changes_after(writer.last_seq(), BATCH).await?;
        let Some(last) = changes.last() else {
            return Ok(IndexerStep::Idle);
        };
        let seq = last.seq;
        let count = changes.len();
        // A commit takes about 100 ms of blocking work.
        self.write(move |writer| {
            let changes: Vec<IndexChange> = changes.into_iter().map(into_index_change).collect();
            writer.apply(&changes)?;
            writer.commit(seq)
        })
        .await?;
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

    /// Builds the index anew: everything again in one commit, so that all who search, and who open it meanwhile, have the
    /// old one until then. `progress` gets the number of posts so far. Returns the number of posts. After an error, or
    /// when it is dropped or killed, the old index goes on.
    ///
    /// # Errors
    /// As `step`.
    pub async fn rebuild(&mut self, progress: impl Fn(u64)) -> Result<u64, IndexerError> {
        self.write(IndexWriter::begin_anew).await?;
        match self.write_all(progress).await {
            Ok((posts, seq)) => {
                self.write(move |writer| writer.commit(seq)).await?;
                self.reader.reload()?;
                Ok(posts)
            }
            Err(error) => {
                self.write(IndexWriter::rollback).await?;
                Err(error)
            }
        }
    }

    /// Writes every post of the store without a commit: their number, and the last change's.
    async fn write_all(&mut self, progress: impl Fn(u64)) -> Result<(u64, u64), IndexerError> {
        let store = self.store.clone();
        let (mut posts, mut seq) = (0, 0);
        let mut read = store.changes_after(seq, BATCH).await?;
        while let Some(last) = read.last() {
            seq = last.seq;
            // From the beginning each post comes once, so nothing of it has to be deleted first.
            let records = read.into_iter().filter_map(|change| change.record);
            let inserts: Vec<IndexChange> = records
                .map(|record| IndexChange::Insert(Box::new(record)))
                .collect();
            posts += inserts.len() as u64;
            let written = self.write(move |writer| writer.apply(&inserts));
            let (written, next) = tokio::join!(written, store.changes_after(seq, BATCH));
            written?;
            read = next?;
            progress(posts);
        }
        Ok((posts, seq))
    }

    /// Does the writer's blocking work on a thread for it.
    async fn write(
        &mut self,
        work: impl FnOnce(&mut IndexWriter) -> Result<(), IndexError> + Send + 'static,
    ) -> Result<(), IndexerError> {
        let mut writer = self.writer.take().ok_or(IndexerError::WriterLost)?;
        let (writer, result) = tokio::task::spawn_blocking(move || {
            let result = work(&mut writer);
            (writer, result)
        })
        .await
        .map_err(|_| IndexerError::WriterLost)?;
        // A writer that failed starts another one at its next call.
        self.writer = Some(writer);
        Ok(result?)
    }
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
