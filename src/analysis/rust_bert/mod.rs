//! Models of one's own over rust-bert (libtorch), on top of the shipped model.
//!
//! The shipped model scores every text; then each of the `[[models]]` puts its own answer in place in the
//! languages that it serves: sentiment, intents, labels that a person invents (zero-shot), names. A model can
//! be sent to a thread but not shared, so each worker has copies of its own and runs them on one thread.

mod classifier;
mod directory;
mod entities;

use std::fmt::Display;
use std::sync::Arc;

use tch::Kind;

use self::classifier::{Classifier, Pair, output_names};
use self::directory::Directory;
use self::entities::Entities;
use super::minilm::speak_for;
use super::prepare::MAX_CHARS;
use super::{AnalyzeError, Analyzer, Input, ModelCard, TextFault};
use crate::config::{ModelConfig, ModelTask, Precision};
use crate::domain::analysis::{INTENTS, LabelScore};
use crate::domain::{Analysis, ModelId, Sentiment, SentimentLabel};

/// Directories that were found good, with their hashes: looked at once for all workers.
#[derive(Debug, Clone)]
pub(super) struct Directories(Arc<Vec<(ModelConfig, Directory)>>);

impl Directories {
    /// Looks into the configured directories.
    ///
    /// # Errors
    /// When a file is missing or a model is of a kind that is not known.
    pub(super) fn open(models: &[ModelConfig]) -> Result<Self, AnalyzeError> {
        let open = |model: &ModelConfig| Ok((model.clone(), Directory::open(model)?));
        let opened = models
            .iter()
            .map(open)
            .collect::<Result<_, AnalyzeError>>()?;
        Ok(Self(Arc::new(opened)))
    }

    /// The models as `overheard model list` shows them.
    pub(super) fn cards(&self) -> impl Iterator<Item = ModelCard> {
        self.0.iter().map(|(model, directory)| ModelCard {
            model: directory.id.to_string(),
            languages: model.languages.clone(),
            labels: vec![model.task.to_string()],
            bytes: directory.weight_bytes(),
        })
    }
}

/// The shipped model with models of one's own on top.
pub(super) struct RustBert {
    base: Box<dyn Analyzer>,
    overlays: Vec<Overlay>,
}

impl RustBert {
    /// Loads all models.
    ///
    /// # Errors
    /// When weights, vocabulary or labels do not fit.
    pub(super) fn load(
        base: Box<dyn Analyzer>,
        directories: &Directories,
    ) -> Result<Self, AnalyzeError> {
        // One worker a core: more threads in each would only wait for one another.
        tch::set_num_threads(1);
        let load = |(model, directory): &(ModelConfig, Directory)| Overlay::load(model, directory);
        let overlays = directories.0.iter().map(load).collect::<Result<_, _>>()?;
        Ok(Self { base, overlays })
    }
}

impl Analyzer for RustBert {
    fn model(&self) -> &ModelId {
        self.base.model()
    }

    fn analyze(
        &mut self,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
        let mut results = self.base.analyze(inputs)?;
        for overlay in &self.overlays {
            let mut texts = Vec::new();
            let mut analyses = Vec::new();
            for (input, result) in inputs.iter().zip(&mut results) {
                if let Ok(analysis) = result
                    && overlay.serves(input.language)
                {
                    texts.push(cut(input.text));
                    analyses.push(analysis);
                }
            }
            overlay.apply(&texts, &mut analyses)?;
        }
        Ok(results)
    }
}

/// One of the `[[models]]`, loaded.
struct Overlay {
    id: ModelId,
    languages: Vec<String>,
    threshold: f64,
    role: Role,
}

enum Role {
    /// The class of each output.
    Sentiment(Classifier, Vec<Option<SentimentLabel>>),
    /// The intent of each output, and whether the outputs are independent.
    Intents(Classifier, Vec<Option<String>>, bool),
    ZeroShot(Classifier, Entailment),
    Entities(Entities),
}

/// What a zero-shot classifier is asked.
struct Entailment {
    /// Labels with the sentences that are judged.
    labels: Vec<(String, String)>,
    /// The output that says that the sentence follows.
    follows: usize,
    /// The output that says that it does not.
    contradicts: usize,
}

impl Overlay {
    fn load(model: &ModelConfig, directory: &Directory) -> Result<Self, AnalyzeError> {
        let threshold = f64::from(model.threshold_percent) / 100.0;
        let role = match model.task {
            ModelTask::Entities => {
                Role::Entities(Entities::load(directory, model.precision, threshold)?)
            }
            task => {
                let names = output_names(directory);
                let classifier = Classifier::load(directory, model.precision)?;
                Self::classify(task, classifier, model, directory, &names)?
            }
        };
        Ok(Self {
            id: directory.id.clone(),
            languages: model.languages.clone(),
            threshold,
            role,
        })
    }

