//! History again, after a change of the model.
//!
//! Only posts whose model is not one of today's are scored, in the order of the store, a part in a transaction; so it goes on where
//! it was interrupted. What people corrected stays. It neither makes nor unmakes mentions.

use std::time::Duration;

use super::normalize::scored_text;
use crate::analysis::{AnalyzeError, AnalyzerHandle, Outcome, Text};
use crate::domain::{Analysis, ModelId, PostId, PostRecord};
use crate::runtime::{Clock, time_left};
use crate::store::{Store, StoreError};

/// Most posts of one transaction.
const MOST: usize = 512;
/// Fewest, so that a slow pace is no bother for the disk.
const FEWEST: usize = 16;

/// History cannot be scored again.
#[derive(Debug, thiserror::Error)]
pub enum RescoreError {
    /// The store refused.
    #[error("could not read or replace scores")]
    Store(#[from] StoreError),
    /// The scorer is gone; it is restarted by its supervisor.
    #[error("could not score history")]
    Analyze(#[from] AnalyzeError),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rescored {
    /// Posts that were scored again.
    pub rescored: u64,
    /// Of these, posts whose sentiment's label is another one now.
    pub other_sentiment: u64,
    /// Posts that could not be scored; they keep what they have.
    pub failed: u64,
}

/// Scores all posts again that none of `models` scored, at most `per_second` of them a second (0: as many as the processor can).
/// `told` gets what was done so far. Whoever drops it loses the part under way and nothing else.
///
/// # Errors
/// When the store or the engine fails.
pub async fn rescore(
    store: &Store,
    analyzer: &AnalyzerHandle,
    models: &[ModelId],
    per_second: u32,
    clock: &Clock,
    told: impl Fn(Rescored),
) -> Result<Rescored, RescoreError> {
    // About a second's worth: posts that arrive meanwhile wait no longer for their turn.
    let part = match usize::try_from(per_second) {
        Ok(0) | Err(_) => MOST,
        Ok(posts) => posts.clamp(FEWEST, MOST),
    };
    let mut done = Rescored::default();
    let mut from = 0;
    loop {
        let began = clock.now();
        let stale = store.scored_by_others(models, from, part).await?;
        if stale.records.is_empty() {
            return Ok(done);
        }
        from = stale.next;
        let texts = stale.records.iter().map(|record| Text {
            text: scored_text(record.post.title.as_deref(), &record.post.text),
            language: record.post.language.code.clone(),
        });
        let outcomes = analyzer.analyze(texts.collect()).await?;
        let mut analyses: Vec<(PostId, Analysis)> = Vec::with_capacity(outcomes.len());
        for (record, outcome) in stale.records.iter().zip(outcomes) {
            match outcome {
                Outcome::Scored(analysis) => analyses.push((record.post.id.clone(), analysis)),
                Outcome::Fault(_) | Outcome::Off => done.failed += 1,
            }
        }
        done.rescored += analyses.len() as u64;
        let ids: Vec<PostId> = analyses.iter().map(|(id, _)| id.clone()).collect();
        store.replace_analyses(analyses).await?;
        done.other_sentiment += changed(store, &ids, &stale.records).await?;
        told(done);
        if per_second > 0 {
            #[allow(clippy::cast_precision_loss)]
            let wanted =
                Duration::from_secs_f64(stale.records.len() as f64 / f64::from(per_second));
            let spent = time_left(began, clock.now()).unwrap_or_default();
            clock.sleep(wanted.saturating_sub(spent)).await;
        }
    }
}

/// How many of the posts have another sentiment than before.
async fn changed(store: &Store, ids: &[PostId], before: &[PostRecord]) -> Result<u64, StoreError> {
    let mut changed = 0;
    for record in store.records(ids).await? {
        let old = before.iter().find(|old| old.post.id == record.post.id);
        let label = |analysis: &Analysis| analysis.sentiment_label();
        let (old, new) = (
            old.and_then(|old| old.analysis.as_ref()),
            record.analysis.as_ref(),
        );
        changed += u64::from(old.and_then(label) != new.and_then(label));
    }
    Ok(changed)
}
