//! Conditional requests, freshness, pauses and statuses.

use super::*;

/// polling.md 1, 16 and 22.
#[tokio::test]
async fn a_plain_fetch_says_who_asks_and_nothing_else() {
    let server = TestServer::start(|_| {
        answer(
            "200 OK",
            &[
                "Content-Type: application/rss+xml",
                "ETag: W/\"1 a\"",
                "Last-Modified: yesterday",
                "Link: <https://hub.test/>; rel=hub",
                "Cache-Control: max-age=600",
                "X-RateLimit-Remaining: 0",
                "X-RateLimit-Reset: 30",
            ],
            "<rss/>",
        )
    })
    .await;
    let (door, _hand) = door(&config());
    let response = fresh(door.get(plain(server.url("/feed?a=1#part"))).await);
    assert_eq!(&response.body[..], b"<rss/>");
    assert_eq!(response.url.path(), "/feed");
    assert_eq!(
        response.content_type.as_deref(),
        Some("application/rss+xml")
    );
    assert_eq!(response.link, ["<https://hub.test/>; rel=hub"]);
    assert_eq!(response.state.key.url, server.url("/feed?a=1").to_string());
    assert_eq!(response.state.etag.as_deref(), Some("W/\"1 a\""));
    assert_eq!(response.state.last_modified.as_deref(), Some("yesterday"));
    let pause = Some(later_by(30));
    assert_eq!(
        (response.pause_until, response.state.not_before),
        (pause, pause)
    );
    assert_eq!(response.fresh_until, Some(later_by(600)));
    assert_eq!(response.moved_to, None);

    let arrived = &server.log()[0];
    assert_eq!(arrived.line, "GET /feed?a=1");
    let version = env!("CARGO_PKG_VERSION");
    let agent = format!("overheard/{version} (+https://example.org/bot)");
    assert_eq!(arrived.header("user-agent"), Some(agent.as_str()));
    assert_eq!(arrived.header("accept"), Some("application/rss+xml"));
    assert_eq!(arrived.header("accept-encoding"), Some("gzip,deflate,br"));
    let mut names: Vec<_> = arrived
        .headers
        .iter()
        .map(|line| line.split(':').next().unwrap().to_ascii_lowercase())
        .collect();
    names.sort();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);

    // The limit is used up: the next is not sent, whatever the path.
    let error = door.get(plain(server.url("/other"))).await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::RateLimited(pause));
    assert_eq!(server.log().len(), 1);
}

/// polling.md 1 and 3.
#[tokio::test]
async fn validators_go_out_byte_exact_and_a_304_updates_what_it_carries() {
    let server = TestServer::start(|_| {
        answer(
            "304 Not Modified",
            &[
                "ETag: \"new\"",
                "Cache-Control: max-age=60",
                "Retry-After: 90",
            ],
            "",
        )
    })
    .await;
    let (door, _hand) = door(&config());
    let odd = "W/\"x \\ ü\"";
    let request = with_state(server.url("/"), Some(odd), Some("Sun, 1 Mar 26 0:0"));
    let Fetched::NotModified { state, fresh_until } = door.get(request).await.unwrap() else {
        panic!("not a 304");
    };
    let arrived = &server.log()[0];
    assert_eq!(arrived.header("if-none-match"), Some(odd));
    assert_eq!(
        arrived.header("if-modified-since"),
        Some("Sun, 1 Mar 26 0:0")
    );
    assert_eq!(state.etag.as_deref(), Some("\"new\""));
    assert_eq!(state.last_modified.as_deref(), Some("Sun, 1 Mar 26 0:0"));
    assert_eq!(state.not_before, Some(later_by(90)));
    assert_eq!(fresh_until, Some(later_by(60)));
}

