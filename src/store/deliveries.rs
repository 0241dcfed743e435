//! Events on their way to endpoints: queued, tried, delivered or dead.
//!
//! A delivery that is under way is still `pending` here, so that it is found again after a crash;
//! the dispatcher remembers what it has in hand. Never decides when to try again.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::Store;
use super::columns::{count, hash_bytes, limit, micros, time, time_opt, uncount};
use super::error::{Fault, Sql, StoreError};
use super::events::{StoredEvent, read_event};
use crate::domain::{EndpointId, EventId};

/// An event that an endpoint is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The event's number.
    pub seq: u64,
    /// Deliveries of one lane never overtake each other; absent where the order does not matter.
    pub lane: Option<String>,
}

/// A delivery that waits for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// What is sent.
    pub event: StoredEvent,
    /// Attempts since it was queued, or queued again: the place in the table of retries.
    pub tries: u32,
    /// When it was queued, or queued again: what the end of retries is counted from.
    pub queued_at: Timestamp,
    /// Not before this time.
    pub next_attempt_at: Timestamp,
}

/// Where a delivery stands among those that are due: its time, and its event's number.
pub type DuePlace = (Timestamp, u64);

impl PendingDelivery {
    /// Its place among those that are due.
    #[must_use]
    pub fn place(&self) -> DuePlace {
        (self.next_attempt_at, self.event.seq)
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver has it.
    Delivered,
    /// It is tried again.
    Retry {
        /// Not before this time.
        next_attempt_at: Timestamp,
    },
    /// It is tried no more, until a person asks for it.
    Dead,
}

/// One attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// To whom.
    pub endpoint: EndpointId,
    /// The event's number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The answer's status; absent when there was no answer.
    pub status: Option<u16>,
    /// What went wrong, in words, without secrets or bodies.
    pub error: Option<String>,
    /// What comes next.
    pub outcome: AttemptOutcome,
}

/// An attempt as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAttempt {
    /// 1 for the first.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A delivery as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDelivery {
    /// To whom.
    pub endpoint: EndpointId,
    /// What.
    pub event: StoredEvent,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// All attempts.
    pub attempts: u32,
    /// Not before this time, while it is pending.
    pub next_attempt_at: Timestamp,
    /// When the last attempt was made.
    pub last_attempt_at: Option<Timestamp>,
    /// The last answer's status.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// To whom it should have gone.
    pub endpoint: EndpointId,
    /// What.
    pub event: StoredEvent,
    /// All attempts.
    pub attempts: u32,
    /// When the last one was made.
    pub last_attempt_at: Option<Timestamp>,
    /// The last answer's status.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// How many deliveries of an endpoint are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryCounts {
    /// Waiting for an attempt.
    pub pending: u64,
    /// Arrived.
    pub delivered: u64,
    /// Given up.
    pub dead: u64,
}

pub(super) const DUE: &str =
    "SELECT e.seq, e.id, e.kind, e.subject, e.occurred_at, e.body, d.tries, d.queued_at, d.next_attempt_at
     FROM deliveries d JOIN events e ON e.seq = d.event
     WHERE d.endpoint = ?1 AND d.state = 'pending' AND d.next_attempt_at <= ?2
       AND (d.next_attempt_at, d.event) > (?4, ?5)
       AND (d.lane IS NULL OR NOT EXISTS (
           SELECT 1 FROM deliveries o INDEXED BY deliveries_lane
           WHERE o.endpoint = ?1 AND o.lane = d.lane AND o.event < d.event AND o.state = 'pending'))
     ORDER BY d.next_attempt_at, d.event LIMIT ?3";

pub(super) const NEXT_DUE: &str = "SELECT d.next_attempt_at FROM deliveries d
     WHERE d.endpoint = ?1 AND d.state = 'pending'
       AND (d.lane IS NULL OR NOT EXISTS (
           SELECT 1 FROM deliveries o INDEXED BY deliveries_lane
           WHERE o.endpoint = ?1 AND o.lane = d.lane AND o.event < d.event AND o.state = 'pending'))
     ORDER BY d.next_attempt_at LIMIT 1";

pub(super) const DEAD: &str =
    "SELECT e.seq, e.id, e.kind, e.subject, e.occurred_at, e.body, d.attempts, d.last_attempt_at,
            d.last_status, d.last_error
     FROM deliveries d JOIN events e ON e.seq = d.event
     WHERE d.endpoint = ?1 AND d.state = 'dead' AND d.event > ?2
     ORDER BY d.event LIMIT ?3";

const LIST: &str =
    "SELECT e.seq, e.id, e.kind, e.subject, e.occurred_at, e.body, d.endpoint, d.state, d.attempts,
            d.next_attempt_at, d.last_attempt_at, d.last_status, d.last_error
     FROM deliveries d JOIN events e ON e.seq = d.event
     WHERE d.endpoint = ?1 AND (?2 IS NULL OR d.state = ?2) AND (?3 IS NULL OR e.id = ?3)
       AND (?4 IS NULL OR d.event <= ?4)
     ORDER BY d.event DESC LIMIT ?5";

