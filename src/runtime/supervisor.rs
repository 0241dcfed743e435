//! Named tasks that are started again when they fail or panic.
//!
//! The one place that spawns. A task takes the stop token and ends by itself when it is cancelled;
//! the supervisor never kills one, it names those that did not end in time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::clock::{Clock, later};
use super::panics::words;

/// The wait before the first restart; doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait before a restart, and how long a task must run for its failures to be forgotten.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Starts tasks, starts them again when they fail, and says how they fare. Clones are one supervisor.
#[derive(Debug, Clone)]
pub struct Supervisor {
    clock: Clock,
    stop: CancellationToken,
    states: watch::Sender<Vec<TaskState>>,
}

/// How a task fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskState {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub status: TaskStatus,
    /// Restarts since it was spawned.
    pub restarts: u32,
    /// What ended it last, if that was a failure.
    pub last_error: Option<String>,
}

/// Whether a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatus {
    /// It runs.
    Running,
    /// It failed and waits for its restart.
    Restarting,
    /// It ended, either by itself or because everything stops.
    Finished,
}

impl Supervisor {
    /// A supervisor without tasks. Cancelling `stop` asks all of them to end.
    #[must_use]
    pub fn new(clock: Clock, stop: CancellationToken) -> Self {
        Self {
            clock,
            stop,
            states: watch::Sender::new(Vec::new()),
        }
    }

    /// Starts a task. `Ok` means that it is done; an error or a panic starts it again after a wait of
    /// 1 s, doubled each time up to 60 s and forgotten once it ran for 60 s.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that spawns tasks, by name"
    )]
    pub fn spawn<F, Fut>(&self, name: impl Into<String>, start: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let name = name.into();
        let mut place = 0;
        self.states.send_modify(|states| {
            place = states.len();
            states.push(TaskState {
                name: name.clone(),
                status: TaskStatus::Running,
                restarts: 0,
                last_error: None,
            });
        });
        let supervisor = self.clone();
        tokio::spawn(async move { supervisor.run(place, &name, start).await });
    }

    /// How every task fares, in the order in which they were spawned.
    #[must_use]
    pub fn states(&self) -> Vec<TaskState> {
        self.states.borrow().clone()
    }

    /// Waits until every task has finished, at most `deadline` of real time. Returns the names of
    /// those that did not; stopping them is left to the end of the process.
    pub async fn stopped(&self, deadline: Duration) -> Vec<String> {
        let mut states = self.states.subscribe();
        let all_finished = states.wait_for(|states| {
            states
                .iter()
                .all(|state| state.status == TaskStatus::Finished)
        });
        // Both a passed deadline and an end are told by the list.
        let _ = tokio::time::timeout(deadline, all_finished).await;
        self.states
            .borrow()
            .iter()
            .filter(|state| state.status != TaskStatus::Finished)
            .map(|state| state.name.clone())
            .collect()
    }

    async fn run<F, Fut>(&self, place: usize, name: &str, start: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let started = self.clock.now();
            let ended = match catch_unwind(AssertUnwindSafe(|| start(self.stop.clone()))) {
                Ok(running) => AssertUnwindSafe(running).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let failure = match ended {
                Ok(Ok(())) => {
                    debug!(task.name = name, "task finished");
                    self.set(place, TaskStatus::Finished, None);
                    return;
                }
                Ok(Err(failure)) => format!("{failure:#}"),
                Err(panic) => format!("panicked: {}", words(panic.as_ref())),
            };
            if self.stop.is_cancelled() {
                warn!(
                    task.name = name,
                    error = failure,
                    "task failed while stopping"
                );
                self.set(place, TaskStatus::Finished, Some(failure));
                return;
            }
            if self.clock.now() >= later(started, MAX_BACKOFF) {
                backoff = FIRST_BACKOFF;
            }
            error!(
                task.name = name,
                error = failure,
                restart_in_secs = backoff.as_secs(),
                "task failed"
            );
            metrics::counter!("overheard_task_restarts_total", "task" => name.to_owned())
                .increment(1);
            self.set(place, TaskStatus::Restarting, Some(failure));
            tokio::select! {
                () = self.stop.cancelled() => {
                    self.set(place, TaskStatus::Finished, None);
                    return;
                }
                () = self.clock.sleep(backoff) => {}
            }
            backoff = (backoff * 2).min(MAX_BACKOFF);
            self.states.send_modify(|states| {
                states[place].status = TaskStatus::Running;
                states[place].restarts += 1;
            });
        }
    }

    /// A failure stays visible after the restart that follows it.
    fn set(&self, place: usize, status: TaskStatus, failure: Option<String>) {
        self.states.send_modify(|states| {
            let state = &mut states[place];
            state.status = status;
            if failure.is_some() {
                state.last_error = failure;
            }
        });
    }
}

