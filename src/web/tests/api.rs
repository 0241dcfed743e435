//! The API: shapes, errors, pages, commands.

use std::collections::HashSet;

use serde_json::json;

use super::site::{Site, post, scored};
use crate::domain::{Identity, SentimentLabel};
use crate::store::PostCommit;
use crate::web::Command;

fn negative(n: u32, text: &str) -> PostCommit {
    PostCommit {
        analysis: Some(scored(SentimentLabel::Negative)),
        ..post(n, text)
    }
}

#[tokio::test]
async fn many_queries_are_counted_at_once() {
    let site = Site::new(vec![post(0, "My battery"), post(1, "A quiet ride")]).await;
    let reply = site
        .get("/api/v1/counts?q=battery&q=*&q=a+AND&q=%22quiet+ride%22")
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let counts = reply.json();
    let totals: Vec<_> = counts
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count["total"].as_u64())
        .collect();
    assert_eq!(totals, [Some(1), Some(2), None, Some(1)]);
    assert!(
        counts[2]["error"]
            .as_str()
            .unwrap()
            .contains("nothing stands after AND")
    );
    assert_eq!(site.get("/api/v1/counts").await.status, 400);
    let many = "q=a&".repeat(21);
    assert_eq!(
        site.get(&format!("/api/v1/counts?{many}")).await.status,
        400
    );
    assert_eq!(site.get_unknown("/api/v1/counts?q=a").await.status, 401);
}

#[tokio::test]
async fn a_search_answers_facets_and_a_histogram_when_asked() {
    let site = Site::new(vec![negative(0, "My battery"), post(1, "battery, too")]).await;
    let answer = site
        .get("/api/v1/search?q=battery&facets=true&histogram=true&limit=1")
        .await
        .json();
    let facets = answer["facets"].as_array().unwrap();
    let sentiment = facets
        .iter()
        .find(|facet| facet["field"] == "sentiment")
        .unwrap();
    assert_eq!(
        sentiment["values"],
        json!([{"value": "negative", "count": 1}])
    );
    let bars = answer["histogram"]["bars"].as_array().unwrap();
    assert_eq!(
        bars.iter()
            .filter_map(|bar| bar["count"].as_u64())
            .sum::<u64>(),
        2
    );
    let plain = site.get("/api/v1/search?q=battery").await.json();
    assert!(plain.get("facets").is_none() && plain.get("histogram").is_none());
    assert_eq!(site.get("/api/v1/search?q=a&sort=best").await.status, 400);
    assert_eq!(
        site.get("/api/v1/search?q=a&sort=engagement").await.status,
        200
    );
}

#[tokio::test]
async fn a_search_answers_hits_with_marks_and_all_that_is_known() {
    let site = Site::new(vec![
        negative(0, "My battery is dead again"),
        post(1, "A quiet ride"),
    ])
    .await;
    let reply = site.get("/api/v1/search?q=battery").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
    let answer = reply.json();
    assert_eq!(answer["total"], 1);
    assert_eq!(answer["query"], "battery");
    assert!(answer["took_ms"].as_f64().unwrap() >= 0.0);
    assert_eq!(answer.get("next_cursor"), None);
    let hit = &answer["hits"][0];
    let expected = json!([
        {"text": "My ", "marked": false},
        {"text": "battery", "marked": true},
        {"text": " is dead again", "marked": false},
    ]);
    assert_eq!(hit["snippet"], expected);
    let mention = &hit["mention"];
    let id = post(0, "").post.id;
    assert_eq!(mention["id"], id.as_str());
    assert_eq!(mention["mention_id"], id.mention().as_str());
    assert_eq!(mention["author"]["handle"], "ann@town.example");
    assert_eq!(mention["analysis"]["sentiment"]["label"], "negative");
    assert_eq!(mention["analysis"]["intents"][0]["label"], "complaint");
    assert_eq!(mention["monitors"], json!(["volta"]));
    assert_eq!(mention["engagement"]["likes"], json!(null));
}

