//! Imports, dead letters and tokens as API and `--json` show them; the rules of `dto` hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::customers::Import;
use crate::domain::{EndpointId, EventId};
use crate::store::{
    DeadLetter, ImportOutcome, ListedDelivery, PastAttempt, Store, StoreError, StoredToken,
};

/// What an import of customers did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportDto {
    /// Customers that are new.
    pub created: u64,
    /// Customers that changed.
    pub updated: u64,
    /// Customers that did not.
    pub unchanged: u64,
    /// Authors that were linked.
    pub linked: u64,
    /// Rows that a later row with the same id replaced.
    pub replaced: usize,
    /// Rows that were rejected.
    pub rejected: usize,
    /// The first of them, at most `ImportDto::MAX_REJECTS`.
    pub rejects: Vec<ImportRejectDto>,
}

/// A row that is no customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportRejectDto {
    /// Its line, counted from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

impl ImportDto {
    /// The most rejects that are named.
    pub const MAX_REJECTS: usize = 100;

    /// What came of an import, and what was rejected while it was read.
    #[must_use]
    pub fn new(outcome: &ImportOutcome, import: &Import) -> Self {
        Self {
            created: outcome.created,
            updated: outcome.updated,
            unchanged: outcome.unchanged,
            linked: outcome.linked,
            replaced: import.duplicates.len(),
            rejected: import.rejects.len(),
            rejects: import
                .rejects
                .iter()
                .take(Self::MAX_REJECTS)
                .map(|reject| ImportRejectDto {
                    line: reject.line,
                    reason: reject.reason.clone(),
                })
                .collect(),
        }
    }
}

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterDto {
    /// The event's id.
    pub event: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The endpoint that did not take it.
    pub endpoint: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The last try.
    pub last_attempt_at: Option<Timestamp>,
    /// The last answer's status, if there was an answer.
    pub last_status: Option<u16>,
    /// The last reason, in words.
    pub last_error: Option<String>,
}

impl From<&DeadLetter> for DeadLetterDto {
    fn from(letter: &DeadLetter) -> Self {
        let event = &letter.event.event;
        Self {
            event: event.id.to_string(),
            kind: event.kind.as_str().to_owned(),
            endpoint: letter.endpoint.to_string(),
            attempts: letter.attempts,
            last_attempt_at: letter.last_attempt_at,
            last_status: letter.last_status,
            last_error: letter.last_error.clone(),
        }
    }
}

/// A delivery of an event to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryDto {
    /// The event's id.
    pub event: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// To whom.
    pub endpoint: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Not before this time; absent unless it is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// When the last attempt was made.
    pub last_attempt_at: Option<Timestamp>,
    /// The last answer's status.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

impl From<&ListedDelivery> for DeliveryDto {
    fn from(listed: &ListedDelivery) -> Self {
        let event = &listed.event.event;
        let pending = listed.state == "pending";
        Self {
            event: event.id.to_string(),
            kind: event.kind.as_str().to_owned(),
            endpoint: listed.endpoint.to_string(),
            state: listed.state.clone(),
            attempts: listed.attempts,
            next_attempt_at: pending.then_some(listed.next_attempt_at),
            last_attempt_at: listed.last_attempt_at,
            last_status: listed.last_status,
            last_error: listed.last_error.clone(),
        }
    }
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttemptDto {
    /// 1 for the first.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
}

impl From<&PastAttempt> for AttemptDto {
    fn from(attempt: &PastAttempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at,
            status: attempt.status,
            error: attempt.error.clone(),
        }
    }
}

/// A delivery with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShownDeliveryDto {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryDto,
    /// Its attempts, the first first.
    pub attempted: Vec<AttemptDto>,
}

/// An event with all that became of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EventDeliveriesDto {
    /// The event's id.
    pub event: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What is sent; absent until the first attempt, or when its post is gone.
    pub body: Option<serde_json::Value>,
    /// Endpoint by endpoint.
    pub deliveries: Vec<ShownDeliveryDto>,
}

impl EventDeliveriesDto {
    /// What became of an event at these endpoints; `None` when there is no such event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(
        store: &Store,
        endpoints: &[EndpointId],
        event: &EventId,
    ) -> Result<Option<Self>, StoreError> {
        let Some(stored) = store.event(event).await? else {
            return Ok(None);
        };
        let mut deliveries = Vec::new();
        for endpoint in endpoints {
            let found = store.list_deliveries(endpoint, None, Some(event), None, 1);
            let (found, attempts) = (found.await?, store.attempts(endpoint, event).await?);
            deliveries.extend(found.iter().map(|delivery| ShownDeliveryDto {
                delivery: DeliveryDto::from(delivery),
                attempted: attempts.iter().map(AttemptDto::from).collect(),
            }));
        }
        // Absent until the first attempt freezes it, or after its post was deleted.
        let body = stored.body.as_deref();
        Ok(Some(Self {
            event: event.to_string(),
            kind: stored.event.kind.as_str().to_owned(),
            occurred_at: stored.event.occurred_at,
            body: body.and_then(|body| serde_json::from_slice(body).ok()),
            deliveries,
        }))
    }
}

/// An API token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenDto {
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl From<&StoredToken> for TokenDto {
    fn from(token: &StoredToken) -> Self {
        Self {
            name: token.name.clone(),
            role: token.role.clone(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}
