//! Imports, dead letters and tokens as API and `--json` show them; the rules of `dto` hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::customers::Import;
use crate::store::{DeadLetter, ImportOutcome, StoredToken};

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
