//! Mail and files: what is no web server.

use std::fs;

use super::*;
use crate::config::{EndpointConfig, WebhookFormat, WebhookPayload};
use crate::deliver::testing::smtp::MailServer;
use crate::domain::DigestId;
use crate::store::DigestRun;

fn mail(server: &str) -> EndpointConfig {
    EndpointConfig {
        format: WebhookFormat::Email,
        from: Some("Overheard <overheard@acme.example>".to_owned()),
        to: vec![
            "team@acme.example".to_owned(),
            "Duty <duty@acme.example>".to_owned(),
        ],
        ..EndpointConfig::webhook(endpoint("mail"), server, None)
    }
}

fn file(world: &World) -> EndpointConfig {
    EndpointConfig {
        format: WebhookFormat::Ndjson,
        file: Some(world.dir.path().join("events.ndjson")),
        ..EndpointConfig::webhook(endpoint("lake"), "", None)
    }
}

/// The lines of the file that grows, as JSON.
fn lines(world: &World) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(world.dir.path().join("events.ndjson")).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_mail_has_the_words_of_the_event_and_its_id() {
    let world = World::new();
    let server = MailServer::start().await;
    let dispatcher = world.dispatcher_of(&mail(&server.url));
    dispatcher.register().await.unwrap();
    let event = world
        .mention("1", "it smokes\r\nBcc: all@acme.example\n.\nreally")
        .await;
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let [text] = &server.mails()[..] else {
        panic!("not one mail");
    };
    for expected in [
        "MAIL FROM:<overheard@acme.example>",
        "RCPT TO:<team@acme.example>",
        "RCPT TO:<duty@acme.example>",
        "From: Overheard <overheard@acme.example>",
        "Subject: New mention on forum by ann: negative, complaint\r\n",
        "Date: Mon, 05 Jan 2026 10:00:00 +0000",
        &format!("Message-ID: <{event}@acme.example>"),
        "Auto-Submitted: auto-generated",
        "\r\nit smokes\r\nBcc: all@acme.example\r\n..\r\nreally\r\n\r\nhttps://forum.example/1",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("Bcc"), "{head}");
}

