//! What can go wrong with the store, and what the caller does about it.
//!
//! Never names the content of a row: a message that ends in a log must not hold text, handles or tokens.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A failure of the store. `reaction` says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store where a read-only command looked for one.
    #[error("no store at {}: start the daemon once, or check the data directory", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// The store was written by a newer Overheard.
    #[error("store {}: has schema {found}, this program knows up to {known}: use a newer program", path.display())]
    NewerSchema {
        /// The store's file.
        path: PathBuf,
        /// The schema's number in the file.
        found: u32,
        /// The highest number that this program knows.
        known: u32,
    },
    /// The schema is older than a read-only command can read.
    #[error("store {}: has schema {found}, {known} is needed: start the daemon once so that it migrates", path.display())]
    OlderSchema {
        /// The store's file.
        path: PathBuf,
        /// The schema's number in the file.
        found: u32,
        /// The number that this program needs.
        known: u32,
    },
    /// The linked SQLite can lose commits.
    #[error("sqlite {found} can lose commits when it resets its log: 3.51.3 or later is needed")]
    OldSqlite {
        /// The linked version.
        found: String,
    },
    /// Somebody else held the file for longer than the busy time-out.
    #[error("store {}: locked by another process: try again", path.display())]
    Busy {
        /// The store's file.
        path: PathBuf,
    },
    /// The disk is full. Nothing of the transaction was kept.
    #[error("store {}: the disk is full: free space, then it goes on by itself", path.display())]
    Full {
        /// The store's file.
        path: PathBuf,
    },
    /// The file is damaged, or holds what no version of this program wrote.
    #[error("store {}: damaged ({what}): restore a backup", path.display())]
    Corrupt {
        /// The store's file.
        path: PathBuf,
        /// What was found, without content.
        what: String,
    },
    /// The file could not be read, written or synced.
    #[error("store {}: cannot be read or written", path.display())]
    Io {
        /// The store's file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An earlier commit failed on disk: what is in memory and on disk may differ, so nothing is written any more.
    #[error("store {}: a commit failed on disk, nothing more is written: restart", path.display())]
    Broken {
        /// The store's file.
        path: PathBuf,
    },
    /// A change through a handle that was opened read-only.
    #[error("store {}: opened read-only", path.display())]
    ReadOnly {
        /// The store's file.
        path: PathBuf,
    },
    /// The store was closed.
    #[error("store {}: closed", path.display())]
    Closed {
        /// The store's file.
        path: PathBuf,
    },
    /// The caller asked for something that cannot be.
    #[error("{what}")]
    Invalid {
        /// What is wrong, without content.
        what: String,
    },
    /// A fault in this program: a statement that does not work, or a panic.
    #[error("store {}: {what}", path.display())]
    Internal {
        /// The store's file.
        path: PathBuf,
        /// What failed, without content.
        what: String,
        /// The cause, if there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// What to do about a `StoreError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreReaction {
    /// The same call may work in a moment.
    Retry,
    /// Stop bringing in more; reads still work; try again later.
    Pause,
    /// End the process: systemd starts it again on a known state.
    Exit,
    /// Trying again does not help: the call or the program is wrong.
    Refuse,
}

impl StoreError {
    /// What to do about it.
    #[must_use]
    pub fn reaction(&self) -> StoreReaction {
        match self {
            Self::Busy { .. } => StoreReaction::Retry,
            Self::Full { .. } => StoreReaction::Pause,
            Self::Io { .. } | Self::Broken { .. } | Self::Corrupt { .. } => StoreReaction::Exit,
            Self::Missing { .. }
            | Self::NewerSchema { .. }
            | Self::OlderSchema { .. }
            | Self::OldSqlite { .. }
            | Self::ReadOnly { .. }
            | Self::Closed { .. }
            | Self::Invalid { .. }
            | Self::Internal { .. } => StoreReaction::Refuse,
        }
    }
}

/// A failure inside the store, before the path is known.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite said no.
    Sql(rusqlite::Error),
    /// A row holds what cannot be.
    Damaged(String),
    /// The caller asked for what cannot be.
    Refused(String),
    /// The caller's work panicked.
    Panicked,
    /// The writer is gone or stopping.
    Closed,
    /// An earlier commit failed on disk.
    Broken,
}

/// The result inside the store.
pub(super) type Sql<T> = Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// The failure of the store at `path`.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Sql(error) => sql_error(error, path),
            Self::Damaged(what) => StoreError::Corrupt { path, what },
            Self::Refused(what) => StoreError::Invalid { what },
            Self::Panicked => StoreError::Internal {
                path,
                what: "a statement's caller panicked".to_owned(),
                source: None,
            },
            Self::Closed => StoreError::Closed { path },
            Self::Broken => StoreError::Broken { path },
        }
    }
}

fn sql_error(error: rusqlite::Error, path: PathBuf) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt {
            path,
            what: "sqlite finds the file malformed".to_owned(),
        },
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly,
        ) => StoreError::Io {
            path,
            source: Box::new(error),
        },
        _ => StoreError::Internal {
            path,
            what: "a statement failed".to_owned(),
            source: Some(Box::new(error)),
        },
    }
}
