//! Algolia's search of Hacker News by date.

use serde_json::{Value, json};

use super::script::TownPost;
use super::server::{Ask, Page};
use super::{Network, World, escape};
use crate::domain::PostKind;

/// The API gives no more for one search.
const MAX_HITS: usize = 1000;

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Option<Page> {
    if ask.path != "/api/v1/search_by_date" {
        return None;
    }
    let query = ask.parameter("query").unwrap_or_default().to_lowercase();
    let number = |name: &str, default: usize| {
        ask.parameter(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (page, per_page) = (
        number("page", 0),
        number("hitsPerPage", 20).clamp(1, MAX_HITS),
    );
    let filters = ask.parameter("numericFilters").unwrap_or_default();
    let bound = |sign: &str| {
        filters
            .split(',')
            .find_map(|filter| filter.strip_prefix(sign)?.parse::<i64>().ok())
    };
    let since = bound("created_at_i>=").or(bound("created_at_i>").map(|since| since + 1));
    let until = bound("created_at_i<=").or(bound("created_at_i<").map(|until| until - 1));
    let found: Vec<&TownPost> = world
        .newest(Network::HackerNews, usize::MAX)
        .into_iter()
        .filter(|post| {
            format!("{} {}", post.title, post.text)
                .to_lowercase()
                .contains(&query)
        })
        .filter(|post| since.is_none_or(|since| post.published_at.as_second() >= since))
        .filter(|post| until.is_none_or(|until| post.published_at.as_second() <= until))
        .take(MAX_HITS)
        .collect();
    let hits: Vec<&TownPost> = found
        .iter()
        .copied()
        .skip(page * per_page)
        .take(per_page)
        .collect();
    let body = json!({
        "hits": hits.iter().map(|post| hit(post)).collect::<Vec<_>>(),
        "nbHits": found.len(),
        "page": page,
        "nbPages": found.len().div_ceil(per_page),
        "hitsPerPage": per_page,
        "query": query,
    });
    Some(Page {
        content_type: "application/json; charset=utf-8",
        body: body.to_string(),
        posts: hits.iter().map(|post| post.number).collect(),
        ..Page::default()
    })
}

fn hit(post: &TownPost) -> Value {
    let comment = post.kind == PostKind::Comment;
    let text = format!("<p>{}</p>", escape(&post.text));
    let kind = if comment { "comment" } else { "story" };
    json!({
        "objectID": post.number.to_string(),
        "created_at": post.published_at.to_string(),
        "created_at_i": post.published_at.as_second(),
        "author": post.person.handle,
        "title": (!comment && !post.title.is_empty()).then_some(&post.title),
        "story_text": (!comment).then_some(&text),
        "comment_text": comment.then_some(&text),
        "points": (!comment).then_some(post.numbers[0] + 1),
        "num_comments": (!comment).then_some(post.numbers[1]),
        "parent_id": post.parent,
        "story_id": post.parent.unwrap_or(post.number),
        "_tags": [kind, format!("author_{}", post.person.handle)],
    })
}
