//! An item of RSS or an entry of Atom to the model. One that is broken gives what is whole in it.

use std::collections::{HashMap, HashSet};

use super::model::{Enclosure, Entry, Feed, Text};
use super::names::Space;
use super::tree::Id;
use super::xml::{Context, TITLES};
use crate::sources::date;
use crate::sources::seen::stable_id;

/// Tags beyond these are left.
const MAX_TAGS: usize = 100;

/// Elements that hold a summary, the best first.
const SUMMARIES: [(Space, &str); 8] = [
    (Space::Core, "description"),
    (Space::Core, "summary"),
    (Space::Core, "abstract"),
    (Space::Dc, "description"),
    (Space::Dc, "abstract"),
    (Space::Itunes, "summary"),
    (Space::Media, "description"),
    (Space::Itunes, "subtitle"),
];

/// Elements that hold the content, the best first.
const CONTENTS: [(Space, &str); 5] = [
    (Space::Content, "encoded"),
    (Space::Core, "content"),
    (Space::Xhtml, "body"),
    (Space::Core, "fullitem"),
    (Space::Core, "body"),
];

const PUBLISHED: [(Space, &str); 5] = [
    (Space::Core, "published"),
    (Space::Core, "pubDate"),
    (Space::Core, "issued"),
    (Space::Dc, "issued"),
    (Space::Core, "created"),
];

const UPDATED: [(Space, &str); 5] = [
    (Space::Core, "updated"),
    (Space::Core, "modified"),
    (Space::Dc, "modified"),
    (Space::Dc, "date"),
    (Space::Core, "lastBuildDate"),
];

/// Reads an entry. Its id stays empty where the feed gives none: see `identify`.
pub(super) fn read(context: Context<'_>, id: Id, feed: &Feed) -> Entry {
    let tree = context.tree;
    let guid = ["guid", "id"].iter().find_map(|name| {
        let child = tree.named(id, Space::Core, name).next()?;
        Some((child, tree.text(child)?))
    });
    let mut link = context.link(id);
    if link.is_none()
        && let Some((child, text)) = &guid
        && tree.name(*child).eq_ignore_ascii_case("guid")
        && tree
            .attribute(*child, "isPermaLink")
            .is_none_or(|said| said != "false")
        && text.starts_with("http")
    {
        link = Some(text.clone());
    }
    let updated = context
        .first_date(id, &UPDATED)
        .or_else(|| date::parse(&tree.attribute(id, "lastmod")?));
    let published = context
        .first_date(id, &PUBLISHED)
        .or_else(|| context.first_date(id, &[(Space::Dc, "created")]))
        .or(updated);
    let content = context.first_text(id, &CONTENTS);
    let summary = context
        .first_text(id, &SUMMARIES)
        .or_else(|| media_description(context, id));
    Entry {
        id: guid
            .map(|(_, text)| text)
            .or_else(|| tree.attribute(id, "about"))
            .unwrap_or_default(),
        title: context.first_text(id, &TITLES),
        link,
        author: context.person(id),
        published,
        updated,
        summary,
        content,
        tags: tags(context, id),
        enclosures: enclosures(context, id),
        language: language(context, id, feed),
        comments: comments(context, id),
    }
}

/// `media:description`, which stands in a `media:group` or `media:content` more often than beside it.
fn media_description(context: Context<'_>, id: Id) -> Option<Text> {
    let holders = ["group", "content"];
    context.tree.children(id).find_map(|child| {
        let holds = holders
            .iter()
            .any(|name| context.tree.is(child, Space::Media, name));
        let description = [(Space::Media, "description")];
        holds
            .then(|| context.first_text(child, &description))
            .flatten()
    })
}

/// The language of the entry's content, else of the entry, else the feed's; an empty `xml:lang` takes it back.
fn language(context: Context<'_>, id: Id, feed: &Feed) -> Option<String> {
    let tree = context.tree;
    if let Some(stated) = [(Space::Dc, "language"), (Space::Core, "language")]
        .iter()
        .find_map(|(space, name)| tree.text(tree.named(id, *space, name).next()?))
    {
        return Some(stated);
    }
    let of_content = CONTENTS
        .iter()
        .chain(&SUMMARIES)
        .find_map(|(space, name)| tree.named(id, *space, name).next())
        .unwrap_or(id);
    tree.language(of_content)
        .unwrap_or_else(|| feed.language.clone())
}

