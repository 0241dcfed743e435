//! Bodies without end, bombs, tarpits and broken answers.

use super::*;

#[tokio::test]
async fn endless_and_exploding_bodies_end_at_the_cap() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![0; MIB as usize]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!((bomb.len() as u64) < MIB / 8, "{}", bomb.len());
    let server = TestServer::start(move |arrived| match arrived.line.as_str() {
        "GET /bomb" => answer("200 OK", &["Content-Encoding: gzip"], &bomb),
        "GET /announced" => Answer::Bytes(head("200 OK", &["Content-Length: 200000000"])),
        _ => Answer::Repeat {
            head: head("200 OK", &["ETag: \"1\""]),
            chunk: vec![b'x'; 65_536],
            times: 200 * 16,
            pause: Duration::ZERO,
        },
    })
    .await;
    let (door, _hand) = door(&config());
    for path in ["/bomb", "/announced", "/long"] {
        let error = door.get(plain(server.url(path))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} sent more than 1048576 bytes", server.address),
            "{path}"
        );
        assert_eq!(error.reaction(), Reaction::Transient);
    }
    // What the kernel's buffers swallow comes on top.
    assert!(
        server.sent() < 32 * MIB,
        "{} bytes were sent",
        server.sent()
    );
}

#[tokio::test]
async fn a_body_of_just_the_cap_is_taken_and_compressed_ones_are_decoded() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&vec![b'y'; MIB as usize]).unwrap();
    let packed = packed.finish().unwrap();
    let server =
        TestServer::start(move |_| answer("200 OK", &["Content-Encoding: gzip"], &packed)).await;
    let (door, _hand) = door(&config());
    let response = fresh(door.get(plain(server.url("/"))).await);
    assert_eq!(response.body.len() as u64, MIB);
    assert!(response.body.iter().all(|byte| *byte == b'y'));
}

#[tokio::test]
async fn answers_that_break_off_are_no_bodies() {
    let server = TestServer::start(|arrived| match arrived.line.as_str() {
        "GET /short" => {
            let mut bytes = head("200 OK", &["Content-Length: 100"]);
            bytes.extend_from_slice(b"half");
            Answer::Bytes(bytes)
        }
        "GET /damaged" => answer("200 OK", &["Content-Encoding: gzip"], "no gzip at all"),
        "GET /packed" => {
            let mut bytes = head("200 OK", &["Content-Encoding: gzip", "Content-Length: 100"]);
            bytes.extend_from_slice(&[31, 139, 8, 0, 0, 0, 0, 0, 0, 255]);
            Answer::Bytes(bytes)
        }
        "GET /nothing" => Answer::Bytes(Vec::new()),
        _ => Answer::Bytes(b"220 mail.example.org ESMTP\r\n\r\n".to_vec()),
    })
    .await;
    let (door, _hand) = door(&config());
    let address = server.address;
    for (path, message) in [
        (
            "/short",
            format!("the answer of {address} could not be read: it broke off"),
        ),
        (
            "/packed",
            format!("the answer of {address} could not be read: it broke off"),
        ),
        (
            "/damaged",
            format!("the answer of {address} could not be read: its compression is damaged"),
        ),
        ("/nothing", format!("{address} gave no HTTP answer")),
        ("/smtp", format!("{address} gave no HTTP answer")),
    ] {
        let error = door.get(plain(server.url(path))).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.reaction(), Reaction::Transient);
        let source = std::error::Error::source(&error).map_or_else(String::new, |e| e.to_string());
        assert!(!source.contains(path), "the chain shows the path: {source}");
    }
}

/// polling.md 17.
#[tokio::test]
async fn a_tarpit_ends_at_the_deadline_and_delays_nobody_else() {
    let trickle = TestServer::start(|_| Answer::Repeat {
        head: head("200 OK", &[]),
        chunk: b"x".to_vec(),
        times: 1_000,
        pause: Duration::from_millis(20),
    })
    .await;
    let silent = TestServer::start(|_| Answer::Hang).await;
    let quick = TestServer::start(|_| answer("200 OK", &[], "x")).await;
    let (door, _hand) = door(&config());
    let begun = tokio::time::Instant::now();
    let (slow, mute, fine) = tokio::join!(
        door.get(plain(trickle.url("/"))),
        door.get(plain(silent.url("/"))),
        async {
            let fetched = door.get(plain(quick.url("/"))).await;
            (fetched, begun.elapsed())
        },
    );
    for (error, server) in [(slow.unwrap_err(), &trickle), (mute.unwrap_err(), &silent)] {
        assert_eq!(
            error.to_string(),
            format!("{} did not finish within 1000 ms", server.address)
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(&fresh(fine.0).body[..], b"x");
    assert!(fine.1 < Duration::from_millis(900), "{:?}", fine.1);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap();
    let (door, _hand) = door(&config());
    let url = Url::parse(&format!("http://{gone}/secret?token=1")).unwrap();
    let error = door.get(plain(url)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{gone} refused the connection"));
    assert_eq!(error.reaction(), Reaction::Transient);
}

#[test]
fn the_door_says_what_is_wrong_with_its_configuration() {
    let (clock, _hand) = Clock::manual(start());
    let wrong = FetchConfig {
        allow_private: vec!["10.0.0.0/33".to_owned()],
        ..config()
    };
    assert_eq!(
        Fetcher::new(&wrong, clock.clone()).unwrap_err().to_string(),
        "fetch.allow_private: `10.0.0.0/33` is not a network such as 10.0.0.0/8"
    );
    let wrong = FetchConfig {
        contact_url: "a\nb".to_owned(),
        ..config()
    };
    assert!(matches!(
        Fetcher::new(&wrong, clock),
        Err(FetchSetupError::ContactUrl(_))
    ));
}
