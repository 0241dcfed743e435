//! What a batch changes, and what it does not.

use super::*;
use crate::domain::{HttpKey, HttpState, Reject};

#[tokio::test]
async fn a_record_comes_back_as_it_was_given_also_after_a_restart() {
    let (dir, store) = open();
    let mut given = mention_of(post(1));
    given.monitors = vec![monitor("z"), monitor("a"), monitor("a")];
    let committed = commit(&store, vec![given.clone()]).await;
    assert_eq!((committed.new_posts, committed.changed_posts), (1, 0));
    assert_eq!(committed.events, 1);
    let uuid = store.uuid().to_owned();
    store.close().await;
    assert!(matches!(
        store.counts().await,
        Err(StoreError::Closed { .. })
    ));

    let store = Store::open(dir.path(), after(9)).unwrap();
    assert_eq!(store.uuid(), uuid);
    let record = store.record(&given.post.id).await.unwrap().unwrap();
    assert_eq!(record.post, given.post);
    assert_eq!(record.analysis, given.analysis);
    assert_eq!(record.monitors, [monitor("a"), monitor("z")]);
    assert_eq!(record.duplicate_of, None);
    assert_eq!(record.customer, None);
}

#[tokio::test]
async fn a_sparse_post_comes_back_too() {
    let (_dir, store) = open();
    let sparse = Post {
        url: None,
        title: None,
        text: "same".into(),
        raw: "same".into(),
        author: None,
        engagement: Engagement::default(),
        rating: None,
        parent_id: None,
        thread_id: None,
        repost_of: None,
        links: Vec::new(),
        published_at: None,
        ..post(1)
    };
    commit(&store, vec![commit_of(sparse.clone())]).await;
    let record = store.record(&sparse.id).await.unwrap().unwrap();
    assert_eq!(record, PostRecord::new(sparse));
}

#[tokio::test]
async fn the_same_batch_twice_changes_nothing() {
    let (_dir, store) = open();
    let mut copy = mention_of(post(2));
    copy.duplicate_of = Some(post(1).id);
    let mut all = batch(vec![mention_of(post(1)), copy, mention_of(post(3))]);
    all.deleted = vec![post(3).id];
    all.forgotten = vec![post(4).id];
    all.rejects = vec![Reject::new(Some("x".into()), "no body", "<x/>")];
    all.events = vec![Event::new(
        EventKind::SourceFailed,
        Subject::Source {
            id: source("tooth"),
        },
        1,
        start(),
    )];
    all.cursor.http = Some(HttpState {
        key: HttpKey {
            url: "https://example.social/api".into(),
            credential: "main".into(),
        },
        etag: Some("W/\"1\"".into()),
        last_modified: None,
        not_before: Some(after(5)),
        moved: None,
    });
    let first = store.commit_batch(all.clone()).await.unwrap();
    assert_eq!((first.new_posts, first.deleted_posts), (3, 1));
    assert_eq!(
        first.events, 5,
        "three created, one deleted, one of the source"
    );
    let state = |store: Store| async move {
        let ids: Vec<_> = (1..5).map(|n| post(n).id).collect();
        let cursor = HttpKey {
            url: "https://example.social/api".into(),
            credential: "main".into(),
        };
        (
            store.records(&ids).await.unwrap(),
            store.changes_after(0, 99).await.unwrap(),
            store.events_after(0, 99).await.unwrap(),
            store.rejects(&source("tooth"), 99).await.unwrap(),
            store.source_statuses().await.unwrap(),
            store.counts().await.unwrap(),
            store.cursor(&source("tooth"), Some(&cursor)).await.unwrap(),
        )
    };
    let before = state(store.clone()).await;
    assert_eq!(before.6, all.cursor);
    assert_eq!(before.0.len(), 2);
    let second = store.commit_batch(all).await.unwrap();
    let expected = Committed {
        last_seq: first.last_seq,
        forgotten_posts: 1,
        ..Committed::default()
    };
    assert_eq!(second, expected);
    assert_eq!(state(store).await, before);
}

