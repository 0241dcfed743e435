//! Endpoints that people make by API: what they say of them, and what must stay secret.
//!
//! Pure but for randomness, which is an argument. A secret leaves here once, when it is made. What is sealed is a text: the URL
//! (it may hold a token) in its first line, then a secret a line, with the time of its end behind it where it has one.

use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::{Endpoint, EndpointError, Signer};
use super::keys::{self, Secret};
use crate::config::{EndpointConfig, WebhookFormat, WebhookPayload};
use crate::domain::{EndpointId, EventKind};
use crate::runtime::seal::{SealError, SealKey};
use crate::store::StoredEndpoint;

/// What people say of an endpoint, but for its address: as the API shows it, and as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Settings {
    /// `standard`, `cloudevents`, `cloudevents-binary`, `slack` or `teams`; of the configuration file also `email` and `ndjson`.
    pub format: WebhookFormat,
    /// `full`, or `thin` for ids and a link.
    pub payload: WebhookPayload,
    /// Which events; empty means all.
    pub events: Vec<EventKind>,
    /// Only mentions that match this query.
    pub filter: Option<String>,
    /// The words of a chat's message; our own when absent.
    pub message: Option<String>,
    /// Whether a customer's events go out one after the other.
    pub ordered: bool,
    /// Allows plain http.
    pub allow_http: bool,
}

/// How an endpoint is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Scheme {
    /// HMAC-SHA256 with a secret that both sides have.
    #[default]
    #[serde(rename = "v1")]
    Hmac,
    /// ed25519: the receiver has the public key alone.
    #[serde(rename = "v1a")]
    Ed25519,
}

/// What the receiver verifies with; shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewKey {
    /// `whsec_`: a secret.
    Secret(Zeroizing<String>),
    /// `whpk_`: a public key.
    Public(String),
}

/// A change cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ManagedError {
    /// What results cannot work.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// What is kept cannot be opened.
    #[error("endpoint \"{endpoint}\": {error}")]
    Sealed {
        /// Which endpoint.
        endpoint: EndpointId,
        /// The cause.
        error: SealError,
    },
    /// What is kept is not ours.
    #[error("endpoint \"{0}\": its settings in the store cannot be read")]
    Settings(EndpointId),
    /// Not what can be made by API.
    #[error("{0}")]
    Refused(&'static str),
}

