//! The data lock: one process at a time works on a data directory.
//!
//! An advisory lock of the kernel, which ends with the process however that ends. The file is never
//! deleted, because a lock on a deleted file guards nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Held for as long as it lives.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// The lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody else works on the directory.
    #[error("data directory {} is in use by {}: stop it, or name another with --data", dir.display(), holder_text(*holder))]
    Held {
        /// The data directory.
        dir: PathBuf,
        /// The process that holds it, as far as it said so.
        holder: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DataLock {
    /// Takes the lock on an existing directory, without waiting, and writes our process id into it.
    ///
    /// # Errors
    /// Another process holds it, or the file `lock` cannot be used.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join("lock");
        let io_error = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    dir: dir.to_owned(),
                    holder: read_holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io_error(source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(io_error)?;
        Ok(Self { _file: file })
    }
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_with_the_first_ones_name_until_it_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataLock::acquire(dir.path()).unwrap();
        let refused = DataLock::acquire(dir.path()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "data directory {} is in use by process {}: stop it, or name another with --data",
                dir.path().display(),
                std::process::id()
            )
        );
        drop(first);
        DataLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        let error = DataLock::acquire(&gone).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot lock {}", gone.join("lock").display())
        );
    }
}
