//! Light heads of one's own: what people corrected, learned on top of the frozen encoder.
//!
//! A head adds a linear function of the text's vector to the logits that the embedded model gives, so without
//! evidence it changes nothing. It is fitted by penalised logistic regression and kept only when it is better
//! on corrections that it did not see. Pure: files are read and written elsewhere.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::labels::HASH_DIGITS;
use super::{AnalyzeError, Analyzer, Input, TextFault};
use crate::domain::{Analysis, ModelId, Sentiment, SentimentLabel, hex};

/// Fewest corrections of a head from which it is fitted.
pub const FEWEST: usize = 30;
/// Parts that the corrections are cut into; each is judged by a head that did not see it.
const FOLDS: usize = 5;
/// Weight of the penalty on the squares of the weights, a correction.
const PENALTY: f64 = 0.02;
/// Steps and size of the descent; features are shorter than 1.5, so it is stable.
const STEPS: usize = 300;
const RATE: f64 = 1.0;
/// Scale of stored vectors.
const VECTOR_SCALE: f64 = 127.0;
/// Probabilities are kept this far from 0 and 1, so that their logits are finite.
const EDGE: f64 = 1e-6;

/// A row a label, a number a feature. 32 bits come back from JSON as they were, so the hash does too.
type Weights = Vec<Vec<f32>>;

/// What was learned from corrections of one model's answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heads {
    /// The model on whose vectors and logits they stand.
    pub base: ModelId,
    /// A row of weights for negative, neutral and positive, the constant last.
    pub sentiment: Option<Weights>,
    /// A row of weights for each intent, the constant last.
    pub intents: Option<Weights>,
    /// Probability from which each intent is present.
    pub thresholds: Vec<f32>,
}

/// A correction with what the embedded model says of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// What the embedded model says.
    pub analysis: Analysis,
    /// What the person says.
    pub sentiment: Option<SentimentLabel>,
    /// Whether each intent is present, in the order of the analysis.
    pub intents: Option<Vec<bool>>,
}

/// How a head fared on corrections that it did not see.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trial {
    /// Corrections that speak of it.
    pub lessons: usize,
    /// Macro-F1 of the embedded model; none when there are too few lessons.
    pub before: Option<f64>,
    /// Macro-F1 with the head.
    pub after: Option<f64>,
    /// Whether it is kept: it is better.
    pub kept: bool,
}

/// Fits both heads. `thresholds` are the embedded model's for the intents.
#[must_use]
pub fn learn(base: &ModelId, thresholds: &[f64], lessons: &[Lesson]) -> (Heads, Trial, Trial) {
    let mut examples = Vec::new();
    for lesson in lessons {
        if let Some(label) = lesson.sentiment {
            let target = SentimentLabel::ALL
                .map(|other| f64::from(u8::from(other == label)))
                .to_vec();
            examples.push(Example::new(
                &lesson.analysis,
                sentiment_logits(&lesson.analysis),
                target,
            ));
        }
    }
    let (sentiment, first) = judge(&examples, Link::Softmax, one_hot);
    let mut examples = Vec::new();
    for lesson in lessons {
        if let Some(present) = &lesson.intents {
            let target = present
                .iter()
                .map(|present| f64::from(u8::from(*present)))
                .collect();
            examples.push(Example::new(
                &lesson.analysis,
                intent_logits(&lesson.analysis),
                target,
            ));
        }
    }
    let decide = |p: &[f64]| {
        p.iter()
            .zip(thresholds)
            .map(|(p, threshold)| p >= threshold)
            .collect()
    };
    let (intents, second) = judge(&examples, Link::Sigmoid, decide);
    let heads = Heads {
        base: base.clone(),
        sentiment,
        intents,
        thresholds: thresholds
            .iter()
            .map(|threshold| narrow(*threshold))
            .collect(),
    };
    (heads, first, second)
}

