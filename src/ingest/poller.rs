//! Polls what stands behind one URL: one source, or several that share it and cause one fetch.
//!
//! All its state is in the store, so a restart polls no earlier than the run before would have. It plans
//! nothing: `rota` says when.

mod hub;
mod resume;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::fault::{self, Faulty};
use super::pipeline::{IngestError, Pipeline};
use super::schedule::{PollSchedule, Wishes};
use crate::domain::{Batch, HttpState, Moved, SourceId, SourceState, SourceStatus};
use crate::fetch::Fetcher;
use crate::runtime::{Clock, time_left};
use crate::sources::{PollError, Source, SourceFault};
use crate::store::{Standing, Store, StoreError};

/// What all pollers share.
pub struct PollerParts {
    /// The truth.
    pub store: Store,
    /// The way to a commit.
    pub pipeline: Arc<Pipeline>,
    /// The time.
    pub clock: Clock,
    /// Whose holds are kept over restarts.
    pub fetcher: Fetcher,
    /// Whether metrics name each source; with tens of thousands that would cost more than it tells.
    pub named_metrics: bool,
    /// Whether feeds' hubs are subscribed to: there is an address at which they can reach us.
    pub follows_hubs: bool,
}

/// One URL with the sources that read it.
pub struct Poller {
    sources: Vec<Arc<dyn Source>>,
    /// The door that gives all of them one answer; absent where there is one source.
    shared: Option<Fetcher>,
    lane: Arc<str>,
    schedule: PollSchedule,
    parts: Arc<PollerParts>,
    /// A poll and a push change the same state: one at a time.
    turn: Mutex<()>,
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
    /// It is stopped until a person acts.
    Paused,
    /// Nothing was asked: the server wants no request before then.
    Held(Timestamp),
}

/// One source in the middle of a poll.
struct Turn<'a> {
    source: &'a dyn Source,
    standing: Standing,
}

impl Poller {
    /// A poller of one source; `lane` names the host's line (`Fetcher::lane`).
    #[must_use]
    pub fn new(
        source: Arc<dyn Source>,
        schedule: PollSchedule,
        lane: Arc<str>,
        parts: Arc<PollerParts>,
    ) -> Self {
        Self {
            sources: vec![source],
            shared: None,
            lane,
            schedule,
            parts,
            turn: Mutex::default(),
        }
    }

    /// A poller of several sources on one URL, all built with `door`, a `Fetcher::sharing`.
    #[must_use]
    pub fn shared(
        sources: Vec<Arc<dyn Source>>,
        door: Fetcher,
        schedule: PollSchedule,
        lane: Arc<str>,
        parts: Arc<PollerParts>,
    ) -> Self {
        Self {
            sources,
            shared: Some(door),
            lane,
            schedule,
            parts,
            turn: Mutex::default(),
        }
    }

    /// The URL of the feed that it asks for; absent where it asks for something else.
    #[must_use]
    pub fn feed_url(&self) -> Option<String> {
        let source = &self.sources[0];
        let key = source.http_key().filter(|_| source.kind() == "feed")?;
        Some(key.url)
    }

    /// The names of its sources.
    pub fn ids(&self) -> impl Iterator<Item = &SourceId> {
        self.sources.iter().map(|source| source.id())
    }

    /// The line of its host, in which one request is under way at a time.
    #[must_use]
    pub fn lane(&self) -> &Arc<str> {
        &self.lane
    }

    /// How often it is polled.
    #[must_use]
    pub fn schedule(&self) -> &PollSchedule {
        &self.schedule
    }

