//! Whose turn it is: one task that polls all sources, each when it is due.
//!
//! A source costs a place in a heap and not a task. One poll is under way for each host, so that a
//! tarpit holds up nobody but itself; polls of a host that wait for it are numbers in a queue. Whoever is
//! overdue for no fault of ours (a first start, a long stop, a suspended machine) is spread out. Nothing is
//! decided here about how a poll went: that is stored, and read again after a restart.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::OptionFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::poller::Poller;
use super::schedule::backoff;
use crate::domain::{Push, Pushed, SourceId, SourceState};
use crate::runtime::{Clock, caught, later, time_left};
use crate::store::{Store, StoreError};

/// Polls under way at most, each on a host of its own: sockets are counted, and those that hang hold theirs for the whole time-out.
const UNDER_WAY: usize = 512;
/// Who is later than this was not held up by other polls: the clock jumped, or nothing ran.
const LATE: Duration = Duration::from_secs(60);
/// Wishes of people that may wait.
const NUDGES: usize = 64;
/// Pushes of hubs that may wait, and those that are taken at the same time.
const PUSHES: usize = 16;
/// Waits after a poll whose result could not be stored: the disk may be full.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// All pollers, and their turns.
pub struct Rota {
    pollers: Vec<Arc<Poller>>,
    store: Store,
    clock: Clock,
    wishes: tokio::sync::Mutex<Wishes>,
    /// Which poller asks which URL; made when the first hub sends something.
    by_url: OnceLock<HashMap<String, Index>>,
    troubles: Troubles,
}

/// What comes from outside.
struct Wishes {
    nudges: mpsc::Receiver<SourceId>,
    pushes: mpsc::Receiver<Parcel>,
}

/// A push, and who waits for what becomes of it.
type Parcel = (Push, oneshot::Sender<Result<Pushed, String>>);

/// From outside: wishes and a look at what is wrong. Clones are one.
#[derive(Debug, Clone)]
pub struct RotaHandle {
    nudges: mpsc::Sender<SourceId>,
    pushes: mpsc::Sender<Parcel>,
    troubles: Troubles,
}

/// Sources whose polls could not be stored, with the reason.
type Troubles = Arc<Mutex<BTreeMap<SourceId, String>>>;

impl RotaHandle {
    /// Says that a source's due time in the store was brought forward. Lost when nobody polls: the time is stored.
    pub async fn nudge(&self, source: SourceId) {
        // Closed means that it stops.
        let _ = self.nudges.send(source).await;
    }

    /// Hands over what a hub sent. With too many of them it is dropped together with `answer`: the hub sends it again.
    pub fn push(&self, push: Push, answer: oneshot::Sender<Result<Pushed, String>>) {
        let _ = self.pushes.try_send((push, answer));
    }

    /// Sources whose polls could not be stored, with the reason.
    #[must_use]
    pub fn troubles(&self) -> Vec<(SourceId, String)> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = troubles.iter();
        pairs.map(|(id, text)| (id.clone(), text.clone())).collect()
    }
}

type Index = u32;
type Ended = (Index, Result<Option<Timestamp>, String>);
type Running<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send + 'a>>>;

/// The plan of one run. Rebuilt from the store when the task starts again.
struct Plan {
    /// The next turns; an entry counts only if `due` still says the same.
    heap: BinaryHeap<Reverse<(Timestamp, Index)>>,
    due: Vec<Option<Timestamp>>,
    /// When those were due that wait for their host.
    waits_since: HashMap<Index, Timestamp>,
    /// The lane of each poller.
    lane_of: Vec<u32>,
    lanes: Vec<Lane>,
    failures: HashMap<Index, u32>,
}

#[derive(Default)]
struct Lane {
    busy: bool,
    waiting: VecDeque<Index>,
}

impl Rota {
    /// The turns of `pollers`.
    #[must_use]
    pub fn new(pollers: Vec<Arc<Poller>>, store: Store, clock: Clock) -> (Self, RotaHandle) {
        let (nudges, nudged) = mpsc::channel(NUDGES);
        let (pushes, pushed) = mpsc::channel(PUSHES);
        let wishes = Wishes {
            nudges: nudged,
            pushes: pushed,
        };
        let troubles = Troubles::default();
        let rota = Self {
            pollers,
            store,
            clock,
            wishes: tokio::sync::Mutex::new(wishes),
            by_url: OnceLock::new(),
            troubles: Arc::clone(&troubles),
        };
        let handle = RotaHandle {
            nudges,
            pushes,
            troubles,
        };
        (rota, handle)
    }

