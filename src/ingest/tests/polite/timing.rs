//! Items 7 to 13: when the next request goes out.

use super::*;
use crate::store::Refreshed;

/// A server that always answers with this feed.
async fn always(headers: &'static [&'static str], channel: &'static str) -> Guest {
    Guest::of(move |_, _| {
        let mut lines = vec!["Content-Type: application/rss+xml"];
        lines.extend(headers);
        answer("200 OK", &lines, rss(channel, &[1]))
    })
    .await
}

#[tokio::test]
async fn item_07_no_request_before_the_longest_of_interval_freshness_ttl_and_update_period() {
    for (headers, channel, wait) in [
        (&[][..], "", 15 * MINUTE),
        (&["Cache-Control: max-age=7200", "Age: 3600"], "", HOUR),
        (&["Cache-Control: max-age=0"], "", 15 * MINUTE),
        (&["Cache-Control: no-store, max-age=7200"], "", 15 * MINUTE),
        (
            &[
                "Expires: Sun, 01 Mar 2026 14:00:00 GMT",
                "Date: Sun, 01 Mar 2026 12:00:00 GMT",
            ],
            "",
            2 * HOUR,
        ),
        (&[], "<ttl>90</ttl>", 90 * MINUTE),
        (&[], "<ttl>0</ttl>", 15 * MINUTE),
        (&[], "<ttl>-7</ttl>", 15 * MINUTE),
        (
            &[],
            "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>",
            6 * HOUR,
        ),
        (
            &["Cache-Control: max-age=3600"],
            "<ttl>90</ttl>",
            90 * MINUTE,
        ),
    ] {
        let guest = always(headers, channel).await;
        about(guest.poll(&guest.feed()).await, wait);
        assert_eq!(guest.status().await.warning, None, "{headers:?} {channel}");
    }
}

#[tokio::test]
async fn item_07_a_year_of_freshness_is_a_day_with_a_warning_that_goes_with_its_cause() {
    let guest = Guest::of(|n, _| match n {
        0 => feed(&["Cache-Control: max-age=31536000"], &[1]),
        _ => feed(&[], &[1]),
    })
    .await;
    let poller = guest.feed();
    about(guest.poll(&poller).await, DAY);
    let warning = guest.status().await.warning.unwrap();
    assert!(warning.contains("fresh for 365 days"), "{warning}");
    guest.poll(&poller).await;
    assert_eq!(guest.status().await.warning, None);
}

#[tokio::test]
async fn item_07_what_the_feed_said_holds_over_answers_without_a_body() {
    let guest = Guest::of(|n, _| match n {
        0 => {
            let kind = ["Content-Type: application/rss+xml", "ETag: \"1\""];
            answer("200 OK", &kind, rss("<ttl>180</ttl>", &[1]))
        }
        _ => not_modified(&[]),
    })
    .await;
    for _ in 0..4 {
        about(guest.poll(&guest.feed()).await, 3 * HOUR);
    }
}

#[tokio::test]
async fn item_08_nothing_is_asked_in_skipped_hours_and_on_skipped_days() {
    let hours: String = (0..24)
        .filter(|hour| *hour != 12 && *hour != 18)
        .map(|hour| format!("<hour>{hour}</hour>"))
        .collect();
    let channel = format!("<skipHours>{hours}</skipHours><skipDays><day>Monday</day></skipDays>");
    let times: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
    let log = Arc::clone(&times);
    let guest = Guest::of(move |_, _| {
        let kind = ["Content-Type: application/rss+xml"];
        answer("200 OK", &kind, rss(&channel, &[1]))
    })
    .await;
    let poller = guest.feed();
    for _ in 0..40 {
        guest.poll(&poller).await;
        log.lock().unwrap().push(guest.now());
    }
    // The first was asked before anybody knew.
    for at in times.lock().unwrap().iter().skip(1) {
        let there = at.to_zoned(jiff::tz::TimeZone::UTC);
        assert!([12, 18].contains(&there.hour()), "{at}");
        assert_ne!(there.weekday(), jiff::civil::Weekday::Monday, "{at}");
    }
}

#[tokio::test]
async fn item_08_a_feed_that_skips_all_hours_is_polled_with_a_warning() {
    let all: String = (0..24).map(|hour| format!("<hour>{hour}</hour>")).collect();
    let channel = format!("<skipHours>{all}</skipHours>");
    let guest = Guest::of(move |_, _| {
        let kind = ["Content-Type: application/rss+xml"];
        answer("200 OK", &kind, rss(&channel, &[1]))
    })
    .await;
    about(guest.poll(&guest.feed()).await, 15 * MINUTE);
    let warning = guest.status().await.warning.unwrap();
    assert!(warning.contains("skips all hours"), "{warning}");
}

