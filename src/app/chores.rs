//! What the daemon does by the calendar: digests, and dropping what was kept long enough.

use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::build::App;
use crate::digest::{self, DigestPlan};

/// How often the calendar is looked at; a digest is late by at most this.
const LOOK: Duration = Duration::from_secs(20);
/// How often unmatched posts are dropped.
const PURGE: Duration = Duration::from_secs(3600);

impl App {
    /// Writes each digest when its local day is over and its hour has come, until `stop`.
    pub(super) async fn write_digests_until(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut plans = Vec::new();
        for config in &self.config.digests {
            plans.push(DigestPlan::new(
                config,
                &self.config.time_zone,
                &self.config.data_dir,
            )?);
        }
        loop {
            for plan in &plans {
                let written =
                    digest::write_due(plan, &self.monitors(), &self.store, self.clock.now())
                        .await?;
                if let Some(written) = written {
                    metrics::counter!("overheard_digests_total").increment(1);
                    tracing::info!(digest.id = %plan.id, date = %written.digest.date, files = written.files.len(), "wrote digest");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.clock.sleep(LOOK) => {}
            }
        }
    }

    /// Drops what no monitor matched and was kept long enough, every hour, until `stop`.
    pub(super) async fn keep_house_until(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let kept =
            SignedDuration::from_hours(24 * i64::from(self.config.ingest.keep_unmatched_days));
        loop {
            let now = self.clock.now();
            if let Ok(before) = now.checked_sub(kept) {
                let dropped = self.store.drop_unmatched(before, now).await?;
                if dropped > 0 {
                    tracing::info!(posts = dropped, "dropped posts that no monitor matched");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.clock.sleep(PURGE) => {}
            }
        }
    }
}
