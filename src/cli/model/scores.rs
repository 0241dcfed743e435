//! An analysis as the commands print it.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::analysis::TextFault;
use crate::domain::analysis::{Entity, LabelScore};
use crate::domain::{Analysis, Language, Sentiment};

/// What is said of one text: a line of `overheard model score`.
#[derive(Debug, Serialize)]
pub struct Scores<'a> {
    language: LanguageScore<'a>,
    sentiment: Option<SentimentScore>,
    emotions: Option<ByName<'a>>,
    goemotions: Option<ByName<'a>>,
    intents: Option<ByName<'a>>,
    labels: Option<Present<'a>>,
    urgency: Option<u8>,
    supported: bool,
    model: Option<&'a str>,
    /// Only where a model of one's own finds names.
    #[serde(skip_serializing_if = "<[Entity]>::is_empty")]
    entities: &'a [Entity],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> Scores<'a> {
    pub fn of(analysis: &'a Analysis, language: &'a Language) -> Self {
        let (emotions, intents) = (&analysis.emotions, &analysis.intents.0);
        Self {
            language: language.into(),
            sentiment: Some((&analysis.sentiment).into()),
            emotions: Some(ByName(&emotions.ekman)),
            goemotions: Some(ByName(&emotions.fine)),
            intents: Some(ByName(intents)),
            labels: Some(Present {
                emotions: present(&emotions.ekman),
                goemotions: present(&emotions.fine),
                intents: present(intents),
            }),
            urgency: Some(analysis.urgency),
            supported: analysis.supported,
            model: Some(analysis.model.as_str()),
            entities: &analysis.entities,
            error: None,
        }
    }

    pub fn fault(fault: TextFault, language: &'a Language) -> Self {
        Self::missing(fault.to_string(), language)
    }

    pub fn missing(error: String, language: &'a Language) -> Self {
        Self {
            language: language.into(),
            sentiment: None,
            emotions: None,
            goemotions: None,
            intents: None,
            labels: None,
            urgency: None,
            supported: false,
            model: None,
            entities: &[],
            error: Some(error),
        }
    }
}

#[derive(Debug, Serialize)]
struct LanguageScore<'a> {
    code: &'a str,
    confidence: f64,
}

impl<'a> From<&'a Language> for LanguageScore<'a> {
    fn from(language: &'a Language) -> Self {
        Self {
            code: &language.code,
            confidence: rounded(language.confidence),
        }
    }
}

/// Class, score and probabilities.
#[derive(Debug, Serialize)]
pub struct SentimentScore {
    label: &'static str,
    score: f64,
    negative: f64,
    neutral: f64,
    positive: f64,
}

impl From<&Sentiment> for SentimentScore {
    fn from(sentiment: &Sentiment) -> Self {
        Self {
            label: sentiment.label.as_str(),
            score: rounded(sentiment.score),
            negative: rounded(sentiment.negative),
            neutral: rounded(sentiment.neutral),
            positive: rounded(sentiment.positive),
        }
    }
}

/// Probabilities by name, in the model's order.
#[derive(Debug)]
pub struct ByName<'a>(pub &'a [LabelScore]);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for score in self.0 {
            map.serialize_entry(&score.label, &rounded(score.probability))?;
        }
        map.end()
    }
}

/// What passes the thresholds.
#[derive(Debug, Serialize)]
struct Present<'a> {
    emotions: Vec<&'a str>,
    goemotions: Vec<&'a str>,
    intents: Vec<&'a str>,
}

fn present(scores: &[LabelScore]) -> Vec<&str> {
    let present = scores.iter().filter(|score| score.present);
    present.map(|score| score.label.as_str()).collect()
}

/// Six decimals: more say nothing.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
