//! Monitors that are made, changed and removed while the daemon runs, and that outlive it.

use std::fs;

use crate::daemon::{Home, PATIENCE, TestDaemon, until};

fn home() -> Home {
    let home = Home::new("");
    let posts = home.file("posts.ndjson", "");
    home.configure(&format!(
        "[analysis]\nengine = \"none\"\n[[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n[[monitors]]\nid = \"declared\"\nquery = \"brakes\"\n",
        posts.display(),
    ));
    home
}

fn say(home: &Home, id: u32, text: &str) {
    let posts = home.path("posts.ndjson");
    let line = format!("{{\"v\":1,\"id\":\"{id}\",\"text\":\"{text}\",\"language\":\"en\"}}\n");
    fs::write(&posts, fs::read_to_string(&posts).expect("posts") + &line).expect("posts");
}

/// Waits until a query finds so many mentions.
async fn heard(home: &Home, daemon: &TestDaemon, query: &str, count: &str) {
    let counted = async || {
        let ended = home.run(&["search", "--count", query]);
        (ended.stdout.trim() == count).then_some(())
    };
    until(PATIENCE, counted, || daemon.log()).await;
}

#[tokio::test]
async fn a_monitor_is_made_changed_restarted_and_removed_beside_a_running_daemon() {
    let home = home();
    let mut daemon = home.start();
    daemon.ready().await;
    let set = |arguments: &[&str]| home.run(&[&["monitors", "set"], arguments].concat());
    for (arguments, words) in [
        (vec!["declared", "battery"], "configuration file"),
        (vec!["new", "battery AND"], "nothing stands after AND"),
        (vec!["new", "battery sort:engagement"], "sort:"),
        (vec!["new", "battery", "--role", "king"], "unknown variant"),
    ] {
        set(&arguments).refused(&[words]);
    }
    assert_eq!(
        set(&["power", "battery", "--brand", "Voltra"]).status,
        Some(0)
    );
    say(&home, 1, "battery one");
    heard(&home, &daemon, "monitor:power", "1").await;

    daemon.kill();
    let mut daemon = home.start();
    daemon.ready().await;
    say(&home, 2, "battery two");
    heard(&home, &daemon, "monitor:power", "2").await;
    let listed = home.run(&["monitors", "list", "--json"]).json();
    let origins: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| (&m["id"], &m["origin"]))
        .collect();
    assert_eq!(
        origins,
        [
            (&"declared".into(), &"file".into()),
            (&"power".into(), &"api".into())
        ]
    );

    // Changed, it judges what comes then; a reload keeps it.
    assert_eq!(set(&["power", "charger"]).status, Some(0));
    let reloaded = home.run(&["reload"]);
    assert_eq!(reloaded.status, Some(0), "{reloaded:?}");
    say(&home, 3, "charger three");
    heard(&home, &daemon, "monitor:power", "3").await;
    say(&home, 4, "battery four and brakes");
    heard(&home, &daemon, "monitor:declared", "1").await;
    heard(&home, &daemon, "monitor:power", "3").await;

    assert_eq!(home.run(&["monitors", "remove", "power"]).status, Some(0));
    home.run(&["monitors", "remove", "power"])
        .refused(&["there is no monitor"]);
    home.run(&["monitors", "remove", "declared"])
        .refused(&["configuration file"]);
    say(&home, 5, "charger five and brakes");
    heard(&home, &daemon, "monitor:declared", "2").await;
    heard(&home, &daemon, "monitor:power", "3").await;
}

#[tokio::test]
async fn searches_are_saved_counted_and_forgotten_and_outlive_the_daemon() {
    let home = home();
    let mut daemon = home.start();
    daemon.ready().await;
    say(&home, 1, "battery one");
    heard(&home, &daemon, "battery", "1").await;
    let name = "Ann's / batteries";
    let save = |query: &str| home.run(&["searches", "save", name, query, "--all", "--range", "7d"]);
    save("battery AND").refused(&["nothing stands after AND"]);
    assert_eq!(save("battery").status, Some(0));
    drop(daemon);
    let mut daemon = home.start();
    daemon.ready().await;
    let listed = home.run(&["searches", "list", "--json"]).json();
    assert_eq!(
        listed,
        serde_json::json!([{"name": name, "query": "battery", "range": "7d", "scope": "all", "total": 1}])
    );
    let table = home.run(&["searches", "list"]).stdout;
    assert!(table.contains(name) && table.contains("posts"), "{table}");
    assert_eq!(home.run(&["searches", "remove", name]).status, Some(0));
    home.run(&["searches", "remove", name])
        .refused(&["there is no saved search"]);
}
