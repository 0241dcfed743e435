//! The truth: one SQLite file that holds all that was heard, and what was done about it.
//!
//! **Contract.** `commit_batch` is the only place where a source's cursor moves, in the transaction
//! that stores what was read: after a kill nothing is lost and nothing is doubled. Every method that
//! changes something answers when the change is on disk. Every change that the index must see makes a row in
//! `changes`; every event that somebody must be told of makes a row in `events`; both are read by
//! sequence number, which only grows. What was deleted or dropped never comes back (`forgotten`).
//!
//! One thread writes (`writer`), a few connections read (`reader`); no SQL leaves this module, and
//! nothing here fetches, matches, scores or renders. Times go in and come out in UTC, to the microsecond.

mod analyses;
mod audit;
mod authors;
mod batch;
mod changes;
mod columns;
mod corrections;
mod counts;
mod cursors;
mod customers;
mod deliveries;
mod digests;
mod duplicates;
mod embeddings;
mod endpoints;
mod error;
mod events;
mod import;
mod known;
mod links;
mod managed;
mod managed_monitors;
mod mentions;
mod posts;
mod purge;
mod reader;
mod records;
mod saved_searches;
mod schema;
mod status;
mod subscriptions;
mod tokens;
mod upsert;
mod users;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;

pub use audit::{AuditCheck, AuditEntry, StoredAudit};
pub use batch::{BatchCommit, Committed, PostCommit};
pub use changes::{Change, Tip};
pub use corrections::{Corrected, Correcting, Stale};
pub use counts::Counts;
pub use cursors::Standing;
pub use customers::AuthorLink;
pub use deliveries::{
    Attempt, AttemptOutcome, DeadLetter, DeliveryCounts, DuePlace, ListedDelivery, PastAttempt,
    PendingDelivery, Queued,
};
pub use digests::{DigestRun, MonitorWindow};
pub use embeddings::StoredEmbedding;
pub use error::{StoreError, StoreReaction};
pub use events::StoredEvent;
pub use import::ImportOutcome;
pub use known::{Known, PostKnownQuery};
pub use managed::StoredEndpoint;
pub use posts::{Page, PagePosition, Reading, Sighting, Version};
pub use saved_searches::SavedSearch;
pub use status::{Due, Refreshed, StoredReject};
pub use tokens::{NewToken, StoredToken};
pub use users::{Session, User};

use error::{Fault, Sql};
use reader::Readers;
use writer::Writer;

/// The file's name within the data directory.
const FILE: &str = "store.sqlite3";

/// A handle on the store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    uuid: String,
    readers: Readers,
    /// Absent in a handle that only reads.
    writer: Option<Writer>,
    tip: watch::Receiver<Tip>,
    /// Counts changes of tokens, users and sessions.
    access: Arc<AtomicU64>,
}

impl Store {
    /// Opens the store in `dir`, creates it when there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is damaged, is newer than this program, or the linked SQLite is
    /// too old to be trusted.
    pub fn open(dir: &Path, clock_now: Timestamp) -> Result<Self, StoreError> {
        schema::check_sqlite()?;
        let path = dir.join(FILE);
        let connection = schema::open_writer(&path, clock_now)?;
        let fault = |error: rusqlite::Error| Fault::from(error).at(&path);
        let uuid = read_uuid(&connection).map_err(fault)?;
        let (sender, tip) = watch::channel(changes::read_tip(&connection).map_err(fault)?);
        let readers = Readers::open(&path)?;
        let writer = Writer::start(connection, path.clone(), sender)?;
        Ok(Self {
            path,
            uuid,
            readers,
            writer: Some(writer),
            tip,
            access: Arc::default(),
        })
    }

    /// Opens the store in `dir` for reading, also beside a daemon that writes.
    ///
    /// # Errors
    /// When there is none, or its schema is not the one that this program knows.
    pub fn open_read_only(dir: &Path) -> Result<Self, StoreError> {
        schema::check_sqlite()?;
        let path = dir.join(FILE);
        let connection = schema::open_reader(&path)?;
        let fault = |error: rusqlite::Error| Fault::from(error).at(&path);
        let uuid = read_uuid(&connection).map_err(fault)?;
        let (_, tip) = watch::channel(changes::read_tip(&connection).map_err(fault)?);
        Ok(Self {
            uuid,
            readers: Readers::open(&path)?,
            writer: None,
            tip,
            path,
            access: Arc::default(),
        })
    }

    /// The name of this store among all stores: a projection of another one is of no use here.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest sequence numbers, updated before the caller of a change is answered. A follower
    /// waits on it instead of asking again and again. A read-only handle's never moves: waiting on it
    /// fails at once.
    #[must_use]
    pub fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.clone()
    }

    /// Another number after each change of tokens, users or sessions, which only this process makes while it writes: what was
    /// learned of them at one number holds while it is the same.
    #[must_use]
    pub fn access_version(&self) -> u64 {
        self.access.load(Ordering::Acquire)
    }

    /// Writes what changes who may come in.
    async fn write_access<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Sql<T> + Send + 'static,
    {
        let written = self.write(work).await;
        // Also after an error, which may hide that it was written.
        self.access.fetch_add(1, Ordering::AcqRel);
        written
    }

    /// Finishes what is queued, empties the log into the file and closes it. Later calls fail.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Sql<T> + Send + 'static,
    {
        self.readers.read(work).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Sql<T> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(work).await,
            None => Err(StoreError::ReadOnly {
                path: self.path.clone(),
            }),
        }
    }
}

fn read_uuid(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row(
        "SELECT value FROM meta WHERE key = 'store_uuid'",
        [],
        |row| row.get(0),
    )
}
