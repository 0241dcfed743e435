//! Where an endpoint is: a web server, mailboxes, a file.
//!
//! `Debug` and [`Target::address`] never show a URL's path, which may hold a token.

use std::fmt;
use std::path::Path;

use url::Url;

use super::endpoint::EndpointError;
use super::file::EventFile;
use super::mail::MailRoute;
use crate::config::{EndpointConfig, WebhookFormat};

/// Where an endpoint is.
pub enum Target {
    /// A receiver of webhooks, or a chat.
    Web {
        /// Where to post.
        url: Url,
        /// Whether plain http is allowed.
        allow_http: bool,
    },
    /// Mailboxes.
    Mail(MailRoute),
    /// A file.
    File(EventFile),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { url, .. } => f.debug_tuple("Web").field(&url.host_str()).finish(),
            Self::Mail(route) => route.fmt(f),
            Self::File(file) => file.fmt(f),
        }
    }
}

impl Target {
    /// What may be shown of it: the host, the mailboxes or the file.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Web { url, .. } => match (url.host_str().unwrap_or_default(), url.port()) {
                (host, Some(port)) => format!("{host}:{port}"),
                (host, None) => host.to_owned(),
            },
            Self::Mail(route) => route.address(),
            Self::File(file) => file.path().display().to_string(),
        }
    }

    /// Where the configuration leads, `url` being what it or its file says.
    pub(super) fn of(config: &EndpointConfig, url: &str) -> Result<Self, EndpointError> {
        let fault = |problem| EndpointError::Url {
            endpoint: config.id.clone(),
            problem,
        };
        match config.format {
            WebhookFormat::Email => {
                let url = Url::parse(url).map_err(|_| {
                    fault("not a URL: use one such as smtps://mail.example.com or smtp://localhost")
                })?;
                MailRoute::new(config, &url)
                    .map(Target::Mail)
                    .map_err(fault)
            }
            WebhookFormat::Ndjson => {
                let path = config.file.clone().unwrap_or_default();
                let directory = match path.parent() {
                    Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
                    parent => parent.unwrap_or(Path::new("")),
                };
                if !directory.is_dir() {
                    return Err(EndpointError::Directory {
                        endpoint: config.id.clone(),
                        path,
                    });
                }
                Ok(Target::File(EventFile::new(path, config)))
            }
            _ => {
                let url = parse_url(url, config.allow_http).map_err(fault)?;
                Ok(Target::Web {
                    url,
                    allow_http: config.allow_http,
                })
            }
        }
    }
}

fn parse_url(text: &str, allow_http: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text)
        .map_err(|_| "not a URL: use one such as https://crm.example/hooks/overheard")?;
    match url.scheme() {
        "https" => {}
        "http" if allow_http => {}
        "http" => {
            return Err(
                "plain http: use https, or set allow_http = true for a receiver on this machine",
            );
        }
        _ => return Err("neither https nor http"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("one with a user name or password: leave them out, requests are signed");
    }
    Ok(url)
}