/// Categories, keywords and subjects, each once, in order.
fn tags(context: Context<'_>, id: Id) -> Vec<String> {
    let tree = context.tree;
    let mut tags: Vec<String> = Vec::new();
    let mut add = |tag: &str| {
        let tag = tag.trim();
        if !tag.is_empty() && tags.len() < MAX_TAGS && !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    };
    for child in tree.children(id) {
        let name = tree.name(child).to_ascii_lowercase();
        match (tree.space(child), name.as_str()) {
            (Space::Core, "category") => {
                let stated = tree
                    .attribute(child, "term")
                    .or_else(|| tree.text(child))
                    .or_else(|| tree.attribute(child, "label"));
                add(&stated.unwrap_or_default());
            }
            (Space::Dc, "subject") | (Space::Media, "category") => {
                add(&tree.text(child).unwrap_or_default());
            }
            (Space::Itunes, "category") => {
                add(&tree.attribute(child, "text").unwrap_or_default());
                for inner in tree.named(child, Space::Itunes, "category") {
                    add(&tree.attribute(inner, "text").unwrap_or_default());
                }
            }
            (Space::Itunes | Space::Media, "keywords") => {
                tree.text(child)
                    .unwrap_or_default()
                    .split(',')
                    .for_each(&mut add);
            }
            _ => {}
        }
    }
    tags
}

fn enclosures(context: Context<'_>, id: Id) -> Vec<Enclosure> {
    let tree = context.tree;
    tree.children(id)
        .filter_map(|child| {
            let url = if tree.is(child, Space::Core, "enclosure") {
                tree.attribute(child, "url")
                    .or_else(|| tree.attribute(child, "href"))
                    .or_else(|| tree.attribute(child, "resource"))?
            } else if tree.is(child, Space::Core, "link") {
                let rel = tree.attribute(child, "rel")?;
                rel.eq_ignore_ascii_case("enclosure")
                    .then(|| tree.attribute(child, "href"))
                    .flatten()?
            } else {
                return None;
            };
            Some(Enclosure {
                url: context.resolved(child, &url),
                kind: tree.attribute(child, "type"),
                length: tree
                    .attribute(child, "length")
                    .and_then(|length| length.parse().ok()),
            })
        })
        .collect()
}

/// The number of comments that an item states: `slash:comments`, `thr:total`.
fn comments(context: Context<'_>, id: Id) -> Option<u64> {
    ["comments", "total"].iter().find_map(|name| {
        let child = context.tree.named(id, Space::Counts, name).next()?;
        context.tree.text(child)?.parse().ok()
    })
}

/// Gives the entries without an id one that is the same at the next poll: from the link, unless it is the feed's own
/// or another entry's; else from what the entry says. An id that entries with different links share is none: one
/// author's mistake must not make others' entries one.
pub(super) fn identify(feed: &mut Feed) {
    let mut first_links: HashMap<String, String> = HashMap::new();
    let mut shared: HashSet<String> = HashSet::new();
    for entry in &feed.entries {
        let link = entry.link.clone().unwrap_or_default();
        let first = first_links.entry(entry.id.clone()).or_insert(link.clone());
        if *first != link {
            shared.insert(entry.id.clone());
        }
    }
    for entry in &mut feed.entries {
        if shared.contains(&entry.id) {
            entry.id.clear();
        }
    }
    let mut links: HashMap<String, usize> = HashMap::new();
    for entry in feed.entries.iter().filter(|entry| entry.id.is_empty()) {
        if let Some(link) = &entry.link {
            *links.entry(link.clone()).or_default() += 1;
        }
    }
    for entry in feed.entries.iter_mut().filter(|entry| entry.id.is_empty()) {
        let link = entry.link.as_deref().unwrap_or_default();
        let own = !link.is_empty()
            && feed.link.as_deref() != Some(link)
            && links.get(link).is_none_or(|count| *count == 1);
        let published = entry
            .published
            .map(|time| time.to_string())
            .unwrap_or_default();
        let text = entry.content.as_ref().or(entry.summary.as_ref());
        entry.id = if own {
            stable_id(&["link", link])
        } else if let Some(title) = &entry.title {
            stable_id(&["title", title.body.as_str(), link, &published])
        } else {
            let text = text.map_or("", |text| text.body.as_str());
            stable_id(&["text", text, link, &published])
        };
    }
}
