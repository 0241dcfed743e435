//! `GET /api/v1/search/live`: new posts that match, as server-sent events, as soon as they are committed.
//!
//! Judges in memory what the store committed, so it waits for no index. However many watch, each commit is read
//! from the store once and judged once by each query that is watched. A watcher that comes back says which event it saw last and misses nothing.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::extract::Parameters;
use super::openapi::{Answers, TAG_SEARCH};
use super::search::{parse, query_problem};
use crate::insight::{Hit, HitDto};
use crate::query::{Candidate, MatchContext, Query, Truth, check_matchable, matches};
use crate::store::{Change, Store, StoreError};
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

/// The most that watch at a time; each holds a connection.
const WATCHERS: usize = 512;
/// Changes read at a time.
const CHANGES: usize = 500;
/// A quiet stream says that it lives, so that no proxy closes it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When a client that was cut off asks again.
const RETRY: Duration = Duration::from_secs(3);
/// Who asks to come back after a full house.
const FULL_RETRY_SECS: i64 = 30;

/// What all watchers share.
#[derive(Debug)]
pub(in crate::web) struct Live {
    places: Arc<Semaphore>,
    read: Mutex<Option<Arc<Read>>>,
}

/// The changes after one place, as the store had them at one time.
#[derive(Debug)]
struct Read {
    after: u64,
    /// The newest change then. When there is a newer one, a post of this read may be gone.
    tip: u64,
    changes: Vec<Change>,
    /// What each query finds there, by its canonical form.
    matches: std::sync::Mutex<HashMap<Arc<str>, Arc<Matches>>>,
}

/// The new posts that match, as JSON with the number of their change; found by who asks first.
type Matches = OnceLock<Vec<(u64, String)>>;

impl Read {
    /// What the query, whose canonical form is `text`, finds among the changes.
    fn matches(&self, text: &Arc<str>, query: &Query, context: &MatchContext) -> Arc<Matches> {
        let mut all = self.matches.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= WATCHERS {
            // Of watchers that came and went while nothing changed.
            all.clear();
        }
        let matches = Arc::clone(all.entry(Arc::clone(text)).or_default());
        // Other queries need not wait for this one.
        drop(all);
        matches.get_or_init(|| {
            self.changes
                .iter()
                .filter_map(|change| hit(change, query, context))
                .collect()
        });
        matches
    }
}

/// The change as a hit of the query, when it is a new post that matches.
fn hit(change: &Change, query: &Query, context: &MatchContext) -> Option<(u64, String)> {
    let record = change.record.as_ref().filter(|_| change.first)?;
    if matches(query, &Candidate::of(record), context) != Truth::True {
        return None;
    }
    let hit = HitDto::from(&Hit::new(query, record.clone(), 0.0));
    Some((change.seq, serde_json::to_string(&hit).ok()?))
}

impl Default for Live {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(WATCHERS)),
            read: Mutex::default(),
        }
    }
}

