//! The model's labels: `models/labels.json` as types, and raw outputs turned into probabilities.
//!
//! Temperatures calibrate (Guo et al. 2017: z / T before softmax or sigmoid), thresholds decide what
//! is present. The order of labels is the order of the model's outputs. Nothing here runs the model.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::shipped::sum_of;
use crate::domain::analysis::{EMOTIONS, INTENTS, LabelScore, MAX_URGENCY};
use crate::domain::{
    Analysis, EmotionScores, IntentScores, InvalidId, ModelId, Sentiment, SentimentLabel,
};

/// Hex digits of the model's SHA-256 that its id carries.
pub(super) const HASH_DIGITS: usize = 12;

/// Levels of urgency.
pub(super) const LEVELS: usize = MAX_URGENCY as usize + 1;

/// Why `labels.json` does not fit the program.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// Not the expected JSON.
    #[error("labels.json does not parse")]
    Json(#[from] serde_json::Error),
    /// A head's labels differ from what the program knows, or lack thresholds.
    #[error("labels.json: head {0:?} does not fit the program")]
    Head(&'static str),
    /// Name, version and hash make no id.
    #[error("labels.json: no model id")]
    Id(#[from] InvalidId),
}

#[derive(Debug, Deserialize)]
struct File {
    model: String,
    version: String,
    languages: Vec<String>,
    max_tokens: usize,
    max_chars: usize,
    embedding: usize,
    sentiment: Head,
    emotions: Head,
    intents: Head,
    urgency: Option<Head>,
    ekman: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Head {
    labels: Vec<String>,
    temperature: f32,
    #[serde(default)]
    thresholds: Vec<f64>,
}

/// What the model says of one text, before calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Logits: negative, neutral, positive.
    pub sentiment: [f32; 3],
    /// Logits in the order of the labels.
    pub emotions: Vec<f32>,
    /// Logits in the order of `INTENTS`.
    pub intents: [f32; INTENTS.len()],
    /// Logits of the levels 0 to 3; none when the model has no such head.
    pub urgency: Option<[f32; LEVELS]>,
    /// L2-normalised vector times 127.
    pub embedding: Vec<i8>,
}

/// Labels, temperatures and thresholds of one model.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) model: ModelId,
    pub(super) max_tokens: usize,
    pub(super) embedding: usize,
    languages: Vec<String>,
    sentiment: Head,
    emotions: Head,
    intents: Head,
    urgency: Option<Head>,
    /// Indices into the fine emotions, in the order of `EMOTIONS`.
    ekman: Vec<Vec<usize>>,
}

impl Labels {
    /// Reads `json` and checks it against the program; `sums` is `SHA256SUMS`, for the id's hash
    /// (hashing 23 MB at each start would cost more than the rest of the loading).
    pub(super) fn parse(json: &str, sums: &str) -> Result<Self, LabelsError> {
        let file: File = serde_json::from_str(json)?;
        if file.sentiment.labels != SentimentLabel::ALL.map(SentimentLabel::as_str) {
            return Err(LabelsError::Head("sentiment"));
        }
        if file.intents.labels != INTENTS || file.intents.thresholds.len() != INTENTS.len() {
            return Err(LabelsError::Head("intents"));
        }
        if file.emotions.labels.len() != file.emotions.thresholds.len() {
            return Err(LabelsError::Head("emotions"));
        }
        let levels = |head: &Head| {
            (0..LEVELS)
                .map(|n| n.to_string())
                .eq(head.labels.iter().cloned())
        };
        if !file.urgency.as_ref().is_none_or(levels) {
            return Err(LabelsError::Head("urgency"));
        }
        if file.max_chars != super::prepare::MAX_CHARS {
            return Err(LabelsError::Head("max_chars"));
        }
        let ekman = EMOTIONS
            .iter()
            .map(|group| {
                let members = file.ekman.get(*group)?;
                members
                    .iter()
                    .map(|name| file.emotions.labels.iter().position(|label| label == name))
                    .collect::<Option<Vec<usize>>>()
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(LabelsError::Head("ekman"))?;
        let hash = sum_of(sums, "overheard.onnx")
            .and_then(|hash| hash.get(..HASH_DIGITS))
            .ok_or(LabelsError::Head("SHA256SUMS"))?;
        Ok(Self {
            model: ModelId::parse(format!("{}-{}@{hash}", file.model, file.version))?,
            max_tokens: file.max_tokens,
            embedding: file.embedding,
            languages: file.languages,
            sentiment: file.sentiment,
            emotions: file.emotions,
            intents: file.intents,
            urgency: file.urgency,
            ekman,
        })
    }

    /// Whether the model has a head for urgency.
    pub(super) fn has_urgency(&self) -> bool {
        self.urgency.is_some()
    }

    /// Each fine emotion with its Ekman group.
    pub(super) fn groups(&self) -> BTreeMap<String, String> {
        let mut groups = BTreeMap::new();
        for (group, members) in EMOTIONS.iter().zip(&self.ekman) {
            for name in members.iter().filter_map(|&i| self.emotions.labels.get(i)) {
                groups.insert(name.clone(), (*group).to_owned());
            }
        }
        groups
    }

    /// Probabilities from which the intents are present.
    pub(super) fn intent_thresholds(&self) -> &[f64] {
        &self.intents.thresholds
    }

    /// The languages that the model serves.
    pub(super) fn languages(&self) -> &[String] {
        &self.languages
    }

    /// Number of fine emotions.
    pub(super) fn fine_emotions(&self) -> usize {
        self.emotions.labels.len()
    }

    /// Whether the model serves the text: its language is one of the model's, or it is unknown (a
    /// few words, only emoji) and written in Latin letters without accents.
    pub(super) fn supports(&self, language: &str, text: &str) -> bool {
        if language == "und" {
            return text
                .chars()
                .filter(|c| c.is_alphabetic())
                .all(|c| c.is_ascii());
        }
        self.languages.iter().any(|served| served == language)
    }

    /// Calibrated probabilities, thresholds applied.
    pub(super) fn analysis(&self, scores: &Scores, supported: bool) -> Analysis {
        let fine = self.emotions.apply(&scores.emotions);
        let ekman = EMOTIONS
            .iter()
            .zip(&self.ekman)
            .map(|(group, members)| ekman_score(group, members, &fine))
            .collect();
        Analysis {
            model: self.model.clone(),
            supported,
            sentiment: sentiment(
                scores.sentiment.map(f64::from),
                f64::from(self.sentiment.temperature),
            ),
            emotions: EmotionScores { ekman, fine },
            intents: IntentScores(self.intents.apply(&scores.intents)),
            urgency: urgency(scores.urgency),
            entities: Vec::new(),
            embedding: scores.embedding.clone(),
        }
    }
}

/// Calibrated probabilities out of the logits of negative, neutral and positive.
pub(super) fn sentiment(logits: [f64; 3], temperature: f64) -> Sentiment {
    let scaled = logits.map(|z| z / temperature);
    let top = scaled.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let exp = scaled.map(|z| (z - top).exp());
    let sum: f64 = exp.iter().sum();
    let [negative, neutral, positive] = exp.map(|e| e / sum);
    Sentiment::of(negative, neutral, positive)
}

/// The most probable level; the lower one of two. Without such a head nothing is urgent.
fn urgency(logits: Option<[f32; LEVELS]>) -> u8 {
    let mut top = (0, f32::NEG_INFINITY);
    for (level, z) in (0..=MAX_URGENCY).zip(logits.into_iter().flatten()) {
        if z > top.1 {
            top = (level, z);
        }
    }
    top.0
}

/// A group is as probable as its most probable member, and present when a member is.
fn ekman_score(group: &str, members: &[usize], fine: &[LabelScore]) -> LabelScore {
    let members = || members.iter().filter_map(|&i| fine.get(i));
    LabelScore {
        label: group.to_owned(),
        probability: members().map(|m| m.probability).fold(0.0, f64::max),
        present: members().any(|m| m.present),
    }
}

impl Head {
    fn apply(&self, logits: &[f32]) -> Vec<LabelScore> {
        self.labels
            .iter()
            .zip(logits)
            .zip(&self.thresholds)
            .map(|((label, &z), &threshold)| {
                let probability = 1.0 / (1.0 + f64::from(-z / self.temperature).exp());
                LabelScore {
                    label: label.clone(),
                    probability,
                    present: probability >= threshold,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMS: &str = include_str!("../../models/SHA256SUMS");

    fn labels() -> Labels {
        Labels::parse(include_str!("../../models/labels.json"), SUMS).unwrap()
    }

    #[test]
    fn id_carries_name_version_and_hash() {
        let json = include_str!("../../models/labels.json");
        let labels = Labels::parse(json, "0123456789abcdef  overheard.onnx\n").unwrap();
        let (name, hash) = labels.model.as_str().split_once('@').unwrap();
        assert!(name.starts_with("overheard-minilm-"), "{name}");
        assert_eq!(hash, "0123456789ab");
        let missing = Labels::parse(json, "0123456789abcdef  other.onnx\n");
        assert!(matches!(missing, Err(LabelsError::Head("SHA256SUMS"))));
    }

    #[test]
    fn sentiment_adds_up_and_score_is_the_difference() {
        let s = sentiment([0.0, 0.0, 2.0 * std::f64::consts::LN_2], 2.0);
        assert_eq!(s.label, SentimentLabel::Positive);
        assert!((s.positive - 0.5).abs() < 1e-6, "{s:?}");
        assert!((s.negative - 0.25).abs() < 1e-6, "{s:?}");
        assert!((s.score - 0.25).abs() < 1e-6, "{s:?}");
        assert_eq!(
            sentiment([1.0, 1.0, 1.0], 1.0).label,
            SentimentLabel::Neutral
        );
    }

    #[test]
    fn groups_follow_their_strongest_member() {
        let labels = labels();
        let mut emotions = vec![-20.0; labels.fine_emotions()];
        let annoyance = labels
            .emotions
            .labels
            .iter()
            .position(|l| l == "annoyance")
            .unwrap();
        emotions[annoyance] = 20.0;
        let scores = Scores {
            sentiment: [0.0; 3],
            emotions,
            intents: [-20.0; 8],
            urgency: Some([0.1, 0.3, 2.0, -1.0]),
            embedding: vec![],
        };
        let analysis = labels.analysis(&scores, true);
        let present: Vec<&str> = analysis.present_emotions().collect();
        assert_eq!(present, ["anger"]);
        assert_eq!(analysis.present_intents().count(), 0);
        assert!(analysis.emotions.ekman[0].probability > 0.99);
        assert_eq!(analysis.urgency, 2);
        assert_eq!(urgency(None), 0);
        assert_eq!(urgency(Some([1.0, 1.0, 0.5, 1.0])), 0);
    }

    #[test]
    fn serves_english_and_short_latin_texts_of_unknown_language() {
        let labels = labels();
        for (language, text, served) in [
            ("en", "battery died", true),
            ("de", "Akku kaputt", false),
            ("und", "love it", true),
            ("und", "❤️", true),
            ("und", "größer", false),
            ("und", "хорошо", false),
        ] {
            assert_eq!(labels.supports(language, text), served, "{language} {text}");
        }
    }

    #[test]
    fn refuses_labels_that_the_program_does_not_know() {
        let json = include_str!("../../models/labels.json").replace("\"complaint\"", "\"moan\"");
        assert!(matches!(
            Labels::parse(&json, SUMS),
            Err(LabelsError::Head("intents"))
        ));
    }
}
