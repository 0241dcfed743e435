//! Kill -9, twenty times: nothing is lost, nothing comes twice.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use overheard::demo::crm::{Crm, Mood};
use overheard::demo::town::{CUSTOMERS_CSV, Network, Town};
use overheard::domain::{EndpointId, EventKind, PostId, PostKey, Subject};
use overheard::runtime::Clock;
use overheard::store::Store;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;

use crate::daemon::{Home, SECRET, all_changes, all_events, indexed, pause};

const KILLS: usize = 20;
/// A new post comes about this often, in milliseconds.
const PACE_MS: i64 = 120;

/// The longest that the last run may take to hear, index and deliver what is left.
const CATCH_UP: Duration = Duration::from_secs(40);

/// The moments of the kills come from here; a failure can be played again.
const SEED: u64 = 11;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_it_neither_loses_nor_repeats() {
    let began = Instant::now();
    let (clock, stop) = (Clock::system(), CancellationToken::new());
    let town = Town::start(7, clock.now(), PACE_MS, None, stop.clone())
        .await
        .expect("a town");
    let now = clock.clone();
    let (crm, _notices) = Crm::start(0, SECRET, move || now.now(), stop.clone())
        .await
        .expect("a CRM");
    let home = Home::new("");
    home.configure(&settings(&home, &town, &crm));
    let customers = home.file("customers.csv", CUSTOMERS_CSV);
    let imported = home.run(&["customers", "import", &customers.display().to_string()]);
    assert_eq!(imported.status, Some(0), "{imported:?}");

    let mut random = StdRng::seed_from_u64(SEED);
    for round in 0..KILLS {
        trouble(round, &town, &crm);
        let mut daemon = home.start();
        // Half of the kills hit the start and its repairs, half the work.
        if round % 2 == 1 {
            daemon.ready().await;
        }
        let moment = Instant::now() + Duration::from_millis(random.random_range(50..900));
        while Instant::now() < moment {
            town.advance(clock.now());
            pause().await;
        }
        if round % 2 == 1 {
            aim(
                &town,
                &clock,
                Duration::from_micros(random.random_range(0..20_000)),
            )
            .await;
        }
        daemon.kill();
    }
    let heard_under_fire = match home.store() {
        Some(store) => all_changes(&store).await.len(),
        None => 0,
    };
    assert!(heard_under_fire > 0, "the kills hit nothing");
    let asked_under_fire = town.requests();

    // The town falls silent; the daemon catches up.
    town.advance(clock.now());
    let mut daemon = home.start();
    daemon.ready().await;
    // When it does not, the checks below say what is missing.
    let deadline = Instant::now() + CATCH_UP;
    while caught_up(&home, &town, &crm).await.is_none() && Instant::now() < deadline {
        pause().await;
    }
    let (status, _) = daemon.end("TERM").await;
    assert_eq!(status, Some(0), "{}", daemon.log());

    let store = home.store().expect("a store");
    check_posts(&store, &town).await;
    check_index(&store, &home).await;
    check_events(&store, &crm).await;
    check_sources(&store, &town).await;
    println!(
        "{} posts, {heard_under_fire} of them under fire; {} requests, {asked_under_fire} of them under fire; {} webhooks; {:.1} s",
        town.ledger().len(),
        town.requests(),
        crm.ledger().len(),
        began.elapsed().as_secs_f64()
    );
    stop.cancel();
}

/// Waits until a network was asked, and for the time that lies between its answer and what is
/// made of it: a random moment would mostly hit a daemon that waits.
async fn aim(town: &Town, clock: &Clock, after: Duration) {
    let (asked, deadline) = (town.requests(), Instant::now() + Duration::from_secs(5));
    while town.requests() == asked && Instant::now() < deadline {
        town.advance(clock.now());
        clock.sleep(Duration::from_millis(1)).await;
    }
    clock.sleep(after).await;
}

