//! `/api/v1/users` and `/api/v1/audit`: who may come in, and who changed what.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::admin::Done;
use super::extract::{Body, Named, Parameters};
use super::openapi::{Answers, TAG_ACCESS};
use crate::insight::{AuditDto, UserDto};
use crate::store::StoreError;
use crate::web::auth::guard::Admin;
use crate::web::auth::set_user;
use crate::web::{Problem, Role, SharedSite};

/// Most entries of one answer.
const MOST: usize = 500;

/// `{"users": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Users {
    users: Vec<UserDto>,
}

/// `{"role": ".."}`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct UserRequest {
    /// What the user may do.
    role: Role,
}

/// `?before=..&limit=..`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct AuditQuery {
    /// Entries before this number; the newest when absent. `next` of an answer goes here.
    #[param(format = "uint64")]
    before: Option<u64>,
    /// At most so many: 100 when nothing is said, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// `{"entries": [..], "next": ..}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Audit {
    entries: Vec<AuditDto>,
    /// Where the next page begins, when there is one.
    next: Option<u64>,
}

/// Lists people, with their roles.
#[utoipa::path(get, path = "/api/v1/users", tag = TAG_ACCESS,
    responses((status = 200, body = Users), Answers))]
pub(in crate::web) async fn users(
    State(site): State<SharedSite>,
    _: Admin,
) -> Result<Json<Users>, Problem> {
    let users = site.web.store.users().await;
    let users = users.map_err(|error| Problem::internal(&error))?;
    let users = users.iter().map(UserDto::from).collect();
    Ok(Json(Users { users }))
}

/// Makes a user, or changes the role of one and lets a disabled one in again.
#[utoipa::path(put, path = "/api/v1/users/{id}", tag = TAG_ACCESS,
    params(("id" = String, Path, description = "The user's name")), request_body = UserRequest,
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn put(
    State(site): State<SharedSite>,
    _: Admin,
    Named(name): Named<String>,
    Body(wanted): Body<UserRequest>,
) -> Result<Json<Done>, Problem> {
    let now = site.web.clock.now();
    let set = set_user(&site.web.store, &name, wanted.role, now).await;
    set.map_err(|error| match error {
        StoreError::Invalid { .. } => Problem::bad_request(error.to_string()),
        fault => Problem::internal(&fault),
    })?;
    let message = format!("user \"{name}\" has the role {}", wanted.role.as_str());
    Ok(Json(Done { message }))
}

/// Shuts a user out and ends all sessions; what the user did stays.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = TAG_ACCESS,
    params(("id" = String, Path, description = "The user's name")),
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn disable(
    State(site): State<SharedSite>,
    _: Admin,
    Named(name): Named<String>,
) -> Result<Json<Done>, Problem> {
    let disabled = site.web.store.disable_user(&name, site.web.clock.now());
    if !disabled.await.map_err(|error| Problem::internal(&error))? {
        return Err(Problem::not_found(format!(
            "there is no user \"{name}\" who is let in"
        )));
    }
    let message = format!("user \"{name}\" is shut out");
    Ok(Json(Done { message }))
}

/// Lists who changed what, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = TAG_ACCESS, params(AuditQuery),
    responses((status = 200, body = Audit), Answers))]
pub(in crate::web) async fn audit(
    State(site): State<SharedSite>,
    _: Admin,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<Audit>, Problem> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=MOST).contains(&limit) {
        let detail = format!("limit is 1 to {MOST}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad request", detail));
    }
    let entries = site.web.store.audit(query.before, limit).await;
    let entries = entries.map_err(|error| Problem::internal(&error))?;
    let next = entries
        .last()
        .filter(|last| last.seq > 1 && entries.len() == limit)
        .map(|last| last.seq);
    Ok(Json(Audit {
        entries: entries.iter().map(AuditDto::from).collect(),
        next,
    }))
}
