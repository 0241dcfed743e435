//! The commands as people and scripts meet them: no setting and no missing file ends in a panic or in the
//! operating system's error alone; what goes wrong says what to do next.

use std::time::Duration;

use serde_json::Value;

use crate::daemon::{Ended, Home, PATIENCE, ended, overheard, until};

/// Three posts, of two languages; the author of the last is a customer of `CUSTOMERS`.
const POSTS: &str = r#"{"v":1,"id":"1","text":"The battery of my scooter is dead again, =SUM(1,2) says the app.","language":"en","author":{"handle":"ann"}}
{"v":1,"id":"2","title":"=cmd()","text":"Love the new brakes on this scooter.","language":"en"}
{"v":1,"id":"3","network":"mastodon","scope":"","url":"https://m.example/3","text":"Mein Roller ist kaputt.","language":"de","author":{"handle":"kurt@m.example"}}
"#;
const CUSTOMERS: &str = "id,name,emails,handles,urls,segment,value,tags
C-1,Kurt Rehm,kurt@rehm.example,mastodon:kurt@m.example,,gold,740,
C-2,Ann Lee,,,,,,
";

/// A home with a file source of three posts and no model.
fn home() -> Home {
    let home = Home::new("");
    home.file("posts.ndjson", POSTS);
    home.configure(&settings(&home, &["posts"]));
    home
}

fn settings(home: &Home, sources: &[&str]) -> String {
    let mut settings = r#"
[analysis]
engine = "none"
[[monitors]]
id = "scooters"
query = "scooter OR roller"
[[digests]]
id = "daily"
"#
    .to_owned();
    for name in sources {
        let path = home.path(&format!("{name}.ndjson"));
        settings.push_str(&format!(
            "[[sources]]\nid = \"{name}\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n",
            path.display()
        ));
    }
    settings
}

/// A home in which one round was run.
fn heard() -> Home {
    let home = home();
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    home
}

fn plain(arguments: &[&str]) -> Ended {
    ended(overheard(arguments), b"")
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let home = home();
    let none = home.path("none.toml").display().to_string();
    for command in [&["run"][..], &["check"], &["search", "x"], &["login"]] {
        let missing = plain(&[command, &["--config", &none]].concat());
        missing.refused(&["none.toml", "name another with --config"]);
    }
    let dir = home.path("").display().to_string();
    plain(&["check", "--config", &dir]).refused(&["is a directory", "name the file in it"]);
    std::fs::write(home.config(), [0xff, 0xfe, 0x00]).expect("a file");
    home.run(&["check"]).refused(&["overheard.toml"]);
}

#[test]
fn a_configuration_with_mistakes_lists_all_of_them() {
    let home = home();
    let file = home.file(
        "wrong.toml",
        "colour = 1\n[fetch]\ntimeout_sec = 3\n[[monitors]]\nid = \"m\"\nquery = \"a AND (b\"\n[web]\nlisten = \"here\"\n",
    );
    let file = file.display().to_string();
    for command in [&["check"][..], &["run"], &["run", "--once"]] {
        let wrong = plain(&[command, &["--config", &file]].concat());
        wrong.refused(&[
            "colour",
            "timeout_sec",
            "timeout_secs",
            "listen",
            "wrong.toml:",
        ]);
    }
    let mut command = home.command(&["check"]);
    command.env("OVERHEARD_FETCH__TIMEOUT_SECS", "soon");
    ended(command, b"").refused(&["OVERHEARD_FETCH__TIMEOUT_SECS", "soon"]);
    let good = home.run(&["check"]);
    assert_eq!(good.status, Some(0), "{good:?}");
    assert!(
        good.stdout
            .contains("good (1 source, 1 monitor, 0 endpoints, 1 digest)")
    );
    let defaults = plain(&["config"]);
    assert!(defaults.stdout.contains("[[endpoints]]"));
}

#[test]
fn a_data_directory_that_cannot_be_one_is_named() {
    let home = home();
    let file = home.file("taken", "x").display().to_string();
    let config = home.config().display().to_string();
    for command in [
        &["run"][..],
        &["run", "--once"],
        &["token", "create", "ci"],
        &["search", "x"],
        &["sources", "list"],
        &["sources", "resume", "posts"],
        &["index", "rebuild"],
    ] {
        plain(&[command, &["--config", &config, "--data", &file]].concat())
            .refused(&["taken", "--data"]);
    }
}