/// An endpoint, opened.
pub struct ManagedEndpoint {
    id: EndpointId,
    settings: Settings,
    opened: Zeroizing<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl ManagedEndpoint {
    /// A new one, with a key of 32 random bytes unless it is a chat.
    ///
    /// # Errors
    /// When it cannot work.
    pub fn new(
        id: EndpointId,
        url: &str,
        settings: Settings,
        scheme: Scheme,
        random: &[u8; 32],
        now: Timestamp,
    ) -> Result<(Self, Option<NewKey>), ManagedError> {
        let mut endpoint = Self {
            id,
            settings,
            opened: Zeroizing::new(line(url)),
            created_at: now,
            updated_at: now,
        };
        let key = match endpoint.settings.format.is_signed() {
            true => Some(endpoint.add_key(scheme, random)),
            false => None,
        };
        endpoint.check()?;
        Ok((endpoint, key))
    }

    /// Opens what is kept.
    ///
    /// # Errors
    /// With another key, or when it is damaged.
    pub fn open(stored: &StoredEndpoint, key: &SealKey) -> Result<Self, ManagedError> {
        let opened = key.open(&purpose(&stored.id), &stored.sealed);
        Ok(Self {
            settings: settings(stored)?,
            opened: opened.map_err(|error| ManagedError::Sealed {
                endpoint: stored.id.clone(),
                error,
            })?,
            id: stored.id.clone(),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        })
    }

    /// As it is to be kept.
    #[must_use]
    pub fn stored(&self, key: &SealKey) -> StoredEndpoint {
        StoredEndpoint {
            id: self.id.clone(),
            settings: serde_json::to_string(&self.settings)
                .expect("invariant: settings have text keys only"),
            sealed: key.seal(&purpose(&self.id), &self.opened),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// Ready for use.
    ///
    /// # Errors
    /// When it cannot work.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        let mut lines = self.opened.lines();
        let url = lines.next().unwrap_or_default();
        let signers = lines.filter_map(|line| {
            let (secret, until) = secret_and_end(line);
            let secret = Secret::parse(secret).ok()?;
            Some(Signer { secret, until })
        });
        Endpoint::assemble(&config(&self.id, &self.settings), url, signers.collect())
    }

    /// Replaces what is said of it, and its address where one is given.
    ///
    /// # Errors
    /// When the result cannot work; nothing is changed then.
    pub fn change(
        mut self,
        settings: Settings,
        url: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, ManagedError> {
        if settings.format.is_signed() != self.settings.format.is_signed() {
            return Err(ManagedError::Refused(
                "a chat cannot become a webhook, nor the other way round: delete it and make another one",
            ));
        }
        self.settings = settings;
        self.updated_at = now;
        if let Some(url) = url {
            let (_, secrets) = self.opened.split_once('\n').unwrap_or_default();
            self.opened = Zeroizing::new(line(url) + secrets);
        }
        self.check()?;
        Ok(self)
    }

    /// Signs with a new key from now on, and with the old ones for a while. Those whose time is over are forgotten.
    ///
    /// # Errors
    /// For chats.
    pub fn rotate(
        &mut self,
        scheme: Scheme,
        random: &[u8; 32],
        keep: SignedDuration,
        now: Timestamp,
    ) -> Result<NewKey, ManagedError> {
        if !self.settings.format.is_signed() {
            return Err(ManagedError::Refused(
                "chats are not signed: their URL is the secret",
            ));
        }
        let end = now.checked_add(keep).unwrap_or(Timestamp::MAX);
        let mut lines = self.opened.lines();
        let mut text = Zeroizing::new(line(lines.next().unwrap_or_default()));
        for old in lines {
            let (secret, until) = secret_and_end(old);
            let until = until.map_or(end, |until| until.min(end));
            if until > now {
                text.push_str(&line(&format!("{secret} {until}")));
            }
        }
        self.opened = text;
        self.updated_at = now;
        Ok(self.add_key(scheme, random))
    }

    fn add_key(&mut self, scheme: Scheme, random: &[u8; 32]) -> NewKey {
        let (secret, key) = match scheme {
            Scheme::Hmac => {
                let secret = Zeroizing::new(keys::symmetric_secret(random));
                (secret.clone(), NewKey::Secret(secret))
            }
            Scheme::Ed25519 => {
                let (private, public) = keys::ed25519_keys(random)
                    .expect("invariant: any 32 bytes are a seed of ed25519");
                (Zeroizing::new(private), NewKey::Public(public))
            }
        };
        self.opened.push_str(&line(&secret));
        key
    }

    fn check(&self) -> Result<(), ManagedError> {
        match self.settings.format {
            WebhookFormat::Email | WebhookFormat::Ndjson => {
                return Err(ManagedError::Refused(
                    "mailboxes and files are declared in the configuration file alone: set another format",
                ));
            }
            format if self.settings.message.is_some() && !format.is_message() => {
                return Err(ManagedError::Refused(
                    "message is for chats: set format to slack or teams, or leave it out",
                ));
            }
            _ => {}
        }
        self.endpoint()?;
        Ok(())
    }
}

/// What may be read of an endpoint that is kept.
///
/// # Errors
/// When it is damaged.
pub fn settings(stored: &StoredEndpoint) -> Result<Settings, ManagedError> {
    serde_json::from_str(&stored.settings).map_err(|_| ManagedError::Settings(stored.id.clone()))
}

/// The settings as if a configuration file had them; without the address.
#[must_use]
pub fn config(id: &EndpointId, settings: &Settings) -> EndpointConfig {
    let Settings {
        format,
        payload,
        events,
        filter,
        message,
        ordered,
        allow_http,
    } = settings.clone();
    EndpointConfig {
        format,
        payload,
        events,
        filter,
        message,
        ordered,
        allow_http,
        ..EndpointConfig::webhook(id.clone(), "", None)
    }
}

impl From<&EndpointConfig> for Settings {
    fn from(config: &EndpointConfig) -> Self {
        Self {
            format: config.format,
            payload: config.payload,
            events: config.events.clone(),
            filter: config.filter.clone(),
            message: config.message.clone(),
            ordered: config.ordered,
            allow_http: config.allow_http,
        }
    }
}

/// For whom something is sealed: nobody can give one endpoint another one's secrets.
fn purpose(id: &EndpointId) -> String {
    format!("endpoint {id}")
}

/// A line of what is sealed; what would end it is no part of a URL or a secret.
fn line(text: &str) -> String {
    text.replace(['\n', '\r'], "") + "\n"
}

fn secret_and_end(line: &str) -> (&str, Option<Timestamp>) {
    match line.split_once(' ') {
        None => (line, None),
        // An end that cannot be read is over: a secret never signs longer than it may.
        Some((secret, end)) => (secret, Some(end.parse().unwrap_or(Timestamp::MIN))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::keys::VerifyKey;
    use crate::deliver::sign::{sign, verify};
    use crate::deliver::testing::start;

    fn id() -> EndpointId {
        EndpointId::parse("crm").unwrap()
    }

    fn key(dir: &tempfile::TempDir) -> SealKey {
        SealKey::read_or_create(&dir.path().join("key")).unwrap()
    }

    fn made(settings: Settings) -> Result<(ManagedEndpoint, Option<NewKey>), ManagedError> {
        let url = "https://crm.example/hook?t=t0ken";
        ManagedEndpoint::new(id(), url, settings, Scheme::Hmac, &[7; 32], start())
    }

    fn verify_key(key: &NewKey) -> VerifyKey {
        VerifyKey::parse(match key {
            NewKey::Secret(secret) => secret,
            NewKey::Public(public) => public,
        })
        .unwrap()
    }

    #[test]
    fn what_is_kept_is_sealed_and_opens_again() {
        let dir = tempfile::tempdir().unwrap();
        let (seal, other) = (
            key(&dir),
            SealKey::read_or_create(&dir.path().join("other")).unwrap(),
        );
        let settings = Settings {
            filter: Some("coffee".to_owned()),
            ..Settings::default()
        };
        let (endpoint, Some(NewKey::Secret(secret))) = made(settings.clone()).unwrap() else {
            panic!("no secret");
        };
        let stored = endpoint.stored(&seal);
        let bytes = [stored.settings.as_bytes(), &stored.sealed].concat();
        for hidden in ["t0ken", "whsec_", "crm.example", secret.as_str()] {
            let found = bytes
                .windows(hidden.len())
                .any(|part| part == hidden.as_bytes());
            assert!(!found, "{hidden}");
        }
        let again = ManagedEndpoint::open(&stored, &seal).unwrap();
        assert_eq!(again.settings, settings);
        let ready = again.endpoint().unwrap();
        assert_eq!(ready.secrets(start()).count(), 1);
        let error = ManagedEndpoint::open(&stored, &other)
            .map(drop)
            .unwrap_err();
        assert!(
            error.to_string().contains("bring the old key back"),
            "{error}"
        );
        // Neither opens as another endpoint's.
        let stolen = StoredEndpoint {
            id: EndpointId::parse("mine").unwrap(),
            ..stored
        };
        assert!(ManagedEndpoint::open(&stolen, &seal).is_err());
    }

    #[test]
    fn item_03_in_rotation_both_sign_until_the_old_ones_time_is_over() {
        let (mut endpoint, old) = made(Settings::default()).unwrap();
        let old = verify_key(&old.unwrap());
        let hour = SignedDuration::from_hours(1);
        let new = endpoint.rotate(Scheme::Ed25519, &[8; 32], hour * 24, start());
        let new = verify_key(&new.unwrap());
        let ready = endpoint.endpoint().unwrap();
        let believed = |key: &VerifyKey, now: Timestamp| {
            let signature = sign(ready.secrets(now), "evt_1", now, b"{}");
            verify(
                key,
                "evt_1",
                &now.as_second().to_string(),
                &signature,
                b"{}",
                now,
            )
            .is_ok()
        };
        for (now, by_old) in [
            (start(), true),
            (start() + hour * 24 - SignedDuration::from_secs(1), true),
            (start() + hour * 24, false),
        ] {
            assert_eq!((believed(&old, now), believed(&new, now)), (by_old, true));
        }
        // The next rotation forgets what is over and lengthens nobody's time.
        let later = start() + hour * 12;
        endpoint
            .rotate(Scheme::Hmac, &[9; 32], hour * 100, later)
            .unwrap();
        assert_eq!(endpoint.opened.lines().count(), 4);
        endpoint
            .rotate(Scheme::Hmac, &[9; 32], hour, start() + hour * 24)
            .unwrap();
        assert_eq!(endpoint.opened.lines().count(), 4);
        // Without any time only the new one signs.
        endpoint
            .rotate(
                Scheme::Hmac,
                &[9; 32],
                SignedDuration::ZERO,
                start() + hour * 24,
            )
            .unwrap();
        assert_eq!(endpoint.endpoint().unwrap().secrets(start()).count(), 1);
    }

    #[test]
    fn what_cannot_work_is_refused_and_says_why() {
        let error = |settings: Settings| made(settings).map(drop).unwrap_err().to_string();
        let with_format = |format| Settings {
            format,
            ..Settings::default()
        };
        for format in [WebhookFormat::Email, WebhookFormat::Ndjson] {
            assert!(error(with_format(format)).contains("configuration file alone"));
        }
        let message = Settings {
            message: Some("x".to_owned()),
            ..Settings::default()
        };
        assert!(error(message).contains("for chats"));
        let filter = Settings {
            filter: Some("a (".to_owned()),
            ..Settings::default()
        };
        assert!(error(filter).contains('^'));

        let (chat, key) = made(with_format(WebhookFormat::Slack)).unwrap();
        assert_eq!(key, None);
        let refused = chat.change(Settings::default(), None, start());
        assert!(
            refused
                .map(drop)
                .unwrap_err()
                .to_string()
                .contains("cannot become")
        );
        let (mut chat, _) = made(with_format(WebhookFormat::Slack)).unwrap();
        let refused = chat.rotate(Scheme::Hmac, &[1; 32], SignedDuration::ZERO, start());
        assert!(refused.unwrap_err().to_string().contains("not signed"));

        let (endpoint, _) = made(Settings::default()).unwrap();
        let moved = endpoint.change(
            Settings::default(),
            Some("https://b.example/\nwhsec_x"),
            start(),
        );
        let moved = moved.unwrap();
        assert_eq!(moved.opened.lines().count(), 2);
        let refused = moved.change(Settings::default(), Some("http://b.example/"), start());
        assert!(
            refused
                .map(drop)
                .unwrap_err()
                .to_string()
                .contains("plain http")
        );
    }
}
