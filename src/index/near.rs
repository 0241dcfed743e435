//! Words that stand close to each other, over the positions of postings. tantivy's slop can't say it: it knows
//! no groups, no order, no nesting, and counts moves instead of words between.
//!
//! Documents that hold enough of the words come from ordinary term queries; of each, the positions are read
//! and `query::spans` judges them, the same code that judges a post in memory. The score is BM25 of all words,
//! with the number of spans as their frequency.

use std::fmt;
use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::query::{Bm25Weight, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

use crate::query::spans::{self, spans};
use crate::query::{Pattern, Word};

/// A pattern in one field.
pub(super) struct NearQuery {
    /// Finds at least the documents that hold enough of the words.
    pub candidates: Box<dyn Query>,
    pub pattern: Arc<Pattern>,
    pub words: Arc<Vec<Leaf>>,
    /// Whose length the score takes into account.
    pub field: Field,
}

/// A word of the pattern as terms of the index.
#[derive(Debug)]
pub(super) struct Leaf {
    pub word: Word,
    /// It stands where one of these stands ...
    pub terms: Vec<Term>,
    /// ... and none of these.
    pub without: Vec<Term>,
}

impl Clone for NearQuery {
    fn clone(&self) -> Self {
        Self {
            candidates: self.candidates.box_clone(),
            pattern: Arc::clone(&self.pattern),
            words: Arc::clone(&self.words),
            field: self.field,
        }
    }
}

impl fmt::Debug for NearQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearQuery")
            .field("pattern", &self.pattern)
            .finish_non_exhaustive()
    }
}

impl Query for NearQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let similarity = match scoring {
            EnableScoring::Enabled {
                statistics_provider,
                ..
            } => {
                // A wildcard's many words would drown the others, and other fields have other statistics.
                let single = |leaf: &&Leaf| leaf.terms.len() == 1;
                let terms: Vec<Term> = self
                    .words
                    .iter()
                    .filter(single)
                    .flat_map(|leaf| &leaf.terms)
                    .filter(|term| term.field() == self.field)
                    .cloned()
                    .collect();
                match terms.is_empty() {
                    true => None,
                    false => Some(Bm25Weight::for_terms(statistics_provider, &terms)?),
                }
            }
            EnableScoring::Disabled { .. } => None,
        };
        let unscored = EnableScoring::disabled_from_schema(scoring.schema());
        Ok(Box::new(NearWeight {
            candidates: self.candidates.weight(unscored)?,
            pattern: Arc::clone(&self.pattern),
            words: Arc::clone(&self.words),
            field: self.field,
            similarity,
        }))
    }
}

struct NearWeight {
    candidates: Box<dyn Weight>,
    pattern: Arc<Pattern>,
    words: Arc<Vec<Leaf>>,
    field: Field,
    similarity: Option<Bm25Weight>,
}

impl Weight for NearWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let candidates = self.candidates.scorer(reader, 1.0)?;
        let mut words = Vec::with_capacity(self.words.len());
        for leaf in self.words.iter() {
            words.push(Open {
                word: leaf.word.clone(),
                postings: open(reader, &leaf.terms)?,
                without: open(reader, &leaf.without)?,
            });
        }
        let lengths = reader.fieldnorms_readers().get_field(self.field)?;
        let lengths = lengths.unwrap_or_else(|| FieldNormReader::constant(reader.max_doc(), 1));
        let mut scorer = NearScorer {
            candidates,
            pattern: Arc::clone(&self.pattern),
            pair: Pair::of(&self.pattern, &words),
            document: Document { doc: 0, words },
            count: 0,
            lengths,
            similarity: self
                .similarity
                .as_ref()
                .map(|weight| weight.boost_by(boost)),
        };
        scorer.settle();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!(
                "document {doc} does not match"
            )));
        }
        Ok(Explanation::new("words near each other", scorer.score()))
    }
}

fn open(reader: &SegmentReader, terms: &[Term]) -> tantivy::Result<Vec<SegmentPostings>> {
    let mut found = Vec::with_capacity(terms.len());
    for term in terms {
        let index = reader.inverted_index(term.field())?;
        found.extend(index.read_postings(term, IndexRecordOption::WithFreqsAndPositions)?);
    }
    Ok(found)
}

struct NearScorer {
    candidates: Box<dyn Scorer>,
    pattern: Arc<Pattern>,
    pair: Option<Pair>,
    document: Document,
    /// Spans in the current document.
    count: u32,
    lengths: FieldNormReader,
    similarity: Option<Bm25Weight>,
}

