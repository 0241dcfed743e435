//! Who may do what: API tokens, one-time login links and the page's sessions.
//!
//! Only hashes of secrets are kept, and they are compared in constant time. Login links live in memory: a restart ends them, and
//! `overheard login` makes a new one; sessions live in the store. Nothing here logs a secret.

pub mod attempts;
mod form;
pub mod guard;
pub mod known;
pub mod pace;
pub mod session;
pub mod token;

use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use attempts::Attempts;
pub use known::{Auth, Known};
pub use pace::Pace;
pub use session::Sessions;
pub use token::{ApiToken, SecretHash, TokenError};

use crate::store::{NewToken, Store, StoreError};

/// How long a login link works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Most bytes of the name of a token or a user.
const NAME_BYTES: usize = 128;
/// How long a session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a token or session may do. All may read what was heard and who the customers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also corrects the model, changes monitors, and polls and resumes sources: a community manager.
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
    check_name("token", name)?;
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

/// Makes a user, or changes the role of one and lets a disabled one in again.
///
/// # Errors
/// When it is no name, or the store can't be written.
pub async fn set_user(
    store: &Store,
    name: &str,
    role: Role,
    now: Timestamp,
) -> Result<(), StoreError> {
    check_name("user", name)?;
    store.set_user(name, role.as_str(), now).await
}

pub(in crate::web) fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    if name.trim().is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        let what = format!("a {what}'s name has 1 to {NAME_BYTES} bytes and no control characters");
        return Err(StoreError::Invalid { what });
    }
    Ok(())
}