impl Store {
    /// At most `max` deliveries of the endpoint, the newest event first: all, those in a state, that of one event, those
    /// of no newer event than `up_to`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_deliveries(
        &self,
        endpoint: &EndpointId,
        state: Option<&'static str>,
        event: Option<&EventId>,
        up_to: Option<u64>,
        max: usize,
    ) -> Result<Vec<ListedDelivery>, StoreError> {
        let endpoint = endpoint.clone();
        let event = event.map(|event| hash_bytes(event.as_str()));
        let up_to = up_to.map(count);
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(LIST)?;
            let mut rows = statement.query((endpoint.as_str(), state, event, up_to, limit(max)))?;
            let mut listed = Vec::new();
            while let Some(row) = rows.next()? {
                listed.push(ListedDelivery {
                    endpoint: endpoint.clone(),
                    event: read_event(row)?,
                    state: row.get(7)?,
                    attempts: row.get(8)?,
                    next_attempt_at: time(row.get(9)?)?,
                    last_attempt_at: time_opt(row.get(10)?)?,
                    last_status: row.get(11)?,
                    last_error: row.get(12)?,
                });
            }
            Ok(listed)
        })
        .await
    }

    /// Up to which event the endpoint's deliveries were queued; `None` before the first time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn endpoint_position(
        &self,
        endpoint: &EndpointId,
    ) -> Result<Option<u64>, StoreError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT seq FROM endpoint_positions WHERE endpoint = ?1")?;
            let seq = statement
                .query_row([endpoint], |row| row.get(0))
                .optional()?;
            Ok(seq.map(uncount))
        })
        .await
    }

    /// Queues these events for the endpoint and notes that all events up to `up_to_seq` were looked
    /// at, in one transaction. Doing it again adds nothing, and the position never goes back.
    /// Returns how many were queued.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn enqueue(
        &self,
        endpoint: &EndpointId,
        up_to_seq: u64,
        events: Vec<Queued>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let endpoint = endpoint.to_string();
        self.write(move |connection| {
            let mut queued = 0;
            let mut insert = connection.prepare_cached(
                "INSERT INTO deliveries (endpoint, event, state, first_queued_at, queued_at, next_attempt_at, lane)
                 SELECT ?1, seq, 'pending', ?3, ?3, ?3, ?4 FROM events WHERE seq = ?2 AND withdrawn = 0
                 ON CONFLICT DO NOTHING",
            )?;
            for Queued { seq, lane } in &events {
                queued += insert.execute((&endpoint, count(*seq), micros(now), lane))?;
            }
            connection
                .prepare_cached(
                    "INSERT INTO endpoint_positions (endpoint, seq) VALUES (?1, ?2)
                     ON CONFLICT (endpoint) DO UPDATE SET seq = max(seq, excluded.seq)",
                )?
                .execute((&endpoint, count(up_to_seq)))?;
            Ok(queued as u64)
        })
        .await
    }

    /// At most `max` deliveries of the endpoint that are due, the longest due first; those that were
    /// queued together come in the order of events. Of a lane, only the first that is not done. With `after`, those
    /// that come behind this place.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn due_deliveries(
        &self,
        endpoint: &EndpointId,
        now: Timestamp,
        after: Option<DuePlace>,
        max: usize,
    ) -> Result<Vec<PendingDelivery>, StoreError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(DUE)?;
            let (time_after, event_after) =
                after.map_or((i64::MIN, 0), |(at, event)| (micros(at), count(event)));
            let mut rows =
                statement.query((endpoint, micros(now), limit(max), time_after, event_after))?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                due.push(PendingDelivery {
                    event: read_event(row)?,
                    tries: row.get(6)?,
                    queued_at: time(row.get(7)?)?,
                    next_attempt_at: time(row.get(8)?)?,
                });
            }
            Ok(due)
        })
        .await
    }

    /// When the endpoint's next delivery is due, be it in the past; `None` when none waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next_due(&self, endpoint: &EndpointId) -> Result<Option<Timestamp>, StoreError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(NEXT_DUE)?;
            let next = statement
                .query_row([endpoint], |row| row.get(0))
                .optional()?;
            time_opt(next)
        })
        .await
    }

    /// Remembers attempts and what comes of them. A delivery that was removed meanwhile (its post was
    /// deleted) or that is delivered stays as it is. Returns how many were remembered.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn record_attempts(&self, attempts: Vec<Attempt>) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let mut recorded = 0;
            for attempt in &attempts {
                recorded += u64::from(record_attempt(connection, attempt)?);
            }
            Ok(recorded)
        })
        .await
    }

    /// At most `max` dead letters of the endpoint whose event is after `after_seq`, in the order of events.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dead_letters(
        &self,
        endpoint: &EndpointId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let endpoint = endpoint.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(DEAD)?;
            let mut rows = statement.query((endpoint.as_str(), count(after_seq), limit(max)))?;
            let mut letters = Vec::new();
            while let Some(row) = rows.next()? {
                letters.push(DeadLetter {
                    endpoint: endpoint.clone(),
                    event: read_event(row)?,
                    attempts: row.get(6)?,
                    last_attempt_at: time_opt(row.get(7)?)?,
                    last_status: row.get(8)?,
                    last_error: row.get(9)?,
                });
            }
            Ok(letters)
        })
        .await
    }

    /// Queues dead letters again, from the beginning of the retries: those of `events`, or all of
    /// the endpoint when `events` is `None`. Returns how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn requeue(
        &self,
        endpoint: &EndpointId,
        events: Option<Vec<EventId>>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let endpoint = endpoint.to_string();
        self.write(move |connection| {
            let Some(events) = events else {
                let all = connection
                    .prepare_cached(
                        "UPDATE deliveries SET state = 'pending', tries = 0, queued_at = ?2, next_attempt_at = ?2
                         WHERE endpoint = ?1 AND state = 'dead'",
                    )?
                    .execute((endpoint, micros(now)))?;
                return Ok(all as u64);
            };
            let mut one = connection.prepare_cached(
                "UPDATE deliveries SET state = 'pending', tries = 0, queued_at = ?3, next_attempt_at = ?3
                 WHERE endpoint = ?1 AND state = 'dead'
                   AND event = (SELECT seq FROM events WHERE id = ?2)",
            )?;
            let mut requeued = 0;
            for event in &events {
                requeued += one.execute((&endpoint, hash_bytes(event.as_str()), micros(now)))?;
            }
            Ok(requeued as u64)
        })
        .await
    }

    /// All attempts to deliver the event to the endpoint, the first first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn attempts(
        &self,
        endpoint: &EndpointId,
        event: &EventId,
    ) -> Result<Vec<PastAttempt>, StoreError> {
        let (endpoint, event) = (endpoint.to_string(), hash_bytes(event.as_str()));
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, at, status, error FROM delivery_attempts
                 WHERE endpoint = ?1 AND event = (SELECT seq FROM events WHERE id = ?2)
                 ORDER BY number",
            )?;
            let mut rows = statement.query((endpoint, event))?;
            let mut attempts = Vec::new();
            while let Some(row) = rows.next()? {
                attempts.push(PastAttempt {
                    number: row.get(0)?,
                    at: time(row.get(1)?)?,
                    status: row.get(2)?,
                    error: row.get(3)?,
                });
            }
            Ok(attempts)
        })
        .await
    }

    /// How many deliveries of the endpoint are where.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn delivery_counts(
        &self,
        endpoint: &EndpointId,
    ) -> Result<DeliveryCounts, StoreError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT state, count(*) FROM deliveries WHERE endpoint = ?1 GROUP BY state",
            )?;
            let mut rows = statement.query([endpoint])?;
            let mut counts = DeliveryCounts::default();
            while let Some(row) = rows.next()? {
                let number = uncount(row.get(1)?);
                match row.get_ref(0)?.as_str() {
                    Ok("pending") => counts.pending = number,
                    Ok("delivered") => counts.delivered = number,
                    Ok("dead") => counts.dead = number,
                    _ => return Err(Fault::Damaged("a delivery in no state".into())),
                }
            }
            Ok(counts)
        })
        .await
    }
}

