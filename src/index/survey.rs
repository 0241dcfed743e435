//! One pass over all documents that a query finds: how many, which come first, how they spread over labels
//! and time. Gives up at its deadline.
//!
//! Documents are ordered by a key (time, engagement, score, relevance) and, where keys are equal, by a number
//! that each post has for good. A page therefore begins behind a post, not behind a count, and stays where
//! it is while posts arrive.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::Weight;
use tantivy::{
    COLLECT_BLOCK_BUFFER_LEN, DocAddress, DocId, DocSet, Score, SegmentOrdinal, SegmentReader,
    TERMINATED, TantivyError, f64_to_u64, i64_to_u64,
};

use super::facets::{Block, Counts};
use super::schema::{ENGAGEMENT, ORDERED_AT, SCORE, TIE, facet_column};
use crate::query::{LabelField, Sort};

/// Documents that are looked at together: columns read blocks several times as fast as single values.
const BLOCK: usize = 1_024;

/// Seconds of a slot of time: all zones of today differ by multiples of it.
pub const SLOT_SECS: i64 = 15 * 60;

/// What an error says when the time is over; nothing else makes an error of this text.
pub(super) const TOO_LATE: &str = "the search took too long";

/// Labels whose counts an answer can show.
pub const FACETS: [LabelField; 9] = [
    LabelField::Network,
    LabelField::Sentiment,
    LabelField::Intent,
    LabelField::Emotion,
    LabelField::Lang,
    LabelField::Monitor,
    LabelField::Source,
    LabelField::Author,
    LabelField::Segment,
];

/// A place in the order of an answer: behind one post and before the next. `Display` and `FromStr` are its
/// form in URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Greater keys come first.
    key: u64,
    tie: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.key, self.tie)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the cursor of an answer")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (key, tie) = text.split_once('-').ok_or(NoPosition)?;
        let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| NoPosition);
        Ok(Self {
            key: number(key)?,
            tie: number(tie)?,
        })
    }
}

/// What decides which documents come first.
pub(super) enum Order {
    By(Sort),
    /// Similarity by the posts' own numbers, the most similar first.
    Nearest(Arc<HashMap<u64, f32>>),
}

/// What is wanted of the documents.
pub(super) struct Survey {
    pub limit: usize,
    pub after: Option<Position>,
    pub order: Order,
    pub facets: bool,
    pub slots: bool,
    pub deadline: Instant,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub total: u64,
    /// In order, with relevance.
    pub top: Vec<(Position, Score, DocAddress)>,
    /// Counts by label, of each segment.
    pub facets: BTreeMap<&'static str, Vec<Counts>>,
    /// Counts by `SLOT_SECS` since 1970.
    pub slots: HashMap<i64, u64>,
}

impl Collector for Survey {
    type Fruit = Found;
    type Child = Segment;