/// polling.md 3 and 4.
#[tokio::test]
async fn validators_of_another_url_or_credential_are_not_sent_and_such_a_304_is_an_error() {
    let server = TestServer::start(|_| answer("304 Not Modified", &[], "")).await;
    let (door, _hand) = door(&config());
    let mut request = with_state(server.url("/other"), Some("\"1\""), None);
    request.url = server.url("/");
    let error = door.get(request).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} answered 304 to an unconditional request",
            server.address
        )
    );
    let mut request = with_state(server.url("/"), Some("\"1\""), None);
    request.credential = Some(credential());
    assert!(door.get(request).await.is_err());
    for arrived in server.log() {
        assert_eq!(arrived.header("if-none-match"), None);
    }
}

/// polling.md 2 and 13.
#[tokio::test]
async fn a_200_replaces_both_validators_and_a_state_that_waits_is_not_asked_for() {
    let server = TestServer::start(|_| answer("200 OK", &["ETag: \"2\""], "x")).await;
    let (door, _hand) = door(&config());
    let request = with_state(server.url("/"), Some("\"1\""), Some("Sun, 1 Mar 26 0:0"));
    let response = fresh(door.get(request.clone()).await);
    assert_eq!(response.state.etag.as_deref(), Some("\"2\""));
    assert_eq!(response.state.last_modified, None);
    let mut waiting = request;
    if let Some(state) = &mut waiting.state {
        state.not_before = Some(later_by(1));
    }
    let error = door.get(waiting).await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::RateLimited(Some(later_by(1))));
    assert_eq!(server.log().len(), 1);
}

/// polling.md 9 and 15.
#[tokio::test]
async fn rate_limits_hold_the_url_on_an_own_network() {
    let server = TestServer::start(|arrived| match arrived.line.as_str() {
        "GET /seconds" => answer("429 Too Many Requests", &["Retry-After: 120"], ""),
        "GET /date" => answer(
            "503 Service Unavailable",
            &["Retry-After: Sun, 01 Mar 2026 13:00:00 GMT"],
            "",
        ),
        "GET /bare" => answer("429 Too Many Requests", &[], ""),
        "GET /redirect" => answer("302 Found", &["Retry-After: 5", "Location: /"], ""),
        "GET /quota" => answer(
            "403 Forbidden",
            &["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1772368200"],
            "",
        ),
        _ => answer("500 Internal Server Error", &["Retry-After: 5"], ""),
    })
    .await;
    let (door, hand) = door(&config());
    for (path, reaction) in [
        ("/seconds", Reaction::RateLimited(Some(later_by(120)))),
        ("/date", Reaction::RateLimited(Some(later_by(3_600)))),
        ("/bare", Reaction::RateLimited(None)),
        ("/redirect", Reaction::RateLimited(Some(later_by(5)))),
        ("/other", Reaction::Transient),
        ("/seconds", Reaction::RateLimited(Some(later_by(120)))),
        ("/quota", Reaction::RateLimited(Some(later_by(1_800)))),
    ] {
        let error = door.get(plain(server.url(path))).await.unwrap_err();
        assert_eq!(error.reaction(), reaction, "{path}: {error}");
    }
    assert_eq!(server.log().len(), 6, "{:?}", server.lines());
    hand.advance(Duration::from_secs(1_800));
    let error = door.get(plain(server.url("/seconds"))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} asks us to slow down until 2026-03-01 12:32:00 UTC",
            server.address
        )
    );
    assert_eq!(server.log().len(), 7);
}

/// polling.md 20.
#[tokio::test]
async fn other_statuses_say_what_was_answered() {
    let server = TestServer::start(|arrived| {
        let status = arrived.line.trim_start_matches("GET /");
        answer(&format!("{status} Status"), &[], "a page for people")
    })
    .await;
    let (door, _hand) = door(&config());
    for (status, reaction) in [
        (404, Reaction::Transient),
        (410, Reaction::Permanent),
        (401, Reaction::Transient),
        (500, Reaction::Transient),
        (503, Reaction::Transient),
        (206, Reaction::Transient),
        (300, Reaction::Transient),
    ] {
        let url = server.url(&format!("/{status}"));
        let error = door.get(plain(url)).await.unwrap_err();
        assert_eq!(error.reaction(), reaction, "{status}");
        assert_eq!(
            error.to_string(),
            format!("{} answered {status}", server.address)
        );
    }
}
