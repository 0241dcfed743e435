//! Receivers that fail, refuse, move, vanish or hang, and a sender that is killed.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn item_04_redirects_are_failures_and_nothing_goes_to_their_target() {
    for status in [301, 302, 307, 308] {
        let world = World::new();
        let (receiver, target) = (Receiver::start().await, Receiver::start().await);
        let dispatcher = world.dispatcher("crm", &receiver);
        dispatcher.register().await.unwrap();
        let event = world.mention("1", "moved").await;
        receiver.reply([Reply::Status(
            status,
            Some(("location", target.url.clone())),
        )]);

        assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 1), "{status}");
        assert_eq!(receiver.received().len(), 1);
        assert_eq!(target.received().len(), 0);
        let attempts = world
            .store
            .attempts(&endpoint("crm"), &event)
            .await
            .unwrap();
        assert_eq!(attempts[0].status, Some(status));
        assert_eq!(
            attempts[0].error,
            Some(format!("answered {status}, and redirects are not followed"))
        );
    }
}

#[tokio::test]
async fn item_05_a_410_disables_the_endpoint_across_restarts_until_it_is_enabled_or_moves() {
    let mut world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    world.mention("1", "a").await;
    receiver.reply_status(410);
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 1, 0));

    world.mention("2", "b").await;
    world.time.advance(HOUR * 24);
    assert_eq!(
        dispatcher.step().await.unwrap(),
        StepOutcome::Idle { until: None }
    );
    world.reopen().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 0));
    assert_eq!(receiver.received().len(), 1);

    let moved = Receiver::start().await;
    let at_new_address = world.dispatcher("crm", &moved);
    assert_eq!(settle(&at_new_address).await, counts(1, 0, 0, 0));
    assert_eq!(moved.received()[0].json()["data"]["text"], "b");

    world.store.enable_endpoint(&endpoint("crm")).await.unwrap();
    let now = world.clock.now();
    assert_eq!(
        world
            .store
            .requeue(&endpoint("crm"), None, now)
            .await
            .unwrap(),
        1
    );
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    assert_eq!(receiver.received()[1].json()["data"]["text"], "a");
}

#[tokio::test]
async fn item_06_retry_after_pauses_the_whole_endpoint_and_is_never_early() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    world.mention("1", "a").await;
    receiver.reply([Reply::Status(429, Some(("retry-after", "3600".to_owned())))]);
    assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 1));

    world.mention("2", "b").await;
    world.time.advance(HOUR - Duration::from_secs(1));
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 2));
    assert_eq!(
        dispatcher.step().await.unwrap(),
        StepOutcome::Idle {
            until: Some(start() + HOUR)
        }
    );
    assert_eq!(receiver.received().len(), 1);
    world.time.advance(Duration::from_secs(1));
    assert_eq!(settle(&dispatcher).await, counts(2, 0, 0, 0));

    // More than a day goes to the dead letters, and others are not held back by it.
    world.mention("3", "c").await;
    receiver.reply([Reply::Status(
        503,
        Some(("retry-after", "90000".to_owned())),
    )]);
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 1, 0));
    let dead = world
        .store
        .dead_letters(&endpoint("crm"), 0, 10)
        .await
        .unwrap();
    assert_eq!(dead[0].last_status, Some(503));
    assert_eq!(
        dead[0].last_error.as_deref(),
        Some("answered 503 and asks for more than 24 hours")
    );
    world.mention("4", "d").await;
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
}

#[tokio::test]
async fn item_10_after_three_days_a_delivery_is_a_dead_letter_that_can_be_queued_again() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    let event = world.mention("1", "a").await;
    // Days before the first attempt are not counted.
    world.time.advance(HOUR * 100);
    let first_attempt = world.clock.now();
    let mut attempts = 0;
    loop {
        receiver.reply_status(500);
        attempts += 1;
        assert!(attempts <= 20, "it never gives up");
        let done = settle(&dispatcher).await;
        if done == counts(0, 0, 1, 0) {
            break;
        }
        assert_eq!(done, counts(0, 1, 0, 1), "attempt {attempts}");
        let Ok(StepOutcome::Idle { until: Some(next) }) = dispatcher.step().await else {
            panic!("it does not wait");
        };
        world.time.set(next);
    }
    assert_eq!(receiver.received().len(), attempts);
    assert!((11..=12).contains(&attempts), "{attempts}");
    assert!(world.clock.now() <= first_attempt + HOUR * 72);
    world.time.advance(HOUR * 100);
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 0));

    let dead = world
        .store
        .dead_letters(&endpoint("crm"), 0, 10)
        .await
        .unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].event.event.id, event);
    let now = world.clock.now();
    world
        .store
        .requeue(&endpoint("crm"), Some(vec![event]), now)
        .await
        .unwrap();
    // A replay starts the dispatchers anew.
    let dispatcher = world.dispatcher("crm", &receiver);
    receiver.reply_status(500);
    assert_eq!(
        settle(&dispatcher).await,
        counts(0, 1, 0, 1),
        "it starts anew"
    );
    world.time.advance(Duration::from_secs(10));
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let requests = receiver.received();
    assert_eq!(requests[attempts].id(), requests[0].id());
    assert_eq!(requests[attempts + 1].body, requests[0].body);
}

