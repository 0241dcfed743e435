//! Sending a frozen body once, to wherever the endpoint is.
//!
//! Decides nothing: what an outcome means for the next attempt is `retry`'s.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;

use super::chat::{self, Dialect};
use super::endpoint::Endpoint;
use super::file::EventFile;
use super::format::{Wire, wire};
use super::mail::{MailFault, Report};
use super::payload;
use super::sign::{self, HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP};
use super::target::Target;
use crate::config::WebhookPayload;
use crate::domain::EventId;
use crate::fetch::{Fetcher, HeaderName, HeaderValue, PostAnswer, PostRequest};
use crate::runtime::Clock;

/// What came of sending once.
#[derive(Debug)]
pub enum Outcome {
    /// A web server answered.
    Answered(PostAnswer),
    /// It is in the file, or the mail server took it.
    Taken,
    /// It was not taken, and may be later; why, in words.
    Failed(String),
    /// It will never be taken; why, in words.
    Refused(String),
}

/// What is sent.
pub(super) struct Sending<'a> {
    pub(super) id: &'a EventId,
    pub(super) at: Timestamp,
    pub(super) frozen: Vec<u8>,
    /// For mail about a digest.
    pub(super) report: Option<Report>,
}

/// What sending needs besides the endpoint.
pub(super) struct Door<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) clock: &'a Clock,
    /// This installation's own address, if it has one.
    pub(super) public_url: Option<&'a str>,
    pub(super) timeout: Duration,
}

impl Door<'_> {
    pub(super) async fn send(&self, endpoint: &Endpoint, sending: Sending<'_>) -> Outcome {
        match endpoint.target() {
            Target::Web { url, allow_http } => {
                let request = self.request(endpoint, (url, *allow_http), sending);
                match self.fetcher.post(request).await {
                    Ok(answer) => Outcome::Answered(answer),
                    Err(error) => Outcome::Failed(error.to_string()),
                }
            }
            Target::Mail(route) => {
                let template = endpoint.message();
                let Some(told) = chat::told(Dialect::Mail, &sending.frozen, template) else {
                    return Outcome::Refused("the event cannot be told".to_owned());
                };
                let Sending { id, report, .. } = sending;
                let sent = route.send(id.as_str(), &told, report, self.clock, self.timeout);
                match sent.await {
                    Ok(()) => Outcome::Taken,
                    Err(MailFault::Transient(what)) => Outcome::Failed(what),
                    Err(MailFault::Permanent(what)) => Outcome::Refused(what),
                }
            }
            Target::File(file) => {
                let lines = vec![event_of(endpoint, sending.frozen)];
                append(file, lines, sending.at).await
            }
        }
    }

    /// A frozen body as it is posted to a URL, which may be plain http or not.
    fn request(
        &self,
        endpoint: &Endpoint,
        (url, allow_http): (&Url, bool),
        sending: Sending<'_>,
    ) -> PostRequest {
        let Sending { id, at, frozen, .. } = sending;
        let Wire { headers, body } = wire(
            endpoint.format(),
            event_of(endpoint, frozen),
            self.public_url.unwrap_or("/overheard"),
            endpoint.message(),
        );
        let signature = sign::sign(endpoint.secrets(at), id.as_str(), at, &body);
        let header = |name: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).expect(
                "invariant: ids, numbers, base64 and what `format` encodes are visible ASCII",
            );
            (HeaderName::from_static(name), value)
        };
        let mut all: Vec<_> = headers
            .iter()
            .map(|(name, value)| header(name, value))
            .collect();
        all.push(header(HEADER_ID, id.as_str()));
        all.push(header(HEADER_TIMESTAMP, &at.as_second().to_string()));
        if !signature.is_empty() {
            all.push(header(HEADER_SIGNATURE, &signature));
        }
        PostRequest {
            url: url.clone(),
            headers: all,
            body: Bytes::from(body),
            timeout: self.timeout,
            allow_http,
        }
    }
}

/// As much of the event as the endpoint wants.
pub(super) fn event_of(endpoint: &Endpoint, frozen: Vec<u8>) -> Vec<u8> {
    match endpoint.payload() {
        WebhookPayload::Full => frozen,
        WebhookPayload::Thin => payload::thinned(frozen),
    }
}

/// Appends lines to a file: all of them, or none.
pub(super) async fn append(file: &EventFile, lines: Vec<Vec<u8>>, at: Timestamp) -> Outcome {
    let writer = file.clone();
    let written = tokio::task::spawn_blocking(move || writer.append(&lines, at)).await;
    let error = match written {
        Ok(Ok(())) => return Outcome::Taken,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Outcome::Failed(format!(
        "could not write {}: {error}",
        file.path().display()
    ))
}
