//! Endpoints that are made, changed, rotated and removed while the daemon runs, and that outlive it.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use overheard::deliver::keys::VerifyKey;
use overheard::deliver::sign::verify;
use serde_json::Value;

use crate::daemon::Home;
use crate::receiver::Receiver;

/// A home that hears what is written into `posts.ndjson`, and has the endpoint `declared` in its file.
fn home(receiver: &Receiver) -> Home {
    let home = Home::new("");
    let posts = home.file("posts.ndjson", "");
    home.configure(&format!(
        "[analysis]\nengine = \"none\"\n[[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n[[monitors]]\nid = \"all\"\nquery = \"battery\"\n[[endpoints]]\nid = \"declared\"\nurl = \"{}\"\nsecret_file = \"{}\"\nallow_http = true\nevents = [\"digest.ready\"]\n",
        posts.display(),
        receiver.url,
        home.secret().display()
    ));
    home
}

fn say(home: &Home, id: u32) {
    let posts = home.path("posts.ndjson");
    let line =
        format!("{{\"v\":1,\"id\":\"{id}\",\"text\":\"battery {id}\",\"language\":\"en\"}}\n");
    let text = fs::read_to_string(&posts).expect("posts") + &line;
    fs::write(posts, text).expect("posts");
}

/// The head and body of the `n`-th request, once it came.
async fn request(receiver: &Receiver, n: usize) -> (String, String) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(request) = receiver.got.lock().expect("no panic").get(n) {
            return request.clone();
        }
        assert!(Instant::now() < deadline, "request {n} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn header(head: &str, name: &str) -> String {
    let found = head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    });
    found.unwrap_or_else(|| panic!("no {name} in {head}"))
}

fn believed(key: &str, (head, body): &(String, String)) -> bool {
    let seconds = header(head, "webhook-timestamp");
    let now = jiff::Timestamp::from_second(seconds.parse().expect("seconds")).expect("a time");
    let (id, signature) = (
        header(head, "webhook-id"),
        header(head, "webhook-signature"),
    );
    let key = VerifyKey::parse(key).expect("a key");
    verify(&key, &id, &seconds, &signature, body.as_bytes(), now).is_ok()
}

fn listed(home: &Home, name: &str) -> Option<Value> {
    let listed = home.run(&["endpoints", "list", "--json"]).json();
    let listed = listed.as_array().expect("a list").clone();
    listed.into_iter().find(|endpoint| endpoint["id"] == name)
}

/// webhooks.md 3 and 15 in the whole program.
#[tokio::test]
async fn an_endpoint_is_made_rotated_restarted_and_removed_beside_a_running_daemon() {
    let receiver = Receiver::new(204);
    let home = home(&receiver);
    let mut daemon = home.start();
    daemon.ready().await;
    let url = format!("{}?token=t0ken", receiver.url);
    let made = home.run(&["endpoints", "set", "crm", "--url", &url, "--allow-http"]);
    assert_eq!(made.status, Some(0), "{made:?}");
    let first = made.stdout.trim().to_owned();
    assert!(first.starts_with("whsec_"), "{made:?}");
    say(&home, 1);
    assert!(believed(&first, &request(&receiver, 0).await));

    let rotated = home.run(&["endpoints", "rotate", "crm", "--signature", "v1a"]);
    let second = rotated.stdout.trim().to_owned();
    assert!(second.starts_with("whpk_"), "{rotated:?}");
    say(&home, 2);
    let both = request(&receiver, 1).await;
    assert!(believed(&first, &both) && believed(&second, &both));

    // What is changed keeps its address and its keys.
    let changed = home.run(&[
        "endpoints",
        "set",
        "crm",
        "--allow-http",
        "--filter",
        "\"battery 4\"",
    ]);
    assert_eq!(
        (changed.status, changed.stdout.as_str()),
        (Some(0), ""),
        "{changed:?}"
    );

    // A kill, and it is there again, with what it was told.
    daemon.kill();
    let mut daemon = home.start();
    daemon.ready().await;
    say(&home, 3);
    say(&home, 4);
    let third = request(&receiver, 2).await;
    assert!(
        believed(&second, &third) && third.1.contains("battery 4"),
        "{}",
        third.1
    );
    let crm = listed(&home, "crm").expect("it is there");
    assert_eq!(
        (&crm["origin"], &crm["state"]),
        (&"api".into(), &"active".into())
    );
    assert_eq!(crm["filter"], "\"battery 4\"");
    assert!(
        crm["address"]
            .as_str()
            .expect("text")
            .starts_with("127.0.0.1:"),
        "{crm}"
    );
    let tested = home.run(&["deliveries", "test", "crm"]);
    assert_eq!(tested.status, Some(0), "{tested:?}");
    assert!(believed(&second, &request(&receiver, 3).await));

    // No secret and no token is in an answer, in the log or in the store.
    let mut seen = home.run(&["endpoints", "list", "--json"]).stdout + &daemon.log();
    for entry in fs::read_dir(home.data()).expect("data") {
        let path = entry.expect("an entry").path();
        if path.is_file() && !path.ends_with("endpoints.key") {
            seen.push_str(&String::from_utf8_lossy(&fs::read(path).expect("a file")));
        }
    }
    assert!(seen.contains("battery 4"), "the store was read");
    for hidden in [first.as_str(), &first[6..], "whsk_", "t0ken"] {
        assert!(!seen.contains(hidden), "{hidden}");
    }

    let removed = home.run(&["endpoints", "remove", "crm"]);
    assert_eq!(removed.status, Some(0), "{removed:?}");
    assert_eq!(listed(&home, "crm"), None);
    home.run(&["endpoints", "remove", "crm"])
        .refused(&["there is no endpoint"]);
}

