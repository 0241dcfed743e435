//! Searches the index. Knows ids, not posts: the store has those. All calls block.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tantivy::collector::{Count, TopDocs};
use tantivy::schema::Value;
use tantivy::{DocAddress, Order, ReloadPolicy, Searcher, TantivyDocument, TantivyError};

use super::compile::compile;
use super::error::IndexError;
use super::schema::{Fields, ORDERED_AT};
use crate::domain::PostId;
use crate::query::{MatchContext, Query};

/// The most that offset and limit may reach together: all hits up to there are kept while searching.
const MAX_REACH: usize = 100_000;

/// In which order hits come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// By `Post::ordered_at`, newest first.
    #[default]
    Newest,
    /// By BM25 of the words, best first.
    Relevance,
}

/// What is wanted of the hits.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// The most hits; 0 only counts.
    pub limit: usize,
    /// Hits to pass over; with `limit` at most 100,000, beyond there are none.
    pub offset: usize,
    /// Their order.
    pub sort: Sort,
    /// What `since:7d` counts from.
    pub now: Timestamp,
    /// The zone in which days begin.
    pub zone: TimeZone,
}

/// One post that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The post.
    pub post_id: PostId,
    /// BM25; 0 when sorted by time.
    pub score: f32,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    /// All posts that match.
    pub total: u64,
    /// Those that were wanted.
    pub hits: Vec<Hit>,
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
    /// When the files can't be read.
    pub fn search(
        &self,
        query: &Query,
        options: &SearchOptions,
    ) -> Result<SearchResult, IndexError> {
        let began = Instant::now();
        let (total, hits) = self.find(query, options).map_err(IndexError::Search)?;
        Ok(SearchResult {
            total: total as u64,
            hits,
            took: began.elapsed(),
        })
    }

    fn find(&self, query: &Query, options: &SearchOptions) -> tantivy::Result<(usize, Vec<Hit>)> {
        let searcher = self.reader.searcher();
        let context = MatchContext {
            now: options.now,
            zone: options.zone.clone(),
        };
        let compiled = compile(query, &self.fields, &context);
        let limit = options.limit.min(MAX_REACH.saturating_sub(options.offset));
        if limit == 0 {
            return Ok((searcher.search(&compiled, &Count)?, Vec::new()));
        }
        let top = TopDocs::with_limit(limit).and_offset(options.offset);
        let (total, found) = match options.sort {
            Sort::Newest => {
                let newest = top.order_by_fast_field::<i64>(ORDERED_AT, Order::Desc);
                let (total, found) = searcher.search(&compiled, &(Count, newest))?;
                (
                    total,
                    found
                        .into_iter()
                        .map(|(_, address)| (0.0, address))
                        .collect(),
                )
            }
            Sort::Relevance => searcher.search(&compiled, &(Count, top.order_by_score()))?,
        };
        Ok((total, self.hits(&searcher, found)?))
    }

    fn hits(
        &self,
        searcher: &Searcher,
        found: Vec<(f32, DocAddress)>,
    ) -> tantivy::Result<Vec<Hit>> {
        let mut hits = Vec::with_capacity(found.len());
        for (score, address) in found {
            let document: TantivyDocument = searcher.doc(address)?;
            let id = document
                .get_first(self.fields.id)
                .and_then(|id| id.as_str());
            let post_id = id.and_then(|id| PostId::parse(id).ok()).ok_or_else(|| {
                TantivyError::InternalError("a document has no post id".to_owned())
            })?;
            hits.push(Hit { post_id, score });
        }
        Ok(hits)
    }
}
