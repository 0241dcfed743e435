//! One attempt at one delivery: render once, send, judge, record.
//!
//! Never sends a body that is not frozen in the store, and never keeps what the receiver answered
//! beyond its status: answers may repeat what was sent.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::dispatcher::Dispatcher;
use super::intake::post_of;
use super::mail::Report;
use super::payload::{self, Facts};
use super::retry::{Answer, DeadReason, Verdict, judge};
use super::send::{Outcome, Sending};
use super::target::Target;
use crate::domain::{EventId, PostId, PostRecord, Subject};
use crate::store::{Attempt, AttemptOutcome, PendingDelivery, StoreError};

/// Digests among which one is looked for: those of a year.
const RECENT_DIGESTS: usize = 366;

/// What came of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Failed,
    /// It was given up.
    Dead,
    /// It was not sent: we stop or pause.
    Skipped,
}

impl Dispatcher {
    /// Sends a frozen body once; also returns the attempt, which is to be recorded. A kill before that sends it again.
    pub(super) async fn attempt(
        &self,
        delivery: PendingDelivery,
        body: Vec<u8>,
        stop: &CancellationToken,
    ) -> Result<(Sent, Option<Attempt>), StoreError> {
        let Self {
            endpoint, setup, ..
        } = self;
        // All that is read is read before: an answer must not wait for the store to be heeded.
        let report = self.report_of(&delivery.event.event.subject).await?;
        let before = self.first_attempt_at(&delivery).await?;
        let at = setup.clock.now();
        if stop.is_cancelled() || self.pauses(at) {
            return Ok((Sent::Skipped, None));
        }
        let sending = Sending {
            id: &delivery.event.event.id,
            at,
            frozen: body,
            report,
        };
        let outcome = setup.door().send(endpoint, sending).await;
        let times = (before.unwrap_or(at), at);
        let (sent, attempt) = self.judged(&delivery, times, &outcome).await?;
        Ok((sent, Some(attempt)))
    }

    /// What follows from an attempt that was made at `at`, the first one at `first_at`.
    pub(super) async fn judged(
        &self,
        delivery: &PendingDelivery,
        (first_at, at): (Timestamp, Timestamp),
        outcome: &Outcome,
    ) -> Result<(Sent, Attempt), StoreError> {
        let Self {
            endpoint, setup, ..
        } = self;
        let id = &delivery.event.event.id;
        let number = delivery.tries.saturating_add(1);
        let now = setup.clock.now();
        let judged = match outcome {
            Outcome::Answered(answer) => Answer::Status {
                status: answer.status,
                retry_after: answer.retry_after,
            },
            Outcome::Taken => Answer::Taken,
            Outcome::Failed(_) => Answer::None,
            Outcome::Refused(_) => Answer::Refused,
        };
        let verdict = judge(judged, number, first_at, now, &mut self.memory().rng);
        if self.memory().breaker.note(is_at_work(judged), now) {
            warn!(endpoint.id = %endpoint.id(), "endpoint does not answer, one delivery at a time goes to it until it does");
        }
        if let Verdict::Retry {
            hold_until: Some(until),
            ..
        } = verdict
        {
            self.hold(until);
        }
        if verdict == Verdict::Gone {
            // Before the attempt is recorded: a kill between the two must not lead to another request.
            self.memory().gone = true;
            let hash = endpoint.address_hash();
            setup
                .store
                .disable_endpoint(endpoint.id(), hash, now)
                .await?;
        }
        let attempt = Attempt {
            endpoint: endpoint.id().clone(),
            seq: delivery.event.seq,
            at,
            status: match outcome {
                Outcome::Answered(answer) => Some(answer.status),
                _ => None,
            },
            error: problem(outcome, verdict),
            outcome: match verdict {
                Verdict::Delivered => AttemptOutcome::Delivered,
                Verdict::Retry { at, .. } => AttemptOutcome::Retry {
                    next_attempt_at: at,
                },
                Verdict::Dead(_) | Verdict::Gone => AttemptOutcome::Dead,
            },
        };
        self.report(id, &attempt, number, verdict);
        let sent = match verdict {
            Verdict::Delivered => Sent::Delivered,
            Verdict::Retry { .. } => Sent::Failed,
            Verdict::Dead(_) | Verdict::Gone => Sent::Dead,
        };
        Ok((sent, attempt))
    }

    /// The digest itself, for mail that says that it is ready; what cannot be read is left out.
    async fn report_of(&self, subject: &Subject) -> Result<Option<Report>, StoreError> {
        let (Target::Mail(_), Subject::Digest { id, date }) = (self.endpoint.target(), subject)
        else {
            return Ok(None);
        };
        let runs = self
            .setup
            .store
            .digest_runs(Some(id), RECENT_DIGESTS)
            .await?;
        let Some(run) = runs.into_iter().find(|run| run.date == *date) else {
            return Ok(None);
        };
        let read = tokio::task::spawn_blocking(move || Report::read(&run.files)).await;
        Ok(read.ok())
    }

