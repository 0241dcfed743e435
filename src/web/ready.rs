//! `/healthz`, `/readyz` and `/metrics`: for systemd, load balancers and Prometheus. They tell no
//! post, no name and no query.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};

use super::auth::guard::Visitor;
use super::{Problem, SharedSite};

/// How a part of the daemon fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartStatus {
    /// The part, such as `store`, `index`, `model`.
    pub name: String,
    /// How it fares.
    pub state: PartState,
    /// What is the matter and what to do, when something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// States of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Not there yet.
    Starting,
    /// Works.
    Ready,
    /// Works in part: answers may be incomplete. The daemon stays ready.
    Degraded,
    /// Does not work.
    Failed,
}

#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    parts: Vec<PartStatus>,
}

pub(super) fn routes() -> Router<SharedSite> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

async fn readyz(State(site): State<SharedSite>) -> Response {
    let parts = (site.web.status)();
    let ready = parts
        .iter()
        .all(|part| matches!(part.state, PartState::Ready | PartState::Degraded));
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { ready, parts })).into_response()
}

async fn metrics(
    State(site): State<SharedSite>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    // Behind a proxy every peer looks like this machine.
    let local = visitor.is_loopback() && !site.web.behind_proxy;
    if !local && visitor.role().is_none() {
        let detail = "metrics are open on loopback only; send an API token as \"Authorization: Bearer ovh_..\"";
        return Problem::unauthorized(detail).into_response();
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], (site.web.metrics)()).into_response()
}
