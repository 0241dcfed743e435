//! Why the index can't be used, and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::survey::TOO_LATE;
use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};

/// Faults of the index. Only `Unusable` is about what is in the files.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Nothing was indexed here yet.
    #[error("there is no index in {}", .0.display())]
    Missing(PathBuf),
    /// Another process writes it.
    #[error("the index in {} is being written by another process", .0.display())]
    Locked(PathBuf),
    /// The files are damaged or of another version; opening to write sets them aside and starts anew.
    #[error("the index in {} can't be used: {reason}", dir.display())]
    Unusable {
        /// Where it lives.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory can't be read or written.
    #[error("the index directory {} can't be used", dir.display())]
    Io {
        /// Where it lives.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The writer failed and everything since the last commit is gone: go on from `last_seq`.
    #[error("the index writer failed and starts again from the last commit")]
    WriterFailed(#[source] TantivyError),
    /// A wildcard stands for too many words.
    #[error("\"{0}\" stands for more than 10,000 words: write more letters before the sign")]
    TooManyWords(String),
    /// The search was given up.
    #[error(
        "the search took longer than 10 s and was given up: ask for fewer days with since:, or for rarer words"
    )]
    TooLate,
    /// The search failed.
    #[error("the search failed")]
    Search(#[source] TantivyError),
}

impl IndexError {
    pub(super) fn io(dir: &Path, source: io::Error) -> Self {
        Self::Io {
            dir: dir.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn of_search(error: TantivyError) -> Self {
        match error {
            TantivyError::InternalError(text) if text == TOO_LATE => Self::TooLate,
            other => Self::Search(other),
        }
    }

    /// Tells apart what the files are to blame for from what the system is.
    pub(super) fn of_opening(dir: &Path, error: TantivyError) -> Self {
        let system = match &error {
            TantivyError::LockFailure(LockError::LockBusy, _) => {
                return Self::Locked(dir.to_owned());
            }
            TantivyError::LockFailure(LockError::IoError(source), _)
            | TantivyError::IoError(source)
            | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError {
                io_error: source,
                ..
            })
            | TantivyError::OpenReadError(OpenReadError::IoError {
                io_error: source, ..
            })
            | TantivyError::OpenWriteError(OpenWriteError::IoError {
                io_error: source, ..
            }) => Some(source),
            _ => None,
        };
        // A file that ends too early or holds nonsense is reported by the same type as a full disk.
        let of_the_files = |kind| {
            matches!(
                kind,
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::NotFound
                    | io::ErrorKind::Other
            )
        };
        match system {
            Some(source) if !of_the_files(source.kind()) => Self::Io {
                dir: dir.to_owned(),
                source: Arc::clone(source),
            },
            _ => Self::Unusable {
                dir: dir.to_owned(),
                reason: error.to_string(),
            },
        }
    }
}
