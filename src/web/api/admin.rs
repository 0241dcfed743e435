//! What changes something: rebuild the index, reload the configuration, make login links and tokens,
//! resume a source, try dead deliveries again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Body, Named, Parameters};
use super::openapi::{Answers, TAG_ACCESS, TAG_DAEMON, TAG_DELIVERIES};
use crate::domain::{EventId, SourceId};
use crate::insight::TokenDto;
use crate::store::{Refreshed, StoreError};
use crate::web::auth::guard::{Admin, Crm, Manager};
use crate::web::auth::issue_token;
use crate::web::pages::login::new_login_link;
use crate::web::{Command, DeclaredSource, FIRST_USER, Problem, Role, SharedSite};

/// `{"message": ".."}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Done {
    pub(super) message: String,
}

/// `{"url": ".."}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct LoginLink {
    url: String,
}

/// Begins to build the index anew from the store, while the old one serves; `GET /api/v1/index` tells how far it is.
#[utoipa::path(post, path = "/api/v1/index/rebuild", tag = TAG_DAEMON,
    responses((status = 202, body = Done), Answers))]
pub(in crate::web) async fn rebuild(
    State(site): State<SharedSite>,
    _: Admin,
) -> Result<Response, Problem> {
    let message = ask(&site, Command::RebuildIndex).await?;
    Ok((StatusCode::ACCEPTED, Json(Done { message })).into_response())
}

/// The search index.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct IndexState {
    /// Posts that can be found.
    documents: u64,
    rebuild: RebuildState,
}

/// How far the building of a new index is, or how the last one since the start ended.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RebuildState {
    /// It is under way.
    is_running: bool,
    /// Posts that are in the new index.
    posts: u64,
    /// Posts of the store when it began.
    total: u64,
    /// Why the last one failed; the old index goes on then.
    error: Option<String>,
}

/// Tells the size of the search index, and how far the building of a new one is.
#[utoipa::path(get, path = "/api/v1/index", tag = TAG_DAEMON,
    responses((status = 200, body = IndexState), Answers))]
pub(in crate::web) async fn index(State(site): State<SharedSite>, _: Admin) -> Json<IndexState> {
    let rebuild = site.web.rebuild.borrow().clone();
    Json(IndexState {
        documents: site.web.searcher.index.documents(),
        rebuild: RebuildState {
            is_running: rebuild.is_running,
            posts: rebuild.posts,
            total: rebuild.total,
            error: rebuild.error,
        },
    })
}

/// Reads the configuration again; on an error the old one stays.
#[utoipa::path(post, path = "/api/v1/reload", tag = TAG_DAEMON,
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn reload(
    State(site): State<SharedSite>,
    _: Admin,
) -> Result<Response, Problem> {
    let message = ask(&site, Command::Reload).await?;
    Ok(Json(Done { message }).into_response())
}

/// `?user=..`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct LinkQuery {
    /// Whom it lets in; the administrator `admin` when absent.
    user: Option<String>,
}

/// Makes a link that signs in to the page once.
#[utoipa::path(post, path = "/api/v1/login-links", tag = TAG_ACCESS, params(LinkQuery),
    responses((status = 201, body = LoginLink), Answers))]
pub(in crate::web) async fn login_link(
    State(site): State<SharedSite>,
    _: Admin,
    Parameters(query): Parameters<LinkQuery>,
) -> Result<Response, Problem> {
    let user = query.user.unwrap_or_else(|| FIRST_USER.to_owned());
    let users = site.web.store.users().await;
    let users = users.map_err(|error| Problem::internal(&error))?;
    match users.iter().find(|known| known.name == user) {
        Some(known) if known.disabled_at.is_some() => {
            let detail = format!("user \"{user}\" is shut out; give a role to let them in again");
            return Err(Problem::new(StatusCode::CONFLICT, "refused", detail));
        }
        None if user != FIRST_USER => {
            return Err(Problem::not_found(format!(
                "there is no user \"{user}\"; make one first"
            )));
        }
        _ => {}
    }
    let url = new_login_link(&site.web, &user);
    Ok((StatusCode::CREATED, Json(LoginLink { url })).into_response())
}

/// `{"name": ".."}`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TokenName {
    name: String,
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TokenRequest {
    /// What it is for; unique.
    name: String,
    /// What it may do; `admin` when nothing is said.
    role: Option<Role>,
    /// When it ends; never when nothing is said.
    expires_at: Option<Timestamp>,
}

/// `{"token": ".."}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct NewTokenText {
    token: String,
}

/// `?event=evt_..`; all when absent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Which {
    /// The event whose deliveries are tried again; all dead ones when absent.
    #[param(value_type = Option<String>)]
    event: Option<EventId>,
}

/// `{"requeued": 3}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Requeued {
    requeued: u64,
}

/// Tokens of an answer.
const TOKENS: usize = 100;

/// `?cursor=..`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct TokensQuery {
    /// Where the answer before ended: its `next_cursor`.
    #[serde(default)]
    cursor: String,
}

