//! Taking turns: one request at a time to a host, with a pause after each, and none before the time
//! that the host asked for.
//!
//! It never sends anything and never waits for a hold: who is held is told until when. The spacing
//! between two starts is a limiter's (`spacing`), and only the floor: the pause that is kept here
//! runs from the end of a request to the start of the next, so that what arrives at the host is
//! never closer together, however long a connection takes, and a host's `Crawl-delay` fits in.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};

use super::spacing::Spacing;
use crate::runtime::{Clock, later, time_left};

/// Turns between two clean-ups of hosts that need no memory any more.
const TURNS_PER_SWEEP: u32 = 1_024;

/// Sites that give each account a host of its own: their limits are meant for the whole.
const SHARED_DOMAINS: &[&str] = &[
    "blogspot.com",
    "livejournal.com",
    "medium.com",
    "reddit.com",
    "substack.com",
    "tumblr.com",
    "typepad.com",
    "wordpress.com",
];

/// The turns and holds of all hosts.
#[derive(Debug)]
pub(super) struct Limits {
    clock: Clock,
    pause: Duration,
    floor: Spacing,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    groups: HashMap<String, Group>,
    /// Until when nothing is sent, by group, by group and credential, or by URL.
    holds: HashMap<String, Timestamp>,
    /// Names of holds that changed since they were asked for.
    changed: HashSet<String>,
    turns: u32,
}

#[derive(Debug)]
struct Group {
    line: Arc<Semaphore>,
    next_at: Timestamp,
    crawl_delay: Duration,
}

/// What is known of a host's limits.
#[derive(Debug, Clone)]
pub(super) struct KnownLimits {
    /// What shares them.
    pub(super) group: String,
    /// Between the end of a request and the next one's start.
    pub(super) spacing: Duration,
    /// Until when the host wants no request.
    pub(super) held_until: Option<Timestamp>,
}

/// What a hold covers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold<'a> {
    /// Everything of the URL's host.
    Host,
    /// What is asked of the host with this credential.
    Credential(&'a str),
    /// The URL alone.
    Url,
}

/// The right to send one request to a host. The next one's pause begins when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    limits: &'a Limits,
    group: String,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Limits {
    pub(super) fn new(clock: Clock, spacing: Duration) -> Self {
        Self {
            floor: Spacing::new(clock.clone(), spacing),
            clock,
            pause: spacing,
            table: Mutex::new(Table::default()),
        }
    }

    /// Waits for the host's turn. Cancel safe.
    ///
    /// # Errors
    /// The time until which nothing may be sent; nobody waits for that in line.
    pub(super) async fn turn(&self, url: &Url, credential: &str) -> Result<Turn<'_>, Timestamp> {
        let group = group_of(url);
        self.check_holds(&group, url, credential)?;
        let line = self.line(&group);
        // The semaphore is never closed; without it there is just no line to stand in.
        let permit = line.acquire_owned().await.ok();
        let waited = self.pause_left(&group).unwrap_or_default();
        self.clock.sleep(waited).await;
        // The limiter says no where the last answer was forgotten, and after a clock was set back.
        // Either way one spacing is enough: what was waited already counts, and then it goes.
        if let Err(left) = self.floor.claim(&group) {
            self.clock.sleep(left.saturating_sub(waited)).await;
            let _charged = self.floor.claim(&group);
        }
        self.check_holds(&group, url, credential)?;
        Ok(Turn {
            limits: self,
            group,
            _permit: permit,
        })
    }

    /// Sends nothing before a time. A hold is never shortened.
    pub(super) fn hold(&self, url: &Url, covers: Hold<'_>, until: Timestamp) {
        let group = group_of(url);
        let key = match covers {
            Hold::Host => group,
            Hold::Credential(name) => credential_key(&group, name),
            Hold::Url => url_key(url),
        };
        let mut table = self.table();
        let held = table.holds.get(&key).copied();
        if held.is_none_or(|held| held < until) {
            table.holds.insert(key.clone(), until);
            table.changed.insert(key);
        }
    }

    /// Holds that changed since the last call.
    pub(super) fn new_holds(&self) -> Vec<(String, Timestamp)> {
        let mut table = self.table();
        let changed = std::mem::take(&mut table.changed);
        let known = |name: String| Some((table.holds.get(&name).copied()?, name));
        let holds = changed.into_iter().filter_map(known);
        holds.map(|(until, name)| (name, until)).collect()
    }

    /// Puts holds back; one that is longer here stays.
    pub(super) fn restore_holds(&self, holds: Vec<(String, Timestamp)>) {
        let mut table = self.table();
        for (name, until) in holds {
            let held = table.holds.entry(name).or_insert(until);
            *held = (*held).max(until);
        }
    }

    /// What is known of a host: its pause, and until when the URL may not be asked.
    pub(super) fn known(&self, url: &Url, credential: &str) -> KnownLimits {
        let group = group_of(url);
        let held_until = self.check_holds(&group, url, credential).err();
        let table = self.table();
        let state = table.groups.get(&group);
        let crawl_delay = state.map_or(Duration::ZERO, |state| state.crawl_delay);
        KnownLimits {
            spacing: self.pause.max(crawl_delay),
            held_until,
            group,
        }
    }

    /// Makes a host's pause at least this long, from its robots.txt.
    pub(super) fn crawl_delay(&self, url: &Url, delay: Duration) {
        let group = group_of(url);
        let now = self.clock.now();
        let mut table = self.table();
        table.group(&group, now).crawl_delay = delay;
    }

    /// What is left of the pause after a host's last answer.
    fn pause_left(&self, group: &str) -> Option<Duration> {
        let table = self.table();
        let group = table.groups.get(group)?;
        let left = time_left(self.clock.now(), group.next_at)?;
        // A clock that was set back must not stretch the pause.
        Some(left.min(self.pause.max(group.crawl_delay)))
    }

    fn check_holds(&self, group: &str, url: &Url, credential: &str) -> Result<(), Timestamp> {
        let now = self.clock.now();
        let table = self.table();
        let keys = [
            group.to_owned(),
            credential_key(group, credential),
            url_key(url),
        ];
        let held = keys
            .iter()
            .filter_map(|key| table.holds.get(key).copied())
            .filter(|until| *until > now)
            .max();
        held.map_or(Ok(()), Err)
    }

    fn line(&self, group: &str) -> Arc<Semaphore> {
        let now = self.clock.now();
        let mut table = self.table();
        table.turns += 1;
        if table.turns >= TURNS_PER_SWEEP {
            table.turns = 0;
            table.sweep(now);
            self.floor.sweep();
        }
        Arc::clone(&table.group(group, now).line)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code under the lock can panic halfway through a change.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let now = self.limits.clock.now();
        let mut table = self.limits.table();
        if let Some(group) = table.groups.get_mut(&self.group) {
            group.next_at = later(now, self.limits.pause.max(group.crawl_delay));
        }
    }
}

