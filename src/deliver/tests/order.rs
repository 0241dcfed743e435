//! Order, pause, thin bodies, the breaker, and the bound.

use jiff::tz::TimeZone;

use super::*;
use crate::config::{DeliverConfig, EndpointConfig, WebhookPayload};
use crate::domain::{Identity, SourceId};

/// An event of each of these mentions of one customer and one of nobody.
async fn events(world: &World, ids: &[&str]) -> Vec<String> {
    let mut events = Vec::new();
    for id in ids {
        events.push(world.mention(id, "a").await.to_string());
    }
    events
}

fn ordered(world: &World, receiver: &Receiver) -> EndpointConfig {
    EndpointConfig {
        ordered: true,
        events: vec![EventKind::MentionCreated],
        ..world.endpoint_config("crm", &receiver.url)
    }
}

fn ids(receiver: &Receiver) -> Vec<String> {
    let received = receiver.received();
    received
        .iter()
        .map(|request| request.id().to_owned())
        .collect()
}

/// The author of all posts here is a customer.
pub(super) async fn with_customer(world: &World) {
    let post = testing::post("0", "a");
    let handle = post.author.unwrap().handle.to_lowercase();
    let (mut customer, _) = testing::record("0", "a").customer.unwrap();
    customer.identities = vec![Identity::Handle {
        network: post.key.network,
        handle,
    }];
    let imported = world
        .store
        .import_customers(vec![customer], world.clock.now());
    imported.await.unwrap();
}

/// webhooks.md 11.
#[tokio::test]
async fn item_11_a_customers_events_never_overtake_each_other() {
    let mut world = World::new();
    let receiver = Receiver::start().await;
    let config = ordered(&world, &receiver);
    let dispatcher = world.dispatcher_of(&config);
    dispatcher.register().await.unwrap();
    let all = events(&world, &["1", "2", "3", "4"]).await;
    with_customer(&world).await;
    receiver.reply([Reply::Status(500, None)]);
    // Only the first goes out, and holds up the others.
    assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 4));
    assert_eq!(ids(&receiver), [all[0].clone()]);
    // Killed and started again it is no other.
    drop(dispatcher);
    world.reopen().await;
    let dispatcher = world.dispatcher_of(&config);
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 4));
    world.time.advance(Duration::from_secs(10));
    assert_eq!(settle(&dispatcher).await, counts(4, 0, 0, 0));
    assert_eq!(ids(&receiver)[1..], all[..]);
    let sequences: Vec<u64> = receiver.received()[1..]
        .iter()
        .map(|request| request.json()["sequence"].as_u64().unwrap())
        .collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
}

/// webhooks.md 11.
#[tokio::test]
async fn item_11_who_is_no_customer_holds_up_nobody() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher_of(&ordered(&world, &receiver));
    dispatcher.register().await.unwrap();
    events(&world, &["1", "2", "3"]).await;
    receiver.reply([Reply::Status(500, None)]);
    assert_eq!(settle(&dispatcher).await, counts(2, 1, 0, 1));
}

/// webhooks.md 11.
#[tokio::test]
async fn item_11_what_is_given_up_holds_up_no_longer() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher_of(&ordered(&world, &receiver));
    dispatcher.register().await.unwrap();
    events(&world, &["1", "2"]).await;
    with_customer(&world).await;
    let day = (world.clock.now() + jiff::SignedDuration::from_hours(30)).as_second();
    let too_long = (day - world.clock.now().as_second()).to_string();
    receiver.reply([Reply::Status(503, Some(("retry-after", too_long)))]);
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 1, 0));
}

/// Adds so many events, whatever they say.
pub(super) async fn backlog(world: &World, count: u64) {
    let source = SourceId::parse("acme-forum").unwrap();
    let failed = |number| {
        let subject = Subject::Source { id: source.clone() };
        Event::new(EventKind::SourceFailed, subject, number, world.clock.now())
    };
    let events = (0..count).map(failed).collect();
    assert_eq!(world.store.add_events(events).await.unwrap(), count);
}

/// How many events were received, none of them twice.
fn distinct(receiver: &Receiver) -> u64 {
    let (mut ids, all) = (ids(receiver), ids(receiver).len());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    all as u64
}

/// Rounds of a step follow each other while the attempts before are still being recorded.
#[tokio::test]
async fn a_backlog_of_many_rounds_goes_out_in_one_step_and_each_event_once() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    backlog(&world, 1_300).await;
    let Ok(StepOutcome::Worked(tally)) = dispatcher.step().await else {
        panic!("it does not work");
    };
    assert_eq!((tally.looked_at, tally.delivered), (1_300, 1_300));
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 0));
    assert_eq!(distinct(&receiver), 1_300);
}

/// Each looks up its first attempt while others are recorded.
#[tokio::test]
async fn a_backlog_that_was_refused_is_tried_again() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    backlog(&world, 1_300).await;
    (0..1_300).for_each(|_| receiver.reply_status(404));
    assert_eq!(settle(&dispatcher).await, counts(0, 1_300, 0, 1_300));
    world.time.advance(Duration::from_secs(60));
    assert_eq!(settle(&dispatcher).await, counts(1_300, 0, 0, 0));
    assert_eq!(receiver.received().len(), 2_600);
}

