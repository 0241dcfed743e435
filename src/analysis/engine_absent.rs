//! Stands in for the engine "rust-bert" in a build without the feature: says how to get one with it.

use super::{AnalyzeError, Analyzer, Factory, ModelCard};
use crate::config::ModelConfig;

pub(super) fn factory(_: Factory, _: &[ModelConfig]) -> Result<Factory, AnalyzeError> {
    Err(absent())
}

pub(super) fn single(
    _: Box<dyn Analyzer>,
    _: &[ModelConfig],
) -> Result<Box<dyn Analyzer>, AnalyzeError> {
    Err(absent())
}

pub(super) fn cards(_: &[ModelConfig]) -> Result<Vec<ModelCard>, AnalyzeError> {
    Err(absent())
}

fn absent() -> AnalyzeError {
    AnalyzeError::Load {
        part: "engine",
        reason: "this program was built without rust-bert: build it with --features rust-bert (scripts/libtorch \
                 says how), or set engine = \"embedded\" in [analysis]"
            .to_owned(),
    }
}
