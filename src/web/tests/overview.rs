//! The overview: counts of a period beside the one before, through API and page.

use std::sync::Arc;

use jiff::SignedDuration;

use super::site::{NOW, Site, post, scored};
use crate::domain::{BrandRole, MonitorId, MonitorSummary, SentimentLabel};
use crate::store::PostCommit;
use crate::web::Declared;

fn monitor(id: &str, brand: Option<&str>, role: BrandRole) -> MonitorSummary {
    MonitorSummary {
        id: MonitorId::parse(id).unwrap(),
        query: "volta".to_owned(),
        brand: brand.map(ToOwned::to_owned),
        role,
    }
}

/// A negative post by its own author, so many hours old.
fn heard(n: u32, hours: i64) -> PostCommit {
    let now: jiff::Timestamp = NOW.parse().unwrap();
    let mut commit = post(n, "volta battery");
    commit.post.published_at = Some(now - SignedDuration::from_hours(hours));
    let author = commit.post.author.as_mut().unwrap();
    author.native_id = format!("https://town.example/users/{n}");
    author.handle = format!("u{n}@town.example");
    commit.analysis = Some(scored(SentimentLabel::Negative));
    commit
}

#[tokio::test]
async fn a_period_stands_beside_the_one_before() {
    // Three in the last week, two in the week before, one long ago.
    let hours = [1, 30, 160, 170, 330, 2_000];
    let posts = (0..).zip(hours).map(|(n, hours)| heard(n, hours)).collect();
    let site = Site::new(posts).await;
    site.declared.send_replace(Arc::new(Declared {
        monitors: vec![monitor("volta", Some("Volta"), BrandRole::Own)],
        ..Declared::default()
    }));
    let found = site.get("/api/v1/overview?period=7d").await.json();
    assert_eq!(found["total"], serde_json::json!({"count": 3, "before": 2}));
    assert_eq!(
        found["negative"],
        serde_json::json!({"count": 3, "before": 2})
    );
    assert_eq!(found["brands"][0]["query"], "monitor:volta");
    assert_eq!(found["brands"][0]["count"], 3);
    assert_eq!(found["brands"][0]["before"], 2);
    let bars = found["volume"].as_array().unwrap();
    let sum = |field: &str| {
        bars.iter()
            .map(|bar| bar[field].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((sum("total"), sum("negative"), sum("positive")), (3, 3, 0));
    // Nobody of the last week wrote in the week before, and that is known.
    assert_eq!(found["authors"][0]["before"], 0);

    let page = site.get("/overview").await.body;
    for shown in ["3 mentions", "+50 % on the 7 days before", "Volta"] {
        assert!(page.contains(shown), "no {shown:?} in {page}");
    }
    assert_eq!(site.get("/overview?period=1y").await.status, 400);
    let fault = site.get("/overview?q=a+AND").await;
    assert!(
        fault.status == 400 && fault.body.contains("class=\"caret\""),
        "{}",
        fault.body
    );
}

#[tokio::test]
async fn what_was_too_rare_to_be_counted_before_is_unknown_and_no_rise() {
    // Sixty authors wrote twice in the week before: the one who wrote once is not among the fifty that are counted.
    let before = (0..60).flat_map(|n| {
        [0, 1].map(|time| {
            let mut commit = heard(n, 200);
            commit.post = post(1_000 + n * 2 + time, "volta").post;
            commit.post.author = heard(n, 200).post.author;
            commit.post.published_at = heard(n, 200).post.published_at;
            commit
        })
    });
    let rare = [heard(500, 200), heard(500, 2)];
    let rare = rare.into_iter().enumerate().map(|(n, mut commit)| {
        let author = commit.post.author.take();
        let at = commit.post.published_at;
        commit.post = post(5_000 + u32::try_from(n).unwrap(), "volta").post;
        (commit.post.author, commit.post.published_at) = (author, at);
        commit
    });
    let site = Site::new(before.chain(rare).collect()).await;
    let found = site.get("/api/v1/overview?period=7d").await.json();
    assert_eq!(found["authors"][0]["value"], "u500@town.example");
    assert_eq!(found["authors"][0]["count"], 1);
    assert_eq!(found["authors"][0]["before"], serde_json::Value::Null);
}

#[tokio::test]
async fn hundreds_of_monitors_of_one_brand_are_counted() {
    let site = Site::new(vec![heard(0, 1)]).await;
    let long = "m".repeat(100);
    let mut monitors: Vec<MonitorSummary> = (0..300)
        .map(|n| monitor(&format!("{long}{n}"), Some("Volta"), BrandRole::Own))
        .collect();
    monitors.push(monitor("volta", Some("Volta"), BrandRole::Own));
    site.declared.send_replace(Arc::new(Declared {
        monitors,
        ..Declared::default()
    }));
    let found = site.get("/api/v1/overview").await;
    assert_eq!(found.status, 200, "{}", found.body);
    assert_eq!(found.json()["brands"][0]["count"], 1);
    for path in ["/", "/overview", "/monitors?q=volta"] {
        let page = site.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
    }
}
