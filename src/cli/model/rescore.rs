//! `overheard model rescore`: history again, after a change of the model.
//!
//! Only posts whose model is not one of today's are scored, in the order of the store, in transactions of
//! `STEP`; so it goes on where it was interrupted. What people corrected stays. It neither makes nor unmakes
//! mentions.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::daemon::{self, Writer};
use super::super::output::Output;
use super::args::RescoreArgs;
use super::progress::Progress;
use crate::analysis::{self, Outcome, Text};
use crate::app;
use crate::config::Config;
use crate::domain::ModelId;
use crate::ingest::scored_text;
use crate::runtime::Clock;
use crate::store::Store;

/// Posts of one transaction.
const STEP: usize = 512;

#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Posts that were scored again.
    rescored: u64,
    /// Of these, posts whose sentiment's label is another one now.
    other_sentiment: u64,
    /// Posts that could not be scored; they keep what they have.
    failed: u64,
    seconds: f64,
}

/// Scores history again.
///
/// # Errors
/// When a daemon holds the store, or the engine fails.
pub async fn run(config: &Config, args: &RescoreArgs, output: &Output) -> anyhow::Result<i32> {
    daemon::heard(config)?;
    let _lock = match daemon::writer(config)? {
        Writer::Files(lock) => lock,
        Writer::Daemon(_) => {
            anyhow::bail!(
                "a daemon is running on these files: stop it, score history again, and start it again"
            )
        }
    };
    let handle = super::start(config, args.threads, config.analysis.cache_texts).await?;
    let models = analysis::models(
        &config.analysis,
        &config.models,
        app::read_heads(config)?.as_ref(),
    )?;
    let models: Vec<ModelId> = models
        .into_iter()
        .map(|card| ModelId::parse(card.model))
        .collect::<Result<_, _>>()?;
    let store = app::open_store(config, Clock::system().now()).await?;
    let progress = Progress::of_history();
    let begin = Instant::now();
    let mut counts = Counts::default();
    let mut from = 0;
    loop {
        let stale = store.scored_by_others(&models, from, STEP).await?;
        if stale.records.is_empty() {
            break;
        }
        from = stale.next;
        let texts = stale.records.iter().map(|record| Text {
            text: scored_text(record.post.title.as_deref(), &record.post.text),
            language: record.post.language.code.clone(),
        });
        let started = Instant::now();
        let outcomes = handle.analyze(texts.collect()).await?;
        let mut analyses = Vec::with_capacity(outcomes.len());
        for (record, outcome) in stale.records.iter().zip(outcomes) {
            match outcome {
                Outcome::Scored(analysis) => analyses.push((record.post.id.clone(), analysis)),
                Outcome::Fault(_) | Outcome::Off => counts.failed += 1,
            }
        }
        counts.rescored += analyses.len() as u64;
        let ids: Vec<_> = analyses.iter().map(|(id, _)| id.clone()).collect();
        store.replace_analyses(analyses).await?;
        counts.other_sentiment += changed(&store, &ids, &stale.records).await?;
        progress.advance(stale.records.len());
        if args.per_second > 0 {
            #[allow(clippy::cast_precision_loss)]
            let wanted =
                Duration::from_secs_f64(stale.records.len() as f64 / f64::from(args.per_second));
            tokio::time::sleep(wanted.saturating_sub(started.elapsed())).await;
        }
    }
    progress.done();
    store.close().await;
    counts.seconds = begin.elapsed().as_secs_f64();
    if args.json {
        output.json(&counts)?;
    } else {
        output.print(&format!(
            "Scored {} posts again in {:.1} s; {} have another sentiment now, {} could not be scored.",
            counts.rescored, counts.seconds, counts.other_sentiment, counts.failed
        ))?;
    }
    Ok(0)
}

/// How many of the posts have another sentiment than before.
async fn changed(
    store: &Store,
    ids: &[crate::domain::PostId],
    before: &[crate::domain::PostRecord],
) -> anyhow::Result<u64> {
    let mut changed = 0;
    for record in store.records(ids).await? {
        let old = before.iter().find(|old| old.post.id == record.post.id);
        let label = |analysis: &crate::domain::Analysis| analysis.sentiment_label();
        let (old, new) = (
            old.and_then(|old| old.analysis.as_ref()),
            record.analysis.as_ref(),
        );
        changed += u64::from(old.and_then(label) != new.and_then(label));
    }
    Ok(changed)
}
