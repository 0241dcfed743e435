//! Fingerprints by which copies of a text are found. The same in every release: the values are stored.

use sha2::{Digest, Sha256};

use super::tokenize::tokenize;
use crate::domain::Fingerprint;

/// Below this many words a simhash says nothing.
const MIN_SIMHASH_WORDS: usize = 30;

/// Words in a shingle.
const SHINGLE: usize = 3;

/// Makes the fingerprint of a plain text. `exact` is the first 8 bytes (big endian) of SHA-256 over
/// the folded words, or over the trimmed text when it has no word; `simhash` is Charikar's, over
/// word 3-shingles hashed the same way, from 30 words on.
#[must_use]
pub fn fingerprint(text: &str) -> Fingerprint {
    let mut words: Vec<String> = Vec::new();
    for token in tokenize(text) {
        // A hashtag's words follow it.
        if !token.text.starts_with(['#', '@']) {
            words.push(token.text.into_owned());
        }
    }
    let exact = if words.is_empty() {
        hash(&["\u{1}", text.trim()])
    } else {
        hash(&words)
    };
    let simhash = (words.len() >= MIN_SIMHASH_WORDS).then(|| simhash(&words));
    Fingerprint { exact, simhash }
}

/// Bits in which two simhashes differ, 0 to 64; near copies differ in few (3 to 6).
#[must_use]
pub fn simhash_distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

fn simhash(words: &[String]) -> u64 {
    let mut balance = [0_i64; 64];
    for shingle in words.windows(SHINGLE) {
        let hash = hash(shingle);
        for (bit, sum) in balance.iter_mut().enumerate() {
            *sum += if hash >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
    balance
        .iter()
        .enumerate()
        .filter(|&(_, &sum)| sum > 0)
        .fold(0, |bits, (bit, _)| bits | 1 << bit)
}

/// The first 8 bytes of SHA-256 over the parts, each followed by a unit separator.
fn hash<T: AsRef<str>>(parts: &[T]) -> u64 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_ref().as_bytes());
        digest.update([0x1F]);
    }
    digest
        .finalize()
        .iter()
        .take(8)
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article(change: Option<usize>) -> String {
        (0..120)
            .map(|n| {
                if change == Some(n) {
                    "changed ".to_owned()
                } else {
                    format!("word{} ", n * n % 97 + n)
                }
            })
            .collect()
    }

    /// The expected values come from another implementation (Python's hashlib).
    #[test]
    fn the_values_never_change() {
        assert_eq!(fingerprint("The battery died").exact, 0x0f11_87c5_5c5f_0167);
        assert_eq!(
            fingerprint(&article(None)).simhash,
            Some(0xa69c_2a1c_636b_cce8)
        );
    }

    #[test]
    fn case_accents_and_punctuation_do_not_count() {
        assert_eq!(fingerprint("Das Café!"), fingerprint("das  cafe"));
        assert_ne!(fingerprint("das cafe"), fingerprint("cafe das"));
        assert_ne!(fingerprint("ab c").exact, fingerprint("a bc").exact);
        assert_ne!(fingerprint("!!!").exact, fingerprint("...").exact);
    }

    #[test]
    fn near_copies_are_near_and_others_far() {
        let bits = |text: &str| fingerprint(text).simhash.expect("30 words");
        let original = bits(&article(None));
        assert!(simhash_distance(original, bits(&article(Some(60)))) <= 8);
        let other: String = (0..120).map(|n| format!("other{n} ")).collect();
        assert!(simhash_distance(original, bits(&other)) > 16);
    }

    #[test]
    fn short_texts_have_no_simhash() {
        assert_eq!(fingerprint(&"word ".repeat(29)).simhash, None);
        assert!(fingerprint(&"word ".repeat(30)).simhash.is_some());
    }
}