/// Posts that change and a receiver that fails, on top of the kills.
fn trouble(round: usize, town: &Town, crm: &Crm) {
    match round {
        4 | 9 | 14 | 19 => {
            let text = format!("Edited {round} times: the battery is dead.");
            town.edit_newest(Network::AppStore, &text);
        }
        6 => crm.misbehave(Mood::Status(500), 1),
        // Killed in the middle of a delivery: it comes again, under the same id.
        7 | 13 => crm.misbehave(Mood::Hang, 1),
        _ => {}
    }
}

fn settings(home: &Home, town: &Town, crm: &Crm) -> String {
    format!(
        r#"
[analysis]
engine = "none"
[index]
commit_interval_ms = 50
[ingest]
keep_unmatched_days = 3650
[[monitors]]
id = "voltra"
query = "voltra"
[[monitors]]
id = "trouble"
query = "battery OR charger OR brakes"
[[endpoints]]
id = "crm"
url = "{}"
secret_file = "{}"
allow_http = true
{}"#,
        crm.url(),
        home.secret().display(),
        town.sources_toml(1),
    )
}

fn crm_endpoint() -> EndpointId {
    EndpointId::parse("crm").expect("a name")
}

/// Every post was served and is stored, searchable and told.
async fn caught_up(home: &Home, town: &Town, crm: &Crm) -> Option<()> {
    let ledger = town.ledger();
    if ledger.len() != town.published() {
        return None;
    }
    let store = home.store()?;
    let stored = stored_keys(&store).await;
    let events = all_events(&store).await;
    let last = events.last().map_or(0, |event| event.seq);
    let queued = store.endpoint_position(&crm_endpoint()).await.ok()??;
    let counts = store.delivery_counts(&crm_endpoint()).await.ok()?;
    let told = crm.ledger().len() >= events.len();
    let done = ledger.iter().all(|entry| stored.contains_key(&entry.key))
        && queued >= last
        && counts.pending == 0
        && told
        && indexed(&home.data()).len() == stored.len();
    done.then_some(())
}

/// The stored posts by key, with how often each key is there.
async fn stored_keys(store: &Store) -> HashMap<PostKey, usize> {
    let mut keys = HashMap::new();
    for change in all_changes(store).await {
        if let Some(record) = change.record {
            *keys.entry(record.post.key).or_insert(0) += 1;
        }
    }
    keys
}

/// What the town served is there once; what it did not serve is not there.
async fn check_posts(store: &Store, town: &Town) {
    let stored = stored_keys(store).await;
    let served: HashSet<PostKey> = town.ledger().into_iter().map(|entry| entry.key).collect();
    let lost: Vec<_> = served
        .iter()
        .filter(|key| !stored.contains_key(*key))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let invented: Vec<_> = stored.keys().filter(|key| !served.contains(*key)).collect();
    assert!(invented.is_empty(), "invented: {invented:?}");
    let repeated: Vec<_> = stored.iter().filter(|(_, count)| **count != 1).collect();
    assert!(repeated.is_empty(), "repeated: {repeated:?}");
    assert_eq!(served.len(), town.published(), "not asked for");
    let counts = store.counts().await.expect("counts");
    assert_eq!(counts.posts, served.len() as u64);
    for network in Network::ALL {
        let of_network = town.ledger();
        let of_network = of_network
            .iter()
            .filter(|entry| entry.post.network == network);
        assert!(of_network.count() > 0, "{} was not heard", network.name());
    }
    // The words as well, not the keys alone.
    let texts: HashMap<PostKey, String> = all_changes(store)
        .await
        .into_iter()
        .filter_map(|change| change.record)
        .map(|record| (record.post.key, record.post.text))
        .collect();
    for entry in town.ledger() {
        let is_plain = entry.post.network == Network::AppStore;
        if is_plain {
            assert_eq!(texts[&entry.key], entry.post.text);
        }
    }
}

/// The index is the store's image.
async fn check_index(store: &Store, home: &Home) {
    let stored: BTreeSet<PostId> = all_changes(store)
        .await
        .into_iter()
        .filter_map(|change| change.record)
        .map(|record| record.post.id)
        .collect();
    let documents = indexed(&home.data());
    let found: BTreeSet<PostId> = documents.iter().cloned().collect();
    assert_eq!(found.len(), documents.len(), "a document is there twice");
    assert_eq!(found, stored);
    // And as the command sees it.
    let counted = home.run(&["search", "--count", "since:1990-01-01"]);
    assert_eq!(counted.stdout.trim(), stored.len().to_string());
}

