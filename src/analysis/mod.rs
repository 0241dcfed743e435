//! Scoring texts: sentiment, emotions, intents and a vector, in one forward pass.
//!
//! **The contract.** An `Analyzer` gives one result for each input, in order, and a text at fault
//! costs itself alone. A text in a language that the model does not serve is scored all the same,
//! but marked `supported: false`, never passed off as neutral. Analyzers block, so they live on
//! threads of their own behind an `AnalyzerHandle` with a bounded queue.
//!
//! Nothing in here reads the store, the network or the clock, and no text is ever logged.
//!
//! The model (`models/`) is embedded in the binary; its figures, data and limits are in
//! `models/README.md`, and `models/train/` makes it.

mod cache;
pub mod eval;
mod explain;
mod heads;
mod labels;
mod minilm;
mod ngrams;
mod prepare;
mod shipped;
mod worker;

#[cfg(feature = "rust-bert")]
mod engine;
#[cfg(not(feature = "rust-bert"))]
#[path = "engine_absent.rs"]
mod engine;
#[cfg(feature = "rust-bert")]
mod rust_bert;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

pub use explain::{Explanation, WordEffect, explain};
pub use heads::{FEWEST, Heads, Lesson, Trial, learn};
pub use labels::LabelsError;
pub use minilm::{MiniLm, Scorer};
pub use prepare::{MAX_CHARS, Preparer};
pub use shipped::{ShippedFile, shipped_files};
pub use worker::{AnalyzerHandle, Factory, Outcome, Text};

use heads::WithHeads;
use labels::Labels;
use ngrams::Ngrams;

use crate::config::{AnalysisConfig, AnalysisEngine, ModelConfig};
use crate::domain::{Analysis, ModelId};

/// Workers when the configuration leaves the number open: more than two eat the memory that a
/// small server needs for the rest.
const MAX_DEFAULT_WORKERS: usize = 2;

/// One text to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input<'a> {
    /// The text as published; preparation is the analyzer's business.
    pub text: &'a str,
    /// Detected language: ISO 639-1, else 639-3, `und` when unknown.
    pub language: &'a str,
}

/// Scores texts. Synchronous on purpose: models block.
pub trait Analyzer: Send {
    /// Which model speaks.
    fn model(&self) -> &ModelId;

    /// One result for each input, in order; a text at fault costs itself alone.
    ///
    /// # Errors
    /// When the engine itself fails, so that no text of the batch has a result.
    fn analyze(
        &mut self,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError>;
}

/// Why one text has no analysis; trying again would end the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Nothing is left of the text to score.
    #[error("text is empty after preparation")]
    Empty,
    /// The tokenizer refused the text.
    #[error("text cannot be tokenised")]
    Untokenizable,
    /// The model answered with a value that is no number.
    #[error("model output is not finite")]
    NotFinite,
    /// The engine refused this text, alone.
    #[error("engine refused the text")]
    Refused,
    /// The engine panicked on this text, alone.
    #[error("engine panicked on the text")]
    Panicked,
}

/// Why a whole batch has no result.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The embedded model's labels do not fit.
    #[error("model labels")]
    Labels(#[from] LabelsError),
    /// The embedded model or tokenizer does not load.
    #[error("model {part} does not load: {reason}")]
    Load {
        /// Which part: graph, tokenizer or thread.
        part: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// The engine refused to run.
    #[error("model run failed: {0}")]
    Run(String),
    /// The workers have stopped.
    #[error("analyzer has stopped")]
    Stopped,
}

/// A model that may speak, as `overheard model list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelCard {
    /// Name, version and hash, as analyses carry it.
    pub model: String,
    /// Codes of the languages that it serves.
    pub languages: Vec<String>,
    /// What it says of a text.
    pub labels: Vec<String>,
    /// Size of its weights in bytes.
    pub bytes: usize,
}

