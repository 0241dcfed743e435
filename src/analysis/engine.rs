//! The engine "rust-bert", as `build` takes it. `engine_absent.rs` stands in where it is not built.

use std::sync::Arc;

use super::rust_bert::{Directories, RustBert};
use super::{AnalyzeError, Analyzer, Factory, ModelCard};
use crate::config::ModelConfig;

pub(super) fn factory(base: Factory, own: &[ModelConfig]) -> Result<Factory, AnalyzeError> {
    let directories = Directories::open(own)?;
    Ok(Arc::new(move || {
        Ok(Box::new(RustBert::load(base()?, &directories)?) as Box<dyn Analyzer>)
    }))
}

pub(super) fn single(
    base: Box<dyn Analyzer>,
    own: &[ModelConfig],
) -> Result<Box<dyn Analyzer>, AnalyzeError> {
    Ok(Box::new(RustBert::load(base, &Directories::open(own)?)?))
}

pub(super) fn cards(own: &[ModelConfig]) -> Result<Vec<ModelCard>, AnalyzeError> {
    Ok(Directories::open(own)?.cards().collect())
}
