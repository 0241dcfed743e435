//! Kill -9 at every step of a delivery, in a process of its own: at least once, one id and body, never out of order.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::order::with_customer;
use super::*;
use crate::config::EndpointConfig;
use crate::store::Store;

const CHILD_DIR: &str = "OVERHEARD_TEST_DELIVER_DIR";
const CHILD_URL: &str = "OVERHEARD_TEST_DELIVER_URL";
/// Kills until each step was hit; a few dozen do, more where the machine is busy.
const MOST_KILLS: u32 = 600;

/// What a kill left of the next delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    InTheOutbox,
    Queued,
    Frozen,
    SentButNotRecorded,
    Recorded,
}

fn ordered(world: &World, url: &str) -> EndpointConfig {
    EndpointConfig {
        ordered: true,
        ..world.endpoint_config("crm", url)
    }
}

/// Not a test of its own: the process that the test below kills. Delivers what is due and says when it begins.
#[tokio::test]
#[ignore = "runs as a child of item_02_killed_at_every_step, in every test run"]
async fn child_that_delivers() {
    let (Ok(dir), Ok(url)) = (std::env::var(CHILD_DIR), std::env::var(CHILD_URL)) else {
        return;
    };
    let clock = Clock::system();
    let mut world = World::at(clock.now());
    world.store = Store::open(dir.as_ref(), clock.now()).unwrap();
    world.clock = clock;
    let dispatcher = world.dispatcher_of(&ordered(&world, &url));
    println!("begins");
    settle(&dispatcher).await;
    println!("is done");
}

/// The child, once it begins; what it says then.
fn start_child(world: &World, url: &str) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "deliver::tests::kills::child_that_delivers"])
        .args(["--ignored", "--nocapture"])
        .env(CHILD_DIR, world.dir.path())
        .env(CHILD_URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line.contains("begins")));
    (child, lines)
}

/// Where a kill hit the first event that is not done.
async fn step_left(world: &World, arrived: &BTreeSet<String>) -> Step {
    let (store, crm) = (&world.store, endpoint("crm"));
    let due = store
        .due_deliveries(&crm, jiff::Timestamp::MAX, None, 1)
        .await;
    if let Some(delivery) = due.unwrap().first() {
        let has_arrived = arrived.contains(delivery.event.event.id.as_str());
        return match (&delivery.event.body, has_arrived) {
            (None, _) => Step::Queued,
            (Some(_), false) => Step::Frozen,
            (Some(_), true) => Step::SentButNotRecorded,
        };
    }
    let position = store.endpoint_position(&crm).await.unwrap();
    let newest = store.tip().borrow().event_seq;
    if position.unwrap_or(0) < newest {
        Step::InTheOutbox
    } else {
        Step::Recorded
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_02_killed_at_every_step_each_event_arrives_in_order_with_one_id_and_body() {
    let mut world = World::at(Clock::system().now());
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher_of(&ordered(&world, &receiver.url));
    dispatcher.register().await.unwrap();
    world.mention("0", "first").await;
    with_customer(&world).await;
    drop(dispatcher);
    world.store.close().await;

    // How long it takes when nobody kills it: the moments of the kills are spread over that.
    let (mut child, mut lines) = start_child(&world, &receiver.url);
    let began = std::time::Instant::now();
    assert!(lines.any(|line| line.contains("is done")));
    let whole = began.elapsed() * 3;
    child.wait().unwrap();

    let mut left = BTreeSet::new();
    let mut told: Vec<String> = Vec::new();
    let mut kills = 0;
    while left.len() < 5 && kills < MOST_KILLS {
        world.store = Store::open(world.dir.path(), world.clock.now()).unwrap();
        for part in 0..2 {
            let event = world.mention(&format!("{kills} {part}"), "battery").await;
            told.push(event.to_string());
        }
        world.store.close().await;
        let (mut child, _lines) = start_child(&world, &receiver.url);
        // The golden ratio spreads any number of moments evenly.
        let place = (f64::from(kills) * 0.618_034).fract();
        std::thread::sleep(whole.mul_f64(place));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        world.store = Store::open(world.dir.path(), world.clock.now()).unwrap();
        let arrived = receiver.received();
        let arrived = arrived.iter().map(|request| request.id().to_owned());
        left.insert(step_left(&world, &arrived.collect()).await);
        world.store.close().await;
    }
    assert_eq!(left.len(), 5, "{kills} kills left only {left:?}");

    world.store = Store::open(world.dir.path(), world.clock.now()).unwrap();
    world
        .time
        .set(Clock::system().now() + jiff::SignedDuration::from_mins(1));
    let dispatcher = world.dispatcher_of(&ordered(&world, &receiver.url));
    settle(&dispatcher).await;
    assert_eq!(dispatcher.pending().await.unwrap(), 0);

    let (mut bodies, mut first, mut newest) = (HashMap::new(), Vec::new(), 0);
    for request in receiver.received() {
        let id = request.id().to_owned();
        let known = bodies.entry(id.clone()).or_insert_with(|| {
            first.push(id.clone());
            request.body.clone()
        });
        assert_eq!(*known, request.body, "the body of {id} changed");
        let sequence = request.json()["sequence"].as_u64().unwrap();
        assert!(sequence >= newest, "{sequence} came after {newest}");
        newest = sequence;
    }
    // Each arrived, for the first time in the order in which it happened; `0` and the customer's news came before.
    let of_mentions: Vec<&String> = first.iter().filter(|id| told.contains(id)).collect();
    assert_eq!(of_mentions, told.iter().collect::<Vec<_>>());
}
