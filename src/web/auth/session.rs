//! Login links and sessions, in memory and as hashes. A link works once; a session ends by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};

use super::token::{SecretHash, random_hex};
use super::{LINK_LIFETIME, Role, SESSION_LIFETIME};

/// Most links and most sessions at once; the oldest gives way.
const MAX_ENTRIES: usize = 256;

/// Login links and sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    links: Book,
    sessions: Book,
}

impl Sessions {
    /// Makes the secret of a login link: valid once, for an hour.
    pub fn new_link(&self, role: Role, now: Timestamp, rng: &mut impl CryptoRng) -> SecretString {
        self.links.add(role, now, LINK_LIFETIME, rng)
    }

    /// Turns a link's secret into a session's; `None` when the link is unknown, used or old.
    pub fn redeem(
        &self,
        link: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Option<SecretString> {
        let role = self.links.take(link, now)?;
        Some(self.sessions.add(role, now, SESSION_LIFETIME, rng))
    }

    /// The role of a session that is still valid.
    #[must_use]
    pub fn role(&self, session: &str, now: Timestamp) -> Option<Role> {
        self.sessions.get(session, now)
    }

    /// Ends a session.
    pub fn end(&self, session: &str, now: Timestamp) {
        self.sessions.take(session, now);
    }
}

/// Secrets by hash. A map's lookup is not constant in time, but an attacker who learns timing of a
/// SHA-256 learns nothing about the secret before it.
#[derive(Debug, Default)]
struct Book(Mutex<HashMap<[u8; 32], Entry>>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    role: Role,
    ends: Timestamp,
}

impl Book {
    fn add(
        &self,
        role: Role,
        now: Timestamp,
        lifetime: std::time::Duration,
        rng: &mut impl CryptoRng,
    ) -> SecretString {
        let secret = random_hex(rng);
        let lifetime = SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::MAX);
        let ends = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.ends > now);
        if entries.len() >= MAX_ENTRIES {
            let oldest = entries
                .iter()
                .min_by_key(|(_, entry)| entry.ends)
                .map(|(hash, _)| *hash);
            oldest.map(|hash| entries.remove(&hash));
        }
        let entry = Entry { role, ends };
        entries.insert(*SecretHash::of(&secret).as_bytes(), entry);
        SecretString::from(secret)
    }

    fn get(&self, secret: &str, now: Timestamp) -> Option<Role> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(SecretHash::of(secret).as_bytes())?;
        (entry.ends > now).then_some(entry.role)
    }

    fn take(&self, secret: &str, now: Timestamp) -> Option<Role> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.remove(SecretHash::of(secret).as_bytes())?;
        (entry.ends > now).then_some(entry.role)
    }
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

    #[test]
    fn a_link_works_once_and_its_session_a_week() {
        let sessions = Sessions::default();
        let start = at("2026-11-01T10:00:00Z");
        let link = sessions.new_link(Role::Admin, start, &mut rand::rng());
        let session = sessions
            .redeem(expose(&link), start, &mut rand::rng())
            .unwrap();
        assert!(
            sessions
                .redeem(expose(&link), start, &mut rand::rng())
                .is_none()
        );
        let session = expose(&session);
        assert_eq!(sessions.role(session, start), Some(Role::Admin));
        assert_eq!(
            sessions.role(session, at("2026-11-08T09:59:59Z")),
            Some(Role::Admin)
        );
        assert_eq!(sessions.role(session, at("2026-11-08T10:00:00Z")), None);
        assert_eq!(sessions.role("", start), None);
        sessions.end(session, start);
        assert_eq!(sessions.role(session, start), None);
    }

    #[test]
    fn a_link_ends_after_an_hour() {
        let sessions = Sessions::default();
        let start = at("2026-11-01T10:00:00Z");
        let link = sessions.new_link(Role::Admin, start, &mut rand::rng());
        let late = at("2026-11-01T11:00:00Z");
        assert!(
            sessions
                .redeem(expose(&link), late, &mut rand::rng())
                .is_none()
        );
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_gives_way() {
        let sessions = Sessions::default();
        let start = at("2026-11-01T10:00:00Z");
        let first = sessions.new_link(Role::Admin, start, &mut rand::rng());
        let later = at("2026-11-01T10:00:01Z");
        for _ in 0..MAX_ENTRIES {
            sessions.new_link(Role::Admin, later, &mut rand::rng());
        }
        assert!(
            sessions
                .redeem(expose(&first), later, &mut rand::rng())
                .is_none()
        );
        assert_eq!(sessions.links.0.lock().unwrap().len(), MAX_ENTRIES);
    }
}
