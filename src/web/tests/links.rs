//! Customers found, and a person's word on who an author is.

use super::site::*;
use crate::domain::{Customer, CustomerId};

fn customer(id: &str, name: &str) -> Customer {
    Customer {
        id: CustomerId::parse(id).unwrap(),
        name: name.to_owned(),
        identities: Vec::new(),
        segment: Some("gold".to_owned()),
        value: None,
        tags: Vec::new(),
    }
}

/// A site with a mention and two customers; the mention's author and address.
async fn site_with_customers() -> (Site, String, String) {
    let mention = post(1, "battery");
    let author = mention.post.author_id().unwrap().to_string();
    let id = mention.post.id.mention().to_string();
    let site = Site::new(vec![mention]).await;
    let now = site.state.clock.now();
    let customers = vec![customer("C 1", "Ann <b>"), customer("C-2", "Bob")];
    let imported = site.state.store.import_customers(customers, now);
    imported.await.unwrap();
    (site, author, id)
}

#[tokio::test]
async fn a_person_links_and_refuses_and_is_not_overruled() {
    let (site, author, id) = site_with_customers().await;
    let json = [site.bearer(), "Content-Type: application/json".to_owned()];
    let decide = async |customer: &str, linked: bool| {
        let body =
            format!("{{\"author\":\"{author}\",\"customer\":\"{customer}\",\"linked\":{linked}}}");
        site.send("POST /api/v1/links", &json, &body).await.status
    };
    let known = async || {
        let mention = site.get(&format!("/api/v1/mentions/{id}")).await.json();
        mention["customer"]["id"].clone()
    };
    assert_eq!(known().await, serde_json::Value::Null);
    assert_eq!(decide("C-2", true).await, 200);
    assert_eq!(known().await, "C-2");
    assert_eq!(decide("C-2", false).await, 200);
    assert_eq!(known().await, serde_json::Value::Null);
    assert_eq!(decide("C-9", true).await, 404);
    assert_eq!(
        site.get("/api/v1/links").await.json()["links"],
        serde_json::json!([])
    );

    // The same by the page's form, which comes back to where it was.
    let form = [
        site.bearer(),
        "Content-Type: application/x-www-form-urlencoded".to_owned(),
    ];
    for (back, to) in [
        (format!("/mentions/{id}"), format!("/mentions/{id}")),
        ("https://evil.example/".to_owned(), "/customers".to_owned()),
    ] {
        let body = format!("author={author}&customer=C+1&linked=true&back={back}");
        let reply = site.send("POST /customers/links", &form, &body).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (303, Some(to.as_str()))
        );
    }
    assert_eq!(known().await, "C 1");
    let page = site.get(&format!("/mentions/{id}")).await.body;
    assert!(page.contains("It is somebody else") && page.contains("decided by a person"));
}

#[tokio::test]
async fn customers_are_found_on_the_page() {
    let (site, _, id) = site_with_customers().await;
    let all = site.get("/customers").await.body;
    assert!(
        all.contains("Ann &#60;b&#62;") && all.contains("/customers/C%201"),
        "{all}"
    );
    let found = site.get("/customers?q=bob").await.body;
    assert!(found.contains("C-2") && !found.contains("Ann"));
    assert!(
        site.get("/customers?q=%22%3E%3Cb")
            .await
            .body
            .contains("Nobody found")
    );
    let page = site.get(&format!("/mentions/{id}")).await.body;
    assert!(page.contains("name=\"linked\" value=\"true\""), "{page}");
}
