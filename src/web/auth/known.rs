//! Who a secret stands for, remembered until anything about access changes in the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::token::SecretHash;
use super::{Attempts, Role, Sessions};
use crate::store::{Store, StoreError};

/// More secrets than this at once are forgotten together; they are looked up again.
const MOST: usize = 4096;
/// How often the use of a token is noted.
const NOTED: SignedDuration = SignedDuration::from_mins(1);

/// A visitor whom we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// `token NAME` or `user NAME`.
    pub name: Arc<str>,
    /// What the visitor may do.
    pub role: Role,
}

/// Links, sessions, the limit of attempts to log in, and who was there before: everything that auth keeps in memory.
#[derive(Debug, Default)]
pub struct Auth {
    /// Login links.
    pub sessions: Sessions,
    /// Failed logins by address.
    pub attempts: Attempts,
    tokens: Book,
    browsers: Book,
}

#[derive(Debug, Default)]
struct Book(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// The store's access version at which these were looked up.
    version: u64,
    known: HashMap<[u8; 32], Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    known: Known,
    ends: Option<Timestamp>,
    noted_at: Timestamp,
}

impl Book {
    fn get(&self, store: &Store, hash: &SecretHash, now: Timestamp) -> Option<Entry> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = store.access_version();
        if book.version != version {
            book.version = version;
            book.known.clear();
        }
        let entry = book.known.get(hash.as_bytes())?;
        entry
            .ends
            .is_none_or(|end| now < end)
            .then(|| entry.clone())
    }

    /// Remembers what was looked up at this version; what changed meanwhile is looked up again.
    fn put(&self, version: u64, hash: &SecretHash, entry: Entry) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if book.version != version {
            return;
        }
        if book.known.len() >= MOST {
            book.known.clear();
        }
        book.known.insert(*hash.as_bytes(), entry);
    }
}

impl Auth {
    /// Whose token this is, when it is valid now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::web) async fn token(
        &self,
        store: &Store,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Known>, StoreError> {
        let remembered = self.tokens.get(store, hash, now);
        let is_noted = |entry: &Entry| now.duration_since(entry.noted_at) < NOTED;
        if let Some(entry) = remembered.filter(is_noted) {
            return Ok(Some(entry.known));
        }
        let version = store.access_version();
        let stored = store.token_by_hash(*hash.as_bytes()).await?;
        let Some(stored) = stored.filter(|stored| hash.is(&stored.hash) && stored.is_valid(now))
        else {
            return Ok(None);
        };
        // Being late with this note is no reason to refuse the request.
        if let Err(error) = store.touch_token(stored.hash, now).await {
            tracing::warn!(%error, "could not note the use of a token");
        }
        let Some(role) = Role::from_name(&stored.role) else {
            return Ok(None);
        };
        let known = Known {
            name: format!("token {}", stored.name).into(),
            role,
        };
        let entry = Entry {
            known: known.clone(),
            ends: stored.expires_at,
            noted_at: now,
        };
        self.tokens.put(version, hash, entry);
        Ok(Some(known))
    }

    /// Whose browser this is, when its session is not over.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::web) async fn browser(
        &self,
        store: &Store,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<Known>, StoreError> {
        let hash = SecretHash::of(secret);
        if let Some(entry) = self.browsers.get(store, &hash, now) {
            return Ok(Some(entry.known));
        }
        let version = store.access_version();
        let Some(session) = store.session(*hash.as_bytes(), now).await? else {
            return Ok(None);
        };
        let Some(role) = Role::from_name(&session.role) else {
            return Ok(None);
        };
        let known = Known {
            name: format!("user {}", session.user).into(),
            role,
        };
        let entry = Entry {
            known: known.clone(),
            ends: Some(session.ends_at),
            noted_at: now,
        };
        self.browsers.put(version, &hash, entry);
        Ok(Some(known))
    }
}
