//! Monitors that people make without the configuration file: made, changed, removed. Those of the file are read-only here.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::admin::{Done, ask};
use super::extract::{Body, Named};
use super::openapi::{Answers, TAG_DAEMON};
use super::search;
use crate::domain::{BrandRole, MonitorId, MonitorSummary};
use crate::query::check_monitor;
use crate::store::StoreError;
use crate::web::auth::guard::Manager;
use crate::web::{Command, Problem, SharedSite};

/// Most bytes of a brand's name.
const BRAND_BYTES: usize = 128;

/// A monitor as it is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct MonitorRequest {
    /// What is listened for; `similar:`, `sort:` and `since:` mean nothing there.
    query: String,
    /// The brand that it listens for.
    brand: Option<String>,
    /// `own` when nothing is said.
    #[serde(default)]
    #[schema(required = false)]
    role: BrandRole,
}

/// Makes a monitor, or changes the one of this name. It judges what is heard from now on.
#[utoipa::path(put, path = "/api/v1/monitors/{id}", tag = TAG_DAEMON,
    params(("id" = String, Path, description = "The monitor's name")), request_body = MonitorRequest,
    responses((status = 201, body = Done), (status = 200, body = Done), Answers))]
pub(in crate::web) async fn put(
    State(site): State<SharedSite>,
    _: Manager,
    Named(id): Named<MonitorId>,
    Body(wanted): Body<MonitorRequest>,
) -> Result<Response, Problem> {
    let MonitorRequest { query, brand, role } = wanted;
    let monitor = MonitorSummary {
        id: id.clone(),
        query,
        brand,
        role,
    };
    let is_new = set(&site, monitor).await?;
    let (status, word) = match is_new {
        true => (StatusCode::CREATED, "listens"),
        false => (StatusCode::OK, "is changed"),
    };
    let message = format!("monitor \"{id}\" {word} from now on");
    Ok((status, Json(Done { message })).into_response())
}

/// Removes a monitor; what it caught stays.
#[utoipa::path(delete, path = "/api/v1/monitors/{id}", tag = TAG_DAEMON,
    params(("id" = String, Path, description = "The monitor's name")),
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn remove(
    State(site): State<SharedSite>,
    _: Manager,
    Named(id): Named<MonitorId>,
) -> Result<Json<Done>, Problem> {
    end(&site, &id).await?;
    let message = format!("monitor \"{id}\" is removed; what it caught stays");
    Ok(Json(Done { message }))
}

/// Keeps a monitor and listens for it; whether it is new.
pub(in crate::web) async fn set(
    site: &SharedSite,
    monitor: MonitorSummary,
) -> Result<bool, Problem> {
    refuse_of_file(site, &monitor.id)?;
    let query = search::parse(&monitor.query)?;
    check_monitor(&query).map_err(|error| search::query_problem(&error))?;
    let brand = monitor.brand.map(|brand| brand.trim().to_owned());
    let brand = brand.filter(|brand| !brand.is_empty());
    let is_good = |brand: &String| brand.len() <= BRAND_BYTES && !brand.contains(char::is_control);
    if !brand.iter().all(is_good) {
        return Err(Problem::bad_request(format!(
            "a brand has at most {BRAND_BYTES} bytes and no control characters"
        )));
    }
    let monitor = MonitorSummary { brand, ..monitor };
    let kept = site.web.store.put_monitor(monitor, site.web.clock.now());
    let is_new = kept.await.map_err(|error| match error {
        StoreError::Invalid { .. } => {
            Problem::new(StatusCode::CONFLICT, "refused", error.to_string())
        }
        fault => Problem::internal(&fault),
    })?;
    ask(site, Command::Listen).await?;
    Ok(is_new)
}

/// Removes a monitor and listens for it no more.
pub(in crate::web) async fn end(site: &SharedSite, id: &MonitorId) -> Result<(), Problem> {
    refuse_of_file(site, id)?;
    let removed = site.web.store.remove_monitor(id).await;
    if !removed.map_err(|error| Problem::internal(&error))? {
        return Err(Problem::not_found(format!("there is no monitor \"{id}\"")));
    }
    ask(site, Command::Listen).await?;
    Ok(())
}

fn refuse_of_file(site: &SharedSite, id: &MonitorId) -> Result<(), Problem> {
    let declared = site.web.declared.borrow().clone();
    let is_known = declared.monitors.iter().any(|known| known.id == *id);
    if is_known && !declared.made_monitors.contains(id) {
        let detail = format!(
            "monitor \"{id}\" stands in the configuration file: change it there, then `overheard reload`"
        );
        return Err(Problem::new(StatusCode::CONFLICT, "read-only", detail));
    }
    Ok(())
}