    /// When it is due by what is stored; absent when all its sources are paused.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.parts.clock.now();
        let standings = self.standings().await?;
        let due = standings
            .iter()
            .filter_map(|standing| match &standing.status {
                None => Some(now),
                Some(status) if status.state == SourceState::Paused => None,
                Some(status) => Some(status.next_poll_at.unwrap_or(now)),
            });
        Ok(due.min())
    }

    /// Polls once and stores what came of it; also returns when it is due again, absent when it is paused.
    ///
    /// # Errors
    /// When the store or the scorer fails; a source's own faults are its status, not errors.
    pub async fn step(&self) -> Result<(PollOutcome, Option<Timestamp>), IngestError> {
        let _turn = self.turn.lock().await;
        let standings = self.standings().await.map_err(|error| self.fault(error))?;
        let mut turns = self.turns(standings);
        if turns.is_empty() {
            return Ok((PollOutcome::Paused, None));
        }
        let now = self.parts.clock.now();
        let demands = turns.iter().filter_map(Turn::not_before);
        if let Some(until) = demands.max().filter(|until| *until > now) {
            return Ok((PollOutcome::Held(until), Some(until)));
        }
        self.make_equal(&mut turns);
        let mut outcomes = Vec::with_capacity(turns.len());
        let mut due: Option<Timestamp> = None;
        let mut lost: Option<PollError> = None;
        for turn in &turns {
            let answer = match lost.take() {
                // Nobody else gets an answer where the first got none.
                Some(error) => Err(error),
                None => turn.source.poll(&turn.standing.cursor).await,
            };
            let (outcome, next) = match answer {
                Ok(batch) => self.succeed(turn, batch).await?,
                Err(error) => {
                    let ended = self.fail(turn, &error).await?;
                    lost = is_of_the_url(&error).then_some(error);
                    ended
                }
            };
            outcomes.push(outcome);
            due = match (due, next) {
                (Some(due), Some(next)) => Some(due.min(next)),
                (due, next) => due.or(next),
            };
        }
        Ok((together(outcomes), due))
    }

    /// The store failed before any source had its turn.
    fn fault(&self, error: StoreError) -> IngestError {
        stored(self.sources[0].id(), error)
    }

    /// The source in metrics.
    fn label(&self, source: &SourceId) -> String {
        if self.parts.named_metrics {
            source.to_string()
        } else {
            "all".to_owned()
        }
    }

    async fn standings(&self) -> Result<Vec<Standing>, StoreError> {
        let sources = self.sources.iter();
        let wanted = sources.map(|source| (source.id().clone(), source.http_key()));
        self.parts.store.standings(wanted.collect()).await
    }

    /// The sources that are not paused.
    fn turns(&self, standings: Vec<Standing>) -> Vec<Turn<'_>> {
        let turns = self.sources.iter().zip(standings);
        turns
            .filter(|(_, standing)| {
                let status = standing.status.as_ref();
                status.is_none_or(|status| status.state != SourceState::Paused)
            })
            .map(|(source, standing)| Turn {
                source: source.as_ref(),
                standing,
            })
            .collect()
    }

    /// Begins a round of sources that share a URL: one of them that has not read what the validators stand for
    /// makes the request unconditional for all.
    fn make_equal(&self, turns: &mut [Turn<'_>]) {
        let Some(door) = &self.shared else {
            return;
        };
        door.forget();
        let blank = |state: &HttpState| state.etag.is_none() && state.last_modified.is_none();
        let unread = |turn: &Turn<'_>| turn.standing.cursor.http.as_ref().is_none_or(blank);
        if turns.iter().any(unread) {
            for state in turns
                .iter_mut()
                .filter_map(|turn| turn.standing.cursor.http.as_mut())
            {
                state.etag = None;
                state.last_modified = None;
            }
        }
    }

    async fn succeed(
        &self,
        turn: &Turn<'_>,
        batch: Batch,
    ) -> Result<(PollOutcome, Option<Timestamp>), IngestError> {
        let source_id = turn.source.id();
        let now = self.parts.clock.now();
        let mut status = turn.status();
        let moved = batch
            .cursor
            .http
            .as_ref()
            .and_then(|state| state.moved.as_ref());
        let heard = hub::heard(turn.standing.subscription.as_ref(), now);
        let elapsed = status
            .succeeded_at
            .map(|at| time_left(at, now).unwrap_or_default());
        let before = (status.pace_secs > 0).then(|| Duration::from_secs(status.pace_secs));
        let mut pace = self.schedule.pace(before, elapsed, batch.posts.len());
        if heard.is_some() && batch.posts.is_empty() {
            pace = self.schedule.backup_pace(pace);
        }
        hub::follow(&self.parts, turn, &batch, now)
            .await
            .map_err(|error| self.fault(error))?;
        let wishes = Wishes {
            not_before: batch.not_before,
            fresh_until: batch.fresh_until,
            rhythm: batch.rhythm.or(status.rhythm),
            more: batch.more,
        };
        let next = self
            .schedule
            .after_success(now, pace, &wishes, rand::random());
        status.state = SourceState::Healthy;
        status.polled_at = Some(now);
        status.succeeded_at = Some(now);
        status.error = None;
        status.failures = 0;
        status.next_poll_at = Some(next.at);
        status.not_before = next.not_before;
        status.pace_secs = pace.as_secs().max(1);
        status.rhythm = wishes.rhythm;
        status.moved_to = moved
            .filter(|moved| moved.is_settled())
            .map(|moved| moved.to.clone());
        let refused = turn.standing.subscription.as_ref().and_then(hub::warning);
        status.warning = warning([next.warning, moved_warning(&status), refused]);
        status.coverage.pushed_until = heard;
        status.coverage.failing_since = None;
        status.coverage.refused_since = None;
        status.coverage.caps += u64::from(batch.capped);
        if batch.gap {
            status.coverage.gaps += 1;
            status.coverage.gap_at = Some(now);
        }
        if !batch.posts.is_empty() {
            status.coverage.news_at = Some(now);
        }
        let more = batch.more;
        let (new_posts, changed_posts) = self.commit(source_id, batch, status, now).await?;
        let label = self.label(source_id);
        metrics::counter!("overheard_polls_total", "source" => label.clone(), "outcome" => "ok")
            .increment(1);
        metrics::counter!("overheard_posts_total", "source" => label).increment(new_posts);
        tracing::info!(source.id = %source_id, posts.new = new_posts, posts.changed = changed_posts, "polled source");
        let outcome = PollOutcome::Polled {
            new_posts,
            changed_posts,
            more,
        };
        Ok((outcome, Some(next.at)))
    }

    /// Commits a batch: through the pipeline where it brings posts or takes some, else by itself, so that thousands of
    /// polls that bring nothing do not stand in line behind one that does.
    async fn commit(
        &self,
        source_id: &SourceId,
        batch: Batch,
        mut status: SourceStatus,
        now: Timestamp,
    ) -> Result<(u64, u64), IngestError> {
        if !batch.posts.is_empty() || !batch.deleted.is_empty() {
            let committed = self
                .parts
                .pipeline
                .process(source_id, batch, status, now)
                .await?;
            return Ok((committed.new_posts, committed.changed_posts));
        }
        status.requests += u64::from(batch.requests);
        status.rejects += batch.rejects.len() as u64;
        let store = &self.parts.store;
        let committed = store.commit_quiet(batch.cursor, status, batch.rejects, now);
        committed.await.map_err(|error| stored(source_id, error))?;
        Ok((0, 0))
    }

    async fn fail(
        &self,
        turn: &Turn<'_>,
        error: &PollError,
    ) -> Result<(PollOutcome, Option<Timestamp>), IngestError> {
        let source_id = turn.source.id();
        let now = self.parts.clock.now();
        let mut http = turn.standing.cursor.http.clone();
        let settled = http.as_ref().and_then(|state| state.moved.as_ref());
        let was_moved = settled.is_some_and(Moved::is_settled);
        let url = url_of(turn.source);
        let faulty = Faulty {
            error,
            url: &url,
            schedule: &self.schedule,
            was_moved,
            now,
            random: rand::random(),
        };
        let mut status = turn.status();
        let event = fault::record(&mut status, &faulty);
        if let Some(state) = &mut http {
            state.not_before = status.not_before;
            // Only successes in a row settle a redirect, and one that leads nowhere is no home.
            if !was_moved || fault::is_dead_end(error) {
                state.moved = None;
                status.moved_to = None;
            }
        }
        metrics::counter!("overheard_polls_total", "source" => self.label(source_id), "outcome" => "failed").increment(1);
        tracing::warn!(source.id = %source_id, error = status.error, failures = status.failures, "could not poll source");
        let outcome = match status.state {
            SourceState::Paused => PollOutcome::Paused,
            _ => PollOutcome::Failed,
        };
        let next = status.next_poll_at;
        let stored = |error| stored(source_id, error);
        let store = &self.parts.store;
        // Holds first: a crash between the two asks too late and never too early.
        let holds = self.parts.fetcher.new_holds();
        if !holds.is_empty() {
            store.keep_holds(holds, now).await.map_err(stored)?;
        }
        let recorded = store.record_status(status, http, event);
        recorded.await.map_err(stored)?;
        Ok((outcome, next))
    }
}

