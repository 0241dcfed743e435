//! Callers that fail or panic, many at once, a killed process, a damaged file.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_fails_takes_nothing_of_the_others_with_it() {
    let (_dir, store) = open();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = store.clone();
        tasks.spawn(async move {
            let name = format!("f{n}");
            let result = store
                .write(move |connection| {
                    connection.execute(
                        "INSERT INTO followers (name, seq) VALUES (?1, ?2)",
                        (&name, n),
                    )?;
                    match n % 10 {
                        3 => Err(Fault::Refused("on purpose".into())),
                        4 => panic!("on purpose"),
                        _ => Ok(n),
                    }
                })
                .await;
            (n, result)
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (n, result) = done.unwrap();
        match n % 10 {
            3 => assert!(matches!(result, Err(StoreError::Invalid { .. }))),
            4 => assert!(matches!(result, Err(StoreError::Internal { .. }))),
            _ => assert_eq!(result.unwrap(), n),
        }
    }
    let kept: i64 = store
        .read(|connection| {
            Ok(connection.query_row("SELECT count(*) FROM followers", [], |row| row.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(kept, 80);
    // A reader that panics costs its connection, not the pool.
    for _ in 0..9 {
        let result = store.read(|_| -> Sql<()> { panic!("on purpose") }).await;
        assert!(matches!(result, Err(StoreError::Internal { .. })));
    }
    assert_eq!(store.follower("f5").await.unwrap(), 5);
}

#[tokio::test]
async fn a_full_disk_is_named_and_passes() {
    let (_dir, store) = open();
    let pages = |limit: i64| {
        store.write(move |connection| {
            // SQLite's own limit behaves as a full disk does.
            connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(()))?;
            Ok(())
        })
    };
    pages(1).await.unwrap();
    let mut big = mention_of(post(1));
    big.post.text = "x".repeat(1_000_000);
    let full = store
        .commit_batch(batch(vec![big.clone()]))
        .await
        .unwrap_err();
    assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
    assert_eq!(full.reaction(), StoreReaction::Pause);
    assert_eq!(store.counts().await.unwrap().posts, 0);
    pages(1_000_000).await.unwrap();
    assert_eq!(commit(&store, vec![big]).await.new_posts, 1);
}

#[test]
fn a_damaged_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), vec![b'x'; 8192]).unwrap();
    let error = Store::open(dir.path(), start()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_eq!(error.reaction(), StoreReaction::Exit);
}

const CHILD_DIR: &str = "OVERHEARD_TEST_STORE_DIR";

/// Not a test of its own: the process that `nothing_is_lost_or_doubled_by_a_kill` kills. Commits batch after batch
/// and says so after each.
#[tokio::test]
#[ignore = "runs as a child of nothing_is_lost_or_doubled_by_a_kill, in every test run"]
async fn child_that_commits() {
    let Ok(dir) = std::env::var(CHILD_DIR) else {
        return;
    };
    let store = Store::open(dir.as_ref(), start()).unwrap();
    let cursor = store.cursor(&source("tooth"), None).await.unwrap();
    let first = cursor.position.map_or(0, |n| n.parse::<i64>().unwrap());
    for n in first.. {
        let mut one = batch(vec![mention_of(post(2 * n)), mention_of(post(2 * n + 1))]);
        one.cursor.position = Some((n + 1).to_string());
        store.commit_batch(one).await.unwrap();
        println!("committed {}", n + 1);
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::faults::child_that_commits"])
            .args(["--ignored", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            if let Some((_, n)) = line.split_once("committed ") {
                acknowledged = n.parse().unwrap();
                seen += 1;
            }
            if seen == 5 + round {
                // SIGKILL, in the middle of whatever comes next.
                child.kill().unwrap();
                break;
            }
        }
        child.wait().unwrap();
        assert_eq!(seen, 5 + round);

        let store = Store::open(dir.path(), start()).unwrap();
        let cursor = store.cursor(&source("tooth"), None).await.unwrap();
        let batches: i64 = cursor.position.unwrap().parse().unwrap();
        assert!(batches >= acknowledged, "an acknowledged batch is lost");
        let posts = 2 * batches.unsigned_abs();
        let counts = store.counts().await.unwrap();
        assert_eq!(
            (counts.posts, counts.mentions, counts.events),
            (posts, posts, posts)
        );
        let changes = store.changes_after(0, usize::MAX).await.unwrap();
        assert_eq!(changes.len() as u64, posts);
        store.close().await;
    }
}