#[tokio::test]
async fn another_text_makes_a_version_and_a_change_and_drops_the_old_score() {
    let (_dir, store) = open();
    commit(&store, vec![mention_of(post(1))]).await;
    let seq = store.tip().borrow().change_seq;
    assert!(store.changes_after(0, 9).await.unwrap()[0].first);
    let mut edited = post(1);
    edited.text = "edited".into();
    edited.raw = "edited".into();
    edited.fetched_at = after(9_000);
    edited.author = Some(Author {
        bio: Some("likes coffee".into()),
        ..ann()
    });
    let mut again = commit_of(edited.clone());
    again.monitors = vec![monitor("brand")];
    let committed = commit(&store, vec![again]).await;
    assert_eq!((committed.new_posts, committed.changed_posts), (0, 1));

    let versions = store.versions(&edited.id).await.unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(
        (versions[0].number, versions[0].text.as_str()),
        (1, "text 1")
    );
    assert_eq!(versions[0].rating, post(1).rating);
    let changes = store.changes_after(seq, 9).await.unwrap();
    assert_eq!((changes.len(), changes[0].first), (1, false));
    let record = changes[0].record.clone().unwrap();
    assert_eq!(record.analysis, None);
    // When it came to us stays.
    edited.fetched_at = post(1).fetched_at;
    assert_eq!(record.post, edited);
    let query = PostKnownQuery {
        id: edited.id.clone(),
        fingerprint: edited.fingerprint,
    };
    let known = store.known(vec![query]).await.unwrap();
    assert_eq!(known[0].revision, 1);
}

