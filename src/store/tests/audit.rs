//! The audit log: what was changed, put in or taken out is found.

use super::*;
use crate::store::{AuditCheck, AuditEntry};

async fn noted(store: &Store, count: i64) {
    let entry = |n: i64| AuditEntry {
        actor: "user ann".to_owned(),
        action: "POST /x".to_owned(),
        subject: n.to_string(),
        outcome: "200".to_owned(),
    };
    // One alone, the others together.
    store.note(vec![entry(0)], after(0)).await.unwrap();
    let others = (1..count).map(entry).collect();
    store.note(others, after(1)).await.unwrap();
}

async fn spoil(store: &Store, sql: &'static str) -> AuditCheck {
    let changed = store.write(move |connection| Ok(connection.execute(sql, [])?));
    assert!(changed.await.unwrap() > 0);
    store.verify_audit().await.unwrap()
}

#[tokio::test]
async fn whatever_is_spoiled_is_found_at_its_place() {
    for (sql, broken) in [
        ("UPDATE audit SET actor = 'user bob' WHERE seq = 3", 3),
        (
            "UPDATE audit SET subject = '' , action = 'POST /x2' WHERE seq = 3",
            3,
        ),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("UPDATE audit SET seq = seq + 1 WHERE seq = 5", 5),
        (
            "INSERT INTO audit SELECT 6, at, actor, action, subject, outcome, hash FROM audit WHERE seq = 5",
            6,
        ),
    ] {
        let (_dir, store) = open();
        assert_eq!(store.verify_audit().await.unwrap().newest, None);
        noted(&store, 5).await;
        let whole = store.verify_audit().await.unwrap();
        assert_eq!((whole.good, whole.broken), (5, None));
        assert!(whole.newest.is_some());
        let check = spoil(&store, sql).await;
        assert_eq!(check.broken, Some(broken), "{sql}");
        assert_eq!(check.good, broken - 1, "{sql}");
    }
}

#[tokio::test]
async fn texts_cannot_trade_letters_with_their_neighbours() {
    let (_dir, store) = open();
    noted(&store, 1).await;
    let check = spoil(
        &store,
        "UPDATE audit SET actor = 'user annP', action = 'OST /x'",
    )
    .await;
    assert_eq!(check.broken, Some(1));
}
