//! The shipped model in the embedded runtime: prepare, tokenise, bucket by length, run, calibrate.
//!
//! `Scorer` is everything that workers share: the graph's weights (read-only, one copy), the
//! tokenizer, the labels and the cache. `MiniLm` is one worker's analyzer with a runtime pool of one
//! thread: two workers of one thread beat one of two (`benches/scoring.rs`). Nothing here starts
//! worker threads, and no text is kept.

use std::sync::{Arc, Mutex, PoisonError};

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use tokenizers::{Tokenizer, TruncationParams};

use super::cache::{TextCache, TextKey};
use super::labels::{LEVELS, Labels, Scores};
use super::ngrams::Ngrams;
use super::prepare::Preparer;
use super::shipped::{GRAPH, LABELS, NGRAMS, NGRAMS_LABELS, SUMS, TOKENIZER};
use super::{AnalyzeError, Analyzer, Input, TextFault};
use crate::domain::analysis::INTENTS;
use crate::domain::{Analysis, ModelId, Sentiment};

/// Most texts of a worker's forward pass: with 32 its buffers leave the cache, and it is a tenth slower.
const BATCH_TEXTS: usize = 8;
/// Most tokens of a worker's forward pass, padding included: bounds the runtime's buffers.
const BATCH_TOKENS: usize = 2048;

/// Names of the graph's outputs.
const HEADS: [&str; 5] = ["sentiment", "emotions", "intents", "embedding", "urgency"];

/// The model, loaded once and shared by all workers.
pub struct Scorer {
    model: Model,
    input_ids: NodeId,
    attention_mask: NodeId,
    /// In the order of `HEADS`; the last is there when the model has it.
    outputs: Vec<NodeId>,
    tokenizer: Tokenizer,
    preparer: Preparer,
    labels: Labels,
    ngrams: Ngrams,
    cache: Mutex<TextCache<Arc<Scores>>>,
}

impl Scorer {
    /// Loads the embedded model; `cache_texts` results are kept for texts that come again.
    ///
    /// # Errors
    /// When graph, tokenizer or labels do not fit each other.
    pub fn embedded(cache_texts: usize) -> Result<Self, AnalyzeError> {
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_static_slice(GRAPH)
            .map_err(|error| load("graph", &error))?;
        Self::with_graph(model, cache_texts)
    }

    /// The same model as another file has it.
    #[cfg(all(test, feature = "rust-bert"))]
    pub(super) fn from_file(path: &std::path::Path) -> Result<Self, AnalyzeError> {
        let model = ModelOptions::with_all_ops()
            .load_file(path)
            .map_err(|error| load("graph", &error))?;
        Self::with_graph(model, 0)
    }

    fn with_graph(model: Model, cache_texts: usize) -> Result<Self, AnalyzeError> {
        let labels = Labels::parse(LABELS, SUMS)?;
        let node = |name| model.node_id(name).map_err(|error| load("graph", &error));
        let heads = match labels.has_urgency() {
            true => &HEADS[..],
            false => &HEADS[..4],
        };
        let mut tokenizer =
            Tokenizer::from_bytes(TOKENIZER).map_err(|error| load("tokenizer", &error))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: labels.max_tokens,
                ..TruncationParams::default()
            }))
            .map_err(|error| load("tokenizer", &error))?;
        Ok(Self {
            input_ids: node("input_ids")?,
            attention_mask: node("attention_mask")?,
            outputs: heads
                .iter()
                .map(|name| node(name))
                .collect::<Result<_, _>>()?,
            model,
            tokenizer,
            preparer: Preparer::new(),
            labels,
            ngrams: Ngrams::parse(NGRAMS_LABELS, NGRAMS, SUMS)?,
            cache: Mutex::new(TextCache::new(cache_texts)),
        })
    }

    /// The model's name, version and hash.
    #[must_use]
    pub fn model(&self) -> &ModelId {
        &self.labels.model
    }

    /// The token ids of a prepared text, at most 128 with the two that frame it.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn tokenize(&self, prepared: &str) -> Result<Vec<u32>, TextFault> {
        let encoding = self
            .tokenizer
            .encode_fast(prepared, true)
            .map_err(|_| TextFault::Untokenizable)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text as the tokenizer gets it.
    #[must_use]
    pub fn prepare(&self, text: &str) -> String {
        self.preparer.prepare(text)
    }

    /// One forward pass over texts of similar length, padded to the longest. The outputs are
    /// sentiment [n, 3], emotions [n, 28], intents [n, 8] (logits), embedding [n, 384] and, where
    /// the model has it, urgency [n, 4] (logits).
    ///
    /// # Errors
    /// When the runtime refuses the batch.
    pub fn run(
        &self,
        batch: &[&[u32]],
        pool: &Arc<ThreadPool>,
    ) -> Result<Vec<Tensor<f32>>, AnalyzeError> {
        let width = batch.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let mut ids = vec![0i32; batch.len() * width];
        let mut mask = vec![0i32; batch.len() * width];
        for (row, tokens) in batch.iter().enumerate() {
            for (column, &token) in tokens.iter().enumerate() {
                ids[row * width + column] = token.cast_signed();
                mask[row * width + column] = 1;
            }
        }
        let shape = [batch.len(), width];
        let inputs: Vec<(NodeId, ValueOrView<'_>)> = vec![
            (self.input_ids, NdTensor::from_data(shape, ids).into()),
            (self.attention_mask, NdTensor::from_data(shape, mask).into()),
        ];
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::clone(pool));
        let outputs = self
            .model
            .run(inputs, &self.outputs, Some(options))
            .map_err(|error| AnalyzeError::Run(error.to_string()))?;
        outputs.into_iter().map(into_tensor).collect()
    }

    fn cached(&self, key: TextKey) -> Option<Arc<Scores>> {
        self.cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
    }

    fn keep(&self, key: TextKey, scores: Arc<Scores>) {
        self.cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(key, scores);
    }
}

