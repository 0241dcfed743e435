//! `/api/v1/model/rescore`: history scored again after a change of the model, while the daemon runs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::admin::{Done, ask};
use super::extract::Parameters;
use super::openapi::{Answers, TAG_DAEMON};
use crate::web::auth::guard::Admin;
use crate::web::{Command, Problem, SharedSite};

/// `?per_second=..`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Pace {
    /// Most posts a second; 0, or nothing, is as many as the processor can.
    #[serde(default)]
    #[param(format = "uint32")]
    per_second: u32,
}

/// How far the scoring of history is, or how the last one since the start ended.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RescoringState {
    /// It is under way.
    is_running: bool,
    /// Posts that were scored again.
    rescored: u64,
    /// Of these, posts whose sentiment is another one now.
    other_sentiment: u64,
    /// Posts that could not be scored; they keep what they have.
    failed: u64,
    /// Why the last one failed; it goes on from there when it is begun again.
    error: Option<String>,
}

/// Begins to score posts again that today's models did not score; what people corrected stays.
#[utoipa::path(post, path = "/api/v1/model/rescore", tag = TAG_DAEMON, params(Pace),
    responses((status = 202, body = Done), Answers))]
pub(in crate::web) async fn rescore(
    State(site): State<SharedSite>,
    _: Admin,
    Parameters(pace): Parameters<Pace>,
) -> Result<Response, Problem> {
    let command = |reply| Command::Rescore(pace.per_second, reply);
    let message = ask(&site, command).await?;
    Ok((StatusCode::ACCEPTED, Json(Done { message })).into_response())
}

/// Tells how far the scoring of history is.
#[utoipa::path(get, path = "/api/v1/model/rescore", tag = TAG_DAEMON,
    responses((status = 200, body = RescoringState), Answers))]
pub(in crate::web) async fn rescoring(
    State(site): State<SharedSite>,
    _: Admin,
) -> Json<RescoringState> {
    let state = site.web.rescoring.borrow().clone();
    Json(RescoringState {
        is_running: state.is_running,
        rescored: state.done.rescored,
        other_sentiment: state.done.other_sentiment,
        failed: state.done.failed,
        error: state.error,
    })
}