    /// Takes the frozen bodies of deliveries, by their events' numbers; renders and freezes those whose event goes out for the
    /// first time anywhere. What was withdrawn meanwhile has none.
    pub(super) async fn bodies(
        &self,
        deliveries: &mut [PendingDelivery],
    ) -> Result<HashMap<u64, Vec<u8>>, StoreError> {
        let store = &self.setup.store;
        let events = deliveries.iter_mut().map(|delivery| &mut delivery.event);
        let frozen = events.filter_map(|stored| Some((stored.seq, stored.body.take()?)));
        let mut bodies: HashMap<u64, Vec<u8>> = frozen.collect();
        let events = deliveries.iter().map(|delivery| &delivery.event);
        let fresh: Vec<_> = events
            .filter(|stored| !bodies.contains_key(&stored.seq))
            .collect();
        if fresh.is_empty() {
            return Ok(bodies);
        }
        let mentions = fresh
            .iter()
            .filter_map(|stored| post_of(&stored.event.subject));
        let mentions: Vec<PostId> = mentions.collect();
        let mut records: HashMap<PostId, PostRecord> = HashMap::new();
        for record in store.records(&mentions).await? {
            records.insert(record.post.id.clone(), record);
        }
        let public_url = self.setup.public_url.as_deref();
        let mut rendered = Vec::with_capacity(fresh.len());
        for stored in fresh {
            let facts = self.facts(&stored.event.subject, &records).await?;
            let body = payload::render(&stored.event, stored.seq, &facts, public_url);
            rendered.push((stored.seq, body));
        }
        let asked = rendered.len();
        let fresh = store.freeze_bodies(rendered).await?;
        if fresh.len() < asked {
            debug!(endpoint.id = %self.endpoint.id(), "events were withdrawn before they were sent");
        }
        bodies.extend(fresh);
        Ok(bodies)
    }

    async fn facts(
        &self,
        subject: &Subject,
        records: &HashMap<PostId, PostRecord>,
    ) -> Result<Facts, StoreError> {
        let store = &self.setup.store;
        Ok(match subject {
            Subject::Mention { id } => {
                Facts::Mention(records.get(&id.post()).cloned().map(Box::new))
            }
            Subject::Customer { id } => Facts::Customer(store.customer(id).await?.map(Box::new)),
            Subject::Digest { .. } => Facts::Digest,
            Subject::Source { id } => {
                let statuses = store.source_statuses().await?;
                let status = statuses.into_iter().find(|status| status.id == *id);
                Facts::Source(status.map(Box::new))
            }
        })
    }

    /// When the first attempt since the delivery was queued, or queued again, was made; `None` before it.
    pub(super) async fn first_attempt_at(
        &self,
        delivery: &PendingDelivery,
    ) -> Result<Option<Timestamp>, StoreError> {
        if delivery.tries == 0 {
            return Ok(None);
        }
        let id = &delivery.event.event.id;
        let attempts = self.setup.store.attempts(self.endpoint.id(), id).await?;
        let first = attempts.len().saturating_sub(delivery.tries as usize);
        Ok(attempts.get(first).map(|attempt| attempt.at))
    }

    /// Counts the attempt and logs what an operator should know.
    fn report(&self, event: &EventId, attempt: &Attempt, number: u32, verdict: Verdict) {
        let endpoint = attempt.endpoint.as_str();
        let count = |name: &'static str| {
            metrics::counter!(name, "endpoint" => endpoint.to_owned()).increment(1);
        };
        count("overheard_webhook_attempts_total");
        let problem = attempt.error.as_deref().unwrap_or_default();
        match verdict {
            Verdict::Delivered => {
                count("overheard_webhook_delivered_total");
                debug!(endpoint.id = endpoint, event.id = %event, attempt = number, "delivered");
            }
            Verdict::Retry { at, .. } => {
                info!(endpoint.id = endpoint, event.id = %event, attempt = number, error = problem,
                    next_attempt_at = %at, "delivery failed, it is tried again");
            }
            Verdict::Dead(_) => {
                count("overheard_webhook_dead_total");
                warn!(endpoint.id = endpoint, event.id = %event, attempt = number, error = problem,
                    "delivery was given up, it is among the dead letters");
            }
            Verdict::Gone => {
                count("overheard_webhook_dead_total");
                error!(endpoint.id = endpoint, event.id = %event, attempt = number,
                    "endpoint answered 410 and is disabled until its url changes or it is enabled again");
            }
        }
    }
}

/// Whether a receiver that answers so is there; that it refuses what it got, is another matter.
fn is_at_work(answer: Answer) -> bool {
    match answer {
        Answer::Status { status, .. } => status < 500 && status != 429,
        Answer::Taken | Answer::Refused => true,
        Answer::None => false,
    }
}

/// What went wrong, in words; nothing of what the receiver wrote.
fn problem(outcome: &Outcome, verdict: Verdict) -> Option<String> {
    let answer = match (outcome, verdict) {
        (Outcome::Taken, _) | (_, Verdict::Delivered) => return None,
        (Outcome::Failed(what) | Outcome::Refused(what), _) => return Some(what.clone()),
        (Outcome::Answered(answer), _) => answer,
    };
    let what = match verdict {
        Verdict::Dead(DeadReason::RetryAfterTooLong) => {
            format!("answered {} and asks for more than 24 hours", answer.status)
        }
        _ if (300..400).contains(&answer.status) => {
            format!("answered {}, and redirects are not followed", answer.status)
        }
        _ => format!("answered {}", answer.status),
    };
    Some(what)
}
