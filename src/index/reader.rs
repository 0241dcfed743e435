//! Searches the index. Knows ids, not posts: the store has those. All calls block.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tantivy::schema::Value;
use tantivy::{ReloadPolicy, Searcher, TantivyDocument, TantivyError};

use super::compile::{among, compile};
use super::document::tie;
use super::error::IndexError;
use super::facets::{Counts, leading};
use super::schema::Fields;
use super::survey::{Found, Order, Position, Survey};
use crate::domain::PostId;
use crate::query::{MatchContext, Query, Sort};

/// The most hits of one answer: they are kept in memory while searching.
const MAX_LIMIT: usize = 10_000;
/// The longest that a search may take.
const TIME_OUT: Duration = Duration::from_secs(10);
/// The most values of a label that are counted in an answer; the most frequent ones.
pub const MAX_VALUES: usize = 50;

/// What is wanted of the matches.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// The most hits, at most 10,000; 0 only counts.
    pub limit: usize,
    /// Where the answer before ended.
    pub after: Option<Position>,
    /// Their order.
    pub sort: Sort,
    /// The only posts that are wanted, where the query asks for the nearest to one.
    pub nearest: Option<Nearest>,
    /// Counts by label, too.
    pub facets: bool,
    /// Counts by time, too.
    pub slots: bool,
    /// What `since:7d` counts from.
    pub now: Timestamp,
    /// The zone in which days begin.
    pub zone: TimeZone,
}

/// Posts that are like one, with how much.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// Each with its similarity, -1 to 1.
    pub posts: Vec<(PostId, f32)>,
    /// Whether the nearest come first, whatever `sort` says.
    pub in_order: bool,
}

/// One post that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The post.
    pub post_id: PostId,
    /// BM25 or similarity; 0 unless sorted by it.
    pub score: f32,
}

/// A label's values with the number of matches that have them, the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The field, as in queries.
    pub field: &'static str,
    /// At most 50.
    pub values: Vec<(String, u64)>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    /// All posts that match.
    pub total: u64,
    /// Those that were wanted.
    pub hits: Vec<Hit>,
    /// Where the next page begins; absent when this is the last.
    pub next: Option<Position>,
    /// Empty unless wanted.
    pub facets: Vec<Facet>,
    /// Matches by slots of `SLOT_SECS` since 1970, ascending; empty unless wanted.
    pub slots: Vec<(i64, u64)>,
    /// Time spent.
    pub took: Duration,
}

/// Searches what was committed at the last `reload`. Cheap to clone.
#[derive(Clone)]
pub struct IndexReader {
    reader: tantivy::IndexReader,
    fields: Fields,
}

impl IndexReader {
    pub(super) fn new(
        index: &tantivy::Index,
        fields: Fields,
        dir: &Path,
    ) -> Result<Self, IndexError> {
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(|error: TantivyError| IndexError::of_opening(dir, error))?;
        Ok(Self { reader, fields })
    }

    /// Sees what was committed since.
    ///
    /// # Errors
    /// When the files can't be read.
    pub fn reload(&self) -> Result<(), IndexError> {
        self.reader.reload().map_err(IndexError::Search)
    }

    /// The number of posts in the index.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Documents whose text holds this token, deleted ones included until they are purged.
    #[cfg(test)]
    pub(super) fn postings_of(&self, token: &str) -> u64 {
        let term = tantivy::Term::from_field_text(self.fields.text, token);
        self.reader.searcher().doc_freq(&term).expect("frequency")
    }

    /// Finds posts.
    ///
    /// # Errors
    /// When a wildcard stands for too many words, the time is over or the files can't be read.
    pub fn search(
        &self,
        query: &Query,
        options: &SearchOptions,
    ) -> Result<SearchResult, IndexError> {
        let began = Instant::now();
        let searcher = self.reader.searcher();
        let context = MatchContext {
            now: options.now,
            zone: options.zone.clone(),
        };
        let mut compiled = compile(query, &self.fields, &context, &searcher)?;
        let mut order = Order::By(options.sort);
        if let Some(nearest) = &options.nearest {
            compiled = among(&nearest.posts, compiled, &self.fields);
            if nearest.in_order {
                let posts = nearest.posts.iter();
                order = Order::Nearest(Arc::new(
                    posts
                        .map(|(id, similarity)| (tie(id), *similarity))
                        .collect(),
                ));
            }
        }
        let limit = options.limit.min(MAX_LIMIT);
        let survey = Survey {
            // One more says whether there is a next page.
            limit: if limit == 0 { 0 } else { limit + 1 },
            after: options.after,
            order,
            facets: options.facets,
            slots: options.slots,
            deadline: began + TIME_OUT,
        };
        let mut found = searcher
            .search(&compiled, &survey)
            .map_err(IndexError::of_search)?;
        let more = found.top.len() > limit;
        found.top.truncate(limit);
        let next = found
            .top
            .last()
            .filter(|_| more)
            .map(|(position, _, _)| *position);
        let hits = self.hits(&searcher, &found).map_err(IndexError::Search)?;
        let mut slots: Vec<(i64, u64)> = found.slots.into_iter().collect();
        slots.sort_unstable();
        Ok(SearchResult {
            total: found.total,
            hits,
            next,
            facets: facets(&found.facets).map_err(IndexError::Search)?,
            slots,
            took: began.elapsed(),
        })
    }

    fn hits(&self, searcher: &Searcher, found: &Found) -> tantivy::Result<Vec<Hit>> {
        let mut hits = Vec::with_capacity(found.top.len());
        for (_, score, address) in &found.top {
            let document: TantivyDocument = searcher.doc(*address)?;
            let id = document
                .get_first(self.fields.id)
                .and_then(|id| id.as_str());
            let post_id = id.and_then(|id| PostId::parse(id).ok()).ok_or_else(|| {
                TantivyError::InternalError("a document has no post id".to_owned())
            })?;
            let score = *score;
            hits.push(Hit { post_id, score });
        }
        Ok(hits)
    }
}

fn facets(counted: &BTreeMap<&'static str, Vec<Counts>>) -> tantivy::Result<Vec<Facet>> {
    let named = |(field, segments): (&&'static str, &Vec<Counts>)| {
        let values = leading(segments, MAX_VALUES)?;
        Ok(Facet { field, values })
    };
    counted.iter().map(named).collect()
}
