//! `/api/v1/searches`: searches that the team keeps by name, with how much each finds.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use utoipa::{IntoParams, ToSchema};

use super::admin::Done;
use super::extract::{Body, Named, Parameters};
use super::openapi::{Answers, TAG_SEARCH};
use super::search;
use crate::store::{SavedSearch, StoreError};
use crate::web::auth::check_name;
use crate::web::auth::guard::{Manager, Reader};
use crate::web::{Problem, SharedSite};

/// All searches are counted within this time, or else some are not: a single one may take ten seconds.
const COUNTING: Duration = Duration::from_secs(10);

/// `?counts=true`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Parameter {
    /// Also count what each finds.
    #[serde(default)]
    counts: bool,
}

/// `{"searches": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Searches {
    searches: Vec<SavedSearchDto>,
}

/// A search that is kept by name; what is not said is absent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct SavedSearchDto {
    /// What people call it.
    name: String,
    /// What is searched for; empty for everything.
    query: String,
    /// `24h`, `7d` or `30d`.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    range: String,
    /// `all` for posts that no monitor matches as well.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    scope: String,
    /// `new`, `relevance`, `engagement` or `score`.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    sort: String,
    /// How many posts it finds now, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Why it was not counted, such as a search that was kept by a version that read it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A search to keep.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::web) struct SavedSearchRequest {
    /// What is searched for; empty for everything.
    query: String,
    /// `24h`, `7d` or `30d`; any time when nothing is said.
    range: String,
    /// `all` for posts that no monitor matches as well; mentions when nothing is said.
    scope: String,
    /// `new`, `relevance`, `engagement` or `score`; without one the query says it.
    sort: String,
}

/// Lists the searches that the team keeps, by name.
#[utoipa::path(get, path = "/api/v1/searches", tag = TAG_SEARCH, params(Parameter),
    responses((status = 200, body = Searches), Answers))]
pub(in crate::web) async fn searches(
    State(site): State<SharedSite>,
    _: Reader,
    Parameters(parameter): Parameters<Parameter>,
) -> Result<Json<Searches>, Problem> {
    let saved = site.web.store.saved_searches().await;
    let saved = saved.map_err(|error| Problem::internal(&error))?;
    let mut searches = Vec::with_capacity(saved.len());
    let until = Instant::now() + COUNTING;
    for search in saved {
        let (mut total, mut error) = (None, None);
        if parameter.counts {
            match timeout_at(until, count(&site, &search)).await {
                Ok(Ok(found)) => total = Some(found),
                Ok(Err(problem)) => error = Some(problem.detail().to_owned()),
                Err(_) => error = Some("not counted: counting all took too long".to_owned()),
            }
        }
        searches.push(SavedSearchDto {
            name: search.name,
            query: search.query,
            range: search.range,
            scope: search.scope,
            sort: search.sort,
            total,
            error,
        });
    }
    Ok(Json(Searches { searches }))
}

/// Keeps a search by a name, or changes the one of this name.
#[utoipa::path(put, path = "/api/v1/searches/{id}", tag = TAG_SEARCH,
    params(("id" = String, Path, description = "What people call it")), request_body = SavedSearchRequest,
    responses((status = 201, body = Done), (status = 200, body = Done), Answers))]
pub(in crate::web) async fn put(
    State(site): State<SharedSite>,
    _: Manager,
    Named(name): Named<String>,
    Body(asked): Body<SavedSearchRequest>,
) -> Result<Response, Problem> {
    let search = SavedSearch {
        name: name.clone(),
        query: asked.query,
        range: asked.range,
        scope: asked.scope,
        sort: asked.sort,
    };
    let (status, word) = match save(&site, search).await? {
        true => (StatusCode::CREATED, "saved"),
        false => (StatusCode::OK, "changed"),
    };
    let message = format!("search \"{}\" is {word}", name.trim());
    Ok((status, Json(Done { message })).into_response())
}

/// Forgets a search.
#[utoipa::path(delete, path = "/api/v1/searches/{id}", tag = TAG_SEARCH,
    params(("id" = String, Path, description = "What people call it")),
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn remove(
    State(site): State<SharedSite>,
    _: Manager,
    Named(name): Named<String>,
) -> Result<Json<Done>, Problem> {
    forget(&site, &name).await?;
    let message = format!("search \"{name}\" is removed");
    Ok(Json(Done { message }))
}

/// Keeps a search that can be asked; whether it is new.
pub(in crate::web) async fn save(
    site: &SharedSite,
    mut search: SavedSearch,
) -> Result<bool, Problem> {
    search.name = search.name.trim().to_owned();
    check_name("search", &search.name).map_err(|error| Problem::bad_request(error.to_string()))?;
    search.query = search.query.trim().to_owned();
    whole(site, &search)?;
    search::request(site, 0, "", &search.sort)?;
    let saved = site.web.store.save_search(search, site.web.clock.now());
    saved.await.map_err(|error| match error {
        StoreError::Invalid { .. } => {
            Problem::new(StatusCode::CONFLICT, "refused", error.to_string())
        }
        fault => Problem::internal(&fault),
    })
}

/// Forgets a search.
pub(in crate::web) async fn forget(site: &SharedSite, name: &str) -> Result<(), Problem> {
    let name = name.trim();
    let removed = site.web.store.remove_search(name).await;
    match removed.map_err(|error| Problem::internal(&error))? {
        true => Ok(()),
        false => Err(Problem::not_found(format!(
            "there is no saved search \"{name}\""
        ))),
    }
}

/// The query with its range, among the posts that it is about.
fn whole(site: &SharedSite, search: &SavedSearch) -> Result<crate::query::Query, Problem> {
    let query = search::within(&search::parse(&search.query)?, &search.range)?;
    let declared = site.web.declared.borrow().clone();
    search::scoped(query, &search.scope, &declared.monitors)
}

async fn count(site: &SharedSite, search: &SavedSearch) -> Result<u64, Problem> {
    let query = whole(site, search)?;
    let request = search::request(site, 0, "", "")?;
    let answer = site.web.searcher.search(&query, &request).await;
    Ok(answer
        .map_err(|error| search::search_problem(&error))?
        .total)
}