    /// Polls everything when it is due, until `stop`. Polls under way are dropped then, which loses nothing: the
    /// cursor moves only with the commit.
    ///
    /// # Errors
    /// When the store cannot be read at the start.
    pub async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut wishes = self.wishes.lock().await;
        let Wishes { nudges, pushes } = &mut *wishes;
        let mut plan = self.plan().await?;
        let mut running = Running::new();
        let mut taking = FuturesUnordered::new();
        let mut was_full = true;
        plan.spread_overdue(self, Duration::ZERO);
        loop {
            let now = self.clock.now();
            if !was_full {
                plan.spread_overdue(self, LATE);
            }
            while running.len() < UNDER_WAY
                && let Some((index, due)) = plan.take_due(now)
            {
                running.push(self.poll(index, due));
            }
            was_full = running.len() >= UNDER_WAY;
            let next = (!was_full).then(|| plan.next_due()).flatten();
            let sleep: OptionFuture<_> = next.map(|at| self.clock.sleep_until(at)).into();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(()) = sleep => {}
                Some((index, ended)) = running.next() => {
                    if let Some((waiting, due)) = plan.leave(index) {
                        running.push(self.poll(waiting, due));
                    }
                    self.end(&mut plan, index, ended);
                }
                Some(parcel) = pushes.recv(), if taking.len() < PUSHES => taking.push(self.take(parcel)),
                Some(()) = taking.next() => {}
                Some(source) = nudges.recv() => self.bring_forward(&mut plan, &source).await?,
            }
        }
    }

    /// Reads from the store when everybody is due.
    async fn plan(&self) -> Result<Plan, StoreError> {
        let mut stored = self.store.due_times().await?;
        let now = self.clock.now();
        let is_paused = |id: &SourceId| {
            let known = stored.get(id.as_str());
            known.is_some_and(|known| known.state == SourceState::Paused)
        };
        let all = self.pollers.iter();
        let stopped: Vec<_> = all.filter(|poller| poller.ids().any(is_paused)).collect();
        if !stopped.is_empty() {
            for poller in stopped {
                poller.resume_moved().await?;
            }
            stored = self.store.due_times().await?;
        }
        let mut names = HashMap::new();
        let mut plan = Plan {
            heap: BinaryHeap::with_capacity(self.pollers.len()),
            due: Vec::with_capacity(self.pollers.len()),
            waits_since: HashMap::new(),
            lane_of: Vec::with_capacity(self.pollers.len()),
            lanes: Vec::new(),
            failures: HashMap::new(),
        };
        for (index, poller) in (0..).zip(&self.pollers) {
            let lane = *names.entry(Arc::clone(poller.lane())).or_insert_with(|| {
                plan.lanes.push(Lane::default());
                plan.lanes.len() - 1
            });
            plan.lane_of.push(u32::try_from(lane).unwrap_or(u32::MAX));
            plan.due.push(None);
            let due = poller.ids().filter_map(|id| match stored.get(id.as_str()) {
                // Never polled: due since ever, so it is spread with those that are overdue.
                None => Some(Timestamp::UNIX_EPOCH),
                Some(known) if known.state == SourceState::Paused => None,
                Some(known) => Some(known.next_poll_at.unwrap_or(now)),
            });
            if let Some(at) = due.min() {
                plan.set(index, at);
            }
        }
        Ok(plan)
    }

    /// One poll, due at `due`. A panic in it is a failure like any other.
    fn poll(
        &self,
        index: Index,
        due: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Ended> + Send + '_>> {
        let late = time_left(due, self.clock.now()).unwrap_or_default();
        metrics::histogram!("overheard_poll_lateness_seconds").record(late);
        let poller = Arc::clone(&self.pollers[index as usize]);
        Box::pin(async move {
            let step = caught(async { Ok(poller.step().await?) }).await;
            let ended = step.map(|(_, next)| next);
            (index, ended.map_err(|error| format!("{error:#}")))
        })
    }

    /// Takes a push to its commit and answers who waits.
    async fn take(&self, (push, answer): Parcel) {
        let index = self.by_url().get(&push.feed);
        let poller = index.and_then(|index| self.pollers.get(*index as usize));
        let pushed = match poller {
            None => Ok(Pushed::Unwanted),
            Some(poller) => {
                let taken = caught(async { Ok(poller.take_push(&push).await?) }).await;
                taken.map_err(|error| format!("{error:#}"))
            }
        };
        // Whoever waited may be gone.
        let _ = answer.send(pushed);
    }

    fn by_url(&self) -> &HashMap<String, Index> {
        self.by_url.get_or_init(|| {
            let pollers = (0..).zip(&self.pollers);
            pollers
                .filter_map(|(index, poller)| Some((poller.feed_url()?, index)))
                .collect()
        })
    }

    fn end(&self, plan: &mut Plan, index: Index, ended: Result<Option<Timestamp>, String>) {
        let poller = &self.pollers[index as usize];
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Ok(next) => {
                if plan.failures.remove(&index).is_some() {
                    poller.ids().for_each(|id| drop(troubles.remove(id)));
                }
                if let Some(at) = next {
                    plan.set(index, at);
                }
            }
            Err(error) => {
                let failures = plan.failures.entry(index).or_default();
                *failures += 1;
                let wait = backoff(FIRST_BACKOFF, MAX_BACKOFF, *failures, rand::random());
                let sources: Vec<&str> = poller.ids().map(SourceId::as_str).collect();
                tracing::error!(
                    sources = sources.join(", "),
                    error,
                    retry_in_secs = wait.as_secs(),
                    "could not keep what a poll brought"
                );
                for id in poller.ids() {
                    troubles.insert(id.clone(), error.clone());
                }
                plan.set(index, later(self.clock.now(), wait));
            }
        }
    }

    /// Reads again when a source is due; one that is being polled or waits for its host comes soon enough.
    async fn bring_forward(&self, plan: &mut Plan, source: &SourceId) -> Result<(), StoreError> {
        let found = (0..)
            .zip(&self.pollers)
            .find(|(_, poller)| poller.ids().any(|id| id == source));
        if let Some((index, poller)) = found
            && plan.due[index as usize].is_some()
            && let Some(at) = poller.due().await?
        {
            plan.set(index, at);
        }
        Ok(())
    }
}