impl Live {
    /// The changes after `seq`, read from the store unless somebody just did and nothing was committed since. The
    /// others wait for whoever reads, and then have it.
    async fn after(&self, store: &Store, seq: u64) -> Result<Arc<Read>, StoreError> {
        let mut last = self.read.lock().await;
        let tip = store.tip().borrow().change_seq;
        if let Some(read) = last
            .as_ref()
            .filter(|read| (read.after, read.tip) == (seq, tip))
        {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(Read {
            after: seq,
            tip,
            changes: store.changes_after(seq, CHANGES).await?,
            matches: std::sync::Mutex::default(),
        });
        *last = Some(Arc::clone(&read));
        Ok(read)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Parameter {
    /// The query; without one all posts.
    #[serde(default)]
    #[param(example = "battery sentiment:negative")]
    q: String,
}

/// Sends each new post that matches as an event `mention` whose data is a hit of a search, until the client leaves.
/// `Last-Event-ID` goes on where a stream broke off.
#[utoipa::path(get, path = "/api/v1/search/live", tag = TAG_SEARCH,
    params(Parameter, ("last-event-id" = Option<u64>, Header, description = "The `id` of the last event seen")),
    responses((status = 200, content((String = "text/event-stream"))), Answers))]
pub(in crate::web) async fn live(
    State(site): State<SharedSite>,
    _: Reader,
    headers: HeaderMap,
    Parameters(parameter): Parameters<Parameter>,
) -> Result<Response, Problem> {
    let query = parse(&parameter.q)?;
    check_matchable(&query).map_err(|error| query_problem(&error))?;
    let place = Arc::clone(&site.live.places).try_acquire_owned();
    let place = place.map_err(|_| {
        let detail = format!("{WATCHERS} watch already; try again when one has left");
        Problem::too_many(detail, FULL_RETRY_SECS)
    })?;
    let tip = site.web.store.tip().borrow().change_seq;
    let seen = match headers.get("last-event-id") {
        None => tip,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            let number: u64 = number.ok_or_else(|| {
                Problem::bad_request("Last-Event-ID is the id of an event of this stream, a number")
            })?;
            // A number that was never handed out is of another store: begin now.
            number.min(tip)
        }
    };
    let watcher = Watcher {
        stop: site.web.stop.clone(),
        site,
        text: query.to_string().into(),
        query,
        seen,
        waiting: VecDeque::new(),
        _place: place,
    };
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    Ok(Sse::new(watcher.events())
        .keep_alive(heartbeat)
        .into_response())
}

struct Watcher {
    site: SharedSite,
    query: Query,
    /// Its canonical form.
    text: Arc<str>,
    stop: CancellationToken,
    seen: u64,
    waiting: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        // Says at once that the stream is open, and from where to go on.
        let opened = Event::default()
            .event("open")
            .id(self.seen.to_string())
            .retry(RETRY)
            .data("{}");
        let first = stream::iter([Ok(opened)]);
        let rest = stream::unfold(self, |mut watcher| async move {
            let event = watcher.next().await?;
            Some((Ok(event), watcher))
        });
        stream::StreamExt::chain(first, rest)
    }

    /// The next event; `None` when the daemon stops or its store fails, and the client asks again.
    async fn next(&mut self) -> Option<Event> {
        let mut tip = self.site.web.store.tip();
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let seen = self.seen;
            tokio::select! {
                () = self.stop.cancelled() => return None,
                changed = tip.wait_for(|tip| tip.change_seq > seen) => changed.ok()?,
            };
            let read = self.site.live.after(&self.site.web.store, seen).await;
            let read = read
                .inspect_err(|error| tracing::warn!(%error, "a live search ended"))
                .ok()?;
            self.take(&read);
        }
    }

    fn take(&mut self, read: &Read) {
        let web = &self.site.web;
        let context = MatchContext {
            now: web.clock.now(),
            zone: web.zone.clone(),
        };
        let matches = read.matches(&self.text, &self.query, &context);
        for (seq, hit) in matches.get().into_iter().flatten() {
            let event = Event::default().event("mention").id(seq.to_string());
            self.waiting.push_back(event.data(hit));
        }
        if let Some(last) = read.changes.last() {
            self.seen = last.seq;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_judged_once_however_many_watch_and_however_it_is_written() {
        let read = Read {
            after: 0,
            tip: 0,
            changes: Vec::new(),
            matches: std::sync::Mutex::default(),
        };
        let context = MatchContext {
            now: "2026-03-01T12:00:00Z".parse().unwrap(),
            zone: jiff::tz::TimeZone::UTC,
        };
        let matches = |text: &str| {
            let query = Query::parse(text).unwrap();
            read.matches(&query.to_string().into(), &query, &context)
        };
        let first = matches("battery dead");
        assert!(Arc::ptr_eq(&first, &matches("(battery AND dead)")));
        assert!(!Arc::ptr_eq(&first, &matches("battery")));
        for n in 0..2 * WATCHERS {
            matches(&format!("word{n}"));
        }
        assert!(read.matches.lock().unwrap().len() <= WATCHERS);
    }
}