#[tokio::test]
async fn a_bad_query_is_a_problem_that_shows_the_place() {
    let site = Site::new(vec![]).await;
    let reply = site.get("/api/v1/search?q=a%20AND").await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    let problem = reply.json();
    assert_eq!(problem["status"], 400);
    assert_eq!(problem["position"], 5);
    assert!(
        problem["rendering"].as_str().unwrap().contains('^'),
        "{problem}"
    );
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    for path in [
        "/api/v1/search?limit=0",
        "/api/v1/search?limit=9999",
        "/api/v1/search?cursor=x",
        "/api/v1/search?sort=x",
        "/api/v1/search?colour=red",
    ] {
        let reply = site.get(path).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (400, Some("application/problem+json")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn pages_hold_every_hit_once_in_a_stable_order() {
    let posts = (0..23).map(|n| post(n, "volta again")).collect();
    let site = Site::new(posts).await;
    let mut path = "/api/v1/search?q=volta&limit=10".to_owned();
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let answer = site.get(&path).await.json();
        assert_eq!(answer["total"], 23);
        let hits = answer["hits"].as_array().unwrap();
        sizes.push(hits.len());
        ids.extend(
            hits.iter()
                .map(|hit| hit["mention"]["id"].as_str().unwrap().to_owned()),
        );
        match answer["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/search?q=volta&limit=10&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(sizes, [10, 10, 3]);
    let newest_first: Vec<_> = (0..23).map(|n| post(n, "").post.id.to_string()).collect();
    assert_eq!(ids, newest_first);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 23);
}

#[tokio::test]
async fn a_mention_is_found_by_either_id_and_nothing_else_is() {
    let site = Site::new(vec![post(0, "hello")]).await;
    let id = post(0, "").post.id;
    for path in [
        format!("/api/v1/mentions/{id}"),
        format!("/api/v1/mentions/{}", id.mention()),
    ] {
        let reply = site.get(&path).await;
        assert_eq!(
            (reply.status, reply.json()["text"].as_str()),
            (200, Some("hello"))
        );
    }
    let unknown = post(9, "").post.id;
    for path in [
        format!("/api/v1/mentions/{unknown}"),
        "/api/v1/mentions/12".to_owned(),
        "/api/v1/customers/C-1".to_owned(),
        "/api/v1/nothing".to_owned(),
    ] {
        let reply = site.get(&path).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (404, Some("application/problem+json")),
            "{path}"
        );
    }
    let reply = site
        .send("DELETE /api/v1/search", &[site.bearer()], "")
        .await;
    assert_eq!(reply.status, 405);
}

#[tokio::test]
async fn imported_customers_are_linked_and_have_a_timeline() {
    let site = Site::new(vec![post(0, "hello"), post(1, "again")]).await;
    let csv = "id,name,segment,handles\nC-1,Ann,gold,mastodon:@ann@town.example\n,nobody,,\n";
    let headers = [
        site.bearer(),
        "Content-Type: text/csv; charset=utf-8".to_owned(),
    ];
    // More than other requests may bring.
    let csv = format!("{csv}{}", "\n".repeat(200_000));
    let reply = site
        .send("POST /api/v1/customers/import", &headers, &csv)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let outcome = reply.json();
    assert_eq!(
        (
            &outcome["created"],
            &outcome["linked"],
            &outcome["rejected"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(outcome["rejects"][0]["line"], 3);

    let customer = site.get("/api/v1/customers/C-1").await.json();
    assert_eq!(
        (&customer["name"], &customer["segment"]),
        (&json!("Ann"), &json!("gold"))
    );
    let identity = Identity::Handle {
        network: "mastodon".into(),
        handle: "ann@town.example".into(),
    };
    assert_eq!(customer["identities"], json!([identity]));
    let texts: Vec<_> = customer["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["hello", "again"]);
    assert_eq!(customer["timeline"][0]["customer"]["origin"], "rule");

    let headers = [site.bearer(), "Content-Type: text/csv".to_owned()];
    let csv = "id,name,emails\nC-2,Zoë Berg,zoe@b.example\nC-3,Ben,\n";
    let more = site.send("POST /api/v1/customers/import", &headers, csv);
    assert_eq!(more.await.status, 200);
    let found = async |query: &str| {
        let reply = site.get(&format!("/api/v1/customers?{query}")).await.json();
        let customers = reply["customers"].as_array().unwrap();
        let ids = customers
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), reply["next_cursor"].clone())
    };
    let two = vec!["C-1".to_owned(), "C-2".to_owned()];
    assert_eq!(found("limit=2").await, (two, json!("C-2")));
    let last = (vec!["C-3".to_owned()], json!(null));
    assert_eq!(found("limit=2&cursor=C-2").await, last);
    for (query, id) in [
        ("q=BERG", "C-2"),
        ("q=zoe%40B", "C-2"),
        ("q=c-3", "C-3"),
        ("q=%20ann%40town", "C-1"),
    ] {
        assert_eq!(
            found(query).await,
            (vec![id.to_owned()], json!(null)),
            "{query}"
        );
    }
    assert_eq!(found("q=%25").await.0.len(), 0, "no wildcards");
    assert_eq!(site.get("/api/v1/customers?limit=501").await.status, 400);

    let headers = [site.bearer(), "Content-Type: image/png".to_owned()];
    let reply = site
        .send("POST /api/v1/customers/import", &headers, "x")
        .await;
    assert_eq!(reply.status, 415);
}

#[tokio::test]
async fn a_person_has_the_last_word_on_a_mention() {
    let site = Site::new(vec![
        negative(0, "My battery is dead again"),
        post(1, "A quiet ride"),
    ])
    .await;
    let id = |n| post(n, "").post.id.mention();
    let correct = async |n, body: &str| {
        let headers = [site.bearer(), "Content-Type: application/json".to_owned()];
        let request = format!("POST /api/v1/mentions/{}/correction", id(n));
        site.send(&request, &headers, body).await
    };
    let reply = correct(0, r#"{"sentiment": "positive", "urgency": 3}"#).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let analysis = &reply.json()["analysis"];
    assert_eq!(
        (&analysis["sentiment"]["label"], &analysis["urgency"]),
        (&json!("positive"), &json!(3))
    );
    let mention = site
        .get(&format!("/api/v1/mentions/{}", id(0)))
        .await
        .json();
    assert_eq!(mention["analysis"], *analysis);
    let reply = correct(0, r#"{"intents": ["moan"]}"#).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.contains("is not an intent"), "{}", reply.body);
    assert_eq!(correct(0, "{}").await.status, 400);
    assert_eq!(correct(0, r#"{"mood": 1}"#).await.status, 422);
    assert_eq!(correct(1, r#"{"sentiment": "neutral"}"#).await.status, 409);
    let unknown = format!(
        "POST /api/v1/mentions/mention_{}/correction",
        "0".repeat(32)
    );
    let headers = [site.bearer(), "Content-Type: application/json".to_owned()];
    assert_eq!(
        site.send(&unknown, &headers, r#"{"urgency": 1}"#)
            .await
            .status,
        404
    );
    let nobody = ["Content-Type: application/json".to_owned()];
    assert_eq!(
        site.send(&unknown, &nobody, r#"{"urgency": 1}"#)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn commands_reach_the_application_and_its_answer_the_client() {
    let mut site = Site::new(vec![]).await;
    let commands = std::mem::replace(&mut site.commands, tokio::sync::mpsc::channel(1).1);
    let application = async {
        let mut commands = commands;
        for _ in 0..2 {
            match commands.recv().await.unwrap() {
                Command::RebuildIndex(reply) => reply.send(Ok("rebuilding".to_owned())).unwrap(),
                Command::Reload(reply) => {
                    reply.send(Err("line 3: unknown key".to_owned())).unwrap()
                }
                other => panic!("nobody asked for {other:?}"),
            }
        }
    };
    let client = async {
        let headers = [site.bearer()];
        let rebuilt = site.send("POST /api/v1/index/rebuild", &headers, "").await;
        assert_eq!(
            (rebuilt.status, &rebuilt.json()["message"]),
            (202, &json!("rebuilding"))
        );
        let reloaded = site.send("POST /api/v1/reload", &headers, "").await;
        assert_eq!(
            (reloaded.status, &reloaded.json()["detail"]),
            (409, &json!("line 3: unknown key"))
        );
    };
    tokio::join!(application, client);
    let gone = site.send("POST /api/v1/reload", &[site.bearer()], "").await;
    assert_eq!(gone.status, 503);
}

#[tokio::test]
async fn sources_and_monitors_join_configuration_and_store() {
    use crate::domain::{BrandRole, MonitorId, MonitorSummary, SourceId};
    use crate::web::{Declared, DeclaredSource};
    let site = Site::new(vec![]).await;
    let declared = |id: &str, enabled| DeclaredSource {
        id: SourceId::parse(id).unwrap(),
        kind: "feed".to_owned(),
        enabled,
    };
    site.declared.send_replace(std::sync::Arc::new(Declared {
        made_monitors: Vec::new(),
        monitors: vec![MonitorSummary {
            id: MonitorId::parse("volta").unwrap(),
            query: "volta".to_owned(),
            brand: None,
            role: BrandRole::Own,
        }],
        sources: vec![declared("blog", true), declared("quiet", false)],
        endpoints: Vec::new(),
    }));
    let sources = site.get("/api/v1/sources").await.json();
    let states: Vec<_> = sources["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| {
            (
                source["id"].as_str().unwrap(),
                source["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("blog", "waiting"),
            ("quiet", "disabled"),
            ("town", "removed")
        ]
    );
    let monitors = site.get("/api/v1/monitors").await.json();
    let expected =
        json!([{"id": "volta", "query": "volta", "brand": null, "role": "own", "origin": "file"}]);
    assert_eq!(monitors["monitors"], expected);
}

#[tokio::test]
async fn an_answer_that_did_not_change_is_not_sent_again() {
    let site = Site::new(vec![negative(0, "My battery"), post(1, "A quiet ride")]).await;
    let id = post(0, "").post.id;
    for path in [
        "/api/v1/search?q=battery&facets=true".to_owned(),
        "/api/v1/monitors".to_owned(),
        format!("/api/v1/mentions/{id}"),
    ] {
        let first = site.get(&path).await;
        let tag = first
            .head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap()
            .to_owned();
        assert!(first.head.contains("cache-control: private, no-cache"));
        let again = async |tags: &str| {
            let header = format!("If-None-Match: {tags}");
            site.send(&format!("GET {path}"), &[site.bearer(), header], "")
                .await
        };
        for tags in [tag.clone(), format!("\"x\", {tag}"), "*".to_owned()] {
            let reply = again(&tags).await;
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (304, ""),
                "{path} {tags}"
            );
            assert!(
                reply.head.contains(&format!("etag: {tag}")),
                "{}",
                reply.head
            );
        }
        assert_eq!(again("\"x\"").await.status, 200, "{path}");
    }
    // What changed has another tag.
    let path = format!("/api/v1/mentions/{id}");
    let before = site.get(&path).await.head;
    let json = "Content-Type: application/json".to_owned();
    let correct = format!("POST {path}/correction");
    let corrected = site
        .send(&correct, &[site.bearer(), json], "{\"urgency\": 3}")
        .await;
    assert_eq!(corrected.status, 200, "{}", corrected.body);
    let tag = |head: &str| {
        head.lines()
            .find(|line| line.starts_with("etag: "))
            .map(str::to_owned)
    };
    assert_ne!(tag(&before), tag(&site.get(&path).await.head));
}
