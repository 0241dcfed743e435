//! Opening, following, faults: real tantivy in a temporary directory.

mod facets;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::*;
use crate::config::IndexConfig;
use crate::domain::PostRecord;
use crate::query::sample::{NOW, Sample};
use crate::query::{Query, Sort};

const CONFIG: IndexConfig = IndexConfig {
    commit_interval_ms: 500,
    writer_memory_mib: 15,
};

struct Place {
    _root: tempfile::TempDir,
    dir: PathBuf,
}

fn place() -> Place {
    let root = tempfile::tempdir().expect("directory");
    let dir = root.path().join("index");
    Place { _root: root, dir }
}

fn post(n: usize, text: &str) -> PostRecord {
    let mut record = Sample::new(1).record(n);
    record.post.title = None;
    record.post.text = text.to_owned();
    record.post.published_at = None;
    let age = jiff::SignedDuration::from_hours(n as i64);
    record.post.fetched_at = NOW.parse::<jiff::Timestamp>().expect("time") - age;
    record
}

fn upsert(record: &PostRecord) -> IndexChange {
    IndexChange::Upsert(Box::new(record.clone()))
}

fn options() -> SearchOptions {
    SearchOptions {
        nearest: None,
        limit: 10,
        after: None,
        sort: Sort::Newest,
        facets: false,
        slots: false,
        now: NOW.parse().expect("time"),
        zone: TimeZone::UTC,
    }
}

fn count(reader: &IndexReader, query: &str) -> u64 {
    let query = Query::parse(query).expect("query");
    reader
        .search(
            &query,
            &SearchOptions {
                limit: 0,
                ..options()
            },
        )
        .expect("search")
        .total
}

/// An index with two commits, closed.
fn filled(dir: &Path) {
    let mut opened = Index::open(dir, "store-1", 0, &CONFIG).expect("index");
    assert_eq!(opened.writer.last_seq(), 0);
    for n in 0..4 {
        opened
            .writer
            .apply(&[upsert(&post(n, "battery dead"))])
            .expect("apply");
    }
    opened.writer.commit(4).expect("commit");
}

#[test]
fn it_goes_on_where_it_stopped() {
    let place = place();
    filled(&place.dir);
    let opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    assert_eq!(opened.rebuild, None);
    assert_eq!(opened.writer.last_seq(), 4);
    assert_eq!(count(&opened.reader, "battery"), 4);
}

#[test]
fn a_replay_changes_nothing_and_deletes_hold() {
    let place = place();
    filled(&place.dir);
    let mut opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    let edited = post(1, "charger fine");
    let gone = post(2, "").post.id;
    let changes = [
        upsert(&post(0, "battery dead")),
        upsert(&edited),
        IndexChange::Delete(gone),
    ];
    for seq in [7, 8] {
        opened.writer.apply(&changes).expect("apply");
        opened.writer.commit(seq).expect("commit");
    }
    assert_eq!(
        count(&opened.reader, "battery"),
        4,
        "unseen before the reload"
    );
    opened.reader.reload().expect("reload");
    assert_eq!(count(&opened.reader, "battery"), 2);
    assert_eq!(count(&opened.reader, "charger"), 1);
    assert_eq!(opened.reader.documents(), 3);
}

#[test]
fn what_was_not_committed_is_not_there() {
    let place = place();
    filled(&place.dir);
    let mut opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    opened
        .writer
        .apply(&[upsert(&post(8, "battery"))])
        .expect("apply");
    drop(opened);
    let opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    assert_eq!(
        (opened.writer.last_seq(), count(&opened.reader, "battery")),
        (4, 4)
    );
}

#[test]
fn hits_are_sorted_paged_and_counted() {
    let place = place();
    let mut opened = Index::open(&place.dir, "s", 0, &CONFIG).expect("index");
    let texts = [
        "battery",
        "other battery words here and there",
        "battery battery battery",
        "charger",
    ];
    let records: Vec<PostRecord> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| post(n, text))
        .collect();
    let changes: Vec<IndexChange> = records.iter().rev().map(upsert).collect();
    opened.writer.apply(&changes).expect("apply");
    opened.writer.commit(1).expect("commit");
    opened.reader.reload().expect("reload");
    let found = |options: &SearchOptions| {
        let query = Query::parse("battery").expect("query");
        let result = opened.reader.search(&query, options).expect("search");
        let ids = result.hits.iter().map(|hit| {
            records
                .iter()
                .position(|record| record.post.id == hit.post_id)
                .expect("known")
        });
        (result.total, ids.collect::<Vec<_>>())
    };
    assert_eq!(found(&options()), (3, vec![0, 1, 2]));
    let one = SearchOptions {
        limit: 1,
        ..options()
    };
    let mut after = None;
    let mut walked = Vec::new();
    loop {
        let page = SearchOptions {
            after,
            ..one.clone()
        };
        let query = Query::parse("battery").expect("query");
        let result = opened.reader.search(&query, &page).expect("search");
        assert_eq!(result.total, 3, "of all pages");
        walked.extend(found(&page).1);
        after = result.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(walked, [0, 1, 2]);
    assert_eq!(
        found(&SearchOptions {
            sort: Sort::Relevance,
            ..options()
        }),
        (3, vec![2, 0, 1])
    );
}

