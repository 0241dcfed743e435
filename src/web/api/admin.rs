//! What changes something: rebuild the index, reload the configuration, make login links and tokens,
//! resume a source, try dead deliveries again.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::domain::{EventId, SourceId};
use crate::store::Refreshed;
use crate::web::auth::guard::Admin;
use crate::web::auth::issue_token;
use crate::web::pages::login::new_login_link;
use crate::web::{Command, DeclaredSource, Problem, Role, SharedSite};

/// `{"message": ".."}`
#[derive(Debug, Serialize)]
struct Done {
    message: String,
}

/// `{"url": ".."}`
#[derive(Debug, Serialize)]
struct LoginLink {
    url: String,
}

pub(in crate::web) async fn rebuild(
    State(site): State<SharedSite>,
    _: Admin,
) -> Result<Response, Problem> {
    let message = ask(&site, Command::RebuildIndex).await?;
    Ok((StatusCode::ACCEPTED, Json(Done { message })).into_response())
}

pub(in crate::web) async fn reload(
    State(site): State<SharedSite>,
    _: Admin,
) -> Result<Response, Problem> {
    let message = ask(&site, Command::Reload).await?;
    Ok(Json(Done { message }).into_response())
}

pub(in crate::web) async fn login_link(State(site): State<SharedSite>, _: Admin) -> Response {
    let url = new_login_link(&site.web, Role::Admin);
    (StatusCode::CREATED, Json(LoginLink { url })).into_response()
}

/// `{"name": ".."}`
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Named {
    name: String,
}

/// `{"token": ".."}`
#[derive(Debug, Serialize)]
struct NewTokenText {
    token: String,
}

/// `?event=evt_..`; all when absent.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    event: Option<EventId>,
}

/// `{"requeued": 3}`
#[derive(Debug, Serialize)]
struct Requeued {
    requeued: u64,
}

pub(in crate::web) async fn create_token(
    State(site): State<SharedSite>,
    _: Admin,
    Json(named): Json<Named>,
) -> Result<Response, Problem> {
    let token = issue_token(&site.web.store, &named.name, site.web.clock.now())
        .await
        .map_err(|error| Problem::new(StatusCode::CONFLICT, "refused", error.to_string()))?;
    let token = token.expose().to_owned();
    Ok((StatusCode::CREATED, Json(NewTokenText { token })).into_response())
}

pub(in crate::web) async fn revoke_token(
    State(site): State<SharedSite>,
    _: Admin,
    Json(named): Json<Named>,
) -> Result<Response, Problem> {
    let revoked = site
        .web
        .store
        .revoke_token(&named.name, site.web.clock.now())
        .await;
    if !revoked.map_err(|error| Problem::internal(&error))? {
        return Err(Problem::not_found(format!(
            "there is no token \"{}\"",
            named.name
        )));
    }
    let message = format!("token \"{}\" is revoked", named.name);
    Ok(Json(Done { message }).into_response())
}

/// A paused source is polled again: it is marked due, and the reload starts its poller anew.
pub(in crate::web) async fn resume_source(
    State(site): State<SharedSite>,
    _: Admin,
    Path(source): Path<SourceId>,
) -> Result<Response, Problem> {
    let resumed = site
        .web
        .store
        .resume_source(&source, site.web.clock.now())
        .await;
    if !resumed.map_err(|error| Problem::internal(&error))? {
        return Err(Problem::not_found(format!(
            "there is no paused source \"{source}\""
        )));
    }
    let message = ask(&site, Command::Reload).await?;
    Ok(Json(Done { message }).into_response())
}

/// `{"message": "..", "next_poll_at": ".."}`
#[derive(Debug, Serialize)]
struct BroughtForward {
    message: String,
    next_poll_at: Option<Timestamp>,
}

/// A source is polled now, or at the time before which its server wants no request.
pub(in crate::web) async fn refresh_source(
    State(site): State<SharedSite>,
    _: Admin,
    Path(source): Path<SourceId>,
) -> Result<Response, Problem> {
    let declared = site.web.declared.borrow().clone();
    let enabled = |known: &&DeclaredSource| known.id == source && known.enabled;
    if !declared.sources.iter().any(|known| enabled(&known)) {
        return Err(Problem::not_found(format!(
            "there is no enabled source \"{source}\""
        )));
    }
    let now = site.web.clock.now();
    let refreshed = site.web.store.refresh_source(&source, now).await;
    let answer = match refreshed.map_err(|error| Problem::internal(&error))? {
        Refreshed::At(at) if at > now => BroughtForward {
            message: format!("the server wants no request before {at}; it is polled then"),
            next_poll_at: Some(at),
        },
        Refreshed::At(at) => BroughtForward {
            message: format!("source \"{source}\" is polled now"),
            next_poll_at: Some(at),
        },
        Refreshed::Unknown => BroughtForward {
            message: format!("source \"{source}\" is about to be polled for the first time"),
            next_poll_at: None,
        },
        Refreshed::Paused => {
            let detail = format!("source \"{source}\" is paused; resume it first");
            return Err(Problem::new(StatusCode::CONFLICT, "refused", detail));
        }
    };
    let told = site.web.commands.try_send(Command::Poll(source));
    told.map_err(|_| Problem::unavailable("other commands are under way; try again in a moment"))?;
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

pub(in crate::web) async fn replay(
    State(site): State<SharedSite>,
    _: Admin,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let now = site.web.clock.now();
    let endpoints = site.web.declared.borrow().endpoints.clone();
    let mut requeued = 0;
    for endpoint in &endpoints {
        let events = which.event.clone().map(|event| vec![event]);
        let count = site.web.store.requeue(endpoint, events, now).await;
        requeued += count.map_err(|error| Problem::internal(&error))?;
        // Who asks for a replay wants an endpoint back that said that it is gone.
        let enabled = site.web.store.enable_endpoint(endpoint).await;
        enabled.map_err(|error| Problem::internal(&error))?;
    }
    // The dispatchers look at their queues when they start.
    ask(&site, Command::Reload).await?;
    Ok(Json(Requeued { requeued }).into_response())
}

async fn ask(
    site: &SharedSite,
    command: fn(oneshot::Sender<Result<String, String>>) -> Command,
) -> Result<String, Problem> {
    let (reply, answer) = oneshot::channel();
    let gone = || Problem::unavailable("the daemon is stopping; try again when it runs");
    site.web
        .commands
        .try_send(command(reply))
        .map_err(|error| match error {
            TrySendError::Full(_) => {
                Problem::unavailable("other commands are under way; try again in a moment")
            }
            TrySendError::Closed(_) => gone(),
        })?;
    let answer = answer.await.map_err(|_| gone())?;
    answer.map_err(|detail| Problem::new(StatusCode::CONFLICT, "refused", detail))
}