    fn classify(
        task: ModelTask,
        classifier: Classifier,
        model: &ModelConfig,
        directory: &Directory,
        names: &[String],
    ) -> Result<Role, AnalyzeError> {
        let ours = |name: &String| {
            model
                .labels
                .get(name)
                .cloned()
                .unwrap_or_else(|| name.to_lowercase())
        };
        let listed = || names.join(", ");
        match task {
            ModelTask::Sentiment => {
                let classes: Vec<_> = names
                    .iter()
                    .map(|name| SentimentLabel::from_name(&ours(name)))
                    .collect();
                for wanted in [SentimentLabel::Negative, SentimentLabel::Positive] {
                    if !classes.contains(&Some(wanted)) {
                        let reason = format!(
                            "none of its labels ({}) is {}: name it under labels",
                            listed(),
                            wanted.as_str()
                        );
                        return Err(failed(directory, &reason));
                    }
                }
                Ok(Role::Sentiment(classifier, classes))
            }
            ModelTask::Intents => {
                let known = |name: &String| {
                    Some(ours(name)).filter(|name| INTENTS.contains(&name.as_str()))
                };
                let intents: Vec<_> = names.iter().map(known).collect();
                if intents.iter().all(Option::is_none) {
                    let reason = format!(
                        "none of its labels ({}) is an intent: name them under labels",
                        listed()
                    );
                    return Err(failed(directory, &reason));
                }
                Ok(Role::Intents(classifier, intents, directory.multi_label))
            }
            ModelTask::ZeroShot | ModelTask::Entities => {
                let place = |start: &str| {
                    let found = names
                        .iter()
                        .position(|name| name.to_lowercase().starts_with(start));
                    found.ok_or_else(|| {
                        let reason = format!("none of its labels ({}) begins with {start}: it is no model of entailment", listed());
                        failed(directory, &reason)
                    })
                };
                let entailment = Entailment {
                    labels: model.labels.clone().into_iter().collect(),
                    follows: place("entail")?,
                    contradicts: place("contradict")?,
                };
                Ok(Role::ZeroShot(classifier, entailment))
            }
        }
    }

    fn serves(&self, language: &str) -> bool {
        self.languages.is_empty() || self.languages.iter().any(|served| served == language)
    }

    /// Puts this model's answers in place.
    fn apply(&self, texts: &[&str], analyses: &mut [&mut Analysis]) -> Result<(), AnalyzeError> {
        match &self.role {
            Role::Sentiment(classifier, classes) => {
                let pairs: Vec<Pair<'_>> = texts.iter().map(|text| (*text, None)).collect();
                for (analysis, logits) in analyses.iter_mut().zip(classifier.logits(&pairs)?) {
                    let part = softmax(&logits);
                    speak_for(analysis, sentiment(classes, &part), &self.id);
                }
            }
            Role::Intents(classifier, intents, multi_label) => {
                let pairs: Vec<Pair<'_>> = texts.iter().map(|text| (*text, None)).collect();
                for (analysis, logits) in analyses.iter_mut().zip(classifier.logits(&pairs)?) {
                    let parts = match multi_label {
                        true => logits.iter().map(|z| sigmoid(*z)).collect(),
                        false => softmax(&logits),
                    };
                    for (intent, part) in intents.iter().zip(parts) {
                        if let Some(intent) = intent {
                            self.set(analysis, intent, part);
                        }
                    }
                }
            }
            Role::ZeroShot(classifier, asked) => {
                let sentences = |text| {
                    asked
                        .labels
                        .iter()
                        .map(move |(_, sentence)| (text, Some(sentence.as_str())))
                };
                let pairs: Vec<Pair<'_>> = texts.iter().flat_map(|text| sentences(*text)).collect();
                let logits = classifier.logits(&pairs)?;
                for (analysis, logits) in analyses.iter_mut().zip(logits.chunks(asked.labels.len()))
                {
                    for ((label, _), logits) in asked.labels.iter().zip(logits) {
                        self.set(analysis, label, asked.probability(logits));
                    }
                }
            }
            Role::Entities(entities) => {
                for (analysis, text) in analyses.iter_mut().zip(texts) {
                    analysis.entities = entities.find(text);
                }
            }
        }
        Ok(())
    }

    /// Sets an intent, or adds a label that is none.
    fn set(&self, analysis: &mut Analysis, label: &str, probability: f64) {
        let score = LabelScore {
            label: label.to_owned(),
            probability,
            present: probability >= self.threshold,
        };
        let intents = &mut analysis.intents.0;
        match intents.iter_mut().find(|known| known.label == label) {
            Some(known) => *known = score,
            None => intents.push(score),
        }
    }
}

impl Entailment {
    /// Whether the sentence follows, against whether it does not; that nothing can be said of it counts for
    /// neither (Yin et al. 2019).
    fn probability(&self, logits: &[f64]) -> f64 {
        let logit = |place: usize| logits.get(place).copied().unwrap_or(f64::NEG_INFINITY);
        sigmoid(logit(self.follows) - logit(self.contradicts))
    }
}

/// Probabilities of the classes; outputs of the same class add up.
fn sentiment(classes: &[Option<SentimentLabel>], parts: &[f64]) -> Sentiment {
    let sum = |wanted: SentimentLabel| -> f64 {
        let pairs = classes.iter().zip(parts);
        pairs
            .filter(|(class, _)| **class == Some(wanted))
            .map(|(_, part)| part)
            .sum()
    };
    let [negative, neutral, positive] = SentimentLabel::ALL.map(sum);
    let all = negative + neutral + positive;
    let [negative, neutral, positive] = [negative, neutral, positive].map(|part| part / all);
    Sentiment::of(negative, neutral, positive)
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exp: Vec<f64> = logits.iter().map(|z| (z - top).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.into_iter().map(|part| part / sum).collect()
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn cut(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(MAX_CHARS)
        .map_or(text.len(), |(end, _)| end);
    &text[..end]
}

fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::F32 => Kind::Float,
        Precision::Bf16 => Kind::BFloat16,
    }
}

fn failed(directory: &Directory, reason: &dyn Display) -> AnalyzeError {
    AnalyzeError::Load {
        part: "directory",
        reason: format!("{}: {reason}", directory.id),
    }
}

#[cfg(test)]
mod tests;
