//! JSON Feed 1.0 and 1.1, and what calls itself one: numeric ids, single authors, missing versions.
//!
//! Pure. The document is taken apart by its brackets, and its items are read one by one: an item at fault
//! costs itself alone, a cut the item that it hits.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::entry::identify;
use super::model::{Enclosure, Entry, Feed, Person, Text};
use super::xml::MAX_ENTRIES;
use crate::domain::Body;
use crate::fetch::Url;
use crate::sources::date;

/// The longest item that is read, in bytes; a longer one costs itself alone.
const MAX_PART_BYTES: usize = 2 * 1024 * 1024;

/// Reads a document; the error says what it is instead.
pub(super) fn read(text: &str, url: Option<&Url>) -> Result<Feed, String> {
    // Between values they are white space, and inside of texts they are a mistake that many make.
    let text = text.replace(|c: char| c.is_ascii_control(), " ");
    let Some(parts) = Parts::of(&text) else {
        return Err(match serde_json::from_str::<IgnoredAny>(&text) {
            Ok(_) => "JSON without `items`".to_owned(),
            Err(error) => format!("broken JSON: {error}"),
        });
    };
    let (document, complete) = parts.head();
    let version = match document.get("version").and_then(Value::as_str) {
        Some(version) if version.trim_end_matches('/').ends_with("/1.1") => "json11",
        Some(version) if version.trim_end_matches('/').ends_with("/1") => "json1",
        _ => "json",
    };
    let language = string(&document, "language");
    let mut feed = Feed {
        version,
        title: plain(&document, "title"),
        link: string(&document, "home_page_url").map(|link| resolved(url, link)),
        author: author(&document, url),
        entries: parts
            .items
            .iter()
            .filter_map(|item| parsed(item))
            .filter(Value::is_object)
            .map(|item| entry(&item, url, language.as_ref()))
            .collect(),
        hub: hub(&document),
        own_url: string(&document, "feed_url"),
        language,
        complete,
        ..Feed::default()
    };
    identify(&mut feed);
    Ok(feed)
}

/// The hub that speaks WebSub.
fn hub(document: &Value) -> Option<String> {
    let hubs = document.get("hubs")?.as_array()?;
    let speaks = |hub: &&Value| {
        let kind = hub.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("WebSub"))
    };
    string(hubs.iter().find(speaks)?, "url")
}

/// A part of the document as a value; `None` when it is broken or too long to be one.
fn parsed(part: &str) -> Option<Value> {
    (part.len() <= MAX_PART_BYTES)
        .then(|| serde_json::from_str(part).ok())
        .flatten()
}

/// What stands before and after the items, and each item.
struct Parts<'a> {
    before: &'a str,
    items: Vec<&'a str>,
    after: &'a str,
}

impl<'a> Parts<'a> {
    /// Finds the items in one pass that counts brackets and knows texts; `None` when there are none.
    fn of(text: &'a str) -> Option<Self> {
        let mut parts: Option<Self> = None;
        let (mut depth, mut from) = (0_usize, 0);
        // The last text at the top, which is a key when a colon follows it.
        let (mut opened, mut key) = (None, 0..0);
        let mut escaped = false;
        for (index, byte) in text.bytes().enumerate() {
            if let Some(start) = opened {
                if byte == b'"' && !escaped {
                    opened = None;
                    if depth == 1 {
                        key = start..index;
                    }
                }
                escaped = !escaped && byte == b'\\';
                continue;
            }
            // In the array of items the depth is 2: the document's and the array's own.
            match (byte, &mut parts) {
                (b'"', _) => opened = Some(index + 1),
                (b'[', None) if depth == 1 && &text[key.clone()] == "items" => {
                    parts = Some(Self {
                        before: &text[..key.start - 1],
                        items: Vec::new(),
                        after: "",
                    });
                    (depth, from) = (2, index + 1);
                }
                (b'{' | b'[', _) => depth += 1,
                (b']', Some(found)) if depth == 2 => {
                    found.add(&text[from..index]);
                    found.after = &text[index + 1..];
                    return parts;
                }
                (b'}' | b']', None) => depth = depth.saturating_sub(1),
                (b'}' | b']', Some(_)) => depth = (depth - 1).max(2),
                (b',', Some(found)) if depth == 2 => {
                    found.add(&text[from..index]);
                    from = index + 1;
                }
                _ => {}
            }
        }
        // The last one was cut, but may still be whole.
        if let Some(found) = &mut parts {
            found.add(&text[from..]);
        }
        parts
    }

    fn add(&mut self, item: &'a str) {
        if self.items.len() < MAX_ENTRIES {
            self.items.push(item);
        }
    }

