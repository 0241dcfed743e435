//! What happened, for those outside: the rows of the outbox.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::{CustomerId, DigestId, EventId, MentionId, SourceId};

/// The types of events, with the names that receivers see. Names are never reused with another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum EventKind {
    /// A post matched its first monitor.
    #[serde(rename = "mention.created")]
    MentionCreated,
    /// A mention's content or its set of monitors changed.
    #[serde(rename = "mention.updated")]
    MentionUpdated,
    /// A mention is gone.
    #[serde(rename = "mention.deleted")]
    MentionDeleted,
    /// An author was linked to a customer.
    #[serde(rename = "customer.linked")]
    CustomerLinked,
    /// A digest was written.
    #[serde(rename = "digest.ready")]
    DigestReady,
    /// A source was paused.
    #[serde(rename = "source.failed")]
    SourceFailed,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::MentionCreated,
        Self::MentionUpdated,
        Self::MentionDeleted,
        Self::CustomerLinked,
        Self::DigestReady,
        Self::SourceFailed,
    ];

    /// The name that receivers see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MentionCreated => "mention.created",
            Self::MentionUpdated => "mention.updated",
            Self::MentionDeleted => "mention.deleted",
            Self::CustomerLinked => "customer.linked",
            Self::DigestReady => "digest.ready",
            Self::SourceFailed => "source.failed",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What an event is about; its data is rendered from the store at the first attempt and frozen then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Subject {
    /// A mention.
    Mention {
        /// Its id.
        id: MentionId,
    },
    /// A customer.
    Customer {
        /// Its id.
        id: CustomerId,
    },
    /// The run of a digest.
    Digest {
        /// Its name.
        id: DigestId,
        /// The local date, `YYYY-MM-DD`.
        date: String,
    },
    /// A source.
    Source {
        /// Its name.
        id: SourceId,
    },
}

impl Subject {
    /// One text for all kinds, for hashes and logs.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Mention { id } => id.to_string(),
            Self::Customer { id } => format!("customer:{id}"),
            Self::Digest { id, date } => format!("digest:{id}:{date}"),
            Self::Source { id } => format!("source:{id}"),
        }
    }
}

/// Something that happened. The store adds the sequence number when it commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Constant over retries; receivers deduplicate on it.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// To what.
    pub subject: Subject,
    /// When.
    pub occurred_at: Timestamp,
}

impl Event {
    /// The `revision`-th event of this kind about this subject.
    #[must_use]
    pub fn new(kind: EventKind, subject: Subject, revision: u64, occurred_at: Timestamp) -> Self {
        let id = EventId::derive(kind.as_str(), &subject.key(), revision);
        Self {
            id,
            kind,
            subject,
            occurred_at,
        }
    }
}
