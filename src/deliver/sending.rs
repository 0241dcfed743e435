//! One step of a dispatcher: freezes bodies, sends them and records what came of it, all at the same time.
//!
//! Never sends before the body is frozen, and begins nothing after a failure.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dispatcher::{Dispatcher, Tally};
use super::file::EventFile;
use super::send::{self, event_of};
use super::target::Target;
use crate::store::{Attempt, DuePlace, PendingDelivery, StoreError};

/// Deliveries taken in one round: many times the usual concurrency, so that one slow answer does not leave the other permits
/// idle.
const DELIVERIES_PER_ROUND: usize = 512;

/// Most rounds of a step, which are sent without a gap between them.
const ROUNDS_PER_STEP: usize = 32;

/// Bodies that are frozen in one commit; twice as many wait to be sent. With a round's own that is at most 15 MB, if all are as
/// long as can be.
const FROZEN_AT_ONCE: usize = 128;

/// Most attempts that are recorded in one commit, as many wait meanwhile, and how long the first of them waits for others: what a
/// kill sends again.
const RECORDED_AT_ONCE: usize = 256;
const RECORD_AFTER: Duration = Duration::from_millis(20);

impl Dispatcher {
    /// What is due: the first of it, or what comes behind a place while that before it is under way.
    pub(super) async fn due(
        &self,
        after: Option<DuePlace>,
    ) -> Result<Vec<PendingDelivery>, StoreError> {
        let (setup, now) = (&self.setup, self.setup.clock.now());
        let on_trial = self.memory().breaker.is_on_trial(now);
        let most = match (self.pauses(now), on_trial) {
            (true, _) => return Ok(Vec::new()),
            // What is under way may be the trial.
            (false, true) if after.is_some() => return Ok(Vec::new()),
            (false, true) => 1,
            (false, false) => DELIVERIES_PER_ROUND,
        };
        let due = setup
            .store
            .due_deliveries(self.endpoint.id(), now, after, most);
        due.await
    }

    /// Three things at a time: bodies are frozen while the next events are queued, the bodies before are sent, and what came
    /// of those is recorded. Each waits for the disk or the receiver, and none for another's wait. Returns how many events
    /// were looked at.
    pub(super) async fn send_all(
        &self,
        mut due: Vec<PendingDelivery>,
        stop: &CancellationToken,
        tally: &mut Tally,
    ) -> Result<u64, StoreError> {
        if let Target::File(file) = self.endpoint.target() {
            let (appended, taken) =
                tokio::join!(self.append_all(file, due, tally), self.take_events());
            return appended.and(taken);
        }
        let (ready, mut to_send) = mpsc::channel(2 * FROZEN_AT_ONCE);
        let (made, mut to_record) = mpsc::channel(RECORDED_AT_ONCE);
        // After a failure nothing more is begun, for it could not be recorded; nor while the receiver or a person wants nothing.
        let stop = &stop.child_token();
        let feeding = async move {
            let mut looked_at = 0;
            for _ in 0..ROUNDS_PER_STEP {
                let (after, sent) = (due.last().map(PendingDelivery::place), due.len());
                let taking = async { ending(stop, self.take_events().await) };
                let (fed, taken) = tokio::join!(self.feed(due, &ready, stop), taking);
                fed?;
                let taken = taken?;
                looked_at += taken;
                let is_last = sent < DELIVERIES_PER_ROUND && taken == 0;
                if is_last || stop.is_cancelled() {
                    break;
                }
                due = self.due(after).await?;
                if due.is_empty() {
                    break;
                }
            }
            Ok(looked_at)
        };
        let concurrency = self.setup.config.concurrency.max(1);
        let sending = async move {
            let waiting = stream::poll_fn(|context| to_send.poll_recv(context));
            // Each waits for its place itself, so that the others go on meanwhile.
            let attempt = |(delivery, body)| async {
                let (sent, attempt) = self.attempt(delivery, body, stop).await?;
                if let Some(attempt) = attempt {
                    // Whoever records ends after this.
                    let _ = made.send(attempt).await;
                }
                Ok(sent)
            };
            let mut attempts = waiting.map(attempt).buffer_unordered(concurrency);
            let mut failure = None;
            // A failure of the store does not break off attempts that are under way.
            while let Some(sent) = attempts.next().await {
                if self.pauses(self.setup.clock.now()) {
                    stop.cancel();
                }
                match ending(stop, sent) {
                    Ok(sent) => tally.note(sent),
                    Err(error) => failure = Some(error),
                }
            }
            failure.map_or(Ok(()), Err)
        };
        let recording = async {
            let (mut attempts, mut failure) = (Vec::new(), None);
            while let Some(first) = to_record.recv().await {
                attempts.push(first);
                let is_late = self.setup.clock.sleep(RECORD_AFTER);
                tokio::pin!(is_late);
                while attempts.len() < RECORDED_AT_ONCE {
                    let room = RECORDED_AT_ONCE - attempts.len();
                    tokio::select! {
                        more = to_record.recv_many(&mut attempts, room) => {
                            if more == 0 {
                                break;
                            }
                        }
                        () = &mut is_late => break,
                    }
                }
                let recorded = self.record(&mut attempts).await;
                let recorded = recorded.and(self.look_up_pause().await);
                if let Err(error) = ending(stop, recorded) {
                    failure = Some(error);
                }
            }
            failure.map_or(Ok(()), Err)
        };
        let (fed, sent, recorded) = tokio::join!(feeding, sending, recording);
        sent.and(recorded).and(fed)
    }

