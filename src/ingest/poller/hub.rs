//! What a poller does about its feed's hub: follows what the feed says of it, and takes what it sends.

use jiff::Timestamp;

use super::{Poller, PollerParts, Turn};
use crate::domain::{Batch, HubNews, Push, Pushed, Subscription};
use crate::ingest::IngestError;
use crate::ingest::websub::unguessable;
use crate::store::StoreError;

impl Poller {
    /// Takes what a hub sent to its commit, like a poll's answer. It waits for a poll under way; the plan of polls
    /// stays as it is.
    ///
    /// # Errors
    /// When the store or the scorer fails; nothing of it is stored then by the source at hand.
    pub async fn take_push(&self, push: &Push) -> Result<Pushed, IngestError> {
        let _turn = self.turn.lock().await;
        let now = self.parts.clock.now();
        let standings = self.standings().await.map_err(|error| self.fault(error))?;
        let mut taken = None;
        for turn in self.turns(standings) {
            let source = turn.source;
            let batch = match source.read_push(&turn.standing.cursor, push).await {
                Ok(Some(batch)) => batch,
                Ok(None) => continue,
                Err(fault) => {
                    tracing::warn!(source.id = %source.id(), error = %fault, "a hub sent what is no feed");
                    self.rate(push, None).await?;
                    return Ok(Pushed::Unreadable);
                }
            };
            let mut status = turn.status();
            status.coverage.pushed_at = Some(now);
            if !batch.posts.is_empty() {
                status.coverage.news_at = Some(now);
            }
            let (new_posts, changed_posts) = self.commit(source.id(), batch, status, now).await?;
            metrics::counter!("overheard_posts_total", "source" => self.label(source.id()))
                .increment(new_posts);
            tracing::info!(source.id = %source.id(), posts.new = new_posts, posts.changed = changed_posts, "a hub sent news");
            taken = Some(taken.unwrap_or(0) + new_posts);
        }
        let Some(new_posts) = taken else {
            return Ok(Pushed::Unwanted);
        };
        self.rate(push, Some(now)).await?;
        Ok(Pushed::Taken { new_posts })
    }

    async fn rate(&self, push: &Push, at: Option<Timestamp>) -> Result<(), IngestError> {
        let rated = self.parts.store.rate_hub(&push.feed, at).await;
        rated.map_err(|error| self.fault(error))
    }
}

/// Keeps the hub that an answer names, or forgets the one that it names no more; and remembers when a poll finds what
/// the hub should have sent. Before the commit: what a lost commit leaves is found again by the next poll.
pub(super) async fn follow(
    parts: &PollerParts,
    turn: &Turn<'_>,
    batch: &Batch,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(feed) = turn.source.http_key().filter(|_| parts.follows_hubs) else {
        return Ok(());
    };
    let known = turn.standing.subscription.as_ref();
    match &batch.hub {
        HubNews::At(hub) if known.is_none_or(|known| known.hub != *hub) => {
            let secret = unguessable() + &unguessable();
            let hub = hub.clone();
            parts
                .store
                .keep_hub(&feed.url, hub, unguessable(), secret, now)
                .await
        }
        HubNews::None if known.is_some() => parts.store.forget_hub(&feed.url).await,
        _ => {
            // What came before the first poll with a lease nobody could send.
            let was_heard = turn.status().coverage.pushed_until.is_some();
            if was_heard && !batch.posts.is_empty() && heard(known, now).is_some() {
                parts.store.rate_hub(&feed.url, None).await?;
            }
            Ok(())
        }
    }
}

/// Until when the hub sends what is new, where it can be relied on.
pub(super) fn heard(subscription: Option<&Subscription>, now: Timestamp) -> Option<Timestamp> {
    let subscription = subscription.filter(|subscription| subscription.is_relied_on(now))?;
    subscription.leased_until
}

/// What is wrong with the hub, in words.
pub(super) fn warning(subscription: &Subscription) -> Option<String> {
    let error = subscription.error.as_ref()?;
    Some(format!("its hub sends no news: {error}"))
}
