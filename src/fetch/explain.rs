//! What would be done with a URL, and why: the guard's verdict, the rule of robots.txt and the host's limits, hop by hop.
//!
//! Asks as a poll does, in the host's line and with all rules; never goes on where a poll would stop. Without
//! requests it tells what is known before the first one.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use serde::Serialize;
use url::{Host, Url};

use super::error::FetchError;
use super::trip::{Hop, Overflow, Trip, check_redirect, hop};
use super::{Fetcher, Inner, robots};

/// What is read of the answer, in bytes: it is not looked at.
const ENOUGH: u64 = 64 * 1024;

/// What would be done with a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The URL and where it redirects, as far as it was followed.
    pub hops: Vec<ExplainedHop>,
    /// The last status, or what stopped it, in words; absent when nothing was asked.
    pub outcome: Option<String>,
    /// The URL that answered, when one did.
    pub answered: bool,
}

/// One URL on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedHop {
    /// The URL.
    pub url: String,
    /// The address guard.
    pub guard: GuardVerdict,
    /// robots.txt; absent when it is not obeyed or the guard forbids even that.
    pub robots: Option<RobotsVerdict>,
    /// What the host's requests share.
    pub limits: LimitsVerdict,
    /// The answer's status; absent when nothing was asked.
    pub status: Option<u16>,
}

/// The address guard's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuardVerdict {
    /// Whether the URL may be reached.
    pub allowed: bool,
    /// The rule that forbids it.
    pub reason: Option<String>,
    /// Addresses that the name leads to and that may be reached; empty when it was not looked up.
    pub addresses: Vec<IpAddr>,
}

/// What robots.txt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RobotsVerdict {
    /// Whether the URL may be asked for; absent when robots.txt was not read.
    pub allowed: Option<bool>,
    /// The rule that decides, such as `Disallow: /private`.
    pub rule: Option<String>,
    /// Why it could not be read, or was not.
    pub reason: Option<String>,
    /// The pause that it asks for, in seconds.
    pub crawl_delay_secs: Option<u64>,
}

/// The limits of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitsVerdict {
    /// The host, or the site whose hosts share its limits.
    pub group: String,
    /// Between the end of a request and the next one's start, in milliseconds. One request is under way at a time.
    pub spacing_ms: u64,
    /// Until when it wants no request.
    pub held_until: Option<Timestamp>,
}

impl Fetcher {
    /// Says what would be done with a URL, by asking it, without credential.
    pub async fn explain(&self, url: &Url, obey_robots: bool) -> Explanation {
        let mut trip = Trip {
            url: url.clone(),
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("*/*"))]),
            secret: None,
            obey_robots,
            cap: ENOUGH,
            overflow: Overflow::Cut,
        };
        trip.url.set_fragment(None);
        let mut seen = Vec::new();
        let mut left = self.inner.bounds.timeout;
        let mut hops: Vec<ExplainedHop> = Vec::new();
        loop {
            let answered = self.one(&trip, &mut left, &mut hops).await;
            let ended = |outcome: String, answered| Explanation {
                outcome: Some(outcome),
                answered,
                hops: Vec::new(),
            };
            let explanation = match answered {
                Err(error) => ended(error.to_string(), false),
                Ok(Hop::Arrived(status, ..)) => {
                    ended(format!("answered {}", status.as_u16()), true)
                }
                Ok(Hop::Redirected(_, target)) => match check_redirect(&trip.url, target, &seen) {
                    Ok(target) => {
                        seen.push(std::mem::replace(&mut trip.url, target));
                        continue;
                    }
                    Err(problem) => ended(
                        format!("{} {problem}", super::error::host(&trip.url)),
                        false,
                    ),
                },
            };
            return Explanation {
                hops,
                ..explanation
            };
        }
    }

    /// Says what is known of a URL without a request: nothing is looked up and nothing is asked.
    #[must_use]
    pub fn explain_offline(&self, url: &Url, obey_robots: bool) -> Explanation {
        let mut url = url.clone();
        url.set_fragment(None);
        let guard = GuardVerdict::of_url(&self.inner, &url);
        let robots = (obey_robots && guard.allowed).then(|| RobotsVerdict {
            allowed: None,
            rule: None,
            reason: Some("it was not asked for".to_owned()),
            crawl_delay_secs: None,
        });
        let hop = ExplainedHop {
            robots,
            limits: limits(&self.inner, &url),
            guard,
            status: None,
            url: url.into(),
        };
        Explanation {
            hops: vec![hop],
            outcome: None,
            answered: false,
        }
    }

    /// One hop: explained before it is asked, so that what stops it is told as well.
    async fn one(
        &self,
        trip: &Trip,
        left: &mut Duration,
        hops: &mut Vec<ExplainedHop>,
    ) -> Result<Hop, FetchError> {
        let inner = &self.inner;
        let mut guard = GuardVerdict::of_url(inner, &trip.url);
        if guard.allowed
            && let Some(Host::Domain(name)) = trip.url.host()
        {
            guard.look_up(inner, name).await;
        }
        let mut robots = None;
        if trip.obey_robots && guard.allowed {
            robots = Some(robots::explain(inner, &trip.url).await);
        }
        hops.push(ExplainedHop {
            url: trip.url.to_string(),
            guard,
            robots,
            limits: limits(inner, &trip.url),
            status: None,
        });
        let answered = hop(inner, trip, left).await;
        if let Some(explained) = hops.last_mut() {
            explained.status = match &answered {
                Ok(Hop::Arrived(status, ..) | Hop::Redirected(status, _)) => Some(status.as_u16()),
                Err(_) => None,
            };
        }
        answered
    }
}

impl GuardVerdict {
    /// What the URL alone tells.
    fn of_url(inner: &Inner, url: &Url) -> Self {
        let checked = inner.guard.check_url(url);
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            _ => Vec::new(),
        };
        Self {
            allowed: checked.is_ok(),
            addresses: if checked.is_ok() {
                addresses
            } else {
                Vec::new()
            },
            reason: checked.err().map(|refusal| refusal.to_string()),
        }
    }

    async fn look_up(&mut self, inner: &Inner, name: &str) {
        match inner.resolver.addresses(name).await {
            Ok(addresses) => {
                self.addresses = addresses.iter().map(std::net::SocketAddr::ip).collect();
                self.addresses.sort_unstable();
                self.addresses.dedup();
            }
            Err(error) => {
                self.allowed = false;
                self.reason = Some(error.to_string());
            }
        }
    }
}

fn limits(inner: &Inner, url: &Url) -> LimitsVerdict {
    let known = inner.limits.known(url, "");
    LimitsVerdict {
        group: known.group,
        spacing_ms: u64::try_from(known.spacing.as_millis()).unwrap_or(u64::MAX),
        held_until: known.held_until,
    }
}
