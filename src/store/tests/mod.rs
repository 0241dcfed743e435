//! The store on real files: what is kept, what is counted as a change, what survives.

mod audit;
mod batch;
mod corrections;
mod faults;
mod outbox;
mod people;
mod plans;
mod removal;
mod rest;
mod size;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::domain::analysis::{EMOTIONS, Entity, INTENTS, LabelScore};
use crate::domain::{
    Analysis, Author, Cursor, EmotionScores, Engagement, Event, EventKind, Fingerprint,
    IntentScores, Language, ModelId, MonitorId, Post, PostId, PostKey, PostKind, PostRecord,
    Sentiment, SentimentLabel, SourceId, SourceState, SourceStatus, Subject,
};

fn start() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn open() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), start()).unwrap();
    (dir, store)
}

fn source(name: &str) -> SourceId {
    SourceId::parse(name).unwrap()
}

fn monitor(name: &str) -> MonitorId {
    MonitorId::parse(name).unwrap()
}

fn ann() -> Author {
    Author {
        native_id: "u1".into(),
        handle: "Ann@example.social".into(),
        display_name: Some("Ann".into()),
        url: Some("https://example.social/@Ann".into()),
        bio: Some("likes tea".into()),
        followers: Some(12),
        verified: true,
    }
}

/// A post that uses every field; post `n` is published `n` seconds after the start.
fn post(n: i64) -> Post {
    let key = PostKey {
        network: "mastodon".into(),
        scope: String::new(),
        native_id: format!("https://example.social/{n}"),
    };
    Post {
        id: key.id(),
        key,
        source: source("tooth"),
        kind: PostKind::Reply,
        url: Some(format!("https://example.social/@Ann/{n}")),
        title: Some("Title".into()),
        text: format!("text {n}"),
        raw: format!("<p>text {n}</p>"),
        language: Language {
            code: "en".into(),
            confidence: 0.9,
        },
        author: Some(ann()),
        engagement: Engagement {
            likes: Some(1),
            replies: None,
            shares: Some(0),
        },
        rating: crate::domain::Rating::new(4.0, 5.0),
        parent_id: Some("p".into()),
        thread_id: Some("t".into()),
        repost_of: Some("r".into()),
        links: vec!["https://example.com/".into()],
        published_at: Some(after(n)),
        fetched_at: after(n + 1_000),
        fingerprint: Fingerprint {
            exact: u64::MAX - n.unsigned_abs(),
            simhash: None,
        },
    }
}

fn analysis() -> Analysis {
    let scores = |names: &[&str]| -> Vec<LabelScore> {
        let names = names.iter().enumerate();
        names
            .map(|(at, name)| LabelScore {
                label: (*name).into(),
                probability: 0.1 * at as f64,
                present: at == 1,
            })
            .collect()
    };
    Analysis {
        model: ModelId::parse("tiny@0123456789ab").unwrap(),
        supported: true,
        sentiment: Sentiment {
            label: SentimentLabel::Negative,
            score: -0.7,
            negative: 0.8,
            neutral: 0.1,
            positive: 0.1,
        },
        emotions: EmotionScores {
            ekman: scores(&EMOTIONS),
            fine: Vec::new(),
        },
        intents: IntentScores(scores(&INTENTS)),
        urgency: 3,
        entities: vec![Entity {
            label: "ORG".into(),
            name: "Volta \"S2\"".into(),
            probability: 0.75,
        }],
        embedding: Vec::new(),
    }
}

fn commit_of(post: Post) -> PostCommit {
    PostCommit {
        post,
        analysis: None,
        monitors: Vec::new(),
        duplicate_of: None,
        links: Vec::new(),
        events: Vec::new(),
    }
}

/// A mention of monitor `brand` with its score and its event.
fn mention_of(post: Post) -> PostCommit {
    PostCommit {
        analysis: Some(analysis()),
        monitors: vec![monitor("brand")],
        events: vec![created(&post.id)],
        ..commit_of(post)
    }
}

fn created(post: &PostId) -> Event {
    let subject = Subject::Mention { id: post.mention() };
    Event::new(EventKind::MentionCreated, subject, 0, start())
}

fn status() -> SourceStatus {
    SourceStatus {
        state: SourceState::Healthy,
        polled_at: Some(start()),
        succeeded_at: Some(start()),
        next_poll_at: Some(after(60)),
        error: None,
        failures: 0,
        posts: 1,
        rejects: 0,
        requests: 1,
        ..SourceStatus::waiting(source("tooth"), "mastodon")
    }
}

fn batch(posts: Vec<PostCommit>) -> BatchCommit {
    BatchCommit {
        source: source("tooth"),
        cursor: Cursor {
            position: Some("1".into()),
            http: None,
        },
        status: status(),
        posts,
        rejects: Vec::new(),
        deleted: Vec::new(),
        forgotten: Vec::new(),
        events: Vec::new(),
        now: after(2_000),
    }
}

async fn commit(store: &Store, posts: Vec<PostCommit>) -> Committed {
    store.commit_batch(batch(posts)).await.unwrap()
}
