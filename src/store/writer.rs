//! The one thread that writes. Many callers, one transaction: each caller's work then runs in a savepoint
//! of its own, so that one that fails takes nothing of the others with it, and all share one sync.
//!
//! Never answers a caller before the commit that holds its work is on disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::changes::{Tip, read_tip};
use super::error::{Fault, Sql, StoreError};

/// Callers that may wait for the writer; more wait for a place. A batch is at most some MB, so this
/// bounds the memory of a stalled disk, and is far above the number of tasks that write.
const QUEUE: usize = 64;

/// Callers that share a transaction at most: a rollback of all of them must stay cheap.
const GROUP: usize = 32;

/// After this long without work, the log is emptied into the file.
const IDLE: Duration = Duration::from_secs(5);

/// The queue before the writer thread.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: Sender<Message>,
    places: Arc<Semaphore>,
    path: PathBuf,
}

enum Message {
    Work(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

trait Job: Send {
    /// Does the work. An error undoes it; with `Lost` when SQLite was the cause.
    fn run(&mut self, connection: &Connection) -> Result<(), Option<Lost>>;
    /// Answers the caller: `lost` when the transaction was not kept.
    fn finish(self: Box<Self>, lost: Option<&Lost>);
}

/// Why a whole transaction was not kept; a form that can be told to many callers.
struct Lost {
    code: ffi::Error,
    message: Option<String>,
}

struct Call<T, F> {
    work: Option<F>,
    result: Option<Sql<T>>,
    answer: oneshot::Sender<Sql<T>>,
    _place: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the thread. It ends when `close` is called or the last handle is dropped.
    pub(super) fn start(
        connection: Connection,
        path: PathBuf,
        tip: watch::Sender<Tip>,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        thread
            .spawn(move || run(connection, &queue, &tip))
            .map_err(|source| StoreError::Io {
                path: path.clone(),
                source: Box::new(source),
            })?;
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(QUEUE)),
            path,
        })
    }

    /// Runs `work` within a transaction, and answers when it is on disk. A caller that goes away
    /// does not undo its work.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Sql<T> + Send + 'static,
    {
        self.queue(work).await.map_err(|fault| fault.at(&self.path))
    }

    async fn queue<T, F>(&self, work: F) -> Sql<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Sql<T> + Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| Fault::Closed)?;
        let (answer, result) = oneshot::channel();
        let job = Box::new(Call {
            work: Some(work),
            result: None,
            answer,
            _place: place,
        });
        self.jobs
            .send(Message::Work(job))
            .map_err(|_| Fault::Closed)?;
        result.await.map_err(|_| Fault::Closed)?
    }

    /// Finishes what is queued, empties the log into the file and ends the thread.
    pub(super) async fn close(&self) {
        self.places.close();
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Message::Close(done)).is_ok() {
            // An error means that the thread is gone already.
            let _ = closed.await;
        }
    }
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Sql<T> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), Option<Lost>> {
        let Some(work) = self.work.take() else {
            return Err(None);
        };
        let result = catch_unwind(AssertUnwindSafe(|| work(connection)));
        let result = result.unwrap_or(Err(Fault::Panicked));
        let kept = match &result {
            Ok(_) => Ok(()),
            Err(Fault::Sql(error)) => Err(Some(Lost::new(error))),
            Err(_) => Err(None),
        };
        self.result = Some(result);
        kept
    }

    fn finish(self: Box<Self>, lost: Option<&Lost>) {
        let result = match (self.result, lost) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(lost)) => Err(lost.fault()),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(Fault::Broken),
        };
        // The caller may have gone away; its work is kept all the same.
        let _ = self.answer.send(result);
    }
}

impl Lost {
    fn new(error: &rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(code, message) => Self {
                code: *code,
                message: message.clone(),
            },
            other => Self {
                code: ffi::Error::new(ffi::SQLITE_ERROR),
                message: Some(other.to_string()),
            },
        }
    }

    fn fault(&self) -> Fault {
        Fault::Sql(rusqlite::Error::SqliteFailure(
            self.code,
            self.message.clone(),
        ))
    }

    /// A failed sync is never tried again: the kernel may have dropped the pages and would call the
    /// second sync a success.
    fn is_final(&self) -> bool {
        matches!(
            self.code.code,
            ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
        )
    }
}