#[tokio::test]
async fn a_server_that_is_busy_is_tried_again_and_one_that_refuses_is_not() {
    let world = World::new();
    let server = MailServer::start().await;
    let dispatcher = world.dispatcher_of(&mail(&server.url));
    dispatcher.register().await.unwrap();
    server.answer("451 later");
    let event = world.mention("1", "a").await;
    assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 1));
    world.time.advance(Duration::from_secs(10));
    server.answer("554 never");
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 1, 0));
    let attempts = world.store.attempts(&endpoint("mail"), &event).await;
    let errors: Vec<_> = attempts.unwrap().into_iter().map(|a| a.error).collect();
    let errors: Vec<_> = errors.iter().flatten().collect();
    assert_eq!(
        errors,
        [
            "the mail server answered 451",
            "the mail server answered 554"
        ]
    );
    // A second mail of the same event has the same id.
    server.answer("250 taken");
    let id = endpoint("mail");
    let requeued = world.store.requeue(&id, None, world.clock.now());
    assert_eq!(requeued.await.unwrap(), 1);
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let ids: Vec<String> = server
        .mails()
        .iter()
        .map(|text| {
            let id = text.lines().find(|line| line.starts_with("Message-ID"));
            id.unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_server_that_offers_no_tls_gets_nothing_where_tls_is_asked_for() {
    let world = World::new();
    let server = MailServer::start().await;
    let dispatcher = world.dispatcher_of(&mail(&format!("{}?tls=required", server.url)));
    dispatcher.register().await.unwrap();
    world.mention("1", "a").await;
    let counted = settle(&dispatcher).await;
    assert_eq!((counted.delivered, server.mails().len()), (0, 0));
    for (url, problem) in [
        (
            "smtp://mail.acme.example",
            "is an unencrypted mail server elsewhere",
        ),
        ("https://mail.acme.example", "is no mail server"),
        ("mail.acme.example", "is not a URL"),
    ] {
        let error = Endpoint::build(&mail(url), None).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    for url in [
        "smtps://u:p@mail.acme.example",
        "smtp://mail.acme.example:587?tls=required",
    ] {
        let built = Endpoint::build(&mail(url), None).unwrap();
        assert!(!format!("{built:?}").contains("u:p"));
    }
}

#[tokio::test]
async fn news_of_a_digest_brings_the_digest() {
    let world = World::new();
    let server = MailServer::start().await;
    let dispatcher = world.dispatcher_of(&mail(&server.url));
    dispatcher.register().await.unwrap();
    let digest = DigestId::parse("daily").unwrap();
    let date = "2026-01-04".to_owned();
    let file = |end: &str, text: &str| {
        let path = world.dir.path().join(format!("daily.{end}"));
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let run = DigestRun {
        digest: digest.clone(),
        date: date.clone(),
        at: world.clock.now(),
        files: vec![
            file("md", "# 12 mentions"),
            file("html", "<h1>12 mentions</h1>"),
        ],
    };
    let subject = Subject::Digest { id: digest, date };
    let event = Event::new(EventKind::DigestReady, subject, 0, world.clock.now());
    world.store.record_digest(run, Some(event)).await.unwrap();
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let text = &server.mails()[0];
    for expected in [
        "Subject: The digest daily of 2026-01-04 is ready",
        "multipart/alternative",
        "# 12 mentions",
        "<h1>12 mentions</h1>",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_file_gets_a_line_an_event_and_goes_on_after_a_kill() {
    let mut world = World::new();
    let config = file(&world);
    let dispatcher = world.dispatcher_of(&config);
    dispatcher.register().await.unwrap();
    let first = world.mention("1", "one\nline").await;
    let second = world.mention("2", "b").await;
    assert_eq!(settle(&dispatcher).await, counts(2, 0, 0, 0));
    let written = lines(&world);
    assert_eq!(written[0]["id"], first.as_str());
    assert_eq!(written[1]["id"], second.as_str());
    assert_eq!(written[0]["data"]["text"], "one\nline");
    // A kill in the middle of a write leaves half a line.
    drop(dispatcher);
    world.reopen().await;
    let path = config.file.clone().unwrap();
    let torn = fs::read_to_string(&path).unwrap() + "{\"id\":\"evt_";
    fs::write(&path, torn).unwrap();
    let modified = std::time::SystemTime::from(world.clock.now());
    fs::File::open(&path)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    let dispatcher = world.dispatcher_of(&config);
    let third = world.mention("3", "c").await;
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let written = lines(&world);
    assert_eq!(written.len(), 3);
    assert_eq!(written[2]["id"], third.as_str());
}

#[tokio::test]
async fn a_file_is_closed_at_midnight_though_nothing_happens() {
    let world = World::new();
    let dispatcher = world.dispatcher_of(&file(&world));
    dispatcher.register().await.unwrap();
    world.mention("1", "a").await;
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    world.time.advance(Duration::from_secs(14 * 3600));
    assert_eq!(settle(&dispatcher).await, counts(0, 0, 0, 0));
    assert_eq!(lines(&world).len(), 0);
    let closed = world.dir.path().join("events-20260105T100000Z.ndjson");
    assert_eq!(fs::read_to_string(closed).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn what_cannot_be_written_waits_and_is_thin_where_that_is_asked_for() {
    let world = World::new();
    let directory = world.dir.path().join("lake");
    let config = EndpointConfig {
        file: Some(directory.join("events.ndjson")),
        payload: WebhookPayload::Thin,
        ..file(&world)
    };
    let error = Endpoint::build(&config, None).unwrap_err().to_string();
    assert!(error.contains("does not exist: create it"), "{error}");
    fs::create_dir(&directory).unwrap();
    let dispatcher = world.dispatcher_of(&config);
    dispatcher.register().await.unwrap();
    fs::remove_dir(&directory).unwrap();
    let event = world.mention("1", "a").await;
    assert_eq!(settle(&dispatcher).await, counts(0, 1, 0, 1));
    let attempts = world
        .store
        .attempts(&endpoint("lake"), &event)
        .await
        .unwrap();
    let error = attempts[0].error.clone().unwrap();
    assert!(error.contains("could not write"), "{error}");
    fs::create_dir(&directory).unwrap();
    world.time.advance(Duration::from_secs(10));
    assert_eq!(settle(&dispatcher).await, counts(1, 0, 0, 0));
    let line = fs::read_to_string(directory.join("events.ndjson")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["data"]["thin"], true);
}
