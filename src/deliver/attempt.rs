//! One attempt at one delivery: render once, sign, send, judge, record.
//!
//! Never sends a body that is not frozen in the store, and never keeps what the receiver answered
//! beyond its status: answers may repeat what was sent.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::dispatcher::{Dispatcher, post_of};
use super::endpoint::Endpoint;
use super::format::{Wire, wire};
use super::payload::{self, Facts};
use super::retry::{Answer, DeadReason, Verdict, judge};
use super::sign::{self, HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP};
use crate::config::WebhookPayload;
use crate::domain::{EventId, PostId, PostRecord, Subject};
use crate::fetch::{FetchError, HeaderName, HeaderValue, PostAnswer, PostRequest};
use crate::store::{Attempt, AttemptOutcome, PendingDelivery, StoreError};

/// What came of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Failed,
    /// It was given up.
    Dead,
    /// It was not sent: we stop or pause, or it was withdrawn.
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
        if stop.is_cancelled() || self.pauses(setup.clock.now()) {
            return Ok((Sent::Skipped, None));
        }
        let id = &delivery.event.event.id;
        let at = setup.clock.now();
        let request = self.request(id.as_str(), at, body);
        let answer = setup.fetcher.post(request).await;
        let number = delivery.tries.saturating_add(1);
        let first_at = if delivery.tries == 0 {
            at
        } else {
            self.first_attempt_at(&delivery).await?.unwrap_or(at)
        };
        let now = setup.clock.now();
        let judged = match &answer {
            Ok(answer) => Answer::Status {
                status: answer.status,
                retry_after: answer.retry_after,
            },
            Err(_) => Answer::None,
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
            event: id.clone(),
            at,
            status: answer.as_ref().ok().map(|answer| answer.status),
            error: problem(&answer, verdict),
            outcome: match verdict {
                Verdict::Delivered => AttemptOutcome::Delivered,
                Verdict::Retry { at, .. } => AttemptOutcome::Retry {
                    next_attempt_at: at,
                },
                Verdict::Dead(_) | Verdict::Gone => AttemptOutcome::Dead,
            },
        };
        self.report(&attempt, number, verdict);
        let sent = match verdict {
            Verdict::Delivered => Sent::Delivered,
            Verdict::Retry { .. } => Sent::Failed,
            Verdict::Dead(_) | Verdict::Gone => Sent::Dead,
        };
        Ok((sent, Some(attempt)))
    }

    /// The frozen bodies of deliveries, rendered now where this is the event's first attempt anywhere; without those of
    /// events that were withdrawn meanwhile.
    pub(super) async fn bodies(
        &self,
        deliveries: &[PendingDelivery],
    ) -> Result<HashMap<EventId, Vec<u8>>, StoreError> {
        let store = &self.setup.store;
        let events = deliveries.iter().map(|delivery| &delivery.event);
        let (frozen, fresh): (Vec<_>, Vec<_>) = events.partition(|stored| stored.body.is_some());
        let mut bodies: HashMap<EventId, Vec<u8>> = frozen
            .into_iter()
            .filter_map(|stored| Some((stored.event.id.clone(), stored.body.clone()?)))
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
            rendered.push((stored.event.id.clone(), body));
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

    fn request(&self, id: &str, at: Timestamp, body: Vec<u8>) -> PostRequest {
        let timeout = std::time::Duration::from_secs(self.setup.config.timeout_secs);
        let source = self.setup.public_url.as_deref();
        request(&self.endpoint, source, id, at, body, timeout)
    }

    /// When the first attempt since the delivery was queued, or queued again, was made.
    async fn first_attempt_at(
        &self,
        delivery: &PendingDelivery,
    ) -> Result<Option<Timestamp>, StoreError> {
        let id = &delivery.event.event.id;
        let attempts = self.setup.store.attempts(self.endpoint.id(), id).await?;
        let first = attempts.len().saturating_sub(delivery.tries as usize);
        Ok(attempts.get(first).map(|attempt| attempt.at))
    }

    /// Counts the attempt and logs what an operator should know.
    fn report(&self, attempt: &Attempt, number: u32, verdict: Verdict) {
        let endpoint = attempt.endpoint.as_str();
        let count = |name: &'static str| {
            metrics::counter!(name, "endpoint" => endpoint.to_owned()).increment(1);
        };
        count("overheard_webhook_attempts_total");
        let event = &attempt.event;
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

/// A frozen body as it is sent with this id at this time; `source` is this installation's own address, if it has one.
pub(super) fn request(
    endpoint: &Endpoint,
    source: Option<&str>,
    id: &str,
    at: Timestamp,
    frozen: Vec<u8>,
    timeout: std::time::Duration,
) -> PostRequest {
    let event = match endpoint.payload() {
        WebhookPayload::Full => frozen,
        WebhookPayload::Thin => payload::thinned(frozen),
    };
    let Wire { headers, body } = wire(
        endpoint.format(),
        event,
        source.unwrap_or("/overheard"),
        endpoint.message(),
    );
    let signature = sign::sign(endpoint.secrets(), id, at, &body);
    let header = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value)
            .expect("invariant: ids, numbers, base64 and what `format` encodes are visible ASCII");
        (HeaderName::from_static(name), value)
    };
    let mut all: Vec<_> = headers
        .iter()
        .map(|(name, value)| header(name, value))
        .collect();
    all.push(header(HEADER_ID, id));
    all.push(header(HEADER_TIMESTAMP, &at.as_second().to_string()));
    if !signature.is_empty() {
        all.push(header(HEADER_SIGNATURE, &signature));
    }
    PostRequest {
        url: endpoint.url().clone(),
        headers: all,
        body: Bytes::from(body),
        timeout,
        allow_http: endpoint.allow_http(),
    }
}

/// Whether a receiver that answers so is there; that it refuses what it got, is another matter.
fn is_at_work(answer: Answer) -> bool {
    match answer {
        Answer::Status { status, .. } => status < 500 && status != 429,
        Answer::None => false,
    }
}

/// What went wrong, in words; nothing of what the receiver wrote.
fn problem(answer: &Result<PostAnswer, FetchError>, verdict: Verdict) -> Option<String> {
    let what = match (answer, verdict) {
        (_, Verdict::Delivered) => return None,
        (Err(error), _) => error.to_string(),
        (Ok(answer), Verdict::Dead(DeadReason::RetryAfterTooLong)) => {
            format!("answered {} and asks for more than 24 hours", answer.status)
        }
        (Ok(answer), _) if (300..400).contains(&answer.status) => {
            format!("answered {}, and redirects are not followed", answer.status)
        }
        (Ok(answer), _) => format!("answered {}", answer.status),
    };
    Some(what)
}
