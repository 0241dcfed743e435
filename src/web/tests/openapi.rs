//! The description of the API against what the API answers.

use jsonschema::Validator;
use serde_json::{Value, json};

use super::site::{Reply, Site, declared_endpoint, post, scored};
use crate::domain::{Customer, CustomerId, Identity, SentimentLabel};
use crate::store::PostCommit;

async fn site() -> Site {
    let scored = PostCommit {
        analysis: Some(scored(SentimentLabel::Negative)),
        ..post(0, "My battery is dead")
    };
    Site::new(vec![scored, post(1, "A quiet ride")]).await
}

async fn description(site: &Site) -> Value {
    let reply = site.get_unknown("/api/v1/openapi.json").await;
    assert_eq!(reply.status, 200);
    reply.json()
}

/// The validator of an operation's answer with this status.
fn validator(description: &Value, operation: &Value, reply: &Reply) -> Validator {
    let answers = &operation["responses"];
    let class = format!("{}XX", reply.status / 100);
    let answer = [reply.status.to_string(), class]
        .iter()
        .find_map(|status| answers.get(status))
        .unwrap_or_else(|| panic!("{} is not described: {answers}", reply.status));
    let kind = if reply.status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    assert!(
        reply.head.contains(&format!("content-type: {kind}")),
        "{}",
        reply.head
    );
    let mut schema = answer["content"][kind]["schema"].clone();
    assert!(schema.is_object(), "no schema for {kind}: {answer}");
    schema["components"] = description["components"].clone();
    jsonschema::validator_for(&schema).unwrap()
}

fn check(description: &Value, path: &str, method: &str, reply: &Reply) {
    let operation = &description["paths"][path][method];
    assert!(operation.is_object(), "{method} {path} is not described");
    let validator = validator(description, operation, reply);
    let body = reply.json();
    let errors: Vec<String> = validator
        .iter_errors(&body)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{method} {path}: {errors:?} in {body}");
}

#[tokio::test]
async fn every_get_answers_what_is_described() {
    let site = site().await;
    let customer = Customer {
        id: CustomerId::parse("C-1").unwrap(),
        name: "Ann".to_owned(),
        segment: Some("gold".to_owned()),
        value: Some(12.5),
        tags: vec!["vip".to_owned()],
        identities: vec![Identity::Handle {
            network: "mastodon".to_owned(),
            handle: "ann@town.example".to_owned(),
        }],
    };
    let now = site.state.clock.now();
    site.state
        .store
        .import_customers(vec![customer], now)
        .await
        .unwrap();
    let description = description(&site).await;
    assert_eq!(description["openapi"], "3.1.0");
    let failed = crate::domain::Event::new(
        crate::domain::EventKind::SourceFailed,
        crate::domain::Subject::Source {
            id: super::site::source(),
        },
        1,
        super::site::NOW.parse().unwrap(),
    );
    let event = failed.id.to_string();
    site.state.store.add_events(vec![failed]).await.unwrap();
    let declared = crate::web::Declared {
        endpoints: vec![declared_endpoint("crm")],
        ..crate::web::Declared::default()
    };
    site.declared.send(declared.into()).unwrap();
    let known = [
        ("/api/v1/deliveries/{id}", event),
        ("/api/v1/mentions/{id}", post(0, "").post.id.to_string()),
        ("/api/v1/customers/{id}", "C-1".to_owned()),
        ("/api/v1/endpoints/{id}", "crm".to_owned()),
    ];
    let paths = description["paths"].as_object().unwrap();
    let mut asked = 0;
    for (path, operations) in paths {
        let answer = &operations["get"]["responses"]["200"]["content"];
        // Streams and files have tests of their own; all others answer JSON.
        if answer.get("application/json").is_none() || answer.get("text/html").is_some() {
            continue;
        }
        asked += 1;
        let id = known.iter().find(|(known, _)| known == path);
        assert_eq!(path.contains('{'), id.is_some(), "give an id for {path}");
        let concrete = path.replace("{id}", id.map_or("", |(_, id)| id));
        let query = match path.as_str() {
            "/api/v1/search" => "?q=battery&facets=true&histogram=true&limit=1",
            "/api/v1/counts" => "?q=battery&q=a+AND",
            _ => "",
        };
        let reply = site.get(&format!("{concrete}{query}")).await;
        assert_eq!(reply.status, 200, "{concrete}: {}", reply.body);
        check(&description, path, "get", &reply);

        let stranger = site.get_unknown(&format!("{concrete}{query}")).await;
        assert_eq!(stranger.status, 401, "{concrete}");
        check(&description, path, "get", &stranger);
        let nonsense = site.get(&format!("{concrete}?surprise=1")).await;
        if nonsense.status != 200 {
            check(&description, path, "get", &nonsense);
        }
    }
    assert!(asked >= 7, "{asked}");
}

