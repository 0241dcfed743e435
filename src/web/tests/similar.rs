//! `similar:` through the API: neighbours by embedding, narrowed and ordered by the rest of the query.

use super::site::{Site, post, scored};
use crate::domain::{PostId, SentimentLabel};
use crate::index::nearest::DIMENSIONS;
use crate::store::PostCommit;

/// A post whose embedding turns away from that of angle 0 by `degrees`.
fn turned(n: u32, text: &str, degrees: f64) -> PostCommit {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let mut vector = vec![0_i8; DIMENSIONS];
    for (place, value) in vector.iter_mut().enumerate() {
        // Two orthogonal directions with no zero in them.
        let (first, second) = match place % 4 {
            0 => (1.0, 1.0),
            1 => (1.0, -1.0),
            2 => (-1.0, 1.0),
            _ => (-1.0, -1.0),
        };
        #[allow(clippy::cast_possible_truncation)]
        let turned = (60.0 * (cos * first + sin * second)) as i8;
        *value = turned;
    }
    let mut analysis = scored(SentimentLabel::Negative);
    analysis.embedding = vector;
    PostCommit {
        analysis: Some(analysis),
        ..post(n, text)
    }
}

/// The ids and scores of an answer's hits.
fn hits(answer: &serde_json::Value) -> Vec<(String, f64)> {
    let hits = answer["hits"].as_array().unwrap().iter();
    hits.map(|hit| {
        let id = hit["mention"]["id"].as_str().unwrap().to_owned();
        (id, hit["score"].as_f64().unwrap())
    })
    .collect()
}

fn ids(answer: &serde_json::Value) -> Vec<String> {
    hits(answer).into_iter().map(|(id, _)| id).collect()
}

#[tokio::test]
async fn the_nearest_come_first_and_the_rest_of_the_query_narrows_them() {
    let posts = vec![
        turned(0, "battery dead", 0.0),
        turned(1, "battery far", 80.0),
        turned(2, "battery near", 10.0),
        turned(3, "charger between", 40.0),
        post(4, "battery unscored"),
    ];
    let id: Vec<PostId> = posts.iter().map(|commit| commit.post.id.clone()).collect();
    let names: Vec<String> = id.iter().map(ToString::to_string).collect();
    let site = Site::new(posts).await;
    let ask = async |query: &str| {
        let path = format!(
            "/api/v1/search?q={}",
            query.replace(" &", "&").replace(" ", "+")
        );
        let reply = site.get(&path).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    };

    let answer = ask(&format!("similar:{}", names[0])).await;
    assert_eq!(answer["total"], 3);
    assert_eq!(
        ids(&answer),
        [&names[2], &names[3], &names[1]].map(Clone::clone)
    );
    let (_, nearest) = &hits(&answer)[0];
    assert!(
        (nearest - 10_f64.to_radians().cos()).abs() < 0.02,
        "{nearest}"
    );

    let answer = ask(&format!("battery similar:{}", id[0].mention())).await;
    assert_eq!(ids(&answer), [&names[2], &names[1]].map(Clone::clone));
    // Ties and pages hold: behind the first comes the second.
    let first = ask(&format!("similar:{} &limit=1", names[0])).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = ask(&format!("similar:{} &limit=1&cursor={cursor}", names[0])).await;
    assert_eq!(ids(&second), [names[3].clone()]);

    // The order that is asked for wins: the newest first.
    let answer = ask(&format!("similar:{} sort:new", names[0])).await;
    assert_eq!(
        ids(&answer),
        [&names[1], &names[2], &names[3]].map(Clone::clone)
    );

    // What has no embedding can't be compared, and says so.
    for unknown in [names[4].clone(), format!("post_{}", "0".repeat(32))] {
        let reply = site
            .get(&format!("/api/v1/search?q=similar:{unknown}"))
            .await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(reply.body.contains("was not scored"), "{}", reply.body);
    }
}

#[tokio::test]
async fn what_is_deleted_or_scored_anew_is_seen_at_the_next_question() {
    let posts = vec![
        turned(0, "one", 0.0),
        turned(1, "two", 10.0),
        turned(2, "three", 20.0),
    ];
    let id: Vec<PostId> = posts.iter().map(|commit| commit.post.id.clone()).collect();
    let site = Site::new(posts).await;
    let searcher = &site.state.searcher;
    let similar = async || {
        let found = searcher.similar_to(&id[0]).await.unwrap().unwrap();
        found.into_iter().map(|(post, _)| post).collect::<Vec<_>>()
    };
    assert_eq!(similar().await, [id[1].clone(), id[2].clone()]);

    // The second turns away, the third goes, a fourth comes.
    let moved = PostCommit {
        ..turned(1, "two, edited", 70.0)
    };
    site.commit(vec![moved, turned(3, "four", 30.0)], vec![id[2].clone()])
        .await;
    let fourth = post(3, "").post.id;
    assert_eq!(similar().await, [fourth, id[1].clone()]);
}
