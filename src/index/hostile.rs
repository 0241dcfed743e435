//! Queries that nobody meant: whatever a text is, it is refused in words or answered, and then the matcher and the index
//! agree on it too. `OVERHEARD_FUZZ=1000000` tries that many; `fuzz/` looks for more.

use jiff::tz::TimeZone;

use super::*;
use crate::config::IndexConfig;
use crate::query::sample::{NOW, Sample};
use crate::query::{Candidate, MatchContext, Query, Sort, Truth, highlight, matches, snippet};

const QUERIES: usize = 10_000;
const POSTS: usize = 30;

/// What the language is made of, and what it is not.
const PARTS: [&str; 40] = [
    "(",
    ")",
    "((((((((",
    "))))))))",
    "\"",
    "“",
    "\"\"",
    "{",
    "}",
    "*",
    "?",
    "**",
    "a*",
    "~",
    "~0",
    "~99",
    "NEAR",
    " NEAR/5 ",
    " NEAR/0 ",
    " NEAR/100f ",
    " NEAR/101 ",
    " NOT ",
    " OR ",
    " AND ",
    "-",
    ":",
    "::",
    "#",
    "@",
    "since:",
    "score:<",
    "rating:1..",
    "sentiment:(",
    "is:",
    "\0",
    "\u{202e}",
    "\u{fffd}",
    "👩‍👩‍👧",
    "\\",
    "sort:new",
];

#[test]
fn no_query_does_any_harm() {
    let queries = std::env::var("OVERHEARD_FUZZ").ok();
    let queries = queries.and_then(|number| number.parse().ok());
    let dir = tempfile::tempdir().expect("directory");
    let config = IndexConfig {
        commit_interval_ms: 500,
        writer_memory_mib: 15,
    };
    let mut opened = Index::open(dir.path(), "store", 0, &config).expect("index");
    let mut sample = Sample::new(77);
    let records: Vec<_> = (0..POSTS).map(|n| sample.record(n)).collect();
    let changes = records.iter().cloned().map(Box::new);
    let changes: Vec<_> = changes.map(IndexChange::Insert).collect();
    opened.writer.apply(&changes).expect("apply");
    opened.writer.commit(1).expect("commit");
    opened.reader.reload().expect("reload");
    let context = MatchContext {
        now: NOW.parse().expect("time"),
        zone: TimeZone::UTC,
    };
    let (mut refused, mut answered) = (0, 0);
    for _ in 0..queries.unwrap_or(QUERIES) {
        let text = hostile(&mut sample);
        let query = match Query::parse(&text) {
            Ok(query) => query,
            Err(error) => {
                assert!(error.render().contains('^'), "{text}");
                refused += 1;
                continue;
            }
        };
        let canonical = query.to_string();
        let again = Query::parse(&canonical);
        let again = again.unwrap_or_else(|error| panic!("{text:?}: {}", error.render()));
        assert_eq!(again.to_string(), canonical, "{text}");
        if query.similar().is_some() {
            continue;
        }
        let judged = |query: &Query| {
            let truths = records.iter().map(|record| {
                let text = &record.post.text;
                let cut = snippet(text, &highlight(query, text), 280);
                assert!(cut.text.chars().count() <= 282, "{}", cut.text);
                matches(query, &Candidate::of(record), &context) == Truth::True
            });
            truths.filter(|truth| *truth).count() as u64
        };
        let wanted = judged(&query);
        assert_eq!(judged(&again), wanted, "{text}");
        let options = SearchOptions {
            nearest: None,
            limit: POSTS,
            after: None,
            sort: Sort::Newest,
            facets: true,
            slots: true,
            now: context.now,
            zone: context.zone.clone(),
        };
        match opened.reader.search(&query, &options) {
            Ok(found) => {
                assert_eq!(found.total, wanted, "{text}");
                answered += 1;
            }
            Err(IndexError::TooManyWords(_) | IndexError::TooLate) => {}
            Err(error) => panic!("{text}: {error}"),
        }
    }
    // Of texts that are all refused, or none, little could be learned.
    assert!(
        refused > answered / 10 && answered > refused / 10,
        "{refused}, {answered}"
    );
}

/// A query with a few things done to it.
fn hostile(sample: &mut Sample) -> String {
    let mut text: Vec<char> = sample.query(4).chars().collect();
    for _ in 0..=sample.below(4) {
        let at = sample.below(text.len() + 1);
        let end = (at + sample.below(12)).min(text.len());
        match sample.below(6) {
            0 => drop(text.drain(at..end)),
            1 => {
                let part: Vec<char> = text[at..end].to_vec();
                for _ in 0..sample.below(9) {
                    text.splice(at..at, part.iter().copied());
                }
            }
            2 => text.truncate(at),
            3 if at < text.len() => text.rotate_left(at),
            _ => drop(text.splice(at..at, PARTS[sample.below(PARTS.len())].chars())),
        }
    }
    text.into_iter().collect()
}
