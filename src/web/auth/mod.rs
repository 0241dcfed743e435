//! Who may do what: API tokens, one-time login links and the page's sessions.
//!
//! Only hashes of secrets are kept, and they are compared in constant time. Login links and sessions
//! live in memory: a restart ends them, and `overheard login` makes a new one. Nothing here logs a secret.

pub mod attempts;
pub mod guard;
pub mod session;
pub mod token;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use attempts::Attempts;
pub use session::Sessions;
pub use token::{ApiToken, SecretHash, TokenError};

use crate::store::{NewToken, Store, StoreError};

/// How long a login link works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long a session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a token or session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads, imports customers, rebuilds, reloads, makes login links.
    Admin,
}

impl Role {
    /// The name used in the store and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// Links, sessions and the limit of attempts to log in: everything that auth keeps in memory.
#[derive(Debug, Default)]
pub struct Auth {
    /// Login links and sessions.
    pub sessions: Sessions,
    /// Failed logins by address.
    pub attempts: Attempts,
}

/// The role of the token with this hash, when it is valid now.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::web) async fn store_role(
    store: &Store,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<Role>, StoreError> {
    let stored = store.token_by_hash(*hash.as_bytes()).await?;
    let Some(stored) = stored.filter(|stored| hash.is(&stored.hash) && stored.is_valid(now)) else {
        return Ok(None);
    };
    // Being late with this note is no reason to refuse the request.
    if let Err(error) = store.touch_token(stored.hash, now).await {
        tracing::warn!(%error, "could not note the use of a token");
    }
    Ok(Role::from_name(&stored.role))
}

/// Makes an admin's API token and keeps its hash. The token is shown once and never again.
///
/// # Errors
/// When a token has this name already, or the store can't be written.
pub async fn issue_token(
    store: &Store,
    name: &str,
    now: Timestamp,
) -> Result<ApiToken, StoreError> {
    let token = ApiToken::generate(&mut rand::rng());
    let kept = NewToken {
        hash: *token.hash().as_bytes(),
        name: name.to_owned(),
        role: Role::Admin.as_str().to_owned(),
        expires_at: None,
    };
    store.create_token(kept, now).await?;
    Ok(token)
}
