//! What the scorer says of a text.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::ModelId;

/// The three classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SentimentLabel {
    /// The author is against.
    Negative,
    /// Neither, or not said.
    Neutral,
    /// The author is for.
    Positive,
}

impl SentimentLabel {
    /// All labels, in the order of the model's outputs.
    pub const ALL: [Self; 3] = [Self::Negative, Self::Neutral, Self::Positive];

    /// The name used in queries, the API and NDJSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }

    /// The label with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.as_str() == name)
    }
}

/// Calibrated probabilities that add up to 1, and what follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// The class with the highest probability.
    pub label: SentimentLabel,
    /// `positive - negative`, -1 to 1.
    pub score: f64,
    /// Probability of negative.
    pub negative: f64,
    /// Probability of neutral.
    pub neutral: f64,
    /// Probability of positive.
    pub positive: f64,
}

impl Sentiment {
    /// What follows from three probabilities that add up to 1. Of equal ones, neutral wins.
    #[must_use]
    pub fn of(negative: f64, neutral: f64, positive: f64) -> Self {
        let label = if neutral >= negative && neutral >= positive {
            SentimentLabel::Neutral
        } else if positive > negative {
            SentimentLabel::Positive
        } else {
            SentimentLabel::Negative
        };
        Self {
            label,
            score: positive - negative,
            negative,
            neutral,
            positive,
        }
    }
}

/// Names of the emotions that are shown: Ekman's six and neutral.
pub const EMOTIONS: [&str; 7] = [
    "anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral",
];

/// Names of the intents, in the order of the model's outputs (definitions: `models/README.md`).
pub const INTENTS: [&str; 8] = [
    "complaint",
    "question",
    "purchase_intent",
    "praise",
    "churn_risk",
    "suggestion",
    "bug_report",
    "spam",
];

/// One label with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelScore {
    /// A name out of `EMOTIONS`, `INTENTS` or the model's fine emotions.
    pub label: String,
    /// Calibrated probability, 0 to 1.
    pub probability: f64,
    /// Whether the probability passes the label's threshold.
    pub present: bool,
}

/// Independent probabilities of emotions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EmotionScores {
    /// Ekman's six and neutral, in the order of `EMOTIONS`.
    pub ekman: Vec<LabelScore>,
    /// The model's 28 fine emotions.
    pub fine: Vec<LabelScore>,
}

/// Independent probabilities of intents, in the order of `INTENTS`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct IntentScores(pub Vec<LabelScore>);

/// The most urgent: somebody should act now (stranded, fraud, safety, money lost).
pub const MAX_URGENCY: u8 = 3;

/// A name in a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// What it names, in the model's words, such as PER or ORG.
    pub label: String,
    /// As the text has it.
    pub name: String,
    /// How sure the model is, 0 to 1.
    pub probability: f64,
}

/// The result for one text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Which model said so; where several share the work, the one that speaks for the text's language.
    pub model: ModelId,
    /// False when the text's language is not one that a model serves: all values are then a best
    /// effort, and charts, monitors and digests leave them out.
    pub supported: bool,
    /// Class and score.
    pub sentiment: Sentiment,
    /// Emotions.
    pub emotions: EmotionScores,
    /// Intents.
    pub intents: IntentScores,
    /// 0 nothing to answer, 1 some time, 2 unresolved, blocked, escalating or waiting, 3 now.
    pub urgency: u8,
    /// Names in the text, each once, where a model of one's own finds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
    /// The text's vector: 384 values scaled by 127, L2-normalised before scaling. Empty when not kept.
    #[serde(skip)]
    pub embedding: Vec<i8>,
}

impl Analysis {
    /// The sentiment that counts: none when the language is not supported.
    #[must_use]
    pub fn sentiment_label(&self) -> Option<SentimentLabel> {
        self.supported.then_some(self.sentiment.label)
    }

    /// Names of the intents that are present; none when the language is not supported.
    pub fn present_intents(&self) -> impl Iterator<Item = &str> {
        present(&self.intents.0, self.supported)
    }

    /// Names of Ekman's emotions that are present; none when the language is not supported.
    pub fn present_emotions(&self) -> impl Iterator<Item = &str> {
        present(&self.emotions.ekman, self.supported)
    }
}

fn present(scores: &[LabelScore], supported: bool) -> impl Iterator<Item = &str> {
    scores
        .iter()
        .filter(move |score| supported && score.present)
        .map(|score| score.label.as_str())
}
