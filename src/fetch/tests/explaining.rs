//! What `explain` says of each hop.

use super::*;

#[tokio::test]
async fn every_hop_is_told_with_guard_robots_and_limits() {
    let server = TestServer::start(|arrived| match arrived.line.as_str() {
        "GET /robots.txt" => answer(
            "200 OK",
            &[],
            "User-agent: *\nAllow: /open\nDisallow: /closed\nCrawl-delay: 7\n",
        ),
        "GET /open" => answer("301 Moved Permanently", &["Location: /open/feed"], ""),
        "GET /open/feed" => answer("200 OK", &[], "x"),
        "GET /out" => answer("302 Found", &["Location: http://169.254.169.254/meta"], ""),
        "GET /in" => answer("302 Found", &["Location: /closed/x"], ""),
        _ => answer("404 Not Found", &[], ""),
    })
    .await;
    let (door, hand) = door(&config());
    // The host asks for seven seconds between requests.
    let explain = async |path: &str| {
        let url = server.url(path);
        let explained = door.explain(&url, true);
        tokio::pin!(explained);
        loop {
            tokio::select! {
                explanation = explained.as_mut() => return explanation,
                () = hand.sleepers(1) => hand.advance(Duration::from_secs(7)),
            }
        }
    };
    let fine = explain("/open").await;
    assert_eq!(fine.outcome.as_deref(), Some("answered 200"));
    assert!(fine.answered);
    let statuses: Vec<_> = fine.hops.iter().map(|hop| hop.status).collect();
    assert_eq!(statuses, [Some(301), Some(200)]);
    let last = &fine.hops[1];
    assert_eq!(last.url, server.url("/open/feed").to_string());
    assert_eq!(
        last.guard.addresses,
        ["127.0.0.1".parse::<IpAddr>().unwrap()]
    );
    let robots = last.robots.as_ref().unwrap();
    assert_eq!(
        (robots.allowed, robots.rule.as_deref()),
        (Some(true), Some("Allow: /open"))
    );
    assert_eq!(robots.crawl_delay_secs, Some(7));
    assert_eq!(
        (last.limits.spacing_ms, last.limits.held_until),
        (7_000, None)
    );

    let out = explain("/out").await;
    assert_eq!(out.hops.len(), 2);
    assert!(!out.answered && !out.hops[1].guard.allowed);
    let reason = out.hops[1].guard.reason.as_deref().unwrap();
    assert!(reason.contains("169.254.169.254 is not public"), "{reason}");
    assert_eq!(out.hops[1].robots, None, "not even robots.txt is asked for");

    let closed = explain("/in").await;
    let robots = closed.hops[1].robots.as_ref().unwrap();
    assert_eq!(
        (robots.allowed, robots.rule.as_deref()),
        (Some(false), Some("Disallow: /closed"))
    );
    assert!(closed.outcome.unwrap().contains("robots.txt disallows it"));
    assert!(!server.lines().contains(&"GET /closed/x".to_owned()));
}

#[tokio::test]
async fn names_are_looked_up_and_offline_nothing_is() {
    let door = door_with_names(&[("inside.test", &["10.1.2.3"])]);
    let url = Url::parse("http://inside.test/feed#part").unwrap();
    let explained = door.explain(&url, false).await;
    let guard = &explained.hops[0].guard;
    assert!(!guard.allowed && guard.reason.as_deref().unwrap().contains("10.1.2.3"));
    assert_eq!(explained.hops[0].status, None);
    let offline = door.explain_offline(&url, true);
    assert!(offline.hops[0].guard.allowed);
    assert_eq!(offline.hops[0].url, "http://inside.test/feed");
    assert_eq!(offline.outcome, None);
    let refused = door.explain_offline(&Url::parse("ftp://a.test/").unwrap(), true);
    assert!(!refused.hops[0].guard.allowed);
}