/// Every reference within a part of the description.
fn references(part: &Value, found: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            found.extend(
                fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| references(part, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let site = site().await;
    let description = description(&site).await;
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(found.len() > 20, "{found:?}");
    let is_lost = |reference: &&String| {
        let pointer = reference.strip_prefix('#').unwrap();
        description.pointer(pointer).is_none()
    };
    let lost: Vec<&String> = found.iter().filter(is_lost).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem() {
    let site = site().await;
    let description = description(&site).await;
    let id = post(0, "").post.id;
    let correct = format!("/api/v1/mentions/{id}/correction");
    let json = "Content-Type: application/json";
    let huge = format!("{{\"sentiment\": \"{}\"}}", "x".repeat(70_000));
    for (path, real, header, body, status) in [
        (
            "/api/v1/mentions/{id}/correction",
            correct.as_str(),
            json,
            "{",
            400,
        ),
        (
            "/api/v1/mentions/{id}/correction",
            &correct,
            json,
            "\"x\"",
            422,
        ),
        (
            "/api/v1/mentions/{id}/correction",
            &correct,
            json,
            "{\"mood\": 1}",
            422,
        ),
        (
            "/api/v1/mentions/{id}/correction",
            &correct,
            json,
            "{\"sentiment\": \"sad\"}",
            422,
        ),
        (
            "/api/v1/mentions/{id}/correction",
            &correct,
            json,
            "{}",
            400,
        ),
        (
            "/api/v1/mentions/{id}/correction",
            &correct,
            "X: y",
            "{}",
            415,
        ),
        (
            "/api/v1/mentions/{id}/correction",
            &correct,
            json,
            &huge,
            413,
        ),
        (
            "/api/v1/tokens",
            "/api/v1/tokens",
            json,
            "{\"name\": 1}",
            422,
        ),
        (
            "/api/v1/sources/{id}/resume",
            "/api/v1/sources/a%20b/resume",
            json,
            "",
            404,
        ),
        (
            "/api/v1/deliveries/replay",
            "/api/v1/deliveries/replay?event=x",
            json,
            "",
            400,
        ),
        (
            "/api/v1/deliveries/replay",
            "/api/v1/deliveries/replay?evnt=x",
            json,
            "",
            400,
        ),
        (
            "/api/v1/customers/import",
            "/api/v1/customers/import",
            "X: y",
            "",
            415,
        ),
    ] {
        let headers = [site.bearer(), header.to_owned()];
        let reply = site.send(&format!("POST {real}"), &headers, body).await;
        assert_eq!(reply.status, status, "{real} {body:.40}: {}", reply.body);
        check(&description, path, "post", &reply);
    }
    let good = site
        .send(
            &format!("POST {correct}"),
            &[site.bearer(), json.to_owned()],
            "{\"urgency\": 2}",
        )
        .await;
    assert_eq!(good.status, 200, "{}", good.body);
    check(
        &description,
        "/api/v1/mentions/{id}/correction",
        "post",
        &good,
    );
    let wrong = site.send("PUT /api/v1/search", &[site.bearer()], "").await;
    assert_eq!(wrong.status, 405);
    assert_eq!(wrong.json()["title"], json!("method not allowed"));
}
