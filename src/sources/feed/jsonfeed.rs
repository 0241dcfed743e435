//! JSON Feed 1.0 and 1.1, and what calls itself one: numeric ids, single authors, missing versions.
//!
//! Pure. An item at fault is a reject.

use serde_json::Value;

use super::parse::{NETWORK, Parsed};
use crate::domain::{Author, Body, PostKey, PostKind, RawPost, Reject};
use crate::fetch::Url;
use crate::sources::date;
use crate::sources::seen::stable_id;

/// Parses a document; the error says what it is instead.
pub(super) fn parse(text: &str, scope: &str, url: &Url) -> Result<Parsed, String> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| format!("broken JSON: {error}"))?;
    let Some(items) = document.get("items").and_then(Value::as_array) else {
        return Err("JSON without `items`".to_owned());
    };
    let mut parsed = Parsed {
        complete: true,
        ..Parsed::default()
    };
    for item in items {
        match post(&document, item, scope, url) {
            Ok(post) => parsed.posts.push(post),
            Err(reject) => parsed.rejects.push(reject),
        }
    }
    Ok(parsed)
}

fn post(document: &Value, item: &Value, scope: &str, url: &Url) -> Result<RawPost, Reject> {
    let id = match item.get("id") {
        Some(Value::String(id)) if !id.trim().is_empty() => Some(id.trim().to_owned()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let text_of = |key: &str| {
        item.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty())
    };
    let title = text_of("title");
    let body = text_of("content_html")
        .map(|html| Body::Html(html.to_owned()))
        .or_else(|| text_of("content_text").map(|text| Body::Plain(text.to_owned())))
        .or_else(|| text_of("summary").map(|text| Body::Plain(text.to_owned())));
    if body.is_none() && title.is_none() {
        return Err(Reject::new(id, "neither title nor text", &item.to_string()));
    }
    let body = body.unwrap_or_else(|| Body::Plain(String::new()));
    let link = text_of("url")
        .or_else(|| text_of("external_url"))
        .and_then(|link| url.join(link).ok())
        .map(String::from);
    let date_text = text_of("date_published").or_else(|| text_of("date_modified"));
    let native_id = id.unwrap_or_else(|| match &link {
        Some(link) => stable_id(&["link", link]),
        None => stable_id(&[
            "text",
            title.unwrap_or(""),
            body.as_str(),
            date_text.unwrap_or(""),
        ]),
    });
    let key = PostKey {
        network: NETWORK.to_owned(),
        scope: scope.to_owned(),
        native_id,
    };
    let language = text_of("language").or_else(|| document.get("language").and_then(Value::as_str));
    Ok(RawPost {
        kind: PostKind::Article,
        url: link,
        title: title.map(|title| Body::Plain(title.to_owned())),
        language: language.map(str::to_owned),
        author: author(item).or_else(|| author(document)),
        published_at: date_text.and_then(date::parse),
        ..RawPost::new(key, body)
    })
}

/// `authors` of 1.1, else `author` of 1.0.
fn author(holder: &Value) -> Option<Author> {
    let person = holder
        .pointer("/authors/0")
        .or_else(|| holder.get("author"))?;
    let given = |key: &str| {
        person
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty())
            .map(str::to_owned)
    };
    let (name, url) = (given("name"), given("url"));
    Some(Author {
        native_id: url.clone().or_else(|| name.clone())?,
        display_name: name,
        url,
        ..Author::default()
    })
}
