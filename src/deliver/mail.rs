//! Messages by SMTP: the words of `chat`, and of a digest the whole digest.
//!
//! Speaks through lettre, and with TLS unless the server is on this machine. The id of an event is that of its message, so that
//! mailboxes which know one drop its copy. Never shows a password.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use url::{Host, Url};

use super::chat::Told;
use crate::config::EndpointConfig;
use crate::runtime::Clock;

/// Characters of a subject; mail programs show fewer.
const MAX_SUBJECT: usize = 120;

/// What is sent of each of a digest's files, in bytes; mailboxes have limits.
const MAX_REPORT: u64 = 2 * 1024 * 1024;

/// Where mail goes, and by which server.
pub struct MailRoute {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl fmt::Debug for MailRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailRoute").finish_non_exhaustive()
    }
}

/// A digest's files, as the body of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report {
    pub(super) markdown: Option<String>,
    pub(super) html: Option<String>,
}

impl Report {
    /// Out of a digest's files, as far as they can be read.
    pub(super) fn read(files: &[String]) -> Self {
        let with = |end: &str| {
            let file = files.iter().find(|file| file.ends_with(end))?;
            let file = std::fs::File::open(file).ok()?;
            std::io::read_to_string(file.take(MAX_REPORT)).ok()
        };
        Self {
            markdown: with(".md"),
            html: with(".html"),
        }
    }
}

/// The server did not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MailFault {
    /// It may take it later.
    Transient(String),
    /// It never will.
    Permanent(String),
}

impl MailRoute {
    /// The route of an endpoint's configuration, by the server behind `url`.
    pub(super) fn new(config: &EndpointConfig, url: &Url) -> Result<Self, &'static str> {
        let is_encrypted =
            url.scheme() == "smtps" || url.query_pairs().any(|pair| pair == TLS_REQUIRED);
        if !["smtp", "smtps"].contains(&url.scheme()) || url.host().is_none() {
            return Err("no mail server: use one such as smtps://mail.example.com");
        }
        if !is_encrypted && !is_here(url) {
            return Err(
                "an unencrypted mail server elsewhere: use smtps://, or add ?tls=required for STARTTLS",
            );
        }
        let mailbox = |text: &str| {
            text.parse::<Mailbox>()
                .map_err(|_| "there, but a mailbox beside it is none")
        };
        let from = mailbox(config.from.as_deref().unwrap_or_default())?;
        let to: Result<Vec<_>, _> = config.to.iter().map(|to| mailbox(to)).collect();
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str());
        let server = server.map_err(|_| "no mail server that can be spoken to: see the manual of [[endpoints]] for what may stand in it")?;
        let name = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self {
            server: server.hello_name(name).build(),
            from,
            to: to?,
        })
    }

    /// The mailboxes.
    pub(super) fn address(&self) -> String {
        let to = self.to.iter().map(|to| to.email.to_string());
        to.collect::<Vec<_>>().join(", ")
    }

    /// Sends what is told of the event with this id, within `timeout`.
    pub(super) async fn send(
        &self,
        id: &str,
        told: &Told,
        report: Option<Report>,
        clock: &Clock,
        timeout: Duration,
    ) -> Result<(), MailFault> {
        let message = self.message(id, told, report, clock.now());
        let message =
            message.map_err(|error| MailFault::Permanent(format!("no message: {error}")))?;
        let sent = tokio::select! {
            sent = self.server.send(message) => Some(sent),
            () = clock.sleep(timeout) => None,
        };
        match sent {
            None => Err(MailFault::Transient(
                "no answer of the mail server in time".to_owned(),
            )),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => {
                // What the server says may repeat an address; its number says enough.
                let what = match error.status() {
                    Some(code) => format!("the mail server answered {code}"),
                    None if error.is_tls() => {
                        "the mail server cannot be spoken to by TLS".to_owned()
                    }
                    None => "the mail server cannot be reached".to_owned(),
                };
                Err(if error.is_permanent() {
                    MailFault::Permanent(what)
                } else {
                    MailFault::Transient(what)
                })
            }
        }
    }

    fn message(
        &self,
        id: &str,
        told: &Told,
        report: Option<Report>,
        at: Timestamp,
    ) -> Result<Message, lettre::error::Error> {
        let (subject, _) = told.text.split_once('\n').unwrap_or((&told.text, ""));
        let mut short: String = subject.chars().take(MAX_SUBJECT).collect();
        if short.len() < subject.len() {
            short.push('…');
        }
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(short)
            .date(SystemTime::from(at))
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(AutoSubmitted);
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let mut text = told.text.clone();
        if let Some(link) = &told.link {
            text = format!("{text}\n\n{link}");
        }
        let Report { markdown, html } = report.unwrap_or_default();
        if let Some(markdown) = markdown {
            text = format!("{text}\n\n{markdown}");
        }
        match html {
            None => builder.singlepart(SinglePart::plain(text)),
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html)),
        }
    }
}

/// What asks for STARTTLS in the URL of a server.
const TLS_REQUIRED: (Cow<'static, str>, Cow<'static, str>) =
    (Cow::Borrowed("tls"), Cow::Borrowed("required"));

/// Whether the server is on this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => match name.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => name == "localhost",
        },
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Tells programs that answer mail on their own not to (RFC 3834, section 5).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