/// Each mention was announced once, and each event arrived with the body that is frozen in the store.
async fn check_events(store: &Store, crm: &Crm) {
    let mentions: BTreeSet<String> = all_changes(store)
        .await
        .into_iter()
        .filter_map(|change| change.record)
        .filter(|record| record.is_mention())
        .map(|record| record.post.id.mention().to_string())
        .collect();
    assert!(!mentions.is_empty());
    let events = all_events(store).await;
    let mut announced = BTreeMap::new();
    for event in &events {
        if let (EventKind::MentionCreated, Subject::Mention { id }) =
            (event.event.kind, &event.event.subject)
        {
            *announced.entry(id.to_string()).or_insert(0) += 1;
        }
    }
    assert!(announced.values().all(|count| *count == 1), "{announced:?}");
    assert_eq!(announced.into_keys().collect::<BTreeSet<_>>(), mentions);
    let links = events
        .iter()
        .filter(|event| event.event.kind == EventKind::CustomerLinked);
    assert!(links.count() > 0, "no author was linked to a customer");

    let ledger = crm.ledger();
    assert_eq!(crm.unverified(), 0);
    let ids: BTreeSet<String> = events
        .iter()
        .map(|event| event.event.id.to_string())
        .collect();
    assert_eq!(ids.len(), events.len());
    assert_eq!(
        ledger.keys().cloned().collect::<BTreeSet<_>>(),
        ids,
        "what arrived is what happened"
    );
    for event in &events {
        let received = &ledger[event.event.id.as_str()];
        assert!(received.accepted >= 1, "{}", event.event.id);
        assert!(
            received.verified && received.same_body,
            "{}",
            event.event.id
        );
        assert_eq!(received.kind, event.event.kind.as_str());
        assert_eq!(
            Some(&received.body),
            event.body.as_ref(),
            "{}: what was sent is what is frozen",
            event.event.id
        );
    }
    let repeated = ledger.values().filter(|received| received.requests > 1);
    assert!(repeated.count() > 0, "no delivery was cut off");
    let counts = store
        .delivery_counts(&crm_endpoint())
        .await
        .expect("counts");
    assert_eq!(counts.delivered, events.len() as u64);
    assert_eq!((counts.pending, counts.dead), (0, 0));
}

/// No cursor is behind what was served, and no source is failing or needs a person.
async fn check_sources(store: &Store, town: &Town) {
    let statuses = store.source_statuses().await.expect("statuses");
    assert_eq!(statuses.len(), Network::ALL.len());
    for status in statuses {
        assert_eq!(status.state.as_str(), "healthy", "{status:?}");
        assert_eq!((status.rejects, &status.error), (0, &None), "{status:?}");
        let cursor = store.cursor(&status.id, None).await.expect("a cursor");
        let position = cursor.position.unwrap_or_default();
        let network = Network::ALL
            .into_iter()
            .find(|network| network.name() == status.id.as_str())
            .expect("a network");
        let posts: Vec<_> = town
            .ledger()
            .into_iter()
            .filter(|entry| entry.post.network == network)
            .collect();
        let newest = posts.last().expect("a post");
        match network {
            Network::Mastodon => assert_eq!(position, newest.post.number.to_string()),
            Network::HackerNews => {
                let position: serde_json::Value = serde_json::from_str(&position).expect("JSON");
                assert_eq!(position["newest"], newest.post.published_at.as_second());
                assert_eq!(position["until"], serde_json::Value::Null);
            }
            // What was on the page at the last look: each item, once.
            _ => {
                let seen: BTreeSet<&str> = position.split(',').collect();
                assert_eq!(seen.len(), position.split(',').count(), "{position}");
                assert_eq!(seen.len(), posts.len(), "{}: {position}", status.id);
            }
        }
    }
}
