//! A magazine's RSS 2.0 feed.

use jiff::fmt::rfc2822;

use super::script::TownPost;
use super::server::{Ask, Page};
use super::{HOST, Network, World, escape};

/// Where the feed is.
pub(super) const PATH: &str = "/feed.xml";
/// A feed shows the newest; what falls off is not deleted.
const ITEMS: usize = 200;

pub(super) fn guid(post: &TownPost) -> String {
    format!("magazine-{}", post.number)
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Option<Page> {
    if ask.path != PATH {
        return None;
    }
    let posts = world.newest(Network::Rss, ITEMS);
    let mut items = String::new();
    for post in &posts {
        let date = rfc2822::to_string(&post.published_at.to_zoned(jiff::tz::TimeZone::UTC));
        items.push_str(&format!(
            "<item><title>{}</title><link>https://magazine.{HOST}/{}</link><guid isPermaLink=\"false\">{}</guid><pubDate>{}</pubDate><dc:creator><![CDATA[{}]]></dc:creator><slash:comments>{}</slash:comments><description><![CDATA[{}]]></description></item>\n",
            escape(&post.title),
            post.number,
            guid(post),
            date.unwrap_or_default(),
            post.person.name,
            post.numbers[1],
            post.text,
        ));
    }
    Some(Page {
        content_type: "application/rss+xml; charset=utf-8",
        body: format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:slash=\"http://purl.org/rss/1.0/modules/slash/\">\n<channel><title>Two Wheels and More</title><link>https://magazine.{HOST}/</link><description>News for riders</description><language>en</language>\n{items}</channel></rss>\n"
        ),
        posts: posts.iter().map(|post| post.number).collect(),
        modified: posts.first().map(|post| post.published_at),
        conditional: true,
        ..Page::default()
    })
}