#[test]
fn before_anything_was_heard_every_command_says_so() {
    let home = home();
    let mention = format!("mention_{}", "0".repeat(32));
    for command in [
        &["search", "battery"][..],
        &["show", &mention],
        &["customers", "show", "C-1"],
        &["sources", "list"],
        &["sources", "resume", "posts"],
        &["deliveries", "dead"],
        &["deliveries", "replay"],
        &["digest", "--date", "today", "--stdout"],
        &["index", "rebuild"],
        &["token", "list"],
    ] {
        home.run(command)
            .refused(&["nothing was heard in", "overheard run"]);
    }
    home.run(&["login"])
        .refused(&["no daemon is running", "overheard run"]);
    assert!(!home.data().exists(), "asking made a data directory");
}

#[test]
fn wrong_arguments_are_explained() {
    let home = heard();
    home.run(&["search", "battery AND ("]).refused(&["^"]);
    home.run(&["search", "colour:red"]).refused(&["colour"]);
    home.run(&["customers", "show", "C-404"])
        .refused(&["no customer \"C-404\"", "customers import"]);
    home.run(&["digest", "--date", "someday"])
        .refused(&["\"someday\" is not a day", "YYYY-MM-DD"]);
    home.run(&["digest", "--digest", "weekly"])
        .refused(&["no digest \"weekly\"", "daily"]);
    home.run(&["sources", "resume", "blog"])
        .refused(&["no source \"blog\"", "sources list"]);
    home.run(&["token", "revoke", "ci"])
        .refused(&["no token \"ci\"", "token list"]);
    let mention = format!("mention_{}", "0".repeat(32));
    home.run(&["show", &mention])
        .refused(&["there is no mention", "overheard search"]);
    home.run(&["show", "seven"]).refused(&["seven", "--help"]);
    home.run(&["demo", "--for", "soon"])
        .refused(&["write 30s, 5m or 1h30m"]);
}

#[test]
fn customers_are_imported_or_the_reason_is_told() {
    let home = home();
    let missing = home.path("none.csv").display().to_string();
    home.run(&["customers", "import", &missing]).refused(&[
        "could not read",
        "none.csv",
        "- for stdin",
    ]);
    let garbage = home.file("garbage.csv", b"\x00\xff\x13;;;\n\"\n,,,,,,,,\n");
    home.run(&["customers", "import", &garbage.display().to_string()])
        .refused(&["id"]);
    let garbage = home.file("garbage.json", "[{\"id\": ");
    let broken = home.run(&["customers", "import", &garbage.display().to_string()]);
    assert_eq!(broken.status, Some(1), "{broken:?}");
    broken.speaks(&[]);

    // The first thing that is done on a machine: no daemon, no data directory.
    let file = home.file("customers.csv", CUSTOMERS).display().to_string();
    let first = home.run(&["customers", "import", &file, "--json"]).json();
    assert_eq!(
        (&first["created"], &first["rejected"]),
        (&2.into(), &0.into())
    );
    let again = home.run(&["customers", "import", &file, "--json"]).json();
    assert_eq!(
        (&again["created"], &again["unchanged"]),
        (&0.into(), &2.into())
    );
    let mut piped = home.command(&["customers", "import", "-", "--format", "csv"]);
    piped.arg("--json");
    let piped = ended(piped, format!("{CUSTOMERS},No id,,,,,,\n").as_bytes());
    assert_eq!(
        piped.status,
        Some(1),
        "a reject is told to scripts: {piped:?}"
    );
    let told: Value = serde_json::from_str(&piped.stdout).expect("JSON");
    assert_eq!(
        (&told["rejected"], &told["rejects"][0]["line"]),
        (&1.into(), &4.into())
    );
}

