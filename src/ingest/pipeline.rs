//! One batch from raw posts to a commit: normalise, deduplicate, prefilter, score, link, match, commit.
//!
//! One batch at a time: the pipeline is the only writer of posts, so what it read from the store is
//! still true when it commits.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Mutex, watch};

use super::monitors::{Monitors, Verdict};
use super::normalize::{normalize, scored_text};
use crate::analysis::{AnalyzeError, AnalyzerHandle, Outcome, Text};
use crate::customers;
use crate::domain::{
    Analysis, Batch, Customer, CustomerId, Event, EventKind, Link, LinkState, Post, PostId, Reject,
    SourceId, SourceStatus, Subject,
};
use crate::query::{Candidate, Known};
use crate::store::{self, BatchCommit, Committed, PostCommit, Store, StoreError};

/// What a pipeline is made of.
pub struct Pipeline {
    store: Store,
    analyzer: AnalyzerHandle,
    monitors: watch::Receiver<Arc<Monitors>>,
    keep_unmatched: bool,
    one_batch: Mutex<()>,
}

/// Why a batch was not committed. The cursor stands where it stood, so the poll is repeated.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The store refused.
    #[error("could not store the batch of source \"{source_id}\"")]
    Store {
        /// Whose batch.
        source_id: SourceId,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The scorer is gone; it is restarted by its supervisor.
    #[error("could not score the batch of source \"{source_id}\"")]
    Analyze {
        /// Whose batch.
        source_id: SourceId,
        /// Why.
        #[source]
        source: AnalyzeError,
    },
}

/// A post on its way through the stations.
struct Draft {
    post: Post,
    known: store::Known,
    analysis: Option<Analysis>,
    needs_score: bool,
    verdict: Verdict,
    links: Vec<Link>,
    customer: Option<Customer>,
}

impl Pipeline {
    /// A pipeline that scores with `analyzer`, or not at all, and judges by the newest `monitors`.
    #[must_use]
    pub fn new(
        store: Store,
        analyzer: AnalyzerHandle,
        monitors: watch::Receiver<Arc<Monitors>>,
        keep_unmatched_days: u32,
    ) -> Self {
        Self {
            store,
            analyzer,
            monitors,
            keep_unmatched: keep_unmatched_days > 0,
            one_batch: Mutex::new(()),
        }
    }

    /// Takes one batch to its commit; `status` is the source's new status, counted up here.
    ///
    /// # Errors
    /// When the store or the scorer fails; nothing of the batch is stored then.
    pub async fn process(
        &self,
        source: &SourceId,
        batch: Batch,
        mut status: SourceStatus,
        now: Timestamp,
    ) -> Result<Committed, IngestError> {
        // Before the turn: it looks at nothing that another batch could change, and other cores can do it.
        let (posts, mut rejects) = normalize_all(batch.posts, source, now);
        rejects.extend(batch.rejects);
        let _turn = self.one_batch.lock().await;
        let stored = |error| IngestError::Store {
            source_id: source.clone(),
            source: error,
        };
        let monitors = self.monitors.borrow().clone();
        let (mut drafts, forgotten) = self.recall(posts, &monitors, now).await.map_err(stored)?;
        self.score(&mut drafts)
            .await
            .map_err(|error| IngestError::Analyze {
                source_id: source.clone(),
                source: error,
            })?;
        self.link(&mut drafts).await.map_err(stored)?;

        status.posts += drafts
            .iter()
            .filter(|draft| draft.known.post.is_none())
            .count() as u64;
        status.rejects += rejects.len() as u64;
        status.requests += u64::from(batch.requests);
        let posts = drafts
            .into_iter()
            .map(|draft| settle(draft, &monitors, now))
            .collect();
        let commit = BatchCommit {
            source: source.clone(),
            cursor: batch.cursor,
            status,
            posts,
            rejects,
            deleted: batch
                .deleted
                .iter()
                .map(crate::domain::PostKey::id)
                .collect(),
            forgotten,
            events: Vec::new(),
            now,
        };
        self.store.commit_batch(commit).await.map_err(stored)
    }

    /// Joins the posts with what the store knows of them, and says which need a score and which are to be forgotten.
    async fn recall(
        &self,
        posts: Vec<Post>,
        monitors: &Monitors,
        now: Timestamp,
    ) -> Result<(Vec<Draft>, Vec<PostId>), StoreError> {
        let queries = posts
            .iter()
            .map(|post| store::PostKnownQuery {
                id: post.id.clone(),
                fingerprint: post.fingerprint,
            })
            .collect();
        let known = self.store.known(queries).await?;
        let mut first_by_fingerprint: HashMap<u64, PostId> = HashMap::new();
        let mut drafts = Vec::with_capacity(posts.len());
        let mut forgotten = Vec::new();
        for (post, mut known) in posts.into_iter().zip(known) {
            if known.forgotten {
                continue;
            }
            let first = first_by_fingerprint
                .entry(post.fingerprint.exact)
                .or_insert_with(|| post.id.clone());
            if known.duplicate_of.is_none() && *first != post.id {
                known.duplicate_of = Some(first.clone());
            }
            let unchanged = known
                .post
                .as_ref()
                .filter(|record| record.post.same_content(&post));
            let analysis = unchanged.and_then(|record| record.analysis.clone());
            let candidate = Candidate {
                post: &post,
                analysis: if analysis.is_none() && self.analyzer.model().is_some() {
                    Known::NotYet
                } else {
                    Known::Yes(analysis.as_ref())
                },
                customer: Known::NotYet,
                monitors: Known::NotYet,
                duplicate_of: Known::Yes(known.duplicate_of.as_ref()),
            };
            let verdict = monitors.verdict(&candidate, now);
            let wanted = verdict != Verdict::Nothing;
            if !wanted && !self.keep_unmatched && known.post.is_none() {
                forgotten.push(post.id);
                continue;
            }
            let needs_score = wanted && analysis.is_none();
            drafts.push(Draft {
                post,
                known,
                analysis,
                needs_score,
                verdict,
                links: Vec::new(),
                customer: None,
            });
        }
        Ok((drafts, forgotten))
    }

