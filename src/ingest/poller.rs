//! Polls one source, again and again, under the supervisor. All its state is in the store, so a
//! restart polls no earlier than the run before would have.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::pipeline::{IngestError, Pipeline};
use super::schedule::PollSchedule;
use crate::domain::{SourceId, SourceState, SourceStatus};
use crate::runtime::Clock;
use crate::sources::{PollError, Source};
use crate::store::{Store, StoreError};

/// One source with everything that polling it needs.
pub struct Poller {
    source: Arc<dyn Source>,
    schedule: PollSchedule,
    store: Store,
    pipeline: Arc<Pipeline>,
    clock: Clock,
}

/// What came of one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollOutcome {
    /// It worked; the numbers of posts that were new and changed.
    Polled {
        /// Posts that the store had not seen.
        new_posts: u64,
        /// Posts whose content or numbers changed.
        changed_posts: u64,
        /// The source has more to give now.
        more: bool,
    },
    /// It failed and is tried again.
    Failed,
    /// It failed in a way that only a person can mend.
    Paused,
}

impl Poller {
    /// A poller of `source`.
    #[must_use]
    pub fn new(
        source: Arc<dyn Source>,
        schedule: PollSchedule,
        store: Store,
        pipeline: Arc<Pipeline>,
        clock: Clock,
    ) -> Self {
        Self {
            source,
            schedule,
            store,
            pipeline,
            clock,
        }
    }

    /// The source's name.
    #[must_use]
    pub fn id(&self) -> &SourceId {
        self.source.id()
    }

    /// Polls whenever it is due, until `stop`.
    ///
    /// # Errors
    /// When the store fails; a source's own faults are its status, not errors.
    pub async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let Some(due) = self.next_poll_at().await? else {
                // Paused: a person resumes it by a reload, which starts a new poller.
                stop.cancelled().await;
                return Ok(());
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.clock.sleep_until(due) => {}
            }
            tokio::select! {
                // Dropping a poll loses nothing: the cursor moves only with the commit.
                () = stop.cancelled() => return Ok(()),
                outcome = self.step() => { outcome?; }
            }
        }
    }

    /// When the source is due; absent when it is paused. A source that was never polled is given a place.
    async fn next_poll_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let status = self.status().await?;
        Ok(match status.state {
            SourceState::Waiting => Some(self.schedule.first(self.clock.now(), rand::random())),
            SourceState::Paused => None,
            SourceState::Healthy | SourceState::Failing => {
                Some(status.next_poll_at.unwrap_or_else(|| self.clock.now()))
            }
        })
    }

    /// Polls once and stores what came of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn step(&self) -> Result<PollOutcome, IngestError> {
        let source_id = self.source.id();
        let stored = |error| IngestError::Store {
            source_id: source_id.clone(),
            source: error,
        };
        let mut status = self.status().await.map_err(stored)?;
        let cursor = self
            .store
            .cursor(source_id, self.source.http_key().as_ref())
            .await
            .map_err(stored)?;
        let answer = self.source.poll(&cursor).await;
        let now = self.clock.now();
        status.polled_at = Some(now);
        match answer {
            Ok(batch) => {
                let more = batch.more;
                status.state = SourceState::Healthy;
                status.succeeded_at = Some(now);
                status.error = None;
                status.failures = 0;
                let next = self
                    .schedule
                    .after_success(now, batch.not_before, more, rand::random());
                status.next_poll_at = Some(next);
                let committed = self.pipeline.process(source_id, batch, status, now).await?;
                metrics::counter!("overheard_polls_total", "source" => source_id.to_string(), "outcome" => "ok").increment(1);
                metrics::counter!("overheard_posts_total", "source" => source_id.to_string())
                    .increment(committed.new_posts);
                tracing::info!(source.id = %source_id, posts.new = committed.new_posts, posts.changed = committed.changed_posts, "polled source");
                Ok(PollOutcome::Polled {
                    new_posts: committed.new_posts,
                    changed_posts: committed.changed_posts,
                    more,
                })
            }
            Err(error) => {
                let outcome = self.fail(&mut status, &error, now);
                metrics::counter!("overheard_polls_total", "source" => source_id.to_string(), "outcome" => "failed").increment(1);
                tracing::warn!(source.id = %source_id, error = %Chain(&error), failures = status.failures, "could not poll source");
                self.store
                    .record_status(status, None)
                    .await
                    .map_err(stored)?;
                Ok(outcome)
            }
        }
    }

    fn fail(&self, status: &mut SourceStatus, error: &PollError, now: Timestamp) -> PollOutcome {
        status.requests += 1;
        status.failures = status.failures.saturating_add(1);
        status.error = Some(Chain(error).to_string());
        status.state = SourceState::Failing;
        status.next_poll_at = Some(match error {
            PollError::RateLimited { retry_at, .. } => {
                self.schedule
                    .after_rate_limit(now, *retry_at, status.failures, rand::random())
            }
            _ => self
                .schedule
                .after_failure(now, status.failures, rand::random()),
        });
        if matches!(error, PollError::Permanent(_)) {
            status.state = SourceState::Paused;
            status.next_poll_at = None;
            return PollOutcome::Paused;
        }
        PollOutcome::Failed
    }

    async fn status(&self) -> Result<SourceStatus, StoreError> {
        let known = self.store.source_status(self.source.id()).await?;
        Ok(known
            .unwrap_or_else(|| SourceStatus::waiting(self.source.id().clone(), self.source.kind())))
    }
}

/// An error with its causes on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
