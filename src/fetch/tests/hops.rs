//! Redirects, the guard on the way, and credentials.

use super::*;

/// polling.md 18 and 19.
#[tokio::test]
async fn redirects_are_followed_five_times_and_permanent_ones_reported() {
    let server = TestServer::start(|arrived| {
        let to = |status, target: &str| answer(status, &[&format!("Location: {target}")], "");
        match arrived.line.trim_start_matches("GET ") {
            "/old" => to("301 Moved Permanently", "/older#part"),
            "/older" => to("308 Permanent Redirect", "/current"),
            "/current" => to("302 Found", "/today?x"),
            "/today?x" => to("301 Moved Permanently", "here"),
            "/loop" => to("302 Found", "/pool"),
            "/pool" => to("302 Found", "/loop#x"),
            "/self" => to("301 Moved Permanently", "/self"),
            "/lost" => answer("302 Found", &[], ""),
            "/mail" => to("302 Found", "mailto:a@example.org"),
            "/here" => answer("200 OK", &["ETag: \"1\""], "found"),
            path => {
                let number: u32 = path.trim_start_matches('/').parse().unwrap();
                to("302 Found", &format!("/{}", number + 1))
            }
        }
    })
    .await;
    let (door, _hand) = door(&config());
    let request = with_state(server.url("/old"), Some("\"0\""), None);
    let response = fresh(door.get(request).await);
    assert_eq!(&response.body[..], b"found");
    assert_eq!(response.url, server.url("/here"));
    assert_eq!(response.moved_to, Some(server.url("/current")));
    assert_eq!(response.state.key.url, server.url("/old").to_string());
    for arrived in server.log() {
        assert_eq!(arrived.header("if-none-match"), Some("\"0\""));
        assert_eq!(arrived.header("referer"), None);
    }
    let before = server.log().len();
    for (path, problem) in [
        ("/1", "redirects more than 5 times"),
        ("/loop", "redirects in a loop"),
        ("/self", "redirects in a loop"),
        ("/lost", "redirects without a usable target"),
        (
            "/mail",
            "redirects to a mailto URL: scheme `mailto` is not allowed, only http and https",
        ),
    ] {
        let error = door.get(plain(server.url(path))).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{} {problem}", server.address));
        assert_eq!(error.reaction(), Reaction::Transient);
    }
    assert_eq!(server.log().len() - before, 6 + 2 + 1 + 1 + 1);
}

/// polling.md 21.
#[tokio::test]
async fn a_redirect_into_a_private_network_is_not_followed() {
    let server = TestServer::start(|arrived| {
        let target = match arrived.line.as_str() {
            "GET /metadata" => "http://169.254.169.254/latest/meta-data/",
            "GET /mapped" => "http://[::ffff:10.0.0.1]/",
            "GET /decimal" => "http://167772161/",
            _ => "http://inside.test/",
        };
        answer("302 Found", &[&format!("Location: {target}")], "")
    })
    .await;
    let door = door_with_names(&[("inside.test", &["10.1.2.3"])]);
    for (path, problem) in [
        (
            "/metadata",
            "169.254.169.254: address 169.254.169.254 is not public",
        ),
        (
            "/mapped",
            "[::ffff:a00:1]: address ::ffff:10.0.0.1 is not public",
        ),
        ("/decimal", "10.0.0.1: address 10.0.0.1 is not public"),
        (
            "/name",
            "inside.test: resolves to 10.1.2.3, which is not public",
        ),
    ] {
        let error = door.get(plain(server.url(path))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{} redirects to {problem}; fetch.allow_private can allow it",
                server.address
            )
        );
    }
}

/// polling.md 21.
#[tokio::test]
async fn names_are_resolved_once_and_only_allowed_addresses_are_connected_to() {
    let server = TestServer::start(|_| answer("200 OK", &[], "x")).await;
    let door = door_with_names(&[
        ("mixed.test", &["10.0.0.1", "127.0.0.1"]),
        ("private.test", &["192.168.1.1", "fd00::1"]),
    ]);
    let url = |name: &str| {
        let mut url = server.url("/");
        url.set_host(Some(name)).unwrap();
        url
    };
    assert_eq!(
        &fresh(door.get(plain(url("mixed.test"))).await).body[..],
        b"x"
    );
    let error = door.get(plain(url("private.test"))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "private.test:{}: resolves to 192.168.1.1, which is not public; fetch.allow_private can allow it",
            server.address.port()
        )
    );
    assert_eq!(error.reaction(), Reaction::Transient);
    let error = door.get(plain(url("nowhere.test"))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "nowhere.test:{} has no address: the name cannot be resolved",
            server.address.port()
        )
    );
    assert_eq!(server.log().len(), 1);
}

/// polling.md 19.
#[tokio::test]
async fn a_credential_stays_with_its_origin() {
    let there = Arc::new(TestServer::start(|_| answer("200 OK", &[], "x")).await);
    let target = there.url("/").to_string();
    let here = TestServer::start(move |arrived| match arrived.line.as_str() {
        "GET /near" => answer("302 Found", &["Location: /end"], ""),
        "GET /far" => answer("302 Found", &[&format!("Location: {target}")], ""),
        _ => answer("200 OK", &[], "x"),
    })
    .await;
    let (door, _hand) = door(&config());
    for path in ["/near", "/far"] {
        let mut request = plain(here.url(path));
        request.credential = Some(credential());
        let response = fresh(door.get(request).await);
        assert_eq!(response.state.key.credential, "crm");
    }
    let sent: Vec<_> = here
        .log()
        .iter()
        .map(|arrived| arrived.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(sent, vec![Some("Bearer hush".to_owned()); 3]);
    assert_eq!(there.log()[0].header("authorization"), None);
    let mut request = plain(here.url("/"));
    request.credential = Some(Credential {
        value: SecretString::from("two\nlines"),
        ..credential()
    });
    let error = door.get(request).await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::Permanent);
    assert!(!error.to_string().contains("lines"));
}
