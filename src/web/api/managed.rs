//! Endpoints that people make by API: made, changed, given a new key, removed. Those of the configuration file are read-only here.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::admin::{Done, ask};
use super::endpoints::{EndpointDto, all_endpoints};
use super::extract::{Body, Named};
use super::openapi::{Answers, TAG_DELIVERIES};
use crate::config::{WebhookFormat, WebhookPayload};
use crate::deliver::managed::{ManagedEndpoint, ManagedError, NewKey, Scheme, Settings};
use crate::domain::{EndpointId, EventKind};
use crate::runtime::seal;
use crate::store::{StoreError, StoredEndpoint};
use crate::web::auth::guard::{Crm, Reader};
use crate::web::{Command, Origin, Problem, SharedSite};

/// Hours that the old key signs on when nothing is said.
const KEEP_HOURS: u32 = 24;
/// The longest that it may.
const MOST_KEEP_HOURS: u32 = 30 * 24;

/// An endpoint as it is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct EndpointRequest {
    /// Where to post; https unless `allow_http`. Needed to make one; the old one stays when nothing is said.
    url: Option<String>,
    /// `v1` (HMAC-SHA256, a secret) or `v1a` (ed25519, a public key), to make one; `rotate` changes it later.
    signature: Option<Scheme>,
    /// `standard`, `cloudevents`, `cloudevents-binary`, `slack` or `teams`.
    #[serde(default)]
    #[schema(required = false)]
    format: WebhookFormat,
    /// `full`, or `thin` for ids and a link.
    #[serde(default)]
    #[schema(required = false)]
    payload: WebhookPayload,
    /// Which events; empty means all.
    #[serde(default)]
    #[schema(required = false)]
    events: Vec<EventKind>,
    /// Only mentions that match this query.
    filter: Option<String>,
    /// The words of a chat's message, with fields of the event's data in braces; our own when absent.
    message: Option<String>,
    /// Whether a customer's events go out one after the other.
    #[serde(default)]
    ordered: bool,
    /// Allows plain http, for receivers on this machine.
    #[serde(default)]
    allow_http: bool,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RotateRequest {
    /// `v1` (a secret) or `v1a` (a public key).
    #[serde(default)]
    #[schema(required = false)]
    signature: Scheme,
    /// How long the old key signs beside it: 24 when nothing is said, at most 720; 0 ends it at once.
    keep_hours: Option<u32>,
}

/// An endpoint that was made, with what its receiver needs to verify.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct MadeEndpoint {
    endpoint: EndpointDto,
    #[serde(flatten)]
    key: KeyDto,
}

/// What a receiver verifies with. A secret is shown in this answer and never again.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::web) struct KeyDto {
    /// `whsec_..`, for `v1`.
    secret: Option<String>,
    /// `whpk_..`, for `v1a`.
    public_key: Option<String>,
    /// Until when the old keys sign, too.
    old_keys_until: Option<Timestamp>,
}

impl From<Option<NewKey>> for KeyDto {
    fn from(key: Option<NewKey>) -> Self {
        match key {
            None => Self::default(),
            Some(NewKey::Secret(secret)) => Self {
                secret: Some(secret.to_string()),
                ..Self::default()
            },
            Some(NewKey::Public(key)) => Self {
                public_key: Some(key),
                ..Self::default()
            },
        }
    }
}

/// Tells how one endpoint fares.
#[utoipa::path(get, path = "/api/v1/endpoints/{id}", tag = TAG_DELIVERIES,
    params(("id" = String, Path, description = "The endpoint's name")),
    responses((status = 200, body = EndpointDto), Answers))]
pub(in crate::web) async fn endpoint(
    State(site): State<SharedSite>,
    _: Reader,
    Named(id): Named<EndpointId>,
) -> Result<Json<EndpointDto>, Problem> {
    one(&site, &id).await.map(Json)
}

/// Makes an endpoint, or changes the one of this name: what is not said is as in a new one, but for `url`.
#[utoipa::path(put, path = "/api/v1/endpoints/{id}", tag = TAG_DELIVERIES,
    params(("id" = String, Path, description = "The endpoint's name")), request_body = EndpointRequest,
    responses((status = 201, body = MadeEndpoint), (status = 200, body = EndpointDto), Answers))]
pub(in crate::web) async fn put(
    State(site): State<SharedSite>,
    _: Crm,
    Named(id): Named<EndpointId>,
    Body(wanted): Body<EndpointRequest>,
) -> Result<Response, Problem> {
    let EndpointRequest {
        url,
        signature,
        format,
        payload,
        events,
        filter,
        message,
        ordered,
        allow_http,
    } = wanted;
    let settings = Settings {
        format,
        payload,
        events,
        filter,
        message,
        ordered,
        allow_http,
    };
    let (store, now) = (&site.web.store, site.web.clock.now());
    let kept = find(&site, &id).await?;
    let Some(kept) = kept else {
        let url = url.ok_or_else(|| {
            Problem::bad_request(format!("there is no endpoint \"{id}\" yet: say its url"))
        })?;
        let mut random = [0; 32];
        seal::fill(&mut random);
        let scheme = signature.unwrap_or_default();
        let (made, key) = ManagedEndpoint::new(id.clone(), &url, settings, scheme, &random, now)
            .map_err(refused)?;
        let created = store.create_endpoint(made.stored(&site.web.seal_key)).await;
        created.map_err(kept_fault)?;
        ask(&site, |reply| Command::Deliver(id.clone(), reply)).await?;
        let made = MadeEndpoint {
            endpoint: one(&site, &id).await?,
            key: key.into(),
        };
        return Ok((StatusCode::CREATED, Json(made)).into_response());
    };
    if signature.is_some() {
        return Err(Problem::bad_request(
            "signature is for new endpoints: POST to its rotate for another key",
        ));
    }
    let changed = match ManagedEndpoint::open(&kept, &site.web.seal_key) {
        Ok(opened) => opened
            .change(settings, url.as_deref(), now)
            .map_err(refused)?,
        // Without the old key its address and secrets are lost: it is made anew, but its queue stays.
        Err(ManagedError::Sealed { .. }) if url.is_some() => {
            let url = url.unwrap_or_default();
            let mut random = [0; 32];
            seal::fill(&mut random);
            let made = ManagedEndpoint::new(id.clone(), &url, settings, Scheme::Hmac, &random, now);
            made.map_err(refused)?.0
        }
        Err(error) => return Err(refused(error)),
    };
    replace(&site, &kept, &changed).await?;
    Ok(Json(one(&site, &id).await?).into_response())
}

