//! Items 20, 22 and 25: refusals, what a request says, and what an answer may not do.

use super::*;
use crate::domain::EventKind;

async fn refused(status: &'static str) -> Guest {
    Guest::of(move |_, _| answer(status, &[], "")).await
}

#[tokio::test]
async fn item_20_gone_is_gone_for_good_and_told() {
    let guest = refused("410 Gone").await;
    let poller = guest.feed();
    assert_eq!(guest.poll(&poller).await, None);
    assert_eq!(guest.status().await.state, SourceState::Paused);
    assert_eq!(guest.world.event_kinds().await, [EventKind::SourceFailed]);
    for _ in 0..5 {
        guest.advance(30 * DAY);
        assert_eq!(poller.due().await.unwrap(), None);
        assert_eq!(poller.step().await.unwrap(), (PollOutcome::Paused, None));
    }
    assert_eq!(guest.requests(), 1);
    // A person may know better.
    assert!(
        guest
            .world
            .store
            .resume_source(&source_id(), guest.now())
            .await
            .unwrap()
    );
    guest.poll(&poller).await;
    assert_eq!(guest.requests(), 2);
    assert_eq!(guest.world.event_kinds().await.len(), 2);
}

#[tokio::test]
async fn item_20_neither_a_reload_nor_a_restart_asks_for_what_is_gone_but_another_url_is() {
    let guest = Guest::of(|_, arrived| match arrived.line.as_str() {
        "GET /feed" => answer("410 Gone", &[], ""),
        _ => feed(&[], &[1]),
    })
    .await;
    let poller = guest.feed();
    guest.poll(&poller).await;
    poller.resume_mended().await.unwrap();
    assert_eq!(poller.due().await.unwrap(), None);
    let mended = guest.poller(&guest.config("forum", "/new"));
    mended.resume_moved().await.unwrap();
    assert_eq!(mended.due().await.unwrap(), Some(guest.now()));
    guest.poll(&mended).await;
    let status = guest.status().await;
    assert_eq!(
        (status.state, status.coverage.gone),
        (SourceState::Healthy, None)
    );
}

#[tokio::test]
async fn item_20_not_found_slows_and_stops_after_a_week() {
    let guest = refused("404 Not Found").await;
    let poller = guest.feed();
    let begin = guest.now();
    let mut waits = Vec::new();
    while let Some(wait) = guest.poll(&poller).await {
        waits.push(wait);
        assert!(waits.len() < 100);
    }
    about(Some(waits[0]), 30 * MINUTE);
    about(Some(waits[1]), HOUR);
    about(waits.last().copied(), DAY);
    let days = guest.now().duration_since(begin).as_hours() / 24;
    assert!((7..=8).contains(&days), "{days}");
    assert!(guest.requests() < 16, "{}", guest.requests());
    let status = guest.status().await;
    assert_eq!(status.state, SourceState::Paused);
    assert!(status.error.unwrap().contains("it is not asked any more"));
    assert_eq!(guest.world.event_kinds().await, [EventKind::SourceFailed]);
}

#[tokio::test]
async fn item_20_a_404_after_days_of_other_faults_is_the_first() {
    let guest = Guest::of(|n, _| match n {
        0..40 => answer("500 Internal Server Error", &[], ""),
        _ => answer("404 Not Found", &[], ""),
    })
    .await;
    let poller = guest.feed();
    for _ in 0..41 {
        guest.poll(&poller).await;
    }
    let status = guest.status().await;
    let failing = guest
        .now()
        .duration_since(status.coverage.failing_since.unwrap());
    assert!(failing.as_hours() > 7 * 24, "{failing}");
    assert_eq!(status.state, SourceState::Failing);
}

#[tokio::test]
async fn item_20_forbidden_slows_is_told_once_and_never_stops() {
    for refusal in ["401 Unauthorized", "403 Forbidden"] {
        let guest = refused(refusal).await;
        let poller = guest.feed();
        for _ in 0..20 {
            guest.poll(&poller).await;
        }
        let status = guest.status().await;
        assert_eq!(status.state, SourceState::Failing);
        assert!(status.error.unwrap().contains(&refusal[..3]));
        about(guest.poll(&poller).await, DAY);
        assert_eq!(guest.world.event_kinds().await, [EventKind::SourceFailed]);
    }
}

#[tokio::test]
async fn item_22_a_request_says_who_asks_and_nothing_more() {
    let guest = Guest::of(|_, _| feed(&["Set-Cookie: a=b", "ETag: \"1\""], &[1])).await;
    let poller = guest.poller(&guest.config("forum", "/feed?a=1#part"));
    guest.poll(&poller).await;
    guest.poll(&poller).await;
    for arrived in guest.server.log() {
        assert_eq!(arrived.line, "GET /feed?a=1");
        assert!(
            arrived
                .header("user-agent")
                .unwrap()
                .starts_with("overheard/")
        );
        assert!(
            arrived
                .header("accept")
                .unwrap()
                .contains("application/rss+xml")
        );
        assert!(arrived.header("accept-encoding").unwrap().contains("gzip"));
        for absent in ["referer", "cookie", "cache-control", "pragma"] {
            assert_eq!(arrived.header(absent), None, "{absent}");
        }
    }
    assert_eq!(guest.requests(), 2);
}

