//! `GET /api/v1/search?q=&limit=&cursor=&sort=`

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Parameters, State};
use serde::Deserialize;

use crate::index::Sort;
use crate::insight::SearchDto;
use crate::insight::search::Request;
use crate::query::{Query, QueryError};
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

/// Hits of an answer when nothing is said.
const DEFAULT_LIMIT: usize = 25;
/// Most hits of an answer.
const MAX_LIMIT: usize = 500;
/// How far one can page: the index keeps that many candidates in memory for each search.
const MAX_OFFSET: usize = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Parameter {
    #[serde(default)]
    q: String,
    limit: Option<usize>,
    cursor: Option<String>,
    #[serde(default)]
    sort: String,
}

pub(in crate::web) async fn search(
    State(site): State<SharedSite>,
    _: Reader,
    parameters: Result<Parameters<Parameter>, QueryRejection>,
) -> Result<Json<SearchDto>, Problem> {
    let Parameters(parameter) =
        parameters.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let query = parse(&parameter.q)?;
    let limit = parameter.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    let offset = match parameter.cursor.as_deref() {
        None | Some("") => 0,
        Some(cursor) => cursor.parse().map_err(|_| {
            Problem::bad_request("cursor must be the next_cursor of an earlier answer")
        })?,
    };
    let request = request(&site, limit, offset, &parameter.sort)?;
    let answer = site.web.searcher.search(&query, &request).await;
    let answer = answer.map_err(|error| Problem::internal(&error))?;
    Ok(Json(SearchDto::new(&query, &answer)))
}

/// Parses a query; nothing means everything; the problem shows the place.
pub(in crate::web) fn parse(text: &str) -> Result<Query, Problem> {
    if text.trim().is_empty() {
        return Ok(Query::everything());
    }
    Query::parse(text).map_err(|error| query_problem(&error))
}

/// An error of the query as a problem.
pub(in crate::web) fn query_problem(error: &QueryError) -> Problem {
    Problem::bad_request(error.to_string()).at(error.span().start, error.render())
}

/// What is wanted of the matches.
pub(in crate::web) fn request(
    site: &SharedSite,
    limit: usize,
    offset: usize,
    sort: &str,
) -> Result<Request, Problem> {
    let sort = match sort {
        "" | "new" => Sort::Newest,
        "relevance" => Sort::Relevance,
        _ => return Err(Problem::bad_request("sort is new or relevance")),
    };
    if offset > MAX_OFFSET {
        let detail = format!("paging ends at {MAX_OFFSET} matches; narrow the query with until:");
        return Err(Problem::bad_request(detail));
    }
    Ok(Request {
        limit,
        offset,
        sort,
        now: site.web.clock.now(),
        zone: site.web.zone.clone(),
    })
}
