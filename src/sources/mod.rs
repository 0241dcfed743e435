//! Where posts come from: one connector a file.
//!
//! The contract: `poll` fetches what is new since the cursor and returns it with the cursor that
//! comes after it. It stores nothing, so dropping the answer loses nothing; the cursor moves only
//! when the posts are committed. A connector is two parts: a pure parser (bytes to posts and
//! rejects), and the polling around it. An item at fault costs itself alone.
//!
//! Nothing here cleans text, judges posts, logs, or opens a connection but through `fetch`.

pub mod post_format;

mod appstore;
mod charset;
mod date;
mod date_names;
mod entities;
pub mod feed;
mod file;
mod file_csv;
mod hackernews;
mod json;
mod link_header;
mod markup;
mod mastodon;
mod page;
mod resource;
mod seen;

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::config::{SourceConfig, SourceKind};
use crate::domain::{Batch, Cursor, HttpKey, Push, SourceId};
use crate::fetch::{FetchError, Fetcher};
use crate::runtime::Clock;

/// A configured origin of posts.
#[async_trait]
pub trait Source: Send + Sync {
    /// The name that the configuration gave.
    fn id(&self) -> &SourceId;

    /// The connector's name: `feed`, `mastodon`.
    fn kind(&self) -> &'static str;

    /// The resource that is polled conditionally; absent when no URL is asked for twice.
    fn http_key(&self) -> Option<HttpKey>;

    /// Fetches what is new since `cursor`. Stores nothing.
    ///
    /// # Errors
    /// The variant decides the reaction; the cursor stays where it is.
    async fn poll(&self, cursor: &Cursor) -> Result<Batch, PollError>;

    /// Reads what a hub sent since `cursor`; `None` from a connector to which no hub sends anything.
    ///
    /// # Errors
    /// When it could not be read.
    async fn read_push(&self, _: &Cursor, _: &Push) -> Result<Option<Batch>, SourceFault> {
        Ok(None)
    }
}

/// Why a poll brought nothing. The variant names the reaction.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// Come back at the time, or after a doubled wait where there is none.
    #[error("{error}")]
    RateLimited {
        /// When the server wants us back.
        retry_at: Option<Timestamp>,
        /// What the server said.
        #[source]
        error: Box<FetchError>,
    },
    /// Try again after the usual backoff.
    #[error(transparent)]
    Transient(SourceFault),
    /// Pause the source and show the fault to a person.
    #[error(transparent)]
    Permanent(SourceFault),
}

/// What is wrong with a source, in words for its owner. Names hosts, never paths or queries.
#[derive(Debug, thiserror::Error)]
pub enum SourceFault {
    /// No usable answer came.
    #[error(transparent)]
    Fetch(Box<FetchError>),
    /// A web page came where a feed was expected.
    #[error(
        "{host}: the answer is an HTML page, not a feed{}",
        did_you_mean(links)
    )]
    NotAFeed {
        /// Who answered.
        host: String,
        /// Feeds that the page names, absolute.
        links: Vec<String>,
    },
    /// The answer has another form than the connector reads.
    #[error("{host}: the answer is not {expected}: {problem}")]
    Unreadable {
        /// Who answered.
        host: String,
        /// What was expected: `a feed`, `JSON`.
        expected: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        error: std::io::Error,
    },
    /// A file has another form than the connector reads.
    #[error("{}: {problem}", path.display())]
    FileForm {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// Why a source cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum SourceSetupError {
    /// A key's value cannot work.
    #[error("source \"{id}\": {key} = \"{value}\": {problem}")]
    Key {
        /// The source.
        id: SourceId,
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A secret's file cannot be used.
    #[error("source \"{id}\": {problem}")]
    Secret {
        /// The source.
        id: SourceId,
        /// What is wrong with it; names the file.
        problem: String,
    },
}

/// Builds the connector that a configuration names. Opens no connection.
///
/// # Errors
/// A value that cannot work: a URL, a selector, a pointer, a secret's file.
pub fn build(
    config: &SourceConfig,
    fetcher: &Fetcher,
    clock: &Clock,
) -> Result<Box<dyn Source>, SourceSetupError> {
    let id = &config.id;
    Ok(match &config.kind {
        SourceKind::Feed(config) => Box::new(feed::FeedSource::new(id, config, fetcher)?),
        SourceKind::Page(config) => Box::new(page::PageSource::new(id, config, fetcher)?),
        SourceKind::Json(config) => Box::new(json::JsonSource::new(id, config, fetcher)?),
        SourceKind::Mastodon(config) => {
            Box::new(mastodon::MastodonSource::new(id, config, fetcher)?)
        }
        SourceKind::HackerNews(config) => Box::new(hackernews::HackerNewsSource::new(
            id, config, fetcher, clock,
        )?),
        SourceKind::AppStore(config) => {
            Box::new(appstore::AppStoreSource::new(id, config, fetcher)?)
        }
        SourceKind::File(config) => Box::new(file::FileSource::new(id, config, clock)?),
    })
}

fn did_you_mean(links: &[String]) -> String {
    match links {
        [] => String::new(),
        [link] => format!("; did you mean {link}"),
        _ => format!("; did you mean one of: {}", links.join(", ")),
    }
}

#[cfg(test)]
mod tests;
