//! `GET /api/v1/sources` and `GET /api/v1/monitors`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{Answers, TAG_DAEMON};
use crate::domain::SourceStatus;
use crate::insight::{MonitorDto, SourceDto};
use crate::web::auth::guard::Reader;
use crate::web::{DeclaredSource, Origin, Problem, SharedSite};

/// `{"sources": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Sources {
    sources: Vec<SourceDto>,
}

/// `{"monitors": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Monitors {
    monitors: Vec<MadeMonitorDto>,
}

/// A saved listening query and who made it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct MadeMonitorDto {
    #[serde(flatten)]
    monitor: MonitorDto,
    /// The configuration `file`, or the `api`. Each changes its own alone.
    origin: Origin,
}

/// Lists all sources and how they fare: freshness, gaps, bounds met, errors, the next poll.
#[utoipa::path(get, path = "/api/v1/sources", tag = TAG_DAEMON, responses((status = 200, body = Sources), Answers))]
pub(in crate::web) async fn sources(
    State(site): State<SharedSite>,
    _: Reader,
) -> Result<Json<Sources>, Problem> {
    let sources = all_sources(&site).await?;
    Ok(Json(Sources { sources }))
}

/// Lists all monitors with their queries.
#[utoipa::path(get, path = "/api/v1/monitors", tag = TAG_DAEMON, responses((status = 200, body = Monitors), Answers))]
pub(in crate::web) async fn monitors(State(site): State<SharedSite>, _: Reader) -> Json<Monitors> {
    let declared = site.web.declared.borrow().clone();
    let monitors = declared.monitors.iter().map(|monitor| MadeMonitorDto {
        origin: match declared.made_monitors.contains(&monitor.id) {
            true => Origin::Api,
            false => Origin::File,
        },
        monitor: monitor.into(),
    });
    Json(Monitors {
        monitors: monitors.collect(),
    })
}

/// What is configured, in the order of the configuration, joined with how it fares; then what the
/// store still knows of sources that are not configured any more.
pub(in crate::web) async fn all_sources(site: &SharedSite) -> Result<Vec<SourceDto>, Problem> {
    let statuses = site.web.store.source_statuses().await;
    let statuses = statuses.map_err(|error| Problem::internal(&error))?;
    let declared = site.web.declared.borrow().clone();
    let mut known: Vec<_> = statuses.iter().map(SourceDto::from).collect();
    let mut sources = Vec::with_capacity(known.len());
    for source in &declared.sources {
        let at = known.iter().position(|dto| dto.id == source.id.as_str());
        let mut dto = at.map_or_else(|| unpolled(source), |at| known.swap_remove(at));
        if !source.enabled {
            "disabled".clone_into(&mut dto.state);
        }
        sources.push(dto);
    }
    known.sort_by(|a, b| a.id.cmp(&b.id));
    sources.extend(known.into_iter().map(|mut dto| {
        "removed".clone_into(&mut dto.state);
        dto
    }));
    Ok(sources)
}

fn unpolled(source: &DeclaredSource) -> SourceDto {
    SourceDto::from(&SourceStatus::waiting(source.id.clone(), &source.kind))
}
