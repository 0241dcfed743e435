//! Deliver: what happened goes out to webhooks, signed, to chats, mailboxes and files, until they have it.
//!
//! **Contract.** At least once, one id an event: receivers deduplicate on `webhook-id`. An event's
//! body is rendered from the store's current state at the first attempt and then frozen, and what an endpoint's
//! format makes of it is always the same, so every attempt sends the same bytes; timestamp and signature are fresh each
//! time. A delivery leaves the queue only when its attempt is on disk: after a kill between sending and
//! recording it is sent again. Endpoints share nothing but the store: a dead one delays no other.
//!
//! Signing is `sign` with `keys`, the wire format `payload`, `format` and `chat`, the ways out `send`, `mail` and `file`, the schedule `retry`
//! and `breaker`, the loop `dispatcher` with `intake` and `attempt`. Nothing here follows a redirect, logs a body or a secret, or reads the wall clock.

mod attempt;
mod breaker;
mod chat;
mod data;
pub mod dispatcher;
pub mod endpoint;
mod file;
mod format;
mod intake;
pub mod keys;
mod mail;
pub mod managed;
pub mod payload;
pub mod probe;
pub mod retry;
mod send;
mod sending;
pub mod sign;
pub mod target;

#[cfg(test)]
mod schema;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use futures_util::future::join_all;

pub use dispatcher::{Dispatcher, DispatcherSetup, StepOutcome, Tally};
pub use endpoint::{Endpoint, EndpointError, Signer};
pub use send::Outcome;
pub use target::Target;

use crate::domain::EndpointId;
use crate::store::StoreError;

/// The dispatcher of an endpoint cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The store failed; its reaction says what to do.
    #[error("endpoint \"{endpoint}\": the outbox cannot be read or written")]
    Store {
        /// Whose dispatcher.
        endpoint: EndpointId,
        /// The cause.
        #[source]
        source: StoreError,
    },
}

/// What `deliver_due` did, and what it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliverCounts {
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Attempts that failed and are made again later.
    pub failed: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Deliveries that wait for a later attempt.
    pub pending: u64,
}

/// Delivers what is due now at all endpoints, side by side, and waits for no retry: `run --once`.
///
/// # Errors
/// When the store fails; what was delivered until then is recorded.
pub async fn deliver_due(dispatchers: &[Dispatcher]) -> Result<DeliverCounts, DeliverError> {
    // All of them to their end: who is broken off records nothing.
    let each = join_all(dispatchers.iter().map(deliver_due_at)).await;
    let mut sum = DeliverCounts::default();
    for counts in each {
        let counts = counts?;
        sum.delivered += counts.delivered;
        sum.failed += counts.failed;
        sum.dead += counts.dead;
        sum.pending += counts.pending;
    }
    Ok(sum)
}

async fn deliver_due_at(dispatcher: &Dispatcher) -> Result<DeliverCounts, DeliverError> {
    let mut counts = DeliverCounts::default();
    while let StepOutcome::Worked(tally) = dispatcher.step().await? {
        counts.delivered += tally.delivered;
        counts.failed += tally.failed;
        counts.dead += tally.dead;
    }
    counts.pending = dispatcher.pending().await?;
    Ok(counts)
}
