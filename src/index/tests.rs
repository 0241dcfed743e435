//! Opening, following, faults: real tantivy in a temporary directory.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::*;
use crate::config::IndexConfig;
use crate::domain::PostRecord;
use crate::query::Query;
use crate::query::sample::{NOW, Sample};

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
        limit: 10,
        offset: 0,
        sort: Sort::Newest,
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
    assert_eq!(
        found(&SearchOptions {
            offset: 1,
            limit: 1,
            ..options()
        }),
        (3, vec![1])
    );
    assert_eq!(
        found(&SearchOptions {
            offset: 5,
            ..options()
        }),
        (3, vec![])
    );
    assert_eq!(
        found(&SearchOptions {
            offset: usize::MAX,
            ..options()
        }),
        (3, vec![])
    );
    assert_eq!(
        found(&SearchOptions {
            sort: Sort::Relevance,
            ..options()
        }),
        (3, vec![2, 0, 1])
    );
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
fn clearing_starts_at_nothing() {
    let place = place();
    filled(&place.dir);
    let mut opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    opened.writer.clear().expect("clear");
    drop(opened);
    let opened = Index::open(&place.dir, "store-1", 9, &CONFIG).expect("index");
    assert_eq!(
        (opened.writer.last_seq(), opened.reader.documents()),
        (0, 0)
    );
    assert_eq!(opened.rebuild, None);
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
