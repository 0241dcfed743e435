//! Whatever a text is, it is refused in words or judges posts, and its canonical form is the same query.

#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use overheard::domain::{Body, PostKey, PostRecord, RawPost, SourceId};
use overheard::ingest::normalize;
use overheard::query::{Candidate, MatchContext, Query, highlight, matches, snippet};

fuzz_target!(|texts: (&str, &str)| {
    let (query, post) = texts;
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(error) => {
            assert!(!error.render().is_empty());
            return;
        }
    };
    let canonical = query.to_string();
    let again = Query::parse(&canonical).expect("the canonical form is a query");
    assert_eq!(again.to_string(), canonical);
    let key = PostKey {
        network: "forum".into(),
        scope: String::new(),
        native_id: "1".into(),
    };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let source = SourceId::parse("fuzz").expect("an id");
    let raw = RawPost::new(key, Body::Plain(post.to_owned()));
    let Ok(post) = normalize(raw, &source, now) else {
        return;
    };
    let record = PostRecord::new(post);
    let context = MatchContext {
        now,
        zone: TimeZone::UTC,
    };
    let judged = matches(&query, &Candidate::of(&record), &context);
    assert_eq!(judged, matches(&again, &Candidate::of(&record), &context));
    let text = &record.post.text;
    let cut = snippet(text, &highlight(&query, text), 280);
    assert!(cut.text.len() <= text.len() + 8);
});
