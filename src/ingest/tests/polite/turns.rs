//! The loop that gives everybody their turn: items 11, 13 and 17 where they need it.

use super::*;
use tokio_util::sync::CancellationToken;

fn rota(guest: &Guest, pollers: Vec<Poller>) -> (Rota, RotaHandle) {
    let pollers = pollers.into_iter().map(Arc::new).collect();
    Rota::new(
        pollers,
        guest.world.store.clone(),
        guest.world.clock.clone(),
    )
}

/// Waits, without a clock, until the server has this many requests.
async fn requests(guest: &Guest, count: usize) {
    while guest.requests() < count {
        tokio::task::yield_now().await;
    }
}

/// Waits until the store knows what came of this many polls of a source.
async fn committed(guest: &Guest, id: &str, polls: u64) {
    let id = SourceId::parse(id).unwrap();
    loop {
        let status = guest.world.store.source_status(&id).await.unwrap();
        if status.is_some_and(|status| status.requests >= polls) {
            return;
        }
    }
}

#[tokio::test]
async fn the_loop_polls_when_it_is_due_and_stops_at_once() {
    let guest = Guest::of(|_, _| feed(&[], &[1])).await;
    let (rota, _handle) = rota(&guest, vec![guest.feed()]);
    let stop = CancellationToken::new();
    let hands = async {
        // The first poll has a place within the first second.
        guest.world.hands.sleepers(1).await;
        guest.advance(1);
        for polls in 1..=3 {
            committed(&guest, "forum", polls).await;
            guest.world.hands.sleepers(1).await;
            assert_eq!(guest.requests() as u64, polls);
            let due = guest.status().await.next_poll_at.unwrap();
            // The store keeps microseconds, the loop more.
            guest.world.hands.set(due + Duration::from_millis(1));
        }
        committed(&guest, "forum", 4).await;
        stop.cancel();
    };
    tokio::join!(rota.run(stop.clone()), hands).0.unwrap();
}

#[tokio::test]
async fn item_13_a_nudge_is_followed_at_once() {
    let guest = Guest::of(|_, _| feed(&[], &[1])).await;
    let (rota, handle) = rota(&guest, vec![guest.feed()]);
    let stop = CancellationToken::new();
    let hands = async {
        guest.world.hands.sleepers(1).await;
        guest.advance(1);
        committed(&guest, "forum", 1).await;
        guest.advance(60);
        let id = source_id();
        let brought = guest.world.store.refresh_source(&id, guest.now());
        brought.await.unwrap();
        handle.nudge(source_id()).await;
        committed(&guest, "forum", 2).await;
        stop.cancel();
    };
    tokio::join!(rota.run(stop.clone()), hands).0.unwrap();
    assert_eq!(guest.gaps(), [60]);
}

#[tokio::test]
async fn item_17_a_tarpit_delays_nobody_but_its_own_host() {
    let guest = Guest::of(|_, arrived| match arrived.line.as_str() {
        "GET /tar" => Answer::Hang,
        _ => feed(&[], &[1]),
    })
    .await;
    let lane = |id: &str, path: &str, lane: &str| {
        let source = guest.source(&guest.config(id, path), &guest.parts.fetcher);
        Poller::new(source, schedule(), lane.into(), Arc::clone(&guest.parts))
    };
    // Loopback counts by port, so these stand in one line at the door; the tarpit has a door of its own.
    let tarpit = TestServer::start(|_| Answer::Hang).await;
    let mut config = guest.config("tar", "/tar");
    config.kind = SourceKind::Feed(FeedConfig {
        url: tarpit.url("/tar").to_string(),
        obey_robots: false,
    });
    let stuck = guest.source(&config, &guest.parts.fetcher);
    let stuck = Poller::new(stuck, schedule(), "tar".into(), Arc::clone(&guest.parts));
    let pollers = vec![
        stuck,
        lane("a", "/a", "a"),
        lane("b", "/b", "a"),
        lane("c", "/c", "c"),
    ];
    let (rota, _handle) = rota(&guest, pollers);
    let stop = CancellationToken::new();
    let hands = async {
        guest.world.hands.sleepers(1).await;
        guest.advance(4);
        requests(&guest, 3).await;
        for id in ["a", "b", "c"] {
            committed(&guest, id, 1).await;
        }
        assert_eq!(tarpit.log().len(), 1);
        stop.cancel();
    };
    tokio::join!(rota.run(stop.clone()), hands).0.unwrap();
}