impl Plan {
    fn set(&mut self, index: Index, at: Timestamp) {
        self.due[index as usize] = Some(at);
        self.heap.push(Reverse((at, index)));
    }

    /// The next entry that still counts.
    fn next_due(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, index))) = self.heap.peek().copied() {
            if self.due[index as usize] == Some(at) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes who is due and whose host is free; who finds a host busy queues up there.
    fn take_due(&mut self, now: Timestamp) -> Option<(Index, Timestamp)> {
        while self.next_due().is_some_and(|at| at <= now) {
            let Reverse((due, index)) = self.heap.pop()?;
            self.due[index as usize] = None;
            let lane = &mut self.lanes[self.lane_of[index as usize] as usize];
            if lane.busy {
                lane.waiting.push_back(index);
                self.waits_since.insert(index, due);
            } else {
                lane.busy = true;
                return Some((index, due));
            }
        }
        None
    }

    /// A poll is over: the next of its lane, if one waits, and when that was due.
    fn leave(&mut self, index: Index) -> Option<(Index, Timestamp)> {
        let lane = &mut self.lanes[self.lane_of[index as usize] as usize];
        let waiting = lane.waiting.pop_front();
        lane.busy = waiting.is_some();
        let waiting = waiting?;
        let due = self.waits_since.remove(&waiting);
        Some((waiting, due.unwrap_or(Timestamp::MAX)))
    }

    /// Gives everybody a new place who is overdue by more than `late`.
    fn spread_overdue(&mut self, rota: &Rota, late: Duration) {
        let now = rota.clock.now();
        let mut overdue = Vec::new();
        while let Some(at) = self.next_due()
            && time_left(at, now).is_some_and(|lateness| lateness > late)
            && let Some(Reverse((_, index))) = self.heap.pop()
        {
            self.due[index as usize] = None;
            overdue.push(index);
        }
        let count = u32::try_from(overdue.len()).unwrap_or(u32::MAX);
        for (place, index) in (0..).zip(overdue) {
            let schedule = rota.pollers[index as usize].schedule();
            self.set(index, schedule.spread(now, place, count, rand::random()));
        }
    }
}

#[cfg(test)]
mod tests;
