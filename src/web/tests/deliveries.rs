//! Deliveries and endpoints by API, and the page's buttons.

use super::site::*;
use crate::domain::{EndpointId, Event, EventKind, Subject};
use crate::store::Queued;
use crate::web::{Command, Declared};

/// A site with one endpoint for which one event waits; the event's id.
async fn waiting() -> (Site, String) {
    let mut mention = post(1, "battery");
    let id = mention.post.id.mention();
    let now = NOW.parse().unwrap();
    let event = Event::new(EventKind::MentionCreated, Subject::Mention { id }, 0, now);
    let id = event.id.clone();
    mention.events.push(event);
    let site = Site::new(vec![mention]).await;
    let crm = EndpointId::parse("crm").unwrap();
    let queued = Queued { seq: 1, lane: None };
    site.state
        .store
        .enqueue(&crm, 1, vec![queued], now)
        .await
        .unwrap();
    let declared = Declared {
        endpoints: vec![declared_endpoint("crm")],
        ..Declared::default()
    };
    site.declared.send(declared.into()).unwrap();
    (site, id.to_string())
}

#[tokio::test]
async fn pages_of_deliveries_hold_each_once_over_all_endpoints() {
    let now = NOW.parse().unwrap();
    let mentions = (1..=5).map(|n| {
        let mut mention = post(n, "battery");
        let id = mention.post.id.mention();
        let event = Event::new(EventKind::MentionCreated, Subject::Mention { id }, 0, now);
        mention.events.push(event);
        mention
    });
    let site = Site::new(mentions.collect()).await;
    let names = ["bi", "crm", "idle"];
    for name in &names[..2] {
        let endpoint = EndpointId::parse(*name).unwrap();
        let queued = (1..=5).map(|seq| Queued { seq, lane: None }).collect();
        let store = &site.state.store;
        store.enqueue(&endpoint, 5, queued, now).await.unwrap();
    }
    let declared = Declared {
        endpoints: names.map(declared_endpoint).into(),
        ..Declared::default()
    };
    site.declared.send(declared.into()).unwrap();
    let list = async |more: &str| {
        let path = format!("/api/v1/deliveries?{more}");
        let page = site.get(&path).await.json();
        let place = |delivery: &serde_json::Value| {
            let text = |name: &str| delivery[name].as_str().unwrap().to_owned();
            (text("event"), text("endpoint"))
        };
        let deliveries = page["deliveries"].as_array().unwrap();
        let places: Vec<_> = deliveries.iter().map(place).collect();
        (places, page["next_cursor"].as_str().map(str::to_owned))
    };
    let (all, end) = list("limit=10").await;
    assert_eq!((all.len(), end), (10, None));
    assert_eq!(all[0].0, all[1].0);
    assert_eq!((&*all[0].1, &*all[1].1), ("bi", "crm"));
    for limit in [1, 3, 9] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let (page, next) = list(&format!("limit={limit}{cursor}")).await;
            seen.extend(page);
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, all, "limit {limit}");
    }
}

#[tokio::test]
async fn deliveries_are_listed_and_shown() {
    let (site, event) = waiting().await;
    let listed = site.get("/api/v1/deliveries?state=pending").await.json();
    assert_eq!(listed["deliveries"][0]["event"], event.as_str());
    assert_eq!(listed["deliveries"][0]["endpoint"], "crm");
    let none = site.get("/api/v1/deliveries?endpoint=crm&state=dead").await;
    assert_eq!(none.json()["deliveries"].as_array().unwrap().len(), 0);
    let shown = site
        .get(&format!("/api/v1/deliveries/{event}"))
        .await
        .json();
    assert_eq!(shown["type"], "mention.created");
    assert_eq!(shown["deliveries"][0]["state"], "pending");
    for (path, status) in [
        ("/api/v1/deliveries?endpoint=nobody", 404),
        ("/api/v1/deliveries?state=lost", 400),
        ("/api/v1/deliveries?limit=0", 400),
        ("/api/v1/deliveries?cursor=7", 400),
        (
            "/api/v1/deliveries/evt_00000000000000000000000000000000",
            404,
        ),
        ("/api/v1/deliveries/x", 404),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn an_endpoint_is_paused_and_resumed_by_api_and_page() {
    let (mut site, _) = waiting().await;
    let state = async |site: &Site| {
        let told = site.get("/api/v1/endpoints").await.json();
        told["endpoints"][0].clone()
    };
    let told = state(&site).await;
    assert_eq!(
        (&told["state"], &told["waiting"]),
        (&"active".into(), &1.into())
    );
    let bearer = [site.bearer()];
    let pause = "POST /api/v1/endpoints/crm/pause";
    assert_eq!(site.send(pause, &bearer, "").await.status, 200);
    let again = site.send(pause, &bearer, "").await.json();
    assert!(again["message"].as_str().unwrap().contains("already"));
    let told = state(&site).await;
    assert_eq!(
        (&told["state"], &told["since"]),
        (&"paused".into(), &NOW.into())
    );
    let page = site.get("/deliveries").await.body;
    assert!(page.contains("/deliveries/crm/resume") && !page.contains("/deliveries/crm/pause"));

    let resumed = site.send("POST /deliveries/crm/resume", &bearer, "").await;
    assert!(matches!(site.commands.try_recv(), Ok(Command::Wake)));
    assert_eq!(
        (resumed.status, resumed.header("location")),
        (303, Some("/deliveries"))
    );
    assert_eq!(state(&site).await["state"], "active");
    let page = site.get("/deliveries").await.body;
    assert!(page.contains("/deliveries/crm/pause") && !page.contains("/deliveries/crm/resume"));
    let nobody = site
        .send("POST /api/v1/endpoints/nobody/pause", &bearer, "")
        .await;
    assert_eq!(nobody.status, 404);
}