#[test]
fn one_round_reads_a_file_and_everything_finds_it() {
    let home = home();
    let file = home.file("customers.csv", CUSTOMERS).display().to_string();
    home.run(&["customers", "import", &file]).speaks(&[]);
    let once = home.run(&["run", "--once", "--json"]).json();
    assert_eq!(
        once,
        serde_json::json!({
            "sources_polled": 1, "sources_failed": 0, "sources_held": 0, "new_posts": 3, "changed_posts": 0,
            "indexed": 3, "delivered": 0, "deliveries_failed": 0,
        })
    );
    let again = home.run(&["run", "--once", "--json"]).json();
    assert_eq!(again["new_posts"], 0);

    let found = home.run(&["search", "--json", "scooter"]).json();
    assert_eq!(found["total"], 2);
    assert_eq!(found["query"], "scooter");
    let hits = found["hits"].as_array().expect("hits");
    assert_eq!(hits.len(), 2);
    let id = hits[0]["mention"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(home.run(&["search", "--count", "lang:de"]).stdout, "1\n");
    let table = home.run(&["search", "battery"]);
    assert!(
        table.stdout.contains("ann") && table.stdout.contains("1 of 1"),
        "{table:?}"
    );
    let none = home.run(&["search", "zeppelin"]);
    assert!(none.stdout.contains("No posts match zeppelin"), "{none:?}");

    let csv = home.run(&["search", "--csv", "scooter"]);
    let mut rows = csv::Reader::from_reader(csv.stdout.as_bytes());
    let header = rows.headers().expect("a header").clone();
    assert_eq!((&header[0], &header[13], header.len()), ("id", "text", 14));
    let rows: Vec<_> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|row| &row[12] == "'=cmd()"), "{rows:?}");

    let mention = id.replace("post_", "mention_");
    let shown = home.run(&["show", &mention, "--json"]).json();
    assert_eq!(shown["id"], hits[0]["mention"]["id"]);
    let customer = home.run(&["customers", "show", "C-1", "--json"]).json();
    assert_eq!(customer["name"], "Kurt Rehm");
    assert_eq!(customer["timeline"][0]["url"], "https://m.example/3");
    let listed = home.run(&["customers", "list", "kurt", "--json"]).json();
    assert_eq!(listed[0]["id"], "C-1");
    let nobody = home.run(&["customers", "list", "nobody"]);
    assert!(nobody.stdout.contains("no such customer"), "{nobody:?}");
    let sources = home.run(&["sources", "list", "--json"]).json();
    assert_eq!(
        (
            &sources[0]["id"],
            &sources[0]["state"],
            &sources[0]["posts"]
        ),
        (&"posts".into(), &"healthy".into(), &3.into())
    );
    assert_eq!(
        home.run(&["deliveries", "dead", "--json"]).json(),
        serde_json::json!([])
    );
    assert_eq!(
        home.run(&["token", "list", "--json"]).json(),
        serde_json::json!([])
    );
    let digest = home.run(&["digest", "--date", "today", "--stdout"]);
    assert!(
        digest.stdout.starts_with("# ") && digest.stdout.contains("scooters"),
        "{digest:?}"
    );

    let rebuilt = home.run(&["index", "rebuild"]);
    assert_eq!(
        rebuilt.stdout, "Built the index anew: 3 posts.\n",
        "{rebuilt:?}"
    );
    assert_eq!(home.run(&["search", "--count", "scooter"]).stdout, "2\n");
}

#[test]
fn one_round_reads_stdin() {
    let home = home();
    home.configure("[analysis]\nengine = \"none\"\n[[sources]]\nid = \"pipe\"\ntype = \"file\"\npath = \"-\"\n");
    let once = ended(home.command(&["run", "--once", "--json"]), POSTS.as_bytes()).json();
    assert_eq!(
        (&once["new_posts"], &once["indexed"]),
        (&3.into(), &3.into())
    );
}

#[test]
fn one_round_without_its_file_fails_in_words() {
    let home = home();
    std::fs::remove_file(home.path("posts.ndjson")).expect("the file");
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(1), "{once:?}");
    once.speaks(&["posts.ndjson"]);
    assert!(
        once.stdout.contains("0 sources answered, 1 failed"),
        "{once:?}"
    );
    let sources = home.run(&["sources", "list", "--json"]).json();
    assert!(
        sources[0]["error"]
            .as_str()
            .is_some_and(|error| error.contains("posts.ndjson: ")),
        "{sources}"
    );
}

