//! Networks that misbehave: the daemon goes on, hears the others, stays small and says what is wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use overheard::demo::town::{Network, Town, Trouble};
use overheard::runtime::Clock;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::daemon::{Home, PATIENCE, all_changes, until};

/// More than a daemon may keep of one answer, by far.
const HUGE: usize = 200 * 1024 * 1024;
/// The most that the daemon may ever have had in memory, in KiB.
const MOST_KIB: u64 = 250 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_misbehaves_is_named_and_the_others_are_heard() {
    let (clock, stop) = (Clock::system(), CancellationToken::new());
    let start = async |seed| {
        Town::start(seed, clock.now(), 60_000, None, stop.clone())
            .await
            .expect("a town")
    };
    let (good, bad) = (start(3).await, start(4).await);
    for (network, trouble) in [
        (Network::Rss, Trouble::InvalidUtf8),
        (Network::Atom, Trouble::HtmlPage),
        (Network::JsonFeed, Trouble::GzipBomb(HUGE)),
        (Network::Mastodon, Trouble::RateLimited(300)),
        (Network::HackerNews, Trouble::Status(500)),
        (Network::AppStore, Trouble::HugeBody(HUGE)),
        (Network::Reviews, Trouble::Status(304)),
    ] {
        bad.misbehave(network, &trouble, 1);
    }
    let named = |town: &Town, name: &str| {
        town.sources_toml(1)
            .replace("\nid = \"", &format!("\nid = \"{name}-"))
    };
    let closed = closed_port();
    let home = Home::new("");
    home.configure(&format!(
        r#"
[analysis]
engine = "none"
[[monitors]]
id = "voltra"
query = "voltra"
[[sources]]
id = "bad-closed"
type = "feed"
url = "http://127.0.0.1:{closed}/feed.xml"
interval_secs = 1
{}{}"#,
        named(&good, "good"),
        named(&bad, "bad"),
    ));
    // One failure is enough to see: the next poll is far away.
    let config = std::fs::read_to_string(home.config()).expect("the configuration");
    let config = config
        .replace("backoff_secs = 1\n", "backoff_secs = 100\n")
        .replace("max_backoff_secs = 2\n", "max_backoff_secs = 1000\n");
    std::fs::write(home.config(), config).expect("the configuration can be written");

    let mut daemon = home.start();
    daemon.ready().await;
    let sources = until(
        PATIENCE,
        async || all_polled(&home),
        || format!("not all were polled:\n{}", daemon.log()),
    )
    .await;
    assert_eq!(sources.len(), 15);

    for (id, source) in &sources {
        if id.starts_with("good-") {
            assert_eq!(source["state"], "healthy", "{source}");
            assert!(source["posts"].as_u64() > Some(0), "{source}");
            assert_eq!(source["error"], Value::Null, "{source}");
        }
    }
    let wrong = |id: &str, words: &[&str]| {
        let source = &sources[id];
        let error = source["error"].as_str().unwrap_or_default();
        for word in words {
            assert!(error.contains(word), "no {word:?} in {source}");
        }
        assert_eq!(source["state"], "failing", "{source}");
        assert_eq!(source["failures"], 1, "{source}");
        assert_eq!(source["succeeded_at"], Value::Null, "{source}");
        let wait = time(&source["next_poll_at"]).duration_since(time(&source["polled_at"]));
        wait.as_secs()
    };
    let mut waits = vec![
        wrong("bad-closed", &["127.0.0.1", "connect"]),
        wrong("bad-blog", &["127.0.0.1", "not a feed", "HTML"]),
        wrong("bad-lab", &["127.0.0.1", "more than 10485760 bytes"]),
        wrong("bad-hackernews", &["127.0.0.1", "answered 500"]),
        wrong("bad-appstore", &["127.0.0.1", "more than 10485760 bytes"]),
        wrong(
            "bad-shop-reviews",
            &["127.0.0.1", "304 to an unconditional"],
        ),
    ];
    // 100 s and up to a tenth more.
    assert!(
        waits.iter().all(|wait| (99..=110).contains(wait)),
        "{waits:?}"
    );
    waits.push(wrong("bad-mastodon", &["127.0.0.1", "slow down until"]));
    assert!((298..=301).contains(&waits[6]), "{waits:?}");

    // Bytes that are not UTF-8 cost at most the words that they stand in.
    let magazine = &sources["bad-magazine"];
    assert_eq!(magazine["state"], "healthy", "{magazine}");
    let store = home.store().expect("a store");
    let heard = all_changes(&store).await;
    for (town, name) in [(&good, "good-"), (&bad, "bad-magazine")] {
        for entry in town.ledger() {
            let heard = heard
                .iter()
                .filter_map(|change| change.record.as_ref())
                .filter(|record| record.post.key == entry.key)
                .filter(|record| record.post.source.as_str().starts_with(name));
            assert_eq!(heard.count(), 1, "{:?}", entry.key);
        }
    }
    assert!(magazine["posts"].as_u64() > Some(0), "{magazine}");

    // People see the same in the table.
    let table = home.run(&["sources", "list"]);
    assert_eq!(table.status, Some(0), "{table:?}");
    assert!(table.stdout.contains("answered 500"), "{table:?}");

    let peak = daemon.memory("VmHWM");
    println!("peak memory {} MiB", peak / 1024);
    assert!(peak < MOST_KIB, "{peak} KiB");

    // When the first wait is over the sources mend themselves: nothing but time is needed.
    let (status, took) = daemon.end("TERM").await;
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    stop.cancel();
}

/// All sources by id, once each has been polled.
fn all_polled(home: &Home) -> Option<BTreeMap<String, Value>> {
    let listed = home.run(&["sources", "list", "--json"]).json();
    let sources: BTreeMap<String, Value> = listed
        .as_array()?
        .iter()
        .map(|source| {
            let id = source["id"].as_str().unwrap_or_default();
            (id.to_owned(), source.clone())
        })
        .collect();
    let polled = |source: &Value| source["polled_at"].is_string();
    (sources.len() == 15 && sources.values().all(polled)).then_some(sources)
}

fn time(value: &Value) -> Timestamp {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    text.parse().expect("a time")
}

/// A port where nobody listens: taken and given back.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
