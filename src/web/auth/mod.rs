//! Who may do what: API tokens, one-time login links and the page's sessions.
//!
//! Only hashes of secrets are kept, and they are compared in constant time. Login links and sessions
//! live in memory: a restart ends them, and `overheard login` makes a new one. Nothing here logs a secret.

pub mod attempts;
pub mod guard;
pub mod session;
pub mod token;

use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use attempts::Attempts;
pub use session::Sessions;
pub use token::{ApiToken, SecretHash, TokenError};

use crate::store::{NewToken, Store, StoreError};

/// How long a login link works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Most bytes of a token's name.
const NAME_BYTES: usize = 128;
/// How long a session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a token or session may do. All may read what was heard and who the customers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also corrects the model, and polls and resumes sources: a community manager.
    Manager,
    /// Reads: what makes the digests' charts.
    Marketing,
    /// Also imports customers and tries deliveries again: the CRM.
    Crm,
    /// Everything: also the index, the configuration, tokens and login links.
    Admin,
}

impl Role {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Manager,
        Self::Marketing,
        Self::Crm,
        Self::Admin,
    ];

    /// The name used in the store and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Manager => "manager",
            Self::Marketing => "marketing",
            Self::Crm => "crm",
            Self::Admin => "admin",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role may do this.
    #[must_use]
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Curate => matches!(self, Self::Manager | Self::Admin),
            Right::Exchange => matches!(self, Self::Crm | Self::Admin),
            Right::Administer => self == Self::Admin,
        }
    }
}

/// What not every role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Corrections, polls now, sources resumed.
    Curate,
    /// Customers imported, deliveries tried again.
    Exchange,
    /// The index, the configuration, tokens, login links.
    Administer,
}

impl Right {
    /// The roles that have it, in words.
    pub(in crate::web) fn roles(self) -> String {
        let roles = Role::ALL.into_iter().filter(|role| role.may(self));
        roles.map(Role::as_str).collect::<Vec<_>>().join(" or ")
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

/// Makes an API token and keeps its hash. The token is shown once and never again.
///
/// # Errors
/// When a token has this name already or it is no name, or the store can't be written.
pub async fn issue_token(
    store: &Store,
    name: &str,
    role: Role,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<ApiToken, StoreError> {
    if name.trim().is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        let what = format!("a token's name has 1 to {NAME_BYTES} bytes and no control characters");
        return Err(StoreError::Invalid { what });
    }
    let token = ApiToken::generate(&mut rand::rng());
    let kept = NewToken {
        hash: *token.hash().as_bytes(),
        name: name.to_owned(),
        role: role.as_str().to_owned(),
        expires_at,
    };
    store.create_token(kept, now).await?;
    Ok(token)
}
