//! What is deleted or dropped: nothing of it is left, and it never comes back.

use super::*;

#[tokio::test]
async fn a_deleted_mention_leaves_no_text_and_never_comes_back() {
    let (dir, store) = open();
    let mut secret = mention_of(post(1));
    secret.post.text = "planted word zyzzyva".into();
    secret.post.raw = secret.post.text.clone();
    let mut copy = mention_of(post(2));
    copy.duplicate_of = Some(post(1).id);
    commit(&store, vec![secret.clone(), copy]).await;
    let told = store.event(&secret.events[0].id).await.unwrap().unwrap();
    let body = b"zyzzyva".to_vec();
    let bodies = || vec![(told.seq, body.clone())];
    let frozen = store.freeze_bodies(bodies()).await.unwrap();
    assert_eq!(frozen.len(), 1);
    let seq = store.tip().borrow().change_seq;

    let mut gone = batch(Vec::new());
    gone.deleted = vec![post(1).id, post(9).id];
    let committed = store.commit_batch(gone).await.unwrap();
    assert_eq!((committed.deleted_posts, committed.events), (1, 1));
    assert_eq!(store.record(&post(1).id).await.unwrap(), None);
    let changes = store.changes_after(seq, 9).await.unwrap();
    let seen: Vec<_> = changes
        .iter()
        .map(|change| (change.post_id.clone(), change.record.is_some()))
        .collect();
    assert_eq!(seen, [(post(2).id, true), (post(1).id, false)]);
    assert_eq!(changes[0].record.as_ref().unwrap().duplicate_of, None);
    let events = store.events_after(0, 9).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|e| e.event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::MentionCreated, EventKind::MentionDeleted]
    );
    let frozen = store.freeze_bodies(bodies()).await.unwrap();
    assert!(frozen.is_empty());

    let known = store
        .known(vec![PostKnownQuery {
            id: post(1).id,
            fingerprint: post(1).fingerprint,
        }])
        .await
        .unwrap();
    assert_eq!((known[0].forgotten, &known[0].post), (true, &None));
    let again = commit(&store, vec![secret]).await;
    assert_eq!(
        (again.new_posts, again.forgotten_posts, again.events),
        (0, 1, 0)
    );

    store.close().await;
    let bytes = std::fs::read(dir.path().join(FILE)).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"zyzzyva"));
}

#[tokio::test]
async fn unmatched_posts_are_dropped_after_their_time() {
    let (_dir, store) = open();
    let posts = (1..=3).map(|n| commit_of(post(n)));
    let mut posts: Vec<_> = posts.collect();
    posts.push(mention_of(post(0)));
    commit(&store, posts).await;
    let seq = store.tip().borrow().change_seq;
    // Fetched before: 0, 1 and 2; of these, 0 is a mention.
    let dropped = store
        .drop_unmatched(after(1_003), after(5_000))
        .await
        .unwrap();
    assert_eq!(dropped, 2);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.posts, counts.mentions, counts.authors), (2, 1, 1));
    let changes = store.changes_after(seq, 9).await.unwrap();
    assert!(changes.iter().all(|change| change.record.is_none()));
    assert_eq!(changes.len(), 2);
    assert_eq!(
        store
            .drop_unmatched(after(1_003), after(5_000))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        commit(&store, vec![commit_of(post(1))])
            .await
            .forgotten_posts,
        1
    );
}
