//! Sources built from configuration: what is refused, and in which words.

use super::*;
use crate::config::FetchConfig;
use crate::config::SourceConfig;

fn built(keys: &str) -> Result<Box<dyn Source>, String> {
    let config = FetchConfig {
        contact_url: "https://overheard.example/bot".into(),
        timeout_secs: 5,
        max_body_mib: 1,
        host_spacing_ms: 0,
        backoff_secs: 1,
        max_backoff_secs: 10,
        max_interval_secs: 86_400,
        websub: false,
        allow_private: vec![],
        allow_ports: vec![],
    };
    let (clock, _time) = Clock::manual(Timestamp::UNIX_EPOCH);
    let fetcher = Fetcher::new(&config, clock.clone()).unwrap();
    let config: SourceConfig = toml::from_str(&format!("id = \"acme\"\n{keys}")).unwrap();
    build(&config, &fetcher, &clock).map_err(|error| error.to_string())
}

fn refused(keys: &str) -> String {
    built(keys).err().expect("the keys should be refused")
}

#[test]
fn a_source_says_what_it_is_and_what_it_asks_for() {
    let feed = built("type = \"feed\"\nurl = \"https://a.example/f#top\"").unwrap();
    assert_eq!((feed.id().as_str(), feed.kind()), ("acme", "feed"));
    assert_eq!(feed.http_key().unwrap().url, "https://a.example/f");
    let store = built("type = \"appstore\"\napp_id = \"77\"\ncountry = \"US\"").unwrap();
    assert_eq!(
        store.http_key().unwrap().url,
        "https://itunes.apple.com/us/rss/customerreviews/page=1/id=77/sortBy=mostRecent/json"
    );
    assert_eq!(
        built("type = \"file\"\npath = \"-\"").unwrap().http_key(),
        None
    );
    assert_eq!(
        built("type = \"hackernews\"\nquery = \"acme\"")
            .unwrap()
            .http_key(),
        None
    );
}

#[test]
fn values_that_cannot_work_are_named() {
    for (keys, expected) in [
        (
            "type = \"feed\"\nurl = \"ftp://a.example/\"",
            "source \"acme\": url = \"ftp://a.example/\": scheme `ftp` is not http or https",
        ),
        (
            "type = \"feed\"\nurl = \"a.example\"",
            "source \"acme\": url = \"a.example\": relative URL without a base",
        ),
        (
            "type = \"mastodon\"\nbase_url = \"https://m.example\"\ntag = \"two words\"",
            "source \"acme\": tag = \"two words\": a hashtag has letters, digits and `_` only",
        ),
        (
            "type = \"appstore\"\napp_id = \"id77\"\ncountry = \"us\"",
            "source \"acme\": app_id = \"id77\": an app's id is a number, as in its store page's address",
        ),
        (
            "type = \"json\"\nurl = \"https://a.example\"\nitems = \"data\"\nitem_id = \"/id\"\ntext = \"/t\"",
            "source \"acme\": items = \"data\": a JSON Pointer begins with `/`; try \"/data\"",
        ),
        (
            "type = \"file\"\npath = \"posts.txt\"",
            "source \"acme\": path = \"posts.txt\": the ending tells no format; set format = \"ndjson\" or \"csv\"",
        ),
    ] {
        assert_eq!(refused(keys), expected);
    }
    let page = refused("type = \"page\"\nurl = \"https://a.example\"\nitem = \"a[\"\ntext = \"p\"");
    assert!(
        page.starts_with("source \"acme\": item = \"a[\": "),
        "{page}"
    );
    let secret = refused(
        "type = \"mastodon\"\nbase_url = \"https://m.example\"\ntag = \"x\"\ntoken_file = \"/nowhere/token\"",
    );
    assert_eq!(
        secret,
        "source \"acme\": secret file /nowhere/token cannot be read"
    );
}
