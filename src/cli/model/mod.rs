//! `overheard model`: what the models say of texts, how good they are, why, and which they are.

mod args;
mod eval;
mod explain;
mod list;
mod progress;
mod rescore;
mod score;
mod scores;
mod tune;

pub use args::ModelCommand;

use super::output::Output;
use crate::analysis::{self, AnalyzerHandle};
use crate::app;
use crate::config::{AnalysisConfig, AnalysisEngine, Config};
use crate::domain::Language;
use crate::text;

/// Runs one of the commands.
///
/// # Errors
/// When the model does not load, the input can't be read, or scoring is switched off.
pub async fn run(config: &Config, command: ModelCommand, output: &Output) -> anyhow::Result<i32> {
    match command {
        ModelCommand::Score(args) => score::run(config, &args).await,
        ModelCommand::Eval(args) => eval::run(config, &args, output).await,
        ModelCommand::Explain(args) => explain::run(config, &args, output),
        ModelCommand::Rescore(args) => rescore::run(config, &args, output).await,
        ModelCommand::Tune(args) => tune::run(config, &args, output).await,
        ModelCommand::List { json } => list::list(config, json, output),
        ModelCommand::Verify { json } => list::verify(json, output),
    }
}

/// The configured engine with so many threads (0: one a core).
async fn start(
    config: &Config,
    threads: usize,
    cache_texts: usize,
) -> anyhow::Result<AnalyzerHandle> {
    let analysis = AnalysisConfig {
        threads: match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        },
        cache_texts,
        ..wanted(config)?
    };
    let (models, heads) = (config.models.clone(), app::read_heads(config)?);
    Ok(tokio::task::spawn_blocking(move || analysis::build(&analysis, &models, heads)).await??)
}

/// `[analysis]`, where it names an engine.
fn wanted(config: &Config) -> anyhow::Result<AnalysisConfig> {
    anyhow::ensure!(
        config.analysis.engine != AnalysisEngine::None,
        "scoring is switched off: set engine = \"embedded\" in [analysis]"
    );
    Ok(config.analysis.clone())
}

/// The text's language: the given one, or what is detected.
fn language_of(text: &str, given: Option<&str>) -> Language {
    given.map_or_else(
        || text::detect_language(text, None),
        |code| Language {
            code: code.to_owned(),
            confidence: 1.0,
        },
    )
}
