//! `/api/v1/endpoints`: how each webhook receiver fares, and a person's pause.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::admin::{Done, wake};
use super::extract::Named;
use super::openapi::{Answers, TAG_DELIVERIES};
use crate::deliver::managed::Settings;
use crate::domain::EndpointId;
use crate::store::StoreError;
use crate::web::auth::guard::{Crm, Reader};
use crate::web::{DeclaredEndpoint, Origin, Problem, SharedSite};

/// `{"endpoints": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Endpoints {
    endpoints: Vec<EndpointDto>,
}

/// An endpoint and how it fares.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::web) struct EndpointDto {
    /// The name.
    pub id: String,
    /// Who made it: the configuration `file`, or the `api`. Each changes its own alone.
    pub origin: Origin,
    /// The host, the mailboxes or the file.
    pub address: String,
    /// What it gets, and how.
    #[serde(flatten)]
    pub settings: Settings,
    /// `active`, `paused` by a person, `disabled` since it answered 410, or `failed` until its `problem` is mended.
    pub state: String,
    /// What a person should mend.
    pub problem: Option<String>,
    /// Since when it is paused or disabled.
    pub since: Option<Timestamp>,
    /// Deliveries that wait for an attempt.
    pub waiting: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// When the next attempt is due; it is not made while the endpoint is paused or disabled.
    pub next_attempt_at: Option<Timestamp>,
    /// Events that were not looked at yet. Many mean that `max_waiting` is reached.
    pub behind: u64,
}

/// Lists all webhook receivers and how they fare.
#[utoipa::path(get, path = "/api/v1/endpoints", tag = TAG_DELIVERIES, responses((status = 200, body = Endpoints), Answers))]
pub(in crate::web) async fn endpoints(
    State(site): State<SharedSite>,
    _: Reader,
) -> Result<Json<Endpoints>, Problem> {
    let endpoints = all_endpoints(&site).await;
    let endpoints = endpoints.map_err(|error| Problem::internal(&error))?;
    Ok(Json(Endpoints { endpoints }))
}

/// Lets nothing go out to an endpoint until it is resumed; events wait.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/pause", tag = TAG_DELIVERIES,
    params(("id" = String, Path, description = "The endpoint's name")),
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn pause(
    State(site): State<SharedSite>,
    _: Crm,
    Named(endpoint): Named<EndpointId>,
) -> Result<Json<Done>, Problem> {
    pause_or_resume(&site, &endpoint, true).await.map(Json)
}

/// Ends a pause, and lets an endpoint have another try that answered 410.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/resume", tag = TAG_DELIVERIES,
    params(("id" = String, Path, description = "The endpoint's name")),
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn resume(
    State(site): State<SharedSite>,
    _: Crm,
    Named(endpoint): Named<EndpointId>,
) -> Result<Json<Done>, Problem> {
    pause_or_resume(&site, &endpoint, false).await.map(Json)
}

/// How all configured endpoints fare, in the order of the configuration.
pub(in crate::web) async fn all_endpoints(
    site: &SharedSite,
) -> Result<Vec<EndpointDto>, StoreError> {
    let store = &site.web.store;
    let (paused, disabled) = (
        store.paused_endpoints().await?,
        store.disabled_endpoints().await?,
    );
    let since = |list: &[(EndpointId, Timestamp)], id: &EndpointId| {
        let found = list.iter().find(|(known, _)| known == id);
        found.map(|(_, at)| *at)
    };
    let newest = store.tip().borrow().event_seq;
    let declared = site.web.declared.borrow().endpoints.clone();
    let mut endpoints = Vec::with_capacity(declared.len());
    for DeclaredEndpoint {
        id,
        origin,
        address,
        settings,
        problem,
    } in declared
    {
        let id = &id;
        let counts = store.delivery_counts(id).await?;
        let position = store.endpoint_position(id).await?;
        let (state, since) = match (since(&paused, id), since(&disabled, id)) {
            _ if problem.is_some() && origin == Origin::Api => ("failed", None),
            (Some(at), _) => ("paused", Some(at)),
            (None, Some(at)) => ("disabled", Some(at)),
            (None, None) => ("active", None),
        };
        endpoints.push(EndpointDto {
            id: id.to_string(),
            origin,
            address,
            settings,
            problem,
            state: state.to_owned(),
            since,
            waiting: counts.pending,
            delivered: counts.delivered,
            dead: counts.dead,
            next_attempt_at: store.next_due(id).await?,
            behind: newest.saturating_sub(position.unwrap_or(newest)),
        });
    }
    Ok(endpoints)
}

/// Pauses or resumes an endpoint that is configured.
pub(in crate::web) async fn pause_or_resume(
    site: &SharedSite,
    endpoint: &EndpointId,
    pause: bool,
) -> Result<Done, Problem> {
    let known = site.web.declared.borrow().endpoint_names();
    if !known.contains(endpoint) {
        return Err(Problem::not_found(format!(
            "there is no endpoint \"{endpoint}\""
        )));
    }
    let (store, now) = (&site.web.store, site.web.clock.now());
    let changed = if pause {
        store.pause_endpoint(endpoint, now).await
    } else {
        store.resume_endpoint(endpoint).await
    };
    let changed = changed.map_err(|error| Problem::internal(&error))?;
    if !pause && changed {
        wake(site)?;
    }
    let message = match (pause, changed) {
        (true, true) => {
            format!("endpoint \"{endpoint}\" is paused: events wait until it is resumed")
        }
        (true, false) => format!("endpoint \"{endpoint}\" was paused already"),
        (false, true) => format!("endpoint \"{endpoint}\" is resumed"),
        (false, false) => format!("endpoint \"{endpoint}\" was not paused"),
    };
    Ok(Done { message })
}
