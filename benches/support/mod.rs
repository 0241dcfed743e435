//! What the benches share: seeded posts. The same seed makes the same posts everywhere; no
//! network and no person is in them.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

/// The time at which all of it is said to happen.
pub const NOW: &str = "2026-11-22T10:00:00Z";

/// Words that people do use, the most frequent first; the made-up tail comes behind them.
const HEAD: &str = "the to and a of in is it you that i for on my was with this not have but are be so \
    they just at all we your as me can if no what do when from out up get like or an how about one now \
    will would there after time has good more than been time why again only still some new day work \
    app phone support battery update charger customer service great love never order delivery late \
    broken price money account refund help please charging crash screen bought week month two first \
    really works working stopped slow fast cheap expensive subscription cancel email reply answer";

/// Syllables of the made-up words.
const SYLLABLES: [&str; 24] = [
    "ba", "den", "ro", "ti", "mel", "sa", "kor", "lin", "ve", "pra", "nu", "gil", "to", "mar",
    "ce", "dul", "fen", "ri", "hos", "ya", "ber", "sti", "qua", "lo",
];

/// Distinct words.
const VOCABULARY: usize = 20_000;

/// The brand that a third of the posts names.
pub const BRAND: &str = "voltra";

/// A post before it has the form of any network.
pub struct Said {
    pub native_id: String,
    pub title: Option<String>,
    pub text: String,
    pub author: String,
    pub at: Timestamp,
}

/// Makes posts: words by Zipf's law, lengths as posts have them (about 25 words, with a long tail), a
/// few thousand authors of whom some talk much.
pub struct Speaker {
    state: u64,
    words: Vec<String>,
    /// The sum of the weights up to each word.
    weights: Vec<f64>,
    said: u32,
    now: Timestamp,
}

impl Speaker {
    pub fn new(seed: u64) -> Self {
        let mut words: Vec<String> = HEAD.split_whitespace().map(str::to_owned).collect();
        let mut number = 0_usize;
        while words.len() < VOCABULARY {
            let mut rest = number;
            let mut word = String::new();
            for _ in 0..4 {
                word.push_str(SYLLABLES[rest % SYLLABLES.len()]);
                rest /= SYLLABLES.len();
            }
            words.push(word);
            number += 1;
        }
        let mut sum = 0.0;
        let weights = (0..words.len())
            .map(|rank| {
                sum += 1.0 / (as_f64(rank) + 2.7);
                sum
            })
            .collect();
        Self {
            state: seed,
            words,
            weights,
            said: 0,
            now: NOW.parse().expect("a time"),
        }
    }

    /// The next post: a minute older than the one before.
    pub fn say(&mut self) -> Said {
        self.said += 1;
        let length = match self.below(10) {
            0..=5 => 3 + self.below(15),
            6..=8 => 12 + self.below(25),
            _ => 40 + self.below(80),
        };
        let mut text = self.sentence(length);
        if self.below(3) == 0 {
            let _ = write!(text, " {BRAND}");
        }
        if self.below(5) == 0 {
            let _ = write!(text, " https://shop.example/item/{}", self.below(5_000));
        }
        let title = (self.below(5) < 2).then(|| self.sentence(6));
        // The square of an even spread: few authors say much.
        let author = self.unit();
        Said {
            native_id: format!("post-{}", self.said),
            title,
            text,
            author: format!("user{:.0}", author * author * 3_000.0),
            at: self.now - SignedDuration::from_mins(i64::from(self.said)),
        }
    }

    /// A word by its frequency.
    pub fn word(&mut self) -> &str {
        let total = self.weights[self.weights.len() - 1];
        let target = self.unit() * total;
        let rank = self.weights.partition_point(|sum| *sum < target);
        &self.words[rank.min(self.words.len() - 1)]
    }

    /// Evenly spread in 0 to `below` - 1.
    pub fn below(&mut self, below: usize) -> usize {
        (self.next() >> 33) as usize % below
    }

    fn sentence(&mut self, words: usize) -> String {
        let mut text = String::new();
        for place in 0..words {
            if place > 0 {
                text.push_str(if place % 11 == 0 { ". " } else { " " });
            }
            let word = self.word().to_owned();
            text.push_str(&word);
        }
        text
    }

    fn unit(&mut self) -> f64 {
        as_f64((self.next() >> 40) as usize) / 16_777_216.0
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// A count as a number to divide.
#[allow(clippy::cast_precision_loss)]
pub fn as_f64(count: usize) -> f64 {
    count as f64
}
