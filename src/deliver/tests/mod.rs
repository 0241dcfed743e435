//! The whole way: a real store, a real receiver on loopback, a clock that stands still.

mod faults;
mod kills;
mod order;
mod sinks;

use std::sync::Arc;
use std::time::Duration;

use standardwebhooks::Webhook;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::testing::receiver::{Receiver, Reply};
use super::testing::world::{SECRET, World};
use super::testing::{self, start};
use super::*;
use crate::domain::{EndpointId, Event, EventKind, Subject};
use crate::runtime::{Clock, Supervisor};

fn endpoint(name: &str) -> EndpointId {
    EndpointId::parse(name).unwrap()
}

/// Steps until nothing is left to do now.
async fn settle(dispatcher: &Dispatcher) -> DeliverCounts {
    deliver_due(std::slice::from_ref(dispatcher)).await.unwrap()
}

fn counts(delivered: u64, failed: u64, dead: u64, pending: u64) -> DeliverCounts {
    DeliverCounts {
        delivered,
        failed,
        dead,
        pending,
    }
}

#[tokio::test]
async fn item_01_what_arrives_verifies_with_the_reference_library() {
    let world = World::at(Clock::system().now());
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    let event = world.mention("1", "größer, schöner ☕").await;

    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));

    let [request] = &receiver.received()[..] else {
        panic!("not one request");
    };
    Webhook::new(SECRET)
        .unwrap()
        .verify(&request.body, &request.headers)
        .unwrap();
    assert_eq!(request.path, "/hook");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.id(), event.as_str());
    assert_eq!(request.json()["id"], event.as_str());
    assert_eq!(request.json()["type"], "mention.created");
    assert_eq!(request.json()["data"]["text"], "größer, schöner ☕");
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 0));
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn item_02_retries_keep_id_and_body_and_sign_anew() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    world.mention("1", "as it was").await;
    receiver.reply_status(500);
    receiver.reply_status(404);

    assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 1));
    // What the mention becomes later is news of its own.
    world
        .commit(testing::post("1", "as it is now"), None, Vec::new())
        .await;
    let Ok(StepOutcome::Idle { until: Some(next) }) = dispatcher.step().await else {
        panic!("it does not wait");
    };
    assert!(next >= start() + Duration::from_secs(5), "{next}");
    assert!(next <= start() + Duration::from_secs(8), "{next}");
    world.time.advance(Duration::from_secs(4));
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 1));
    world.time.advance(Duration::from_secs(4));
    assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 1));
    world.time.advance(Duration::from_secs(600));
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));

    let requests = receiver.received();
    assert_eq!(requests.len(), 3);
    let oracle = Webhook::new(SECRET).unwrap();
    for (request, seconds) in requests.iter().zip([0, 8, 608]) {
        assert_eq!(request.id(), requests[0].id());
        assert_eq!(request.body, requests[0].body);
        assert_eq!(request.timestamp(), start().as_second() + seconds);
        let signature = oracle.sign(request.id(), request.timestamp(), &request.body);
        assert_eq!(request.signature(), signature.unwrap());
    }
    assert_eq!(requests[2].json()["data"]["text"], "as it was");
    assert_ne!(requests[0].signature(), requests[1].signature());
}

#[tokio::test]
async fn filter_and_event_list_choose() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let mut config = world.endpoint_config("crm", &receiver.url);
    config.filter = Some("sentiment:negative coffee".to_owned());
    config.events = vec![EventKind::MentionCreated, EventKind::MentionDeleted];
    let dispatcher = world.dispatcher_of(&config);
    dispatcher.register().await.unwrap();
    world.mention("1", "the coffee is cold").await;
    world.mention("2", "the tea is cold").await;
    let unscored = testing::post("3", "coffee");
    let id = unscored.id.mention();
    let created = Event::new(
        EventKind::MentionCreated,
        Subject::Mention { id },
        1,
        start(),
    );
    world.commit(unscored, None, vec![created]).await;
    let source = testing::failed_source().id;
    let failed = Event::new(
        EventKind::SourceFailed,
        Subject::Source { id: source },
        1,
        start(),
    );
    world.store.add_events(vec![failed]).await.unwrap();
    world.delete(&testing::post("2", "").id).await;

    assert_eq!(settle(&dispatcher).await, counts(2, 0, 0, 0));
    let mut got: Vec<String> = receiver
        .received()
        .iter()
        .map(|request| {
            format!(
                "{} {}",
                request.json()["type"],
                request.json()["data"]["text"]
            )
        })
        .collect();
    got.sort();
    assert_eq!(
        got,
        [
            r#""mention.created" "the coffee is cold""#,
            r#""mention.deleted" null"#
        ]
    );
}

