//! Items 14 to 16: one request at a time, and the limits that a server announces.

use super::*;

#[tokio::test]
async fn item_14_two_sources_on_one_host_are_a_spacing_apart() {
    let world = World::new(7);
    let clock = world.clock.clone();
    let times: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
    let log = Arc::clone(&times);
    let server = TestServer::start(move |_| {
        log.lock().unwrap().push(clock.now());
        feed(&[], &[1])
    })
    .await;
    let config = crate::config::FetchConfig {
        host_spacing_ms: 2_000,
        ..fetch_config()
    };
    let parts = Arc::new(PollerParts {
        store: world.store.clone(),
        pipeline: Arc::clone(&world.pipeline),
        clock: world.clock.clone(),
        fetcher: Fetcher::new(&config, world.clock.clone()).unwrap(),
        named_metrics: false,
        follows_hubs: true,
    });
    let poller = |id: &str| {
        let config = SourceConfig {
            id: SourceId::parse(id).unwrap(),
            interval_secs: 900,
            max_interval_secs: None,
            enabled: true,
            kind: SourceKind::Feed(FeedConfig {
                url: server.url(&format!("/{id}")).to_string(),
                obey_robots: false,
            }),
        };
        let source = sources::build(&config, &parts.fetcher, &world.clock).unwrap();
        Poller::new(
            Arc::from(source),
            schedule(),
            "host".into(),
            Arc::clone(&parts),
        )
    };
    let (one, two) = (poller("one"), poller("two"));
    let hands = async {
        world.hands.sleepers(1).await;
        world.hands.advance(Duration::from_millis(1_999));
        assert_eq!(server.log().len(), 1);
        world.hands.advance(Duration::from_millis(1));
    };
    let (first, second, ()) = tokio::join!(one.step(), two.step(), hands);
    for outcome in [first.unwrap().0, second.unwrap().0] {
        assert!(matches!(outcome, PollOutcome::Polled { .. }), "{outcome:?}");
    }
    let times = times.lock().unwrap();
    assert_eq!(times[1].duration_since(times[0]).as_secs(), 2);
}

#[tokio::test]
async fn item_15_on_an_own_network_retry_after_covers_the_url_alone() {
    let guest = Guest::of(|_, arrived| match arrived.line.as_str() {
        "GET /feed" => answer("503 Service Unavailable", &["Retry-After: 7200"], ""),
        _ => feed(&[], &[1]),
    })
    .await;
    about(guest.poll(&guest.feed()).await, 2 * HOUR);
    let other = guest.poller(&guest.config("other", "/else"));
    about(guest.poll(&other).await, 15 * MINUTE);
    assert_eq!(guest.requests(), 2);
}

#[tokio::test]
async fn item_16_a_limit_that_is_used_up_pauses_in_every_dialect() {
    let epoch = ["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1795348800"];
    let iso = [
        "X-RateLimit-Remaining: 0",
        "X-RateLimit-Reset: 2026-11-22T12:00:00.000Z",
    ];
    let seconds = ["X-Ratelimit-Remaining: 0.0", "X-Ratelimit-Reset: 7200"];
    let yelp = [
        "RateLimit-Remaining: 0",
        "RateLimit-ResetTime: 2026-11-22T12:00:00+00:00",
    ];
    for headers in [epoch, iso, seconds, yelp] {
        let guest = Guest::of(move |_, _| feed(&headers, &[1])).await;
        about(guest.poll(&guest.feed()).await, 2 * HOUR);
        let status = guest.status().await;
        assert_eq!(
            status.not_before,
            Some(guest.later(2 * HOUR)),
            "{headers:?}"
        );
        // Others on the host use the same limit.
        let other = guest.poller(&guest.config("other", "/else"));
        guest.poll(&other).await;
        assert_eq!(guest.requests(), 1);
    }
}

#[tokio::test]
async fn item_16_a_pause_in_the_body_of_a_good_answer_and_of_a_refusal_is_kept() {
    let json = "Content-Type: application/json";
    let items = r#"{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","content_text":"volta"}]"#;
    for (status, body) in [
        ("200 OK", format!("{items},\"backoff\":7200}}")),
        (
            "429 Too Many Requests",
            r#"{"retry_after": 7200}"#.to_owned(),
        ),
        (
            "429 Too Many Requests",
            r#"{"ok":false,"parameters":{"retry_after":7200}}"#.to_owned(),
        ),
    ] {
        let guest = Guest::of(move |_, _| answer(status, &[json], &body)).await;
        about(guest.poll(&guest.feed()).await, 2 * HOUR);
        let other = guest.poller(&guest.config("other", "/else"));
        guest.poll(&other).await;
        assert_eq!(guest.requests(), 1, "{status}");
        assert_eq!(guest.status().await.not_before, Some(guest.later(2 * HOUR)));
    }
}
