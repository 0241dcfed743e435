//! What people correct stays, whoever scores again.

use super::*;
use crate::domain::correction::Correction;
use crate::store::Correcting;

fn scored(n: i64) -> PostCommit {
    mention_of(post(n))
}

fn positive() -> Correction {
    Correction {
        sentiment: Some(SentimentLabel::Positive),
        intents: Some(vec!["praise".to_owned()]),
        urgency: None,
    }
}

async fn one(store: &Store, n: i64, correction: Correction, now: Timestamp) -> Correcting {
    let became = store.correct(&[post(n).id], correction, now).await;
    became.unwrap()[0]
}

async fn stored(store: &Store, n: i64) -> Analysis {
    store
        .record(&post(n).id)
        .await
        .unwrap()
        .unwrap()
        .analysis
        .unwrap()
}

#[tokio::test]
async fn a_correction_is_applied_and_outlives_a_new_score_and_the_same_batch() {
    let (_dir, store) = open();
    commit(&store, vec![scored(1), commit_of(post(2))]).await;
    let seq = store.tip().borrow().change_seq;
    let now = after(60);
    assert_eq!(one(&store, 1, positive(), now).await, Correcting::Done);
    assert_eq!(one(&store, 2, positive(), now).await, Correcting::NoScore);
    assert_eq!(one(&store, 9, positive(), now).await, Correcting::NoPost);
    assert_eq!(store.tip().borrow().change_seq, seq + 1);
    let urgent = Correction {
        urgency: Some(1),
        ..Correction::default()
    };
    one(&store, 1, urgent, now).await;

    let check = |analysis: &Analysis| {
        assert_eq!(analysis.sentiment.label, SentimentLabel::Positive);
        assert_eq!((analysis.sentiment.score, analysis.urgency), (1.0, 1));
        assert_eq!(analysis.present_intents().collect::<Vec<_>>(), ["praise"]);
    };
    check(&stored(&store, 1).await);
    let other = Analysis {
        model: ModelId::parse("other@1").unwrap(),
        ..analysis()
    };
    let changed = store
        .replace_analyses(vec![(post(1).id, other.clone())])
        .await
        .unwrap();
    assert_eq!(changed, 1);
    assert_eq!(
        store
            .replace_analyses(vec![(post(1).id, other)])
            .await
            .unwrap(),
        0
    );
    check(&stored(&store, 1).await);
    assert_eq!(stored(&store, 1).await.model.as_str(), "other@1");
    commit(&store, vec![scored(1)]).await;
    check(&stored(&store, 1).await);

    let all = store.corrections().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].record.post.id, post(1).id);
    assert_eq!(
        all[0].correction,
        Correction {
            urgency: Some(1),
            ..positive()
        }
    );
}

#[tokio::test]
async fn another_text_and_a_deletion_end_a_correction() {
    let (_dir, store) = open();
    commit(&store, vec![scored(1), scored(2)]).await;
    let both = [post(1).id, post(9).id, post(2).id];
    let became = store.correct(&both, positive(), after(60)).await.unwrap();
    assert_eq!(
        became,
        [Correcting::Done, Correcting::NoPost, Correcting::Done]
    );
    let mut edited = scored(1);
    edited.post.text = "I take it all back".into();
    commit(&store, vec![edited]).await;
    assert_eq!(
        stored(&store, 1).await.sentiment.label,
        SentimentLabel::Negative
    );
    let mut gone = batch(Vec::new());
    gone.deleted = vec![post(2).id];
    store.commit_batch(gone).await.unwrap();
    assert_eq!(store.corrections().await.unwrap(), []);
}

#[tokio::test]
async fn what_others_scored_is_found_in_steps() {
    let (_dir, store) = open();
    let mut commits: Vec<PostCommit> = (1..=5).map(scored).collect();
    commits[2].analysis.as_mut().unwrap().model = ModelId::parse("new@1").unwrap();
    commits.push(commit_of(post(6)));
    commit(&store, commits).await;
    let known = [
        ModelId::parse("new@1").unwrap(),
        ModelId::parse("never@1").unwrap(),
    ];
    let (mut from, mut found) = (0, Vec::new());
    loop {
        let stale = store.scored_by_others(&known, from, 2).await.unwrap();
        if stale.records.is_empty() {
            break;
        }
        assert!(stale.next > from);
        from = stale.next;
        found.extend(stale.records.into_iter().map(|record| record.post.id));
    }
    assert_eq!(found, [1, 2, 4, 5].map(|n| post(n).id));
}
