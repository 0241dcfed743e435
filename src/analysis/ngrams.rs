//! Sentiment in other languages: one linear model a language over hashed character n-grams.
//!
//! The twin of `models/train/ngrams.py`, which says how the tables are made; both are held to
//! `tests/fixtures/ngrams.jsonl`. It says nothing but sentiment, and nothing of languages that
//! `models/ngrams.json` does not list.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::labels::{HASH_DIGITS, LabelsError, sentiment};
use super::shipped::sum_of;
use crate::domain::{ModelId, Sentiment};

/// Classes of sentiment: negative, neutral, positive.
const CLASSES: usize = 3;
/// Fowler, Noll and Vo's hash of 64 bits, variant 1a (RFC 9923).
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[derive(Debug, Deserialize)]
struct File {
    model: String,
    version: String,
    buckets: usize,
    ngrams: [usize; 2],
    languages: BTreeMap<String, Language>,
}

/// One language's weights: `scale * int8 + bias`.
#[derive(Debug, Deserialize)]
struct Language {
    bias: [f64; CLASSES],
    scale: [f64; CLASSES],
    temperature: f64,
    table: usize,
}

/// All languages' models.
#[derive(Debug)]
pub(super) struct Ngrams {
    model: ModelId,
    buckets: usize,
    shortest: usize,
    longest: usize,
    languages: BTreeMap<String, Language>,
    /// A table a language: [buckets][classes], signed bytes.
    tables: &'static [u8],
}

impl Ngrams {
    /// Reads `json` and checks it against the tables; `sums` is `SHA256SUMS`, for the id's hash.
    pub(super) fn parse(
        json: &str,
        tables: &'static [u8],
        sums: &str,
    ) -> Result<Self, LabelsError> {
        let file: File = serde_json::from_str(json)?;
        let [shortest, longest] = file.ngrams;
        let size = file.buckets * CLASSES;
        let whole = |language: &Language| (language.table + 1) * size <= tables.len();
        if size == 0 || shortest == 0 || shortest > longest || !file.languages.values().all(whole) {
            return Err(LabelsError::Head("ngrams"));
        }
        let hash = sum_of(sums, "ngrams.bin")
            .and_then(|hash| hash.get(..HASH_DIGITS))
            .ok_or(LabelsError::Head("SHA256SUMS"))?;
        Ok(Self {
            model: ModelId::parse(format!("{}-{}@{hash}", file.model, file.version))?,
            buckets: file.buckets,
            shortest,
            longest,
            languages: file.languages,
            tables,
        })
    }

    pub(super) fn model(&self) -> &ModelId {
        &self.model
    }

    pub(super) fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// Size of the weights in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.tables.len()
    }

    /// The sentiment of a prepared text; none when the language is not served.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn sentiment(&self, language: &str, prepared: &str) -> Option<Sentiment> {
        let language = self.languages.get(language)?;
        let size = self.buckets * CLASSES;
        let table = self
            .tables
            .get(language.table * size..(language.table + 1) * size)?;
        let buckets = self.buckets_of(prepared);
        let mut sums = [0_i64; CLASSES];
        for bucket in &buckets {
            let weights = table.get(bucket * CLASSES..(bucket + 1) * CLASSES)?;
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += i64::from(weight.cast_signed());
            }
        }
        let length = (buckets.len() as f64).sqrt();
        let logit = |class: usize| {
            sums[class] as f64 / length * language.scale[class] + language.bias[class]
        };
        Some(sentiment(
            [logit(0), logit(1), logit(2)],
            language.temperature,
        ))
    }

    /// The distinct buckets of a prepared text's n-grams, ascending.
    fn buckets_of(&self, prepared: &str) -> Vec<usize> {
        let mut text = String::with_capacity(prepared.len() + 2);
        for word in prepared
            .to_lowercase()
            .split(' ')
            .filter(|word| !word.is_empty())
        {
            text.push(' ');
            text.push_str(word);
        }
        text.push(' ');
        let mut buckets = Vec::with_capacity(text.len() * self.longest);
        for (start, _) in text.char_indices() {
            let mut hash = FNV_OFFSET;
            let mut bytes = [0; 4];
            for (length, c) in (1..=self.longest).zip(text[start..].chars()) {
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
                }
                if length >= self.shortest {
                    buckets.push(self.bucket(hash));
                }
            }
        }
        buckets.sort_unstable();
        buckets.dedup();
        buckets
    }

    #[allow(clippy::cast_possible_truncation)]
    fn bucket(&self, hash: u64) -> usize {
        (hash % self.buckets as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::super::prepare::Preparer;
    use super::super::shipped::{NGRAMS, NGRAMS_LABELS, SUMS};
    use super::*;

    #[derive(Deserialize)]
    struct Case {
        text: String,
        language: String,
        negative: f64,
        neutral: f64,
        positive: f64,
    }

    fn ngrams() -> Ngrams {
        Ngrams::parse(NGRAMS_LABELS, NGRAMS, SUMS).unwrap()
    }

    #[test]
    fn agrees_with_the_golden_file() {
        let (ngrams, preparer) = (ngrams(), Preparer::new());
        let mut languages = std::collections::BTreeSet::new();
        for line in include_str!("../../tests/fixtures/ngrams.jsonl").lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            let found = ngrams
                .sentiment(&case.language, &preparer.prepare(&case.text))
                .unwrap();
            for (found, wanted) in [
                (found.negative, case.negative),
                (found.neutral, case.neutral),
                (found.positive, case.positive),
            ] {
                assert!(
                    (found - wanted).abs() < 1e-4,
                    "{}: {found} {wanted}",
                    case.text
                );
            }
            languages.insert(case.language);
        }
        assert!(
            languages.iter().map(String::as_str).eq(ngrams.languages()),
            "{languages:?}"
        );
    }

    #[test]
    fn ngrams_are_those_between_spaces_and_each_counts_once() {
        let mut ngrams = ngrams();
        ngrams.longest = 2;
        // " ", "a", " a", "aa", "a ": five n-grams.
        assert_eq!(ngrams.buckets_of("AA").len(), 5);
        assert_eq!(ngrams.buckets_of("  aA  aa "), ngrams.buckets_of("AA AA"));
        // The published value of "a".
        let hash = (FNV_OFFSET ^ u64::from(b'a')).wrapping_mul(FNV_PRIME);
        assert_eq!(hash, 0xaf63_dc4c_8601_ec8c);
        assert!(ngrams.buckets_of("AA").contains(&ngrams.bucket(hash)));
    }

    #[test]
    fn languages_that_are_not_listed_have_no_sentiment() {
        assert_eq!(ngrams().sentiment("en", "love"), None);
        assert_eq!(ngrams().sentiment("und", "love"), None);
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let short = &NGRAMS[1..];
        assert!(matches!(
            Ngrams::parse(NGRAMS_LABELS, short, SUMS),
            Err(LabelsError::Head("ngrams"))
        ));
    }
}
