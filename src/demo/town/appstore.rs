//! The App Store's public feed of reviews, as JSON.

use serde_json::{Value, json};

use super::script::TownPost;
use super::server::{Ask, Page};
use super::{APP_ID, Network, World};

const PER_PAGE: usize = 50;
const MAX_PAGES: usize = 10;

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Option<Page> {
    let rest = ask.path.strip_prefix("/us/rss/customerreviews/page=")?;
    let (page, rest) = rest.split_once('/')?;
    let page: usize = page
        .parse()
        .ok()
        .filter(|page| (1..=MAX_PAGES).contains(page))?;
    if rest != format!("id={APP_ID}/sortBy=mostRecent/json") {
        return None;
    }
    let posts = world.newest(Network::AppStore, PER_PAGE * MAX_PAGES);
    let posts: Vec<_> = posts
        .into_iter()
        .skip((page - 1) * PER_PAGE)
        .take(PER_PAGE)
        .collect();
    let mut feed = json!({
        "author": {"name": {"label": "iTunes Store"}},
        "title": {"label": "iTunes Store: Customer Reviews"},
    });
    // None, one and many are written in three ways.
    match &posts[..] {
        [] => {}
        [one] => feed["entry"] = entry(one),
        many => feed["entry"] = many.iter().map(|post| entry(post)).collect(),
    }
    Some(Page {
        content_type: "text/javascript; charset=utf-8",
        body: json!({ "feed": feed }).to_string(),
        posts: posts.iter().map(|post| post.number).collect(),
        modified: posts.first().map(|post| post.published_at),
        conditional: true,
        ..Page::default()
    })
}

fn entry(post: &TownPost) -> Value {
    let number = post
        .person
        .handle
        .bytes()
        .fold(9_u64, |sum, byte| sum * 33 % 900_007 + u64::from(byte));
    let label = |text: String| json!({ "label": text });
    json!({
        "author": {
            "uri": label(format!("https://itunes.apple.com/us/reviews/id{number}")),
            "name": label(post.person.name.clone()),
            "label": "",
        },
        "updated": label(post.published_at.to_string()),
        "im:rating": label(post.stars.unwrap_or(3).to_string()),
        "im:version": label("4.2.0".to_owned()),
        "id": label(post.number.to_string()),
        "title": label(post.title.clone()),
        "content": {"label": post.text, "attributes": {"type": "text"}},
        "link": {"attributes": {"rel": "related", "href": format!("https://itunes.apple.com/us/review?id={APP_ID}&type=Purple%20Software")}},
        "im:voteSum": label(post.numbers[0].to_string()),
        "im:voteCount": label((post.numbers[0] + 1).to_string()),
    })
}