#[tokio::test]
async fn item_09_retry_after_holds_on_429_503_and_redirects_up_to_thirty_days() {
    let date = "Retry-After: Wed, 25 Nov 2026 10:00:00 GMT";
    for (status, header, wait) in [
        ("429 Too Many Requests", "Retry-After: 7200", 2 * HOUR),
        ("503 Service Unavailable", "Retry-After: 7200", 2 * HOUR),
        ("302 Found", "Retry-After: 7200", 2 * HOUR),
        ("429 Too Many Requests", date, 3 * DAY),
        ("429 Too Many Requests", "Retry-After: 2592000", 30 * DAY),
        ("429 Too Many Requests", "Retry-After: 31536000", 30 * DAY),
        // What says nothing is no demand: twice the interval at least.
        ("429 Too Many Requests", "Retry-After: soon", 30 * MINUTE),
        (
            "429 Too Many Requests",
            "Retry-After: Sun, 01 Mar 2020 10:00:00 GMT",
            30 * MINUTE,
        ),
        ("503 Service Unavailable", "Retry-After: soon", MINUTE),
    ] {
        let guest = Guest::of(move |_, _| answer(status, &[header, "Location: /x"], "")).await;
        let waits = guest.poll(&guest.feed()).await;
        about(waits, wait);
        assert_eq!(guest.requests(), 1, "{status} {header}");
    }
}

#[tokio::test]
async fn item_10_failures_back_off_with_jitter_and_a_success_forgets_them() {
    let guest = Guest::of(|n, _| match n {
        4 => feed(&[], &[1]),
        _ => answer("500 Internal Server Error", &[], ""),
    })
    .await;
    let poller = guest.feed();
    for wait in [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE] {
        about(guest.poll(&poller).await, wait);
    }
    about(guest.poll(&poller).await, 15 * MINUTE);
    about(guest.poll(&poller).await, MINUTE);
    let status = guest.status().await;
    assert_eq!((status.failures, status.coverage.errors), (1, 5));
    let limited = Guest::of(|_, _| answer("429 Too Many Requests", &[], "")).await;
    let poller = limited.feed();
    for wait in [
        30 * MINUTE,
        30 * MINUTE,
        30 * MINUTE,
        30 * MINUTE,
        32 * MINUTE,
        64 * MINUTE,
    ] {
        about(limited.poll(&poller).await, wait);
    }
}

#[tokio::test]
async fn item_12_a_week_of_silence_costs_few_requests_and_a_burst_brings_it_back() {
    let posting = Arc::new(AtomicUsize::new(0));
    let posted = Arc::clone(&posting);
    let guest = Guest::of(move |_, _| {
        let items: Vec<u32> = (0..=posted.load(Ordering::SeqCst) as u32).collect();
        feed(&[], &items)
    })
    .await;
    let poller = guest.feed();
    let week = guest.later(7 * DAY);
    while guest.now() < week {
        guest.poll(&poller).await;
    }
    assert!(guest.requests() < 30, "{} and not 672", guest.requests());
    assert_eq!(guest.status().await.pace_secs, DAY);
    let gaps = guest.gaps();
    assert!(gaps.iter().all(|gap| *gap >= 900), "{gaps:?}");
    // A post every five minutes.
    for _ in 0..4 {
        posting.fetch_add(100, Ordering::SeqCst);
        guest.poll(&poller).await;
    }
    assert_eq!(guest.status().await.pace_secs, 15 * MINUTE);
    assert!(guest.status().await.coverage.news_at.is_some());
}

#[tokio::test]
async fn item_13_a_person_gets_a_poll_at_once_but_not_before_the_server_wants_one() {
    let guest = Guest::of(|n, _| match n {
        2 => answer("429 Too Many Requests", &["Retry-After: 7200"], ""),
        _ => feed(&[], &[1]),
    })
    .await;
    let (poller, id) = (guest.feed(), source_id());
    let refresh = async || {
        guest
            .world
            .store
            .refresh_source(&id, guest.now())
            .await
            .unwrap()
    };
    assert_eq!(refresh().await, Refreshed::Unknown);
    about(guest.poll(&poller).await, 15 * MINUTE);
    guest.advance(60);
    assert_eq!(refresh().await, Refreshed::At(guest.now()));
    guest.poll(&poller).await;
    assert_eq!(guest.gaps(), [60], "an interval is ours to break");
    guest.poll(&poller).await;
    let until = guest.later(2 * HOUR);
    guest.advance(60);
    assert_eq!(refresh().await, Refreshed::At(until));
    assert_eq!(poller.due().await.unwrap(), Some(until));
    let outcome = poller.step().await.unwrap().0;
    assert_eq!(outcome, PollOutcome::Held(until));
    assert_eq!(guest.requests(), 3);
}
