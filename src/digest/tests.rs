//! Digests from records and from a real store.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::date;

use super::*;
use crate::config::{DigestConfig, DigestFormat};
use crate::domain::analysis::LabelScore;
use crate::domain::{
    Analysis, Author as PostAuthor, Body, BrandRole, DigestId, EmotionScores, Engagement,
    IntentScores, ModelId, MonitorId, MonitorSummary, PostKey, PostRecord, RawPost, Sentiment,
    SentimentLabel, SourceId,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn plan(dir: &Path, locale: &str) -> DigestPlan {
    let config = DigestConfig {
        id: DigestId::parse("daily").unwrap(),
        monitors: Vec::new(),
        time_zone: Some("Europe/Berlin".to_owned()),
        locale: locale.to_owned(),
        at: "06:00".to_owned(),
        dir: None,
        formats: vec![
            DigestFormat::Markdown,
            DigestFormat::Html,
            DigestFormat::Json,
        ],
    };
    DigestPlan::new(&config, "UTC", dir).unwrap()
}

fn monitors() -> Vec<MonitorSummary> {
    ["quiet", "voltra"]
        .map(|id| MonitorSummary {
            id: MonitorId::parse(id).unwrap(),
            query: id.to_owned(),
            brand: (id == "voltra").then(|| "Voltra".to_owned()),
            role: BrandRole::Own,
        })
        .to_vec()
}

fn record(native_id: &str, text: &str, label: Option<SentimentLabel>, likes: u64) -> PostRecord {
    let key = PostKey {
        network: "forum".into(),
        scope: String::new(),
        native_id: native_id.into(),
    };
    let mut raw = RawPost::new(key, Body::Plain(text.to_owned()));
    raw.author = Some(PostAuthor {
        handle: "ann".into(),
        ..PostAuthor::default()
    });
    raw.engagement = Engagement {
        likes: Some(likes),
        ..Engagement::default()
    };
    raw.url = Some(format!("https://forum.example/{native_id}"));
    raw.published_at = Some(at("2026-11-21T10:00:00Z"));
    let source = SourceId::parse("forum").unwrap();
    let mut record = PostRecord::new(post(raw, &source));
    record.monitors = vec![MonitorId::parse("voltra").unwrap()];
    record.analysis = label.map(analysis);
    record
}

/// The floors keep `ingest::normalize` out of reach, so the fields that digests read are filled by hand.
fn post(raw: RawPost, source: &SourceId) -> crate::domain::Post {
    crate::domain::Post {
        id: raw.key.id(),
        source: source.clone(),
        kind: raw.kind,
        url: raw.url,
        title: None,
        text: raw.body.as_str().to_owned(),
        raw: raw.body.as_str().to_owned(),
        language: crate::domain::Language {
            code: "en".into(),
            confidence: 1.0,
        },
        author: raw.author.map(|author| PostAuthor {
            native_id: author.handle.clone(),
            ..author
        }),
        engagement: raw.engagement,
        rating: None,
        parent_id: None,
        thread_id: None,
        repost_of: None,
        links: Vec::new(),
        published_at: raw.published_at,
        fetched_at: at("2026-11-21T10:01:00Z"),
        fingerprint: crate::text::fingerprint(raw.body.as_str()),
        key: raw.key,
    }
}

fn analysis(label: SentimentLabel) -> Analysis {
    let score = match label {
        SentimentLabel::Negative => -0.8,
        SentimentLabel::Neutral => 0.0,
        SentimentLabel::Positive => 0.6,
    };
    let complaint = LabelScore {
        label: "complaint".into(),
        probability: 0.9,
        present: label == SentimentLabel::Negative,
    };
    Analysis {
        model: ModelId::parse("m@1").unwrap(),
        supported: true,
        sentiment: Sentiment {
            label,
            score,
            negative: 0.0,
            neutral: 0.0,
            positive: 0.0,
        },
        emotions: EmotionScores::default(),
        intents: IntentScores(vec![complaint]),
        urgency: 0,
        entities: vec![],
        embedding: Vec::new(),
    }
}

fn digest(locale: &str) -> Digest {
    let plan = plan(Path::new("data"), locale);
    let records = [
        record(
            "1",
            "The *battery* died <again>",
            Some(SentimentLabel::Negative),
            12,
        ),
        record("2", "Love it", Some(SentimentLabel::Positive), 3),
        record("3", "Nicht bewertet", None, 0),
    ];
    let before = [record("0", "Yesterday", Some(SentimentLabel::Neutral), 0)];
    build(
        &plan,
        date(2026, 11, 21),
        at("2026-11-22T05:00:00Z"),
        &monitors(),
        &records,
        &before,
    )
}

#[test]
fn markdown_says_what_was_heard() {
    let digest = digest("en");
    insta::assert_snapshot!(to_markdown(&digest, Locale::En.catalogue()), @r#"
# Digest daily: 21 November 2026

## voltra (Voltra)

**3 mentions**, +200 % on the day before

- − negative: 1 (50 %)
- 0 neutral: 0 (0 %)
- + positive: 1 (50 %)
- not scored: 1
- mean score: -0.10

**What people want:** complaints 1

**Where:** forum 3

### Most discussed

- − "The \*battery\* died \<again\>" — ann, [forum](<https://forum.example/1>), engagement 12
- + "Love it" — ann, [forum](<https://forum.example/2>), engagement 3
- · "Nicht bewertet" — ann, [forum](<https://forum.example/3>)

### Who

- ann, forum: 3 mentions

## quiet

Nothing was heard on this day.

---

Made by Overheard at 2026-11-22 05:00 UTC; the day begins in Europe/Berlin.
"#);
}

#[test]
fn the_same_in_german() {
    let text = to_markdown(&digest("de"), Locale::De.catalogue());
    assert!(
        text.starts_with("# Tagesbericht daily: 21. November 2026\n"),
        "{text}"
    );
    assert!(
        text.contains("**3 Erwähnungen**, +200 % gegenüber dem Vortag"),
        "{text}"
    );
    assert!(
        text.contains("**Was die Leute wollen:** Beschwerden 1"),
        "{text}"
    );
    assert!(text.contains("- mittlerer Wert: -0,10"), "{text}");
}

#[test]
fn html_escapes_strangers_and_links_only_to_the_web() {
    let mut digest = digest("en");
    digest.sections[0].top_posts[0].url = Some("javascript:alert(1)".to_owned());
    digest.sections[0].top_posts[0].author = Some("<script>alert(1)</script>".to_owned());
    let html = to_html(&digest, Locale::En.catalogue()).unwrap();
    assert!(!html.contains("<script"), "a handle became a script");
    assert!(
        !html.contains("javascript:"),
        "a link that is not of the web"
    );
    assert!(
        html.contains("&#60;again&#62;"),
        "the text of a post is escaped: {html}"
    );
    assert!(html.contains("href=\"https://forum.example/2\""));
    // One of two scored mentions is negative: half of the bar.
    assert!(
        html.contains("<rect class=\"negative\" x=\"0.0\" width=\"300.0\""),
        "{html}"
    );
}

#[test]
fn json_has_every_number() {
    let json: serde_json::Value = serde_json::from_str(&to_json(&digest("en")).unwrap()).unwrap();
    assert_eq!(json["v"], 1);
    assert_eq!(json["date"], "2026-11-21");
    let voltra = &json["monitors"][0];
    assert_eq!(voltra["monitor"], "voltra");
    assert_eq!(
        (
            &voltra["mentions"],
            &voltra["negative"],
            &voltra["positive"],
            &voltra["unscored"]
        ),
        (&3.into(), &1.into(), &1.into(), &1.into())
    );
    assert_eq!(voltra["mentions_day_before"], 1);
    assert_eq!(voltra["top_posts"][0]["engagement"], 12);
    assert_eq!(voltra["top_authors"][0]["mentions"], 3);
    assert_eq!(
        json["monitors"][1]["mentions"], 0,
        "a monitor that heard nothing is there all the same"
    );
}

#[test]
fn a_copy_is_counted_but_not_quoted_twice() {
    let plan = plan(Path::new("data"), "en");
    let original = record("1", "The same words", Some(SentimentLabel::Negative), 1);
    let mut copy = record("2", "The same words", Some(SentimentLabel::Negative), 9);
    copy.duplicate_of = Some(original.post.id.clone());
    let digest = build(
        &plan,
        date(2026, 11, 21),
        at("2026-11-22T05:00:00Z"),
        &monitors(),
        &[original, copy],
        &[],
    );
    assert_eq!(
        (digest.mentions, digest.sections[0].counts.mentions),
        (2, 2)
    );
    assert_eq!(digest.sections[0].top_posts.len(), 1);
}

#[tokio::test]
async fn a_day_is_written_once_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path(), "en");
    let now = at("2026-11-22T05:30:00Z");
    let store = crate::store::Store::open(dir.path(), now).unwrap();
    let written = write_due(&plan, &monitors(), &store, now)
        .await
        .unwrap()
        .unwrap();
    let names: Vec<_> = written
        .files
        .iter()
        .map(|file| file.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "daily-2026-11-21.md",
            "daily-2026-11-21.html",
            "daily-2026-11-21.json"
        ]
    );
    assert!(written.files.iter().all(|file| file.exists()));
    store.close().await;

    let store = crate::store::Store::open(dir.path(), now).unwrap();
    assert_eq!(
        write_due(&plan, &monitors(), &store, now).await.unwrap(),
        None
    );
    let events = store.events_after(0, 10).await.unwrap();
    assert_eq!(events.len(), 1, "digest.ready is told once");
}

#[test]
fn a_directory_that_can_not_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("digests");
    std::fs::write(&blocked, "a file where the directory should be").unwrap();
    let error = write(&plan(dir.path(), "en"), digest("en")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "could not write {}: is the directory there, and ours?",
            blocked.display()
        )
    );
}
