//! Spacing and robots.txt.

use super::*;

/// polling.md 14.
#[tokio::test]
async fn requests_to_one_host_are_spaced_by_the_clock() {
    let server = TestServer::start(|_| answer("200 OK", &[], "x")).await;
    let config = FetchConfig {
        host_spacing_ms: 1_500,
        ..config()
    };
    let (door, hand) = door(&config);
    fresh(door.get(plain(server.url("/1"))).await);
    let second = door.get(plain(server.url("/2")));
    tokio::pin!(second);
    tokio::select! {
        _ = second.as_mut() => panic!("sent without a pause"),
        () = hand.sleepers(1) => {}
    }
    hand.advance(Duration::from_millis(1_499));
    assert!(futures_util::poll!(second.as_mut()).is_pending());
    assert_eq!(server.lines(), ["GET /1"]);
    hand.advance(Duration::from_millis(1));
    fresh(second.await);
    assert_eq!(server.lines(), ["GET /1", "GET /2"]);
}

/// polling.md 23.
#[tokio::test]
async fn item_23_robots_are_asked_once_a_day_and_obeyed() {
    let server = TestServer::start(|arrived| match arrived.line.as_str() {
        "GET /robots.txt" => answer(
            "200 OK",
            &[],
            "User-agent: *\nDisallow: /\nUser-agent: Overheard\nDisallow: /private?x\n",
        ),
        "GET /to-private" => answer("302 Found", &["Location: /private?x=1"], ""),
        _ => answer("200 OK", &[], "x"),
    })
    .await;
    let (door, hand) = door(&config());
    let polite = |path: &str| GetRequest {
        obey_robots: true,
        ..plain(server.url(path))
    };
    let (one, two) = tokio::join!(door.get(polite("/a")), door.get(polite("/b")));
    fresh(one);
    fresh(two);
    let error = door.get(polite("/private?x=1")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: robots.txt disallows it", server.address)
    );
    assert_eq!(error.reaction(), Reaction::Transient);
    let error = door.get(polite("/to-private")).await.unwrap_err();
    assert!(
        error.to_string().ends_with("robots.txt disallows it"),
        "{error}"
    );
    fresh(door.get(plain(server.url("/private?x=2"))).await);
    let count = |server: &TestServer| {
        let lines = server.lines();
        lines
            .iter()
            .filter(|line| *line == "GET /robots.txt")
            .count()
    };
    assert_eq!(count(&server), 1);
    hand.advance(Duration::from_secs(24 * 60 * 60));
    fresh(door.get(polite("/a")).await);
    assert_eq!(count(&server), 2);
}

/// polling.md 23.
#[tokio::test]
async fn item_23_robots_that_are_missing_allow_and_unreachable_ones_disallow_for_a_while() {
    let asked = Arc::new(AtomicU32::new(0));
    for (status, allowed) in [("404", true), ("401", true), ("500", false), ("429", false)] {
        let counting = Arc::clone(&asked);
        let server = TestServer::start(move |arrived| {
            if arrived.line == "GET /robots.txt" {
                counting.fetch_add(1, Ordering::SeqCst);
                return answer(&format!("{status} Status"), &[], "");
            }
            answer("200 OK", &[], "x")
        })
        .await;
        asked.store(0, Ordering::SeqCst);
        let (door, hand) = door(&config());
        let request = GetRequest {
            obey_robots: true,
            ..plain(server.url("/feed"))
        };
        for _ in 0..2 {
            let fetched = door.get(request.clone()).await;
            assert_eq!(fetched.is_ok(), allowed, "{status}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{status}");
        hand.advance(Duration::from_secs(600));
        assert_eq!(door.get(request).await.is_ok(), allowed);
        let expected = if allowed { 1 } else { 2 };
        assert_eq!(asked.load(Ordering::SeqCst), expected, "{status}");
    }
}

/// polling.md 23: five redirects, and 500 KiB of the file.
#[tokio::test]
async fn item_23_robots_are_followed_five_times_and_read_up_to_500_kib() {
    let server = TestServer::start(|arrived| {
        let path = arrived.line.trim_start_matches("GET ");
        match path {
            "/robots.txt" => answer("302 Found", &["Location: /hop/2"], ""),
            "/hop/6" => {
                let mut file = "User-agent: *\nDisallow: /early\n".to_owned();
                while file.len() < 500 * 1024 {
                    file.push_str("# nothing to see here\n");
                }
                file.push_str("Disallow: /late\n");
                answer("200 OK", &[], file)
            }
            _ if path.starts_with("/hop/") => {
                let number: u32 = path.trim_start_matches("/hop/").parse().unwrap();
                let next = format!("Location: /hop/{}", number + 1);
                answer("302 Found", &[&next], "")
            }
            _ => answer("200 OK", &[], "x"),
        }
    })
    .await;
    let (door, _hand) = door(&config());
    let polite = |path: &str| GetRequest {
        obey_robots: true,
        ..plain(server.url(path))
    };
    let error = door.get(polite("/early")).await.unwrap_err();
    assert!(
        error.to_string().ends_with("robots.txt disallows it"),
        "{error}"
    );
    fresh(door.get(polite("/late")).await);
    assert_eq!(server.lines()[5], "GET /hop/6");
}