impl Heads {
    /// Whether there is anything in them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sentiment.is_none() && self.intents.is_none()
    }

    /// The model with these heads: its name, marked, with the hash of the heads.
    ///
    /// # Errors
    /// When the heads cannot be written as JSON (a weight that is no number).
    pub fn model(&self) -> Result<ModelId, AnalyzeError> {
        let fault = |reason: String| AnalyzeError::Load {
            part: "heads",
            reason,
        };
        let json = serde_json::to_vec(self).map_err(|error| fault(error.to_string()))?;
        let mut hash = hex(&Sha256::digest(json));
        hash.truncate(HASH_DIGITS);
        let name = self.base.as_str().split('@').next().unwrap_or_default();
        ModelId::parse(format!("{name}+own@{hash}")).map_err(|error| fault(error.to_string()))
    }

    fn apply(&self, analysis: &mut Analysis) {
        let vector = features(analysis);
        if let Some(weights) = &self.sentiment {
            let p =
                Link::Softmax.probabilities(&moved(&sentiment_logits(analysis), weights, &vector));
            if let [negative, neutral, positive] = p[..] {
                analysis.sentiment = Sentiment::of(negative, neutral, positive);
            }
        }
        if let Some(weights) = &self.intents {
            let p = Link::Sigmoid.probabilities(&moved(&intent_logits(analysis), weights, &vector));
            let scores = analysis.intents.0.iter_mut().zip(p).zip(&self.thresholds);
            for ((score, probability), threshold) in scores {
                score.probability = probability;
                score.present = probability >= f64::from(*threshold);
            }
        }
    }
}

/// An analyzer with heads of one's own on top.
pub(super) struct WithHeads {
    base: Box<dyn Analyzer>,
    heads: Heads,
    model: ModelId,
}

impl WithHeads {
    pub(super) fn new(base: Box<dyn Analyzer>, heads: Heads) -> Result<Self, AnalyzeError> {
        let model = heads.model()?;
        Ok(Self { base, heads, model })
    }
}

impl Analyzer for WithHeads {
    fn model(&self) -> &ModelId {
        &self.model
    }

    /// Answers of other models, and guesses, are left as they are.
    fn analyze(
        &mut self,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
        let mut results = self.base.analyze(inputs)?;
        for analysis in results.iter_mut().flatten() {
            if analysis.model == self.heads.base && analysis.supported {
                self.heads.apply(analysis);
                analysis.model = self.model.clone();
            }
        }
        Ok(results)
    }
}

/// How logits become probabilities.
#[derive(Debug, Clone, Copy)]
enum Link {
    /// One class of several.
    Softmax,
    /// Independent labels.
    Sigmoid,
}

impl Link {
    fn probabilities(self, logits: &[f64]) -> Vec<f64> {
        match self {
            Self::Sigmoid => logits.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect(),
            Self::Softmax => {
                let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let exp: Vec<f64> = logits.iter().map(|z| (z - top).exp()).collect();
                let sum: f64 = exp.iter().sum();
                exp.into_iter().map(|part| part / sum).collect()
            }
        }
    }
}

/// What a head learns from.
struct Example {
    vector: Vec<f64>,
    logits: Vec<f64>,
    target: Vec<f64>,
}

impl Example {
    fn new(analysis: &Analysis, logits: Vec<f64>, target: Vec<f64>) -> Self {
        Self {
            vector: features(analysis),
            logits,
            target,
        }
    }
}

/// Fits a head on all examples if heads fitted on parts of them are better on the other parts.
fn judge(
    examples: &[Example],
    link: Link,
    decide: impl Fn(&[f64]) -> Vec<bool>,
) -> (Option<Weights>, Trial) {
    let mut trial = Trial {
        lessons: examples.len(),
        before: None,
        after: None,
        kept: false,
    };
    if examples.len() < FEWEST {
        return (None, trial);
    }
    let mut said = vec![(Vec::new(), Vec::new()); examples.len()];
    for fold in 0..FOLDS {
        let seen: Vec<&Example> = (0..examples.len())
            .filter(|n| n % FOLDS != fold)
            .map(|n| &examples[n])
            .collect();
        let weights = fit(&seen, link);
        for n in (fold..examples.len()).step_by(FOLDS) {
            let example = &examples[n];
            let before = decide(&link.probabilities(&example.logits));
            let logits = moved(&example.logits, &weights, &example.vector);
            said[n] = (before, decide(&link.probabilities(&logits)));
        }
    }
    let targets = || examples.iter().map(|example| example.target.as_slice());
    let before = macro_f1(targets().zip(said.iter().map(|said| said.0.as_slice())));
    let after = macro_f1(targets().zip(said.iter().map(|said| said.1.as_slice())));
    trial.before = Some(before);
    trial.after = Some(after);
    trial.kept = after > before;
    let all: Vec<&Example> = examples.iter().collect();
    (trial.kept.then(|| fit(&all, link)), trial)
}

