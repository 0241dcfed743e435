//! A laboratory's JSON Feed 1.1.

use serde_json::json;

use super::server::{Ask, Page};
use super::{HOST, Network, World, escape};

/// Where the feed is.
pub(super) const PATH: &str = "/feed.json";
const ITEMS: usize = 200;

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Option<Page> {
    if ask.path != PATH {
        return None;
    }
    let posts = world.newest(Network::JsonFeed, ITEMS);
    let items: Vec<_> = posts
        .iter()
        .map(|post| {
            json!({
                "id": post.number.to_string(),
                "url": format!("https://lab.{HOST}/{}", post.number),
                "title": post.title,
                "content_html": format!("<p>{}</p>", escape(&post.text)),
                "date_published": post.published_at.to_string(),
                "language": post.language,
                "authors": [{"name": post.person.name, "url": format!("https://lab.{HOST}/by/{}", post.person.handle)}],
            })
        })
        .collect();
    let document = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Scooter lab",
        "home_page_url": format!("https://lab.{HOST}/"),
        "items": items,
    });
    Some(Page {
        content_type: "application/feed+json",
        body: document.to_string(),
        posts: posts.iter().map(|post| post.number).collect(),
        modified: posts.first().map(|post| post.published_at),
        conditional: true,
        ..Page::default()
    })
}
