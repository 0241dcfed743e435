//! Builders for this module's tests.

pub mod receiver;
pub mod smtp;
pub mod world;

use jiff::Timestamp;

use crate::domain::analysis::LabelScore;
use crate::domain::{
    Analysis, Author, Customer, CustomerId, EmotionScores, Engagement, Fingerprint, IntentScores,
    Language, Link, LinkOrigin, LinkState, ModelId, MonitorId, Post, PostKey, PostKind, PostRecord,
    Rating, Sentiment, SentimentLabel, SourceId, SourceState, SourceStatus,
};

/// The moment at which the tests' clocks begin.
pub fn start() -> Timestamp {
    "2026-01-05T10:00:00Z".parse().unwrap()
}

/// A post of the monitor `acme` that nothing scored.
pub fn post(native_id: &str, text: &str) -> Post {
    let key = PostKey {
        network: "forum".to_owned(),
        scope: String::new(),
        native_id: native_id.to_owned(),
    };
    Post {
        id: key.id(),
        key,
        source: SourceId::parse("acme-forum").unwrap(),
        kind: PostKind::Post,
        url: Some(format!("https://forum.example/{native_id}")),
        title: None,
        text: text.to_owned(),
        raw: format!("<p onclick=\"evil()\">{text}</p>"),
        language: Language {
            code: "en".to_owned(),
            confidence: 1.0,
        },
        author: Some(Author {
            native_id: "42".to_owned(),
            handle: "ann".to_owned(),
            followers: Some(12),
            ..Author::default()
        }),
        engagement: Engagement {
            likes: Some(3),
            replies: None,
            shares: Some(0),
        },
        rating: Rating::new(2.0, 5.0),
        parent_id: None,
        thread_id: None,
        repost_of: None,
        links: Vec::new(),
        published_at: Some("2026-01-05T09:59:00Z".parse().unwrap()),
        fetched_at: start(),
        fingerprint: Fingerprint {
            exact: 1,
            simhash: None,
        },
    }
}

/// An angry complaint.
pub fn analysis() -> Analysis {
    let present = |label: &str, present| LabelScore {
        label: label.to_owned(),
        probability: 0.75,
        present,
    };
    Analysis {
        model: ModelId::parse("m@1").unwrap(),
        supported: true,
        sentiment: Sentiment {
            label: SentimentLabel::Negative,
            score: -0.5,
            negative: 0.7,
            neutral: 0.1,
            positive: 0.2,
        },
        emotions: EmotionScores {
            ekman: vec![present("anger", true), present("joy", false)],
            fine: Vec::new(),
        },
        intents: IntentScores(vec![present("complaint", true), present("spam", false)]),
        urgency: 2,
        entities: vec![],
        embedding: Vec::new(),
    }
}

/// A mention by a customer, with everything known.
pub fn record(native_id: &str, text: &str) -> PostRecord {
    let post = post(native_id, text);
    let customer = Customer {
        id: CustomerId::parse("C 1").unwrap(),
        name: "Ann".to_owned(),
        identities: Vec::new(),
        segment: Some("gold".to_owned()),
        value: Some(10.0),
        tags: vec!["vip".to_owned()],
    };
    let link = Link {
        author: post.author_id().unwrap(),
        customer: customer.id.clone(),
        confidence: 0.9,
        evidence: "handle".to_owned(),
        origin: LinkOrigin::Rule,
        state: LinkState::Linked,
    };
    PostRecord {
        post,
        analysis: Some(analysis()),
        monitors: vec![MonitorId::parse("acme").unwrap()],
        customer: Some((customer, link)),
        duplicate_of: None,
    }
}

/// A source that a person must look at.
pub fn failed_source() -> SourceStatus {
    SourceStatus {
        state: SourceState::Paused,
        polled_at: Some(start()),
        succeeded_at: None,
        next_poll_at: None,
        error: Some("401".to_owned()),
        failures: 3,
        posts: 0,
        rejects: 0,
        requests: 3,
        ..SourceStatus::waiting(SourceId::parse("acme-forum").unwrap(), "feed")
    }
}
