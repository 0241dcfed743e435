//! Login links, in memory and as hashes: each works once, for an hour. What they lead to is a session in the store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};

use super::token::{SecretHash, random_hex};
use super::{LINK_LIFETIME, Role, SESSION_LIFETIME};
use crate::domain::hex;
use crate::store::{Store, StoreError};

/// Most links at once; the oldest gives way.
const MAX_LINKS: usize = 256;
/// Whom `overheard login` lets in when nobody is named; an administrator, made at the first login.
pub const FIRST_USER: &str = "admin";

/// Login links. Secrets by hash: a map's lookup is not constant in time, but an attacker who learns timing of a SHA-256
/// learns nothing about the secret before it.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Link>>);

#[derive(Debug, Clone)]
struct Link {
    user: String,
    ends: Timestamp,
}

impl Sessions {
    /// Makes the secret of a login link for a user: valid once, for an hour.
    pub fn new_link(&self, user: &str, now: Timestamp, rng: &mut impl CryptoRng) -> SecretString {
        let secret = random_hex(rng);
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, link| link.ends > now);
        if links.len() >= MAX_LINKS {
            let oldest = links.iter().min_by_key(|(_, link)| link.ends);
            let oldest = oldest.map(|(hash, _)| *hash);
            oldest.map(|hash| links.remove(&hash));
        }
        let link = Link {
            user: user.to_owned(),
            ends: after(now, LINK_LIFETIME),
        };
        links.insert(*SecretHash::of(&secret).as_bytes(), link);
        SecretString::from(secret)
    }

    /// Turns a link's secret into a session with this secret, and says whose; `None` when the link is unknown, used or old, or its user is not let in.
    ///
    /// # Errors
    /// When the store cannot be used; the link is used up.
    pub async fn redeem(
        &self,
        store: &Store,
        link: &str,
        now: Timestamp,
        secret: SecretString,
    ) -> Result<Option<(String, SecretString)>, StoreError> {
        let Some(user) = self.take(link, now) else {
            return Ok(None);
        };
        let is_new = store.users().await?.iter().all(|known| known.name != user);
        if is_new && user == FIRST_USER {
            store.set_user(&user, Role::Admin.as_str(), now).await?;
        }
        let hash = *SecretHash::of(secret.expose_secret()).as_bytes();
        let begun = store.begin_session(hash, &user, now, after(now, SESSION_LIFETIME));
        match begun.await {
            Ok(()) => Ok(Some((user, secret))),
            Err(StoreError::Invalid { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn take(&self, link: &str, now: Timestamp) -> Option<String> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let link = links.remove(SecretHash::of(link).as_bytes())?;
        (link.ends > now).then_some(link.user)
    }
}

/// A secret for a session.
#[must_use]
pub fn new_secret(rng: &mut impl CryptoRng) -> SecretString {
    SecretString::from(random_hex(rng))
}

/// What forms must send back with a session, so that no other site can make them: derived from the session's secret, which only
/// the browser has.
#[must_use]
pub fn csrf_token(session: &str) -> String {
    let hash = SecretHash::of(&format!("form {session}"));
    hex(&hash.as_bytes()[..16])
}

fn after(now: Timestamp, lifetime: std::time::Duration) -> Timestamp {
    let lifetime = SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::MAX);
    now.saturating_add(lifetime).unwrap_or(Timestamp::MAX)
}

/// The text of a secret, for a cookie or a link.
pub(in crate::web) fn expose(secret: &SecretString) -> &str {
    secret.expose_secret()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    async fn redeemed(
        sessions: &Sessions,
        store: &Store,
        link: &SecretString,
        now: Timestamp,
    ) -> Option<String> {
        let secret = new_secret(&mut rand::rng());
        let redeemed = sessions.redeem(store, expose(link), now, secret).await;
        redeemed
            .unwrap()
            .map(|(_, secret)| expose(&secret).to_owned())
    }

    #[tokio::test]
    async fn a_link_works_once_within_an_hour_and_its_session_outlives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let start = at("2026-11-01T10:00:00Z");
        let store = Store::open(dir.path(), start).unwrap();
        let sessions = Sessions::default();
        let link = sessions.new_link(FIRST_USER, start, &mut rand::rng());
        let session = redeemed(&sessions, &store, &link, start).await.unwrap();
        assert_eq!(redeemed(&sessions, &store, &link, start).await, None);
        let late = sessions.new_link(FIRST_USER, start, &mut rand::rng());
        let hour = at("2026-11-01T11:00:00Z");
        assert_eq!(redeemed(&sessions, &store, &late, hour).await, None);

        store.close().await;
        let store = Store::open(dir.path(), start).unwrap();
        let hash = *SecretHash::of(&session).as_bytes();
        let found = store
            .session(hash, at("2026-11-08T09:59:59Z"))
            .await
            .unwrap();
        assert_eq!(found.unwrap().role, "admin");
        let over = store
            .session(hash, at("2026-11-08T10:00:00Z"))
            .await
            .unwrap();
        assert_eq!(over, None);
        store.end_session(hash).await.unwrap();
        assert_eq!(store.session(hash, start).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_the_first_user_is_made_by_a_link_and_a_disabled_one_is_not_let_in() {
        let dir = tempfile::tempdir().unwrap();
        let start = at("2026-11-01T10:00:00Z");
        let store = Store::open(dir.path(), start).unwrap();
        let sessions = Sessions::default();
        let link = |user: &str| sessions.new_link(user, start, &mut rand::rng());
        assert_eq!(redeemed(&sessions, &store, &link("ann"), start).await, None);
        store.set_user("ann", "viewer", start).await.unwrap();
        let session = redeemed(&sessions, &store, &link("ann"), start)
            .await
            .unwrap();
        let hash = *SecretHash::of(&session).as_bytes();
        assert!(store.session(hash, start).await.unwrap().is_some());
        assert!(store.disable_user("ann", start).await.unwrap());
        assert!(!store.disable_user("ann", start).await.unwrap());
        assert_eq!(store.session(hash, start).await.unwrap(), None);
        assert_eq!(redeemed(&sessions, &store, &link("ann"), start).await, None);
        store.set_user(FIRST_USER, "admin", start).await.unwrap();
        store.disable_user(FIRST_USER, start).await.unwrap();
        assert_eq!(
            redeemed(&sessions, &store, &link(FIRST_USER), start).await,
            None
        );
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_gives_way() {
        let sessions = Sessions::default();
        let start = at("2026-11-01T10:00:00Z");
        let first = sessions.new_link(FIRST_USER, start, &mut rand::rng());
        let later = at("2026-11-01T10:00:01Z");
        for _ in 0..MAX_LINKS {
            sessions.new_link(FIRST_USER, later, &mut rand::rng());
        }
        assert_eq!(sessions.take(expose(&first), later), None);
        assert_eq!(sessions.0.lock().unwrap().len(), MAX_LINKS);
    }
}
