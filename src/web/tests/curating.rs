//! What a team does with many mentions: searches that are kept, corrections of several at once.

use serde_json::json;

use super::site::*;
use crate::domain::SentimentLabel;
use crate::store::PostCommit;

async fn sent(site: &Site, headers: [String; 2], request: &str, body: &str) -> Reply {
    site.send(request, &headers, body).await
}

async fn site() -> Site {
    let scored = |n, text| PostCommit {
        analysis: Some(scored(SentimentLabel::Negative)),
        ..post(n, text)
    };
    Site::new(vec![
        scored(0, "My battery is dead"),
        scored(1, "The battery swelled"),
        post(2, "A quiet battery"),
    ])
    .await
}

fn json_of(site: &Site) -> [String; 2] {
    [site.bearer(), "Content-Type: application/json".to_owned()]
}

fn form_of(site: &Site) -> [String; 2] {
    let kind = "Content-Type: application/x-www-form-urlencoded";
    [site.bearer(), kind.to_owned()]
}

#[tokio::test]
async fn a_search_is_kept_counted_shown_and_forgotten() {
    let site = site().await;
    let put = async |name: &str, body: &str| {
        let request = format!("PUT /api/v1/searches/{name}");
        sent(&site, json_of(&site), &request, body).await
    };
    let dead = r#"{"query": " battery dead ", "scope": "all"}"#;
    assert_eq!(put("Dead%20%3Cb%3E", dead).await.status, 201);
    assert_eq!(put("Dead%20%3Cb%3E", dead).await.status, 200);
    for (name, body, status, words) in [
        (
            "a",
            r#"{"query": "a AND"}"#,
            400,
            "nothing stands after AND",
        ),
        ("a", r#"{"range": "5y"}"#, 400, "a range is"),
        ("a", r#"{"scope": "some"}"#, 400, "the scope is"),
        ("a", r#"{"sort": "colour"}"#, 400, "sort is one of"),
        ("%20", r#"{"query": "a"}"#, 400, "a search's name"),
        ("a", r#"{"colour": "red"}"#, 422, "colour"),
    ] {
        let reply = put(name, body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.body);
        assert!(reply.body.contains(words), "{}", reply.body);
    }
    let kept = site.get("/api/v1/searches").await.json();
    let expected = json!([{"name": "Dead <b>", "query": "battery dead", "scope": "all"}]);
    assert_eq!(kept["searches"], expected);
    let counted = site.get("/api/v1/searches?counts=true").await.json();
    assert_eq!(counted["searches"][0]["total"], 1);

    // On the page: beside every page, marked where it is what is shown.
    let shown = site.get("/?q=battery+dead&scope=all").await.body;
    assert!(
        shown.contains("Forget the saved search “Dead &#60;b&#62;”"),
        "{shown}"
    );
    let link = "href=\"/?q=battery+dead&#38;scope=all\"";
    assert!(shown.contains(&format!("{link} aria-current")), "{shown}");
    assert!(site.get("/monitors").await.body.contains(link));
    let other = site.get("/?q=battery").await.body;
    assert!(other.contains("Save this search as"), "{other}");
    assert!(!site.get("/").await.body.contains("Save this search as"));

    let send = async |path: &str, body: &str| {
        let reply = sent(&site, form_of(&site), &format!("POST {path}"), body).await;
        (reply.status, reply.header("location").map(str::to_owned))
    };
    let saved = send("/searches", "name=Week&q=battery&range=7d").await;
    assert_eq!(saved, (303, Some("/?q=battery&range=7d".to_owned())));
    assert_eq!(send("/searches", "name=Bad&q=%28").await.0, 400);
    assert_eq!(send("/searches", "name=Week+&q=charger").await.0, 409);
    assert_eq!(send("/searches/remove", "name=Week").await.0, 303);
    assert_eq!(send("/searches/remove", "name=Week").await.0, 404);
    let request = "DELETE /api/v1/searches/Dead%20%3Cb%3E";
    let gone = sent(&site, json_of(&site), request, "").await;
    assert_eq!(gone.status, 200);
    let kept = site.get("/api/v1/searches").await.json();
    assert_eq!(kept, json!({"searches": []}));
    let log = site.get("/api/v1/audit?limit=5").await.json();
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries[2]["action"], "POST /searches/remove", "{log}");
    assert_eq!(entries[2]["subject"], "Week");
}

#[tokio::test]
async fn no_more_searches_are_kept_than_a_person_can_tell_apart() {
    let site = Site::new(vec![]).await;
    let put = async |n: usize| {
        let request = format!("PUT /api/v1/searches/s{n}");
        sent(&site, json_of(&site), &request, "{}").await.status
    };
    for n in 0..100 {
        assert_eq!(put(n).await, 201);
    }
    assert_eq!(put(100).await, 409);
    assert_eq!(put(99).await, 200);
}

#[tokio::test]
async fn several_mentions_are_corrected_at_once_and_each_is_noted() {
    let site = site().await;
    let id = |n| post(n, "").post.id.to_string();
    let send = async |body: serde_json::Value| {
        let request = "POST /api/v1/mentions/corrections";
        sent(&site, json_of(&site), request, &body.to_string()).await
    };
    let ids = json!([id(0), id(1), id(2), id(9)]);
    let reply = send(json!({"ids": ids, "correction": {"sentiment": "positive"}})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let reply = reply.json();
    assert_eq!(reply["corrected"], 2);
    let refused: Vec<_> = reply["refused"].as_array().unwrap().iter().collect();
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0]["id"], id(2));
    assert!(refused[0]["reason"].as_str().unwrap().contains("no score"));
    assert!(refused[1]["reason"].as_str().unwrap().contains("no such"));
    for n in [0, 1] {
        let mention = site.get(&format!("/api/v1/mentions/{}", id(n))).await;
        let label = &mention.json()["analysis"]["sentiment"]["label"];
        assert_eq!(*label, "positive");
    }
    let log = site.get("/api/v1/audit").await.json();
    let subjects: Vec<_> = log["entries"].as_array().unwrap().iter().rev().collect();
    assert_eq!(subjects.len(), 4, "{log}");
    assert_eq!(subjects[1]["subject"], id(1));
    let outcomes: Vec<_> = subjects.iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["200", "200", "409", "404"]);

    let many = vec![id(0); 501];
    for (body, status) in [
        (json!({"ids": [], "correction": {"urgency": 1}}), 400),
        (json!({"ids": many, "correction": {"urgency": 1}}), 400),
        (json!({"ids": ["7"], "correction": {"urgency": 1}}), 404),
        (json!({"ids": [id(0)], "correction": {}}), 400),
        (json!({"ids": [id(0)]}), 422),
    ] {
        assert_eq!(send(body.clone()).await.status, status, "{body:.80}");
    }
}

#[tokio::test]
async fn the_page_offers_what_can_be_corrected_and_comes_back() {
    let site = site().await;
    let inbox = site.get("/?q=battery&scope=all").await.body;
    assert_eq!(inbox.matches("form=\"bulk\"").count(), 2, "{inbox}");
    let id = |n| post(n, "").post.id.to_string();
    let send = async |body: &str| {
        let reply = sent(&site, form_of(&site), "POST /mentions/corrections", body).await;
        (reply.status, reply.header("location").map(str::to_owned))
    };
    let both = format!("id={}&id={}", id(0), id(1));
    let done = send(&format!("{both}&intents=spam&back=%2F%3Fq%3Dbattery")).await;
    assert_eq!(done, (303, Some("/?q=battery".to_owned())));
    let mention = site.get(&format!("/api/v1/mentions/{}", id(1))).await;
    let spam = mention.json()["analysis"]["intents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|intent| intent["present"] == true)
        .map(|intent| intent["label"].clone())
        .collect::<Vec<_>>();
    assert_eq!(spam, [json!("spam")]);
    // Another site's address is not followed; without a choice or a selection nothing is changed.
    let trap = send(&format!(
        "{both}&intents=spam&back=https%3A%2F%2Fevil.example"
    ))
    .await;
    assert_eq!(trap, (303, Some("/".to_owned())));
    assert_eq!(send("sentiment=positive").await.0, 400);
    assert_eq!(send(&both).await.0, 400);
    assert_eq!(send("id=nonsense&sentiment=positive").await.0, 404);
}
