//! Status, digests, tokens, followers, opening.

use super::*;
use crate::domain::{DigestId, HttpKey, HttpState, Reject};

#[tokio::test]
async fn a_failed_poll_keeps_the_cursor_and_the_wish_to_wait() {
    let (_dir, store) = open();
    commit(&store, Vec::new()).await;
    let key = HttpKey {
        url: "https://example.com/feed".into(),
        credential: String::new(),
    };
    let unknown = store.cursor(&source("tooth"), Some(&key)).await.unwrap();
    assert_eq!(unknown.http, Some(HttpState::unknown(key.clone())));
    let waiting = HttpState {
        not_before: Some(after(99)),
        ..HttpState::unknown(key.clone())
    };
    let failing = SourceStatus {
        state: SourceState::Failing,
        error: Some("status 503".into()),
        failures: 3,
        ..status()
    };
    let stored = store
        .record_status(failing.clone(), Some(waiting.clone()), None)
        .await;
    stored.unwrap();
    assert_eq!(store.source_statuses().await.unwrap(), [failing]);
    let cursor = store.cursor(&source("tooth"), Some(&key)).await.unwrap();
    assert_eq!(cursor.position.as_deref(), Some("1"));
    assert_eq!(cursor.http, Some(waiting));
}

#[tokio::test]
async fn rejects_are_bounded_and_each_kept_once() {
    let (_dir, store) = open();
    let reject = |n: usize| Reject::new(Some(n.to_string()), "no body", "<x/>");
    let mut many = batch(Vec::new());
    many.rejects = (0..1_005).map(reject).collect();
    store.commit_batch(many).await.unwrap();
    let mut again = batch(Vec::new());
    again.now = after(9_000);
    again.rejects = vec![reject(1_004)];
    store.commit_batch(again).await.unwrap();
    let kept = store.rejects(&source("tooth"), 9_999).await.unwrap();
    assert_eq!(kept.len(), 1_000);
    assert_eq!(kept[0].reject, reject(1_004));
    assert_eq!(
        (kept[0].first_at, kept[0].last_at),
        (after(2_000), after(9_000))
    );
    assert_eq!(kept[999].reject, reject(5));
    assert_eq!(store.rejects(&source("other"), 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_digest_is_made_once_a_day() {
    let (_dir, store) = open();
    let daily = DigestId::parse("daily").unwrap();
    let run = DigestRun {
        digest: daily.clone(),
        date: "2026-11-21".into(),
        at: start(),
        files: vec!["daily.md".into()],
    };
    let subject = Subject::Digest {
        id: daily.clone(),
        date: run.date.clone(),
    };
    let event = Event::new(EventKind::DigestReady, subject, 0, start());
    let first = store.record_digest(run.clone(), Some(event.clone())).await;
    assert!(first.unwrap());
    assert!(!store.record_digest(run.clone(), Some(event)).await.unwrap());
    assert_eq!(store.digest_runs(Some(&daily), 9).await.unwrap(), [run]);
    assert_eq!(store.events_after(0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_window_is_half_open_and_counts_what_is_scored() {
    let (_dir, store) = open();
    let mut posts: Vec<_> = (0..4).map(|n| mention_of(post(n))).collect();
    posts[1].analysis = None;
    posts[2].monitors.push(monitor("other"));
    posts.push(commit_of(post(2)));
    posts.pop();
    commit(&store, posts).await;
    let ids = |records: Vec<PostRecord>| -> Vec<PostId> {
        records.into_iter().map(|record| record.post.id).collect()
    };
    let both = [monitor("brand"), monitor("other")];
    for monitors in [&both[..], &[]] {
        let found = store
            .mentions_between(after(1), after(3), monitors, 9)
            .await;
        assert_eq!(ids(found.unwrap()), [post(2).id, post(1).id]);
    }
    let found = store.mentions_between(after(0), after(4), &both, 2).await;
    assert_eq!(ids(found.unwrap()), [post(3).id, post(2).id]);
    let found = store
        .mentions_between(start(), after(4), &both[1..], 9)
        .await;
    assert_eq!(ids(found.unwrap()), [post(2).id]);
    let windows = store
        .monitor_windows(after(1), after(4), &both)
        .await
        .unwrap();
    let expected = MonitorWindow {
        monitor: monitor("brand"),
        mentions: 3,
        negative: 2,
        neutral: 0,
        positive: 0,
        unscored: 1,
        engagement: 3,
    };
    assert_eq!(windows[0], expected);
    assert_eq!((windows[1].mentions, windows[1].negative), (1, 1));
}

#[tokio::test]
async fn tokens_are_found_used_and_revoked() {
    let (_dir, store) = open();
    let token = NewToken {
        hash: [7; 32],
        name: "page".into(),
        role: "viewer".into(),
        expires_at: Some(after(100)),
    };
    store.create_token(token.clone(), start()).await.unwrap();
    let same_name = NewToken {
        hash: [8; 32],
        ..token.clone()
    };
    assert!(store.create_token(same_name, start()).await.is_err());
    assert_eq!(store.token_by_hash([8; 32]).await.unwrap(), None);
    let found = store.token_by_hash([7; 32]).await.unwrap().unwrap();
    assert_eq!(
        (found.name.as_str(), found.role.as_str()),
        ("page", "viewer")
    );
    assert!(found.is_valid(after(99)));
    assert!(!found.is_valid(after(100)));
    for at in [10, 20, 80] {
        store.touch_token([7; 32], after(at)).await.unwrap();
    }
    let used = store.tokens().await.unwrap()[0].last_used_at;
    assert_eq!(used, Some(after(80)));
    store.touch_token([7; 32], after(90)).await.unwrap();
    assert_eq!(store.tokens().await.unwrap()[0].last_used_at, used);
    assert!(store.revoke_token("page", after(95)).await.unwrap());
    assert!(!store.revoke_token("page", after(96)).await.unwrap());
    let revoked = store.token_by_hash([7; 32]).await.unwrap().unwrap();
    assert!(!revoked.is_valid(after(95)));
}

#[tokio::test]
async fn followers_keep_their_own_numbers() {
    let (_dir, store) = open();
    assert_eq!(store.follower("index").await.unwrap(), 0);
    store.set_follower("index", 7).await.unwrap();
    store.set_follower("other", 3).await.unwrap();
    assert_eq!(store.follower("index").await.unwrap(), 7);
}

#[tokio::test]
async fn a_read_only_handle_reads_beside_the_daemon_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Store::open_read_only(dir.path());
    assert!(matches!(missing, Err(StoreError::Missing { path }) if path.ends_with(FILE)));
    let store = Store::open(dir.path(), start()).unwrap();
    let reader = Store::open_read_only(dir.path()).unwrap();
    assert_eq!(reader.uuid(), store.uuid());
    commit(&store, vec![commit_of(post(1))]).await;
    assert!(reader.record(&post(1).id).await.unwrap().is_some());
    let refused = reader.commit_batch(batch(Vec::new())).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = open();
    commit(&store, vec![commit_of(post(1))]).await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
