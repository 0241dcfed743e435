//! Item 24: hubs. The fake server is feed and hub in one; what a hub does with our callback, the tests do.

use std::collections::HashMap;

use bytes::Bytes;

use super::*;
use crate::domain::{Push, Pushed, Subscription};
use crate::ingest::websub::{Subscriber, confirm, deny};

const PUBLIC: &str = "https://overheard.example/";

/// A feed `/feed` that names the hub `/hub`, which answers by `status`.
async fn guest(status: &'static str) -> Guest {
    Guest::of(move |_, arrived| {
        if arrived.line.starts_with("POST ") {
            return answer(status, &[], "no room");
        }
        let link = "Link: </hub>; rel=hub, <https://volta.example/feed>; rel=self";
        feed(&[link], &[1])
    })
    .await
}

impl Guest {
    fn subscriber(&self) -> Subscriber {
        let (world, fetcher) = (&self.world, self.parts.fetcher.clone());
        Subscriber::new(world.store.clone(), fetcher, world.clock.clone(), PUBLIC)
    }

    async fn subscription(&self) -> Option<Subscription> {
        let key = (source_id(), Some(self.key()));
        let standings = self.world.store.standings(vec![key]).await.unwrap();
        standings.into_iter().next().unwrap().subscription
    }

    fn key(&self) -> crate::domain::HttpKey {
        crate::domain::HttpKey {
            url: self.server.url("/feed").into(),
            credential: String::new(),
        }
    }

    /// The fields of each form that the hub got.
    fn forms(&self) -> Vec<HashMap<String, String>> {
        let log = self.server.log();
        let posts = log.iter().filter(|arrived| arrived.line == "POST /hub");
        let form = |arrived: &Arrived| {
            assert_eq!(
                arrived.header("content-type"),
                Some("application/x-www-form-urlencoded")
            );
            let pairs = url::form_urlencoded::parse(&arrived.body);
            pairs.into_owned().collect()
        };
        posts.map(form).collect()
    }

    async fn confirmed(&self, lease: u64) {
        let subscription = self.subscription().await.unwrap();
        confirm(&self.world.store, &subscription, Some(lease), self.now())
            .await
            .unwrap();
    }

    fn pushed(&self, items: &[u32]) -> Push {
        Push {
            feed: self.server.url("/feed").into(),
            content_type: Some("application/rss+xml".into()),
            body: Bytes::from(rss("", items)),
        }
    }
}

#[tokio::test]
async fn item_24_a_hub_is_asked_with_what_nobody_can_guess_and_again_before_the_lease_ends() {
    let guest = guest("202 Accepted").await;
    let (poller, subscriber) = (guest.feed(), guest.subscriber());
    guest.poll(&poller).await;
    let subscription = guest.subscription().await.unwrap();
    subscriber.ask_due().await.unwrap();
    subscriber.ask_due().await.unwrap();
    let forms = guest.forms();
    assert_eq!(forms.len(), 1);
    assert_eq!(forms[0]["hub.mode"], "subscribe");
    assert_eq!(forms[0]["hub.topic"], "https://volta.example/feed");
    assert_eq!(forms[0]["hub.secret"].len(), 64);
    let callback = format!("https://overheard.example/websub/{}", subscription.key);
    assert_eq!(forms[0]["hub.callback"], callback);
    assert_eq!(subscription.key.len(), 32, "128 bits");

    guest.confirmed(DAY).await;
    let subscription = guest.subscription().await.unwrap();
    assert_eq!(subscription.leased_until, Some(guest.later(DAY)));
    guest.advance(19 * HOUR);
    subscriber.ask_due().await.unwrap();
    assert_eq!(guest.forms().len(), 1);
    guest.advance(HOUR);
    subscriber.ask_due().await.unwrap();
    let forms = guest.forms();
    assert_eq!(forms.len(), 2);
    assert_eq!(forms[0], forms[1], "one callback, one secret");
}

