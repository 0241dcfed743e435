//! An endpoint that is ready for use: checked address, parsed filter, secrets at hand.
//!
//! Never shows a secret. Says which events it wants; never fetches a record to find out.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::keys::{KeyError, Secret};
use super::target::Target;
use crate::config::{EndpointConfig, WebhookFormat, WebhookPayload};
use crate::domain::{EndpointId, EventKind, PostRecord};
use crate::query::{self, Candidate, MatchContext, Query, Truth};
use crate::runtime;

/// An endpoint's configuration cannot work.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The URL is none, or one that cannot be posted to.
    #[error("endpoint \"{endpoint}\": its url is {problem}")]
    Url {
        /// Which endpoint.
        endpoint: EndpointId,
        /// What is wrong, and what would be right; without the URL, which may hold a token.
        problem: &'static str,
    },
    /// The directory of its file is not there.
    #[error("endpoint \"{endpoint}\": the directory of its file {} does not exist: create it, for the daemon's user to write", path.display())]
    Directory {
        /// Which endpoint.
        endpoint: EndpointId,
        /// The file.
        path: PathBuf,
    },
    /// The secret's file cannot be used.
    #[error("endpoint \"{endpoint}\": its secret cannot be had")]
    SecretFile {
        /// Which endpoint.
        endpoint: EndpointId,
        /// The cause.
        #[source]
        source: runtime::SecretError,
    },
    /// The file does not hold a signing secret.
    #[error("endpoint \"{endpoint}\": secret file {}", path.display())]
    Secret {
        /// Which endpoint.
        endpoint: EndpointId,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: KeyError,
    },
    /// The filter is not a query.
    #[error("endpoint \"{endpoint}\": its filter is not a query\n{rendered}")]
    Filter {
        /// Which endpoint.
        endpoint: EndpointId,
        /// The query with a caret below what is wrong, and what is expected there.
        rendered: String,
    },
}

/// A secret, and when it stops to sign.
#[derive(Debug)]
pub struct Signer {
    /// The secret.
    pub secret: Secret,
    /// Signs nothing from then on; never ends when absent.
    pub until: Option<Timestamp>,
}

/// One receiver. `Debug` shows neither its secrets nor its address, which may hold a token.
pub struct Endpoint {
    id: EndpointId,
    target: Target,
    /// Of the address; see [`Endpoint::address_hash`].
    address: [u8; 32],
    signers: Vec<Signer>,
    events: Vec<EventKind>,
    filter: Option<Query>,
    format: WebhookFormat,
    payload: WebhookPayload,
    message: Option<String>,
    ordered: bool,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("target", &self.target)
            .field("signers", &self.signers)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Checks what the configuration file declares and reads the secrets; `credentials` is `$CREDENTIALS_DIRECTORY`.
    /// A file with two secrets, separated by white space, signs with both: for the time of a change.
    ///
    /// # Errors
    /// When the address, the secret or the filter cannot work.
    pub fn build(
        config: &EndpointConfig,
        credentials: Option<&Path>,
    ) -> Result<Self, EndpointError> {
        let endpoint = || config.id.clone();
        let read = |file: &Path| {
            runtime::read_secret(file, credentials).map_err(|source| EndpointError::SecretFile {
                endpoint: endpoint(),
                source,
            })
        };
        let url = match &config.url_file {
            Some(file) => read(file)?.expose_secret().trim().to_owned(),
            None => config.url.clone(),
        };
        let secrets = match &config.secret_file {
            None => Vec::new(),
            Some(file) => {
                let text = read(file)?;
                Secret::parse_all(text.expose_secret()).map_err(|source| EndpointError::Secret {
                    endpoint: endpoint(),
                    path: file.clone(),
                    source,
                })?
            }
        };
        let signers = secrets.into_iter().map(|secret| Signer {
            secret,
            until: None,
        });
        Self::assemble(config, &url, signers.collect())
    }

    /// Checks a configuration whose URL and secrets were had already.
    ///
    /// # Errors
    /// When the address or the filter cannot work.
    pub fn assemble(
        config: &EndpointConfig,
        url: &str,
        signers: Vec<Signer>,
    ) -> Result<Self, EndpointError> {
        let endpoint = || config.id.clone();
        let target = Target::of(config, url)?;
        let filter = config
            .filter
            .as_deref()
            .map(Query::parse)
            .transpose()
            .map_err(|error| EndpointError::Filter {
                endpoint: endpoint(),
                rendered: error.render(),
            })?;
        Ok(Self {
            id: endpoint(),
            address: Sha256::digest(match &target {
                Target::Web { url, .. } => url.to_string(),
                other => other.address(),
            })
            .into(),
            target,
            signers,
            events: config.events.clone(),
            filter,
            format: config.format,
            payload: config.payload,
            message: config.message.clone(),
            ordered: config.ordered,
        })
    }

    /// The name.
    #[must_use]
    pub fn id(&self) -> &EndpointId {
        &self.id
    }