    /// Freezes bodies and passes them on in order, those of one commit while the next are frozen.
    async fn feed(
        &self,
        due: Vec<PendingDelivery>,
        ready: &mpsc::Sender<(PendingDelivery, Vec<u8>)>,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut due = due.into_iter();
        let mut frozen = Vec::new();
        loop {
            let part: Vec<_> = due.by_ref().take(FROZEN_AT_ONCE).collect();
            let is_last = part.is_empty();
            let pass_on = async {
                for delivery in frozen {
                    // Whoever sends ends after this.
                    let _ = ready.send(delivery).await;
                }
            };
            // Both are polled: what waits for a reader must not hold it up.
            let freezing = async { ending(stop, self.with_bodies(part).await) };
            let ((), next) = tokio::join!(pass_on, freezing);
            frozen = next?;
            if is_last || stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// These with the bodies that go out; without what was withdrawn meanwhile.
    async fn with_bodies(
        &self,
        mut deliveries: Vec<PendingDelivery>,
    ) -> Result<Vec<(PendingDelivery, Vec<u8>)>, StoreError> {
        let mut bodies = self.bodies(&mut deliveries).await?;
        let with_body = |delivery: PendingDelivery| {
            let body = bodies.remove(&delivery.event.seq)?;
            Some((delivery, body))
        };
        Ok(deliveries.into_iter().filter_map(with_body).collect())
    }

    /// Writes all bodies to the file at once: each write waits for the disk.
    async fn append_all(
        &self,
        file: &EventFile,
        due: Vec<PendingDelivery>,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        let at = self.setup.clock.now();
        let (mut lines, mut told) = (Vec::new(), Vec::new());
        for (delivery, body) in self.with_bodies(due).await? {
            let first_at = self.first_attempt_at(&delivery).await?.unwrap_or(at);
            lines.push(event_of(&self.endpoint, body));
            told.push((delivery, first_at));
        }
        if lines.is_empty() {
            return Ok(());
        }
        let outcome = send::append(file, lines, at).await;
        let mut made = Vec::with_capacity(told.len());
        for (delivery, first_at) in &told {
            let (sent, attempt) = self.judged(delivery, (*first_at, at), &outcome).await?;
            tally.note(sent);
            made.push(attempt);
        }
        self.record(&mut made).await
    }

    /// Records attempts together: each commit waits for the disk.
    async fn record(&self, made: &mut Vec<Attempt>) -> Result<(), StoreError> {
        if made.is_empty() {
            return Ok(());
        }
        let store = &self.setup.store;
        store.record_attempts(std::mem::take(made)).await.map(drop)
    }
}

/// The same; a failure ends what goes on beside it.
fn ending<T>(stop: &CancellationToken, done: Result<T, StoreError>) -> Result<T, StoreError> {
    if done.is_err() {
        stop.cancel();
    }
    done
}
