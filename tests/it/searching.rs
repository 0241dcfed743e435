//! Searching from the command line: the language, counts, pages, explanations, filters, and what is live.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::daemon::{Home, ended, signal};

const POSTS: &str = r#"{"v":1,"id":"1","text":"The battery of my phone is quite dead again","language":"en","published_at":"2026-11-20T10:00:00Z"}
{"v":1,"id":"2","title":"Praise","text":"Battery and BT headset are great","language":"en","published_at":"2026-11-21T10:00:00Z"}
{"v":1,"id":"3","text":"Der Akku ist leer, die battery also","language":"de","published_at":"2026-11-22T10:00:00Z"}
"#;

/// A home that has heard three posts.
fn heard() -> Home {
    let home = Home::new("");
    let path = home.file("posts.ndjson", POSTS);
    home.configure(&format!(
        "[analysis]\nengine = \"none\"\n[[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n",
        path.display()
    ));
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    home
}

#[test]
fn the_language_reaches_the_index() {
    let home = heard();
    for (query, expected) in [
        ("battery NEAR/6 dead", "1\n"),
        ("battery NEAR/5 dead", "0\n"),
        ("(phone OR headset) NEAR/9 battery", "2\n"),
        ("\"dead battery\"~6", "1\n"),
        ("{BT}", "1\n"),
        ("{bt}", "0\n"),
        ("bat*ry lang:de", "1\n"),
        ("date:2026-11-20..2026-11-21", "2\n"),
        ("title:praise", "1\n"),
    ] {
        assert_eq!(
            home.run(&["search", "--count", query]).stdout,
            expected,
            "{query}"
        );
    }
    home.run(&["search", "battery NEAR dead"])
        .refused(&["NEAR/5"]);
}

#[test]
fn pages_and_counts_are_complete() {
    let home = heard();
    let first = home
        .run(&[
            "search",
            "--json",
            "--limit",
            "2",
            "--facets",
            "--histogram",
            "battery",
        ])
        .json();
    assert_eq!(first["total"], 3);
    assert_eq!(first["hits"].as_array().map(Vec::len), Some(2));
    let languages = first["facets"]
        .as_array()
        .expect("facets")
        .iter()
        .find(|facet| facet["field"] == "lang");
    assert_eq!(
        languages.expect("languages")["values"],
        serde_json::json!([{"value": "en", "count": 2}, {"value": "de", "count": 1}])
    );
    let bars = first["histogram"]["bars"].as_array().expect("bars");
    assert_eq!(
        bars.iter()
            .filter_map(|bar| bar["count"].as_u64())
            .sum::<u64>(),
        3
    );
    let cursor = first["next_cursor"].as_str().expect("a next page");
    let second = home
        .run(&["search", "--json", "--after", cursor, "battery"])
        .json();
    assert_eq!(second["hits"].as_array().map(Vec::len), Some(1));
    assert!(second.get("next_cursor").is_none());
    assert!(
        home.run(&["search", "--after", "x", "battery"])
            .stderr
            .contains("cursor")
    );
    let table = home
        .run(&["search", "--facets", "--histogram", "battery"])
        .stdout;
    assert!(
        table.contains("lang  en 2, de 1") && table.contains("3 of 3 in"),
        "{table}"
    );
}

#[test]
fn a_query_is_explained_and_filters_a_stream() {
    let home = heard();
    let found = home.run(&["search", "--json", "dead"]).json();
    let id = found["hits"][0]["mention"]["id"]
        .as_str()
        .expect("an id")
        .replace("post_", "mention_");
    let explained = home
        .run(&[
            "query",
            "explain",
            "--json",
            "--post",
            &id,
            "battery NEAR/6 dead NOT great",
        ])
        .json();
    assert_eq!(
        explained["canonical"],
        "(battery NEAR/6 dead) AND NOT great"
    );
    assert_eq!(explained["cost"]["matches"], 1);
    assert_eq!(explained["post"]["matches"], true);
    assert_eq!(
        explained["post"]["leaves"][0]["text"],
        serde_json::json!([[4, 11], [33, 37]])
    );
    let mut command = home.command(&["query", "match", "battery NOT lang:de"]);
    command.stdin(Stdio::piped());
    let filtered = ended(command, POSTS.as_bytes());
    assert_eq!(filtered.stdout.lines().count(), 2);
    assert_eq!(filtered.stdout.lines().next(), POSTS.lines().next());
}

#[test]
fn what_is_heard_later_is_followed() {
    let home = heard();
    let mut child = home
        .command(&["search", "--follow", "--json", "battery"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> serde_json::Value {
        let line = lines.next().expect("goes on").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    let texts: Vec<_> = (0..3).map(|_| next()["mention"]["text"].clone()).collect();
    assert!(
        texts[2].as_str().is_some_and(|text| text.contains("Akku")),
        "the newest last: {texts:?}"
    );
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(home.path("posts.ndjson"))
        .expect("opens");
    // Older than all that was shown: it is new to us all the same.
    writeln!(file, r#"{{"v":1,"id":"4","text":"no such word"}}"#).expect("written");
    writeln!(
        file,
        r#"{{"v":1,"id":"5","text":"an old battery","published_at":"2020-01-01T00:00:00Z"}}"#
    )
    .expect("written");
    drop(file);
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    assert_eq!(next()["mention"]["text"], "an old battery");
    signal(child.id(), "INT");
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

#[test]
fn similar_posts_are_found_by_meaning() {
    let home = Home::new("");
    let posts = home.file(
        "posts.ndjson",
        r#"{"v":1,"id":"1","text":"The battery of my phone is dead again","language":"en"}
{"v":1,"id":"2","text":"My phone's battery died and does not charge any more","language":"en"}
{"v":1,"id":"3","text":"We baked a cake with apples for grandmother","language":"en"}
"#,
    );
    home.configure(&format!(
        "[[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n[[monitors]]\nid = \"all\"\nquery = \"*\"\n",
        posts.display()
    ));
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    let first = home.run(&["search", "--json", "dead"]).json();
    let id = first["hits"][0]["mention"]["id"].as_str().expect("an id");
    let answer = home
        .run(&["search", "--json", &format!("similar:{id}")])
        .json();
    let texts: Vec<&str> = answer["hits"]
        .as_array()
        .expect("hits")
        .iter()
        .filter_map(|hit| hit["mention"]["native_id"].as_str())
        .collect();
    assert_eq!(texts, ["2", "3"], "{answer}");
    let score = |n: usize| answer["hits"][n]["score"].as_f64().expect("a number");
    assert!(score(0) > score(1) + 0.2, "{answer}");

    home.run(&["search", "--follow", &format!("similar:{id}")])
        .refused(&["remove it, or use search"]);
    home.run(&["search", "similar:post_00000000000000000000000000000000"])
        .refused(&["was not scored"]);
}
