//! The plan, without a poll: who gets which place.

use super::*;
use crate::domain::{Cursor, SourceStatus};
use crate::ingest::tests::world::{Scripted, World, start};
use crate::ingest::{PollSchedule, PollerParts};
use crate::sources::Source;

const SCHEDULE: PollSchedule = PollSchedule {
    interval: Duration::from_secs(900),
    max_interval: Duration::from_secs(86_400),
    backoff: Duration::from_secs(60),
    max_backoff: Duration::from_secs(3_600),
};

fn id(number: usize) -> SourceId {
    SourceId::parse(format!("source-{number}")).unwrap()
}

/// As many sources, each on a host of its own.
fn rota(world: &World, count: usize) -> Rota {
    let parts: Arc<PollerParts> = world.parts();
    let poller = |number| {
        let source: Arc<dyn Source> = Arc::new(Scripted::new(id(number), Vec::new()));
        let lane = format!("host-{number}");
        Arc::new(Poller::new(
            source,
            SCHEDULE,
            lane.into(),
            Arc::clone(&parts),
        ))
    };
    let pollers = (0..count).map(poller).collect();
    Rota::new(pollers, world.store.clone(), world.clock.clone()).0
}

/// The most turns that fall into ten seconds.
fn most_in_ten_seconds(plan: &Plan) -> usize {
    let mut times: Vec<i64> = plan.due.iter().flatten().map(|at| at.as_second()).collect();
    times.sort_unstable();
    let until = |from: i64| times.partition_point(|at| *at < from + 10);
    let counts = times
        .iter()
        .enumerate()
        .map(|(place, at)| until(*at) - place);
    counts.max().unwrap_or(0)
}

#[tokio::test]
async fn item_11_a_thousand_sources_added_together_spread_out() {
    let world = World::new(7);
    let rota = rota(&world, 1_000);
    let mut plan = rota.plan().await.unwrap();
    plan.spread_overdue(&rota, Duration::ZERO);
    assert!(
        most_in_ten_seconds(&plan) <= 13,
        "{}",
        most_in_ten_seconds(&plan)
    );
    let last = plan.due.iter().flatten().max().unwrap();
    assert!(last.duration_since(start()).as_secs() < 900);
    // And after a restart nobody loses the place that is stored.
    for number in 0..1_000 {
        let mut status = SourceStatus::waiting(id(number), "scripted");
        status.state = SourceState::Healthy;
        status.next_poll_at = Some(start() + Duration::from_secs(number as u64));
        let cursor = Cursor::default();
        let stored = world
            .store
            .commit_quiet(cursor, status, Vec::new(), start());
        stored.await.unwrap();
    }
    let mut plan = rota.plan().await.unwrap();
    plan.spread_overdue(&rota, Duration::ZERO);
    assert_eq!(plan.due[999], Some(start() + Duration::from_secs(999)));

    // item 11 again: the machine slept for five hours, and all of them are due when it wakes.
    world.hands.advance(Duration::from_secs(5 * 3_600));
    plan.spread_overdue(&rota, LATE);
    assert_eq!(
        plan.take_due(start() + Duration::from_secs(5 * 3_600 - 1)),
        None
    );
    assert!(
        most_in_ten_seconds(&plan) <= 13,
        "{}",
        most_in_ten_seconds(&plan)
    );
    assert_eq!(plan.due.iter().flatten().count(), 1_000);
}

#[tokio::test]
async fn who_is_hardly_late_keeps_the_place() {
    let world = World::new(7);
    let rota = rota(&world, 2);
    let mut plan = rota.plan().await.unwrap();
    plan.set(0, start());
    plan.set(1, start() + Duration::from_secs(30));
    world.hands.advance(Duration::from_secs(60));
    plan.spread_overdue(&rota, LATE);
    assert_eq!(
        plan.due,
        [Some(start()), Some(start() + Duration::from_secs(30))]
    );
}

#[tokio::test]
async fn a_lane_has_one_at_a_time_and_others_pass() {
    let world = World::new(7);
    let rota = rota(&world, 3);
    let mut plan = rota.plan().await.unwrap();
    plan.lane_of = vec![0, 0, 1];
    for index in 0..3 {
        plan.set(index, start() + Duration::from_secs(u64::from(index)));
    }
    let now = start() + Duration::from_secs(10);
    let due = |seconds| start() + Duration::from_secs(seconds);
    assert_eq!(plan.take_due(now), Some((0, due(0))));
    assert_eq!(plan.take_due(now), Some((2, due(2))));
    assert_eq!(plan.take_due(now), None);
    assert_eq!(plan.leave(2), None);
    assert_eq!(plan.leave(0), Some((1, due(1))));
    assert_eq!(plan.leave(1), None);
    plan.set(0, now);
    assert_eq!(plan.take_due(now), Some((0, now)));
}

#[tokio::test]
async fn an_entry_that_was_overtaken_counts_no_more() {
    let world = World::new(7);
    let rota = rota(&world, 1);
    let mut plan = rota.plan().await.unwrap();
    plan.set(0, start() + Duration::from_secs(900));
    plan.set(0, start() + Duration::from_secs(5));
    let now = start() + Duration::from_secs(1_000);
    assert_eq!(
        plan.take_due(now),
        Some((0, start() + Duration::from_secs(5)))
    );
    assert_eq!(plan.take_due(now), None);
    assert_eq!(plan.next_due(), None);
}

#[tokio::test]
async fn a_panic_and_a_store_that_fails_are_tried_again_and_shown() {
    let world = World::new(7);
    // A source without a script panics when it is polled.
    let rota = rota(&world, 1);
    let mut plan = rota.plan().await.unwrap();
    let (index, ended) = rota.poll(0, start()).await;
    let error = ended.clone().unwrap_err();
    assert!(error.starts_with("panicked: "), "{error}");
    rota.end(&mut plan, index, ended);
    let wait = plan.due[0].unwrap().duration_since(start());
    assert!((1_000..=1_100).contains(&wait.as_millis()), "{wait}");
    assert_eq!(rota.troubles.lock().unwrap().len(), 1);
    let next = Some(start() + Duration::from_secs(900));
    rota.end(&mut plan, index, Ok(next));
    assert!(rota.troubles.lock().unwrap().is_empty());
    assert_eq!(plan.due[0], next);
}
