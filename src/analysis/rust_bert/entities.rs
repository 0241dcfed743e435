//! Names in texts, over rust-bert's token classification.

use rust_bert::pipelines::ner::NERModel;
use rust_bert::pipelines::token_classification::{
    LabelAggregationOption, TokenClassificationConfig,
};

use super::super::AnalyzeError;
use super::directory::{Directory, resource};
use super::{failed, kind};
use crate::config::Precision;
use crate::domain::analysis::Entity;

/// Characters of a text that are looked at: its tokens must fit the model's positions.
const MAX_CHARS: usize = 500;

/// A loaded token classifier.
pub(super) struct Entities {
    model: NERModel,
    threshold: f64,
}

impl Entities {
    pub(super) fn load(
        directory: &Directory,
        precision: Precision,
        threshold: f64,
    ) -> Result<Self, AnalyzeError> {
        let mut config = TokenClassificationConfig::new(
            directory.model_type,
            directory.weights(),
            resource(&directory.config),
            resource(&directory.vocabulary),
            directory.merges.as_deref().map(resource),
            directory.lower_case,
            None,
            None,
            LabelAggregationOption::First,
        );
        config.kind = Some(kind(precision));
        let model = NERModel::new(config).map_err(|error| failed(directory, &error))?;
        Ok(Self { model, threshold })
    }

    /// The names in a text, each once, in order.
    pub(super) fn find(&self, text: &str) -> Vec<Entity> {
        let mut bytes: Vec<usize> = text
            .char_indices()
            .map(|(at, _)| at)
            .take(MAX_CHARS + 1)
            .collect();
        if bytes.len() <= MAX_CHARS {
            bytes.push(text.len());
        }
        let Some(&end) = bytes.last() else {
            return Vec::new();
        };
        // One text a call: rust-bert 0.23 mixes up the texts of later batches.
        let found = self.model.predict_full_entities(&[&text[..end]]);
        let byte = |at: u32| {
            usize::try_from(at)
                .ok()
                .and_then(|at| bytes.get(at))
                .copied()
        };
        let mut names: Vec<Entity> = Vec::new();
        for entity in found.into_iter().flatten() {
            // So many digits are the same again when the store reads them. A broken model can give NaN.
            let probability = (entity.score * 1e6).round() / 1e6;
            if !probability.is_finite() || probability < self.threshold {
                continue;
            }
            let place = byte(entity.offset.begin).zip(byte(entity.offset.end));
            let Some(name) = place.and_then(|(start, end)| text.get(start..end)) else {
                continue;
            };
            let known = names
                .iter_mut()
                .find(|known| known.label == entity.label && known.name == name);
            match known {
                Some(known) => known.probability = known.probability.max(probability),
                None => names.push(Entity {
                    label: entity.label,
                    name: name.to_owned(),
                    probability,
                }),
            }
        }
        names
    }
}