#[tokio::test]
async fn item_24_another_public_url_is_told_to_the_hub() {
    let guest = guest("202 Accepted").await;
    guest.poll(&guest.feed()).await;
    guest.subscriber().ask_due().await.unwrap();
    guest.confirmed(DAY).await;
    let (world, fetcher) = (&guest.world, guest.parts.fetcher.clone());
    let elsewhere = Subscriber::new(
        world.store.clone(),
        fetcher,
        world.clock.clone(),
        "https://new.example",
    );
    elsewhere.ask_due().await.unwrap();
    elsewhere.ask_due().await.unwrap();
    let forms = guest.forms();
    assert_eq!(forms.len(), 2);
    assert!(forms[1]["hub.callback"].starts_with("https://new.example/websub/"));
}

#[tokio::test]
async fn item_24_a_hub_that_refuses_or_never_confirms_is_asked_less_and_less_and_told() {
    for status in ["404 Not Found", "202 Accepted"] {
        let guest = guest(status).await;
        let (poller, subscriber) = (guest.feed(), guest.subscriber());
        guest.poll(&poller).await;
        let began = guest.now();
        for _ in 0..4 * 24 * 3 {
            subscriber.ask_due().await.unwrap();
            guest.advance(15 * MINUTE);
        }
        let asked = guest.forms().len();
        assert!((6..=8).contains(&asked), "{asked} in three days");
        assert_eq!(guest.now().duration_since(began).as_secs(), 3 * DAY as i64);
        about(guest.poll(&poller).await, 18 * MINUTE + 45);
        let warning = guest.status().await.warning.unwrap();
        let says = if status == "202 Accepted" {
            "confirmed"
        } else {
            "404: no room"
        };
        assert!(warning.contains(says), "{warning}");
        // A word from the hub takes the warning away.
        guest.confirmed(DAY).await;
        guest.poll(&poller).await;
        assert_eq!(guest.status().await.warning, None);
    }
}

#[tokio::test]
async fn item_24_a_hub_that_wants_to_be_asked_later_is() {
    let guest = Guest::of(|_, arrived| {
        if arrived.line.starts_with("POST ") {
            return answer("503 Service Unavailable", &["Retry-After: 36000"], "");
        }
        feed(&["Link: </hub>; rel=hub"], &[1])
    })
    .await;
    guest.poll(&guest.feed()).await;
    let subscriber = guest.subscriber();
    for _ in 0..10 {
        subscriber.ask_due().await.unwrap();
        guest.advance(HOUR - MINUTE);
    }
    assert_eq!(guest.forms().len(), 1);
    let error = guest.subscription().await.unwrap().error.unwrap();
    assert!(error.contains("slow down"), "{error}");
}

#[tokio::test]
async fn item_24_a_denied_subscription_is_asked_for_again_after_a_day() {
    let guest = guest("202 Accepted").await;
    guest.poll(&guest.feed()).await;
    guest.subscriber().ask_due().await.unwrap();
    let subscription = guest.subscription().await.unwrap();
    deny(&guest.world.store, &subscription, "too\nmany", guest.now())
        .await
        .unwrap();
    let error = guest.subscription().await.unwrap().error.unwrap();
    assert_eq!(error, "it denies the subscription: toomany");
    guest.advance(DAY - 1);
    guest.subscriber().ask_due().await.unwrap();
    assert_eq!(guest.forms().len(), 1);
    guest.advance(1);
    guest.subscriber().ask_due().await.unwrap();
    assert_eq!(guest.forms().len(), 2);
}

