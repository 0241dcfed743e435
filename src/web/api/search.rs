//! `GET /api/v1/search` and `GET /api/v1/counts`.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::etag;
use super::extract::Parameters;
use super::openapi::{Answers, TAG_SEARCH};

use crate::domain::MonitorSummary;
use crate::insight::{CountDto, Request, SearchDto, SearchError};
use crate::query::{Query, QueryError, Sort};
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

/// Hits of an answer when nothing is said.
const DEFAULT_LIMIT: usize = 25;
/// The time that a search took, before it is put in.
const NO_TIME: &str = "\"took_ms\":0.0";
/// Most hits of an answer.
const MAX_LIMIT: usize = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Parameter {
    /// The query, as `docs/searching.md` has it; without one all posts.
    #[serde(default)]
    #[param(example = "battery sentiment:negative")]
    q: String,
    /// Most hits, 1 to 500; 25 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// Where the answer before ended: its `next_cursor`.
    cursor: Option<String>,
    /// `new`, `relevance`, `engagement` or `score`; without one the query says it.
    #[serde(default)]
    sort: String,
    /// Also count all matches by label.
    #[serde(default)]
    facets: bool,
    /// Also count all matches by time.
    #[serde(default)]
    histogram: bool,
}

/// Finds posts, the newest first, with the words that matched marked.
#[utoipa::path(get, path = "/api/v1/search", tag = TAG_SEARCH, params(Parameter),
    responses((status = 200, body = SearchDto), Answers))]
pub(in crate::web) async fn search(
    State(site): State<SharedSite>,
    _: Reader,
    Parameters(parameter): Parameters<Parameter>,
) -> Result<Response, Problem> {
    let query = parse(&parameter.q)?;
    let limit = parameter.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    let cursor = parameter.cursor.unwrap_or_default();
    let request = Request {
        facets: parameter.facets,
        histogram: parameter.histogram,
        ..request(&site, limit, &cursor, &parameter.sort)?
    };
    let answer = site.web.searcher.search(&query, &request).await;
    let answer = answer.map_err(|error| search_problem(&error))?;
    let mut found = SearchDto::new(&query, &answer);
    // The same answer is the same however long it took: the tag is made without the time, which is put in afterwards.
    let took_ms = std::mem::take(&mut found.took_ms);
    let mut body = serde_json::to_string(&found).map_err(|error| Problem::internal(&error))?;
    let tag = etag::tag(body.as_bytes());
    // Within a text of JSON quotes are escaped, so the first place is the field.
    if let Some(place) = body.find(NO_TIME) {
        body.replace_range(
            place..place + NO_TIME.len(),
            &format!("\"took_ms\":{took_ms}"),
        );
    }
    let kind = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, kind), (header::ETAG, tag)], body).into_response())
}

/// The ranges that one click offers; the value is what stands in the address and after `since:`.
pub(in crate::web) const RANGES: [(&str, &str); 4] =
    [("24 h", "24h"), ("7 d", "7d"), ("30 d", "30d"), ("all", "")];

/// Queries that one request may count.
const MAX_COUNTS: usize = 20;

/// Counts the posts that match each of up to 20 queries, in order. A query at fault costs itself alone.
#[utoipa::path(get, path = "/api/v1/counts", tag = TAG_SEARCH,
    params(("q" = Vec<String>, Query, description = "A query; write it 1 to 20 times")),
    responses((status = 200, body = [CountDto]), Answers))]
