//! The path from a source's answer to a commit, on a real store and a real index.

mod polite;
pub mod world;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::config::IndexConfig;
use crate::customers::{ImportFormat, read_customers};
use crate::domain::{Batch, EventKind, SourceState};
use crate::index::{Index, SearchOptions};
use crate::query::{Query, Sort};
use crate::sources::{PollError, SourceFault};
use world::*;

#[tokio::test]
async fn a_poll_stores_posts_mentions_events_and_the_cursor_together() {
    let world = World::new(7);
    let posts = vec![
        raw("1", "My Volta is broken"),
        raw("2", "Nice weather"),
        raw("", "no id"),
    ];
    let poller = world.poller(vec![Ok(batch(posts, "after-2"))]);
    let outcome = poller.step().await.unwrap().0;
    assert_eq!(
        outcome,
        PollOutcome::Polled {
            new_posts: 2,
            changed_posts: 0,
            more: false
        }
    );
    assert_eq!(world.event_kinds().await, [EventKind::MentionCreated]);
    let counts = world.store.counts().await.unwrap();
    assert_eq!((counts.posts, counts.mentions), (2, 1));
    let cursor = world.store.cursor(&source_id(), None).await.unwrap();
    assert_eq!(cursor.position.as_deref(), Some("after-2"));
    let status = world
        .store
        .source_status(&source_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (status.state, status.posts, status.rejects, status.requests),
        (SourceState::Healthy, 2, 1, 1)
    );
    assert!(status.next_poll_at.unwrap() >= start() + Duration::from_secs(900));
}

#[tokio::test]
async fn the_same_answer_again_changes_nothing() {
    let world = World::new(7);
    let answer = || Ok(batch(vec![raw("1", "My Volta is broken")], "1"));
    let poller = world.poller(vec![answer(), answer()]);
    poller.step().await.unwrap();
    let outcome = poller.step().await.unwrap().0;
    assert_eq!(
        outcome,
        PollOutcome::Polled {
            new_posts: 0,
            changed_posts: 0,
            more: false
        }
    );
    assert_eq!(world.event_kinds().await.len(), 1);
}

#[tokio::test]
async fn an_edit_updates_the_mention_and_a_changed_set_of_monitors_does_too() {
    let world = World::new(7);
    let poller = world.poller(vec![
        Ok(batch(vec![raw("1", "My Volta is broken")], "1")),
        Ok(batch(
            vec![raw("1", "My Volta is broken and the delivery was late")],
            "1",
        )),
        Ok(batch(vec![raw("1", "Never mind")], "1")),
    ]);
    for _ in 0..3 {
        poller.step().await.unwrap();
    }
    let kinds = world.event_kinds().await;
    assert_eq!(
        kinds,
        [
            EventKind::MentionCreated,
            EventKind::MentionUpdated,
            EventKind::MentionDeleted
        ]
    );
    let record = world
        .store
        .record(&raw("1", "").key.id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.monitors, []);
    assert_eq!(record.post.text, "Never mind");
}

#[tokio::test]
async fn a_mention_that_goes_and_comes_back_is_told_each_time() {
    let world = World::new(7);
    let answer = |text| Ok(batch(vec![raw("1", text)], "1"));
    let poller = world.poller(vec![
        answer("My Volta is broken"),
        answer("Never mind"),
        answer("My Volta is broken again"),
        answer("Never mind this time"),
    ]);
    for _ in 0..4 {
        poller.step().await.unwrap();
    }
    // Ids follow from kind and revision: a second one with the id of the first would not be told.
    use EventKind::{MentionCreated, MentionDeleted};
    assert_eq!(
        world.event_kinds().await,
        [
            MentionCreated,
            MentionDeleted,
            MentionCreated,
            MentionDeleted
        ]
    );
}

