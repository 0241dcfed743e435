//! JSON Feed 1.0 and 1.1, and what calls itself one: numeric ids, single authors, missing versions.
//!
//! Pure. An item that is no object is left out.

use serde_json::Value;

use super::entry::identify;
use super::model::{Enclosure, Entry, Feed, Person, Text};
use super::xml::MAX_ENTRIES;
use crate::domain::Body;
use crate::fetch::Url;
use crate::sources::date;

/// Reads a document; the error says what it is instead.
pub(super) fn read(text: &str, url: Option<&Url>) -> Result<Feed, String> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| format!("broken JSON: {error}"))?;
    let Some(items) = document.get("items").and_then(Value::as_array) else {
        return Err("JSON without `items`".to_owned());
    };
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
        entries: items
            .iter()
            .filter(|item| item.is_object())
            .take(MAX_ENTRIES)
            .map(|item| entry(item, url, language.as_ref()))
            .collect(),
        language,
        complete: true,
        ..Feed::default()
    };
    identify(&mut feed);
    Ok(feed)
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