pub(in crate::web) async fn counts(
    State(site): State<SharedSite>,
    _: Reader,
    RawQuery(parameters): RawQuery,
) -> Result<Json<Vec<CountDto>>, Problem> {
    let parameters = parameters.unwrap_or_default();
    let texts: Vec<String> = url::form_urlencoded::parse(parameters.as_bytes())
        .filter(|(name, _)| name == "q")
        .map(|(_, text)| text.into_owned())
        .collect();
    if !(1..=MAX_COUNTS).contains(&texts.len()) {
        let detail = format!("write q= with a query, 1 to {MAX_COUNTS} times");
        return Err(Problem::bad_request(detail));
    }
    let request = request(&site, 0, "", "")?;
    let mut counts = Vec::with_capacity(texts.len());
    for text in texts {
        let counted = match parse(&text) {
            Ok(query) => match site.web.searcher.search(&query, &request).await {
                Ok(answer) => Ok(answer.total),
                Err(error @ (SearchError::TooMuch(_) | SearchError::NothingToCompare(_))) => {
                    Err(error.to_string())
                }
                Err(error) => return Err(Problem::internal(&error)),
            },
            Err(problem) => Err(problem.detail().to_owned()),
        };
        counts.push(CountDto {
            query: text,
            total: counted.as_ref().ok().copied(),
            error: counted.err(),
        });
    }
    Ok(Json(counts))
}

/// Parses a query; nothing means everything; the problem shows the place.
pub(in crate::web) fn parse(text: &str) -> Result<Query, Problem> {
    if text.trim().is_empty() {
        return Ok(Query::everything());
    }
    Query::parse(text).map_err(|error| query_problem(&error))
}

/// The query within the range.
pub(in crate::web) fn within(query: &Query, range: &str) -> Result<Query, Problem> {
    if range.is_empty() {
        return Ok(query.clone());
    }
    let known = RANGES.iter().any(|(_, value)| *value == range);
    if !known {
        return Err(Problem::bad_request(
            "a range is 24h, 7d or 30d; use since: in the query for others",
        ));
    }
    let since = Query::parse(&format!("since:{range}"));
    let since = since.map_err(|error| query_problem(&error))?;
    Ok(query.and(&since))
}

/// The query among mentions, unless all posts are wanted: those of a monitor that is declared.
pub(in crate::web) fn scoped(
    query: Query,
    scope: &str,
    monitors: &[MonitorSummary],
) -> Result<Query, Problem> {
    match scope {
        "all" => return Ok(query),
        "" => {}
        _ => {
            return Err(Problem::bad_request(
                "the scope is all, or absent for mentions",
            ));
        }
    }
    let scope = Query::of_monitors(monitors.iter().map(|monitor| &monitor.id));
    Ok(match scope {
        Some(scope) => query.and(&scope),
        None => query,
    })
}

/// An error of the query as a problem.
pub(in crate::web) fn query_problem(error: &QueryError) -> Problem {
    Problem::bad_request(error.to_string()).at(error.span().start, error.render())
}

/// Why there is no answer as a problem: what asks for too much is the asker's.
pub(in crate::web) fn search_problem(error: &SearchError) -> Problem {
    match error {
        SearchError::TooMuch(_) | SearchError::NothingToCompare(_) => {
            Problem::bad_request(error.to_string())
        }
        SearchError::Index(_) | SearchError::Store(_) | SearchError::CutOff => {
            Problem::internal(error)
        }
    }
}

/// What is wanted of the matches. Without a `sort`, the query says it.
pub(in crate::web) fn request(
    site: &SharedSite,
    limit: usize,
    cursor: &str,
    sort: &str,
) -> Result<Request, Problem> {
    let sort = match sort {
        "" => None,
        name => match Sort::ALL.iter().find(|sort| sort.as_str() == name) {
            Some(sort) => Some(*sort),
            None => {
                let all: Vec<&str> = Sort::ALL.iter().map(|sort| sort.as_str()).collect();
                let detail = format!("sort is one of {}", all.join(", "));
                return Err(Problem::bad_request(detail));
            }
        },
    };
    let after = match cursor {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            Problem::bad_request("cursor must be the next_cursor of an earlier answer")
        })?),
    };
    Ok(Request {
        after,
        sort,
        ..Request::first(limit, site.web.clock.now(), site.web.zone.clone())
    })
}