/// Gives an endpoint a new key. The old one signs beside it for a while, so that nothing is missed.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/rotate", tag = TAG_DELIVERIES,
    params(("id" = String, Path, description = "The endpoint's name")), request_body = RotateRequest,
    responses((status = 200, body = KeyDto), Answers))]
pub(in crate::web) async fn rotate(
    State(site): State<SharedSite>,
    _: Crm,
    Named(id): Named<EndpointId>,
    Body(wanted): Body<RotateRequest>,
) -> Result<Json<KeyDto>, Problem> {
    let keep = wanted.keep_hours.unwrap_or(KEEP_HOURS);
    if keep > MOST_KEEP_HOURS {
        return Err(Problem::bad_request(format!(
            "keep_hours is {MOST_KEEP_HOURS} at most"
        )));
    }
    let kept = find(&site, &id).await?.ok_or_else(|| nobody(&id))?;
    let now = site.web.clock.now();
    let keep = SignedDuration::from_hours(i64::from(keep));
    let mut random = [0; 32];
    seal::fill(&mut random);
    let mut opened = ManagedEndpoint::open(&kept, &site.web.seal_key).map_err(refused)?;
    let key = opened.rotate(wanted.signature, &random, keep, now);
    let key = key.map_err(refused)?;
    replace(&site, &kept, &opened).await?;
    Ok(Json(KeyDto {
        old_keys_until: (!keep.is_zero()).then_some(now + keep),
        ..Some(key).into()
    }))
}

/// Removes an endpoint, with what waits for it.
#[utoipa::path(delete, path = "/api/v1/endpoints/{id}", tag = TAG_DELIVERIES,
    params(("id" = String, Path, description = "The endpoint's name")),
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn remove(
    State(site): State<SharedSite>,
    _: Crm,
    Named(id): Named<EndpointId>,
) -> Result<Json<Done>, Problem> {
    find(&site, &id).await?.ok_or_else(|| nobody(&id))?;
    let store = &site.web.store;
    let removed = store.remove_endpoint(&id).await;
    removed.map_err(|error| Problem::internal(&error))?;
    // Its dispatcher ends first: it would queue more.
    ask(&site, |reply| Command::Deliver(id.clone(), reply)).await?;
    let forgotten = store.forget_queue(&id).await;
    forgotten.map_err(|error| Problem::internal(&error))?;
    Ok(Json(Done {
        message: format!("endpoint \"{id}\" is removed, with what waited for it"),
    }))
}

/// What is kept of an endpoint; refused where the configuration file has one of this name.
async fn find(site: &SharedSite, id: &EndpointId) -> Result<Option<StoredEndpoint>, Problem> {
    let declared = site.web.declared.borrow().clone();
    let of_file = declared
        .endpoints
        .iter()
        .any(|known| known.id == *id && known.origin == Origin::File);
    if of_file {
        let detail = format!(
            "endpoint \"{id}\" stands in the configuration file: change it there, then `overheard reload`"
        );
        return Err(Problem::new(StatusCode::CONFLICT, "read-only", detail));
    }
    let kept = site.web.store.managed_endpoints().await;
    let kept = kept.map_err(|error| Problem::internal(&error))?;
    Ok(kept.into_iter().find(|kept| kept.id == *id))
}

async fn replace(
    site: &SharedSite,
    kept: &StoredEndpoint,
    changed: &ManagedEndpoint,
) -> Result<(), Problem> {
    let stored = changed.stored(&site.web.seal_key);
    let replaced = site.web.store.replace_endpoint(stored, kept.updated_at);
    if !replaced.await.map_err(|error| Problem::internal(&error))? {
        let detail = "somebody else changed it at the same time; look at it and try again";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "changed meanwhile",
            detail,
        ));
    }
    let id = kept.id.clone();
    ask(site, |reply| Command::Deliver(id, reply)).await?;
    Ok(())
}

async fn one(site: &SharedSite, id: &EndpointId) -> Result<EndpointDto, Problem> {
    let all = all_endpoints(site).await;
    let all = all.map_err(|error| Problem::internal(&error))?;
    let found = all.into_iter().find(|endpoint| endpoint.id == id.as_str());
    found.ok_or_else(|| nobody(id))
}

fn nobody(id: &EndpointId) -> Problem {
    Problem::not_found(format!("there is no endpoint \"{id}\""))
}

fn refused(error: ManagedError) -> Problem {
    let status = match error {
        ManagedError::Endpoint(_) | ManagedError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ManagedError::Sealed { .. } | ManagedError::Settings(_) => StatusCode::CONFLICT,
    };
    Problem::new(status, "refused", error.to_string())
}

fn kept_fault(error: StoreError) -> Problem {
    match error {
        StoreError::Invalid { .. } => {
            Problem::new(StatusCode::CONFLICT, "refused", error.to_string())
        }
        fault => Problem::internal(&fault),
    }
}
