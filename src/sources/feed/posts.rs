//! A feed's entries to raw posts. Pure; an entry that says nothing is a reject and costs itself alone.

use super::model::{Entry, Feed, Person};
use crate::domain::{Author, Body, PostKey, PostKind, RawPost, Reject};

/// The network of posts from feeds.
const NETWORK: &str = "feed";

/// The posts and rejects of a feed; `scope` is the configured URL.
pub(super) fn posts(feed: Feed, scope: &str) -> (Vec<RawPost>, Vec<Reject>) {
    let (mut posts, mut rejects) = (Vec::new(), Vec::new());
    for entry in feed.entries {
        match post(entry, feed.author.as_ref(), scope) {
            Ok(post) => posts.push(post),
            Err(reject) => rejects.push(reject),
        }
    }
    (posts, rejects)
}

fn post(entry: Entry, feed_author: Option<&Person>, scope: &str) -> Result<RawPost, Reject> {
    let text = entry.content.or(entry.summary);
    if text.is_none() && entry.title.is_none() {
        return Err(Reject::new(
            Some(entry.id),
            "neither title nor text",
            entry.link.as_deref().unwrap_or_default(),
        ));
    }
    let key = PostKey {
        network: NETWORK.to_owned(),
        scope: scope.to_owned(),
        native_id: entry.id,
    };
    let body = text.map_or_else(|| Body::Plain(String::new()), |text| text.body);
    let mut post = RawPost {
        kind: PostKind::Article,
        url: entry.link,
        title: entry.title.map(|title| title.body),
        language: entry.language,
        author: entry.author.as_ref().or(feed_author).and_then(author),
        published_at: entry.published,
        ..RawPost::new(key, body)
    };
    post.engagement.replies = entry.comments;
    Ok(post)
}

fn author(person: &Person) -> Option<Author> {
    Some(Author {
        native_id: person
            .url
            .clone()
            .or_else(|| person.shown().map(str::to_owned))?,
        display_name: person.name.clone(),
        url: person.url.clone(),
        ..Author::default()
    })
}
