//! `config/overheard.toml` against the types: every key is there, with a comment above it.

use overheard::config::{Config, DEFAULT_CONFIG};

use crate::support::no_env;

/// The keys that a table's type knows: what is suggested for a key that nobody has.
fn known_keys(table: &str, unknown: &str) -> Vec<String> {
    let text = format!("{table}\n{unknown} = 1\n");
    let errors = Config::from_toml("a.toml", &text, no_env()).expect_err("an unknown key");
    let help = errors
        .problems()
        .iter()
        .find(|problem| problem.message.starts_with("unknown key"))
        .and_then(|problem| problem.help.clone())
        .expect("help for the unknown key");
    let list = help.strip_prefix("use one of ").expect("a list of keys");
    list.split(", ").map(str::to_owned).collect()
}

/// The part of the file that begins with a line, up to the next table or example.
fn part<'a>(text: &'a str, begins: &str) -> &'a str {
    let start = text.find(begins).unwrap_or_else(|| panic!("no {begins}"));
    let rest = &text[start + begins.len()..];
    let end = ["\n[", "\n# [[", "\n# ---", "\n# ==="]
        .iter()
        .filter_map(|mark| rest.find(mark))
        .min()
        .unwrap_or(rest.len());
    &rest[..end]
}

/// Asserts that `key = ..` stands in the part, below a comment of its own.
fn check(part: &str, key: &str, place: &str) {
    let lines: Vec<&str> = part
        .lines()
        .map(|line| line.trim_start_matches("# "))
        .collect();
    let raw: Vec<&str> = part.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with(&format!("{key} = ")))
        .unwrap_or_else(|| panic!("{place}: {key} is missing"));
    assert!(
        at > 0 && raw[at - 1].starts_with("# ") && !lines[at - 1].contains(" = "),
        "{place}: {key} has no comment"
    );
}

#[test]
fn every_key_has_a_default_and_a_comment() {
    for section in [
        "fetch", "ingest", "analysis", "index", "web", "deliver", "log",
    ] {
        let header = format!("[{section}]");
        let part = part(DEFAULT_CONFIG, &format!("\n{header}\n"));
        let keys = known_keys(&header, "zzzz");
        assert!(!keys.is_empty());
        for key in keys {
            check(part, &key, &header);
            assert!(
                part.lines()
                    .any(|line| line.starts_with(&format!("{key} = "))),
                "{header}: {key} has no default"
            );
        }
    }
    let top = &DEFAULT_CONFIG[..DEFAULT_CONFIG.find("\n[").expect("a section")];
    for key in ["data_dir", "time_zone", "public_url"] {
        check(top, key, "top level");
    }
}

const COMMON_KEYS: [&str; 5] = [
    "id",
    "type",
    "interval_secs",
    "max_interval_secs",
    "enabled",
];

#[test]
fn every_key_of_the_lists_has_an_example_and_a_comment() {
    let connectors = [
        "feed",
        "page",
        "json",
        "mastodon",
        "hackernews",
        "appstore",
        "file",
    ];
    let common = part(DEFAULT_CONFIG, "\n# [[sources]]\n");
    for key in COMMON_KEYS {
        check(common, key, "[[sources]]");
    }
    for kind in connectors {
        let begins = format!("\n# \"{kind}\": ");
        let introduced = &DEFAULT_CONFIG[DEFAULT_CONFIG.find(&begins).expect("an example")..];
        let part = part(introduced, "\n# [[sources]]\n");
        for key in known_keys(
            &format!("[[sources]]\nid = \"a\"\ntype = \"{kind}\""),
            "zzzz",
        ) {
            if !COMMON_KEYS.contains(&key.as_str()) {
                check(part, &key, kind);
            }
        }
    }
    for list in ["models", "monitors", "endpoints", "digests"] {
        // A list may have several examples.
        let begins = format!("\n# [[{list}]]\n");
        let examples = &DEFAULT_CONFIG[DEFAULT_CONFIG.find(&begins).expect("an example")..];
        let examples = examples.split("\n# ===").next().unwrap_or_default();
        for key in known_keys(&format!("[[{list}]]"), "zzzz") {
            check(examples, &key, list);
        }
    }
}

#[test]
fn the_examples_are_good_configuration() {
    let examples = DEFAULT_CONFIG
        .find("# [[sources]]")
        .map(|start| &DEFAULT_CONFIG[start..])
        .expect("examples");
    let text: String = examples
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .filter(|line| {
            let key = line.split(" = ").next().unwrap_or_default();
            (line.starts_with("[[") && line.ends_with("]]"))
                || (line.contains(" = ")
                    && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    // The first block shows the common keys and is a feed without a URL.
    let text = text.replacen(
        "enabled = true\n",
        "enabled = true\nurl = \"https://a.example/\"\n",
        1,
    );
    let text = text.replacen("id = \"acme-blog\"", "id = \"first\"", 1);
    let config = Config::from_toml("examples.toml", &text, no_env())
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.sources.len(), 8);
    assert_eq!(
        (
            config.models.len(),
            config.monitors.len(),
            config.endpoints.len(),
            config.digests.len()
        ),
        (1, 1, 4, 1)
    );
}