impl Table {
    fn group(&mut self, name: &str, now: Timestamp) -> &mut Group {
        self.groups.entry(name.to_owned()).or_insert_with(|| Group {
            line: Arc::new(Semaphore::new(1)),
            next_at: now,
            crawl_delay: Duration::ZERO,
        })
    }

    /// Forgets hosts that nobody waits for and whose pause is over, and holds that have passed. A
    /// crawl delay is known again from the cached robots.txt at the next request.
    fn sweep(&mut self, now: Timestamp) {
        self.holds.retain(|_, until| *until > now);
        self.groups
            .retain(|_, group| group.next_at > now || Arc::strong_count(&group.line) > 1);
    }
}

/// What shares limits: a host, or all hosts of a site that has one for each account. Addresses and
/// `localhost` count by port, since what listens there has nothing to do with each other.
pub(super) fn group_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            if name == "localhost" || name.ends_with(".localhost") {
                return format!("{name}:{port}");
            }
            let shared = SHARED_DOMAINS.iter().find(|domain| {
                name.strip_suffix(**domain)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            });
            shared.map_or_else(|| name.to_owned(), |domain| (*domain).to_owned())
        }
        Some(host) => format!("{host}:{port}"),
        None => String::new(),
    }
}

/// Keys of holds live in one table: a space is in no host and in no URL.
fn credential_key(group: &str, credential: &str) -> String {
    format!("{group} {credential}")
}