#[tokio::test]
async fn a_deleted_post_is_sent_no_more() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    world.mention("1", "regretted").await;
    receiver.reply_status(500);
    assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 1));
    let deleted = world.delete(&testing::post("1", "").id).await;
    world.time.advance(Duration::from_secs(3600));
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let requests = receiver.received();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].id(), deleted.as_str());
    assert_eq!(requests[1].json()["type"], "mention.deleted");
    assert!(!String::from_utf8_lossy(&requests[1].body).contains("regretted"));
}

#[tokio::test]
async fn a_new_endpoint_is_not_flooded_with_the_past() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let first = world.dispatcher("first", &receiver);
    assert_eq!(
        first.register().await.unwrap(),
        0,
        "an empty store has no past"
    );
    world.mention("1", "a").await;
    let second = world.dispatcher("second", &receiver);
    assert_eq!(second.register().await.unwrap(), 1);
    world.mention("2", "b").await;
    assert_eq!(settle(&first).await, counts(2, 0, 0, 0));
    assert_eq!(settle(&second).await, counts(1, 0, 0, 0));
    assert_eq!(receiver.received()[2].json()["data"]["text"], "b");
}

#[tokio::test]
async fn the_running_loop_wakes_on_commits_retries_and_stops() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = Arc::new(world.dispatcher("crm", &receiver));
    dispatcher.register().await.unwrap();
    let stop = CancellationToken::new();
    let supervisor = Supervisor::new(world.clock.clone(), stop.clone());
    let running = Arc::clone(&dispatcher);
    supervisor.spawn("deliver crm", move |stop| {
        let dispatcher = Arc::clone(&running);
        async move { Ok(dispatcher.run(stop).await?) }
    });
    world.mention("1", "a").await;
    receiver.wait_for(1).await;
    receiver.reply_status(500);
    world.mention("2", "b").await;
    receiver.wait_for(2).await;
    // The manual clock wakes the loop at the time of the retry, or before it sleeps.
    world.time.advance(Duration::from_secs(10));
    while receiver.received().len() < 3 {
        world.time.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    stop.cancel();
    assert_eq!(
        supervisor.stopped(Duration::from_secs(5)).await,
        Vec::<String>::new()
    );
    assert_eq!(receiver.received()[1].id(), receiver.received()[2].id());
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_begins_nothing() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    for number in 0..6 {
        world.mention(&number.to_string(), "a").await;
    }
    let gate = Arc::new(Semaphore::new(0));
    receiver.reply(vec![Reply::Wait(Arc::clone(&gate)); 6]);
    let stop = CancellationToken::new();
    let (ended, ()) = tokio::join!(dispatcher.run(stop.clone()), async {
        receiver.wait_for(4).await;
        stop.cancel();
        gate.add_permits(6);
    });
    ended.unwrap();
    assert_eq!(receiver.received().len(), 4);
    let counts = world.store.delivery_counts(&endpoint("crm")).await.unwrap();
    assert_eq!((counts.delivered, counts.pending), (4, 2));
}

#[tokio::test]
async fn item_15_no_debug_output_shows_the_secret() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    let shown = format!("{dispatcher:?} {:?}", dispatcher.endpoint());
    assert!(shown.contains("Secret([redacted])"), "{shown}");
    assert!(!shown.contains("C2FVsBQI"), "{shown}");
}
