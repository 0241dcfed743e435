//! A shop's page with reviews, and the robots.txt that every network has.

use super::script::TownPost;
use super::server::{Ask, Page};
use super::{Network, World, escape};

/// Where the page is.
pub(super) const PATH: &str = "/voltra/reviews";
const REVIEWS: usize = 200;

/// The keys of a `page` source that read it.
pub(super) const SELECTORS: &str = r#"item = "article.review"
text = ".review-body"
title = "h3"
author = ".review-author"
date = "time"
link = "a.permalink"
rating = ".stars"
network = "reviews""#;

pub(super) fn link(post: &TownPost) -> String {
    format!("{PATH}/{}", post.number)
}

pub(super) fn robots(_network: Network) -> Option<Page> {
    Some(Page {
        content_type: "text/plain",
        body: "User-agent: *\nDisallow: /admin\n".to_owned(),
        ..Page::default()
    })
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Option<Page> {
    if ask.path != PATH {
        return None;
    }
    let posts = world.newest(Network::Reviews, REVIEWS);
    let mut articles = String::new();
    for post in &posts {
        let stars = usize::from(post.stars.unwrap_or(3)).min(5);
        articles.push_str(&format!(
            "<article class=\"review\" id=\"r{}\" lang=\"{}\"><h3>{}</h3><span class=\"stars\" data-rating=\"{stars}\">{}{}</span> <span class=\"review-author\">{}</span> <time datetime=\"{}\">recently</time><div class=\"review-body\"><p>{}</p></div><a class=\"permalink\" href=\"{}\">Link</a></article>\n",
            post.number,
            post.language,
            escape(&post.title),
            "★".repeat(stars),
            "☆".repeat(5 - stars),
            escape(&post.person.name),
            post.published_at,
            escape(&post.text),
            link(post),
        ));
    }
    Some(Page {
        content_type: "text/html; charset=utf-8",
        body: format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Voltra reviews - Wheelhouse</title></head><body><nav><a href=\"/\">Shop</a></nav><main>\n{articles}</main></body></html>\n"
        ),
        posts: posts.iter().map(|post| post.number).collect(),
        modified: posts.first().map(|post| post.published_at),
        conditional: true,
        ..Page::default()
    })
}
