//! The way to a resource: hop after hop, each checked, each in its host's turn, under one deadline.
//!
//! Knows nothing of validators. The deadline counts the time on the wire; waiting for a host's turn
//! is not the server's fault.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::error::{FetchError, RedirectProblem, host};
use super::failure::{body_error, connect_error};
use super::guard::Guard;
use super::headers::{rate_limit_pause, rate_limit_reset, retry_after};
use super::hints::body_pause;
use super::limits::Hold;
use super::{Inner, robots};

/// The most redirects that are followed.
const MAX_HOPS: usize = 5;
/// What is read of the body of a 429, in bytes: a pause is said in few words.
const MAX_REFUSAL: usize = 64 * 1024;

/// Where to go and with what.
pub(super) struct Trip {
    pub(super) url: Url,
    /// Sent on every hop.
    pub(super) headers: HeaderMap,
    /// The credential's name and header, sent until the first hop to another origin.
    pub(super) secret: Option<(String, HeaderName, HeaderValue)>,
    pub(super) obey_robots: bool,
    /// Most decoded bytes of the body.
    pub(super) cap: u64,
    pub(super) overflow: Overflow,
}

/// What becomes of a body that passes the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overflow {
    /// An error.
    Fail,
    /// The beginning is enough.
    Cut,
}

/// An answer that is no redirect. Only 200 and 203 have a body here.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Where permanent redirects led before the first temporary one.
    pub(super) moved_to: Option<Url>,
    /// The pause that the body asks for.
    pub(super) asked_in_body: Option<Timestamp>,
}

/// What one request brought.
pub(super) enum Hop {
    Arrived(StatusCode, HeaderMap, Bytes),
    Redirected(StatusCode, Option<Url>),
}

pub(super) async fn travel(inner: &Inner, mut trip: Trip) -> Result<Arrival, FetchError> {
    trip.url.set_fragment(None);
    let mut seen = Vec::new();
    let mut left = inner.bounds.timeout;
    let mut moved_to = None;
    let mut permanent = true;
    loop {
        let hop = hop(inner, &trip, &mut left)
            .await
            .map_err(|error| blame_redirect(error, seen.last()))?;
        let (status, target) = match hop {
            Hop::Arrived(status, headers, body) => {
                let asked_in_body = heed_body(inner, &trip, &headers, &body);
                return Ok(Arrival {
                    url: trip.url,
                    asked_in_body,
                    status,
                    headers,
                    body,
                    moved_to,
                });
            }
            Hop::Redirected(status, target) => (status, target),
        };
        let target =
            check_redirect(&trip.url, target, &seen).map_err(|problem| FetchError::Redirects {
                url: trip.url.clone(),
                problem,
            })?;
        permanent &= matches!(
            status,
            StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT
        );
        if permanent {
            moved_to = Some(target.clone());
        }
        if target.origin() != trip.url.origin() {
            // For good: a way back is not a way that we know to be safe.
            trip.secret = None;
        }
        seen.push(std::mem::replace(&mut trip.url, target));
    }
}

/// A redirect that may be followed, without fragment.
pub(super) fn check_redirect(
    from: &Url,
    target: Option<Url>,
    seen: &[Url],
) -> Result<Url, RedirectProblem> {
    let mut target = target.ok_or(RedirectProblem::NoTarget)?;
    target.set_fragment(None);
    if from.scheme() == "https" && target.scheme() == "http" {
        return Err(RedirectProblem::Downgrade(host(&target)));
    }
    if target == *from || seen.contains(&target) {
        return Err(RedirectProblem::Loop);
    }
    if seen.len() >= MAX_HOPS {
        return Err(RedirectProblem::TooMany(MAX_HOPS));
    }
    Ok(target)
}