#[test]
fn a_page_stays_where_it_is_while_posts_arrive() {
    let place = place();
    let mut opened = Index::open(&place.dir, "s", 0, &CONFIG).expect("index");
    let mut write = |seq: u64, numbers: std::ops::Range<usize>| {
        let changes: Vec<IndexChange> = numbers.map(|n| upsert(&post(n, "battery"))).collect();
        opened.writer.apply(&changes).expect("apply");
        opened.writer.commit(seq).expect("commit");
        opened.reader.reload().expect("reload");
    };
    // Post n is n hours old; 10 to 19 first, then twenty younger and older ones.
    write(1, 10..20);
    let page = |after| {
        let query = Query::parse("battery").expect("query");
        let options = SearchOptions {
            limit: 4,
            after,
            ..options()
        };
        opened.reader.search(&query, &options).expect("search")
    };
    let id = |n: usize| post(n, "").post.id;
    let ids = |result: &SearchResult| -> Vec<_> {
        result.hits.iter().map(|hit| hit.post_id.clone()).collect()
    };
    let first = page(None);
    assert_eq!(ids(&first), [id(10), id(11), id(12), id(13)]);
    write(2, 0..10);
    write(3, 20..30);
    let second = page(first.next);
    assert_eq!(ids(&second), [id(14), id(15), id(16), id(17)]);
    assert_eq!(second.total, 30);
    let text = second.next.expect("more").to_string();
    let third = page(Some(text.parse().expect("position")));
    assert_eq!(ids(&third), [id(18), id(19), id(20), id(21)]);
}

#[test]
fn labels_and_times_are_counted_over_all_matches() {
    let place = place();
    let mut opened = Index::open(&place.dir, "s", 0, &CONFIG).expect("index");
    let mut changes = Vec::new();
    for n in 0..12 {
        let mut record = post(n, "battery");
        record.analysis = None;
        record.monitors = Vec::new();
        record.post.language.code = if n < 9 { "en" } else { "de" }.to_owned();
        changes.push(upsert(&record));
    }
    opened.writer.apply(&changes).expect("apply");
    opened.writer.commit(1).expect("commit");
    opened.reader.reload().expect("reload");
    let query = Query::parse("battery").expect("query");
    let wanted = SearchOptions {
        limit: 0,
        facets: true,
        slots: true,
        ..options()
    };
    let result = opened.reader.search(&query, &wanted).expect("search");
    let values = |field: &str| {
        let facet = result.facets.iter().find(|facet| facet.field == field);
        facet.expect(field).values.clone()
    };
    assert_eq!(values("lang"), [("en".to_owned(), 9), ("de".to_owned(), 3)]);
    assert_eq!(values("monitor"), []);
    assert_eq!(
        values("network").iter().map(|value| value.1).sum::<u64>(),
        12
    );
    assert!(
        values("author")
            .iter()
            .all(|value| !value.0.starts_with("author_"))
    );
    assert_eq!(result.slots.len(), 12, "each an hour apart");
    assert!(result.hits.is_empty() && result.next.is_none());
}

#[test]
fn a_wildcard_for_too_many_words_is_refused() {
    let place = place();
    let mut opened = Index::open(&place.dir, "s", 0, &CONFIG).expect("index");
    let words: String = (0..10_001).map(|n| format!("word{n} ")).collect();
    opened
        .writer
        .apply(&[upsert(&post(1, &words))])
        .expect("apply");
    opened.writer.commit(1).expect("commit");
    opened.reader.reload().expect("reload");
    let search = |text: &str| {
        let query = Query::parse(text).expect("query");
        opened
            .reader
            .search(&query, &options())
            .map(|result| result.total)
    };
    for text in ["word*", "word* NEAR/2 word1", "x OR (word* NEAR/2 word1)"] {
        let error = search(text).expect_err(text);
        assert!(matches!(error, IndexError::TooManyWords(_)), "{error}");
        assert!(error.to_string().contains("write more letters"), "{error}");
    }
    assert_eq!(search("word99*").expect("few words"), 1);
}

#[test]
fn an_index_that_does_not_fit_is_set_aside() {
    let cases: [(&str, u64, &str); 2] = [
        ("store-2", 9, "it belongs to another store"),
        ("store-1", 3, "it is ahead of the store, which was restored"),
    ];
    for (uuid, seq, reason) in cases {
        let place = place();
        filled(&place.dir);
        let opened = Index::open(&place.dir, uuid, seq, &CONFIG).expect("index");
        assert_eq!(opened.rebuild.as_deref(), Some(reason));
        assert_eq!(
            (opened.writer.last_seq(), opened.reader.documents()),
            (0, 0)
        );
        assert!(place.dir.with_extension("bad").join("meta.json").exists());
    }
}

