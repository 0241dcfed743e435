//! What connectors that speak HTTP share: the conditional request, further pages, secrets, blocking work.
//!
//! Knows no network's format.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{PollError, SourceFault, SourceSetupError};
use crate::domain::{Batch, Cursor, HttpKey, HttpState, SourceId};
use crate::fetch::{
    Credential, FetchError, Fetched, Fetcher, GetRequest, HeaderName, Reaction, Response, Url,
};
use crate::runtime::read_secret;

/// `Accept` for JSON APIs.
pub(super) const ACCEPT_JSON: &str = "application/json";

/// An HTTP resource and how it is asked for.
pub(super) struct Resource {
    pub fetcher: Fetcher,
    pub url: Url,
    pub accept: &'static str,
    pub credential: Option<Credential>,
    pub obey_robots: bool,
}

impl Resource {
    /// The key of the resource's HTTP state.
    pub fn key(&self) -> HttpKey {
        self.request(self.url.clone(), None).key()
    }

    /// The resource's host and port, for messages.
    pub fn host(&self) -> String {
        host(&self.url)
    }

    /// Asks for the resource, with the validators that the cursor holds for it.
    pub async fn poll(&self, cursor: &Cursor) -> Result<Fetched, PollError> {
        let request = self.request(self.url.clone(), cursor.http.clone());
        self.fetcher.get(request).await.map_err(react)
    }

    /// Asks for another URL of the same API, unconditionally.
    pub async fn get(&self, url: Url) -> Result<Response, PollError> {
        let request = self.request(url.clone(), None);
        match self.fetcher.get(request).await.map_err(react)? {
            Fetched::Fresh(response) => Ok(response),
            Fetched::NotModified { .. } => Err(react(FetchError::UnexpectedNotModified { url })),
        }
    }

    fn request(&self, url: Url, state: Option<HttpState>) -> GetRequest {
        GetRequest {
            url,
            accept: self.accept,
            state,
            credential: self.credential.clone(),
            obey_robots: self.obey_robots,
        }
    }
}

/// The batch that follows a 304: nothing new, and the validators that it carried.
pub(super) fn not_modified(
    cursor: &Cursor,
    state: HttpState,
    fresh_until: Option<Timestamp>,
) -> Batch {
    Batch {
        not_before: state.not_before,
        fresh_until,
        cursor: Cursor {
            position: cursor.position.clone(),
            http: Some(state),
        },
        requests: 1,
        ..Batch::default()
    }
}

/// The poll error that a fetch error calls for.
pub(super) fn react(error: FetchError) -> PollError {
    let (reaction, error) = (error.reaction(), Box::new(error));
    match reaction {
        Reaction::RateLimited(retry_at) => PollError::RateLimited { retry_at, error },
        Reaction::Transient => PollError::Transient(SourceFault::Fetch(error)),
        Reaction::Permanent => PollError::Permanent(SourceFault::Fetch(error)),
    }
}

/// The poll error for an answer of the wrong form: a person must act when the source never worked;
/// one that worked before may meet a maintenance page, so it is tried again.
pub(super) fn wrong_form(cursor: &Cursor, fault: SourceFault) -> PollError {
    if cursor.position.is_none() && cursor.http.is_none() {
        PollError::Permanent(fault)
    } else {
        PollError::Transient(fault)
    }
}

/// A URL's host and port.
pub(super) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("?");
    url.port()
        .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Runs a parser on a thread that may block; a panic in it is an answer that could not be read.
pub(super) async fn blocking<T: Send + 'static>(
    host: &str,
    expected: &'static str,
    parse: impl FnOnce() -> Result<T, SourceFault> + Send + 'static,
) -> Result<T, SourceFault> {
    match tokio::task::spawn_blocking(parse).await {
        Ok(parsed) => parsed,
        Err(_) => Err(SourceFault::Unreadable {
            host: host.to_owned(),
            expected,
            problem: "the parser failed on it".to_owned(),
        }),
    }
}

/// Parses a configured URL.
pub(super) fn url(id: &SourceId, key: &'static str, value: &str) -> Result<Url, SourceSetupError> {
    let problem = match Url::parse(value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return Ok(url),
        Ok(url) => format!("scheme `{}` is not http or https", url.scheme()),
        Err(error) => error.to_string(),
    };
    Err(setup(id, key, value, problem))
}

/// A base URL with a path after it and without query.
pub(super) fn base(id: &SourceId, value: &str, segments: &[&str]) -> Result<Url, SourceSetupError> {
    let mut base = url(id, "base_url", value)?;
    base.set_query(None);
    base.set_fragment(None);
    match base.path_segments_mut() {
        Ok(mut path) => {
            path.pop_if_empty().extend(segments);
        }
        Err(()) => {
            return Err(setup(
                id,
                "base_url",
                value,
                "is not a base of paths".to_owned(),
            ));
        }
    }
    Ok(base)
}

/// A setup error about one key.
pub(super) fn setup(
    id: &SourceId,
    key: &'static str,
    value: &str,
    problem: String,
) -> SourceSetupError {
    SourceSetupError::Key {
        id: id.clone(),
        key,
        value: value.to_owned(),
        problem,
    }
}

/// Reads a credential: `prefix` and the file's trimmed content as the value of `header`.
pub(super) fn credential(
    id: &SourceId,
    header: HeaderName,
    prefix: &str,
    path: &Path,
) -> Result<Credential, SourceSetupError> {
    let refuse = |problem: String| SourceSetupError::Secret {
        id: id.clone(),
        problem,
    };
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let secret =
        read_secret(path, credentials.as_deref()).map_err(|error| refuse(error.to_string()))?;
    let secret = secret.expose_secret().trim();
    if secret.contains(char::is_control) {
        return Err(refuse(format!(
            "{} holds more than one line",
            path.display()
        )));
    }
    Ok(Credential {
        name: format!("{header} {}", path.display()),
        header,
        value: SecretString::from(format!("{prefix}{secret}")),
    })
}
