//! Search: the index says which posts and in which order, the store what is known of them.
//!
//! The index lags behind the store by about a second: a hit whose post is gone from the store is
//! left out, and `total` may count it once more.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::dto::{FacetDto, FacetValueDto, HitDto, MentionDto, SearchDto};
use super::histogram::Histogram;
use super::marks::{Segment, segments};
use super::similar::Neighbours;
use crate::domain::{PostId, PostRecord};
use crate::index::{
    Facet, IndexError, IndexReader, Nearest, Position, SearchOptions, SearchResult,
};
use crate::query::{Query, Sort, highlight, highlight_title, snippet};
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
    neighbours: Neighbours,
}

/// Which part of the matches is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Most hits; 0 only counts.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Position>,
    /// The order; without one that of the query's `sort:`, else the nearest to its `similar:`, else the newest first.
    pub sort: Option<Sort>,
    /// Also counts by label.
    pub facets: bool,
    /// Also counts by time.
    pub histogram: bool,
    /// The time that `since:` counts from.
    pub now: Timestamp,
    /// The zone in which days begin.
    pub zone: TimeZone,
}

impl Request {
    /// The same for the index, in the order that this or else the query asks for.
    fn options(&self, query: &Query, nearest: Option<Vec<(PostId, f32)>>) -> SearchOptions {
        let sort = self.sort.or(query.sort());
        SearchOptions {
            limit: self.limit,
            after: self.after,
            sort: sort.unwrap_or_default(),
            nearest: nearest.map(|posts| Nearest {
                posts,
                in_order: sort.is_none(),
            }),
            facets: self.facets,
            slots: self.histogram,
            now: self.now,
            zone: self.zone.clone(),
        }
    }

    /// The first `limit` matches, in the query's order.
    #[must_use]
    pub fn first(limit: usize, now: Timestamp, zone: TimeZone) -> Self {
        Self {
            limit,
            after: None,
            sort: None,
            facets: false,
            histogram: false,
            now,
            zone,
        }
    }
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
    pub next: Option<Position>,
    /// Counts by label; empty unless wanted.
    pub facets: Vec<Facet>,
    /// Counts by time; absent unless wanted.
    pub histogram: Option<Histogram>,
}

impl Answer {
    /// How many matches have this label; 0 when labels were not counted.
    #[must_use]
    pub fn count(&self, field: &str, value: &str) -> u64 {
        let facet = self.facets.iter().find(|facet| facet.field == field);
        let values = facet.map_or([].as_slice(), |facet| &facet.values);
        let found = values.iter().find(|(name, _)| name == value);
        found.map_or(0, |(_, count)| *count)
    }
}

/// A match with what is known of it.
#[derive(Debug)]
pub struct Hit {
    /// The post.
    pub record: PostRecord,
    /// Relevance or similarity; 0 unless sorted by it.
    pub score: f32,
    /// The title, matched words marked.
    pub title: Vec<Segment>,
    /// The text around the first match, matched words marked.
    pub snippet: Vec<Segment>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The query asks for too much: the message says what to do.
    #[error(transparent)]
    TooMuch(IndexError),
    /// `similar:` names a post that nothing can be compared with.
    #[error(
        "similar: the post {0} is not known, or was not scored: take the id of one that a search shows"
    )]
    NothingToCompare(PostId),
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
    /// Joins an index and the store that it shows.
    #[must_use]
    pub fn new(index: IndexReader, store: Store) -> Self {
        let neighbours = Neighbours::default();
        Self {
            index,
            store,
            neighbours,
        }
    }

    /// The posts that are most like this one; see [`Neighbours::of`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn similar_to(
        &self,
        post: &PostId,
    ) -> Result<Option<Vec<(PostId, f32)>>, SearchError> {
        self.neighbours.of(&self.store, post).await
    }

    /// The page of matches that the request asks for.
    ///
    /// # Errors
    /// When index or store fail.
    pub async fn search(&self, query: &Query, request: &Request) -> Result<Answer, SearchError> {
        let result = self.ask(query, request).await?;
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
            next: result.next,
            facets: result.facets,
            histogram: request
                .histogram
                .then(|| Histogram::new(&result.slots, &request.zone)),
        })
    }

    /// What the index alone says: the number of matches, their counts by label and by time.
    ///
    /// # Errors
    /// When the query asks for too much or the index fails.
    pub(super) async fn ask(
        &self,
        query: &Query,
        request: &Request,
    ) -> Result<SearchResult, SearchError> {
        let mut nearest = None;
        if let Some(post) = query.similar() {
            let similar = self.similar_to(post).await?;
            let unknown = || SearchError::NothingToCompare(post.clone());
            nearest = Some(similar.ok_or_else(unknown)?);
        }
        let (index, query) = (self.index.clone(), query.clone());
        let options = request.options(&query, nearest);
        // tantivy computes; the runtime's own threads must stay free for those who wait.
        let search = tokio::task::spawn_blocking(move || index.search(&query, &options));
        search
            .await
            .map_err(|_| SearchError::CutOff)?
            .map_err(|error| match error {
                IndexError::TooManyWords(_) | IndexError::TooLate => SearchError::TooMuch(error),
                other => SearchError::Index(other),
            })
    }
}

impl Hit {
    /// A match with the words of the query marked.
    #[must_use]
    pub fn new(query: &Query, record: PostRecord, score: f32) -> Self {
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

impl From<&Hit> for HitDto {
    fn from(hit: &Hit) -> Self {
        Self {
            score: hit.score,
            title: hit.title.clone(),
            snippet: hit.snippet.clone(),
            mention: MentionDto::from(&hit.record),
        }
    }
}

impl From<&Facet> for FacetDto {
    fn from(facet: &Facet) -> Self {
        let value = |(value, count): &(String, u64)| FacetValueDto {
            value: value.clone(),
            count: *count,
        };
        Self {
            field: facet.field.to_owned(),
            values: facet.values.iter().map(value).collect(),
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
            hits: answer.hits.iter().map(HitDto::from).collect(),
            next_cursor: answer.next.map(|position| position.to_string()),
            facets: answer.facets.iter().map(FacetDto::from).collect(),
            histogram: answer.histogram.clone(),
        }
    }
}
