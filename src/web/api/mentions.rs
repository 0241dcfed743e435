//! `GET /api/v1/mentions/{id}`: a mention, or a post that no monitor matches.

use axum::Json;
use axum::extract::{Path, State};

use crate::domain::{MentionId, PostId, PostRecord};
use crate::insight::MentionDto;
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

pub(in crate::web) async fn mention(
    State(site): State<SharedSite>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Json<MentionDto>, Problem> {
    let record = record(&site, &id).await?;
    Ok(Json(MentionDto::from(&record)))
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