/// Gradient descent on the penalised mean loss, from nothing.
#[allow(clippy::cast_precision_loss)]
fn fit(examples: &[&Example], link: Link) -> Weights {
    let (labels, width) = examples
        .first()
        .map_or((0, 0), |one| (one.target.len(), one.vector.len()));
    let mut weights: Weights = vec![vec![0.0; width]; labels];
    let number = examples.len() as f64;
    for _ in 0..STEPS {
        let mut slope = vec![vec![0.0; width]; labels];
        for example in examples {
            let p = link.probabilities(&moved(&example.logits, &weights, &example.vector));
            for ((row, p), target) in slope.iter_mut().zip(p).zip(&example.target) {
                let error = (p - target) / number;
                for (slope, x) in row.iter_mut().zip(&example.vector) {
                    *slope += error * x;
                }
            }
        }
        for (row, slope) in weights.iter_mut().zip(&slope) {
            for (weight, slope) in row.iter_mut().zip(slope) {
                *weight -= narrow(RATE * (slope + PENALTY * f64::from(*weight)));
            }
        }
    }
    weights
}

fn moved(logits: &[f64], weights: &[Vec<f32>], vector: &[f64]) -> Vec<f64> {
    let by = |row: &Vec<f32>| {
        row.iter()
            .zip(vector)
            .map(|(weight, x)| f64::from(*weight) * x)
            .sum::<f64>()
    };
    logits
        .iter()
        .zip(weights)
        .map(|(logit, row)| logit + by(row))
        .collect()
}

#[allow(clippy::cast_possible_truncation)]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Mean F1 over the labels that occur.
#[allow(clippy::cast_precision_loss)]
fn macro_f1<'a>(rows: impl Iterator<Item = (&'a [f64], &'a [bool])>) -> f64 {
    let mut counts: Vec<(usize, usize, usize)> = Vec::new();
    for (target, said) in rows {
        counts.resize(counts.len().max(target.len()), (0, 0, 0));
        for ((count, target), said) in counts.iter_mut().zip(target).zip(said) {
            let has = *target > 0.5;
            count.0 += usize::from(has);
            count.1 += usize::from(*said);
            count.2 += usize::from(has && *said);
        }
    }
    let there: Vec<f64> = counts
        .into_iter()
        .filter(|(has, _, _)| *has > 0)
        .map(|(has, gets, both)| 2.0 * both as f64 / (has + gets) as f64)
        .collect();
    there.iter().sum::<f64>() / there.len().max(1) as f64
}

fn one_hot(p: &[f64]) -> Vec<bool> {
    let mut top = 0;
    for (place, part) in p.iter().enumerate() {
        if *part > p[top] {
            top = place;
        }
    }
    (0..p.len()).map(|place| place == top).collect()
}

/// The text's vector, and a constant.
fn features(analysis: &Analysis) -> Vec<f64> {
    let mut features: Vec<f64> = analysis
        .embedding
        .iter()
        .map(|v| f64::from(*v) / VECTOR_SCALE)
        .collect();
    features.push(1.0);
    features
}

fn sentiment_logits(analysis: &Analysis) -> Vec<f64> {
    let s = &analysis.sentiment;
    [s.negative, s.neutral, s.positive]
        .map(|p| p.max(EDGE).ln())
        .to_vec()
}

fn intent_logits(analysis: &Analysis) -> Vec<f64> {
    let logit = |p: f64| {
        let p = p.clamp(EDGE, 1.0 - EDGE);
        (p / (1.0 - p)).ln()
    };
    analysis
        .intents
        .0
        .iter()
        .map(|score| logit(score.probability))
        .collect()
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
