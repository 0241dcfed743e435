//! What a source already handed over, kept in its position: a hash of each id and of each content.
//!
//! Saves the pipeline from judging the same items at every poll. Losing it costs work, never posts:
//! the store knows which posts it has. It holds no text and no ids in the clear.

use std::collections::HashMap;
use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use crate::domain::{PostKey, RawPost, hex};

/// Items remembered by one source; the oldest go first. Larger than any page of one poll.
pub(super) const CAPACITY: usize = 4000;

/// Remembered items, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    contents: HashMap<u64, u32>,
    order: VecDeque<u64>,
}

impl Seen {
    /// Reads what `encode` wrote; anything else is an empty memory.
    pub fn decode(text: &str) -> Self {
        let mut seen = Self::default();
        for entry in text.split(',') {
            let Some((id, content)) = entry.split_at_checked(16) else {
                continue;
            };
            let (Ok(id), Ok(content)) = (
                u64::from_str_radix(id, 16),
                u32::from_str_radix(content, 16),
            ) else {
                continue;
            };
            seen.remember(id, content);
        }
        seen
    }

    /// 16 hexadecimal digits of the id and 8 of the content for each item, comma-separated.
    pub fn encode(&self) -> String {
        let entries: Vec<String> = self
            .order
            .iter()
            .filter_map(|id| {
                self.contents
                    .get(id)
                    .map(|content| format!("{id:016x}{content:08x}"))
            })
            .collect();
        entries.join(",")
    }

    /// Whether an item with this key was handed over before, whatever it said.
    pub fn knows(&self, key: &PostKey) -> bool {
        self.contents.contains_key(&id_hash(key))
    }

    /// Whether nothing of `posts` was handed over before although something else was: what came between may
    /// have passed unseen. One post tells nothing.
    pub fn is_gap(&self, posts: &[RawPost]) -> bool {
        !self.order.is_empty() && posts.len() > 1 && !posts.iter().any(|post| self.knows(&post.key))
    }

    /// Remembers the post; false when it was handed over just like this before.
    pub fn is_news(&mut self, post: &RawPost) -> bool {
        self.remember(id_hash(&post.key), content_hash(post))
    }

    fn remember(&mut self, id: u64, content: u32) -> bool {
        match self.contents.insert(id, content) {
            Some(before) => before != content,
            None => {
                self.order.push_back(id);
                if self.order.len() > CAPACITY
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.contents.remove(&oldest);
                }
                true
            }
        }
    }
}

/// 128 bits of a hash of `parts`, as hexadecimal digits: a native id for items that have none.
pub(super) fn stable_id(parts: &[&str]) -> String {
    hex(&hash(parts)[..16])
}

fn id_hash(key: &PostKey) -> u64 {
    first_u64(&hash(&[&key.network, &key.scope, &key.native_id]))
}

fn content_hash(post: &RawPost) -> u32 {
    let rating = post
        .rating
        .map(|rating| format!("{}/{}", rating.value, rating.best));
    let engagement = format!("{:?}", post.engagement);
    let published = post.published_at.map(|time| time.to_string());
    let digest = hash(&[
        post.title.as_ref().map_or("", |title| title.as_str()),
        post.body.as_str(),
        rating.as_deref().unwrap_or(""),
        &engagement,
        published.as_deref().unwrap_or(""),
        post.url.as_deref().unwrap_or(""),
    ]);
    (first_u64(&digest) >> 32) as u32
}

fn hash(parts: &[&str]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_vec()
}

fn first_u64(digest: &[u8]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Body;

    fn post(id: &str, text: &str) -> RawPost {
        let key = PostKey {
            network: "feed".into(),
            scope: "s".into(),
            native_id: id.into(),
        };
        RawPost::new(key, Body::Plain(text.into()))
    }

    #[test]
    fn a_post_is_news_once_and_again_when_it_is_edited() {
        let mut seen = Seen::default();
        assert!(seen.is_news(&post("1", "a")));
        assert!(!seen.is_news(&post("1", "a")));
        let mut seen = Seen::decode(&seen.encode());
        assert!(!seen.is_news(&post("1", "a")));
        assert!(seen.is_news(&post("1", "b")));
        assert!(seen.knows(&post("1", "").key));
        assert!(!seen.knows(&post("2", "").key));
    }

    #[test]
    fn a_page_of_unknown_items_is_a_gap_but_for_the_first_page() {
        let mut seen = Seen::default();
        let page = |ids: &[&str]| ids.iter().map(|id| post(id, "x")).collect::<Vec<_>>();
        assert!(!seen.is_gap(&page(&["1", "2"])));
        seen.is_news(&post("1", "x"));
        assert!(!seen.is_gap(&page(&["2", "1"])));
        assert!(!seen.is_gap(&page(&["2"])));
        assert!(!seen.is_gap(&[]));
        assert!(seen.is_gap(&page(&["2", "3"])));
    }

    #[test]
    fn the_oldest_are_forgotten_and_garbage_is_an_empty_memory() {
        let mut seen = Seen::default();
        for id in 0..=CAPACITY {
            seen.is_news(&post(&id.to_string(), "x"));
        }
        assert!(!seen.knows(&post("0", "").key));
        assert!(seen.knows(&post("1", "").key));
        assert_eq!(Seen::decode("é,,zz,0123456789abcdefgg"), Seen::default());
    }
}
