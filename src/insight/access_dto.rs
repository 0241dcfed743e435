//! People and the audit log as the API and `--json` show them.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::hex;
use crate::store::{StoredAudit, User};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserDto {
    /// The name.
    pub name: String,
    /// What the person may do.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when the person is shut out, if so.
    pub disabled_at: Option<Timestamp>,
}

impl From<&User> for UserDto {
    fn from(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            role: user.role.clone(),
            created_at: user.created_at,
            disabled_at: user.disabled_at,
        }
    }
}

/// Who changed what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditDto {
    /// Its number, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// `user ann`, `token crm`, `command line`.
    pub actor: String,
    /// What was done, such as `POST /api/v1/endpoints/{id}/rotate`.
    pub action: String,
    /// To what; empty where the action says it.
    pub subject: String,
    /// How it ended: an HTTP status, or `done`.
    pub outcome: String,
    /// SHA-256 of this entry and, through its hash, of all before it, in hexadecimal.
    pub hash: String,
}

impl From<&StoredAudit> for AuditDto {
    fn from(noted: &StoredAudit) -> Self {
        let entry = noted.entry.clone();
        Self {
            seq: noted.seq,
            at: noted.at,
            actor: entry.actor,
            action: entry.action,
            subject: entry.subject,
            outcome: entry.outcome,
            hash: hex(&noted.hash),
        }
    }
}
