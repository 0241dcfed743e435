//! Asking robots.txt before a fetch: once an origin, remembered for at most a day.
//!
//! By RFC 9309: a file that is not there allows everything, one that cannot be had disallows
//! everything for now. 429 counts as the latter. The file is fetched through the same door, with the
//! same guard and in the same line.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use url::Url;

use super::Inner;
use super::error::{FetchError, RedirectProblem, Refusal};
use super::explain::RobotsVerdict;
use super::robots_txt::RobotsTxt;
use super::trip::{Arrival, Overflow, Trip, travel};
use crate::runtime::later;

/// The name that robots.txt files call us by.
const ROBOT: &str = "overheard";
/// What is read of a file, in bytes, as the RFC demands at least.
const MAX_FILE: u64 = 500 * 1024;
/// How long a file, or that there is none, is remembered.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is remembered that a file could not be had.
const KEEP_FAILURE: Duration = Duration::from_secs(10 * 60);
/// Origins that are remembered; beyond that the expired ones go first.
const MAX_ORIGINS: usize = 20_000;

/// What is known of all origins.
#[derive(Debug, Default)]
pub(super) struct Robots {
    origins: Mutex<HashMap<String, Entry>>,
}

/// Locked while its file is fetched, so that many who ask at once cause one request.
type Entry = Arc<tokio::sync::Mutex<Option<Known>>>;

#[derive(Debug, Clone)]
struct Known {
    verdict: Verdict,
    from: Timestamp,
    until: Timestamp,
}

#[derive(Debug, Clone)]
enum Verdict {
    Rules(Arc<RobotsTxt>),
    Unreachable(String),
}

/// Asks an origin's robots.txt whether a URL may be fetched, and passes its delay on.
pub(super) async fn check(inner: &Inner, url: &Url) -> Result<(), FetchError> {
    let refusal = match verdict(inner, url).await? {
        Verdict::Rules(rules) => {
            if let Some(delay) = rules.crawl_delay {
                inner.limits.crawl_delay(url, delay);
            }
            if rules.allows(path(url)) {
                return Ok(());
            }
            Refusal::Robots
        }
        Verdict::Unreachable(why) => Refusal::RobotsUnreachable(why),
    };
    Err(FetchError::Refused {
        url: url.clone(),
        refusal,
    })
}

/// Says what an origin's robots.txt says of a URL.
pub(super) async fn explain(inner: &Inner, url: &Url) -> RobotsVerdict {
    let unread = |allowed, reason| RobotsVerdict {
        allowed,
        rule: None,
        reason: Some(reason),
        crawl_delay_secs: None,
    };
    match verdict(inner, url).await {
        Ok(Verdict::Rules(rules)) => RobotsVerdict {
            allowed: Some(rules.allows(path(url))),
            rule: rules.deciding_line(path(url)),
            reason: None,
            crawl_delay_secs: rules.crawl_delay.map(|delay| delay.as_secs()),
        },
        Ok(Verdict::Unreachable(why)) => unread(Some(false), why),
        Err(error) => unread(None, error.to_string()),
    }
}

fn path(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

/// What is known of an origin, which is asked where that is too old.
async fn verdict(inner: &Inner, url: &Url) -> Result<Verdict, FetchError> {
    let entry = inner.robots.entry(url, inner.clock.now());
    let mut known = entry.lock().await;
    let now = inner.clock.now();
    if let Some(known) = known.as_ref().filter(|known| known.holds(now)) {
        return Ok(known.verdict.clone());
    }
    let verdict = fetch(inner, url).await?;
    let now = inner.clock.now();
    let keep = match verdict {
        Verdict::Rules(_) => KEEP,
        Verdict::Unreachable(_) => KEEP_FAILURE,
    };
    *known = Some(Known {
        verdict: verdict.clone(),
        from: now,
        until: later(now, keep),
    });
    Ok(verdict)
}

async fn fetch(inner: &Inner, url: &Url) -> Result<Verdict, FetchError> {
    let mut robots_url = url.clone();
    robots_url.set_path("/robots.txt");
    robots_url.set_query(None);
    let headers =
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/plain,*/*;q=0.5"))]);
    let trip = Trip {
        url: robots_url,
        headers,
        secret: None,
        obey_robots: false,
        cap: MAX_FILE,
        overflow: Overflow::Cut,
    };
    let everything = || Verdict::Rules(Arc::new(RobotsTxt::default()));
    Ok(match boxed(inner, trip).await {
        Ok(arrival) => match arrival.status.as_u16() {
            200..=299 => Verdict::Rules(Arc::new(RobotsTxt::parse(&file(&arrival), ROBOT))),
            400..=499 => everything(),
            status => Verdict::Unreachable(format!("answered {status}")),
        },
        // A time to come back is not forgotten for a guess of ours.
        Err(
            error @ FetchError::RateLimited {
                retry_at: Some(_), ..
            },
        ) => return Err(error),
        Err(FetchError::Redirects {
            problem: RedirectProblem::TooMany(_) | RedirectProblem::Loop,
            ..
        }) => everything(),
        Err(error) => Verdict::Unreachable(error.to_string()),
    })
}

/// A trip within a trip: the type of a future cannot hold itself.
fn boxed<'a>(
    inner: &'a Inner,
    trip: Trip,
) -> Pin<Box<dyn Future<Output = Result<Arrival, FetchError>> + Send + 'a>> {
    Box::pin(travel(inner, trip))
}

/// The file as text; of one that was cut, no half line.
fn file(arrival: &Arrival) -> String {
    let mut bytes = &arrival.body[..];
    if bytes.len() as u64 >= MAX_FILE {
        let end = bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
        bytes = &bytes[..end.unwrap_or(0)];
    }
    String::from_utf8_lossy(bytes).into_owned()
}

impl Robots {
    fn entry(&self, url: &Url, now: Timestamp) -> Entry {
        let origin = url.origin().ascii_serialization();
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.len() >= MAX_ORIGINS && !origins.contains_key(&origin) {
            origins.retain(|_, entry| is_needed(entry, now));
            if origins.len() >= MAX_ORIGINS {
                // Asking again costs a request each; memory without end costs the daemon.
                origins.clear();
            }
        }
        Arc::clone(origins.entry(origin).or_default())
    }
}

/// Whether an entry still holds, or is being filled.
fn is_needed(entry: &Entry, now: Timestamp) -> bool {
    entry.try_lock().map_or(true, |known| {
        known.as_ref().is_some_and(|known| known.holds(now))
    })
}

impl Known {
    /// A clock that was set back ends it too, or it would be kept for longer than it may.
    fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}