/// What a piece of work came to. A panic is an error like any other.
///
/// # Errors
/// Those of the work, and "panicked: ..".
pub async fn caught<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    ended.unwrap_or_else(|panic| Err(anyhow::anyhow!("panicked: {}", words(panic.as_ref()))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::runtime::ManualClock;

    const SOON: Duration = Duration::from_secs(10);

    fn supervisor() -> (Supervisor, ManualClock, CancellationToken) {
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let stop = CancellationToken::new();
        (Supervisor::new(clock, stop.clone()), hand, stop)
    }

    #[tokio::test]
    async fn a_panic_is_an_error_that_quotes_no_post() {
        let said = |ended: anyhow::Result<()>| ended.unwrap_err().to_string();
        let literal = caught(async { panic!("written in the code") }).await;
        assert_eq!(said(literal), "panicked: written in the code");
        let posted = "voltra";
        let formatted = said(caught(async { panic!("{posted}") }).await);
        assert!(!formatted.contains("voltra"), "{formatted}");
        assert!(formatted.contains("left out"), "{formatted}");
        assert_eq!(caught(async { Ok(1) }).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_task_that_fails_and_panics_is_started_again_with_growing_waits() {
        let (supervisor, hand, _stop) = supervisor();
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        supervisor.spawn("poller", move |_| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => Err(anyhow::anyhow!("disk full").context("storing")),
                    1 => panic!("index out of range"),
                    _ => Ok(()),
                }
            }
        });
        hand.sleepers(1).await;
        assert_eq!(
            supervisor.states(),
            [TaskState {
                name: "poller".to_owned(),
                status: TaskStatus::Restarting,
                restarts: 0,
                last_error: Some("storing: disk full".to_owned()),
            }]
        );
        hand.advance(Duration::from_secs(1));
        let mut states = supervisor.states.subscribe();
        states
            .wait_for(|states| states[0].restarts == 1)
            .await
            .unwrap();
        hand.sleepers(1).await;
        assert_eq!(
            supervisor.states()[0].last_error.as_deref(),
            Some("panicked: index out of range")
        );
        hand.advance(Duration::from_millis(1_999));
        assert_eq!(supervisor.states()[0].status, TaskStatus::Restarting);
        hand.advance(Duration::from_millis(1));
        assert_eq!(supervisor.stopped(SOON).await, Vec::<String>::new());
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        assert_eq!(supervisor.states()[0].restarts, 2);
    }

    #[tokio::test]
    async fn stopping_names_those_that_do_not_end() {
        let (supervisor, _hand, stop) = supervisor();
        supervisor.spawn("obedient", |stop| async move {
            stop.cancelled().await;
            Ok(())
        });
        supervisor.spawn("deaf", |_| std::future::pending());
        stop.cancel();
        assert_eq!(
            supervisor.stopped(Duration::from_millis(50)).await,
            ["deaf"]
        );
    }

    #[tokio::test]
    async fn a_task_that_waits_for_its_restart_ends_at_once_when_all_stops() {
        let (supervisor, hand, stop) = supervisor();
        supervisor.spawn("failing", |_| async { anyhow::bail!("no") });
        hand.sleepers(1).await;
        stop.cancel();
        assert_eq!(supervisor.stopped(SOON).await, Vec::<String>::new());
        assert_eq!(supervisor.states()[0].last_error.as_deref(), Some("no"));
    }
}
