//! Every list query uses an index.

use super::*;
use crate::store::{
    changes, customers, deliveries, digests, duplicates, events, import, mentions, purge, status,
};

/// The plan's lines.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    for parameter in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(parameter, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get::<_, String>(3).unwrap());
    }
    lines
}

#[test]
fn no_list_reads_a_whole_table_and_none_of_posts_is_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let connection = schema::open_writer(&dir.path().join(FILE), start()).unwrap();
    let bands = duplicates::BANDS;
    let lists = [
        changes::CHANGES_AFTER,
        events::EVENTS_AFTER,
        deliveries::DUE,
        deliveries::NEXT_DUE,
        deliveries::DEAD,
        mentions::NEWEST_MENTIONS,
        mentions::NEWEST_OF_MONITOR,
        digests::IN_WINDOW,
        digests::MONITOR_IN_WINDOW,
        digests::COUNT_WINDOW,
        customers::CUSTOMERS,
        customers::OWNERS,
        import::AUTHORS_WITH,
        status::REJECTS,
        purge::UNMATCHED,
        duplicates::SAME_WORDS,
        bands[0],
        bands[1],
        bands[2],
        bands[3],
    ];
    for sql in lists {
        let plan = plan(&connection, sql);
        assert!(!plan.is_empty());
        for line in plan {
            assert!(!line.starts_with("SCAN"), "{sql}: {line}");
            let sorted = line.contains("TEMP B-TREE") && !sql.contains("ORDER BY c.id");
            assert!(!sorted, "{sql}: {line}");
        }
    }
    // The index holds nothing but suggestions, so reading it from its end is no scan of the table.
    assert_eq!(
        plan(&connection, customers::SUGGESTED),
        ["SCAN links USING COVERING INDEX links_suggested"]
    );
    // A customer's posts of several authors are sorted, but never more than theirs.
    for sql in [customers::TIMELINE, customers::LINKS_OF] {
        for line in plan(&connection, sql) {
            assert!(!line.starts_with("SCAN"), "{sql}: {line}");
        }
    }
}

/// The primary key would do as well, but reads all that was ever delivered.
#[test]
fn what_a_lane_waits_for_is_found_by_the_lane() {
    let dir = tempfile::tempdir().unwrap();
    let connection = schema::open_writer(&dir.path().join(FILE), start()).unwrap();
    for sql in [deliveries::DUE, deliveries::NEXT_DUE] {
        let plan = plan(&connection, sql);
        let by_lane = "deliveries_lane (endpoint=? AND lane=? AND event<?)";
        assert!(plan.iter().any(|line| line.contains(by_lane)), "{plan:?}");
        let by_time = plan.iter().any(|line| line.contains("deliveries_due"));
        assert!(by_time, "{plan:?}");
    }
}

#[test]
fn the_check_would_see_a_scan() {
    let dir = tempfile::tempdir().unwrap();
    let connection = schema::open_writer(&dir.path().join(FILE), start()).unwrap();
    let plan = plan(&connection, "SELECT row FROM posts WHERE text = ?1");
    assert_eq!(plan, ["SCAN posts"]);
}
