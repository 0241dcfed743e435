//! Events, deliveries, attempts, dead letters.

use super::*;
use crate::domain::{EndpointId, EventId};

fn endpoint() -> EndpointId {
    EndpointId::parse("crm").unwrap()
}

async fn with_mentions(count: i64) -> (tempfile::TempDir, Store, Vec<EventId>) {
    let (dir, store) = open();
    commit(&store, (0..count).map(|n| mention_of(post(n))).collect()).await;
    let events = store.events_after(0, 99).await.unwrap();
    let ids = events.into_iter().map(|event| event.event.id).collect();
    (dir, store, ids)
}

fn attempt(seq: u64, at: i64, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        endpoint: endpoint(),
        seq,
        at: after(at),
        status: Some(500),
        error: Some("status 500".into()),
        outcome,
    }
}

fn to_queue(events: std::ops::RangeInclusive<u64>) -> Vec<Queued> {
    events.map(|seq| Queued { seq, lane: None }).collect()
}

#[tokio::test]
async fn events_have_growing_numbers_and_one_body() {
    let (_dir, store, ids) = with_mentions(2).await;
    let events = store.events_after(0, 99).await.unwrap();
    assert_eq!(events[0].event, created(&post(0).id));
    assert!(events[0].seq < events[1].seq);
    assert_eq!(
        store.events_after(events[0].seq, 99).await.unwrap(),
        events[1..]
    );
    assert_eq!(store.tip().borrow().event_seq, events[1].seq);
    let seq = events[0].seq;
    for body in ["first", "second"] {
        let body = vec![(seq, body.as_bytes().to_vec())];
        let frozen = store.freeze_bodies(body).await.unwrap();
        assert_eq!(frozen[&seq], b"first");
    }
    let event = store.event(&ids[0]).await.unwrap().unwrap();
    assert_eq!(event.body.as_deref(), Some(&b"first"[..]));
}

#[tokio::test]
async fn a_position_and_its_deliveries_are_queued_once() {
    let (_dir, store, ids) = with_mentions(3).await;
    let crm = endpoint();
    assert_eq!(store.endpoint_position(&crm).await.unwrap(), None);
    let queued = store
        .enqueue(&crm, 3, to_queue(1..=2), after(1))
        .await
        .unwrap();
    assert_eq!(queued, 2);
    let queued = store
        .enqueue(&crm, 2, to_queue(1..=2), after(9))
        .await
        .unwrap();
    assert_eq!(queued, 0);
    assert_eq!(store.endpoint_position(&crm).await.unwrap(), Some(3));
    assert_eq!(store.next_due(&crm).await.unwrap(), Some(after(1)));
    assert_eq!(
        store.due_deliveries(&crm, start(), None, 9).await.unwrap(),
        []
    );
    let due = store.due_deliveries(&crm, after(1), None, 9).await.unwrap();
    let order: Vec<_> = due.iter().map(|d| d.event.event.id.clone()).collect();
    assert_eq!(order, ids[..2]);
    assert_eq!((due[0].tries, due[0].queued_at), (0, after(1)));
    for (place, rest) in [(None, &due[..]), (Some(due[0].place()), &due[1..])] {
        let behind = store.due_deliveries(&crm, after(1), place, 9).await;
        assert_eq!(behind.unwrap(), rest);
    }
    assert_eq!(
        store
            .due_deliveries(&crm, after(1), None, 1)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn attempts_lead_to_delivered_or_dead_and_dead_ones_rise_again() {
    let (_dir, store, ids) = with_mentions(3).await;
    let crm = endpoint();
    store
        .enqueue(&crm, 3, to_queue(1..=3), start())
        .await
        .unwrap();
    let later = AttemptOutcome::Retry {
        next_attempt_at: after(100),
    };
    let made = vec![attempt(1, 1, later)];
    assert_eq!(store.record_attempts(made).await.unwrap(), 1);
    for seq in 2..=3 {
        let dead = attempt(seq, 2, AttemptOutcome::Dead);
        assert_eq!(store.record_attempts(vec![dead]).await.unwrap(), 1);
    }
    assert_eq!(store.next_due(&crm).await.unwrap(), Some(after(100)));
    let due = store
        .due_deliveries(&crm, after(100), None, 9)
        .await
        .unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].tries, due[0].next_attempt_at), (1, after(100)));
    let dead = store.dead_letters(&crm, 0, 9).await.unwrap();
    let order: Vec<_> = dead.iter().map(|d| d.event.event.id.clone()).collect();
    assert_eq!(order, ids[1..]);
    assert_eq!(dead[0].last_status, Some(500));
    assert_eq!(dead[0].last_attempt_at, Some(after(2)));
    assert_eq!(
        store
            .dead_letters(&crm, dead[0].event.seq, 9)
            .await
            .unwrap()
            .len(),
        1
    );

    let one = Some(vec![ids[1].clone(), ids[0].clone()]);
    assert_eq!(store.requeue(&crm, one, after(200)).await.unwrap(), 1);
    assert_eq!(store.requeue(&crm, None, after(300)).await.unwrap(), 1);
    let due = store
        .due_deliveries(&crm, after(300), None, 9)
        .await
        .unwrap();
    let places: Vec<_> = due.iter().map(|d| (d.tries, d.queued_at)).collect();
    assert_eq!(places, [(1, start()), (0, after(200)), (0, after(300))]);

    let mut good = attempt(2, 400, AttemptOutcome::Delivered);
    (good.status, good.error) = (Some(204), None);
    assert_eq!(store.record_attempts(vec![good.clone()]).await.unwrap(), 1);
    assert_eq!(
        store.record_attempts(vec![good]).await.unwrap(),
        0,
        "delivered stays delivered"
    );
    let attempts = store.attempts(&crm, &ids[1]).await.unwrap();
    let seen: Vec<_> = attempts
        .iter()
        .map(|a| (a.number, a.status, a.at))
        .collect();
    assert_eq!(seen, [(1, Some(500), after(2)), (2, Some(204), after(400))]);
    let counts = store.delivery_counts(&crm).await.unwrap();
    let expected = DeliveryCounts {
        pending: 2,
        delivered: 1,
        dead: 0,
    };
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn what_tells_of_a_deleted_post_is_sent_no_more() {
    let (_dir, store, ids) = with_mentions(2).await;
    let crm = endpoint();
    store
        .enqueue(&crm, 2, to_queue(1..=2), start())
        .await
        .unwrap();
    let mut gone = batch(Vec::new());
    gone.deleted = vec![post(0).id];
    store.commit_batch(gone).await.unwrap();
    let due = store.due_deliveries(&crm, after(9), None, 9).await.unwrap();
    let order: Vec<_> = due.iter().map(|d| d.event.event.id.clone()).collect();
    assert_eq!(order, ids[1..]);
    let late = attempt(1, 9, AttemptOutcome::Delivered);
    assert_eq!(store.record_attempts(vec![late]).await.unwrap(), 0);
    assert_eq!(
        store
            .enqueue(&crm, 2, to_queue(1..=1), start())
            .await
            .unwrap(),
        0
    );
    let after_all = store.events_after(2, 9).await.unwrap();
    assert_eq!(after_all.len(), 1);
    assert_eq!(after_all[0].event.kind, EventKind::MentionDeleted);
}
