//! A Mastodon instance: the public timeline of a hashtag with `min_id`, `Link` and rate limits.

use serde_json::{Value, json};

use super::script::{Person, TownPost};
use super::server::{Ask, Page};
use super::{HOST, Network, TAG, World, escape};
use crate::domain::PostKind;

const MAX_LIMIT: usize = 40;

pub(super) fn uri(post: &TownPost) -> String {
    format!(
        "https://{HOST}/users/{}/statuses/{}",
        post.person.handle, post.number
    )
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Option<Page> {
    let tag = ask.path.strip_prefix("/api/v1/timelines/tag/")?;
    let limit = ask.parameter("limit").and_then(|limit| limit.parse().ok());
    let limit: usize = limit.unwrap_or(20).min(MAX_LIMIT);
    let number = |name: &str| ask.parameter(name).and_then(|id| id.parse::<u64>().ok());
    let tagged = |post: &&TownPost| {
        post.network == Network::Mastodon && (tag == TAG || post.text.contains(&format!("#{tag}")))
    };
    let mut posts: Vec<&TownPost> = match number("min_id") {
        // The page that follows immediately, not the newest.
        Some(min_id) => world
            .posts
            .iter()
            .filter(tagged)
            .filter(|post| post.number > min_id)
            .take(limit)
            .collect(),
        None => {
            let max_id = number("max_id").unwrap_or(u64::MAX);
            let mut newest: Vec<_> = world
                .posts
                .iter()
                .rev()
                .filter(tagged)
                .filter(|post| post.number < max_id)
                .take(limit)
                .collect();
            newest.reverse();
            newest
        }
    };
    posts.reverse();
    let statuses: Vec<Value> = posts.iter().map(|post| status(world, post)).collect();
    let mut headers = vec![
        ("x-ratelimit-limit", "300".to_owned()),
        ("x-ratelimit-remaining", "299".to_owned()),
    ];
    if let (Some(newest), Some(oldest)) = (posts.first(), posts.last()) {
        let here = format!(
            "{}{}?limit={limit}",
            world.base(Network::Mastodon),
            ask.path
        );
        headers.push((
            "link",
            format!(
                "<{here}&max_id={}>; rel=\"next\", <{here}&min_id={}>; rel=\"prev\"",
                oldest.number, newest.number
            ),
        ));
    }
    Some(Page {
        content_type: "application/json; charset=utf-8",
        body: Value::from(statuses).to_string(),
        posts: posts.iter().map(|post| post.number).collect(),
        headers,
        ..Page::default()
    })
}

fn status(world: &World, post: &TownPost) -> Value {
    let parent = post
        .parent
        .and_then(|number| world.posts.iter().find(|post| post.number == number));
    let boost = post.kind == PostKind::Repost;
    let answered = parent.filter(|_| post.kind == PostKind::Reply);
    let number = |person: &Person| {
        person
            .handle
            .bytes()
            .fold(7_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte))
            .to_string()
    };
    json!({
        "id": post.number.to_string(),
        "uri": uri(post),
        "url": format!("https://{HOST}/@{}/{}", post.person.handle, post.number),
        "created_at": post.published_at.to_string(),
        "in_reply_to_id": answered.map(|parent| parent.number.to_string()),
        "in_reply_to_account_id": answered.map(|parent| number(&parent.person)),
        "sensitive": false,
        "spoiler_text": "",
        "visibility": "public",
        "language": post.language,
        "replies_count": post.numbers[1],
        "reblogs_count": post.numbers[2],
        "favourites_count": post.numbers[0],
        "content": if boost { String::new() } else { content(&post.text) },
        "reblog": parent.filter(|_| boost).map(|parent| status(world, parent)),
        "account": {
            "id": number(&post.person),
            "username": post.person.handle,
            "acct": post.person.handle,
            "display_name": post.person.name,
            "note": format!("<p>{}</p>", escape(&post.person.bio)),
            "url": format!("https://{HOST}/@{}", post.person.handle),
            "uri": format!("https://{HOST}/users/{}", post.person.handle),
            "followers_count": post.person.followers,
            "bot": false,
        },
        "media_attachments": [],
        "mentions": [],
        "tags": [{"name": TAG, "url": format!("https://{HOST}/tags/{TAG}")}],
    })
}

/// A toot's HTML: hashtags and addresses are links, as the real thing writes them.
fn content(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let tag = word
            .strip_prefix('#')
            .filter(|tag| tag.chars().all(char::is_alphanumeric) && !tag.is_empty());
        words.push(match tag {
            Some(tag) => hashtag(tag),
            None if word.starts_with("https://") => {
                let link = escape(word);
                format!("<a href=\"{link}\" rel=\"nofollow noopener\">{link}</a>")
            }
            None => escape(word),
        });
    }
    format!("<p>{} {}</p>", words.join(" "), hashtag(TAG))
}

fn hashtag(tag: &str) -> String {
    format!(
        "<a href=\"https://{HOST}/tags/{tag}\" class=\"mention hashtag\" rel=\"tag\">#<span>{tag}</span></a>"
    )
}
