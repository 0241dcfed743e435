//! `RawPost` to `Post`: clean text, canonical URL, language, author. Pure, and it never fails a batch:
//! what can't become a post becomes a `Reject`.

use jiff::Timestamp;

use crate::domain::{Author, Body, Post, RawPost, Reject, SourceId};
use crate::text;

/// The most that is kept of a post's text, in bytes: a long article is 60 kB.
const MAX_TEXT_BYTES: usize = 256 * 1024;
/// The most that is kept of a title, in bytes.
const MAX_TITLE_BYTES: usize = 2 * 1024;
/// The most that is kept of a post as it came, in bytes.
const MAX_RAW_BYTES: usize = 1024 * 1024;
/// The longest native id; a longer one is a parser's mistake, not an id.
const MAX_NATIVE_ID_BYTES: usize = 4 * 1024;
/// The most links kept of one post.
const MAX_LINKS: usize = 64;

/// Makes a post of what a source parsed.
///
/// `now` becomes `fetched_at`.
///
/// # Errors
/// A `Reject` with the reason when the item has no usable id, or neither title nor text.
pub fn normalize(raw: RawPost, source: &SourceId, now: Timestamp) -> Result<Post, Reject> {
    if raw.key.native_id.is_empty() || raw.key.native_id.len() > MAX_NATIVE_ID_BYTES {
        let reason = format!(
            "native id of {} bytes, expected 1 to {MAX_NATIVE_ID_BYTES}",
            raw.key.native_id.len()
        );
        return Err(Reject::new(None, reason, raw.body.as_str()));
    }
    let title = raw
        .title
        .as_ref()
        .map(|title| plain(title).0)
        .filter(|title| !title.is_empty());
    let title = title.map(|title| cut(&title, MAX_TITLE_BYTES).to_owned());
    let (text, mut links) = plain(&raw.body);
    let text = cut(&text, MAX_TEXT_BYTES).to_owned();
    if text.is_empty() && title.is_none() {
        return Err(Reject::new(
            Some(raw.key.native_id),
            "neither title nor text",
            raw.body.as_str(),
        ));
    }
    links.truncate(MAX_LINKS);
    let content = scored_text(title.as_deref(), &text);
    let language = text::detect_language(&content, raw.language.as_deref());
    let fingerprint = text::fingerprint(&content);
    Ok(Post {
        id: raw.key.id(),
        source: source.clone(),
        kind: raw.kind,
        url: raw.url.as_deref().and_then(text::canonical_url),
        title,
        text,
        raw: cut(raw.body.as_str(), MAX_RAW_BYTES).to_owned(),
        language,
        author: raw.author.and_then(clean_author),
        engagement: raw.engagement,
        rating: raw.rating,
        parent_id: raw.parent_id,
        thread_id: raw.thread_id,
        repost_of: raw.repost_of,
        links,
        published_at: raw.published_at,
        fetched_at: now,
        fingerprint,
        key: raw.key,
    })
}

/// The text that is scored, fingerprinted and used to tell the language: the title, then the body.
#[must_use]
pub fn scored_text(title: Option<&str>, text: &str) -> String {
    match title {
        Some(title) if !text.starts_with(title) => format!("{title}\n{text}"),
        _ => text.to_owned(),
    }
}

fn plain(body: &Body) -> (String, Vec<String>) {
    match body {
        Body::Html(html) => {
            let parsed = text::html_to_text(cut(html, MAX_RAW_BYTES));
            (parsed.text, parsed.links)
        }
        Body::Plain(plain) => (text::plain_text(cut(plain, MAX_RAW_BYTES)), Vec::new()),
    }
}

/// Trims the author's fields; an author without native id and handle is no author.
fn clean_author(mut author: Author) -> Option<Author> {
    let trimmed = |value: Option<String>| {
        value
            .map(|value| text::plain_text(&value))
            .filter(|value| !value.is_empty())
    };
    author.handle = author.handle.trim().trim_start_matches('@').to_owned();
    author.display_name = trimmed(author.display_name);
    author.bio = trimmed(author.bio.map(|bio| text::html_to_text(&bio).text));
    author.url = author.url.as_deref().and_then(text::canonical_url);
    if author.native_id.trim().is_empty() {
        author.native_id = if author.handle.is_empty() {
            author.display_name.clone().unwrap_or_default()
        } else {
            author.handle.clone()
        };
    }
    (!author.native_id.is_empty()).then_some(author)
}

/// The longest prefix of at most `max` bytes that ends at a character.
fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PostKey;

    fn raw(body: Body) -> RawPost {
        let key = PostKey {
            network: "feed".into(),
            scope: "blog".into(),
            native_id: "1".into(),
        };
        RawPost::new(key, body)
    }

    fn source() -> SourceId {
        SourceId::parse("blog").unwrap()
    }

    #[test]
    fn html_becomes_text_and_keeps_its_links() {
        let mut post = raw(Body::Html("<p>The <b>battery</b> died &amp; <a href=\"https://shop.example/a?utm_source=x\">they</a> know</p><script>alert(1)</script>".into()));
        post.title = Some(Body::Html("A &lt;rant&gt;".into()));
        post.url = Some("HTTPS://Blog.example/a?utm_source=x#top".into());
        let post = normalize(post, &source(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(post.text, "The battery died & they know");
        assert_eq!(post.title.as_deref(), Some("A <rant>"));
        assert_eq!(post.url.as_deref(), Some("https://blog.example/a"));
        assert_eq!(post.links.len(), 1);
        assert!(post.raw.contains("<script>"), "raw is kept as it came");
    }

    #[test]
    fn an_item_without_words_or_id_is_rejected_with_a_reason() {
        let reject = normalize(
            raw(Body::Html("<img src=x>".into())),
            &source(),
            Timestamp::UNIX_EPOCH,
        )
        .unwrap_err();
        assert_eq!(reject.reason, "neither title nor text");
        let mut nameless = raw(Body::Plain("text".into()));
        nameless.key.native_id = String::new();
        let reject = normalize(nameless, &source(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(reject.reason, "native id of 0 bytes, expected 1 to 4096");
    }

    #[test]
    fn a_huge_text_is_cut_at_a_character() {
        let post = normalize(
            raw(Body::Plain("ä".repeat(400_000))),
            &source(),
            Timestamp::UNIX_EPOCH,
        )
        .unwrap();
        assert_eq!(post.text.len(), MAX_TEXT_BYTES);
        assert!(post.raw.len() <= MAX_RAW_BYTES);
    }

    #[test]
    fn an_author_is_known_by_id_else_handle_else_name() {
        let mut post = raw(Body::Plain("text".into()));
        post.author = Some(Author {
            handle: " @Ann ".into(),
            ..Author::default()
        });
        let author = normalize(post, &source(), Timestamp::UNIX_EPOCH)
            .unwrap()
            .author
            .unwrap();
        assert_eq!(
            (author.native_id.as_str(), author.handle.as_str()),
            ("Ann", "Ann")
        );
        let mut post = raw(Body::Plain("text".into()));
        post.author = Some(Author::default());
        assert_eq!(
            normalize(post, &source(), Timestamp::UNIX_EPOCH)
                .unwrap()
                .author,
            None
        );
    }
}
