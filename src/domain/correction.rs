//! What a person says of a post where the model was wrong.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::analysis::{INTENTS, LabelScore, MAX_URGENCY};
use super::{Analysis, Sentiment, SentimentLabel};

/// A person's word; what it leaves open stays the model's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The sentiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<SentimentLabel>,
    /// All intents of the post; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intents: Option<Vec<String>>,
    /// The urgency, 0 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<u8>,
}

/// Why a correction is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCorrection {
    /// It says nothing.
    #[error("a correction needs a sentiment, intents or an urgency")]
    Empty,
    /// There is no such intent.
    #[error("\"{name}\" is not an intent: use {}", INTENTS.join(", "))]
    Intent {
        /// What was written.
        name: String,
    },
    /// The level is too high.
    #[error("urgency {0} is not 0 to 3")]
    Urgency(u8),
}

impl Correction {
    /// Checks that it says something, and nothing that is unknown.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<(), InvalidCorrection> {
        if *self == Self::default() {
            return Err(InvalidCorrection::Empty);
        }
        for intent in self.intents.iter().flatten() {
            if !INTENTS.contains(&intent.as_str()) {
                return Err(InvalidCorrection::Intent {
                    name: intent.clone(),
                });
            }
        }
        match self.urgency {
            Some(urgency) if urgency > MAX_URGENCY => Err(InvalidCorrection::Urgency(urgency)),
            _ => Ok(()),
        }
    }

    /// What both say together; the newer word counts.
    #[must_use]
    pub fn over(self, older: Self) -> Self {
        Self {
            sentiment: self.sentiment.or(older.sentiment),
            intents: self.intents.or(older.intents),
            urgency: self.urgency.or(older.urgency),
        }
    }

    /// Puts the person's word in the place of the model's: certain, and counted in any language.
    pub fn apply(&self, analysis: &mut Analysis) {
        if let Some(label) = self.sentiment {
            let [negative, neutral, positive] =
                SentimentLabel::ALL.map(|other| f64::from(u8::from(other == label)));
            analysis.sentiment = Sentiment::of(negative, neutral, positive);
            if !analysis.supported {
                analysis.supported = true;
                let emotions = &mut analysis.emotions;
                let guesses = emotions.ekman.iter_mut().chain(&mut emotions.fine);
                for guess in guesses.chain(&mut analysis.intents.0) {
                    guess.present = false;
                }
            }
        }
        if let Some(intents) = &self.intents {
            // Labels of one's own stand among the intents; nobody was asked about those.
            let asked = |score: &&mut LabelScore| INTENTS.contains(&score.label.as_str());
            for score in analysis.intents.0.iter_mut().filter(asked) {
                set(score, intents.contains(&score.label));
            }
            let scores = &mut analysis.intents.0;
            for intent in intents {
                // The model has no such label; the person has.
                if scores.iter().all(|score| score.label != *intent) {
                    scores.push(LabelScore {
                        label: intent.clone(),
                        probability: 1.0,
                        present: true,
                    });
                }
            }
        }
        if let Some(urgency) = self.urgency {
            analysis.urgency = urgency;
        }
    }
}

fn set(score: &mut LabelScore, present: bool) {
    score.present = present;
    score.probability = f64::from(u8::from(present));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EmotionScores, IntentScores};

    #[test]
    fn a_correction_of_intents_leaves_labels_of_ones_own() {
        let score = |label: &str, present| LabelScore {
            label: label.to_owned(),
            probability: 0.7,
            present,
        };
        let mut analysis = Analysis {
            model: crate::domain::ModelId::parse("m@1").unwrap(),
            supported: true,
            sentiment: Sentiment::of(0.0, 1.0, 0.0),
            emotions: EmotionScores::default(),
            intents: IntentScores(vec![score("complaint", true), score("refund", true)]),
            urgency: 0,
            entities: vec![],
            embedding: vec![],
        };
        let spam = Correction {
            intents: Some(vec!["spam".to_owned()]),
            ..Correction::default()
        };
        spam.apply(&mut analysis);
        assert!(analysis.present_intents().eq(["refund", "spam"]));
        assert_eq!(analysis.intents.0[1], score("refund", true));
    }

    #[test]
    fn what_is_no_correction_says_why() {
        let intents = |names: &[&str]| Correction {
            intents: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            ..Correction::default()
        };
        assert_eq!(Correction::default().check(), Err(InvalidCorrection::Empty));
        assert_eq!(intents(&[]).check(), Ok(()));
        assert_eq!(intents(&["complaint", "spam"]).check(), Ok(()));
        let told = intents(&["moan"]).check().unwrap_err().to_string();
        assert!(
            told.starts_with("\"moan\" is not an intent: use complaint, "),
            "{told}"
        );
        let urgent = Correction {
            urgency: Some(4),
            ..Correction::default()
        };
        assert_eq!(urgent.check(), Err(InvalidCorrection::Urgency(4)));
        assert_eq!(urgent.clone().over(intents(&[])).intents, Some(vec![]));
        assert_eq!(
            intents(&["spam"]).over(intents(&[])).intents,
            Some(vec!["spam".to_owned()])
        );
    }
}
