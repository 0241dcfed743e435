//! The loop of one endpoint: takes events from the outbox, sends what is due, records what came of it.
//!
//! Never holds state that a crash would lose: the queue, its times and the endpoint's standing are in
//! the store. (Only a pause that the receiver asked for is in memory as well, for deliveries that
//! have not been tried yet.) Never sends before the body is frozen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::DeliverError;
use super::attempt::Sent;
use super::breaker::Breaker;
use super::endpoint::Endpoint;
use super::send::Door;
use super::target::Target;
use crate::config::DeliverConfig;
use crate::fetch::Fetcher;
use crate::runtime::{Clock, later};
use crate::store::{Store, StoreError};

/// The longest sleep, should a wake-up get lost.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// Something was done; there may be more.
    Worked(Tally),
    /// Nothing to do before this time, or, without one, before something is committed.
    Idle {
        /// When the next delivery is due.
        until: Option<Timestamp>,
    },
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Events that were looked at.
    pub looked_at: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Attempts that failed and are made again.
    pub failed: u64,
    /// Deliveries that were given up.
    pub dead: u64,
}

impl Tally {
    pub(super) fn note(&mut self, sent: Sent) {
        match sent {
            Sent::Delivered => self.delivered += 1,
            Sent::Failed => self.failed += 1,
            Sent::Dead => self.dead += 1,
            Sent::Skipped => {}
        }
    }
}

/// What a dispatcher works with.
#[derive(Debug, Clone)]
pub struct DispatcherSetup {
    /// The outbox.
    pub store: Store,
    /// The door.
    pub fetcher: Fetcher,
    /// The time.
    pub clock: Clock,
    /// Deadline and concurrency.
    pub config: DeliverConfig,
    /// What events link to.
    pub public_url: Option<String>,
    /// The zone of days in filters.
    pub zone: TimeZone,
    /// For the jitter; one for each dispatcher.
    pub seed: u64,
}

impl DispatcherSetup {
    /// What sending needs.
    pub(super) fn door(&self) -> Door<'_> {
        Door {
            fetcher: &self.fetcher,
            clock: &self.clock,
            public_url: self.public_url.as_deref(),
            timeout: Duration::from_secs(self.config.timeout_secs),
        }
    }
}

/// Delivers to one endpoint.
#[derive(Debug)]
pub struct Dispatcher {
    pub(super) endpoint: Endpoint,
    pub(super) setup: DispatcherSetup,
    wake: Arc<Notify>,
    memory: Mutex<Memory>,
}

/// What is lost in a crash, and may be.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) rng: SmallRng,
    /// The receiver asked for a pause.
    hold_until: Option<Timestamp>,
    /// The receiver said that it is gone, within this step.
    pub(super) gone: bool,
    /// A person wants nothing to go out, as it was when the step began or attempts were last recorded.
    is_paused: bool,
    pub(super) breaker: Breaker,
    /// Deliveries are at their bound, so that events wait.
    pub(super) is_full: bool,
}

impl Dispatcher {
    /// A dispatcher at rest.
    #[must_use]
    pub fn new(endpoint: Endpoint, setup: DispatcherSetup) -> Self {
        let rng = SmallRng::seed_from_u64(setup.seed);
        Self {
            endpoint,
            setup,
            wake: Arc::new(Notify::new()),
            memory: Mutex::new(Memory {
                rng,
                hold_until: None,
                gone: false,
                is_paused: false,
                breaker: Breaker::default(),
                is_full: false,
            }),
        }
    }