#[test]
fn completions_are_printed_for_every_shell() {
    for (shell, word) in [
        ("bash", "_overheard"),
        ("zsh", "#compdef overheard"),
        ("fish", "complete -c overheard"),
    ] {
        let printed = plain(&["completions", shell]);
        assert_eq!(printed.status, Some(0));
        assert!(printed.stdout.contains(word), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_running_daemon_commands_go_through_it() {
    let home = home();
    let mut daemon = home.start();
    daemon.ready().await;
    for command in [&["run"][..], &["run", "--once"]] {
        home.run(command)
            .refused(&[&format!("in use by process {}", daemon.pid()), "--data"]);
    }
    let file = home.file("customers.csv", CUSTOMERS).display().to_string();
    let imported = home.run(&["customers", "import", &file, "--json"]).json();
    assert_eq!(imported["created"], 2);
    let garbage = home.file("garbage.csv", b"\x00\xff\x13;;;\n\"\n,,,,,,,,\n");
    home.run(&["customers", "import", &garbage.display().to_string()])
        .refused(&["the daemon answered 4"]);
    let link = home.run(&["login"]);
    assert!(
        link.stdout.starts_with("http://127.0.0.1:") && link.stdout.contains("/login?token="),
        "{link:?}"
    );
    let token = home.run(&["token", "create", "ci"]);
    assert_eq!(token.status, Some(0), "{token:?}");
    assert!(
        !daemon.log().contains(token.stdout.trim()),
        "the log holds a token"
    );
    assert_eq!(
        home.run(&["token", "list", "--json"]).json()[0]["name"],
        "ci"
    );
    assert_eq!(home.run(&["token", "revoke", "ci"]).status, Some(0));
    let heard =
        async || (home.run(&["search", "--count", "scooter"]).stdout == "2\n").then_some(());
    until(PATIENCE, heard, || daemon.log()).await;
    let rebuilt = home.run(&["index", "rebuild"]);
    assert!(
        rebuilt.stdout.contains("built the index anew: 3 posts"),
        "{rebuilt:?}"
    );
    assert_eq!(home.run(&["search", "--count", "scooter"]).stdout, "2\n");
    assert_eq!(home.run(&["sources", "resume", "blog"]).status, Some(1));
    let customer = home.run(&["customers", "show", "C-1", "--json"]).json();
    assert_eq!(customer["timeline"][0]["url"], "https://m.example/3");
    let log = daemon.log();
    for secret in ["Kurt Rehm", "kurt@", "dead again"] {
        assert!(!log.contains(secret), "the log holds {secret:?}");
    }

    let (status, took) = daemon.end("TERM").await;
    assert_eq!(status, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    println!("SIGTERM took {:.2} s", took.as_secs_f64());
    assert!(!home.data().join("api.sock").exists());
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_a_good_file_and_keeps_the_old_one_otherwise() {
    let home = home();
    let mut daemon = home.start();
    daemon.ready().await;
    let good = std::fs::read_to_string(home.config()).expect("the configuration");

    std::fs::write(home.config(), "[fetch]\ntimeout_sec = 1\n").expect("a file");
    crate::daemon::signal(daemon.pid(), "HUP");
    let kept = async || {
        daemon
            .log()
            .contains("kept the old configuration")
            .then_some(())
    };
    until(PATIENCE, kept, || daemon.log()).await;
    assert!(daemon.log().contains("timeout_sec"), "{}", daemon.log());
    assert_eq!(daemon.get("/readyz"), Some(200));

    home.file(
        "more.ndjson",
        "{\"v\":1,\"id\":\"9\",\"text\":\"Another scooter.\"}\n",
    );
    std::fs::write(home.config(), good).expect("a file");
    home.configure(&settings(&home, &["posts", "more"]));
    crate::daemon::signal(daemon.pid(), "HUP");
    let heard =
        async || (home.run(&["search", "--count", "scooter"]).stdout == "3\n").then_some(());
    until(PATIENCE, heard, || daemon.log()).await;
    let sources = home.run(&["sources", "list", "--json"]).json();
    let names: Vec<_> = sources
        .as_array()
        .expect("a list")
        .iter()
        .map(|source| &source["id"])
        .collect();
    assert_eq!(names, ["more", "posts"]);
    let (status, _) = daemon.end("INT").await;
    assert_eq!(status, Some(0));
}