fn run(connection: Connection, queue: &Receiver<Message>, tip: &watch::Sender<Tip>) {
    let mut dirty = false;
    let mut broken = false;
    let closing = loop {
        let first = match queue.recv_timeout(IDLE) {
            Ok(Message::Work(job)) => job,
            Ok(Message::Close(done)) => break Some(done),
            Err(RecvTimeoutError::Timeout) => {
                if dirty && !broken {
                    dirty = !truncate_log(&connection);
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break None,
        };
        let mut group = vec![first];
        let mut close = None;
        while group.len() < GROUP {
            match queue.try_recv() {
                Ok(Message::Work(job)) => group.push(job),
                Ok(Message::Close(done)) => {
                    close = Some(done);
                    break;
                }
                Err(_) => break,
            }
        }
        if broken {
            group.into_iter().for_each(|job| job.finish(None));
        } else {
            broken = commit_group(&connection, group, tip);
            dirty = true;
        }
        if close.is_some() {
            break close;
        }
    };
    if !broken {
        truncate_log(&connection);
    }
    drop(connection);
    if let Some(done) = closing {
        // Nobody has to wait for the end.
        let _ = done.send(());
    }
}

/// Runs the group in one transaction and answers its callers; whether the store is broken.
fn commit_group(
    connection: &Connection,
    group: Vec<Box<dyn Job>>,
    tip: &watch::Sender<Tip>,
) -> bool {
    let mut jobs = group;
    let outcome = attempt(connection, &mut jobs);
    let lost = match outcome {
        Ok(new_tip) => {
            // Told before the answers, so that a caller that was answered sees its own change.
            tip.send_if_modified(|tip| {
                let moved = *tip != new_tip;
                *tip = new_tip;
                moved
            });
            None
        }
        Err(lost) => {
            if !connection.is_autocommit() {
                // A failure here leaves the transaction to the next BEGIN, which then fails.
                let _ = connection.execute_batch("ROLLBACK");
            }
            Some(lost)
        }
    };
    let broken = lost.as_ref().is_some_and(Lost::is_final);
    for job in jobs {
        job.finish(lost.as_ref());
    }
    broken
}

fn attempt(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<Tip, Lost> {
    let execute = |sql| connection.execute_batch(sql).map_err(|e| Lost::new(&e));
    let tip = || read_tip(connection).map_err(|e| Lost::new(&e));
    execute("BEGIN IMMEDIATE")?;
    // Alone it needs no savepoint, for which SQLite copies each page aside before it changes.
    let alone = jobs.len() == 1;
    for job in jobs {
        if !alone {
            execute("SAVEPOINT caller")?;
        }
        let kept = job.run(connection);
        if connection.is_autocommit() {
            // A full disk or an IO error took the whole transaction with it.
            let unknown = || Lost {
                code: ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK),
                message: None,
            };
            return Err(kept.err().flatten().unwrap_or_else(unknown));
        }
        match (alone, kept.is_ok()) {
            (true, true) => {}
            (true, false) => {
                execute("ROLLBACK")?;
                return tip();
            }
            (false, true) => execute("RELEASE caller")?,
            (false, false) => execute("ROLLBACK TO caller; RELEASE caller")?,
        }
    }
    let tip = tip()?;
    execute("COMMIT")?;
    Ok(tip)
}

/// Moves the log into the file and empties it; false when a reader was in the way.
fn truncate_log(connection: &Connection) -> bool {
    // Not worth waiting for a reader: there is a next time.
    let checkpoint = || -> rusqlite::Result<bool> {
        connection.busy_timeout(Duration::ZERO)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            Ok(row.get::<_, i64>(0)? == 0)
        })
    };
    let done = checkpoint().unwrap_or(false);
    // Cannot fail: it sets a number in memory.
    let _ = connection.busy_timeout(Duration::from_secs(5));
    done
}