fn load(part: &'static str, error: &dyn std::fmt::Display) -> AnalyzeError {
    AnalyzeError::Load {
        part,
        reason: error.to_string(),
    }
}

fn into_tensor(value: Value) -> Result<Tensor<f32>, AnalyzeError> {
    value
        .try_into()
        .map_err(|_| AnalyzeError::Run("an output is not a float tensor".to_owned()))
}

/// One worker's analyzer over a shared `Scorer`.
pub struct MiniLm {
    scorer: Arc<Scorer>,
    pool: Arc<ThreadPool>,
    limit: BatchLimit,
}

/// How much goes into one forward pass.
#[derive(Debug, Clone, Copy)]
struct BatchLimit {
    texts: usize,
    /// Padding included.
    tokens: usize,
}

/// A text on its way through the model.
struct Pending {
    row: usize,
    key: TextKey,
    ids: Vec<u32>,
}

impl MiniLm {
    /// An analyzer with a runtime pool of one thread.
    #[must_use]
    pub fn new(scorer: Arc<Scorer>) -> Self {
        Self {
            scorer,
            pool: Arc::new(ThreadPool::with_num_threads(1)),
            limit: BatchLimit {
                texts: BATCH_TEXTS,
                tokens: BATCH_TOKENS,
            },
        }
    }

    /// An analyzer that takes each call in one pass, on all cores: for the variants of one text, whose
    /// scores are compared (activations are quantised over a batch).
    #[must_use]
    pub fn one_pass(scorer: Arc<Scorer>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            scorer,
            pool: Arc::new(ThreadPool::with_num_threads(cores)),
            limit: BatchLimit {
                texts: usize::MAX,
                tokens: usize::MAX,
            },
        }
    }

    fn score(
        &self,
        batch: &[Pending],
    ) -> Result<Vec<Result<Arc<Scores>, TextFault>>, AnalyzeError> {
        let tokens: Vec<&[u32]> = batch.iter().map(|p| p.ids.as_slice()).collect();
        let labels = &self.scorer.labels;
        let columns = [
            3,
            labels.fine_emotions(),
            INTENTS.len(),
            labels.embedding,
            LEVELS,
        ];
        let outputs = self.scorer.run(&tokens, &self.pool)?;
        let outputs = outputs
            .iter()
            .zip(columns)
            .map(|(output, columns)| rows(output, columns))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((0..batch.len())
            .map(|i| {
                let parts: Vec<&[f32]> = outputs
                    .iter()
                    .filter_map(|rows| rows.get(i))
                    .map(Vec::as_slice)
                    .collect();
                scores(&parts)
            })
            .collect())
    }
}

