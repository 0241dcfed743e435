//! Search: the index says which posts and in which order, the store what is known of them.
//!
//! The index lags behind the store by about a second: a hit whose post is gone from the store is
//! left out, and `total` may count it once more.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::dto::{HitDto, MentionDto, SearchDto};
use super::marks::{Segment, segments};
use crate::domain::{PostId, PostRecord, SentimentLabel};
use crate::index::{IndexError, IndexReader, SearchOptions, SearchResult, Sort};
use crate::query::{Query, QueryError, highlight, highlight_title, snippet};
use crate::store::{Store, StoreError};

/// Characters of a snippet: what two or three lines of a list hold.
const SNIPPET_CHARS: usize = 280;

/// Joins index and store. Cheap to clone.
#[derive(Clone)]
pub struct Searcher {
    /// The projection.
    pub index: IndexReader,
    /// The truth.
    pub store: Store,
}

/// Which part of the matches is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Most hits.
    pub limit: usize,
    /// Matches that come before them.
    pub offset: usize,
    /// The order.
    pub sort: Sort,
    /// The time that `since:` counts from.
    pub now: Timestamp,
    /// The zone in which days begin.
    pub zone: TimeZone,
}

/// The answer to a query.
#[derive(Debug)]
pub struct Answer {
    /// Posts that match, over all pages.
    pub total: u64,
    /// Time in the index.
    pub took: Duration,
    /// The page that was asked for.
    pub hits: Vec<Hit>,
    /// Where the next page begins; absent on the last one.
    pub next_offset: Option<usize>,
}

/// A match with what is known of it.
#[derive(Debug)]
pub struct Hit {
    /// The post.
    pub record: PostRecord,
    /// Relevance.
    pub score: f32,
    /// The title, matched words marked.
    pub title: Vec<Segment>,
    /// The text around the first match, matched words marked.
    pub snippet: Vec<Segment>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index failed.
    #[error("the index could not answer")]
    Index(#[source] IndexError),
    /// The store failed.
    #[error("the store could not answer")]
    Store(#[from] StoreError),
    /// The search ended in a panic, or the program is ending.
    #[error("the search was cut off")]
    CutOff,
}

impl Searcher {
    /// The page of matches that the request asks for.
    ///
    /// # Errors
    /// When index or store fail.
    pub async fn search(&self, query: &Query, request: &Request) -> Result<Answer, SearchError> {
        let result = self.ask(query, request).await?;
        let found = request.offset.saturating_add(result.hits.len());
        let more = !result.hits.is_empty() && (found as u64) < result.total;
        let ids: Vec<PostId> = result.hits.iter().map(|hit| hit.post_id.clone()).collect();
        let records = self.store.records(&ids).await?;
        let mut records: HashMap<_, _> = records
            .into_iter()
            .map(|record| (record.post.id.clone(), record))
            .collect();
        let mut hits = Vec::with_capacity(ids.len());
        for hit in result.hits {
            if let Some(record) = records.remove(&hit.post_id) {
                hits.push(Hit::new(query, record, hit.score));
            }
        }
        Ok(Answer {
            total: result.total,
            took: result.took,
            hits,
            next_offset: more.then_some(found),
        })
    }

    /// How many matches are negative, neutral and positive; those without a score are in none.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn sentiments(
        &self,
        query: &Query,
        request: &Request,
    ) -> Result<[u64; 3], SearchError> {
        let mut counts = [0; 3];
        for (label, count) in SentimentLabel::ALL.into_iter().zip(&mut counts) {
            // A query that is at its bounds has no room for another leaf.
            let Ok(query) = and(query, &format!("sentiment:{}", label.as_str())) else {
                return Ok([0; 3]);
            };
            let request = Request {
                limit: 0,
                offset: 0,
                ..request.clone()
            };
            *count = self.ask(&query, &request).await?.total;
        }
        Ok(counts)
    }

    async fn ask(&self, query: &Query, request: &Request) -> Result<SearchResult, SearchError> {
        let (index, query) = (self.index.clone(), query.clone());
        let options = SearchOptions {
            limit: request.limit,
            offset: request.offset,
            sort: request.sort,
            now: request.now,
            zone: request.zone.clone(),
        };
        // tantivy computes; the runtime's own threads must stay free for those who wait.
        let search = tokio::task::spawn_blocking(move || index.search(&query, &options));
        search
            .await
            .map_err(|_| SearchError::CutOff)?
            .map_err(SearchError::Index)
    }
}

/// The query and a leaf, both of which must hold. The canonical form always parses again, so that
/// only the bounds of a query can refuse this.
///
/// # Errors
/// When the query is at its bounds.
pub fn and(query: &Query, leaf: &str) -> Result<Query, QueryError> {
    match query.to_string() {
        text if text == "*" => Query::parse(leaf),
        text => Query::parse(&format!("({text}) AND {leaf}")),
    }
}

impl Hit {
    fn new(query: &Query, record: PostRecord, score: f32) -> Self {
        let title = record.post.title.as_deref().unwrap_or_default();
        let title = segments(title, &highlight_title(query, title));
        let text = &record.post.text;
        let cut = snippet(text, &highlight(query, text), SNIPPET_CHARS);
        Self {
            title,
            snippet: segments(&cut.text, &cut.ranges),
            record,
            score,
        }
    }
}

impl SearchDto {
    /// The answer as API and command line show it.
    #[must_use]
    pub fn new(query: &Query, answer: &Answer) -> Self {
        Self {
            query: query.to_string(),
            total: answer.total,
            took_ms: answer.took.as_secs_f64() * 1000.0,
            hits: answer
                .hits
                .iter()
                .map(|hit| HitDto {
                    score: hit.score,
                    title: hit.title.clone(),
                    snippet: hit.snippet.clone(),
                    mention: MentionDto::from(&hit.record),
                })
                .collect(),
            next_cursor: answer.next_offset.map(|offset| offset.to_string()),
        }
    }
}