#[tokio::test]
async fn a_pause_in_the_middle_of_a_backlog_does_not_wait_for_its_end() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    backlog(&world, 2_600).await;
    let (crm, now) = (endpoint("crm"), world.clock.now());
    let paused = async {
        while receiver.received().is_empty() {
            tokio::task::yield_now().await;
        }
        world.store.pause_endpoint(&crm, now).await.unwrap()
    };
    let (settled, paused) = tokio::join!(settle(&dispatcher), paused);
    assert!(paused);
    let before = settled.delivered;
    assert!((1..2_000).contains(&before), "{before}");
    assert_eq!(distinct(&receiver), before);
    assert!(world.store.resume_endpoint(&crm).await.unwrap());
    assert_eq!(settle(&dispatcher).await.delivered, 2_600 - before);
    assert_eq!(distinct(&receiver), 2_600);
}

#[tokio::test]
async fn a_pause_lets_events_wait_and_a_resume_sends_them() {
    let mut world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    let (crm, now) = (endpoint("crm"), world.clock.now());
    assert!(world.store.pause_endpoint(&crm, now).await.unwrap());
    assert!(!world.store.pause_endpoint(&crm, now).await.unwrap());
    events(&world, &["1", "2"]).await;
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 2));
    drop(dispatcher);
    world.reopen().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 2));
    assert!(receiver.received().is_empty());
    assert!(world.store.resume_endpoint(&crm).await.unwrap());
    assert!(!world.store.resume_endpoint(&crm).await.unwrap());
    assert_eq!(settle(&dispatcher).await, counts(2, 0, 0, 0));
}

#[tokio::test]
async fn a_thin_endpoint_gets_ids_and_a_link_and_another_one_everything() {
    let world = World::new();
    let (thin, full) = (Receiver::start().await, Receiver::start().await);
    let config = EndpointConfig {
        payload: WebhookPayload::Thin,
        ..world.endpoint_config("thin", &thin.url)
    };
    let both = [
        world.dispatcher_of(&config),
        world.dispatcher("full", &full),
    ];
    for dispatcher in &both {
        dispatcher.register().await.unwrap();
    }
    let event = world.mention("1", "secret words").await;
    assert_eq!(deliver_due(&both).await.unwrap(), counts(2, 0, 0, 0));
    let (thin, full) = (&thin.received()[0], &full.received()[0]);
    assert_eq!(full.json()["data"]["text"], "secret words");
    let told = thin.json();
    assert_eq!(told["id"], event.as_str());
    assert_eq!(told["sequence"], full.json()["sequence"]);
    assert_eq!(told["data"]["thin"], true);
    assert_eq!(told["data"]["id"], full.json()["data"]["id"]);
    assert_eq!(told["data"].get("text"), None);
    Webhook::new(SECRET)
        .unwrap()
        .verify(&thin.body, &thin.headers)
        .unwrap_or_else(|error| assert!(error.to_string().contains("old"), "{error}"));
}

#[tokio::test]
async fn a_silent_receiver_is_tried_by_one_delivery_at_a_time() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    events(&world, &many).await;
    receiver.reply(vec![Reply::Status(500, None); 500]);
    settle(&dispatcher).await;
    let first = receiver.received().len();
    assert!((10..=14).contains(&first), "{first} before it opened");
    for more in 1..=3 {
        world.time.advance(Duration::from_secs(600));
        settle(&dispatcher).await;
        assert_eq!(receiver.received().len(), first + more);
    }
    // It is back: everybody goes, and those that never went have all their attempts.
    receiver.recover();
    world.time.advance(Duration::from_secs(7 * 3600));
    settle(&dispatcher).await;
    assert_eq!(dispatcher.pending().await.unwrap(), 0);
}

#[tokio::test]
async fn beyond_the_bound_events_stay_in_the_outbox_and_none_is_lost() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let mut setup = world.dispatcher("crm", &receiver).setup;
    setup.zone = TimeZone::UTC;
    setup.config = DeliverConfig {
        max_waiting: 3,
        key_file: std::path::PathBuf::new(),
        ..setup.config
    };
    let crm = world.endpoint_config("crm", &receiver.url);
    let dispatcher = Dispatcher::new(Endpoint::build(&crm, None).unwrap(), setup);
    dispatcher.register().await.unwrap();
    world
        .store
        .pause_endpoint(&endpoint("crm"), world.clock.now())
        .await
        .unwrap();
    for round in 0..3 {
        let ids: Vec<String> = (0..4).map(|n| format!("{round}-{n}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        events(&world, &ids).await;
        settle(&dispatcher).await;
        assert_eq!(dispatcher.pending().await.unwrap(), 4, "the others wait");
    }
    world.store.resume_endpoint(&endpoint("crm")).await.unwrap();
    assert_eq!(settle(&dispatcher).await.delivered, 12);
}

#[tokio::test]
async fn a_chat_gets_a_message_for_people_at_an_address_from_a_file_unsigned() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let url_file = world.secret_file().with_file_name("chat-url");
    std::fs::write(&url_file, format!("{}\n", receiver.url)).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&url_file, private).unwrap();
    let config = EndpointConfig {
        url: String::new(),
        url_file: Some(url_file),
        secret_file: None,
        format: crate::config::WebhookFormat::Slack,
        message: Some("{network}: {text}".to_owned()),
        ..world.endpoint_config("chat", "")
    };
    let dispatcher = world.dispatcher_of(&config);
    dispatcher.register().await.unwrap();
    world.mention("1", "<!here> it smokes").await;
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let request = &receiver.received()[0];
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers.get("webhook-signature"), None);
    let text = request.json()["text"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with("forum: &lt;!here&gt; it smokes\n<https://forum.example/1|Open>"),
        "{text}"
    );
}
