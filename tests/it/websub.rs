//! A WebSub hub and the real daemon: discovery, request, challenge, a signed push, and what is forged.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::daemon::{Home, PATIENCE, all_changes, until};

fn feed(item: u32) -> String {
    format!(
        r#"<?xml version="1.0"?><rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><title>t</title><a:link rel="hub" href="/hub"/><a:link rel="self" href="https://t.example/feed"/>
<item><guid isPermaLink="false">{item}</guid><description>My scooter {item} is broken</description></item></channel></rss>"#
    )
}

/// Feed and hub; sends on what it was asked by `POST /hub`.
fn serve() -> (SocketAddr, mpsc::Receiver<HashMap<String, String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (asked, forms) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !is_whole(&request) {
                match stream.read(&mut part) {
                    Ok(length) if length > 0 => request.extend_from_slice(&part[..length]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let (status, body) = if request.starts_with("POST /hub ") {
                let body = request.split_once("\r\n\r\n").expect("a body").1;
                let pairs = url::form_urlencoded::parse(body.as_bytes());
                asked.send(pairs.into_owned().collect()).expect("the test");
                ("202 Accepted", String::new())
            } else if request.starts_with("GET /feed ") {
                ("200 OK", feed(1))
            } else {
                ("404 Not Found", String::new())
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            // Who hung up was asked enough.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, forms)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

/// Sends a request to the daemon as a hub would; the status and the body of the answer.
fn send(daemon: SocketAddr, line: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(daemon).expect("the daemon");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let length = body.len();
    write!(stream, "{line} HTTP/1.1\r\nHost: overheard.example\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    let digits = mac.finalize().into_bytes();
    let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("X-Hub-Signature: sha256={digits}\r\n")
}

/// polling.md 24.
#[tokio::test]
async fn item_24_what_a_hub_sends_is_found_without_a_poll() {
    let (server, forms) = serve();
    let home = Home::new(&format!(
        r#"
[analysis]
engine = "none"
[[sources]]
id = "blog"
type = "feed"
url = "http://{server}/feed"
interval_secs = 3600
max_interval_secs = 36000
[[monitors]]
id = "scooter"
query = "scooter"
"#
    ));
    let settings = std::fs::read_to_string(home.config()).expect("the configuration");
    let public = format!("public_url = \"https://overheard.example\"\n{settings}");
    home.file("overheard.toml", public);
    let mut daemon = home.start();
    daemon.ready().await;
    let address = daemon.address().expect("an address");

    let form = tokio::task::spawn_blocking(move || forms.recv_timeout(PATIENCE));
    let form = form.await.expect("a thread").expect("a hub is asked");
    assert_eq!(form["hub.topic"], "https://t.example/feed");
    let callback = form["hub.callback"].strip_prefix("https://overheard.example");
    let callback = callback.expect("the public URL");
    let topic = "hub.topic=https://t.example/feed";
    let ask = format!(
        "GET {callback}?hub.mode=subscribe&{topic}&hub.challenge=ch&hub.lease_seconds=86400"
    );
    assert_eq!(send(address, &ask, "", ""), (200, "ch".to_owned()));

    let texts = async || {
        let store = home.store().expect("a store");
        let changes = all_changes(&store).await;
        let mut texts: Vec<String> = changes
            .into_iter()
            .filter_map(|change| Some(change.record?.post.text))
            .collect();
        texts.sort();
        texts
    };
    let (forged, sent) = (feed(66), feed(2));
    let post = format!("POST {callback}");
    assert_eq!(
        send(address, &post, &signature("guess", &forged), &forged).0,
        202
    );
    let signed = signature(&form["hub.secret"], &sent);
    assert_eq!(send(address, &post, &signed, &sent).0, 202);
    // The answer comes after the commit.
    assert_eq!(
        texts().await,
        ["My scooter 1 is broken", "My scooter 2 is broken"]
    );
    assert_eq!(send(address, "POST /websub/guess", &signed, &sent).0, 410);

    // A restart keeps the subscription; without the source it ends.
    daemon.end("TERM").await;
    let mut daemon = home.start();
    daemon.ready().await;
    let address = daemon.address().expect("an address");
    let third = feed(3);
    let signed = signature(&form["hub.secret"], &third);
    let taken = until(
        PATIENCE,
        async || (send(address, &post, &signed, &third).0 == 202).then_some(()),
        || daemon.log(),
    );
    taken.await;
    assert_eq!(texts().await.len(), 3);
    let shown = home.run(&["sources", "show", "blog"]).stdout;
    assert!(shown.contains("pushed"), "{shown}");
    home.configure("[analysis]\nengine = \"none\"\n");
    crate::daemon::signal(daemon.pid(), "HUP");
    until(
        Duration::from_secs(20),
        async || (send(address, &post, &signed, &third).0 == 410).then_some(()),
        || daemon.log(),
    )
    .await;
}