#[tokio::test]
async fn item_25_a_shrunken_feed_deletes_nothing_and_an_edit_updates() {
    let guest = Guest::of(|n, _| match n {
        0 => feed(&[], &[1, 2, 3]),
        1 => feed(&[], &[]),
        2 => feed(&[], &[3]),
        _ => {
            let edited = rss("", &[1]).replace("is broken", "works again");
            answer("200 OK", &["Content-Type: application/rss+xml"], edited)
        }
    })
    .await;
    let poller = guest.feed();
    for _ in 0..3 {
        guest.poll(&poller).await;
        assert_eq!(guest.posts().await, 3);
    }
    guest.poll(&poller).await;
    assert_eq!(guest.posts().await, 3);
    let changes = guest.world.store.changes_after(0, 99).await.unwrap();
    let texts: Vec<String> = changes
        .into_iter()
        .filter_map(|c| c.record)
        .map(|r| r.post.text)
        .collect();
    assert!(
        texts
            .iter()
            .any(|text| text == "My Volta number 1 works again"),
        "{texts:?}"
    );
    assert_eq!(texts.len(), 3);
}

#[tokio::test]
async fn item_25_items_without_a_guid_are_the_same_at_each_poll() {
    let guest = Guest::of(|_, _| {
        let bare = rss("", &[1, 2]).replace("<guid isPermaLink=\"false\">item-1</guid>", "");
        answer("200 OK", &["Content-Type: application/rss+xml"], bare)
    })
    .await;
    let poller = guest.feed();
    for _ in 0..3 {
        guest.poll(&poller).await;
    }
    assert_eq!(guest.posts().await, 2);
}

#[tokio::test]
async fn item_25_a_date_in_the_future_keeps_no_later_post_out() {
    let dated = |n: u32, year: u32| {
        rss("", &[n]).replace(
            "</guid>",
            &format!("</guid><pubDate>Fri, 01 Jan {year} 00:00:00 GMT</pubDate>"),
        )
    };
    let guest = Guest::of(move |n, _| {
        let body = if n == 0 {
            dated(1, 2100)
        } else {
            dated(n as u32 + 1, 2026)
        };
        answer("200 OK", &["Content-Type: application/rss+xml"], body)
    })
    .await;
    let poller = guest.feed();
    for polls in 1..=3 {
        guest.poll(&poller).await;
        assert_eq!(guest.posts().await, polls);
    }
    assert!(guest.status().await.next_poll_at.unwrap() < guest.later(DAY));
}

/// The one cursor that is made of dates: Hacker News is searched from a time on.
#[tokio::test]
async fn item_25_a_date_in_the_future_does_not_pin_a_search() {
    let guest = Guest::of(|n, _| {
        let created = if n == 0 {
            4_102_444_800
        } else {
            1_795_342_000 + n
        };
        let hit = format!(
            r#"{{"objectID":"{n}","created_at_i":{created},"author":"kim","title":"Volta {n}"}}"#
        );
        let json = ["Content-Type: application/json"];
        answer("200 OK", &json, format!(r#"{{"hits":[{hit}]}}"#))
    })
    .await;
    let mut config = guest.config("forum", "/");
    config.kind = SourceKind::HackerNews(crate::config::HackerNewsConfig {
        query: "volta".to_owned(),
        base_url: guest.server.url("/").to_string(),
    });
    let poller = guest.poller(&config);
    let first_at = guest.now().as_second();
    for polls in 1..=3 {
        guest.poll(&poller).await;
        assert_eq!(guest.posts().await, polls);
    }
    let asked = guest.server.lines();
    let since = asked[1].split("created_at_i%3E%3D").nth(1).unwrap();
    let since: i64 = since.split('&').next().unwrap().parse().unwrap();
    assert!(since <= first_at, "{since} is after {first_at}");
}

#[tokio::test]
async fn coverage_counts_errors_gaps_and_news() {
    let guest = Guest::of(|n, _| match n {
        0 => feed(&[], &[1, 2]),
        1 => feed(&[], &[2, 3]),
        2 => answer("500 Internal Server Error", &[], ""),
        _ => feed(&[], &[8, 9]),
    })
    .await;
    let poller = guest.feed();
    guest.poll(&poller).await;
    guest.poll(&poller).await;
    assert_eq!(guest.status().await.coverage.gaps, 0);
    guest.poll(&poller).await;
    let since = guest.status().await.coverage.failing_since;
    assert_eq!(since, Some(guest.now()));
    guest.poll(&poller).await;
    let coverage = guest.status().await.coverage;
    assert_eq!((coverage.errors, coverage.gaps, coverage.caps), (1, 1, 0));
    assert_eq!(
        (coverage.gap_at, coverage.news_at),
        (Some(guest.now()), Some(guest.now()))
    );
    assert_eq!(coverage.failing_since, None);
}