fn url_key(url: &Url) -> String {
    format!(" {url}")
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;
    use crate::runtime::ManualClock;

    const SPACING: Duration = Duration::from_secs(2);

    fn limits() -> (Limits, Clock, ManualClock) {
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        (Limits::new(clock.clone(), SPACING), clock, hand)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// polling.md 14.
    #[test]
    fn groups_are_hosts_sites_and_ports_of_addresses() {
        for (text, group) in [
            ("https://example.org/feed", "example.org"),
            ("http://example.org.:8080/", "example.org"),
            ("https://acme.substack.com/feed", "substack.com"),
            ("https://old.reddit.com/r/x.rss", "reddit.com"),
            ("https://notreddit.com/", "notreddit.com"),
            ("http://127.0.0.1:8081/", "127.0.0.1:8081"),
            ("http://localhost/", "localhost:80"),
            ("http://[::1]:9/", "[::1]:9"),
        ] {
            assert_eq!(group_of(&url(text)), group, "{text}");
        }
    }

    /// polling.md 14.
    #[tokio::test]
    async fn one_at_a_time_with_a_pause_from_the_end_to_the_next_start() {
        let (limits, _clock, hand) = limits();
        let feed = url("https://example.org/a");
        let first = limits.turn(&feed, "").await.unwrap();
        let second = limits.turn(&feed, "");
        tokio::pin!(second);
        hand.advance(Duration::from_secs(60));
        assert!(poll!(second.as_mut()).is_pending());
        let other = url("https://example.net/");
        limits.turn(&other, "").await.unwrap();
        drop(first);
        assert!(poll!(second.as_mut()).is_pending());
        hand.advance(SPACING - Duration::from_millis(1));
        assert!(poll!(second.as_mut()).is_pending());
        hand.advance(Duration::from_millis(1));
        drop(second.await.unwrap());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_delays_nobody() {
        let (limits, _clock, hand) = limits();
        let feed = url("https://example.org/a");
        drop(limits.turn(&feed, "").await.unwrap());
        hand.advance(SPACING / 2);
        {
            let waiting = limits.turn(&feed, "");
            tokio::pin!(waiting);
            assert!(poll!(waiting.as_mut()).is_pending());
        }
        hand.advance(SPACING / 2);
        let next = limits.turn(&feed, "");
        tokio::pin!(next);
        assert!(poll!(next.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn starts_are_a_spacing_apart_even_where_the_last_answer_is_forgotten() {
        let (limits, clock, hand) = limits();
        let feed = url("https://example.org/a");
        let began = clock.now();
        drop(limits.turn(&feed, "").await.unwrap());
        for number in 1..=3 {
            limits.table().groups.clear();
            let next = limits.turn(&feed, "");
            tokio::pin!(next);
            assert!(poll!(next.as_mut()).is_pending());
            hand.advance(SPACING - Duration::from_millis(1));
            assert!(poll!(next.as_mut()).is_pending());
            hand.advance(Duration::from_millis(1));
            drop(next.await.unwrap());
            assert_eq!(clock.now(), later(began, SPACING * number));
        }
    }

    /// polling.md 15.
    #[tokio::test]
    async fn holds_cover_a_host_a_credential_or_a_url() {
        let (limits, clock, hand) = limits();
        let (a, b) = (url("https://one.test/a"), url("https://one.test/b"));
        let soon = later(clock.now(), Duration::from_secs(10));
        let late = later(clock.now(), Duration::from_secs(20));
        limits.hold(&a, Hold::Url, late);
        assert_eq!(limits.turn(&a, "").await.unwrap_err(), late);
        drop(limits.turn(&b, "").await.unwrap());
        hand.advance(SPACING);
        limits.hold(&b, Hold::Credential("token"), soon);
        assert_eq!(limits.turn(&b, "token").await.unwrap_err(), soon);
        drop(limits.turn(&b, "").await.unwrap());
        limits.hold(&a, Hold::Host, soon);
        limits.hold(&a, Hold::Host, clock.now());
        assert_eq!(limits.turn(&b, "").await.unwrap_err(), soon);
        assert_eq!(limits.turn(&a, "").await.unwrap_err(), late);
        hand.set(soon);
        limits.turn(&b, "token").await.unwrap();
    }

    #[tokio::test]
    async fn a_hold_that_came_while_waiting_is_seen() {
        let (limits, clock, hand) = limits();
        let feed = url("https://example.org/a");
        let first = limits.turn(&feed, "").await.unwrap();
        let second = limits.turn(&feed, "");
        tokio::pin!(second);
        assert!(poll!(second.as_mut()).is_pending());
        let until = later(clock.now(), Duration::from_secs(3_600));
        limits.hold(&feed, Hold::Host, until);
        drop(first);
        assert!(poll!(second.as_mut()).is_pending());
        hand.advance(SPACING);
        assert_eq!(second.await.unwrap_err(), until);
    }

    /// polling.md 23.
    #[tokio::test]
    async fn a_crawl_delay_is_a_floor_and_a_clock_set_back_stretches_nothing() {
        let (limits, clock, hand) = limits();
        let feed = url("https://example.org/a");
        limits.crawl_delay(&feed, Duration::from_secs(5));
        drop(limits.turn(&feed, "").await.unwrap());
        hand.set(later(Timestamp::UNIX_EPOCH, Duration::from_secs(1)));
        let next = limits.turn(&feed, "");
        tokio::pin!(next);
        assert!(poll!(next.as_mut()).is_pending());
        hand.advance(Duration::from_secs(4));
        assert!(poll!(next.as_mut()).is_pending());
        hand.advance(Duration::from_secs(1));
        next.await.unwrap();
        assert_eq!(clock.now().as_second(), 6);
    }

    #[tokio::test]
    async fn hosts_that_are_done_are_forgotten() {
        let (limits, _clock, hand) = limits();
        for number in 0..TURNS_PER_SWEEP * 2 {
            let host = url(&format!("https://host{number}.test/"));
            drop(limits.turn(&host, "").await.unwrap());
            hand.advance(SPACING);
        }
        assert!(limits.table().groups.len() <= TURNS_PER_SWEEP as usize);
        assert!(limits.floor.len() <= TURNS_PER_SWEEP as usize);
    }
}
