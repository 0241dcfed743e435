//! A fake CRM: verifies Standard Webhooks signatures with code of its own, and keeps a ledger.
//!
//! On purpose it shares no code with the sender, so that both must read the specification alike.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Deliveries may be so old or new, in seconds.
const TOLERANCE_SECS: i64 = 5 * 60;
/// Bytes of a delivery.
const MAX_BODY: usize = 1024 * 1024;
/// Notices that may wait for whoever prints them; more are dropped, the ledger has them all.
const NOTICES: usize = 1024;

/// A way to misbehave for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// This status, such as 500 or 410.
    Status(u16),
    /// 429 with `Retry-After` in seconds.
    RateLimited(u64),
    /// No answer until the sender gives up.
    Hang,
}

/// What the CRM knows of one `webhook-id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Requests with this id, answered 204 or not.
    pub requests: u32,
    /// Requests that were accepted with 204.
    pub accepted: u32,
    /// The event's type, as the body says.
    pub kind: String,
    /// Whether every request carried a valid signature.
    pub verified: bool,
    /// The body of the last request.
    pub body: Vec<u8>,
    /// Whether every request with this id had the same body.
    pub same_body: bool,
}

/// Something that happened, for a person who watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The `webhook-id`, empty when there was none.
    pub id: String,
    /// The event's type, empty when the body names none.
    pub kind: String,
    /// The status that was answered; 0 for none.
    pub status: u16,
    /// Why it was refused; absent when it was verified.
    pub problem: Option<String>,
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.problem {
            None => write!(
                f,
                "fake CRM: verified {} {} ({})",
                self.kind, self.id, self.status
            ),
            Some(problem) => write!(
                f,
                "fake CRM: refused {} ({}): {problem}",
                self.id, self.status
            ),
        }
    }
}

/// The running CRM. Dropping it closes it.
#[derive(Debug)]
pub struct Crm {
    shared: Arc<Shared>,
    url: String,
    _server: JoinSet<()>,
}

struct Shared {
    key: Vec<u8>,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    state: Mutex<State>,
    notices: mpsc::Sender<Notice>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    received: BTreeMap<String, Received>,
    moods: Vec<Mood>,
    unverified: u32,
}

