//! `GET /api/v1/mentions/{id}`: a mention, or a post that no monitor matches; `POST .../correction`: a
//! person's word where the model was wrong.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::{Body, Named};
use super::openapi::{Answers, TAG_MENTIONS};
use crate::domain::correction::{Correction, InvalidCorrection};
use crate::domain::{MentionId, PostId, PostRecord};
use crate::insight::MentionDto;
use crate::store::Correcting;
use crate::web::auth::guard::{Manager, Reader};
use crate::web::{Problem, SharedSite};

/// Shows a mention, or a post that no monitor matches.
#[utoipa::path(get, path = "/api/v1/mentions/{id}", tag = TAG_MENTIONS,
    params(("id" = String, Path, description = "`mention_..` or `post_..`")),
    responses((status = 200, body = MentionDto), Answers))]
pub(in crate::web) async fn mention(
    State(site): State<SharedSite>,
    _: Reader,
    Named(id): Named<String>,
) -> Result<Json<MentionDto>, Problem> {
    let record = record(&site, &id).await?;
    Ok(Json(MentionDto::from(&record)))
}

/// Says what a mention is where the model was wrong; answers with the mention as it is then.
#[utoipa::path(post, path = "/api/v1/mentions/{id}/correction", tag = TAG_MENTIONS,
    params(("id" = String, Path, description = "`mention_..` or `post_..`")),
    request_body = Correction, responses((status = 200, body = MentionDto), Answers))]
pub(in crate::web) async fn correct(
    State(site): State<SharedSite>,
    _: Manager,
    Named(id): Named<String>,
    Body(correction): Body<Correction>,
) -> Result<Json<MentionDto>, Problem> {
    let record = take(&site, &id, correction).await?;
    Ok(Json(MentionDto::from(&record)))
}

/// Notes a correction; the record as it is then.
pub(in crate::web) async fn take(
    site: &SharedSite,
    id: &str,
    correction: Correction,
) -> Result<PostRecord, Problem> {
    let refused = |error: InvalidCorrection| Problem::bad_request(error.to_string());
    correction.check().map_err(refused)?;
    let post = record(site, id).await?.post.id;
    let corrected = site
        .web
        .store
        .correct(&post, correction, site.web.clock.now())
        .await;
    match corrected.map_err(|error| Problem::internal(&error))? {
        // Gone meanwhile: the record says so.
        Correcting::Done | Correcting::NoPost => {}
        Correcting::NoScore => {
            let detail = "the mention has no score yet, so there is nothing to correct";
            return Err(Problem::new(StatusCode::CONFLICT, "refused", detail));
        }
    }
    record(site, id).await
}

/// The record behind `mention_..` or `post_..`.
pub(in crate::web) async fn record(site: &SharedSite, id: &str) -> Result<PostRecord, Problem> {
    let post = MentionId::parse(id)
        .map(|mention| mention.post())
        .or_else(|_| PostId::parse(id))
        .map_err(|_| {
            Problem::not_found(
                "an id is mention_ or post_ and 32 hexadecimal digits; search for the mention",
            )
        })?;
    let record = site.web.store.record(&post).await;
    record
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(|| {
            Problem::not_found(
                "there is no such mention, or it was deleted; search for another one",
            )
        })
}
