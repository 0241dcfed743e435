//! Corpora of one thing each: dates, pages that name feeds, hostile markup, robots.txt.

use std::path::Path;

use overheard::fetch::Url;
use overheard::sources::feed::feed_links;
use overheard::text::sanitize_feed_html;
use scraper::{Html, Node};

use super::robots_txt::RobotsTxt;
use super::{Row, Verdict, expectations, same_time, shown};

/// Dates as an item's `pubDate`.
pub fn dates(folder: &Path) -> Vec<Row> {
    let mut row = Row::new("feed-dates");
    for case in expectations(&folder.join("dates.json")) {
        let input = case["input"].as_str().unwrap_or_default();
        row.case(input, || {
            let escaped = input.replace('&', "&amp;").replace('<', "&lt;");
            let feed = format!("<rss><channel><item><title>t</title><pubDate>{escaped}</pubDate></item></channel></rss>");
            let shown = shown(feed.as_bytes(), None, "");
            let found = &shown["entries"][0]["published"];
            let right = match case["utc"].as_str() {
                None => found.is_null(),
                Some("?") => !found.is_null(),
                Some(utc) => same_time(found, utc),
            };
            if right {
                Verdict::Equal
            } else {
                Verdict::Different(format!("{found}, expected {}", case["utc"]))
            }
        });
    }
    vec![row]
}

/// The first feed that a page names.
pub fn autodiscovery(folder: &Path) -> Vec<Row> {
    let mut row = Row::new("feed-autodiscovery");
    for case in expectations(&folder.join("expectations.json")) {
        let file = case["file"].as_str().unwrap_or_default();
        let html = std::fs::read(folder.join(file)).unwrap_or_default();
        row.case(file, || {
            let Ok(page) = Url::parse(case["page_url"].as_str().unwrap_or_default()) else {
                return Verdict::NotShown;
            };
            let links = feed_links(&String::from_utf8_lossy(&html), &page);
            let end = case["expect_feed_url_ends_with"]
                .as_str()
                .unwrap_or_default();
            if links.first().is_some_and(|link| link.ends_with(end)) {
                Verdict::Equal
            } else {
                Verdict::Different(format!("{links:?}, expected {end}"))
            }
        });
    }
    vec![row]
}

/// Hostile markup through a feed: what comes out holds nothing that runs, and stays as it is.
pub fn xss(folder: &Path) -> Vec<Row> {
    let mut row = Row::new("xss-dompurify");
    for case in expectations(&folder.join("cases.json")) {
        let payload = case["payload"].as_str().unwrap_or_default();
        row.case(&case["n"].to_string(), || {
            let escaped = payload.replace('&', "&amp;").replace('<', "&lt;");
            let raw = payload.replace("]]>", "]]]]><![CDATA[>");
            let feed = format!(
                "<rss><channel><item><description>{escaped}</description><content:encoded><![CDATA[{raw}]]></content:encoded></item><item><title>{payload}</title></item></channel></rss>"
            );
            let shown = shown(feed.as_bytes(), None, "https://a.example/");
            let mut texts = vec![sanitize_feed_html(payload, None)];
            for entry in shown["entries"].as_array().into_iter().flatten() {
                for name in ["title", "summary", "content"] {
                    texts.extend(entry[name].as_str().map(str::to_owned));
                }
            }
            for text in texts {
                if let Some(why) = danger(&text) {
                    return Verdict::Different(format!("{why} in {text}"));
                }
                let again = sanitize_feed_html(&text, None);
                if again != text {
                    return Verdict::Different(format!("{text} becomes {again}"));
                }
            }
            Verdict::Equal
        });
    }
    vec![row]
}

/// What in a piece of HTML could run or load something.
pub fn danger(html: &str) -> Option<String> {
    const ELEMENTS: [&str; 12] = [
        "script", "iframe", "object", "embed", "form", "meta", "base", "link", "style", "svg",
        "math", "frame",
    ];
    for node in Html::parse_fragment(html).tree.nodes() {
        let Node::Element(element) = node.value() else {
            continue;
        };
        if ELEMENTS.contains(&element.name()) {
            return Some(format!("<{}>", element.name()));
        }
        for (name, value) in element.attrs() {
            let value: String = value
                .chars()
                .filter(|c| !c.is_whitespace() && !c.is_control())
                .collect::<String>()
                .to_lowercase();
            let scheme = ["javascript:", "vbscript:", "data:"]
                .iter()
                .any(|scheme| value.starts_with(scheme));
            let url = matches!(
                name,
                "href"
                    | "src"
                    | "srcset"
                    | "cite"
                    | "action"
                    | "formaction"
                    | "data"
                    | "poster"
                    | "background"
                    | "longdesc"
                    | "xlink:href"
            );
            if name.starts_with("on") || name == "style" || (url && scheme) {
                return Some(format!("{name}={value}"));
            }
        }
    }
    None
}

/// Verdicts on the robots.txt of real sites.
pub fn robots(folder: &Path) -> Vec<Row> {
    let mut row = Row::new("robots-real, verdicts");
    for case in expectations(&folder.join("expectations.json")) {
        let file = case["file"].as_str().unwrap_or_default();
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for verdict in case["verdicts"].as_array().into_iter().flatten() {
            let (agent, path) = (
                verdict[0].as_str().unwrap_or_default(),
                verdict[1].as_str().unwrap_or_default(),
            );
            row.case(file, || {
                let allowed = RobotsTxt::parse(&text, agent).allows(path);
                if verdict[2] == allowed {
                    Verdict::Equal
                } else {
                    Verdict::Different(format!("{agent} {path}: {allowed}"))
                }
            });
        }
    }
    vec![row]
}