/// A hop that our rules forbid is the fault of who sent us there, and may be mended by them.
fn blame_redirect(error: FetchError, from: Option<&Url>) -> FetchError {
    match (error, from) {
        (FetchError::Refused { url, refusal }, Some(from)) => FetchError::Redirects {
            url: from.clone(),
            problem: RedirectProblem::Refused {
                host: host(&url),
                refusal: Box::new(refusal),
            },
        },
        (error, _) => error,
    }
}

/// Remembers the pause that a body asks for.
fn heed_body(inner: &Inner, trip: &Trip, headers: &HeaderMap, body: &[u8]) -> Option<Timestamp> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let until = body_pause(content_type, body, inner.clock.now())?;
    let credential = trip.secret.as_ref().map_or("", |(name, ..)| name.as_str());
    inner
        .limits
        .hold(&trip.url, Hold::Credential(credential), until);
    Some(until)
}

/// One request, with all that is asked before it.
pub(super) async fn hop(
    inner: &Inner,
    trip: &Trip,
    left: &mut Duration,
) -> Result<Hop, FetchError> {
    let url = &trip.url;
    inner
        .guard
        .check_url(url)
        .map_err(|refusal| FetchError::Refused {
            url: url.clone(),
            refusal,
        })?;
    if trip.obey_robots {
        robots::check(inner, url).await?;
    }
    let credential = trip.secret.as_ref().map_or("", |(name, ..)| name.as_str());
    let _turn =
        inner
            .limits
            .turn(url, credential)
            .await
            .map_err(|until| FetchError::RateLimited {
                url: url.clone(),
                retry_at: Some(until),
            })?;
    let started = Instant::now();
    let answered = match timeout_at(started + *left, exchange(inner, trip, credential)).await {
        Ok(answered) => answered,
        Err(_) => Err(FetchError::Timeout {
            url: url.clone(),
            after: inner.bounds.timeout,
        }),
    };
    let spent = started.elapsed();
    *left = left.saturating_sub(spent);
    metrics::histogram!("overheard_fetch_seconds").record(spent);
    answered
}

/// Sends one request and reads what it brings.
async fn exchange(inner: &Inner, trip: &Trip, credential: &str) -> Result<Hop, FetchError> {
    let url = &trip.url;
    let timeout = inner.bounds.timeout;
    let mut sending = inner
        .get_client
        .get(url.clone())
        .headers(trip.headers.clone());
    if let Some((_, name, value)) = &trip.secret {
        sending = sending.header(name, value);
    }
    let answer = sending
        .send()
        .await
        .map_err(|error| connect_error(url, timeout, error))?;
    let status = answer.status();
    if let Err(limited) = heed_pauses(inner, url, credential, &answer) {
        return Err(match limited {
            FetchError::RateLimited {
                url,
                retry_at: None,
            } => FetchError::RateLimited {
                retry_at: asked_in_refusal(inner, trip, answer).await,
                url,
            },
            limited => limited,
        });
    }
    match status.as_u16() {
        301 | 302 | 303 | 307 | 308 => {
            let target = answer
                .headers()
                .get(LOCATION)
                .and_then(|location| std::str::from_utf8(location.as_bytes()).ok())
                .and_then(|location| url.join(location).ok());
            Ok(Hop::Redirected(status, target))
        }
        200 | 203 => {
            let headers = answer.headers().clone();
            let body = read_body(answer, trip, timeout).await?;
            metrics::counter!("overheard_fetch_bytes_total").increment(body.len() as u64);
            Ok(Hop::Arrived(status, headers, body))
        }
        _ => {
            let headers = answer.headers().clone();
            Ok(Hop::Arrived(status, headers, Bytes::new()))
        }
    }
}

