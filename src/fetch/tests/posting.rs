//! Deliveries.

use super::*;

fn delivery(url: Url) -> PostRequest {
    PostRequest {
        url,
        headers: vec![
            (
                HeaderName::from_static("content-type"),
                HeaderValue::from_static("application/json"),
            ),
            (
                HeaderName::from_static("webhook-id"),
                HeaderValue::from_static("evt_1"),
            ),
        ],
        body: Bytes::from_static(b"{\"v\":1}"),
        timeout: Duration::from_secs(1),
        allow_http: true,
    }
}

#[tokio::test]
async fn bytes_arrive_as_given_and_every_status_is_an_answer() {
    let server = TestServer::start(|arrived| match arrived.line.as_str() {
        "POST /moved" => answer("307 Temporary Redirect", &["Location: /ok"], ""),
        "POST /busy" => answer("503 Unavailable", &["Retry-After: 60"], "later"),
        "POST /broken" => answer("500 Error", &["Retry-After: 60"], "stack \u{1f4a5}"),
        _ => answer("204 No Content", &[], ""),
    })
    .await;
    let (door, _hand) = door(&config());
    for (path, status, retry_after, excerpt) in [
        ("/ok", 204, None, ""),
        ("/moved", 307, None, ""),
        ("/busy", 503, Some(later_by(60)), "later"),
        ("/broken", 500, None, "stack \u{1f4a5}"),
    ] {
        let answer = door.post(delivery(server.url(path))).await.unwrap();
        let expected = PostAnswer {
            status,
            retry_after,
            excerpt: excerpt.to_owned(),
        };
        assert_eq!(answer, expected);
    }
    assert_eq!(
        server.lines(),
        ["POST /ok", "POST /moved", "POST /busy", "POST /broken"]
    );
    let arrived = &server.log()[0];
    assert_eq!(arrived.body, b"{\"v\":1}");
    assert_eq!(arrived.header("webhook-id"), Some("evt_1"));
    assert_eq!(arrived.header("content-type"), Some("application/json"));
    assert_eq!(arrived.header("accept-encoding"), None);
}

#[tokio::test]
async fn item_07_endless_and_slow_answers_cost_little_and_keep_their_status() {
    let server = TestServer::start(|arrived| match arrived.line.as_str() {
        "POST /long" => Answer::Repeat {
            head: head("200 OK", &["Content-Encoding: gzip"]),
            chunk: vec![b'x'; 65_536],
            times: 16_000,
            pause: Duration::ZERO,
        },
        "POST /trickle" => Answer::Repeat {
            head: head("202 Accepted", &[]),
            chunk: b"x".to_vec(),
            times: 1_000,
            pause: Duration::from_millis(50),
        },
        _ => Answer::Hang,
    })
    .await;
    let (door, _hand) = door(&config());
    let long = door.post(delivery(server.url("/long"))).await.unwrap();
    assert_eq!((long.status, long.excerpt.len()), (200, 1_024));
    assert!(
        server.sent() < 32 * MIB,
        "{} bytes were sent",
        server.sent()
    );
    let begun = tokio::time::Instant::now();
    let brief = |path: &str| PostRequest {
        timeout: Duration::from_millis(300),
        ..delivery(server.url(path))
    };
    let (slow, silent) = tokio::join!(door.post(brief("/trickle")), door.post(brief("/hang")));
    assert_eq!(slow.unwrap().status, 202);
    assert_eq!(
        silent.unwrap_err().to_string(),
        format!("{} did not finish within 300 ms", server.address)
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_hanging_endpoint_delays_no_other_delivery_even_on_its_host() {
    let server = TestServer::start(|arrived| match arrived.line.as_str() {
        "POST /dead" => Answer::Hang,
        _ => answer("200 OK", &[], ""),
    })
    .await;
    let (door, _hand) = door(&config());
    let mut dead: Vec<_> = (0..20)
        .map(|_| Box::pin(door.post(delivery(server.url("/dead")))))
        .collect();
    for waiting in &mut dead {
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    }
    let begun = tokio::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(
            door.post(delivery(server.url("/alive")))
                .await
                .unwrap()
                .status,
            200
        );
    }
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn item_13_nothing_is_sent_in_plain_or_to_refused_addresses() {
    let server = TestServer::start(|_| answer("200 OK", &[], "")).await;
    let (door, _hand) = door(&config());
    for (url, allow_http, refusal) in [
        (server.url("/"), false, Refusal::PlainHttp),
        (
            Url::parse("https://10.0.0.1/").unwrap(),
            true,
            Refusal::Address("10.0.0.1".parse().unwrap()),
        ),
        (
            Url::parse("https://a:b@example.org/").unwrap(),
            true,
            Refusal::UserInfo,
        ),
    ] {
        let request = PostRequest {
            allow_http,
            ..delivery(url)
        };
        let error = door.post(request).await.unwrap_err();
        assert_eq!(error.reaction(), Reaction::Permanent);
        let FetchError::Refused { refusal: found, .. } = error else {
            panic!("not refused: {error}");
        };
        assert_eq!(found, refusal);
    }
    assert_eq!(server.log().len(), 0);
}
