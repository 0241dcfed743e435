//! `[[models]]`: models of one's own, for the engine "rust-bert".

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use super::check::{not_empty, unique, within};
use super::layers::Findings;
use super::read::Section;
use crate::domain::SentimentLabel;
use crate::domain::analysis::INTENTS;

/// A directory as Hugging Face lays it out, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The name, as analyses carry it.
    pub id: String,
    /// The directory: `config.json`, weights (`model.safetensors` or `rust_model.ot`), vocabulary.
    pub path: PathBuf,
    /// What it says.
    pub task: ModelTask,
    /// Its labels' names to ours; for zero-shot, our labels to the sentences that are judged.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Codes of the languages that it serves; empty means all.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Probability in percent from which a label is present.
    #[serde(default = "half")]
    pub threshold_percent: u32,
    /// How its weights are held.
    #[serde(default)]
    pub precision: Precision,
}

/// What a model says of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelTask {
    /// Negative, neutral or positive: a sequence classifier.
    Sentiment,
    /// Our intents: a sequence classifier.
    Intents,
    /// Whether sentences that a person writes follow from the text: a classifier of entailment.
    ZeroShot,
    /// Names of people, places, organisations: a token classifier.
    Entities,
}

/// How weights are held, and so how fast and exact the model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits: half the memory, and faster where the processor knows it.
    Bf16,
}

impl fmt::Display for ModelTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sentiment => "sentiment",
            Self::Intents => "intents",
            Self::ZeroShot => "zero-shot",
            Self::Entities => "entities",
        })
    }
}

fn half() -> u32 {
    50
}

pub(super) fn check(models: &[Section<'_, ModelConfig>], findings: &mut Findings) {
    unique(
        "model",
        models
            .iter()
            .map(|model| (&model.value.id, model.span("id"))),
        findings,
    );
    for model in models {
        let config = &model.value;
        not_empty("id", &config.id, model.span("id"), findings);
        not_empty(
            "path",
            &config.path.to_string_lossy(),
            model.span("path"),
            findings,
        );
        within(
            model,
            "threshold_percent",
            config.threshold_percent,
            1..=99,
            findings,
        );
        for (theirs, ours) in &config.labels {
            if let Some(help) = misfit(config.task, theirs, ours) {
                findings.add_with_help(
                    model.span("labels"),
                    format!(
                        "model \"{}\" cannot use the label {theirs} = \"{ours}\"",
                        config.id
                    ),
                    help,
                );
            }
        }
        if config.task == ModelTask::ZeroShot && config.labels.is_empty() {
            findings.add_with_help(
                model.span("task"),
                format!("model \"{}\" has nothing to judge", config.id),
                "write labels = { refund = \"The author wants their money back.\" }",
            );
        }
    }
}

/// What to write instead, where a label does not fit.
fn misfit(task: ModelTask, theirs: &str, ours: &str) -> Option<String> {
    match task {
        ModelTask::Sentiment => {
            let names = SentimentLabel::ALL.map(SentimentLabel::as_str);
            (!names.contains(&ours)).then(|| format!("write one of {}", names.join(", ")))
        }
        ModelTask::Intents => {
            let known = INTENTS.contains(&ours);
            (!known).then(|| format!("write one of {}", INTENTS.join(", ")))
        }
        ModelTask::ZeroShot => {
            let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
            let good = (1..=40).contains(&theirs.len()) && theirs.bytes().all(letters);
            if !good {
                return Some("name labels with lowercase letters, digits and _".to_owned());
            }
            ours.trim()
                .is_empty()
                .then(|| "write a sentence that may follow from a post".to_owned())
        }
        ModelTask::Entities => {
            Some("a model of entities brings its own labels: leave it out".to_owned())
        }
    }
}