/// `{"tokens": [..], "next_cursor": ".."}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Tokens {
    tokens: Vec<TokenDto>,
    /// Where the next page begins, when there is one.
    next_cursor: Option<String>,
}

/// Lists tokens by name, 100 at a time: names, roles and uses, never the tokens.
#[utoipa::path(get, path = "/api/v1/tokens", tag = TAG_ACCESS, params(TokensQuery),
    responses((status = 200, body = Tokens), Answers))]
pub(in crate::web) async fn tokens(
    State(site): State<SharedSite>,
    _: Admin,
    Parameters(query): Parameters<TokensQuery>,
) -> Result<Json<Tokens>, Problem> {
    let tokens = site.web.store.tokens().await;
    let mut tokens = tokens.map_err(|error| Problem::internal(&error))?;
    tokens.retain(|token| token.name > query.cursor);
    let more = tokens.len() > TOKENS;
    tokens.truncate(TOKENS);
    let last = tokens.last().filter(|_| more);
    Ok(Json(Tokens {
        next_cursor: last.map(|token| token.name.clone()),
        tokens: tokens.iter().map(TokenDto::from).collect(),
    }))
}

/// Makes an API token; it is shown in this answer and never again.
#[utoipa::path(post, path = "/api/v1/tokens", tag = TAG_ACCESS, request_body = TokenRequest,
    responses((status = 201, body = NewTokenText), Answers))]
pub(in crate::web) async fn create_token(
    State(site): State<SharedSite>,
    _: Admin,
    Body(wanted): Body<TokenRequest>,
) -> Result<Response, Problem> {
    let (store, now) = (&site.web.store, site.web.clock.now());
    if wanted.expires_at.is_some_and(|end| end <= now) {
        return Err(Problem::bad_request("expires_at lies in the past"));
    }
    let role = wanted.role.unwrap_or(Role::Admin);
    let token = issue_token(store, &wanted.name, role, wanted.expires_at, now)
        .await
        .map_err(|error| match error {
            StoreError::Invalid { .. } => {
                Problem::new(StatusCode::CONFLICT, "refused", error.to_string())
            }
            fault => Problem::internal(&fault),
        })?;
    let token = token.expose().to_owned();
    Ok((StatusCode::CREATED, Json(NewTokenText { token })).into_response())
}

/// Ends a token.
#[utoipa::path(post, path = "/api/v1/tokens/revoke", tag = TAG_ACCESS, request_body = TokenName,
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn revoke_token(
    State(site): State<SharedSite>,
    _: Admin,
    Body(named): Body<TokenName>,
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

/// Polls a paused source again.
#[utoipa::path(post, path = "/api/v1/sources/{id}/resume", tag = TAG_DAEMON,
    params(("id" = String, Path, description = "The source's name")),
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn resume_source(
    State(site): State<SharedSite>,
    _: Manager,
    Named(source): Named<SourceId>,
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
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct BroughtForward {
    message: String,
    next_poll_at: Option<Timestamp>,
}

/// Polls a source now, or at the time before which its server wants no request.
#[utoipa::path(post, path = "/api/v1/sources/{id}/refresh", tag = TAG_DAEMON,
    params(("id" = String, Path, description = "The source's name")),
    responses((status = 202, body = BroughtForward), Answers))]
pub(in crate::web) async fn refresh_source(
    State(site): State<SharedSite>,
    _: Manager,
    Named(source): Named<SourceId>,
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

/// Tries dead deliveries again, and enables endpoints that had said that they are gone.
#[utoipa::path(post, path = "/api/v1/deliveries/replay", tag = TAG_DELIVERIES, params(Which),
    responses((status = 200, body = Requeued), Answers))]
pub(in crate::web) async fn replay(
    State(site): State<SharedSite>,
    _: Crm,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    let requeued = requeue(&site, which.event).await?;
    Ok(Json(Requeued { requeued }).into_response())
}

/// Queues dead deliveries again: those of one event, or all. Returns how many.
pub(in crate::web) async fn requeue(
    site: &SharedSite,
    event: Option<EventId>,
) -> Result<u64, Problem> {
    let now = site.web.clock.now();
    let endpoints = site.web.declared.borrow().endpoint_names();
    let mut requeued = 0;
    for endpoint in &endpoints {
        let events = event.clone().map(|event| vec![event]);
        let count = site.web.store.requeue(endpoint, events, now).await;
        requeued += count.map_err(|error| Problem::internal(&error))?;
        // Who asks for a replay wants an endpoint back that said that it is gone.
        let enabled = site.web.store.enable_endpoint(endpoint).await;
        enabled.map_err(|error| Problem::internal(&error))?;
    }
    wake(site)?;
    Ok(requeued)
}

/// Lets the dispatchers look at their queues.
pub(super) fn wake(site: &SharedSite) -> Result<(), Problem> {
    let told = site.web.commands.try_send(Command::Wake);
    told.map_err(|_| Problem::unavailable("other commands are under way; try again in a moment"))
}

pub(super) async fn ask(
    site: &SharedSite,
    command: impl FnOnce(oneshot::Sender<Result<String, String>>) -> Command,
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
