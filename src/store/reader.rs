//! Connections that read, beside the writer: a fixed number, each used by one caller at a time on a
//! blocking thread. Every call sees one moment of the store.
//!
//! Never writes: the connections are opened read-only.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

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
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Sql<T> + Send + 'static,
    {
        let closed = || Fault::Closed.at(&self.path);
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match pooled {
                Some(connection) => connection,
                None => schema::open_reader(&path)?,
            };
            // A panic in `work` loses the connection, and the next caller opens another.
            let result = in_transaction(&connection, work);
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            result.map_err(|fault| fault.at(&path))
        });
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => Err(Fault::Panicked.at(&self.path)),
            Err(_) => Err(closed()),
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
