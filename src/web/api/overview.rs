//! `GET /api/v1/overview`: a period in numbers, beside the period before.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::Parameters;
use super::openapi::{Answers, TAG_SEARCH};
use super::search::{parse, search_problem};
use crate::insight::{OverviewDto, OverviewRequest, Period};
use crate::query::Query;
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Parameter {
    /// The query; without one all posts.
    #[serde(default)]
    q: String,
    /// How far back: `24h`, `7d`, `30d` or `90d`.
    #[serde(default)]
    #[param(inline)]
    period: Period,
}

/// Counts what happened in a period and in the one before: volume by time and sentiment, share of voice, labels, authors.
#[utoipa::path(get, path = "/api/v1/overview", tag = TAG_SEARCH, params(Parameter),
    responses((status = 200, body = OverviewDto), Answers))]
pub(in crate::web) async fn overview(
    State(site): State<SharedSite>,
    _: Reader,
    Parameters(parameter): Parameters<Parameter>,
) -> Result<Json<OverviewDto>, Problem> {
    let query = parse(&parameter.q)?;
    Ok(Json(of(&site, &query, parameter.period).await?))
}

/// The overview of a query, with the brands of the monitors that are declared.
pub(in crate::web) async fn of(
    site: &SharedSite,
    query: &Query,
    period: Period,
) -> Result<OverviewDto, Problem> {
    let declared = site.web.declared.borrow().clone();
    let wanted = OverviewRequest {
        query,
        period,
        monitors: &declared.monitors,
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    let overview = site.web.searcher.overview(&wanted).await;
    overview.map_err(|error| search_problem(&error))
}
