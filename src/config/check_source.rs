//! Checks of `[[sources]]`: what each connector needs to be able to start.

use scraper::Selector;

use super::SourceKind;
use super::check::{not_empty, unique, web_url};
use super::layers::Findings;
use super::load_source::ReadSource;

pub(super) fn sources(sources: &[ReadSource<'_>], ports: &[u16], findings: &mut Findings) {
    unique(
        "source",
        sources
            .iter()
            .map(|source| (&source.config.id, source.span("id"))),
        findings,
    );
    for source in sources {
        let interval = source.config.interval_secs;
        if !(1..=2_592_000).contains(&interval) {
            findings.add(
                source.span("interval_secs"),
                format!("\"interval_secs\" must be from 1 to 2592000 (30 days), not {interval}"),
            );
        }
        if let Some(most) = source.config.max_interval_secs
            && (most < interval || most > 2_592_000)
        {
            findings.add(
                source.span("max_interval_secs"),
                format!("\"max_interval_secs\" must be from \"interval_secs\" ({interval}) to 2592000 (30 days), not {most}"),
            );
        }
        Connector {
            source,
            ports,
            findings,
        }
        .check();
    }
}

struct Connector<'s, 'a, 'f> {
    source: &'s ReadSource<'a>,
    ports: &'s [u16],
    findings: &'f mut Findings,
}

impl Connector<'_, '_, '_> {
    fn check(&mut self) {
        match &self.source.config.kind {
            SourceKind::Feed(feed) => self.url("url", &feed.url),
            SourceKind::Page(page) => {
                self.url("url", &page.url);
                self.selector("item", Some(&page.item));
                self.selector("text", Some(&page.text));
                self.selector("title", page.title.as_ref());
                self.selector("author", page.author.as_ref());
                self.selector("date", page.date.as_ref());
                self.selector("link", page.link.as_ref());
                self.selector("rating", page.rating.as_ref());
                self.rating_best(page.rating_best);
                self.network(&page.network);
            }
            SourceKind::Json(json) => {
                self.url("url", &json.url);
                self.pointer("items", Some(&json.items));
                self.pointer("item_id", Some(&json.item_id));
                self.pointer("text", Some(&json.text));
                self.pointer("title", json.title.as_ref());
                self.pointer("author", json.author.as_ref());
                self.pointer("date", json.date.as_ref());
                self.pointer("link", json.link.as_ref());
                self.pointer("rating", json.rating.as_ref());
                self.pointer("likes", json.likes.as_ref());
                self.pointer("replies", json.replies.as_ref());
                self.pointer("next", json.next.as_ref());
                self.rating_best(json.rating_best);
                self.network(&json.network);
                if json.max_pages == 0 {
                    self.note("max_pages", "\"max_pages\" must be at least 1", None);
                }
                self.credential(
                    json.credential_header.as_deref(),
                    json.credential_file.is_some(),
                );
            }
            SourceKind::Mastodon(mastodon) => {
                self.url("base_url", &mastodon.base_url);
                self.tag(&mastodon.tag);
            }
            SourceKind::HackerNews(news) => {
                self.url("base_url", &news.base_url);
                not_empty(
                    "query",
                    &news.query,
                    self.source.span("query"),
                    self.findings,
                );
            }
            SourceKind::AppStore(store) => {
                self.url("base_url", &store.base_url);
                self.app_id(&store.app_id);
                if store.country.len() != 2
                    || !store.country.bytes().all(|b| b.is_ascii_alphabetic())
                {
                    let message = format!("\"{}\" is not a country", store.country);
                    self.note("country", &message, Some("use two letters, such as \"us\""));
                }
            }
            SourceKind::File(file) => {
                let path = file.path.to_string_lossy();
                not_empty("path", &path, self.source.span("path"), self.findings);
                // What is piped in is NDJSON unless `format` says otherwise.
                let is_stdin = path == "-";
                let named = ["ndjson", "jsonl", "csv"]
                    .iter()
                    .any(|ending| path.to_ascii_lowercase().ends_with(&format!(".{ending}")));
                if file.format.is_none() && !named && !is_stdin && !path.is_empty() {
                    let message = format!("\"{path}\" does not tell how it is written");
                    self.note(
                        "path",
                        &message,
                        Some("add format = \"ndjson\" or format = \"csv\""),
                    );
                }
            }
        }
    }

    fn note(&mut self, key: &str, message: &str, help: Option<&str>) {
        self.findings.note(
            self.source.span(key),
            message.to_owned(),
            help.map(str::to_owned),
        );
    }

    fn url(&mut self, key: &str, text: &str) {
        web_url(key, text, self.source.span(key), self.ports, self.findings);
    }

    fn selector(&mut self, key: &str, selector: Option<&String>) {
        let Some(selector) = selector else { return };
        if Selector::parse(selector).is_err() {
            let message = format!("\"{key}\" is not a CSS selector: \"{selector}\"");
            self.note(
                key,
                &message,
                Some("write it like \"article.review .body\""),
            );
        }
    }

    fn pointer(&mut self, key: &str, pointer: Option<&String>) {
        let Some(pointer) = pointer else { return };
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let message = format!("\"{key}\" is not a JSON Pointer: \"{pointer}\"");
            let help = format!("did you mean \"/{}\"?", pointer.replace('.', "/"));
            self.note(key, &message, Some(&help));
        }
    }

    fn rating_best(&mut self, best: f64) {
        if !best.is_finite() || best <= 0.0 {
            self.note("rating_best", "\"rating_best\" must be more than 0", None);
        }
    }

    fn network(&mut self, network: &str) {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if network.is_empty() || network.len() > 32 || !network.bytes().all(plain) {
            let message = format!("\"{network}\" is not a network name");
            self.note(
                "network",
                &message,
                Some("use 1 to 32 of a-z, 0-9, '-' and '_'"),
            );
        }
    }

    fn credential(&mut self, header: Option<&str>, has_file: bool) {
        if let Some(header) = header
            && reqwest::header::HeaderName::from_bytes(header.as_bytes()).is_err()
        {
            let message = format!("\"{header}\" is not the name of a header");
            self.note(
                "credential_header",
                &message,
                Some("write it like \"Authorization\""),
            );
        }
        if header.is_some() && !has_file {
            let message = "\"credential_header\" needs \"credential_file\"";
            self.note(
                "credential_header",
                message,
                Some("name the file that holds the header's value"),
            );
        }
        if header.is_none() && has_file {
            let message = "\"credential_file\" needs \"credential_header\"";
            self.note(
                "credential_file",
                message,
                Some("add credential_header = \"Authorization\""),
            );
        }
    }

    fn tag(&mut self, tag: &str) {
        if let Some(bare) = tag.strip_prefix('#') {
            let help = format!("did you mean \"{bare}\"?");
            self.note("tag", "\"tag\" is written without '#'", Some(&help));
        } else if tag.is_empty() || !tag.chars().all(|c| c.is_alphanumeric() || c == '_') {
            let message = format!("\"{tag}\" is not a hashtag");
            self.note("tag", &message, Some("use letters, digits and '_'"));
        }
    }

    fn app_id(&mut self, id: &str) {
        let digits = id.strip_prefix("id").unwrap_or(id);
        let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if numeric && digits.len() == id.len() {
            return;
        }
        let message = format!("\"{id}\" is not an app's numeric id");
        let help = if numeric {
            format!("did you mean \"{digits}\"?")
        } else {
            "it is the number after \"id\" in the app's address".to_owned()
        };
        self.note("app_id", &message, Some(&help));
    }
}
