//! The door against real servers on loopback: what is sent, what is made of the answers, and when
//! nothing is sent at all.

mod bounds;
mod explaining;
mod hops;
mod manners;
mod posting;
mod validators;

use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::guard::Lookup;
use super::testing::{Answer, TestServer, answer, head};
use super::*;
use crate::runtime::ManualClock;

const MIB: u64 = 1024 * 1024;

fn config() -> FetchConfig {
    FetchConfig {
        contact_url: "https://example.org/bot".to_owned(),
        timeout_secs: 1,
        max_body_mib: 1,
        host_spacing_ms: 0,
        backoff_secs: 60,
        max_backoff_secs: 3_600,
        max_interval_secs: 86_400,
        websub: true,
        allow_private: vec!["127.0.0.0/8".to_owned()],
        allow_ports: Vec::new(),
    }
}

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn door(config: &FetchConfig) -> (Fetcher, ManualClock) {
    let (clock, hand) = Clock::manual(start());
    (Fetcher::new(config, clock).unwrap(), hand)
}

/// A door whose name server is a table.
fn door_with_names(names: &[(&str, &[&str])]) -> Fetcher {
    let table: HashMap<String, Vec<IpAddr>> = names
        .iter()
        .map(|(name, addresses)| {
            let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
            ((*name).to_owned(), addresses)
        })
        .collect();
    let (clock, _hand) = Clock::manual(start());
    let bounds = Bounds {
        timeout: Duration::from_secs(1),
        max_body: MIB,
    };
    Fetcher::build(&config(), clock, bounds, Lookup::Table(Arc::new(table))).unwrap()
}

fn plain(url: Url) -> GetRequest {
    GetRequest {
        url,
        accept: "application/rss+xml",
        state: None,
        credential: None,
        obey_robots: false,
    }
}

fn with_state(url: Url, etag: Option<&str>, last_modified: Option<&str>) -> GetRequest {
    let mut request = plain(url);
    let mut state = HttpState::unknown(request.key());
    state.etag = etag.map(str::to_owned);
    state.last_modified = last_modified.map(str::to_owned);
    request.state = Some(state);
    request
}

fn fresh(fetched: Result<Fetched, FetchError>) -> Response {
    match fetched.unwrap() {
        Fetched::Fresh(response) => response,
        other => panic!("not fresh: {other:?}"),
    }
}

fn later_by(seconds: u64) -> Timestamp {
    crate::runtime::later(start(), Duration::from_secs(seconds))
}

fn credential() -> Credential {
    Credential {
        name: "crm".to_owned(),
        header: HeaderName::from_static("authorization"),
        value: SecretString::from("Bearer hush"),
    }
}