    fn for_segment(&self, ord: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<Segment> {
        let columns = reader.fast_fields();
        let mut facets = Vec::new();
        if self.facets {
            for field in FACETS {
                if let Some(column) = columns.str(facet_column(field))? {
                    facets.push((field.as_str(), Counts::new(column)));
                }
            }
        }
        Ok(Segment {
            ord,
            limit: self.limit,
            after: self.after,
            key: match &self.order {
                Order::By(Sort::Newest) => Key::Time(columns.i64(ORDERED_AT)?),
                Order::By(Sort::Relevance) => Key::Relevance,
                Order::By(Sort::Engagement) => Key::Most(columns.f64(ENGAGEMENT)?),
                Order::By(Sort::Score) => Key::Least(columns.f64(SCORE)?),
                Order::Nearest(similarities) => Key::Nearest(Arc::clone(similarities)),
            },
            tie: columns.u64(TIE)?,
            times: self.slots.then(|| columns.i64(ORDERED_AT)).transpose()?,
            docs: Vec::with_capacity(BLOCK),
            scores: Vec::with_capacity(BLOCK),
            keys: Vec::new(),
            total: 0,
            top: BinaryHeap::new(),
            facets,
            block: Block::default(),
            slots: HashMap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        matches!(self.order, Order::By(Sort::Relevance)) && self.limit > 0
    }

    fn collect_segment(
        &self,
        weight: &dyn Weight,
        ord: u32,
        reader: &SegmentReader,
    ) -> tantivy::Result<Found> {
        let mut segment = self.for_segment(ord, reader)?;
        let scoring = self.requires_scoring();
        let alive = reader.alive_bitset();
        let is_alive = |doc: DocId| alive.is_none_or(|alive| alive.is_alive(doc));
        let mut scorer = weight.scorer(reader, 1.0)?;
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        while scorer.doc() != TERMINATED {
            if Instant::now() > self.deadline {
                return Err(TantivyError::InternalError(TOO_LATE.to_owned()));
            }
            if !scoring {
                let found = scorer.fill_buffer(&mut buffer);
                for doc in buffer[..found].iter().filter(|doc| is_alive(**doc)) {
                    segment.collect(*doc, 0.0);
                }
                continue;
            }
            for _ in 0..buffer.len() {
                let doc = scorer.doc();
                if doc == TERMINATED {
                    break;
                }
                if is_alive(doc) {
                    segment.collect(doc, scorer.score());
                }
                scorer.advance();
            }
        }
        Ok(segment.harvest())
    }

    fn merge_fruits(&self, segments: Vec<Found>) -> tantivy::Result<Found> {
        let mut all = Found::default();
        for segment in segments {
            all.total += segment.total;
            all.top.extend(segment.top);
            for (field, counts) in segment.facets {
                all.facets.entry(field).or_default().extend(counts);
            }
            for (slot, count) in segment.slots {
                *all.slots.entry(slot).or_default() += count;
            }
        }
        all.top
            .sort_unstable_by_key(|(position, _, _)| Reverse(*position));
        all.top.truncate(self.limit);
        Ok(all)
    }
}

/// What decides the order.
enum Key {
    Time(Column<i64>),
    Relevance,
    Most(Column<f64>),
    Least(Column<f64>),
    Nearest(Arc<HashMap<u64, f32>>),
}

/// The work on one segment.
pub(super) struct Segment {
    ord: SegmentOrdinal,
    limit: usize,
    after: Option<Position>,
    key: Key,
    tie: Column<u64>,
    times: Option<Column<i64>>,
    /// Documents that are still to be looked at, ascending.
    docs: Vec<DocId>,
    /// Their relevance.
    scores: Vec<Score>,
    /// Room for their keys.
    keys: Vec<u64>,
    total: u64,
    /// The last of the best on top.
    top: BinaryHeap<Reverse<Best>>,
    facets: Vec<(&'static str, Counts)>,
    block: Block,
    slots: HashMap<i64, u64>,
}

/// Ordered by position alone, which no two documents share.
struct Best(Position, Score, DocId);

impl PartialEq for Best {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Best {}
impl PartialOrd for Best {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Best {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl Segment {
    /// Looks at the documents of a block.
    fn look(&mut self) {
        self.total += self.docs.len() as u64;
        if self.limit > 0 {
            self.place_all();
        }
        for (_, counts) in &mut self.facets {
            counts.add(&self.docs, &mut self.block);
        }
        if let Some(times) = &self.times {
            for_firsts(times, &self.docs, |at| {
                if let Some(at) = at {
                    let slot = at.div_euclid(SLOT_SECS * 1000);
                    *self.slots.entry(slot).or_default() += 1;
                }
            });
        }
        self.docs.clear();
        self.scores.clear();
    }

    fn place_all(&mut self) {
        let (keys, docs) = (&mut self.keys, &self.docs);
        keys.clear();
        // Posts without the number come last.
        match &self.key {
            Key::Time(column) => {
                for_firsts(column, docs, |at| keys.push(at.map_or(0, i64_to_u64)));
            }
            Key::Most(column) => {
                for_firsts(column, docs, |value| keys.push(value.map_or(0, f64_to_u64)));
            }
            Key::Least(column) => for_firsts(column, docs, |value| {
                keys.push(value.map_or(0, |value| !f64_to_u64(value)));
            }),
            Key::Relevance => {
                let key = |score: &Score| f64_to_u64(f64::from(*score));
                keys.extend(self.scores.iter().map(key));
            }
            Key::Nearest(similarities) => {
                self.scores.clear();
                for_firsts(&self.tie, docs, |tie| {
                    let similarity = tie.and_then(|tie| similarities.get(&tie).copied());
                    self.scores.push(similarity.unwrap_or(0.0));
                    keys.push(similarity.map_or(0, |value| f64_to_u64(f64::from(value))));
                });
            }
        }
        for place in 0..self.docs.len() {
            let last = self.top.peek().filter(|_| self.top.len() >= self.limit);
            // Nearly none is as good as the last of the best.
            if last.is_none_or(|Reverse(last)| self.keys[place] >= last.0.key) {
                self.place(self.docs[place], self.keys[place], self.scores[place]);
            }
        }
    }

    fn place(&mut self, doc: DocId, key: u64, score: Score) {
        let position = Position {
            key,
            tie: self.tie.first(doc).unwrap_or(0),
        };
        if self.after.is_some_and(|after| position >= after) {
            return;
        }
        self.top.push(Reverse(Best(position, score, doc)));
        if self.top.len() > self.limit {
            self.top.pop();
        }
    }
}

/// Calls `take` with the first value of each document.
fn for_firsts<T: PartialOrd + Copy + fmt::Debug + Send + Sync + 'static>(
    column: &Column<T>,
    docs: &[DocId],
    mut take: impl FnMut(Option<T>),
) {
    let mut values = [None; COLLECT_BLOCK_BUFFER_LEN];
    for docs in docs.chunks(COLLECT_BLOCK_BUFFER_LEN) {
        let values = &mut values[..docs.len()];
        // A document without a value leaves its place as it is.
        values.fill(None);
        column.first_vals(docs, values);
        values.iter().copied().for_each(&mut take);
    }
}

impl SegmentCollector for Segment {
    type Fruit = Found;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.docs.push(doc);
        self.scores.push(score);
        if self.docs.len() == BLOCK {
            self.look();
        }
    }

    fn harvest(mut self) -> Found {
        self.look();
        let ord = self.ord;
        let top = self.top.into_iter();
        let facets = self.facets.into_iter();
        Found {
            total: self.total,
            top: top
                .map(|Reverse(Best(position, score, doc))| {
                    (position, score, DocAddress::new(ord, doc))
                })
                .collect(),
            facets: facets
                .map(|(field, counts)| (field, vec![counts]))
                .collect(),
            slots: self.slots,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text() {
        let position = Position {
            key: u64::MAX,
            tie: 0x1234,
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for text in ["", "1", "x-1", "1-", "-", "1-1-1", "11111111111111111-1"] {
            assert_eq!(text.parse::<Position>(), Err(NoPosition), "{text}");
        }
    }
}
