//! Item 17: sources that share a URL cause one fetch, and each gets everything.

use super::*;

#[tokio::test]
async fn item_17_two_sources_on_one_url_cause_one_fetch_and_both_hear_all() {
    let guest = Guest::of(|n, arrived| match n {
        0 => feed(&["ETag: \"1\""], &[1, 2]),
        1 if arrived.header("if-none-match") == Some("\"1\"") => not_modified(&[]),
        2 => feed(&["ETag: \"2\""], &[1, 2, 3]),
        _ => answer("400 Bad Request", &[], ""),
    })
    .await;
    let both = guest.shared(&[
        guest.config("forum", "/feed"),
        guest.config("other", "/feed"),
    ]);
    for polls in 1..=3 {
        guest.poll(&both).await;
        assert_eq!(guest.requests(), polls);
    }
    assert_eq!(guest.posts().await, 3);
    for id in ["forum", "other"] {
        let status = guest.status_of(id).await;
        assert_eq!((status.state, status.failures), (SourceState::Healthy, 0));
    }
    let record = guest.world.store.changes_after(0, 99).await.unwrap();
    for change in record {
        let sightings = guest
            .world
            .store
            .sightings(&change.record.unwrap().post.id)
            .await
            .unwrap();
        assert_eq!(sightings.len(), 2, "both sources saw it");
    }
}

#[tokio::test]
async fn item_17_one_that_joins_later_reads_everything_before_it_is_told_304() {
    let guest = Guest::of(|_, arrived| match arrived.header("if-none-match") {
        Some("\"1\"") => not_modified(&[]),
        _ => feed(&["ETag: \"1\""], &[1]),
    })
    .await;
    let (forum, other) = (
        guest.config("forum", "/feed"),
        guest.config("other", "/feed"),
    );
    guest.poll(&guest.feed()).await;
    let both = guest.shared(&[forum, other]);
    guest.poll(&both).await;
    assert_eq!(guest.sent("if-none-match"), None);
    guest.poll(&both).await;
    assert_eq!(guest.sent("if-none-match").as_deref(), Some("\"1\""));
    assert_eq!(guest.requests(), 3);
}

#[tokio::test]
async fn item_17_a_refusal_is_everybodys_and_asked_for_once() {
    let guest = Guest::of(|_, _| answer("429 Too Many Requests", &["Retry-After: 7200"], "")).await;
    let both = guest.shared(&[
        guest.config("forum", "/feed"),
        guest.config("other", "/feed"),
    ]);
    about(guest.poll(&both).await, 2 * HOUR);
    assert_eq!(guest.requests(), 1);
    for id in ["forum", "other"] {
        let status = guest.status_of(id).await;
        assert_eq!(status.state, SourceState::Failing);
        assert_eq!(status.not_before, Some(guest.later(2 * HOUR)));
    }
}