    /// The document without items, and whether it came to its end.
    fn head(&self) -> (Value, bool) {
        let with = |after: &str| parsed(&format!("{}\"items\":[]{after}", self.before));
        match with(self.after) {
            Some(head) => (head, true),
            None => (with("}").unwrap_or_default(), false),
        }
    }
}

fn entry(item: &Value, url: Option<&Url>, language: Option<&String>) -> Entry {
    let id = match item.get("id") {
        Some(Value::String(id)) => id.trim().to_owned(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    };
    let html = string(item, "content_html").map(|html| Text {
        body: Body::Html(html),
        base: url.cloned(),
    });
    let date = |key: &str| string(item, key).and_then(|text| date::parse(&text));
    let updated = date("date_modified");
    let tags = item.get("tags").and_then(Value::as_array);
    Entry {
        id,
        title: plain(item, "title"),
        link: string(item, "url")
            .or_else(|| string(item, "external_url"))
            .map(|link| resolved(url, link)),
        author: author(item, url),
        published: date("date_published").or(updated),
        updated,
        summary: plain(item, "summary"),
        content: html.or_else(|| plain(item, "content_text")),
        tags: tags
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        enclosures: enclosures(item, url),
        language: string(item, "language").or_else(|| language.cloned()),
        comments: None,
    }
}

fn enclosures(item: &Value, url: Option<&Url>) -> Vec<Enclosure> {
    let attachments = item.get("attachments").and_then(Value::as_array);
    attachments
        .into_iter()
        .flatten()
        .filter_map(|attachment| {
            Some(Enclosure {
                url: resolved(url, string(attachment, "url")?),
                kind: string(attachment, "mime_type"),
                length: attachment.get("size_in_bytes").and_then(Value::as_u64),
            })
        })
        .collect()
}

/// `authors` of 1.1, else `author` of 1.0.
fn author(holder: &Value, url: Option<&Url>) -> Option<Person> {
    let person = holder
        .pointer("/authors/0")
        .or_else(|| holder.get("author"))?;
    let parts = Person {
        name: string(person, "name"),
        email: None,
        url: string(person, "url").map(|page| resolved(url, page)),
    };
    parts.known()
}

/// A text that holds something, trimmed.
fn string(holder: &Value, key: &str) -> Option<String> {
    let text = holder.get(key)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn plain(holder: &Value, key: &str) -> Option<Text> {
    string(holder, key).map(|text| Text {
        body: Body::Plain(text),
        base: None,
    })
}

fn resolved(base: Option<&Url>, target: String) -> String {
    if Url::parse(&target).is_ok() {
        return target;
    }
    match base.and_then(|base| base.join(&target).ok()) {
        Some(url) => url.into(),
        None => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(text: &str) -> Vec<String> {
        let feed = read(text, None).expect("a feed");
        let title = |entry: &Entry| {
            entry
                .title
                .as_ref()
                .map(|title| title.body.as_str().to_owned())
        };
        feed.entries.iter().filter_map(title).collect()
    }

    #[test]
    fn a_broken_item_costs_itself_alone() {
        let deep = format!(
            "{{\"title\":\"b\",\"x\":{}{}}}",
            "[".repeat(500),
            "]".repeat(500)
        );
        for broken in ["{\"title\":\"b\\q\"}", "{\"title\":}", "{}", "7", &deep] {
            let text = format!(
                "{{\"title\":\"f\",\"items\":[{{\"title\":\"a, ]\\\"}}\"}},{broken},{{\"title\":\"c\"}}],\"language\":\"de\"}}"
            );
            assert_eq!(titles(&text), ["a, ]\"}", "c"], "{broken}");
            let feed = read(&text, None).expect("a feed");
            assert_eq!(
                (feed.language.as_deref(), feed.complete),
                (Some("de"), true),
                "{broken}"
            );
        }
    }

    #[test]
    fn a_line_break_in_a_text_and_a_cut_are_borne() {
        assert_eq!(titles("{\"items\":[{\"title\":\"a\nb\"}]}"), ["a b"]);
        let feed = read(
            "{\"title\":\"f\",\"items\":[{\"id\":1},{\"id\":2},{\"id\":3,",
            None,
        )
        .expect("a feed");
        assert_eq!((feed.entries.len(), feed.complete), (2, false));
        assert!(feed.title.is_some());
        let feed = read(
            "{\"title\":\"items\",\"x\":{\"items\":[1]},\"y\":\"\\\"items\\\":[\",\"items\" : [ {\"id\":\"]\"} ] }",
            None,
        );
        let feed = feed.expect("a feed");
        assert_eq!(
            (
                feed.entries.len(),
                feed.entries[0].id.as_str(),
                feed.complete
            ),
            (1, "]", true)
        );
        assert!(read("{\"a\":1}", None).is_err());
        assert!(read("{\"items\":1,", None).is_err());
    }
}
