//! A blog's Atom feed.

use super::script::TownPost;
use super::server::{Ask, Page};
use super::{HOST, Network, World, escape};

/// Where the feed is.
pub(super) const PATH: &str = "/atom.xml";
const ENTRIES: usize = 200;

pub(super) fn id(post: &TownPost) -> String {
    format!("tag:notes.{HOST},2026:{}", post.number)
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Option<Page> {
    if ask.path != PATH {
        return None;
    }
    let posts = world.newest(Network::Atom, ENTRIES);
    let mut entries = String::new();
    for post in &posts {
        entries.push_str(&format!(
            "<entry xml:lang=\"{}\"><id>{}</id><title>{}</title><link rel=\"alternate\" href=\"https://notes.{HOST}/{}\"/><published>{at}</published><updated>{at}</updated><content type=\"html\">{}</content></entry>\n",
            post.language,
            id(post),
            escape(&post.title),
            post.number,
            escape(&format!("<p>{}</p>", escape(&post.text))),
            at = post.published_at,
        ));
    }
    let updated = posts
        .first()
        .map(|post| post.published_at.to_string())
        .unwrap_or_default();
    Some(Page {
        content_type: "application/atom+xml; charset=utf-8",
        body: format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\"><title>Commuter notes</title><id>tag:notes.{HOST},2026:feed</id><updated>{updated}</updated><author><name>Sam Ode</name><uri>https://notes.{HOST}/sam_ode</uri></author>\n{entries}</feed>\n"
        ),
        posts: posts.iter().map(|post| post.number).collect(),
        modified: posts.first().map(|post| post.published_at),
        conditional: true,
        ..Page::default()
    })
}