/// The rows of an output [n, columns].
fn rows(output: &Tensor<f32>, columns: usize) -> Result<Vec<Vec<f32>>, AnalyzeError> {
    let values = output.to_vec();
    if columns == 0 || output.shape().last() != Some(&columns) {
        return Err(AnalyzeError::Run(format!(
            "an output has shape {:?}, expected {columns} columns",
            output.shape()
        )));
    }
    Ok(values.chunks_exact(columns).map(<[f32]>::to_vec).collect())
}

/// One text's values of all heads, in the order of `HEADS`.
fn scores(heads: &[&[f32]]) -> Result<Arc<Scores>, TextFault> {
    if heads.iter().any(|head| head.iter().any(|v| !v.is_finite())) {
        return Err(TextFault::NotFinite);
    }
    let head = |n: usize| heads.get(n).copied().unwrap_or_default();
    Ok(Arc::new(Scores {
        sentiment: fixed(head(0)).unwrap_or_default(),
        emotions: head(1).to_vec(),
        intents: fixed(head(2)).unwrap_or_default(),
        embedding: head(3).iter().map(|&v| quantise(v)).collect(),
        urgency: fixed(head(4)),
    }))
}

fn fixed<const N: usize>(values: &[f32]) -> Option<[f32; N]> {
    values.try_into().ok()
}

/// Puts a sentiment of another model in place. Where the encoder does not serve the language, what it says
/// of emotions, intents and urgency is no more than a guess: none is present then.
pub(super) fn speak_for(analysis: &mut Analysis, sentiment: Sentiment, model: &ModelId) {
    analysis.model = model.clone();
    analysis.sentiment = sentiment;
    if std::mem::replace(&mut analysis.supported, true) {
        return;
    }
    analysis.urgency = 0;
    let emotions = &mut analysis.emotions;
    let scores = emotions.ekman.iter_mut().chain(&mut emotions.fine);
    for score in scores.chain(&mut analysis.intents.0) {
        score.present = false;
    }
}

/// -1..1 to -127..127.
#[allow(clippy::cast_possible_truncation)]
fn quantise(value: f32) -> i8 {
    (value * 127.0).round().clamp(-127.0, 127.0) as i8
}

impl Analyzer for MiniLm {
    fn model(&self) -> &ModelId {
        self.scorer.model()
    }

    fn analyze(
        &mut self,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
        let scorer = &self.scorer;
        let mut out: Vec<Result<Arc<Scores>, TextFault>> = Vec::with_capacity(inputs.len());
        let mut pending = Vec::new();
        let mut other = vec![None; inputs.len()];
        for (row, input) in inputs.iter().enumerate() {
            // Whatever is not overwritten below is what the text itself is at fault for.
            out.push(Err(TextFault::Empty));
            let prepared = scorer.prepare(input.text);
            if prepared.is_empty() {
                continue;
            }
            other[row] = scorer.ngrams.sentiment(input.language, &prepared);
            let key = TextKey::of(&prepared);
            if let Some(scores) = scorer.cached(key) {
                out[row] = Ok(scores);
                continue;
            }
            match scorer.tokenize(&prepared) {
                Ok(ids) => pending.push(Pending { row, key, ids }),
                Err(fault) => out[row] = Err(fault),
            }
        }
        pending.sort_by_key(|p| p.ids.len());
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            let (batch, next) = rest.split_at(self.limit.of(rest));
            rest = next;
            for (text, result) in batch.iter().zip(self.score(batch)?) {
                if let Ok(scores) = &result {
                    scorer.keep(text.key, Arc::clone(scores));
                }
                out[text.row] = result;
            }
        }
        let labels = &scorer.labels;
        Ok(out
            .into_iter()
            .zip(inputs)
            .zip(other)
            .map(|((result, input), other)| {
                let supported = labels.supports(input.language, input.text);
                let mut analysis = labels.analysis(&*result?, supported);
                if let Some(sentiment) = other.filter(|_| !supported) {
                    speak_for(&mut analysis, sentiment, scorer.ngrams.model());
                }
                Ok(analysis)
            })
            .collect())
    }
}

impl BatchLimit {
    /// How many of the texts, which are sorted by length, go into the next pass.
    fn of(self, sorted: &[Pending]) -> usize {
        let mut size = 0;
        for (i, text) in sorted.iter().enumerate().take(self.texts) {
            if size > 0 && (i + 1) * text.ids.len() > self.tokens {
                break;
            }
            size = i + 1;
        }
        size
    }
}

#[cfg(test)]
#[path = "minilm_tests.rs"]
mod tests;
