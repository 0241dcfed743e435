//! `run --once`: every source once, everything scored, indexed and delivered that is due. For cron, backfills and tests.

use anyhow::Context;
use serde::Serialize;

use super::build::App;
use crate::deliver;
use crate::ingest::PollOutcome;

/// What one round did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OnceSummary {
    /// Sources that answered.
    pub sources_polled: u64,
    /// Sources that failed; `overheard sources list` says why.
    pub sources_failed: u64,
    /// Sources that were not asked, because their servers want no request yet.
    pub sources_held: u64,
    /// Posts that were new.
    pub new_posts: u64,
    /// Posts whose content or numbers changed.
    pub changed_posts: u64,
    /// Changes that the index took.
    pub indexed: u64,
    /// Webhooks that were accepted.
    pub delivered: u64,
    /// Webhooks that failed and are tried again.
    pub deliveries_failed: u64,
}

/// The most rounds that one source with `more` gets: a file of a million posts in batches of a hundred.
const MAX_ROUNDS: usize = 10_000;

impl App {
    /// Polls every source once (those that have more: until they have not), indexes and delivers what is due, and closes.
    ///
    /// # Errors
    /// When store or index fail; a source's fault is counted.
    pub async fn run_once(mut self) -> anyhow::Result<OnceSummary> {
        let mut summary = OnceSummary::default();
        let endpoints = self
            .endpoints
            .take()
            .context("the app was started before")?;
        let dispatchers = self.dispatchers_to(&self.config, endpoints.ready);
        for dispatcher in &dispatchers {
            dispatcher.register().await?;
        }
        for poller in &self.pollers {
            let sources = poller.ids().count() as u64;
            for _ in 0..MAX_ROUNDS {
                match poller.step().await?.0 {
                    PollOutcome::Polled {
                        new_posts,
                        changed_posts,
                        more,
                    } => {
                        summary.new_posts += new_posts;
                        summary.changed_posts += changed_posts;
                        if !more {
                            summary.sources_polled += sources;
                            break;
                        }
                    }
                    PollOutcome::Failed | PollOutcome::Paused => {
                        summary.sources_failed += sources;
                        break;
                    }
                    PollOutcome::Held(_) => {
                        summary.sources_held += sources;
                        break;
                    }
                }
            }
        }
        if let Some(indexer) = &mut self.indexer {
            summary.indexed = indexer.catch_up().await?;
        }
        let delivered = deliver::deliver_due(&dispatchers).await?;
        summary.delivered = delivered.delivered;
        summary.deliveries_failed = delivered.failed;
        self.store.close().await;
        Ok(summary)
    }
}
