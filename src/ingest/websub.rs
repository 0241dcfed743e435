//! Subscribes to feeds' news at WebSub hubs (W3C, 2018) and judges what comes back.
//!
//! A poll finds the hub (`Poller`), `Subscriber` asks it and asks again before the lease ends, the web part takes its
//! callbacks, and what it sends goes the way of a poll's answer (`Poller::take_push`). Nothing depends on a hub: polls
//! go on, slower while it sends.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::schedule::backoff;
use crate::domain::{Subscription, hex};
use crate::fetch::{Fetcher, PostAnswer, Url};
use crate::runtime::{Clock, later};
use crate::store::{Store, StoreError};

/// The path of callbacks; the key follows it.
pub const CALLBACK_PATH: &str = "/websub/";

/// The lease that a hub is asked for.
const LEASE: Duration = Duration::from_secs(10 * 24 * 60 * 60);
/// A longer one is renewed as if it were this long.
const LONGEST_LEASE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The part of a lease after which it is renewed.
const RENEW_AFTER: f64 = 0.8;
/// A hub is asked no sooner than this after it confirmed, however short its lease.
const SHORTEST_RENEWAL: Duration = Duration::from_secs(5 * 60);
/// A hub that does not confirm is asked again after this, then less and less often ...
const FIRST_RETRY: Duration = Duration::from_secs(60 * 60);
/// ... down to this.
const LAST_RETRY: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two looks at who is to be asked.
const LOOK: Duration = Duration::from_secs(5);
/// Subscriptions taken up in one look.
const AT_ONCE: usize = 256;
/// Hubs asked at the same time; one that hangs holds up no other.
const HUBS: usize = 8;
/// What is kept of a hub's reason, in characters.
const MAX_REASON: usize = 200;

/// Asks the hubs.
pub struct Subscriber {
    store: Store,
    fetcher: Fetcher,
    clock: Clock,
    base: String,
}

impl Subscriber {
    /// A subscriber whose callbacks begin with `public_url`.
    #[must_use]
    pub fn new(store: Store, fetcher: Fetcher, clock: Clock, public_url: &str) -> Self {
        Self {
            store,
            fetcher,
            clock,
            base: public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// Asks each hub when it is time, until `stop`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), StoreError> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                asked = self.ask_due() => asked?,
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.clock.sleep(LOOK) => {}
            }
        }
    }

    /// Asks the hubs for which it is time.
    ///
    /// # Errors
    /// When the store fails; a hub's faults are kept with its subscription.
    pub async fn ask_due(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due = self.store.due_subscriptions(&self.base, now, AT_ONCE);
        let asking = stream::iter(due.await?).map(|subscription| self.ask(subscription));
        asking.buffer_unordered(HUBS).try_collect().await
    }

    async fn ask(&self, subscription: Subscription) -> Result<(), StoreError> {
        let now = self.clock.now();
        let tries = subscription.unconfirmed + 1;
        let wait = backoff(FIRST_RETRY, LAST_RETRY, tries, rand::random());
        let again = later(now, wait);
        let key = &subscription.key;
        // Before the request: a hub may confirm before it answers, and a crash here asks late and not twice.
        self.store.asked_hub(key, &self.base, again).await?;
        let problem = match self.request(&subscription).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                tracing::info!(hub = host(&subscription), "asked a hub for a feed's news");
                if subscription.unconfirmed == 0 {
                    return Ok(());
                }
                "it has not confirmed: can it reach public_url?".to_owned()
            }
            Ok(answer) => refusal(&answer),
            Err(problem) => problem,
        };
        tracing::warn!(
            hub = host(&subscription),
            error = problem,
            "a hub sends nothing"
        );
        self.store.hub_refused(key, problem, again).await
    }

    async fn request(&self, subscription: &Subscription) -> Result<PostAnswer, String> {
        let hub = &subscription.hub;
        let url = Url::parse(&hub.url).map_err(|error| error.to_string())?;
        let callback = format!("{}{CALLBACK_PATH}{}", self.base, subscription.key);
        let lease = LEASE.as_secs().to_string();
        let fields = [
            ("hub.mode", "subscribe"),
            ("hub.topic", &hub.topic),
            ("hub.callback", &callback),
            ("hub.secret", &subscription.secret),
            ("hub.lease_seconds", &lease),
        ];
        let answer = self.fetcher.submit(url, &fields).await;
        answer.map_err(|error| error.to_string())
    }
}

/// Until when a lease that was granted at `now` holds, and when to ask for the next. `seconds` is what the hub said.
#[must_use]
pub fn granted(seconds: Option<u64>, now: Timestamp) -> (Timestamp, Timestamp) {
    let lease = seconds
        .map_or(LEASE, Duration::from_secs)
        .min(LONGEST_LEASE);
    let renewal = lease.mul_f64(RENEW_AFTER).max(SHORTEST_RENEWAL);
    (later(now, lease), later(now, renewal))
}

