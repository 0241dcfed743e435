//! `GET /api/v1/mentions/{id}`: a mention, or a post that no monitor matches; `POST .../correction`: a
//! person's word where the model was wrong; `POST .../corrections`: the same of many at once.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Body, Named};
use super::openapi::{Answers, TAG_MENTIONS};
use crate::domain::correction::{Correction, InvalidCorrection};
use crate::domain::{MentionId, PostId, PostRecord};
use crate::insight::MentionDto;
use crate::store::Correcting;
use crate::web::audit::Subjects;
use crate::web::auth::guard::{Manager, Reader};
use crate::web::{Problem, SharedSite};

/// Most mentions that one request corrects: a page of a search.
const MOST: usize = 500;

const NO_MENTION: &str = "there is no such mention, or it was deleted; search for another one";
const NO_SCORE: &str = "the mention has no score yet, so there is nothing to correct";

/// Mentions of which the same is true.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Corrections {
    /// `mention_..` or `post_..`, 1 to 500.
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<String>,
    /// What they are.
    correction: Correction,
}

/// What became of corrections.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct CorrectionsTaken {
    /// How many mentions were corrected.
    corrected: usize,
    /// The others, and why not.
    refused: Vec<RefusedCorrection>,
}

/// A mention that was not corrected.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RefusedCorrection {
    /// As it was sent.
    id: String,
    /// Why not.
    reason: &'static str,
}

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

/// Says what many mentions are where the model was wrong, all at once. One that is gone or has no score costs itself alone.
#[utoipa::path(post, path = "/api/v1/mentions/corrections", tag = TAG_MENTIONS,
    request_body = Corrections, responses((status = 200, body = CorrectionsTaken), Answers))]
pub(in crate::web) async fn correct_all(
    State(site): State<SharedSite>,
    _: Manager,
    Body(Corrections { ids, correction }): Body<Corrections>,
) -> Result<Response, Problem> {
    let posts: Vec<PostId> = ids.iter().map(|id| post(id)).collect::<Result<_, _>>()?;
    let became = take_all(&site, &posts, correction).await?;
    let refused = ids.iter().zip(&became).filter_map(|(id, became)| {
        let id = id.clone();
        refusal(*became).map(|(_, reason)| RefusedCorrection { id, reason })
    });
    let refused: Vec<RefusedCorrection> = refused.collect();
    let corrected = ids.len() - refused.len();
    let taken = Json(CorrectionsTaken { corrected, refused });
    Ok((Extension(subjects(ids, &became)), taken).into_response())
}

/// Why a mention was not corrected.
fn refusal(became: Correcting) -> Option<(StatusCode, &'static str)> {
    match became {
        Correcting::Done => None,
        Correcting::NoPost => Some((StatusCode::NOT_FOUND, NO_MENTION)),
        Correcting::NoScore => Some((StatusCode::CONFLICT, NO_SCORE)),
    }
}

/// What the audit log says of corrections.
pub(in crate::web) fn subjects(ids: Vec<String>, became: &[Correcting]) -> Subjects {
    let status = |became: &Correcting| refusal(*became).map(|(status, _)| status);
    Subjects(ids.into_iter().zip(became.iter().map(status)).collect())
}

/// Notes a correction; the record as it is then.
pub(in crate::web) async fn take(
    site: &SharedSite,
    id: &str,
    correction: Correction,
) -> Result<PostRecord, Problem> {
    let post = post(id)?;
    let became = take_all(site, std::slice::from_ref(&post), correction).await?;
    match became.iter().find_map(|one| refusal(*one)) {
        Some((StatusCode::NOT_FOUND, detail)) => Err(Problem::not_found(detail)),
        Some((status, detail)) => Err(Problem::new(status, "refused", detail)),
        None => record(site, id).await,
    }
}

/// Notes a correction of each post, of which there are 1 to 500; what became of each, in order.
pub(in crate::web) async fn take_all(
    site: &SharedSite,
    posts: &[PostId],
    correction: Correction,
) -> Result<Vec<Correcting>, Problem> {
    if !(1..=MOST).contains(&posts.len()) {
        let detail = format!("send 1 to {MOST} mentions, not {}", posts.len());
        return Err(Problem::bad_request(detail));
    }
    let refused = |error: InvalidCorrection| Problem::bad_request(error.to_string());
    correction.check().map_err(refused)?;
    let corrected = site
        .web
        .store
        .correct(posts, correction, site.web.clock.now());
    corrected.await.map_err(|error| Problem::internal(&error))
}

/// The post behind `mention_..` or `post_..`.
pub(in crate::web) fn post(id: &str) -> Result<PostId, Problem> {
    let post = MentionId::parse(id).map(|mention| mention.post());
    post.or_else(|_| PostId::parse(id)).map_err(|_| {
        Problem::not_found(
            "an id is mention_ or post_ and 32 hexadecimal digits; search for the mention",
        )
    })
}

/// The record behind `mention_..` or `post_..`.
pub(in crate::web) async fn record(site: &SharedSite, id: &str) -> Result<PostRecord, Problem> {
    let record = site.web.store.record(&post(id)?).await;
    record
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(|| Problem::not_found(NO_MENTION))
}