#[test]
fn a_torn_flipped_or_missing_file_is_found() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("torn", |file| {
            let bytes = std::fs::read(file).expect("read");
            std::fs::write(file, &bytes[..bytes.len() / 2]).expect("write");
        }),
        ("empty", |file| std::fs::write(file, b"").expect("write")),
        ("flipped", |file| {
            let mut bytes = std::fs::read(file).expect("read");
            bytes[0] ^= 0x55;
            std::fs::write(file, bytes).expect("write");
        }),
        ("missing", |file| {
            std::fs::remove_file(file).expect("remove")
        }),
    ];
    let good = place();
    filled(&good.dir);
    for (name, damage) in damages {
        for n in 0..names(&good.dir).len() {
            let place = place();
            copy(&good.dir, &place.dir);
            let file = names(&place.dir).remove(n);
            damage(&file);
            let opened = Index::open(&place.dir, "store-1", 9, &CONFIG);
            let opened = opened.unwrap_or_else(|error| panic!("{name} {file:?}: {error:?}"));
            assert!(opened.rebuild.is_some(), "{name} {file:?} was not found");
            assert_eq!(count(&opened.reader, "battery"), 0, "{name} {file:?}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("directory");
    for file in names(from) {
        let name = file.file_name().expect("name");
        std::fs::copy(&file, to.join(name)).expect("copy");
    }
}

/// The index's files but for locks, in a stable order.
fn names(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("directory")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "lock"))
        .collect();
    files.sort_by_key(|path| (path.extension().map(ToOwned::to_owned), path.clone()));
    files
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let place = place();
    assert!(matches!(
        Index::open_read_only(&place.dir),
        Err(IndexError::Missing(_))
    ));
    filled(&place.dir);
    let mut first = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    let second = Index::open(&place.dir, "store-2", 9, &CONFIG);
    assert!(matches!(second, Err(IndexError::Locked(_))));
    let reader = Index::open_read_only(&place.dir).expect("reader");
    assert_eq!(count(&reader, "dead"), 4);
    first
        .writer
        .apply(&[upsert(&post(7, "dead"))])
        .expect("apply");
    first.writer.commit(5).expect("commit");
    reader.reload().expect("reload");
    assert_eq!(count(&reader, "dead"), 5);
}

#[test]
fn a_new_index_is_there_at_once_and_the_old_one_until_then() {
    let place = place();
    filled(&place.dir);
    let mut opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    let (seq, old) = (opened.writer.last_seq(), count(&opened.reader, "dead"));
    let found = || count(&Index::open_read_only(&place.dir).expect("reader"), "dead");
    assert!(old > 1);
    let half = |opened: &mut Opened| {
        opened.writer.begin_anew().expect("begin");
        let post = IndexChange::Insert(Box::new(post(7, "dead")));
        opened.writer.apply(&[post]).expect("apply");
        opened.reader.reload().expect("reload");
        assert_eq!((count(&opened.reader, "dead"), found()), (old, old));
    };
    half(&mut opened);
    opened.writer.rollback().expect("rollback");
    opened.writer.commit(seq).expect("commit");
    assert_eq!((opened.writer.last_seq(), found()), (seq, old));
    // As after a kill.
    half(&mut opened);
    drop(opened);
    let mut opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    assert_eq!((opened.writer.last_seq(), found()), (seq, old));
    half(&mut opened);
    opened.writer.commit(9).expect("commit");
    opened.reader.reload().expect("reload");
    assert_eq!((count(&opened.reader, "dead"), found()), (1, 1));
}

#[test]
fn a_purge_leaves_no_word_of_an_erased_post() {
    let place = place();
    let planted = "xyzzyplugh";
    let mut opened = Index::open(&place.dir, "s", 0, &CONFIG).expect("index");
    let mut erased = post(1, planted);
    // The term dictionary is a compressed automaton, in which no search of the files finds a word;
    // the handle's column has it as it is.
    erased.post.author = Some(crate::domain::Author {
        handle: planted.to_owned(),
        ..Default::default()
    });
    opened
        .writer
        .apply(&[upsert(&post(0, "battery")), upsert(&erased)])
        .expect("apply");
    opened.writer.commit(1).expect("commit");
    opened.reader.reload().expect("reload");
    assert!(on_disk(&place.dir, planted));
    opened
        .writer
        .apply(&[IndexChange::Delete(erased.post.id)])
        .expect("apply");
    opened.writer.commit(2).expect("commit");
    opened.reader.reload().expect("reload");
    opened.writer.purge().expect("purge");
    opened.reader.reload().expect("reload");
    assert!(!on_disk(&place.dir, planted));
    assert_eq!(opened.reader.postings_of(planted), 0);
    assert_eq!(opened.reader.postings_of("battery"), 1);
}

fn on_disk(dir: &Path, word: &str) -> bool {
    names(dir).iter().any(|file| {
        let bytes = std::fs::read(file).expect("read");
        bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    })
}