    /// Whom it delivers to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// To be notified after a change that is not an event: dead letters queued again, an endpoint enabled.
    #[must_use]
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Sets the place of an endpoint that is seen for the first time: the outbox's current end, so
    /// that it is not flooded with the past; in an empty store that is the beginning. Call it before
    /// sources are polled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn register(&self) -> Result<u64, DeliverError> {
        self.position().await.map_err(|error| self.fault(error))
    }

    /// How many deliveries wait.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending(&self) -> Result<u64, DeliverError> {
        let counts = self.setup.store.delivery_counts(self.endpoint.id()).await;
        Ok(counts.map_err(|error| self.fault(error))?.pending)
    }

    /// Works until it is asked to stop; deliveries under way are finished then, new ones not begun.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), DeliverError> {
        let mut tip = self.setup.store.tip();
        while !stop.is_cancelled() {
            let seen = tip.borrow_and_update().event_seq;
            let StepOutcome::Idle { until } = self.step_until(&stop).await? else {
                continue;
            };
            let latest = later(self.setup.clock.now(), LONGEST_SLEEP);
            let until = until.map_or(latest, |until| until.min(latest));
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = self.setup.clock.sleep_until(until) => {}
                // A closed channel means a closed store; the next step says so.
                _ = tip.wait_for(|tip| tip.event_seq > seen) => {}
            }
        }
        Ok(())
    }

    /// Looks at new events and sends what is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn step(&self) -> Result<StepOutcome, DeliverError> {
        self.step_until(&CancellationToken::new()).await
    }

    async fn step_until(&self, stop: &CancellationToken) -> Result<StepOutcome, DeliverError> {
        self.work(stop).await.map_err(|error| self.fault(error))
    }

    async fn work(&self, stop: &CancellationToken) -> Result<StepOutcome, StoreError> {
        let Self {
            endpoint, setup, ..
        } = self;
        let disabled = setup
            .store
            .endpoint_disabled(endpoint.id(), endpoint.address_hash());
        if disabled.await? {
            return Ok(StepOutcome::Idle { until: None });
        }
        self.memory().gone = false;
        let is_paused = self.look_up_pause().await?;
        let mut tally = Tally::default();
        let held = self.held_until(setup.clock.now());
        tally.looked_at = self
            .send_all(self.due(None).await?, stop, &mut tally)
            .await?;
        if is_paused && tally == Tally::default() {
            return Ok(StepOutcome::Idle { until: None });
        }
        if tally != Tally::default() {
            return Ok(StepOutcome::Worked(tally));
        }
        self.close_file().await;
        let next = setup.store.next_due(endpoint.id()).await?;
        Ok(StepOutcome::Idle {
            until: next.max(held),
        })
    }

    /// Whether a person paused the endpoint; attempts that have not begun heed it from here on.
    pub(super) async fn look_up_pause(&self) -> Result<bool, StoreError> {
        let is_paused = self.setup.store.endpoint_paused(self.endpoint.id()).await?;
        self.memory().is_paused = is_paused;
        Ok(is_paused)
    }

    /// Closes the file whose time is over, so that its loader need not wait for the next event.
    async fn close_file(&self) {
        let Target::File(file) = self.endpoint.target() else {
            return;
        };
        let (file, now) = (file.clone(), self.setup.clock.now());
        let closed = tokio::task::spawn_blocking(move || file.close_if_due(now)).await;
        if let Ok(Err(error)) = closed {
            warn!(endpoint.id = %self.endpoint.id(), error = %error, "could not close the endpoint's file");
        }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        // What is in there is valid after every statement, so a panic elsewhere does not spoil it.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends nothing before this time, as the receiver asked.
    pub(super) fn hold(&self, until: Timestamp) {
        let mut memory = self.memory();
        memory.hold_until = memory.hold_until.max(Some(until));
    }

    /// Whether nothing may go out now.
    pub(super) fn pauses(&self, now: Timestamp) -> bool {
        let (is_paused, gone) = {
            let memory = self.memory();
            (memory.is_paused, memory.gone)
        };
        is_paused || gone || self.held_until(now).is_some()
    }

    fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        let memory = self.memory();
        let asked = memory.hold_until.filter(|until| *until > now);
        asked.max(memory.breaker.open_until(now))
    }

    fn fault(&self, source: StoreError) -> DeliverError {
        DeliverError::Store {
            endpoint: self.endpoint.id().clone(),
            source,
        }
    }
}
