//! `/api/v1/deliveries`: what went to whom, what waits and what was given up.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Named, Parameters};
use super::openapi::{Answers, TAG_DELIVERIES};
use crate::domain::{EndpointId, EventId};
use crate::insight::admin_dto::{DeliveryDto, EventDeliveriesDto};
use crate::store::ListedDelivery;
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

/// Deliveries of an answer when nothing is said.
const DEFAULT_LIMIT: usize = 50;
/// Most deliveries of an answer.
const MAX_LIMIT: usize = 1_000;

/// Where a delivery is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum DeliveryState {
    /// Waits for an attempt.
    Pending,
    /// Arrived.
    Delivered,
    /// Given up.
    Dead,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Parameter {
    /// Of this endpoint alone.
    #[param(value_type = Option<String>)]
    endpoint: Option<EndpointId>,
    /// In this state alone.
    #[param(inline)]
    state: Option<DeliveryState>,
    /// Most deliveries, 1 to 1,000; 50 when nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Where the answer before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// `{"deliveries": [..], "next_cursor": ".."}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Deliveries {
    deliveries: Vec<DeliveryDto>,
    /// Where the next page begins, when there is one.
    next_cursor: Option<String>,
}

/// Lists deliveries, those of the newest event first, and of one event by endpoint.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = TAG_DELIVERIES, params(Parameter),
    responses((status = 200, body = Deliveries), Answers))]
pub(in crate::web) async fn deliveries(
    State(site): State<SharedSite>,
    _: Reader,
    Parameters(parameter): Parameters<Parameter>,
) -> Result<Json<Deliveries>, Problem> {
    let limit = parameter.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    let mut endpoints = site.web.declared.borrow().endpoint_names();
    if let Some(wanted) = parameter.endpoint {
        endpoints.retain(|endpoint| *endpoint == wanted);
        if endpoints.is_empty() {
            return Err(Problem::not_found(format!(
                "there is no endpoint \"{wanted}\""
            )));
        }
    }
    let state = parameter.state.map(|state| match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Dead => "dead",
    });
    let after = parameter.cursor.as_deref().map(position).transpose()?;
    let mut listed = Vec::new();
    for endpoint in &endpoints {
        let up_to = after.as_ref().map(|(seq, _)| *seq);
        // One that the page before showed, and one that says whether there is a next page.
        let deliveries = site
            .web
            .store
            .list_deliveries(endpoint, state, None, up_to, limit + 2);
        listed.extend(
            deliveries
                .await
                .map_err(|error| Problem::internal(&error))?,
        );
    }
    let place =
        |delivery: &ListedDelivery| (Reverse(delivery.event.seq), delivery.endpoint.clone());
    if let Some((seq, endpoint)) = after {
        let shown = (Reverse(seq), endpoint);
        listed.retain(|delivery| place(delivery) > shown);
    }
    listed.sort_by_cached_key(place);
    let more = listed.len() > limit;
    listed.truncate(limit);
    let last = listed.last().filter(|_| more);
    Ok(Json(Deliveries {
        next_cursor: last.map(|delivery| format!("{}-{}", delivery.event.seq, delivery.endpoint)),
        deliveries: listed.iter().map(DeliveryDto::from).collect(),
    }))
}

/// The event and the endpoint of the last delivery that was shown.
fn position(cursor: &str) -> Result<(u64, EndpointId), Problem> {
    let parts = cursor.split_once('-').and_then(|(seq, endpoint)| {
        let endpoint = EndpointId::parse(endpoint).ok()?;
        Some((seq.parse().ok()?, endpoint))
    });
    let refused = || Problem::bad_request("cursor must be the next_cursor of an earlier answer");
    parts.ok_or_else(refused)
}

/// Shows one event: its body, and each attempt at each endpoint.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = TAG_DELIVERIES,
    params(("id" = String, Path, description = "The event's id")),
    responses((status = 200, body = EventDeliveriesDto), Answers))]
pub(in crate::web) async fn event(
    State(site): State<SharedSite>,
    _: Reader,
    Named(event): Named<EventId>,
) -> Result<Json<EventDeliveriesDto>, Problem> {
    let endpoints = site.web.declared.borrow().endpoint_names();
    let shown = EventDeliveriesDto::of(&site.web.store, &endpoints, &event).await;
    let shown = shown.map_err(|error| Problem::internal(&error))?;
    let unknown = || Problem::not_found(format!("there is no event {event}"));
    shown.map(Json).ok_or_else(unknown)
}
