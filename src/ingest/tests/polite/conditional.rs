//! Items 1 to 6: validators go out byte-exact, follow the answers, and survive.

use super::*;

#[tokio::test]
async fn item_01_the_first_request_is_unconditional_and_every_later_one_byte_exact() {
    let odd = ["ETag: W/\"a \\ ü\"", "Last-Modified: Sun, 1 Mar 26 0:0"];
    let guest = Guest::of(move |n, _| match n {
        0 => feed(&odd, &[1]),
        _ => not_modified(&[]),
    })
    .await;
    let poller = guest.feed();
    guest.poll(&poller).await;
    assert_eq!(guest.sent("if-none-match"), None);
    assert_eq!(guest.sent("if-modified-since"), None);
    for _ in 0..3 {
        guest.poll(&poller).await;
        assert_eq!(guest.sent("if-none-match").as_deref(), Some("W/\"a \\ ü\""));
        assert_eq!(
            guest.sent("if-modified-since").as_deref(),
            Some("Sun, 1 Mar 26 0:0")
        );
    }
    assert_eq!((guest.requests(), guest.posts().await), (4, 1));
}

#[tokio::test]
async fn item_02_each_200_replaces_both_validators_even_with_an_unchanged_body() {
    let guest = Guest::of(|n, _| match n {
        0 => feed(&["ETag: \"1\"", "Last-Modified: Mon"], &[1]),
        1 => feed(&["ETag: \"2\""], &[1]),
        2 => feed(&["Last-Modified: Tue"], &[1]),
        _ => feed(&[], &[1]),
    })
    .await;
    let poller = guest.feed();
    let mut sent = Vec::new();
    for _ in 0..5 {
        guest.poll(&poller).await;
        sent.push((guest.sent("if-none-match"), guest.sent("if-modified-since")));
    }
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        sent,
        [
            (None, None),
            (some("\"1\""), some("Mon")),
            (some("\"2\""), None),
            (None, some("Tue")),
            (None, None)
        ]
    );
}

#[tokio::test]
async fn item_03_a_304_updates_validators_and_freshness_and_an_unexpected_one_is_an_error() {
    let guest = Guest::of(|n, _| match n {
        0 => feed(&["ETag: \"1\"", "Last-Modified: Mon"], &[1]),
        1 => not_modified(&["ETag: \"2\"", "Cache-Control: max-age=7200"]),
        2 => feed(&[], &[1]),
        3 => not_modified(&[]),
        _ => feed(&[], &[1, 2]),
    })
    .await;
    let poller = guest.feed();
    guest.poll(&poller).await;
    about(guest.poll(&poller).await, 2 * HOUR);
    guest.poll(&poller).await;
    assert_eq!(guest.sent("if-none-match").as_deref(), Some("\"2\""));
    assert_eq!(guest.sent("if-modified-since").as_deref(), Some("Mon"));
    // Nothing is known now, so a 304 tells nothing.
    guest.poll(&poller).await;
    let error = guest.status().await.error.unwrap();
    assert!(error.contains("304 to an unconditional request"), "{error}");
    guest.poll(&poller).await;
    assert_eq!(guest.sent("if-none-match"), None);
    assert_eq!(guest.posts().await, 2);
}

#[tokio::test]
async fn item_04_validators_are_those_of_one_url_and_of_who_read_the_answer() {
    let guest = Guest::of(|_, _| feed(&["ETag: \"1\""], &[1])).await;
    guest.poll(&guest.feed()).await;
    guest.poll(&guest.feed()).await;
    assert_eq!(guest.sent("if-none-match").as_deref(), Some("\"1\""));
    // The same source, moved to another URL by its owner.
    let moved = guest.poller(&guest.config("forum", "/other"));
    guest.poll(&moved).await;
    assert_eq!(guest.sent("if-none-match"), None);
    // Another source on the first URL has read nothing yet: a 304 would keep its posts from it.
    let other = guest.poller(&guest.config("other", "/feed"));
    guest.poll(&other).await;
    assert_eq!(guest.sent("if-none-match"), None);
    assert_eq!(guest.status_of("other").await.posts, 0, "the post is known");
    guest.poll(&other).await;
    assert_eq!(guest.sent("if-none-match").as_deref(), Some("\"1\""));
}

#[tokio::test]
async fn item_05_what_could_not_be_read_whole_leaves_no_validators() {
    let login = "<!DOCTYPE html><html><body><form>Log in</form></body></html>";
    let cut = &rss("", &[1, 2])[..400];
    let long = "x".repeat(2 * 1024 * 1024);
    for body in [login, cut, &long, "no feed at all"] {
        let body = body.to_owned();
        let guest = Guest::of(move |n, _| match n {
            0 => feed(&["ETag: \"good\""], &[9]),
            1 => answer(
                "200 OK",
                &["ETag: \"bad\"", "Content-Type: text/xml"],
                &body,
            ),
            _ => feed(&["ETag: \"good\""], &[9]),
        })
        .await;
        let poller = guest.feed();
        for _ in 0..3 {
            guest.poll(&poller).await;
        }
        assert_ne!(guest.sent("if-none-match").as_deref(), Some("\"bad\""));
    }
}

#[tokio::test]
async fn item_06_twenty_restarts_in_a_minute_cause_no_request_and_lose_no_validator() {
    let mut guest = Guest::of(|n, _| match n {
        0 => feed(&["ETag: \"1\""], &[1]),
        1 => answer("429 Too Many Requests", &["Retry-After: 7200"], ""),
        _ => not_modified(&[]),
    })
    .await;
    guest.poll(&guest.feed()).await;
    let restarts = async |guest: &mut Guest, requests: usize| {
        for _ in 0..20 {
            guest.restart().await;
            guest.advance(3);
            let poller = Arc::new(guest.feed());
            let due = poller.due().await.unwrap().unwrap();
            assert!(due > guest.now());
            let (rota, _handle) = Rota::new(
                vec![poller],
                guest.world.store.clone(),
                guest.world.clock.clone(),
            );
            let stop = tokio_util::sync::CancellationToken::new();
            let hands = async {
                guest.world.hands.sleepers(1).await;
                stop.cancel();
            };
            tokio::join!(rota.run(stop.clone()), hands).0.unwrap();
            assert_eq!(guest.requests(), requests);
        }
    };
    restarts(&mut guest, 1).await;
    // The same with a demand of the server's, and not even a person gets past it.
    about(guest.poll(&guest.feed()).await, 2 * HOUR);
    restarts(&mut guest, 2).await;
    let outcome = guest.feed().step().await.unwrap().0;
    assert!(matches!(outcome, PollOutcome::Held(_)), "{outcome:?}");
    assert_eq!(guest.requests(), 2);
    guest.poll(&guest.feed()).await;
    assert_eq!(guest.sent("if-none-match").as_deref(), Some("\"1\""));
}

#[tokio::test]
async fn item_06_a_host_that_asked_for_quiet_has_it_from_its_other_urls_after_a_restart_too() {
    let mut guest = Guest::of(|_, _| {
        let used_up = ["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 7200"];
        answer("429 Too Many Requests", &used_up, "")
    })
    .await;
    guest.poll(&guest.feed()).await;
    guest.restart().await;
    let other = guest.poller(&guest.config("other", "/else"));
    about(guest.poll(&other).await, 2 * HOUR);
    assert_eq!(guest.requests(), 1);
}