/// The pause that the body of a refusal asks for, where its headers do not.
async fn asked_in_refusal(
    inner: &Inner,
    trip: &Trip,
    mut answer: reqwest::Response,
) -> Option<Timestamp> {
    let headers = answer.headers().clone();
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if body.len() + chunk.len() > MAX_REFUSAL {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    heed_body(inner, trip, &headers, &body)
}

/// Remembers the pauses that an answer asks for, and ends here if it is nothing but that.
pub(super) fn heed_pauses(
    inner: &Inner,
    url: &Url,
    credential: &str,
    answer: &reqwest::Response,
) -> Result<(), FetchError> {
    let now = inner.clock.now();
    let status = answer.status();
    let headers = answer.headers();
    let asked = retry_after(headers, now).filter(|_| {
        status.is_redirection()
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::SERVICE_UNAVAILABLE
    });
    if let Some(until) = asked {
        let covers = covered(&inner.guard, answer.remote_addr());
        inner.limits.hold(url, covers, until);
    }
    let used_up = rate_limit_pause(headers, now);
    if let Some(until) = used_up {
        inner.limits.hold(url, Hold::Credential(credential), until);
    }
    let limited = |retry_at| {
        Err(FetchError::RateLimited {
            url: url.clone(),
            retry_at,
        })
    };
    match status.as_u16() {
        429 => limited(asked.or_else(|| rate_limit_reset(headers, now))),
        503 if asked.is_some() => limited(asked),
        304 => Ok(()),
        300..=399 if asked.is_some() => limited(asked),
        403 if used_up.is_some() => limited(used_up),
        _ => Ok(()),
    }
}

/// What a demand to wait covers. What a host on the operator's own network says of one URL says nothing of its others.
fn covered(guard: &Guard, answered: Option<SocketAddr>) -> Hold<'static> {
    if answered.is_some_and(|address| guard.is_opened(address.ip())) {
        Hold::Url
    } else {
        Hold::Host
    }
}

/// Reads the body, counting decoded bytes as they come: what passes the cap was never in memory.
async fn read_body(
    mut answer: reqwest::Response,
    trip: &Trip,
    timeout: Duration,
) -> Result<Bytes, FetchError> {
    let url = &trip.url;
    let too_large = || FetchError::TooLarge {
        url: url.clone(),
        cap: trip.cap,
    };
    let announced = answer.content_length().unwrap_or(0);
    if announced > trip.cap && trip.overflow == Overflow::Fail {
        return Err(too_large());
    }
    let cap = usize::try_from(trip.cap).unwrap_or(usize::MAX);
    let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(cap).min(cap));
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| body_error(url, timeout, error))?
    {
        let room = cap - body.len();
        if chunk.len() > room {
            if trip.overflow == Overflow::Fail {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk[..room]);
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// polling.md 15.
    #[test]
    fn item_15_a_demand_covers_the_host_in_public_and_the_url_on_an_own_network() {
        let config = crate::config::FetchConfig {
            contact_url: String::new(),
            timeout_secs: 1,
            max_body_mib: 1,
            host_spacing_ms: 0,
            backoff_secs: 1,
            max_backoff_secs: 1,
            max_interval_secs: 1,
            websub: true,
            allow_private: vec!["10.0.0.0/8".to_owned()],
            allow_ports: Vec::new(),
        };
        let guard = Guard::new(&config).unwrap();
        let covers = |address: &str| covered(&guard, Some(address.parse().unwrap()));
        assert!(matches!(covers("93.184.216.34:443"), Hold::Host));
        assert!(matches!(covers("10.1.2.3:80"), Hold::Url));
        assert!(matches!(covered(&guard, None), Hold::Host));
    }

    #[test]
    fn no_hop_goes_from_https_to_http() {
        let url = |text: &str| Url::parse(text).unwrap();
        let secure = url("https://example.org/a");
        let target = Some(url("http://example.org/b"));
        assert_eq!(
            check_redirect(&secure, target, &[]),
            Err(RedirectProblem::Downgrade("example.org".to_owned()))
        );
        let target = check_redirect(&url("http://example.org/a"), Some(secure.clone()), &[]);
        assert_eq!(target, Ok(secure));
    }
}