fn record_attempt(connection: &Connection, attempt: &Attempt) -> Sql<bool> {
    let (state, next) = match attempt.outcome {
        AttemptOutcome::Delivered => ("delivered", None),
        AttemptOutcome::Retry { next_attempt_at } => ("pending", Some(micros(next_attempt_at))),
        AttemptOutcome::Dead => ("dead", None),
    };
    let (endpoint, event, at) = (
        attempt.endpoint.as_str(),
        count(attempt.seq),
        micros(attempt.at),
    );
    // Without RETURNING, for which SQLite makes a table in memory each time.
    let recorded = connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?3, next_attempt_at = coalesce(?4, next_attempt_at),
                 attempts = attempts + 1, tries = tries + 1,
                 last_attempt_at = ?5, last_status = ?6, last_error = ?7
             WHERE endpoint = ?1 AND event = ?2 AND state <> 'delivered'",
        )?
        .execute((
            endpoint,
            event,
            state,
            next,
            at,
            attempt.status,
            &attempt.error,
        ))?;
    if recorded == 0 {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO delivery_attempts (endpoint, event, number, at, status, error)
             SELECT endpoint, event, attempts, ?3, ?4, ?5 FROM deliveries WHERE endpoint = ?1 AND event = ?2",
        )?
        .execute((endpoint, event, at, attempt.status, &attempt.error))?;
    Ok(true)
}
