//! The posts whose embeddings are nearest to a post's: candidates by sign bits in memory, then the stored vectors.
//!
//! The bits are read from the store when somebody asks first (56 bytes a post) and follow its changes from then
//! on, at each question. A post that is gone is noticed when its vector is missing. Never writes.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::search::SearchError;
use crate::domain::PostId;
use crate::index::nearest::{self, SignIndex, Wanted, cosine};
use crate::store::{Store, StoreError, StoredEmbedding};

/// Candidates whose vectors are compared in full, and the most posts that are similar to one.
pub const CANDIDATES: usize = 1_000;

/// Embeddings read at a time: 4 MB.
const CHUNK: usize = 10_000;

/// Finds similar posts. Clones share what is in memory.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    signs: SignIndex,
    /// The change up to which `signs` is true; `None` before the first question.
    seq: Option<u64>,
}

impl Neighbours {
    /// At most [`CANDIDATES`] posts with their cosine to this post, the nearest first, itself left out. `None`
    /// when the store has no embedding of the post.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn of(
        &self,
        store: &Store,
        post: &PostId,
    ) -> Result<Option<Vec<(PostId, f32)>>, SearchError> {
        let Some(own) = store.embedding(post).await? else {
            return Ok(None);
        };
        let Some(wanted) = Wanted::new(&own.vector) else {
            return Ok(None);
        };
        let mut known = Arc::clone(&self.known).lock_owned().await;
        known.catch_up(store).await?;
        // All signs are compared; the runtime's own threads must stay free for those who wait. One more than are
        // wanted, because the post is its own nearest.
        let scan = tokio::task::spawn_blocking(move || {
            let rows = known.signs.nearest(&wanted, CANDIDATES + 1);
            (known, rows)
        });
        let (mut known, rows) = scan.await.map_err(|_| SearchError::CutOff)?;
        let candidates = store.embeddings_of(rows.clone()).await?;
        if candidates.len() < rows.len() {
            let found: HashSet<i64> = candidates.iter().map(|(_, found)| found.row).collect();
            let gone = rows.into_iter().filter(|row| !found.contains(row));
            known.signs.update(gone.map(|row| (row, None)).collect());
        }
        drop(known);
        let mut similar: Vec<(PostId, f32)> = candidates
            .into_iter()
            .filter(|(id, _)| id != post)
            .map(|(id, found)| (id, cosine(&own.vector, &found.vector)))
            .collect();
        similar.sort_by(|(a, nearer), (b, other)| other.total_cmp(nearer).then_with(|| a.cmp(b)));
        similar.truncate(CANDIDATES);
        Ok(Some(similar))
    }
}

impl Known {
    async fn catch_up(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut seq = match self.seq {
            Some(seq) => seq,
            None => self.read_all(store).await?,
        };
        while let Some((last, changed)) = store.embeddings_changed(seq, CHUNK).await? {
            self.take(changed);
            seq = last;
        }
        self.seq = Some(seq);
        Ok(())
    }

    /// Reads every embedding; returns the change from which to go on. What changes meanwhile is read twice.
    async fn read_all(&mut self, store: &Store) -> Result<u64, StoreError> {
        let seq = store.tip().borrow().change_seq;
        self.signs = SignIndex::default();
        let mut row = i64::MIN;
        loop {
            let chunk = store.embeddings_after(row, CHUNK).await?;
            let Some(last) = chunk.last() else {
                return Ok(seq);
            };
            row = last.row;
            self.take(chunk);
        }
    }

    fn take(&mut self, embeddings: Vec<StoredEmbedding>) {
        let signs = |embedding: StoredEmbedding| {
            let signs = nearest::signs(&embedding.vector);
            (embedding.row, signs)
        };
        self.signs
            .update(embeddings.into_iter().map(signs).collect());
    }
}
