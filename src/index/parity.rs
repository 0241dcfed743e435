//! The matcher and the index are one language: random posts, random queries, both must agree.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::*;
use crate::config::IndexConfig;
use crate::domain::{PostId, PostRecord};
use crate::query::sample::{NOW, Sample};
use crate::query::{Candidate, MatchContext, PostTokens, Query, Sort, Truth, matches_tokens};

const POSTS: usize = 400;
const QUERIES: usize = 1500;

#[test]
fn the_index_finds_what_the_matcher_says_is_true() {
    let dir = tempfile::tempdir().expect("directory");
    let config = IndexConfig {
        commit_interval_ms: 500,
        writer_memory_mib: 15,
    };
    let mut opened = Index::open(dir.path(), "store", 0, &config).expect("index");
    let mut sample = Sample::new(20_261_122);
    let mut records: Vec<PostRecord> = (0..POSTS).map(|n| sample.record(n)).collect();
    // Several segments and deletes, as in life: a third of the posts is written twice.
    for chunk in records.chunks(150) {
        index(&mut opened.writer, chunk);
    }
    for n in (0..POSTS).step_by(3) {
        records[n] = sample.record(n);
    }
    index(&mut opened.writer, &records);
    opened.reader.reload().expect("reload");
    assert_eq!(opened.reader.documents(), POSTS as u64);

    let context = MatchContext {
        now: NOW.parse().expect("time"),
        zone: TimeZone::get("Europe/Berlin").expect("zone"),
    };
    let tokens: Vec<PostTokens<'_>> = records.iter().map(|r| PostTokens::new(&r.post)).collect();
    let (mut found_some, mut true_pairs) = (0, 0);
    for _ in 0..QUERIES {
        let text = sample.query(6);
        let query = Query::parse(&text).unwrap_or_else(|error| panic!("{}", error.render()));
        let wanted: BTreeSet<PostId> = records
            .iter()
            .zip(&tokens)
            .filter(|(record, tokens)| {
                let truth = matches_tokens(&query, &candidate(record), tokens, &context);
                assert_ne!(truth, Truth::Unknown, "{query}: everything is known");
                truth == Truth::True
            })
            .map(|(record, _)| record.post.id.clone())
            .collect();
        let sort = Sort::ALL[sample.below(Sort::ALL.len())];
        let options = SearchOptions {
            nearest: None,
            limit: POSTS + 1,
            after: None,
            sort,
            facets: false,
            slots: false,
            now: context.now,
            zone: context.zone.clone(),
        };
        let result = opened.reader.search(&query, &options).expect("search");
        let found: BTreeSet<PostId> = result.hits.iter().map(|hit| hit.post_id.clone()).collect();
        if let Some(id) = wanted.symmetric_difference(&found).next() {
            let record = records.iter().find(|record| record.post.id == *id);
            panic!("{query}\nmatcher: {}\n{record:?}", wanted.contains(id));
        }
        assert_eq!(result.total, wanted.len() as u64, "{query}");
        found_some += usize::from(!found.is_empty() && found.len() < POSTS);
        true_pairs += found.len();
    }
    // A test in which nothing matches would prove little.
    assert!(
        found_some > QUERIES / 2,
        "{found_some} of {QUERIES} queries tell posts apart"
    );
    assert!(
        true_pairs > QUERIES * POSTS / 10,
        "{true_pairs} pairs match"
    );
}

fn index(writer: &mut IndexWriter, records: &[PostRecord]) {
    let changes: Vec<IndexChange> = records
        .iter()
        .map(|record| IndexChange::Upsert(Box::new(record.clone())))
        .collect();
    writer.apply(&changes).expect("apply");
    writer.commit(1).expect("commit");
}

fn candidate(record: &PostRecord) -> Candidate<'_> {
    Candidate::of(record)
}