    /// Where it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What is signed with at this time; the newest need not be first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let signing = self
            .signers
            .iter()
            .filter(move |signer| signer.until.is_none_or(|until| now < until));
        signing.map(|signer| &signer.secret)
    }

    /// How events are written.
    #[must_use]
    pub fn format(&self) -> WebhookFormat {
        self.format
    }

    /// How much events say.
    #[must_use]
    pub fn payload(&self) -> WebhookPayload {
        self.payload
    }

    /// The words of a message to people, where they are not our own.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Whether a customer's events go out one after the other.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// A hash of the address: an endpoint that was disabled stays so until it moves, and the address
    /// itself, which may hold a token, is not stored.
    #[must_use]
    pub fn address_hash(&self) -> [u8; 32] {
        self.address
    }

    /// Whether it wants events of this kind.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.events.is_empty() || self.events.contains(&kind)
    }

    /// Whether events of this kind pass only when their mention matches the filter. News of a deletion
    /// always passes: what is gone cannot be matched, and who has the mention must hear of it.
    #[must_use]
    pub fn filters(&self, kind: EventKind) -> bool {
        let about_content = matches!(kind, EventKind::MentionCreated | EventKind::MentionUpdated);
        about_content && self.filter.is_some()
    }

    /// Whether the mention matches the filter.
    #[must_use]
    pub fn admits(&self, record: &PostRecord, now: Timestamp, zone: &TimeZone) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        let candidate = Candidate::of(record);
        let context = MatchContext {
            now,
            zone: zone.clone(),
        };
        query::matches(filter, &candidate, &context) == Truth::True
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::deliver::testing::world::SECRET;
    use crate::deliver::testing::{record, start};

    fn config(dir: &tempfile::TempDir, secret: &str) -> EndpointConfig {
        let secret_file = dir.path().join("secret");
        std::fs::write(&secret_file, secret).unwrap();
        std::fs::set_permissions(&secret_file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let id = EndpointId::parse("crm").unwrap();
        EndpointConfig::webhook(
            id,
            "https://crm.example/hook?token=t0ken",
            Some(secret_file),
        )
    }

    fn chain(error: &EndpointError) -> String {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }

    #[test]
    fn errors_name_the_endpoint_and_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let good = config(&dir, SECRET);
        assert_eq!(
            Endpoint::build(&good, None)
                .unwrap()
                .secrets(start())
                .count(),
            1
        );
        let text = |config: &EndpointConfig| chain(&Endpoint::build(config, None).unwrap_err());

        for (url, problem) in [
            (
                "crm",
                "endpoint \"crm\": its url is not a URL: use one such as https://crm.example/hooks/overheard",
            ),
            (
                "http://crm.example/",
                "endpoint \"crm\": its url is plain http: use https, or set allow_http = true for a receiver on this machine",
            ),
            (
                "ftp://crm.example/",
                "endpoint \"crm\": its url is neither https nor http",
            ),
            (
                "https://me:pw@crm.example/",
                "endpoint \"crm\": its url is one with a user name or password: leave them out, requests are signed",
            ),
        ] {
            let url = url.to_owned();
            assert_eq!(
                text(&EndpointConfig {
                    url,
                    ..good.clone()
                }),
                problem
            );
        }

        let filter = Some("sentiment:(".to_owned());
        let shown = text(&EndpointConfig {
            filter,
            ..good.clone()
        });
        assert!(
            shown.starts_with("endpoint \"crm\": its filter is not a query\n"),
            "{shown}"
        );

        let short = config(&dir, "whsec_c2VjcmV0LXNhdWNl");
        let shown = text(&short);
        assert!(
            shown.ends_with("the secret has 12 bytes after decoding: use 24 to 64"),
            "{shown}"
        );
        assert!(!shown.contains("c2VjcmV0"), "{shown}");

        std::fs::set_permissions(
            good.secret_file.as_ref().unwrap(),
            std::fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        let shown = text(&good);
        assert!(shown.contains("run `chmod 600` on it"), "{shown}");
    }

    #[test]
    fn the_filter_is_for_what_mentions_say() {
        let dir = tempfile::tempdir().unwrap();
        let plain = Endpoint::build(&config(&dir, SECRET), None).unwrap();
        assert!(EventKind::ALL.into_iter().all(|kind| plain.wants(kind)));
        assert!(!EventKind::ALL.into_iter().any(|kind| plain.filters(kind)));

        let chosen = EndpointConfig {
            filter: Some("coffee customer:\"C 1\"".to_owned()),
            events: vec![EventKind::MentionCreated],
            ..config(&dir, SECRET)
        };
        let chosen = Endpoint::build(&chosen, None).unwrap();
        assert!(chosen.wants(EventKind::MentionCreated));
        assert!(!chosen.wants(EventKind::MentionDeleted));
        assert!(chosen.filters(EventKind::MentionUpdated));
        assert!(!chosen.filters(EventKind::MentionDeleted));
        let admits = |record: &PostRecord| chosen.admits(record, start(), &TimeZone::UTC);
        assert!(admits(&record("1", "cold coffee")));
        assert!(!admits(&record("1", "cold tea")));
        let mut of_nobody = record("1", "cold coffee");
        of_nobody.customer = None;
        assert!(!admits(&of_nobody));
    }

    #[test]
    fn an_address_is_known_by_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(&dir, SECRET);
        let moved = EndpointConfig {
            url: "https://crm.example/other".to_owned(),
            ..config.clone()
        };
        let hash = |config| Endpoint::build(config, None).unwrap().address_hash();
        assert_eq!(hash(&config), hash(&config));
        assert_ne!(hash(&config), hash(&moved));
        let shown = format!("{:?}", Endpoint::build(&config, None).unwrap());
        assert!(shown.contains("crm.example"), "{shown}");
        assert!(!shown.contains("t0ken"), "{shown}");
    }
}