    /// Scores the drafts that need it. A text at fault stays unscored and costs itself alone.
    async fn score(&self, drafts: &mut [Draft]) -> Result<(), AnalyzeError> {
        let waiting: Vec<&mut Draft> = drafts
            .iter_mut()
            .filter(|draft| draft.needs_score)
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let inputs = waiting
            .iter()
            .map(|draft| Text {
                text: scored_text(draft.post.title.as_deref(), &draft.post.text),
                language: draft.post.language.code.clone(),
            })
            .collect();
        let outcomes = self.analyzer.analyze(inputs).await?;
        for (draft, outcome) in waiting.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Scored(analysis) => draft.analysis = Some(analysis),
                Outcome::Fault(fault) => {
                    tracing::warn!(post.id = %draft.post.id, error = %fault, "left a post unscored");
                }
                Outcome::Off => {}
            }
        }
        Ok(())
    }

    /// Links the drafts' authors to customers.
    async fn link(&self, drafts: &mut [Draft]) -> Result<(), StoreError> {
        let mut wanted = Vec::new();
        for draft in drafts.iter() {
            if let Some(author) = &draft.post.author {
                wanted.extend(customers::identities_of(author, &draft.post.key.network));
            }
        }
        wanted.sort();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let owners = self.store.customers_for(&wanted).await?;
        if owners.is_empty() {
            return Ok(());
        }
        let by_id: HashMap<&CustomerId, &Customer> = owners
            .iter()
            .map(|(_, customer)| (&customer.id, customer))
            .collect();
        let pairs: Vec<_> = owners
            .iter()
            .map(|(identity, customer)| (identity.clone(), customer.id.clone()))
            .collect();
        for draft in drafts {
            let Some((author, id)) = draft.post.author.as_ref().zip(draft.post.author_id()) else {
                continue;
            };
            draft.links = customers::decide(&id, author, &draft.post.key.network, &pairs);
            draft.customer = draft
                .links
                .iter()
                .find(|link| link.state == LinkState::Linked)
                .and_then(|link| by_id.get(&link.customer))
                .map(|customer| (*customer).clone());
        }
        Ok(())
    }
}

fn normalize_all(
    raw: Vec<crate::domain::RawPost>,
    source: &SourceId,
    now: Timestamp,
) -> (Vec<Post>, Vec<Reject>) {
    let mut posts: Vec<Post> = Vec::with_capacity(raw.len());
    let mut at: HashMap<PostId, usize> = HashMap::with_capacity(raw.len());
    let mut rejects = Vec::new();
    for raw in raw {
        match normalize(raw, source, now) {
            Ok(post) => match at.get(&post.id) {
                // The same item twice in one answer: the later one is the newer.
                Some(&index) => posts[index] = post,
                None => {
                    at.insert(post.id.clone(), posts.len());
                    posts.push(post);
                }
            },
            Err(reject) => rejects.push(reject),
        }
    }
    (posts, rejects)
}

/// Matches what was left open, now that all is known, and says what happened.
fn settle(draft: Draft, monitors: &Monitors, now: Timestamp) -> PostCommit {
    let Draft {
        post,
        known,
        analysis,
        verdict,
        links,
        customer,
        needs_score: _,
    } = draft;
    let known_customer = known
        .post
        .as_ref()
        .and_then(|record| record.customer.as_ref());
    let customer = customer
        .as_ref()
        .or(known_customer.map(|(customer, _)| customer));
    let verdict = match verdict {
        Verdict::Open => monitors.verdict(
            &Candidate {
                post: &post,
                analysis: Known::Yes(analysis.as_ref()),
                customer: Known::Yes(customer),
                monitors: Known::NotYet,
                duplicate_of: Known::Yes(known.duplicate_of.as_ref()),
            },
            now,
        ),
        decided => decided,
    };
    let matching = match verdict {
        Verdict::Mention(monitors) => monitors,
        Verdict::Nothing | Verdict::Open => Vec::new(),
    };
    let mention = post.id.mention();
    let before = known.post.as_ref();
    let was_mention = before.is_some_and(crate::domain::PostRecord::is_mention);
    let changed = before
        .is_some_and(|record| record.monitors != matching || !record.post.same_content(&post));
    let kind = match (was_mention, !matching.is_empty()) {
        (false, true) => Some(EventKind::MentionCreated),
        (true, true) if changed => Some(EventKind::MentionUpdated),
        (true, false) => Some(EventKind::MentionDeleted),
        _ => None,
    };
    let mut events = Vec::new();
    if let Some(kind) = kind {
        // A mention may come, go and come back: whoever got an event of it must not take the next for the same.
        let revision = if before.is_none() {
            0
        } else {
            known.revision + 1
        };
        events.push(Event::new(
            kind,
            Subject::Mention { id: mention },
            revision,
            now,
        ));
    }
    PostCommit {
        post,
        analysis,
        monitors: matching,
        duplicate_of: known.duplicate_of,
        links,
        events,
    }
}
