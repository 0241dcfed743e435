//! Sequence classification over rust-bert: logits of texts, or of pairs of texts.
//!
//! rust-bert's own pipeline lets padding take part in attention, so that a text's scores would depend on its
//! neighbours, and it names the best label alone; so the model underneath is called here, with a mask.

use rust_bert::pipelines::common::{ConfigOption, TokenizerOption};
use rust_bert::pipelines::sequence_classification::{
    SequenceClassificationConfig, SequenceClassificationOption,
};
use rust_tokenizers::TokenizedInput;
use rust_tokenizers::tokenizer::TruncationStrategy;
use tch::{Device, Kind, Tensor};

use super::super::AnalyzeError;
use super::directory::{Directory, resource};
use super::{failed, kind};
use crate::config::Precision;

/// Most texts of one forward pass.
const BATCH_TEXTS: usize = 16;

/// A text, and what may follow from it.
pub(super) type Pair<'a> = (&'a str, Option<&'a str>);

/// A loaded sequence classifier. It can be sent to a thread but not shared.
pub(super) struct Classifier {
    model: SequenceClassificationOption,
    tokenizer: TokenizerOption,
    padding: i64,
    device: Device,
    max_tokens: usize,
}

impl Classifier {
    pub(super) fn load(directory: &Directory, precision: Precision) -> Result<Self, AnalyzeError> {
        let mut config = SequenceClassificationConfig::new(
            directory.model_type,
            directory.weights(),
            resource(&directory.config),
            resource(&directory.vocabulary),
            directory.merges.as_deref().map(resource),
            directory.lower_case,
            None,
            None,
        );
        config.kind = Some(kind(precision));
        let tokenizer = TokenizerOption::from_file(
            directory.model_type,
            &directory.vocabulary.to_string_lossy(),
            directory
                .merges
                .as_deref()
                .map(|path| path.to_string_lossy())
                .as_deref(),
            directory.lower_case,
            None,
            None,
        )
        .map_err(|error| failed(directory, &error))?;
        let model = SequenceClassificationOption::new(&config)
            .map_err(|error| failed(directory, &error))?;
        let padding = tokenizer
            .get_pad_id()
            .ok_or_else(|| failed(directory, &"the vocabulary has no padding"))?;
        Ok(Self {
            model,
            tokenizer,
            padding,
            device: config.device,
            max_tokens: directory.max_tokens,
        })
    }

    /// The logits of each text, in order.
    pub(super) fn logits(&self, pairs: &[Pair<'_>]) -> Result<Vec<Vec<f64>>, AnalyzeError> {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by_key(|&row| pairs[row].0.len());
        let mut out = vec![Vec::new(); pairs.len()];
        for rows in order.chunks(BATCH_TEXTS) {
            let batch: Vec<Pair<'_>> = rows.iter().map(|&row| pairs[row]).collect();
            for (&row, logits) in rows.iter().zip(self.run(&batch)?) {
                out[row] = logits;
            }
        }
        Ok(out)
    }

    fn run(&self, batch: &[Pair<'_>]) -> Result<Vec<Vec<f64>>, AnalyzeError> {
        let mut encoded: Vec<TokenizedInput> = Vec::with_capacity(batch.len());
        for (text, second) in batch {
            let longest = &TruncationStrategy::LongestFirst;
            encoded.extend(match second {
                Some(second) => self.tokenizer.encode_pair_list(
                    &[(*text, *second)],
                    self.max_tokens,
                    longest,
                    0,
                ),
                None => self
                    .tokenizer
                    .encode_list(&[*text], self.max_tokens, longest, 0),
            });
        }
        let width = encoded
            .iter()
            .map(|input| input.token_ids.len())
            .max()
            .unwrap_or(0);
        let (mut ids, mut mask, mut types) = (Vec::new(), Vec::new(), Vec::new());
        for input in &encoded {
            let length = input.token_ids.len();
            ids.extend(&input.token_ids);
            ids.resize(ids.len() + width - length, self.padding);
            mask.resize(mask.len() + length, 1_i64);
            mask.resize(mask.len() + width - length, 0);
            types.extend(input.segment_ids.iter().map(|segment| i64::from(*segment)));
            types.resize(types.len() + width - length, 0);
        }
        let tensor = |values: &[i64]| {
            let shape = [encoded.len(), width].map(|side| i64::try_from(side).unwrap_or(i64::MAX));
            Tensor::from_slice(values).view(shape).to(self.device)
        };
        let (ids, mask, types) = (tensor(&ids), tensor(&mask), tensor(&types));
        let logits = tch::no_grad(|| {
            self.model
                .forward_t(Some(&ids), Some(&mask), Some(&types), None, None, false)
                .to_kind(Kind::Double)
                .to(Device::Cpu)
        });
        Vec::<Vec<f64>>::try_from(&logits).map_err(|error| AnalyzeError::Run(error.to_string()))
    }
}

/// Names of the outputs as `config.json` has them, or as libraries name them where it has none.
pub(super) fn output_names(directory: &Directory) -> Vec<String> {
    if !directory.labels.is_empty() {
        return directory.labels.clone();
    }
    let config = ConfigOption::from_file(directory.model_type, &directory.config);
    let mut names: Vec<_> = config.get_label_mapping().iter().collect();
    names.sort();
    names.into_iter().map(|(_, name)| name.clone()).collect()
}
