//! The pages: safe against what posts hold, honest about what they do not have.

use super::site::{Site, post, scored};
use crate::domain::{Rating, SentimentLabel};
use crate::store::PostCommit;
use crate::web::Assets;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Vectors that a post could carry; none may come out as markup or as a link's scheme.
const VECTORS: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</textarea></title><iframe src=data:text/html,x>",
    "{{constructor}}<!--",
];

fn hostile() -> PostCommit {
    let vector = VECTORS.join(" volta ");
    let mut commit = post(0, &vector);
    let post = &mut commit.post;
    post.title = Some(vector.clone());
    post.url = Some("javascript:alert(1)".to_owned());
    post.links = vec![
        "javascript:alert(1)".to_owned(),
        "https://ok.example/\"><script>".to_owned(),
    ];
    post.language.code = vector.clone();
    post.rating = Rating::new(2.0, 5.0);
    let author = post.author.as_mut().unwrap();
    author.handle = vector.clone();
    author.display_name = Some(vector.clone());
    author.url = Some("javascript:alert(1)".to_owned());
    author.bio = Some(vector);
    commit.analysis = Some(scored(SentimentLabel::Negative));
    commit.analysis.as_mut().unwrap().intents.0[0].label = "<script>".to_owned();
    commit
}

fn check_harmless(page: &str) {
    for sign in [
        "<script>",
        "<img",
        "<svg/",
        "<iframe",
        "onerror=alert(1)>",
        "</textarea",
        "<!--",
        "href=\"javascript:",
        "href=\"data:",
        "style=\"",
    ] {
        assert!(!page.contains(sign), "{sign} in {page}");
    }
}

#[tokio::test]
async fn what_posts_hold_comes_out_as_text() {
    let site = Site::new(vec![hostile()]).await;
    let id = hostile().post.id;
    let query = "/?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        "/".to_owned(),
        "/?q=volta".to_owned(),
        format!("/?selected={id}"),
        format!("/mentions/{id}"),
        query.to_owned(),
    ] {
        let reply = site.get(&path).await;
        assert_eq!(reply.header("content-security-policy"), Some(CSP));
        assert_eq!(
            reply.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        check_harmless(&reply.body);
    }
    let page = site.get(&format!("/mentions/{id}")).await.body;
    assert!(
        page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"),
        "{page}"
    );
    assert!(page.contains(">ok.example</a>") && !page.contains("Open on"));
}

#[tokio::test]
async fn the_inbox_counts_sentiments_marks_words_and_shows_the_chosen_mention() {
    let with = |n, text, label| PostCommit {
        analysis: Some(scored(label)),
        ..post(n, text)
    };
    let site = Site::new(vec![
        with(0, "battery dead", SentimentLabel::Negative),
        with(1, "battery swollen", SentimentLabel::Negative),
        with(2, "battery fine", SentimentLabel::Positive),
        post(3, "nothing to see"),
    ])
    .await;
    let id = post(1, "").post.id;
    let page = site.get(&format!("/?q=battery&selected={id}")).await.body;
    assert!(page.contains("<p class=\"total\">3 mentions</p>"), "{page}");
    assert!(page.contains("aria-label=\"2 negative, 0 neutral, 1 positive\""));
    assert!(page.contains("<mark>battery</mark> swollen"));
    assert!(page.contains("with-detail chosen"));
    assert_eq!(
        page.matches("aria-current=\"true\" class").count()
            + page
                .matches("aria-current=\"true\">\n<span class=\"sign")
                .count(),
        1
    );
    let newest = site.get("/").await.body;
    let order: Vec<_> = [
        "battery dead",
        "battery swollen",
        "battery fine",
        "nothing to see",
    ]
    .iter()
    .map(|text| newest.find(text).unwrap())
    .collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn every_state_of_the_inbox_says_what_to_do() {
    let site = Site::new(vec![]).await;
    let empty = site.get("/").await;
    assert_eq!(empty.status, 200);
    assert!(empty.body.contains("No mentions yet") && empty.body.contains("No source is polled"));
    let none = site.get("/?q=volta").await;
    assert!(none.body.contains("Nothing matches"));
    let fault = site.get("/?q=a+AND").await;
    assert_eq!(fault.status, 400);
    assert!(fault.body.contains("<pre class=\"caret\"") && fault.body.contains("aria-invalid"));
    assert_eq!(site.get("/?range=9y").await.status, 400);
    assert_eq!(site.get("/?from=x").await.status, 400);
    assert_eq!(site.get("/nowhere").await.status, 404);
    assert_eq!(
        site.get("/mentions/post_00000000000000000000000000000000")
            .await
            .status,
        404
    );
    assert_eq!(site.get("/customers/nobody").await.status, 404);
}

#[tokio::test]
async fn pages_of_the_inbox_follow_each_other() {
    let site = Site::new((0..60).map(|n| post(n, "volta")).collect()).await;
    let first = site.get("/?q=volta").await.body;
    assert_eq!(first.matches("<a class=\"row\"").count(), 50);
    assert!(first.contains("1 to 50 of 60") && first.len() < 200_000);
    let next = first
        .split("href=\"")
        .find(|piece| piece.contains("rel=\"next\""))
        .and_then(|piece| piece.split('"').next())
        .unwrap()
        .replace("&#38;", "&");
    assert!(
        next.starts_with("/?q=volta&after=") && next.ends_with("&from=50"),
        "{next}"
    );
    let second = site.get(&next).await.body;
    assert_eq!(second.matches("<a class=\"row\"").count(), 10);
    assert!(second.contains("51 to 60 of 60"));
    assert!(
        second.contains("href=\"/?q=volta\" rel=\"first\"") && !second.contains("rel=\"next\"")
    );
    assert_eq!(site.get("/?q=volta&after=nonsense").await.status, 400);
}

#[tokio::test]
async fn assets_are_cached_for_good_under_their_hash() {
    let site = Site::new(vec![]).await;
    let assets = Assets::embedded();
    for (path, kind) in [
        (&assets.css, "text/css; charset=utf-8"),
        (&assets.js, "text/javascript; charset=utf-8"),
        (&assets.icon, "image/svg+xml"),
    ] {
        let reply = site.get_unknown(path).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(kind))
        );
        assert_eq!(
            reply.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
    }
    assert_eq!(
        site.get_unknown("/assets/app-000000000000.css")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn sources_tell_how_they_fare() {
    let site = Site::new(vec![]).await;
    let page = site.get("/sources").await.body;
    assert!(
        page.contains("<b>town</b>") && page.contains("not configured any more"),
        "{page}"
    );
}
