//! polling.md 24, the side of the callbacks: what is told to whom, and what is believed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::site::*;
use crate::domain::{Hub, Push, Pushed, hex};
use crate::web::Command;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const TOPIC: &str = "https://volta.example/feed?a=1&b=2";
const ASK: &str = "hub.topic=https%3A%2F%2Fvolta.example%2Ffeed%3Fa%3D1%26b%3D2";

async fn subscribed() -> Site {
    let site = Site::new(vec![]).await;
    let hub = Hub {
        url: "https://hub.example/".to_owned(),
        topic: TOPIC.to_owned(),
    };
    let (store, now) = (&site.state.store, site.state.clock.now());
    let kept = store.keep_hub(
        "https://volta.example/feed",
        hub,
        KEY.into(),
        "secret".into(),
        now,
    );
    kept.await.unwrap();
    site
}

fn signed(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(body.as_bytes());
    let digits = hex(&mac.finalize().into_bytes());
    format!("X-Hub-Signature: sha256={digits}")
}

async fn lease(site: &Site) -> Option<i64> {
    let subscription = site.state.store.subscription(KEY).await.unwrap().unwrap();
    let until = subscription.leased_until?;
    Some(until.duration_since(site.state.clock.now()).as_secs())
}

#[tokio::test]
async fn item_24_a_challenge_is_answered_to_who_knows_key_and_topic() {
    let site = subscribed().await;
    let asked =
        async |key: &str, query: &str| site.get_unknown(&format!("/websub/{key}?{query}")).await;
    let wrong = [
        (
            KEY,
            "hub.mode=subscribe&hub.topic=x&hub.challenge=c".to_owned(),
        ),
        (KEY, format!("hub.mode=unsubscribe&{ASK}&hub.challenge=c")),
        (KEY, format!("hub.mode=subscribe&{ASK}")),
        (KEY, "hub.challenge=c".to_owned()),
        (KEY, String::new()),
        (
            "0123456789abcdef0123456789abcdee",
            format!("hub.mode=subscribe&{ASK}&hub.challenge=c"),
        ),
        ("%00", format!("hub.mode=subscribe&{ASK}&hub.challenge=c")),
    ];
    for (key, query) in wrong {
        let reply = asked(key, &query).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (404, ""),
            "{key} {query}"
        );
    }
    assert_eq!(lease(&site).await, None);
    let query = format!("hub.mode=subscribe&{ASK}&hub.challenge=%3Cb%3E%26&hub.lease_seconds=3600");
    let reply = asked(KEY, &query).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "<b>&"));
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    assert_eq!(lease(&site).await, Some(3_600));
    let denied = format!("hub.mode=denied&{ASK}&hub.reason=no");
    assert_eq!(asked(KEY, &denied).await.status, 200);
    let subscription = site.state.store.subscription(KEY).await.unwrap().unwrap();
    assert_eq!(
        subscription.error.unwrap(),
        "it denies the subscription: no"
    );
}

#[tokio::test]
async fn item_24_only_what_is_signed_reaches_the_application() {
    let mut site = subscribed().await;
    let mut commands = std::mem::replace(&mut site.commands, tokio::sync::mpsc::channel(1).1);
    let request = format!("POST /websub/{KEY}");
    let kind = "Content-Type: application/atom+xml".to_owned();
    // An accepted forgery looks like an accepted push, and is nothing.
    for headers in [
        vec![],
        vec![signed("other")],
        vec!["X-Hub-Signature: sha256=".to_owned()],
    ] {
        assert_eq!(site.send(&request, &headers, "<feed/>").await.status, 202);
    }
    assert!(commands.try_recv().is_err());
    let unknown = site
        .send("POST /websub/none", &[signed("<feed/>")], "<feed/>")
        .await;
    assert_eq!(unknown.status, 410);

    // More than other requests may bring.
    let feed = format!("<feed>{}</feed>", "x".repeat(200_000));
    let outcomes = [
        (Some(Ok(Pushed::Taken { new_posts: 1 })), 202),
        (Some(Ok(Pushed::Unreadable)), 202),
        (Some(Ok(Pushed::Unwanted)), 410),
        (Some(Err("the disk is full".to_owned())), 503),
        (None, 503),
    ];
    for (outcome, status) in outcomes {
        let application = async {
            let Some(Command::Push(push, answer)) = commands.recv().await else {
                panic!("no push");
            };
            let expected = Push {
                feed: "https://volta.example/feed".to_owned(),
                content_type: Some("application/atom+xml".to_owned()),
                body: feed.clone().into(),
            };
            assert_eq!(push, expected);
            match outcome {
                Some(outcome) => answer.send(outcome).unwrap(),
                None => drop(answer),
            }
        };
        let headers = [kind.clone(), signed(&feed)];
        let (reply, ()) = tokio::join!(site.send(&request, &headers, &feed), application);
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn item_24_a_push_without_end_is_refused() {
    let site = subscribed().await;
    let body = "x".repeat(10 * 1024 * 1024 + 1);
    let request = format!("POST /websub/{KEY}");
    let reply = site.send(&request, &[signed(&body)], &body).await;
    assert_eq!(reply.status, 413);
}
