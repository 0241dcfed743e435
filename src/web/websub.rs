//! `/websub/{key}`: where WebSub hubs confirm subscriptions and send what is new.
//!
//! Open to everybody, so nothing is told or done but to whoever knows the key; what is sent must be signed too. An
//! unknown key is answered like any page that is not there.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::{Command, Problem, SharedSite};
use crate::domain::{Push, Pushed, Subscription};
use crate::ingest::websub::{CALLBACK_PATH, confirm, deny, is_signed};

/// Most bytes of what a hub sends.
const PUSH_BYTES: usize = 10 * 1024 * 1024;
/// Where the signature stands.
const SIGNATURE: &str = "x-hub-signature";

pub(super) fn routes() -> Router<SharedSite> {
    let path = format!("{CALLBACK_PATH}{{key}}");
    Router::new().route(&path, get(verify).post(push))
}

/// What a hub asks before it sends anything.
#[derive(Debug, Deserialize)]
struct Intent {
    #[serde(rename = "hub.mode")]
    mode: String,
    #[serde(rename = "hub.topic")]
    topic: String,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
    #[serde(rename = "hub.lease_seconds")]
    lease_seconds: Option<String>,
    #[serde(rename = "hub.reason")]
    reason: Option<String>,
}

async fn verify(
    State(site): State<SharedSite>,
    Path(key): Path<String>,
    intent: Result<Query<Intent>, QueryRejection>,
) -> Result<Response, Problem> {
    let Some(subscription) = known(&site, &key).await? else {
        return Ok(nothing());
    };
    let Ok(Query(intent)) = intent else {
        return Ok(nothing());
    };
    // We never unsubscribe: whoever asks us to confirm that was asked by somebody else.
    if intent.topic != subscription.hub.topic {
        return Ok(nothing());
    }
    let (store, now) = (&site.web.store, site.web.clock.now());
    let internal = |error| Problem::internal(&error);
    match (intent.mode.as_str(), intent.challenge) {
        ("subscribe", Some(challenge)) => {
            let lease = intent
                .lease_seconds
                .and_then(|text| text.trim().parse().ok());
            confirm(store, &subscription, lease, now)
                .await
                .map_err(internal)?;
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            Ok((kind, challenge).into_response())
        }
        ("denied", _) => {
            let reason = intent.reason.unwrap_or_default();
            deny(store, &subscription, &reason, now)
                .await
                .map_err(internal)?;
            Ok(StatusCode::OK.into_response())
        }
        _ => Ok(nothing()),
    }
}

async fn push(
    State(site): State<SharedSite>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Some(subscription) = known(&site, &key).await? else {
        return Ok(gone());
    };
    let Ok(body) = to_bytes(body, PUSH_BYTES).await else {
        return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = text(SIGNATURE).unwrap_or_default();
    if !is_signed(&subscription.secret, signature, &body) {
        tracing::warn!("something arrived in a hub's name without its signature; it is not read");
        count("unsigned");
        // WebSub, 8: whoever sends this learns nothing from the answer.
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    let push = Push {
        feed: subscription.feed,
        content_type: text("content-type").map(str::to_owned),
        body,
    };
    let (answer, answered) = oneshot::channel();
    // Without an answer the daemon stops, or there is too much to take: then the hub comes again.
    let sent = site.web.commands.send(Command::Push(push, answer)).await;
    let taken = if sent.is_ok() {
        answered.await.ok()
    } else {
        None
    };
    match taken {
        Some(Ok(Pushed::Taken { .. })) => {
            count("taken");
            Ok(StatusCode::ACCEPTED.into_response())
        }
        Some(Ok(Pushed::Unreadable)) => {
            count("unreadable");
            Ok(StatusCode::ACCEPTED.into_response())
        }
        Some(Ok(Pushed::Unwanted)) => Ok(gone()),
        Some(Err(error)) => {
            tracing::error!(error, "could not keep what a hub sent");
            Ok(later())
        }
        None => Ok(later()),
    }
}

async fn known(site: &SharedSite, key: &str) -> Result<Option<Subscription>, Problem> {
    let known = site.web.store.subscription(key).await;
    known.map_err(|error| Problem::internal(&error))
}

fn count(outcome: &'static str) {
    metrics::counter!("overheard_pushes_total", "outcome" => outcome).increment(1);
}

fn nothing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// Tells a hub to send no more (WebSub, 7).
fn gone() -> Response {
    StatusCode::GONE.into_response()
}

fn later() -> Response {
    let wait = [(header::RETRY_AFTER, "60")];
    (StatusCode::SERVICE_UNAVAILABLE, wait).into_response()
}