impl NearScorer {
    /// Goes on from the candidate that stands there to the first that matches.
    fn settle(&mut self) -> DocId {
        loop {
            let doc = self.candidates.doc();
            if doc == TERMINATED {
                return TERMINATED;
            }
            self.document.doc = doc;
            if let Some(pair) = &mut self.pair
                && !pair.is_near(&mut self.document)
            {
                self.candidates.advance();
                continue;
            }
            // Where no score is wanted, a pair that is near is all there is to know.
            if self.pair.is_some() && self.similarity.is_none() {
                self.count = 1;
                return doc;
            }
            let found = spans(&self.pattern, &mut self.document).len();
            if found > 0 {
                self.count = u32::try_from(found).unwrap_or(u32::MAX);
                return doc;
            }
            self.candidates.advance();
        }
    }
}

impl DocSet for NearScorer {
    fn advance(&mut self) -> DocId {
        self.candidates.advance();
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.candidates.doc() < target {
            self.candidates.seek(target);
        }
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.candidates.doc()
    }

    fn size_hint(&self) -> u32 {
        self.candidates.size_hint()
    }

    fn cost(&self) -> u64 {
        // Reading positions costs some ten times what reading a document number does.
        self.candidates.cost().saturating_mul(10)
    }
}

impl Scorer for NearScorer {
    fn score(&mut self) -> Score {
        let length = self.lengths.fieldnorm_id(self.doc());
        self.similarity
            .as_ref()
            .map_or(0.0, |weight| weight.score(length, self.count))
    }
}

/// The most frequent pattern, two words near each other: most candidates are told by their positions alone, without a
/// span being made.
struct Pair {
    /// Places in `Document::words`.
    words: [usize; 2],
    distance: u32,
    ordered: bool,
    /// Room for the positions of both.
    positions: [Vec<u32>; 2],
}

impl Pair {
    fn of(pattern: &Pattern, words: &[Open]) -> Option<Self> {
        let Pattern::Near(near) = pattern else {
            return None;
        };
        let place = |side: &Pattern| match side {
            Pattern::Phrase(phrase) if phrase.terms.len() == 1 => {
                let word = &phrase.terms[0].word;
                words.iter().position(|open| open.word == *word)
            }
            _ => None,
        };
        Some(Self {
            words: [place(&near.left)?, place(&near.right)?],
            distance: near.distance,
            ordered: near.ordered,
            positions: Default::default(),
        })
    }

    /// As `query::spans` has it: two different positions, no further apart than the distance.
    fn is_near(&mut self, document: &mut Document) -> bool {
        let Document { doc, words } = document;
        for (found, word) in self.positions.iter_mut().zip(self.words) {
            words[word].read(*doc, found);
            if found.is_empty() {
                return false;
            }
        }
        let [left, right] = &self.positions;
        follows(left, right, self.distance)
            || (!self.ordered && follows(right, left, self.distance))
    }
}

/// Whether one of `after` stands behind one of `before`, at most `distance` positions.
fn follows(before: &[u32], after: &[u32], distance: u32) -> bool {
    let mut after = after.iter().copied().peekable();
    before.iter().any(|first| {
        while after.next_if(|at| at <= first).is_some() {}
        after.peek().is_some_and(|at| at - first <= distance)
    })
}

/// The words of the document that stands there.
struct Document {
    doc: DocId,
    words: Vec<Open>,
}

struct Open {
    word: Word,
    postings: Vec<SegmentPostings>,
    without: Vec<SegmentPostings>,
}

impl spans::Field for Document {
    type Mark = ();

    fn positions(&mut self, word: &Word) -> Vec<(u32, ())> {
        let doc = self.doc;
        let Some(open) = self.words.iter_mut().find(|open| open.word == *word) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        open.read(doc, &mut found);
        found.into_iter().map(|at| (at, ())).collect()
    }

    fn stretch((): &(), (): &()) {}
}

impl Open {
    /// Puts the word's positions in the document into `found`: ascending, each once.
    fn read(&mut self, doc: DocId, found: &mut Vec<u32>) {
        positions(&mut self.postings, doc, found);
        if !self.without.is_empty() {
            let mut without = Vec::new();
            positions(&mut self.without, doc, &mut without);
            found.retain(|at| without.binary_search(at).is_err());
        }
    }
}

fn positions(postings: &mut [SegmentPostings], doc: DocId, found: &mut Vec<u32>) {
    found.clear();
    for postings in postings.iter_mut() {
        if postings.doc() < doc {
            postings.seek(doc);
        }
        if postings.doc() == doc {
            postings.append_positions_with_offset(0, found);
        }
    }
    if postings.len() > 1 {
        found.sort_unstable();
        found.dedup();
    }
}