impl Turn<'_> {
    fn status(&self) -> SourceStatus {
        let known = self.standing.status.clone();
        known.unwrap_or_else(|| SourceStatus::waiting(self.source.id().clone(), self.source.kind()))
    }

    /// What the server demanded, of this source or of its URL.
    fn not_before(&self) -> Option<Timestamp> {
        let status = self.standing.status.as_ref();
        let http = self.standing.cursor.http.as_ref();
        status
            .and_then(|status| status.not_before)
            .max(http.and_then(|state| state.not_before))
    }
}

fn stored(source_id: &SourceId, source: StoreError) -> IngestError {
    IngestError::Store {
        source_id: source_id.clone(),
        source,
    }
}

/// The URL that the source asks, or empty where it has none of its own.
fn url_of(source: &dyn Source) -> String {
    source.http_key().map_or_else(String::new, |key| key.url)
}

/// Whether the error is the URL's, so that all who share it have it.
fn is_of_the_url(error: &PollError) -> bool {
    match error {
        PollError::RateLimited { .. } => true,
        PollError::Transient(fault) | PollError::Permanent(fault) => {
            matches!(fault, SourceFault::Fetch(_))
        }
    }
}

fn moved_warning(status: &SourceStatus) -> Option<String> {
    status.moved_to.as_ref()?;
    Some("the URL has moved for good: put the new one in the configuration".to_owned())
}

fn warning(warnings: [Option<String>; 3]) -> Option<String> {
    let warnings: Vec<String> = warnings.into_iter().flatten().collect();
    (!warnings.is_empty()).then(|| warnings.join("; "))
}

/// The outcome of several sources as one.
fn together(outcomes: Vec<PollOutcome>) -> PollOutcome {
    let mut all = outcomes.into_iter();
    let first = all.next().unwrap_or(PollOutcome::Paused);
    all.fold(first, |sum, outcome| match (sum, outcome) {
        (
            PollOutcome::Polled {
                new_posts,
                changed_posts,
                more,
            },
            PollOutcome::Polled {
                new_posts: other_new,
                changed_posts: other_changed,
                more: other_more,
            },
        ) => PollOutcome::Polled {
            new_posts: new_posts + other_new,
            changed_posts: changed_posts + other_changed,
            more: more || other_more,
        },
        (sum @ PollOutcome::Polled { .. }, _) => sum,
        (_, outcome) => outcome,
    })
}