#[tokio::test]
async fn item_24_pushes_take_the_way_of_a_poll_and_slow_polls_stay() {
    let guest = guest("202 Accepted").await;
    let poller = guest.feed();
    about(guest.poll(&poller).await, 15 * MINUTE);
    guest.confirmed(10 * DAY).await;
    about(guest.poll(&poller).await, 6 * HOUR);
    assert_eq!(
        guest.status().await.coverage.pushed_until,
        guest.subscription().await.unwrap().leased_until
    );

    let before = guest.requests();
    let taken = |new_posts| Pushed::Taken { new_posts };
    let due = guest.status().await.next_poll_at;
    for (items, new) in [(vec![2, 3], 2), (vec![2, 3], 0), (vec![1, 2, 3, 4], 1)] {
        let push = guest.pushed(&items);
        assert_eq!(poller.take_push(&push).await.unwrap(), taken(new));
    }
    assert_eq!((guest.posts().await, guest.requests()), (4, before));
    let status = guest.status().await;
    assert_eq!(status.coverage.pushed_at, Some(guest.now()));
    assert_eq!(status.coverage.news_at, Some(guest.now()));
    assert_eq!(status.next_poll_at, due, "a push plans nothing");
    // The feed still says 1 only: nothing new, no gap, nothing deleted.
    about(guest.poll(&poller).await, 7 * HOUR + 30 * MINUTE);
    assert_eq!(guest.posts().await, 4);
    assert_eq!(guest.status().await.coverage.gaps, 0);
}

#[tokio::test]
async fn item_24_who_keeps_news_to_themselves_is_not_relied_on() {
    let items: Arc<Mutex<Vec<u32>>> = Arc::new(Mutex::new(vec![1]));
    let shown = Arc::clone(&items);
    let guest = Guest::of(move |_, arrived| match arrived.line.starts_with("POST ") {
        true => answer("202 Accepted", &[], ""),
        false => feed(&["Link: </hub>; rel=hub"], &shown.lock().unwrap()),
    })
    .await;
    let poller = guest.feed();
    guest.poll(&poller).await;
    guest.confirmed(10 * DAY).await;
    about(guest.poll(&poller).await, 6 * HOUR);
    items.lock().unwrap().push(2);
    guest.poll(&poller).await;
    assert_eq!(guest.posts().await, 2);
    let next = guest.poll(&poller).await.unwrap();
    assert!(next < 5 * HOUR as i64, "{next} s");
    assert_eq!(guest.status().await.coverage.pushed_until, None);
    // What it sends now makes it good again; what is no feed does not.
    let mut push = guest.pushed(&[3]);
    push.body = Bytes::new();
    assert_eq!(poller.take_push(&push).await.unwrap(), Pushed::Unreadable);
    guest.poll(&poller).await;
    assert_eq!(guest.status().await.coverage.pushed_until, None);
    poller.take_push(&guest.pushed(&[3])).await.unwrap();
    about(guest.poll(&poller).await, 6 * HOUR);
}

#[tokio::test]
async fn item_24_a_hub_that_the_feed_names_no_more_is_forgotten_and_another_one_asked() {
    let link = Arc::new(Mutex::new("Link: </hub>; rel=hub"));
    let shown = Arc::clone(&link);
    let guest = Guest::of(move |_, _| feed(&["ETag: \"1\"", *shown.lock().unwrap()], &[1])).await;
    let poller = guest.feed();
    guest.poll(&poller).await;
    let first = guest.subscription().await.unwrap();
    guest.confirmed(DAY).await;
    guest.poll(&poller).await;
    assert_eq!(guest.subscription().await.unwrap().key, first.key);
    *link.lock().unwrap() = "Link: </other>; rel=hub";
    guest.poll(&poller).await;
    let second = guest.subscription().await.unwrap();
    assert!(second.hub.url.ends_with("/other"));
    assert_eq!(second.leased_until, None);
    assert_ne!((first.key, first.secret), (second.key, second.secret));
    *link.lock().unwrap() = "X-Link: none";
    guest.poll(&poller).await;
    assert_eq!(guest.subscription().await, None);
}

#[tokio::test]
async fn item_24_a_hub_on_a_private_network_is_never_asked() {
    let guest = Guest::of(|_, _| feed(&["Link: <http://10.1.2.3/hub>; rel=hub"], &[1])).await;
    guest.poll(&guest.feed()).await;
    guest.subscriber().ask_due().await.unwrap();
    let error = guest.subscription().await.unwrap().error.unwrap();
    assert!(error.contains("not public"), "{error}");
}