/// The models that score.
///
/// # Errors
/// When labels do not fit the program, or a directory of the configuration is not good.
pub fn models(
    config: &AnalysisConfig,
    own: &[ModelConfig],
    heads: Option<&Heads>,
) -> Result<Vec<ModelCard>, AnalyzeError> {
    let labels = Labels::parse(shipped::LABELS, shipped::SUMS)?;
    let mut says = vec!["sentiment", "emotions", "goemotions", "intents"];
    if labels.has_urgency() {
        says.push("urgency");
    }
    let ngrams = Ngrams::parse(shipped::NGRAMS_LABELS, shipped::NGRAMS, shipped::SUMS)?;
    let mut models = vec![
        ModelCard {
            model: heads
                .map_or(Ok(labels.model.clone()), Heads::model)?
                .to_string(),
            languages: labels.languages().to_vec(),
            labels: says.into_iter().map(str::to_owned).collect(),
            bytes: shipped::GRAPH.len(),
        },
        ModelCard {
            model: ngrams.model().to_string(),
            languages: ngrams.languages().map(str::to_owned).collect(),
            labels: vec!["sentiment".to_owned()],
            bytes: ngrams.bytes(),
        },
    ];
    if config.engine == AnalysisEngine::RustBert {
        models.extend(engine::cards(own)?);
    }
    Ok(models)
}

/// The fine emotions of the embedded model, each with its Ekman group.
///
/// # Errors
/// When the labels do not fit the program.
pub fn emotion_groups() -> Result<BTreeMap<String, String>, AnalyzeError> {
    Ok(Labels::parse(shipped::LABELS, shipped::SUMS)?.groups())
}

/// The embedded model's id, and the probabilities from which its intents are present.
///
/// # Errors
/// When the labels do not fit the program.
pub fn embedded() -> Result<(ModelId, Vec<f64>), AnalyzeError> {
    let labels = Labels::parse(shipped::LABELS, shipped::SUMS)?;
    let thresholds = labels.intent_thresholds().to_vec();
    Ok((labels.model, thresholds))
}

/// An analyzer of the configured engine for one text and its variants: a call is one pass, on all cores.
///
/// # Errors
/// When a model does not load, or scoring is switched off.
pub fn single(
    config: &AnalysisConfig,
    own: &[ModelConfig],
    heads: Option<Heads>,
) -> Result<Box<dyn Analyzer>, AnalyzeError> {
    if config.engine == AnalysisEngine::None {
        return Err(AnalyzeError::Stopped);
    }
    let base = with_heads(MiniLm::one_pass(Arc::new(Scorer::embedded(0)?)), heads)?;
    match config.engine {
        AnalysisEngine::RustBert => engine::single(base, own),
        AnalysisEngine::Embedded | AnalysisEngine::None => Ok(base),
    }
}

/// Starts the configured engine. `engine = "none"` loads nothing; `own` counts for "rust-bert" alone.
///
/// # Errors
/// When a model does not load or a thread does not start.
pub fn build(
    config: &AnalysisConfig,
    own: &[ModelConfig],
    heads: Option<Heads>,
) -> Result<AnalyzerHandle, AnalyzeError> {
    if config.engine == AnalysisEngine::None {
        return Ok(AnalyzerHandle::off());
    }
    let scorer = Arc::new(Scorer::embedded(config.cache_texts)?);
    let base: Factory =
        Arc::new(move || with_heads(MiniLm::new(Arc::clone(&scorer)), heads.clone()));
    let factory = match config.engine {
        AnalysisEngine::RustBert => engine::factory(base, own)?,
        AnalysisEngine::Embedded | AnalysisEngine::None => base,
    };
    AnalyzerHandle::start(factory, workers(config.threads))
}

fn with_heads(base: MiniLm, heads: Option<Heads>) -> Result<Box<dyn Analyzer>, AnalyzeError> {
    let base = Box::new(base);
    Ok(match heads {
        Some(heads) => Box::new(WithHeads::new(base, heads)?),
        None => base,
    })
}

fn workers(configured: usize) -> usize {
    if configured > 0 {
        return configured;
    }
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MAX_DEFAULT_WORKERS)
}