impl Crm {
    /// Opens the CRM on a port of 127.0.0.1, a free one for 0. `secret` is `whsec_` and base64; `now` is the clock
    /// against which timestamps are judged. The receiver gets a notice for each request.
    ///
    /// # Errors
    /// When the secret is not of that form or no port can be bound.
    pub async fn start(
        port: u16,
        secret: &str,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        stop: CancellationToken,
    ) -> io::Result<(Self, mpsc::Receiver<Notice>)> {
        let bad = || {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the secret is not whsec_ and base64",
            )
        };
        let encoded = secret.strip_prefix("whsec_").ok_or_else(bad)?;
        let key = STANDARD.decode(encoded).map_err(|_| bad())?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let url = format!("http://{}/webhooks", listener.local_addr()?);
        let (notices, receiver) = mpsc::channel(NOTICES);
        let shared = Arc::new(Shared {
            key,
            now: Box::new(now),
            state: Mutex::default(),
            notices,
        });
        let there = Arc::clone(&shared);
        let receive = move |headers: HeaderMap, body: Bytes| {
            let shared = Arc::clone(&there);
            async move { shared.receive(&headers, &body).await }
        };
        let router = Router::new()
            .route("/webhooks", post(receive))
            .layer(DefaultBodyLimit::max(MAX_BODY));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let served =
                axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
            // A listener on loopback fails only with the machine.
            drop(served.await);
        });
        let crm = Self {
            shared,
            url,
            _server: server,
        };
        Ok((crm, receiver))
    }

    /// The port, for a CRM that starts again.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url
            .trim_end_matches("/webhooks")
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .unwrap_or(0)
    }

    /// Where deliveries go.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was received so far, by `webhook-id`.
    #[must_use]
    pub fn ledger(&self) -> BTreeMap<String, Received> {
        self.shared.lock().received.clone()
    }

    /// Requests without a valid signature.
    #[must_use]
    pub fn unverified(&self) -> u32 {
        self.shared.lock().unverified
    }

    /// Makes the next `times` requests go wrong.
    pub fn misbehave(&self, mood: Mood, times: usize) {
        self.shared
            .lock()
            .moods
            .extend(std::iter::repeat_n(mood, times));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn receive(&self, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
        let mood = {
            let mut state = self.lock();
            if state.moods.is_empty() {
                None
            } else {
                Some(state.moods.remove(0))
            }
        };
        let id = text(headers, "webhook-id").unwrap_or("").to_owned();
        let problem = verify(&self.key, headers, body, (self.now)()).err();
        let status = match (&problem, mood) {
            (_, Some(Mood::Status(status))) => status,
            (_, Some(Mood::RateLimited(_))) => 429,
            (_, Some(Mood::Hang)) => 0,
            (Some(_), None) => 401,
            (None, None) => 204,
        };
        let kind = self.note(&id, body, problem.is_none(), status);
        let notice = Notice {
            id,
            kind,
            status,
            problem: problem.map(str::to_owned),
        };
        // A watcher who is slow misses lines, never deliveries.
        drop(self.notices.try_send(notice));
        let mut response = Response::new(Body::empty());
        match mood {
            Some(Mood::Hang) => std::future::pending::<()>().await,
            Some(Mood::RateLimited(seconds)) => {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            _ => {}
        }
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
    }

    fn note(&self, id: &str, body: &Bytes, verified: bool, status: u16) -> String {
        let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let kind = document
            .get("type")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("")
            .to_owned();
        let mut state = self.lock();
        if !verified {
            state.unverified += 1;
        }
        let known = state
            .received
            .entry(id.to_owned())
            .or_insert_with(|| Received {
                requests: 0,
                accepted: 0,
                kind: kind.clone(),
                verified: true,
                body: body.to_vec(),
                same_body: true,
            });
        known.requests += 1;
        known.accepted += u32::from(status == 204);
        known.verified &= verified;
        known.same_body &= known.body == body[..];
        known.body = body.to_vec();
        kind
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Verifies a delivery after Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`.
fn verify(
    key: &[u8],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), &'static str> {
    let id = text(headers, "webhook-id").ok_or("no webhook-id")?;
    let stamp = text(headers, "webhook-timestamp").ok_or("no webhook-timestamp")?;
    let signatures = text(headers, "webhook-signature").ok_or("no webhook-signature")?;
    let seconds: i64 = stamp
        .parse()
        .map_err(|_| "webhook-timestamp is no number")?;
    if (now.as_second() - seconds).abs() > TOLERANCE_SECS {
        return Err("webhook-timestamp is too far from now");
    }
    for signature in signatures.split(' ') {
        let Some(given) = signature
            .strip_prefix("v1,")
            .and_then(|text| STANDARD.decode(text).ok())
        else {
            continue;
        };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            continue;
        };
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(stamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        if mac.verify_slice(&given).is_ok() {
            return Ok(());
        }
    }
    Err("no signature is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn headers(secret: &str, at: i64, body: &str) -> HeaderMap {
        let webhook = standardwebhooks::Webhook::new(secret).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        headers.insert("webhook-timestamp", at.into());
        let signature = webhook.sign("msg_1", at, body.as_bytes()).unwrap();
        headers.insert(
            "webhook-signature",
            format!("v1a,zzz {signature}").parse().unwrap(),
        );
        headers
    }

    #[test]
    fn signatures_of_the_reference_library_verify_and_others_do_not() {
        let key = STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
        let now = Timestamp::from_second(1_772_360_000).unwrap();
        let good = headers(SECRET, 1_772_360_000, "{}");
        assert_eq!(verify(&key, &good, b"{}", now), Ok(()));
        assert_eq!(
            verify(&key, &good, b"{ }", now),
            Err("no signature is valid")
        );
        let late = Timestamp::from_second(1_772_360_000 + 301).unwrap();
        assert_eq!(
            verify(&key, &good, b"{}", late),
            Err("webhook-timestamp is too far from now")
        );
        let other = headers(
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            1_772_360_000,
            "{}",
        );
        assert_eq!(
            verify(&key, &other, b"{}", now),
            Err("no signature is valid")
        );
        assert_eq!(
            verify(&key, &HeaderMap::new(), b"{}", now),
            Err("no webhook-id")
        );
    }

    #[tokio::test]
    async fn deliveries_are_answered_counted_and_refused_on_command() {
        let clock = || Timestamp::from_second(1_772_360_000).unwrap();
        let (crm, mut notices) = Crm::start(0, SECRET, clock, CancellationToken::new())
            .await
            .unwrap();
        crm.misbehave(Mood::RateLimited(7), 1);
        crm.misbehave(Mood::Status(500), 1);
        let (fetch_clock, _time) = crate::runtime::Clock::manual(clock());
        let config = crate::config::FetchConfig {
            contact_url: "https://overheard.example/bot".into(),
            timeout_secs: 5,
            max_body_mib: 1,
            host_spacing_ms: 0,
            backoff_secs: 1,
            max_backoff_secs: 10,
            max_interval_secs: 86_400,
            websub: false,
            allow_private: vec!["127.0.0.0/8".into()],
            allow_ports: vec![],
        };
        let fetcher = crate::fetch::Fetcher::new(&config, fetch_clock).unwrap();
        let body = r#"{"type":"mention.created"}"#;
        let post = |secret: &str| crate::fetch::PostRequest {
            url: crm.url().parse().unwrap(),
            headers: headers(secret, 1_772_360_000, body)
                .into_iter()
                .filter_map(|(name, value)| Some((name?, value)))
                .collect(),
            body: Bytes::from(body),
            timeout: std::time::Duration::from_secs(5),
            allow_http: true,
        };
        let mut statuses = Vec::new();
        for secret in [
            SECRET,
            SECRET,
            SECRET,
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            statuses.push(fetcher.post(post(secret)).await.unwrap().status);
        }
        assert_eq!(statuses, [429, 500, 204, 401]);
        let known = &crm.ledger()["msg_1"];
        assert_eq!(
            (known.requests, known.accepted, known.kind.as_str()),
            (4, 1, "mention.created")
        );
        assert!(known.same_body && !known.verified);
        assert_eq!(crm.unverified(), 1);
        let mut lines = Vec::new();
        while let Ok(notice) = notices.try_recv() {
            lines.push(notice.to_string());
        }
        assert_eq!(lines[2], "fake CRM: verified mention.created msg_1 (204)");
        assert_eq!(
            lines[3],
            "fake CRM: refused msg_1 (401): no signature is valid"
        );
    }
}
