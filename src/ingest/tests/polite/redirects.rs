//! Items 18, 19 and 21: where redirects lead, and for how long.

use super::*;

fn paths(guest: &Guest) -> Vec<String> {
    guest
        .server
        .lines()
        .into_iter()
        .map(|line| line.replace("GET ", ""))
        .collect()
}

/// A feed that has moved from `/feed` to `/new`, with this status.
async fn moved(status: &'static str) -> Guest {
    Guest::of(move |_, arrived| match arrived.line.as_str() {
        "GET /feed" => answer(status, &["Location: /new"], ""),
        _ => feed(&[], &[1]),
    })
    .await
}

#[tokio::test]
async fn item_18_three_polls_that_were_led_to_the_same_place_settle_it() {
    for status in ["301 Moved Permanently", "308 Permanent Redirect"] {
        let mut guest = moved(status).await;
        for polls in 1..=3 {
            assert_eq!(
                guest
                    .status_or_none()
                    .await
                    .and_then(|status| status.moved_to),
                None
            );
            guest.poll(&guest.feed()).await;
            assert_eq!(guest.requests(), 2 * polls);
        }
        let home = guest.server.url("/new").to_string();
        let status = guest.status().await;
        assert_eq!(status.moved_to.as_deref(), Some(home.as_str()));
        assert!(status.warning.unwrap().contains("has moved for good"));
        guest.restart().await;
        for _ in 0..3 {
            guest.poll(&guest.feed()).await;
        }
        assert_eq!(paths(&guest)[6..], ["/new", "/new", "/new"]);
        assert_eq!(guest.status().await.moved_to, Some(home));
    }
}

#[tokio::test]
async fn item_18_only_successes_in_a_row_count() {
    let guest = Guest::of(|n, arrived| match (n, arrived.line.as_str()) {
        (_, "GET /feed") => answer("301 Moved Permanently", &["Location: /new"], ""),
        (5, _) => answer("200 OK", &[], "no feed"),
        _ => feed(&[], &[1]),
    })
    .await;
    let poller = guest.feed();
    for _ in 0..5 {
        guest.poll(&poller).await;
    }
    assert_eq!(guest.status().await.moved_to, None);
    guest.poll(&poller).await;
    assert!(guest.status().await.moved_to.is_some());
}

#[tokio::test]
async fn item_18_a_mixed_chain_settles_up_to_its_first_temporary_hop() {
    let guest = Guest::of(|_, arrived| match arrived.line.as_str() {
        "GET /feed" => answer("301 Moved Permanently", &["Location: /kept"], ""),
        "GET /kept" => answer("302 Found", &["Location: /today"], ""),
        "GET /today" => answer("301 Moved Permanently", &["Location: /here"], ""),
        _ => feed(&[], &[1]),
    })
    .await;
    for _ in 0..3 {
        guest.poll(&guest.feed()).await;
    }
    let kept = guest.server.url("/kept").to_string();
    assert_eq!(guest.status().await.moved_to, Some(kept));
    guest.poll(&guest.feed()).await;
    assert_eq!(paths(&guest)[12..], ["/kept", "/today", "/here"]);
}

#[tokio::test]
async fn item_18_a_new_home_that_is_gone_is_left_for_the_configured_url() {
    let guest = Guest::of(|n, arrived| match (n, arrived.line.as_str()) {
        (0..=5, "GET /feed") => answer("301 Moved Permanently", &["Location: /new"], ""),
        (6, "GET /new") => answer("410 Gone", &[], ""),
        _ => feed(&[], &[1]),
    })
    .await;
    let poller = guest.feed();
    for _ in 0..5 {
        guest.poll(&poller).await;
    }
    assert_eq!(paths(&guest)[6..], ["/new", "/feed"]);
    let status = guest.status().await;
    assert_eq!(
        (status.state, status.moved_to),
        (SourceState::Healthy, None)
    );
}

#[tokio::test]
async fn item_19_temporary_redirects_are_never_kept() {
    for status in ["302 Found", "303 See Other", "307 Temporary Redirect"] {
        let guest = moved(status).await;
        for _ in 0..6 {
            guest.poll(&guest.feed()).await;
        }
        assert_eq!(guest.requests(), 12, "{status}");
        assert_eq!(guest.status().await.moved_to, None);
    }
}

#[tokio::test]
async fn item_21_a_settled_redirect_into_a_private_network_is_refused_as_any_hop() {
    let guest = Guest::of(|_, _| {
        let target = "Location: http://169.254.169.254/latest/";
        answer("301 Moved Permanently", &[target], "")
    })
    .await;
    for polls in 1..=5 {
        guest.poll(&guest.feed()).await;
        assert_eq!(guest.requests(), polls);
    }
    let status = guest.status().await;
    assert_eq!(status.moved_to, None);
    assert!(
        status
            .error
            .unwrap()
            .contains("169.254.169.254 is not public")
    );
}
