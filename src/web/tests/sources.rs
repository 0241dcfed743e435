//! Sources: coverage, and the wish of a person to poll now.

use std::sync::Arc;

use serde_json::json;

use super::site::{Reply, Site, source, status};
use crate::domain::{Coverage, SourceState};
use crate::web::{Command, Declared, DeclaredSource};

async fn site() -> Site {
    let site = Site::new(vec![]).await;
    site.declared.send_replace(Arc::new(Declared {
        sources: vec![DeclaredSource {
            id: source(),
            kind: "mastodon".to_owned(),
            enabled: true,
        }],
        ..Declared::default()
    }));
    site
}

async fn refresh(site: &Site, id: &str) -> Reply {
    let path = format!("POST /api/v1/sources/{id}/refresh");
    site.send(&path, &[site.bearer()], "").await
}

/// polling.md 13.
#[tokio::test]
async fn item_13_a_refresh_waits_for_the_time_that_the_server_set() {
    let mut site = site().await;
    let now = site.state.clock.now();
    let reply = refresh(&site, "town").await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    assert_eq!(reply.json()["next_poll_at"], json!(now));
    assert!(matches!(site.commands.recv().await, Some(Command::Poll(id)) if id == source()));

    let until = now + std::time::Duration::from_secs(7_200);
    let mut status = status(now);
    status.not_before = Some(until);
    site.state
        .store
        .record_status(status.clone(), None, None)
        .await
        .unwrap();
    let reply = refresh(&site, "town").await;
    assert_eq!(reply.json()["next_poll_at"], json!(until));
    assert!(matches!(site.commands.recv().await, Some(Command::Poll(_))));
    let stored = site
        .state
        .store
        .source_status(&source())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.next_poll_at, Some(until));

    status.state = SourceState::Paused;
    site.state
        .store
        .record_status(status, None, None)
        .await
        .unwrap();
    let reply = refresh(&site, "town").await;
    assert_eq!(
        (reply.status, &reply.json()["detail"]),
        (409, &json!("source \"town\" is paused; resume it first"))
    );
    assert_eq!(refresh(&site, "nobody").await.status, 404);
    let stranger = site
        .send("POST /api/v1/sources/town/refresh", &[], "")
        .await;
    assert_eq!(stranger.status, 403);
}

#[tokio::test]
async fn coverage_and_warnings_are_in_the_api_and_on_the_page() {
    let site = site().await;
    let now = site.state.clock.now();
    let mut status = status(now);
    status.warning = Some("the URL has moved for good".to_owned());
    status.moved_to = Some("https://new.example/feed".to_owned());
    status.coverage = Coverage {
        errors: 4,
        gaps: 2,
        gap_at: Some(now),
        caps: 3,
        news_at: Some(now),
        ..Coverage::default()
    };
    site.state
        .store
        .record_status(status, None, None)
        .await
        .unwrap();
    let told = &site.get("/api/v1/sources").await.json()["sources"][0];
    assert_eq!(told["warning"], "the URL has moved for good");
    assert_eq!(told["moved_to"], "https://new.example/feed");
    let expected = json!({
        "errors": 4, "gaps": 2, "gap_at": now, "caps": 3, "news_at": now, "failing_since": null,
        "pushed_at": null, "pushed_until": null
    });
    assert_eq!(told["coverage"], expected);
    let page = site.get("/sources").await.body;
    for words in [
        "The URL has moved for good",
        "2 gaps so far, in which posts may have been missed",
        "3 polls ended at a bound of ours",
        "4 polls failed so far",
        "Last heard",
    ] {
        assert!(page.contains(words), "no {words:?} in {page}");
    }
}
