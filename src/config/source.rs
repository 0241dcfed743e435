//! `[[sources]]`: one variant a connector, tagged by `type`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::SourceId;

/// What all sources have, and the connector's own keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SourceConfig {
    /// The name.
    pub id: SourceId,
    /// Shortest time between two polls, in seconds.
    #[serde(default = "SourceConfig::default_interval_secs")]
    pub interval_secs: u64,
    /// Longest time between two polls while it works, in seconds; `[fetch] max_interval_secs` when absent.
    pub max_interval_secs: Option<u64>,
    /// Keeps the source known but silent.
    #[serde(default = "default_true")]
    pub enabled: bool,
    /// The connector.
    #[serde(flatten)]
    pub kind: SourceKind,
}

/// The connectors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum SourceKind {
    /// RSS, Atom, JSON Feed.
    Feed(FeedConfig),
    /// An HTML page.
    Page(PageConfig),
    /// Any JSON API.
    Json(JsonConfig),
    /// Mastodon's tag timeline.
    Mastodon(MastodonConfig),
    /// Hacker News' search.
    HackerNews(HackerNewsConfig),
    /// App Store reviews.
    AppStore(AppStoreConfig),
    /// NDJSON or CSV on disk or stdin.
    File(FileConfig),
}

impl SourceKind {
    /// The connector's name, as in `type`; also the network of its posts unless they say otherwise.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Feed(_) => "feed",
            Self::Page(_) => "page",
            Self::Json(_) => "json",
            Self::Mastodon(_) => "mastodon",
            Self::HackerNews(_) => "hackernews",
            Self::AppStore(_) => "appstore",
            Self::File(_) => "file",
        }
    }

    /// The URL that it asks, or the base of those; absent for files.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Feed(feed) => Some(&feed.url),
            Self::Page(page) => Some(&page.url),
            Self::Json(json) => Some(&json.url),
            Self::Mastodon(mastodon) => Some(&mastodon.base_url),
            Self::HackerNews(news) => Some(&news.base_url),
            Self::AppStore(store) => Some(&store.base_url),
            Self::File(_) => None,
        }
    }
}

/// `type = "feed"`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// The feed's URL.
    pub url: String,
    /// Whether robots.txt is obeyed; true unless you own the site.
    #[serde(default = "default_true")]
    pub obey_robots: bool,
}

/// `type = "page"`: items on a page by CSS selectors; all but `item` are relative to the item.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageConfig {
    /// The page's URL.
    pub url: String,
    /// Selects each item.
    pub item: String,
    /// Text of the item.
    pub text: String,
    /// Title.
    pub title: Option<String>,
    /// Author's name.
    pub author: Option<String>,
    /// Date: the `datetime` attribute if there is one, else the text.
    pub date: Option<String>,
    /// Link to the item: its `href`.
    pub link: Option<String>,
    /// Stars: the `data-rating` or `content` attribute if there is one, else the first number in the text.
    pub rating: Option<String>,
    /// The most stars that can be given.
    #[serde(default = "default_rating_best")]
    pub rating_best: f64,
    /// Network name of the posts.
    #[serde(default = "default_page_network")]
    pub network: String,
}

/// `type = "json"`: any JSON API by JSON Pointers (RFC 6901); all but `items` are relative to the item.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonConfig {
    /// The API's URL.
    pub url: String,
    /// The array of items; `""` is the whole document.
    pub items: String,
    /// Native id.
    pub item_id: String,
    /// Text.
    pub text: String,
    /// Whether text and title hold HTML.
    #[serde(default)]
    pub html: bool,
    /// Title.
    pub title: Option<String>,
    /// Author's name or handle.
    pub author: Option<String>,
    /// Date: RFC 3339, RFC 2822 or epoch seconds.
    pub date: Option<String>,
    /// The item's URL.
    pub link: Option<String>,
    /// Stars.
    pub rating: Option<String>,
    /// The most stars that can be given.
    #[serde(default = "default_rating_best")]
    pub rating_best: f64,
    /// Likes.
    pub likes: Option<String>,
    /// Replies.
    pub replies: Option<String>,
    /// The next page's URL (absolute or relative), from the document's root.
    pub next: Option<String>,
    /// Most pages in one poll.
    #[serde(default = "default_max_pages")]
    pub max_pages: u32,
    /// Name of a request header that carries the credential, such as `Authorization`.
    pub credential_header: Option<String>,
    /// File with that header's value; must not be readable by everybody.
    pub credential_file: Option<PathBuf>,
    /// Network name of the posts.
    #[serde(default = "default_json_network")]
    pub network: String,
}

/// `type = "mastodon"`: the public timeline of a hashtag.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MastodonConfig {
    /// The instance, such as `https://mastodon.social`.
    pub base_url: String,
    /// The hashtag, without `#`.
    pub tag: String,
    /// File with an access token, for instances that ask for one.
    pub token_file: Option<PathBuf>,
}

/// `type = "hackernews"`: Algolia's search by date.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HackerNewsConfig {
    /// What to search for.
    pub query: String,
    /// The API.
    #[serde(default = "default_hackernews_url")]
    pub base_url: String,
}

/// `type = "appstore"`: the public reviews of an app in one country.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppStoreConfig {
    /// The app's numeric id.
    pub app_id: String,
    /// Two-letter country.
    pub country: String,
    /// The API.
    #[serde(default = "default_appstore_url")]
    pub base_url: String,
}

/// `type = "file"`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// The file; `-` is stdin (for `run --once`).
    pub path: PathBuf,
    /// How it is written; by the file's ending when absent.
    pub format: Option<FileFormat>,
}

/// Forms of post files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// One JSON object a line, `"v":1` (docs/post-format.md).
    Ndjson,
    /// A header line, then a post a row.
    Csv,
}

impl SourceConfig {
    /// The time between polls of a source that does not say, in seconds.
    pub(super) fn default_interval_secs() -> u64 {
        900
    }
}

fn default_true() -> bool {
    true
}

fn default_rating_best() -> f64 {
    5.0
}

fn default_max_pages() -> u32 {
    5
}

fn default_page_network() -> String {
    "page".to_owned()
}

fn default_json_network() -> String {
    "json".to_owned()
}

fn default_hackernews_url() -> String {
    "https://hn.algolia.com".to_owned()
}

fn default_appstore_url() -> String {
    "https://itunes.apple.com".to_owned()
}