#[tokio::test]
async fn the_file_wins_and_what_cannot_work_is_refused_or_waits_to_be_mended() {
    let receiver = Receiver::new(204);
    let home = home(&receiver);
    home.run(&["endpoints", "list"])
        .refused(&["no daemon is running"]);
    let mut daemon = home.start();
    daemon.ready().await;
    let set = |arguments: &[&str]| home.run(&[&["endpoints", "set"], arguments].concat());
    for (arguments, words) in [
        (
            vec!["declared", "--url", "https://a.example/"],
            "configuration file",
        ),
        (vec!["crm"], "say its url"),
        (vec!["crm", "--url", "http://a.example/"], "plain http"),
        (
            vec!["crm", "--url", "https://a.example/", "--filter", "a ("],
            "not a query",
        ),
        (
            vec!["crm", "--url", "https://a.example/", "--format", "ndjson"],
            "configuration file",
        ),
        (
            vec!["crm", "--url", "https://a.example/", "--format", "xml"],
            "unknown variant",
        ),
        (
            vec!["crm", "--url", "https://a.example/", "--events", "all"],
            "unknown variant",
        ),
    ] {
        set(&arguments).refused(&[words]);
    }
    home.run(&["endpoints", "remove", "declared"])
        .refused(&["configuration file"]);
    assert_eq!(
        set(&["crm", "--url", &receiver.url, "--allow-http"]).status,
        Some(0)
    );

    // Without the key nothing can be sent to it, and the rest of the daemon does not mind.
    daemon.kill();
    fs::remove_file(home.data().join("endpoints.key")).expect("a key");
    let mut daemon = home.start();
    daemon.ready().await;
    let crm = listed(&home, "crm").expect("it is there");
    assert_eq!(crm["state"], "failed");
    assert!(
        crm["problem"]
            .as_str()
            .expect("text")
            .contains("another one"),
        "{crm}"
    );
    assert_eq!(
        listed(&home, "declared").expect("it is there")["state"],
        "active"
    );
    // Set and rotated, as the problem says, it works again.
    assert_eq!(
        set(&["crm", "--url", &receiver.url, "--allow-http"]).status,
        Some(0)
    );
    let key = home.run(&["endpoints", "rotate", "crm", "--keep", "0h"]);
    say(&home, 1);
    assert!(believed(key.stdout.trim(), &request(&receiver, 0).await));
    assert_eq!(receiver.status.load(Ordering::SeqCst), 204);

    // A pause lets events wait, and its end sends them, without a reload.
    assert_eq!(home.run(&["deliveries", "pause", "crm"]).status, Some(0));
    say(&home, 2);
    while listed(&home, "crm").expect("it is there")["waiting"] != 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(home.run(&["deliveries", "resume", "crm"]).status, Some(0));
    assert!(request(&receiver, 1).await.1.contains("battery 2"));
    assert!(!daemon.log().contains("reloaded the configuration"));
}
