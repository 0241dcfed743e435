//! Lets sources be polled again that stopped.

use super::{Poller, url_of};
use crate::domain::{SourceState, SourceStatus};
use crate::sources::Source;
use crate::store::StoreError;

impl Poller {
    /// Lets sources be polled again that stopped because their URL was gone, and that have another one now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume_moved(&self) -> Result<(), StoreError> {
        self.resume(|source, status| {
            let gone = status.coverage.gone.as_ref();
            gone.is_some_and(|gone| *gone != url_of(source))
        })
        .await
    }

    /// Lets sources be polled again that stopped for a fault which a person may have mended. What is gone for good
    /// stays so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume_mended(&self) -> Result<(), StoreError> {
        self.resume_moved().await?;
        self.resume(|_, status| status.coverage.gone.is_none())
            .await
    }

    async fn resume(
        &self,
        is_wanted: impl Fn(&dyn Source, &SourceStatus) -> bool,
    ) -> Result<(), StoreError> {
        for (source, standing) in self.sources.iter().zip(self.standings().await?) {
            let paused = standing
                .status
                .filter(|status| status.state == SourceState::Paused);
            if paused.is_some_and(|status| is_wanted(source.as_ref(), &status)) {
                let (store, now) = (&self.parts.store, self.parts.clock.now());
                store.resume_source(source.id(), now).await?;
            }
        }
        Ok(())
    }
}