#[tokio::test]
async fn item_12_a_dead_endpoint_stops_no_other() {
    let world = World::new();
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    let stuck = world.dispatcher("stuck", &hanging);
    let refused = world.dispatcher_of(&world.endpoint_config("refused", "http://127.0.0.1:1/"));
    let other = world.dispatcher("crm", &healthy);
    for dispatcher in [&stuck, &refused, &other] {
        dispatcher.register().await.unwrap();
    }
    for number in 0..10 {
        world.mention(&number.to_string(), "a").await;
    }
    hanging.reply(vec![Reply::hang(); 10]);
    tokio::select! {
        done = settle(&stuck) => panic!("a hanging receiver answered: {done:?}"),
        () = async {
            hanging.wait_for(4).await;
            let counts_of_both = deliver_due(&[refused, other]).await.unwrap();
            assert_eq!(counts_of_both, counts(10, 10, 0, 10));
        } => {}
    }
    assert_eq!(healthy.received().len(), 10);
    assert_eq!(hanging.received().len(), 4, "more than the concurrency");
}

#[tokio::test]
async fn item_02_a_kill_between_sending_and_recording_sends_the_same_bytes_again() {
    let mut world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    world.mention("1", "once").await;
    receiver.reply([Reply::hang()]);
    tokio::select! {
        done = settle(&dispatcher) => panic!("a hanging receiver answered: {done:?}"),
        () = receiver.wait_for(1) => {}
    }
    drop(dispatcher);
    world.reopen().await;
    world
        .commit(testing::post("1", "twice"), None, Vec::new())
        .await;
    world.time.advance(Duration::from_secs(60));

    let dispatcher = world.dispatcher("crm", &receiver);
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let requests = receiver.received();
    assert_eq!(requests[0].id(), requests[1].id());
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[1].timestamp() - requests[0].timestamp(), 60);
}

/// webhooks.md 2.
#[tokio::test]
async fn item_02_ten_attempts_with_a_kill_between_have_one_id_and_ten_signatures() {
    let mut world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    let event = world.mention("1", "again and again").await;
    drop(dispatcher);
    for attempt in 1..=10 {
        let dispatcher = world.dispatcher("crm", &receiver);
        receiver.reply([Reply::hang()]);
        tokio::select! {
            done = settle(&dispatcher) => panic!("a hanging receiver answered: {done:?}"),
            () = receiver.wait_for(attempt) => {}
        }
        drop(dispatcher);
        world.reopen().await;
        world.time.advance(Duration::from_secs(60));
    }
    let requests = receiver.received();
    let oracle = Webhook::new(SECRET).unwrap();
    for (number, request) in (0..).zip(&requests) {
        assert_eq!(request.id(), event.as_str());
        assert_eq!(request.body, requests[0].body);
        assert_eq!(request.timestamp(), start().as_second() + 60 * number);
        let signature = oracle.sign(request.id(), request.timestamp(), &request.body);
        assert_eq!(request.signature(), signature.unwrap());
    }
    let signatures: std::collections::HashSet<&str> =
        requests.iter().map(|request| request.signature()).collect();
    assert_eq!(signatures.len(), 10);
}

/// webhooks.md 8.
#[tokio::test]
async fn item_08_a_reset_after_the_body_is_tried_again_with_the_same_id() {
    let world = World::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let dispatcher = world.dispatcher_of(&world.endpoint_config("crm", &url));
    dispatcher.register().await.unwrap();
    let event = world.mention("1", "a").await;
    let mut arrived = Vec::new();
    for _ in 0..2 {
        let (request, sent) = tokio::join!(receive_once(&listener), settle(&dispatcher));
        assert_eq!(sent, counts(0, 1, 0, 1));
        arrived.push(request);
        world.time.advance(Duration::from_secs(600));
    }
    for request in &arrived {
        assert!(
            request.contains(&format!("webhook-id: {event}")),
            "{request}"
        );
    }
}

/// Takes a request to the end of its body, and drops the connection.
async fn receive_once(listener: &tokio::net::TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"}}") {
        let read = tokio::io::AsyncReadExt::read_buf(&mut stream, &mut request);
        assert_ne!(read.await.unwrap(), 0, "it ended before its body");
    }
    String::from_utf8(request).unwrap()
}

/// What cannot be recorded would go out again, so no more is begun.
#[tokio::test]
async fn a_store_that_cannot_record_attempts_ends_the_sending() {
    let world = World::new();
    let receiver = Receiver::start().await;
    let dispatcher = world.dispatcher("crm", &receiver);
    dispatcher.register().await.unwrap();
    order::backlog(&world, 2_600).await;
    let file = world.dir.path().join("store.sqlite3");
    let other = rusqlite::Connection::open(file).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON delivery_attempts BEGIN SELECT RAISE(ABORT, 'full'); END";
    other.execute_batch(full).unwrap();
    let error = loop {
        match dispatcher.step().await {
            Ok(StepOutcome::Worked(_)) => {}
            Ok(StepOutcome::Idle { .. }) => panic!("nothing failed"),
            Err(error) => break error,
        }
    };
    let said = format!("{:#}", anyhow::Error::from(error));
    assert!(said.contains("full"), "{said}");
    let began = receiver.received().len();
    assert!((1..2_000).contains(&began), "{began}");
    // Nothing is lost: all of it waits for its record.
    other.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(settle(&dispatcher).await, counts(2_600, 0, 0, 0));
}
