//! Connections that read, beside the writer: a fixed number, each used by one caller at a time on a
//! blocking thread. Every call sees one moment of the store.
//!
//! Never writes: the connections are opened read-only.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::error::{Fault, Sql, StoreError};
use super::schema;

/// Connections at most. Reads are short and from the page cache; more would only compete for cores.
const CONNECTIONS: usize = 4;

/// The pool.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
    path: PathBuf,
}

impl Readers {
    /// Opens one connection, which shows that the store can be read; others follow when needed.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let first = schema::open_reader(path)?;
        Ok(Self {
            idle: Arc::new(Mutex::new(vec![first])),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            path: path.to_owned(),
        })
    }

    /// Runs `work` on a connection, within one read transaction.
    #[allow(
        clippy::disallowed_methods,
        reason = "a wait for a place, no task with a name"
    )]
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Sql<T> + Send + 'static,
    {
        let (places, idle) = (Arc::clone(&self.places), Arc::clone(&self.idle));
        let path = self.path.clone();
        let run = async move |place: OwnedSemaphorePermit| {
            let file = path.clone();
            let task = tokio::task::spawn_blocking(move || {
                let _place = place;
                let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = match pooled {
                    Some(connection) => connection,
                    None => schema::open_reader(&file)?,
                };
                // A panic in `work` loses the connection, and the next caller opens another.
                let result = in_transaction(&connection, work);
                idle.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(connection);
                result.map_err(|fault| fault.at(&file))
            });
            match task.await {
                Ok(result) => result,
                Err(error) if error.is_panic() => Err(Fault::Panicked.at(&path)),
                Err(_) => Err(Fault::Closed.at(&path)),
            }
        };
        let closed = || Fault::Closed.at(&self.path);
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => run(place).await,
            Err(TryAcquireError::Closed) => Err(closed()),
            // In a task of its own: a caller that is given a place while nobody polls it would keep it from all others.
            Err(TryAcquireError::NoPermits) => {
                let waiting = tokio::spawn(async move {
                    match places.acquire_owned().await {
                        Ok(place) => Some(run(place).await),
                        Err(_) => None,
                    }
                });
                waiting
                    .await
                    .ok()
                    .flatten()
                    .unwrap_or_else(|| Err(closed()))
            }
        }
    }

    /// Waits for the reads under way, refuses later ones and closes the connections.
    pub(super) async fn close(&self) {
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        // An error means that somebody else closes.
        if let Ok(places) = self.places.acquire_many(all).await {
            self.places.close();
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            drop(places);
        }
    }
}

fn in_transaction<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Sql<T>) -> Sql<T> {
    // Dropped without a commit it is rolled back, which ends a read just as well.
    let _snapshot = connection.unchecked_transaction()?;
    work(connection)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::{FILE, Store};

    #[tokio::test]
    async fn callers_that_wait_and_are_not_polled_keep_no_place_from_others() {
        let dir = tempfile::tempdir().unwrap();
        let now = "2026-01-05T10:00:00Z".parse().unwrap();
        let _store = Store::open(dir.path(), now).unwrap();
        let readers = Readers::open(&dir.path().join(FILE)).unwrap();
        let (free, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let reads = |_| {
            let wait = Arc::clone(&wait);
            let read = readers.read(move |_| {
                let _ = wait.lock().unwrap().recv();
                Ok(())
            });
            Box::pin(read)
        };
        // The first ones hold all places, the others wait for one; none of them is polled again.
        let mut unpolled: Vec<_> = (0..2 * CONNECTIONS).map(reads).collect();
        for read in &mut unpolled {
            assert!(futures_util::poll!(read).is_pending());
            tokio::task::yield_now().await;
        }
        drop(free);
        let read = readers.read(|_| Ok(1));
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert_eq!(read.unwrap().unwrap(), 1);
    }
}
