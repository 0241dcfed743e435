//! `/api/v1/digests`: the daily reports that were written, and each as it was written.

use std::io::Read;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Parameters;
use super::openapi::{Answers, TAG_DIGESTS};
use crate::domain::DigestId;
use crate::store::{DigestRun, StoreError};
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

/// Most reports of one answer: a year of a few digests.
const MOST: usize = 1_000;
/// Most bytes of a report.
const BYTES: u64 = 16 * 1024 * 1024;

/// `{"digests": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Digests {
    digests: Vec<DigestDto>,
}

/// A report that was written.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::web) struct DigestDto {
    /// The digest.
    pub id: String,
    /// The day that it reports on, `YYYY-MM-DD`, in the digest's zone.
    pub date: String,
    /// When it was written.
    pub at: Timestamp,
    /// In which forms: `html`, `markdown`, `json`.
    pub formats: Vec<String>,
}

/// `?format=..`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct FormatQuery {
    /// `html`, `markdown` or `json`; `json` when nothing is said.
    #[param(inline)]
    format: Option<Form>,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::web) enum Form {
    Html,
    Markdown,
    Json,
}

impl Form {
    const ALL: [(Self, &'static str, &'static str, &'static str); 3] = [
        (Self::Html, "html", ".html", "text/html; charset=utf-8"),
        (
            Self::Markdown,
            "markdown",
            ".md",
            "text/markdown; charset=utf-8",
        ),
        (Self::Json, "json", ".json", "application/json"),
    ];
}

/// Lists the reports that were written, the newest first.
#[utoipa::path(get, path = "/api/v1/digests", tag = TAG_DIGESTS,
    responses((status = 200, body = Digests), Answers))]
pub(in crate::web) async fn digests(
    State(site): State<SharedSite>,
    _: Reader,
) -> Result<Json<Digests>, Problem> {
    let digests = all_digests(&site).await;
    let digests = digests.map_err(|error| Problem::internal(&error))?;
    Ok(Json(Digests { digests }))
}

/// Gives a report as it was written.
#[utoipa::path(get, path = "/api/v1/digests/{id}/{date}", tag = TAG_DIGESTS,
    params(("id" = String, Path, description = "The digest"), ("date" = String, Path, description = "The day"), FormatQuery),
    responses((status = 200, description = "The file", content((String = "text/html"), (String = "text/markdown"), (Object = "application/json"))), Answers))]
pub(in crate::web) async fn digest(
    State(site): State<SharedSite>,
    _: Reader,
    Path((id, date)): Path<(String, String)>,
    Parameters(query): Parameters<FormatQuery>,
) -> Result<Response, Problem> {
    let form = query.format.unwrap_or(Form::Json);
    let (kind, bytes) = report(&site, &id, &date, form).await?;
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

/// All reports, the newest first.
pub(in crate::web) async fn all_digests(site: &SharedSite) -> Result<Vec<DigestDto>, StoreError> {
    let runs = site.web.store.digest_runs(None, MOST).await?;
    Ok(runs
        .iter()
        .map(|run| DigestDto {
            id: run.digest.to_string(),
            date: run.date.clone(),
            at: run.at,
            formats: Form::ALL
                .iter()
                .filter(|(_, _, ending, _)| file_of(run, ending).is_some())
                .map(|(_, name, _, _)| (*name).to_owned())
                .collect(),
        })
        .collect())
}

/// A report's media type and bytes.
pub(in crate::web) async fn report(
    site: &SharedSite,
    id: &str,
    date: &str,
    form: Form,
) -> Result<(&'static str, Vec<u8>), Problem> {
    let nobody = || Problem::not_found(format!("there is no digest \"{id}\" of {date}"));
    let digest = DigestId::parse(id).map_err(|_| nobody())?;
    let runs = site.web.store.digest_runs(Some(&digest), MOST).await;
    let runs = runs.map_err(|error| Problem::internal(&error))?;
    let run = runs.into_iter().find(|run| run.date == date);
    let run = run.ok_or_else(nobody)?;
    let (_, name, ending, kind) = Form::ALL
        .into_iter()
        .find(|(known, ..)| *known == form)
        .ok_or_else(nobody)?;
    let file = file_of(&run, ending).map(str::to_owned).ok_or_else(|| {
        Problem::not_found(format!(
            "the digest \"{id}\" is not written as {name}: add it to its formats"
        ))
    })?;
    let read = move || {
        let mut bytes = Vec::new();
        std::fs::File::open(file)?
            .take(BYTES)
            .read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    let gone = || {
        let detail =
            "its file was moved away or cannot be read; `overheard digest` writes it again";
        Problem::new(StatusCode::GONE, "gone", detail)
    };
    let bytes = tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| gone())?;
    Ok((kind, bytes.map_err(|_| gone())?))
}

fn file_of<'a>(run: &'a DigestRun, ending: &str) -> Option<&'a str> {
    let found = run.files.iter().find(|file| file.ends_with(ending));
    found.map(String::as_str)
}
