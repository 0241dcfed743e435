//! A guard around what a query excludes. Changes no result.
//!
//! tantivy's `Exclude` asks its exclusion for documents that lie before the one it stands on, which
//! the contract of `DocSet::seek_danger` forbids: a phrase or a range then fails an assertion in
//! debug builds (tantivy 0.27.0). The guard remembers where the exclusion's next document can be at
//! the earliest and answers such questions itself.

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader, Term};

/// Guards a query that stands under `Occur::MustNot`.
#[derive(Debug)]
pub(super) struct Guarded(pub Box<dyn Query>);

impl Clone for Guarded {
    fn clone(&self) -> Self {
        Self(self.0.box_clone())
    }
}

impl Query for Guarded {
    fn weight(&self, enable_scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(GuardedWeight(self.0.weight(enable_scoring)?)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.0.query_terms(visitor);
    }
}

struct GuardedWeight(Box<dyn Weight>);

impl Weight for GuardedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let inner = self.0.scorer(reader, boost)?;
        let earliest = inner.doc();
        Ok(Box::new(GuardedScorer { inner, earliest }))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.0.explain(reader, doc)
    }
}

struct GuardedScorer {
    inner: Box<dyn Scorer>,
    /// No document of `inner` that was not passed lies before this one.
    earliest: DocId,
}

impl DocSet for GuardedScorer {
    fn advance(&mut self) -> DocId {
        self.earliest = self.inner.advance();
        self.earliest
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.earliest = self.inner.seek(target);
        self.earliest
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if target < self.earliest {
            return SeekDangerResult::SeekLowerBound(self.earliest);
        }
        let result = self.inner.seek_danger(target);
        self.earliest = match &result {
            SeekDangerResult::Found => target,
            SeekDangerResult::SeekLowerBound(bound) => *bound,
        };
        result
    }

    fn doc(&self) -> DocId {
        self.inner.doc()
    }

    fn size_hint(&self) -> u32 {
        self.inner.size_hint()
    }

    fn cost(&self) -> u64 {
        self.inner.cost()
    }
}

impl Scorer for GuardedScorer {
    fn score(&mut self) -> Score {
        self.inner.score()
    }
}