#[tokio::test]
async fn a_copy_joins_the_first_posts_group() {
    let world = World::new(7);
    let text = "My Volta scooter stopped in the middle of the bridge this morning";
    let poller = world.poller(vec![Ok(batch(vec![raw("1", text), raw("2", text)], "2"))]);
    poller.step().await.unwrap();
    let copy = world
        .store
        .record(&raw("2", "").key.id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(copy.duplicate_of, Some(raw("1", "").key.id()));
}

#[tokio::test]
async fn what_nothing_matches_is_dropped_at_once_when_nothing_is_kept() {
    let world = World::new(0);
    let answer = || Ok(batch(vec![raw("1", "Nice weather")], "1"));
    let poller = world.poller(vec![answer(), answer()]);
    poller.step().await.unwrap();
    assert_eq!(world.store.counts().await.unwrap().posts, 0);
    // It is remembered: a monitor that would match it now does not bring it back as new.
    world
        .monitors
        .send_replace(monitors(&[("weather", "weather")]));
    poller.step().await.unwrap();
    assert_eq!(world.store.counts().await.unwrap().posts, 0);
}

#[tokio::test]
async fn an_author_whose_handle_a_customer_owns_is_linked_with_evidence() {
    let world = World::new(7);
    let csv = "id,name,emails,handles,urls,segment,value,tags\nC-1,Ann,,forum:@Ann,,gold,,\n";
    let import = read_customers(csv.as_bytes(), ImportFormat::Csv).unwrap();
    world
        .store
        .import_customers(import.customers, start())
        .await
        .unwrap();
    let poller = world.poller(vec![Ok(batch(vec![raw("1", "My Volta is broken")], "1"))]);
    poller.step().await.unwrap();
    let record = world
        .store
        .record(&raw("1", "").key.id())
        .await
        .unwrap()
        .unwrap();
    let (customer, link) = record.customer.unwrap();
    assert_eq!(customer.id.as_str(), "C-1");
    assert!(
        link.confidence >= 0.9 && link.evidence.contains("ann"),
        "{link:?}"
    );
    assert!(
        world
            .event_kinds()
            .await
            .contains(&EventKind::CustomerLinked)
    );
}

#[tokio::test]
async fn a_fault_slows_the_source_down_and_a_success_makes_it_well() {
    let world = World::new(7);
    let fault = || SourceFault::Unreadable {
        host: "forum.example".into(),
        expected: "JSON",
        problem: "a comma is missing".into(),
    };
    let poller = world.poller(vec![
        Err(PollError::Transient(fault())),
        Err(PollError::Transient(fault())),
        Ok(batch(Vec::new(), "1")),
        Err(PollError::Permanent(fault())),
    ]);
    assert_eq!(poller.step().await.unwrap().0, PollOutcome::Failed);
    assert_eq!(poller.step().await.unwrap().0, PollOutcome::Failed);
    let status = world
        .store
        .source_status(&source_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((status.state, status.failures), (SourceState::Failing, 2));
    assert!(
        status
            .error
            .as_deref()
            .unwrap()
            .contains("a comma is missing"),
        "{:?}",
        status.error
    );
    assert!(status.next_poll_at.unwrap() >= start() + Duration::from_secs(120));

    assert_eq!(
        poller.step().await.unwrap().0,
        PollOutcome::Polled {
            new_posts: 0,
            changed_posts: 0,
            more: false
        }
    );
    let status = world
        .store
        .source_status(&source_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (status.state, status.failures, status.error),
        (SourceState::Healthy, 0, None)
    );

    assert_eq!(poller.step().await.unwrap().0, PollOutcome::Paused);
    let status = world
        .store
        .source_status(&source_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (status.state, status.next_poll_at),
        (SourceState::Paused, None)
    );
}

#[tokio::test]
async fn the_index_follows_the_store_and_a_rebuild_finds_the_same() {
    let world = World::new(7);
    let poller = world.poller(vec![
        Ok(batch(
            vec![raw("1", "My Volta is broken"), raw("2", "Nice weather")],
            "2",
        )),
        Ok(Batch {
            deleted: vec![raw("2", "").key],
            ..batch(vec![raw("1", "My Volta is repaired")], "2")
        }),
    ]);
    let config = IndexConfig {
        commit_interval_ms: 0,
        writer_memory_mib: 15,
    };
    let opened = Index::open(
        &world.dir.path().join("index"),
        world.store.uuid(),
        0,
        &config,
    )
    .unwrap();
    let reader = opened.reader.clone();
    let mut indexer = Indexer::new(world.store.clone(), opened.writer, opened.reader);
    let find = |text: &str| {
        let options = SearchOptions {
            nearest: None,
            limit: 10,
            after: None,
            sort: Sort::Newest,
            facets: false,
            slots: false,
            now: start(),
            zone: TimeZone::UTC,
        };
        reader
            .search(&Query::parse(text).unwrap(), &options)
            .unwrap()
            .total
    };
    poller.step().await.unwrap();
    indexer.catch_up().await.unwrap();
    assert_eq!(
        (find("broken"), find("weather"), reader.documents()),
        (1, 1, 2)
    );
    assert_eq!(indexer.step().await.unwrap(), IndexerStep::Idle);

    poller.step().await.unwrap();
    indexer.catch_up().await.unwrap();
    assert_eq!(
        (find("broken"), find("repaired"), find("weather")),
        (0, 1, 0)
    );

    let told = std::sync::Mutex::new(Vec::new());
    let posts = indexer.rebuild(|posts| told.lock().unwrap().push(posts));
    assert_eq!(posts.await.unwrap(), 1, "one of two is gone");
    assert_eq!(*told.lock().unwrap(), [1]);
    assert_eq!(
        (find("broken"), find("repaired"), reader.documents()),
        (0, 1, 1)
    );
    assert_eq!(indexer.step().await.unwrap(), IndexerStep::Idle);
}
