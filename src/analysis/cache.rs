//! A bounded cache of what the model said, by the hash of the prepared text: reposts cost nothing.
//!
//! Two generations stand in for an exact least-recently-used list: when the young one is full it
//! becomes the old one and the old one is dropped; a hit in the old one moves to the young one. It
//! never holds texts.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// 128 bits of the SHA-256 of a prepared text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TextKey([u8; 16]);

impl TextKey {
    pub(super) fn of(prepared: &str) -> Self {
        let hash = Sha256::digest(prepared.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        Self(key)
    }
}

/// At most `capacity` values.
#[derive(Debug)]
pub(super) struct TextCache<V> {
    young: HashMap<TextKey, V>,
    old: HashMap<TextKey, V>,
    capacity: usize,
}

impl<V: Clone> TextCache<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            capacity,
        }
    }

    pub(super) fn get(&mut self, key: TextKey) -> Option<V> {
        if let Some(value) = self.young.get(&key) {
            return Some(value.clone());
        }
        let value = self.old.remove(&key)?;
        self.put(key, value.clone());
        Some(value)
    }

    pub(super) fn put(&mut self, key: TextKey, value: V) {
        let half = self.capacity / 2;
        if half == 0 {
            return;
        }
        if self.young.len() >= half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_used_and_drops_the_rest() {
        let mut cache = TextCache::new(4);
        let key = |n: usize| TextKey::of(&n.to_string());
        cache.put(key(0), 0);
        for n in 1..10 {
            assert_eq!(cache.get(key(0)), Some(0), "before {n}");
            cache.put(key(n), n);
            assert!(cache.young.len() + cache.old.len() <= 4);
        }
        assert_eq!(cache.get(key(9)), Some(9));
        assert_eq!(cache.get(key(3)), None);
    }

    #[test]
    fn capacity_zero_keeps_nothing() {
        let mut cache = TextCache::new(0);
        cache.put(TextKey::of("a"), 1);
        assert_eq!(cache.get(TextKey::of("a")), None);
    }
}