#[tokio::test]
async fn other_numbers_make_a_reading_and_a_change_but_no_version() {
    let (_dir, store) = open();
    commit(&store, vec![mention_of(post(1))]).await;
    let seq = store.tip().borrow().change_seq;
    let mut liked = mention_of(post(1));
    liked.post.engagement = Engagement {
        likes: Some(7),
        replies: Some(2),
        // This source does not know: what is known stays.
        shares: None,
    };
    let committed = commit(&store, vec![liked.clone()]).await;
    assert_eq!((committed.changed_posts, committed.events), (1, 0));
    assert_eq!(store.versions(&post(1).id).await.unwrap(), []);
    let now = Engagement {
        shares: Some(0),
        ..liked.post.engagement
    };
    let readings = store.readings(&post(1).id).await.unwrap();
    let expected = [
        Reading {
            at: post(1).fetched_at,
            engagement: post(1).engagement,
        },
        Reading {
            at: after(2_000),
            engagement: now,
        },
    ];
    assert_eq!(readings, expected);
    let changes = store.changes_after(seq, 9).await.unwrap();
    assert_eq!(changes.len(), 1);
    let record = changes[0].record.as_ref().unwrap();
    assert_eq!(record.post.engagement, now);
    assert_eq!(record.analysis, Some(analysis()));
    // The same again is no change.
    assert_eq!(commit(&store, vec![liked]).await.changed_posts, 0);
    assert_eq!(store.readings(&post(1).id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_corrected_time_moves_the_mention() {
    let (_dir, store) = open();
    commit(&store, vec![mention_of(post(1)), mention_of(post(2))]).await;
    let mut late = mention_of(post(1));
    late.post.published_at = Some(after(500));
    commit(&store, vec![late]).await;
    for of in [None, Some(monitor("brand"))] {
        let page = store.mentions(of.as_ref(), 9, None).await.unwrap();
        let order: Vec<_> = page.records.iter().map(|r| r.post.id.clone()).collect();
        assert_eq!(order, [post(1).id, post(2).id]);
    }
}

#[tokio::test]
async fn the_set_of_monitors_is_what_the_last_batch_says() {
    let (_dir, store) = open();
    commit(&store, vec![mention_of(post(1))]).await;
    let revision = |store: Store| async move {
        let query = PostKnownQuery {
            id: post(1).id,
            fingerprint: post(1).fingerprint,
        };
        store.known(vec![query]).await.unwrap()[0].revision
    };
    assert_eq!(revision(store.clone()).await, 0);
    let mut other = mention_of(post(1));
    other.monitors = vec![monitor("other")];
    assert_eq!(commit(&store, vec![other.clone()]).await.changed_posts, 1);
    assert_eq!(revision(store.clone()).await, 1);
    assert_eq!(commit(&store, vec![other]).await.changed_posts, 0);
    let none = commit_of(post(1));
    assert_eq!(commit(&store, vec![none]).await.changed_posts, 1);
    assert_eq!(store.counts().await.unwrap().mentions, 0);
    assert_eq!(store.mentions(None, 9, None).await.unwrap().records, []);
    commit(&store, vec![mention_of(post(1))]).await;
    assert_eq!(revision(store.clone()).await, 3);
    let page = store.mentions(None, 9, None).await.unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].monitors, [monitor("brand")]);
}

#[tokio::test]
async fn copies_are_found_by_words_and_by_nearness() {
    let (_dir, store) = open();
    let near = |n: i64, simhash: u64| {
        let mut post = post(n);
        post.fingerprint.simhash = Some(simhash);
        commit_of(post)
    };
    let base = 0xFEDC_BA98_7654_3210;
    let mut copy = near(2, base ^ 1);
    copy.duplicate_of = Some(post(1).id);
    commit(&store, vec![near(1, base), copy]).await;
    let found = |exact: u64, simhash: Option<u64>| {
        let store = store.clone();
        async move {
            let query = PostKnownQuery {
                id: post(99).id,
                fingerprint: Fingerprint { exact, simhash },
            };
            store
                .known(vec![query])
                .await
                .unwrap()
                .remove(0)
                .duplicate_of
        }
    };
    let original = Some(post(1).id);
    let words = |n| post(n).fingerprint.exact;
    assert_eq!(found(words(1), None).await, original);
    assert_eq!(found(words(2), None).await, original, "a copy of a copy");
    assert_eq!(found(5, None).await, None);
    // Three bits in three bands; then in one.
    assert_eq!(found(5, Some(base ^ 0x0001_0001_0001_0000)).await, original);
    assert_eq!(found(5, Some(base ^ 0x7000_0000_0000_0000)).await, original);
    assert_eq!(found(5, Some(base ^ 0xF000_0000_0000_0000)).await, None);
    // A stored post is what it was when it came.
    let query = PostKnownQuery {
        id: post(1).id,
        fingerprint: post(1).fingerprint,
    };
    let known = store.known(vec![query]).await.unwrap().remove(0);
    assert_eq!(known.duplicate_of, None);
    assert_eq!(known.post.unwrap().post.id, post(1).id);
    let record = store.record(&post(2).id).await.unwrap().unwrap();
    assert_eq!(record.duplicate_of, original);
}

#[tokio::test]
async fn two_sources_on_one_post_are_both_remembered() {
    let (_dir, store) = open();
    commit(&store, vec![commit_of(post(1))]).await;
    let mut other = batch(vec![commit_of(post(1))]);
    other.source = source("other");
    other.now = after(9_000);
    assert_eq!(store.commit_batch(other).await.unwrap().changed_posts, 0);
    let sightings = store.sightings(&post(1).id).await.unwrap();
    let seen: Vec<_> = sightings
        .iter()
        .map(|s| (s.source.as_str(), s.first_at))
        .collect();
    assert_eq!(seen, [("other", after(9_000)), ("tooth", after(2_000))]);
}

#[tokio::test]
async fn an_embedding_stays_until_the_text_changes() {
    let (_dir, store) = open();
    let mut given = mention_of(post(1));
    let vector = vec![-127, 0, 127];
    given.analysis = Some(Analysis {
        embedding: vector.clone(),
        ..analysis()
    });
    commit(&store, vec![given]).await;
    assert_eq!(
        commit(&store, vec![mention_of(post(1))])
            .await
            .changed_posts,
        0
    );
    let stored = store.embedding(&post(1).id).await.unwrap();
    assert_eq!(stored.map(|stored| stored.vector), Some(vector));
    let mut edited = mention_of(post(1));
    edited.post.text = "edited".into();
    commit(&store, vec![edited]).await;
    assert_eq!(store.embedding(&post(1).id).await.unwrap(), None);
}

#[tokio::test]
async fn an_id_that_does_not_follow_from_the_key_is_refused_and_nothing_is_kept() {
    let (_dir, store) = open();
    let mut wrong = post(2);
    wrong.id = post(3).id;
    let refused = store
        .commit_batch(batch(vec![commit_of(post(1)), commit_of(wrong)]))
        .await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    assert_eq!(store.counts().await.unwrap(), Counts::default());
    let cursor = store.cursor(&source("tooth"), None).await.unwrap();
    assert_eq!(cursor, Cursor::default());
}
