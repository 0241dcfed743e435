//! `overheard model tune`: learns from what people corrected, and keeps it only when it is better.

use serde::Serialize;

use super::super::daemon;
use super::super::output::Output;
use super::args::TuneArgs;
use crate::analysis::{self, Lesson, Outcome, Text, Trial};
use crate::app;
use crate::config::{AnalysisConfig, AnalysisEngine, Config};
use crate::domain::analysis::INTENTS;
use crate::ingest::scored_text;

#[derive(Debug, Serialize)]
struct Report {
    sentiment: Trial,
    intents: Trial,
    /// The model with the new heads; none when nothing is better.
    model: Option<String>,
}

/// Fits heads, or goes back to the ones before.
///
/// # Errors
/// When there are no corrections to learn from, or the data directory cannot be written.
pub async fn run(config: &Config, args: &TuneArgs, output: &Output) -> anyhow::Result<i32> {
    daemon::heard(config)?;
    if args.back {
        let message = match app::take_back_heads(config)? {
            true => {
                "Went back. A running daemon takes it with its next start; `overheard model rescore` scores history again."
            }
            false => {
                "There is nothing to go back from: the embedded model speaks as it was shipped."
            }
        };
        output.print(message)?;
        return Ok(0);
    }
    let (base, thresholds) = analysis::embedded()?;
    let lessons = lessons(config, args.threads).await?;
    let (heads, sentiment, intents) = analysis::learn(&base, &thresholds, &lessons);
    let mut report = Report {
        sentiment,
        intents,
        model: None,
    };
    if !heads.is_empty() {
        report.model = Some(heads.model()?.to_string());
        app::keep_heads(config, &heads)?;
    }
    if args.json {
        output.json(&report)?;
        return Ok(0);
    }
    for (name, trial) in [("sentiment", sentiment), ("intents", intents)] {
        output.print(&told(name, trial))?;
    }
    if let Some(model) = report.model {
        output.print(&format!(
            "{model} speaks from the daemon's next start on; `overheard model rescore` scores history again, \
             `overheard model tune --back` goes back."
        ))?;
    }
    Ok(0)
}

fn told(name: &str, trial: Trial) -> String {
    let (Some(before), Some(after)) = (trial.before, trial.after) else {
        return format!(
            "{name}: {} corrections, {} are needed",
            trial.lessons,
            analysis::FEWEST
        );
    };
    let verdict = if trial.kept { "kept" } else { "not kept" };
    format!(
        "{name}: {} corrections, macro-F1 {before:.3} before, {after:.3} after on those that it did not see: {verdict}",
        trial.lessons
    )
}

/// What people corrected, with what the embedded model alone says of it.
async fn lessons(config: &Config, threads: usize) -> anyhow::Result<Vec<Lesson>> {
    let all = app::open_store_read_only(config)
        .await?
        .corrections()
        .await?;
    anyhow::ensure!(
        !all.is_empty(),
        "nobody corrected anything yet: `overheard mentions correct ID` does it"
    );
    let embedded = AnalysisConfig {
        engine: AnalysisEngine::Embedded,
        threads,
        cache_texts: 0,
    };
    let handle =
        tokio::task::spawn_blocking(move || analysis::build(&embedded, &[], None)).await??;
    let texts = all.iter().map(|corrected| Text {
        text: scored_text(
            corrected.record.post.title.as_deref(),
            &corrected.record.post.text,
        ),
        language: corrected.record.post.language.code.clone(),
    });
    let outcomes = handle.analyze(texts.collect()).await?;
    let mut lessons = Vec::new();
    for (corrected, outcome) in all.into_iter().zip(outcomes) {
        let Outcome::Scored(analysis) = outcome else {
            continue;
        };
        // Other models speak for other languages; nothing is learned about them here.
        if Some(&analysis.model) != handle.model() || !analysis.supported {
            continue;
        }
        let correction = corrected.correction;
        let present = |names: Vec<String>| {
            INTENTS
                .iter()
                .map(|intent| names.iter().any(|name| name == intent))
                .collect()
        };
        lessons.push(Lesson {
            analysis,
            sentiment: correction.sentiment,
            intents: correction.intents.map(present),
        });
    }
    Ok(lessons)
}