/// Remembers that a hub confirmed a subscription, for as long as it said.
///
/// # Errors
/// When the store cannot be written.
pub async fn confirm(
    store: &Store,
    subscription: &Subscription,
    lease_secs: Option<u64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (until, renewal) = granted(lease_secs, now);
    store.hub_confirmed(&subscription.key, until, renewal).await
}

/// Remembers that a hub will not have us, and why.
///
/// # Errors
/// When the store cannot be written.
pub async fn deny(
    store: &Store,
    subscription: &Subscription,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason: String = reason
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_REASON)
        .collect();
    let problem = if reason.is_empty() {
        "it denies the subscription".to_owned()
    } else {
        format!("it denies the subscription: {reason}")
    };
    let again = later(now, LAST_RETRY);
    store.hub_refused(&subscription.key, problem, again).await
}

/// Whether `header` (`X-Hub-Signature: method=hexadecimal digits`) is the body's, made with the secret. The methods are
/// those that WebSub names: SHA-1, which old hubs use, and SHA-2; an HMAC does not need what SHA-1 lost.
#[must_use]
pub fn is_signed(secret: &str, header: &str, body: &[u8]) -> bool {
    let Some((method, signature)) = header.trim().split_once('=') else {
        return false;
    };
    let secret = secret.as_bytes();
    let expected = match method.trim().to_ascii_lowercase().as_str() {
        "sha1" => digits::<Hmac<Sha1>>(secret, body),
        "sha256" => digits::<Hmac<Sha256>>(secret, body),
        "sha384" => digits::<Hmac<Sha384>>(secret, body),
        "sha512" => digits::<Hmac<Sha512>>(secret, body),
        _ => None,
    };
    let found = signature.trim().to_ascii_lowercase();
    expected.is_some_and(|expected| expected.as_bytes().ct_eq(found.as_bytes()).into())
}

fn digits<M: Mac + KeyInit>(secret: &[u8], body: &[u8]) -> Option<String> {
    let mut mac = <M as KeyInit>::new_from_slice(secret).ok()?;
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    Some(hex(&digest))
}

/// A text of 128 random bits that nobody can guess.
pub(super) fn unguessable() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn refusal(answer: &PostAnswer) -> String {
    let reason = answer
        .excerpt
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let reason: String = reason.chars().take(MAX_REASON).collect();
    match reason.as_str() {
        "" => format!("it answered {}", answer.status),
        reason => format!("it answered {}: {reason}", answer.status),
    }
}

/// The hub's host, for the log.
fn host(subscription: &Subscription) -> String {
    let url = Url::parse(&subscription.hub.url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_24_a_lease_is_renewed_before_it_ends() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let of = |seconds| {
            let (until, renewal) = granted(seconds, now);
            let since = |time: Timestamp| time.duration_since(now).as_secs();
            (since(until), since(renewal))
        };
        assert_eq!(of(Some(86_400)), (86_400, 69_120));
        assert_eq!(of(None), (864_000, 691_200));
        assert_eq!(of(Some(60)), (60, 300));
        assert_eq!(of(Some(0)), (0, 300));
        assert_eq!(of(Some(u64::MAX)), (2_592_000, 2_073_600));
    }

    /// The values are Python's: `hmac.new(b"key", b"body", method).hexdigest()`.
    #[test]
    fn item_24_signatures_of_all_methods_are_checked() {
        let right = [
            "sha1=70bbf6819d1037aa94ca7e7f537cbea25fe49283",
            " SHA256=515AAE133B435D4000956731F68AE5CF5EB85D4F0DC6A546D2BFCD3595EC1AE1 ",
            "sha384=9af5e5a8f0a932a9f2d4d4f20b9465aa742b5ad36b921661b00d7ce1dea803702c214535e7ed29f5fcbc495b363c999c",
            "sha512=b71e82b42ece244182aae00f5c418d84b5b0ac844874765e658e91b26261b32df39e9fcbf44424d0e3b53bab192e78a4936224ec940cf953164b70aacdd4c845",
        ];
        for header in right {
            assert!(is_signed("key", header, b"body"), "{header}");
            assert!(!is_signed("kez", header, b"body"), "{header}");
            assert!(!is_signed("key", header, b"bodY"), "{header}");
            assert!(
                !is_signed("key", &header[..header.len() - 2], b"body"),
                "{header}"
            );
        }
        let digest = right[0].strip_prefix("sha1=").unwrap();
        for header in ["", "sha1", "sha1=", "=", digest, &format!("md5={digest}")] {
            assert!(!is_signed("key", header, b"body"), "{header}");
        }
    }
}
