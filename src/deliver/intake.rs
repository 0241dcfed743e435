//! What a dispatcher takes from the outbox: the events after its place that its endpoint wants become deliveries.
//!
//! Never sends anything, and looks at no event twice.

use std::collections::HashMap;

use jiff::Timestamp;
use tracing::{debug, info, warn};

use super::dispatcher::Dispatcher;
use crate::domain::{PostId, PostRecord, Subject};
use crate::store::{Queued, StoreError, StoredEvent};

/// Events looked at in one step: enough to catch up quickly, few enough to start sending soon.
const EVENTS_PER_STEP: usize = 500;

impl Dispatcher {
    /// The place in the outbox, set to its end the first time.
    pub(super) async fn position(&self) -> Result<u64, StoreError> {
        let Self {
            endpoint, setup, ..
        } = self;
        if let Some(position) = setup.store.endpoint_position(endpoint.id()).await? {
            return Ok(position);
        }
        let end = setup.store.tip().borrow().event_seq;
        let now = setup.clock.now();
        setup
            .store
            .enqueue(endpoint.id(), end, Vec::new(), now)
            .await?;
        info!(endpoint.id = %endpoint.id(), event.seq = end, "endpoint is new, it gets what happens from here on");
        Ok(end)
    }

    /// Queues the events after our place that the endpoint wants; returns how many were looked at.
    pub(super) async fn take_events(&self) -> Result<u64, StoreError> {
        let Self {
            endpoint, setup, ..
        } = self;
        let position = self.position().await?;
        let events = setup.store.events_after(position, EVENTS_PER_STEP).await?;
        let Some(last) = events.last().map(|event| event.seq) else {
            return Ok(0);
        };
        if self.is_full().await? {
            return Ok(0);
        }
        let looked_at = events.len() as u64;
        let now = setup.clock.now();
        let wanted = self.wanted(events, now).await?;
        let queued = setup
            .store
            .enqueue(endpoint.id(), last, wanted, now)
            .await?;
        debug!(endpoint.id = %endpoint.id(), events = looked_at, queued, "took events from the outbox");
        Ok(looked_at)
    }

    /// Whether so many deliveries wait that no event becomes one: they stay in the outbox, in the store.
    async fn is_full(&self) -> Result<bool, StoreError> {
        let Self {
            endpoint, setup, ..
        } = self;
        let waiting = setup.store.waiting_deliveries(endpoint.id()).await?;
        let is_full = waiting >= setup.config.max_waiting;
        let was_full = std::mem::replace(&mut self.memory().is_full, is_full);
        if is_full && !was_full {
            warn!(endpoint.id = %endpoint.id(), waiting, "so much waits for the endpoint that events stay in the outbox");
        }
        let gauge =
            metrics::gauge!("overheard_webhook_waiting", "endpoint" => endpoint.id().to_string());
        #[allow(clippy::cast_precision_loss)]
        gauge.set(waiting as f64);
        Ok(is_full)
    }

    async fn wanted(
        &self,
        events: Vec<StoredEvent>,
        now: Timestamp,
    ) -> Result<Vec<Queued>, StoreError> {
        let Self {
            endpoint, setup, ..
        } = self;
        let events: Vec<StoredEvent> = events
            .into_iter()
            .filter(|stored| endpoint.wants(stored.event.kind))
            .collect();
        let to_match: Vec<PostId> = events
            .iter()
            .filter(|stored| endpoint.is_ordered() || endpoint.filters(stored.event.kind))
            .filter_map(|stored| post_of(&stored.event.subject))
            .collect();
        let mut records: HashMap<PostId, PostRecord> = HashMap::new();
        if !to_match.is_empty() {
            for record in setup.store.records(&to_match).await? {
                records.insert(record.post.id.clone(), record);
            }
        }
        let mut wanted = Vec::new();
        for stored in events {
            let passes = !endpoint.filters(stored.event.kind)
                || post_of(&stored.event.subject)
                    .and_then(|post| records.get(&post))
                    .is_some_and(|record| endpoint.admits(record, now, &setup.zone));
            if passes {
                let lane = endpoint
                    .is_ordered()
                    .then(|| lane(&stored.event.subject, &records));
                wanted.push(Queued {
                    seq: stored.seq,
                    lane,
                });
            }
        }
        Ok(wanted)
    }
}

/// What events must not overtake each other in: their customer, or else what they are about.
fn lane(subject: &Subject, records: &HashMap<PostId, PostRecord>) -> String {
    match subject {
        Subject::Mention { id } => {
            let record = records.get(&id.post());
            let customer = record.and_then(|record| record.customer.as_ref());
            customer.map_or_else(
                || id.to_string(),
                |(customer, _)| format!("customer {}", customer.id),
            )
        }
        Subject::Customer { id } => format!("customer {id}"),
        Subject::Digest { id, .. } => format!("digest {id}"),
        Subject::Source { id } => format!("source {id}"),
    }
}

/// The post that a mention is.
pub(super) fn post_of(subject: &Subject) -> Option<PostId> {
    match subject {
        Subject::Mention { id } => Some(id.post()),
        _ => None,
    }
}
