//! One mention on a page of its own.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, RawForm, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::mention_view::{Moment, Sheet};
use super::{Chrome, Filled, Place, chrome, error_page, html, links};
use crate::domain::SentimentLabel;
use crate::domain::correction::Correction;
use crate::insight::marks::segments;
use crate::web::auth::guard::{Manager, PageReader};
use crate::web::{Problem, SharedSite, api};

#[derive(Template)]
#[template(path = "web/mention.html")]
struct MentionPage {
    chrome: Chrome,
    m: Sheet,
}

pub(in crate::web) async fn mention(
    State(site): State<SharedSite>,
    reader: PageReader,
    Path(id): Path<String>,
) -> Response {
    match page(&site, &reader, &id).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

/// What a person says the sentiment is, and the page to come back to.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Corrected {
    sentiment: SentimentLabel,
    #[serde(default)]
    back: String,
}

/// Takes a person's word on the sentiment.
pub(in crate::web) async fn correct(
    State(site): State<SharedSite>,
    _: Manager,
    Path(id): Path<String>,
    Filled(corrected): Filled<Corrected>,
) -> Response {
    let correction = Correction {
        sentiment: Some(corrected.sentiment),
        ..Correction::default()
    };
    match api::mentions::take(&site, &id, correction).await {
        Ok(record) => {
            let back = match is_own(&corrected.back) {
                true => corrected.back,
                false => links::mention(&record.post.id),
            };
            Redirect::to(&back).into_response()
        }
        Err(problem) => error_page(&site, &problem),
    }
}

/// Takes a person's word on all mentions that were selected: a sentiment, or that they are spam.
pub(in crate::web) async fn correct_all(
    State(site): State<SharedSite>,
    _: Manager,
    RawForm(form): RawForm,
) -> Response {
    match corrected(&site, &form).await {
        Ok(response) => response,
        Err(problem) => error_page(&site, &problem),
    }
}

async fn corrected(site: &SharedSite, form: &[u8]) -> Result<Response, Problem> {
    let (mut ids, mut posts) = (Vec::new(), Vec::new());
    let (mut correction, mut back) = (Correction::default(), "/".to_owned());
    for (name, value) in url::form_urlencoded::parse(form) {
        match &*name {
            "id" => {
                posts.push(api::mentions::post(&value)?);
                ids.push(value.into_owned());
            }
            "sentiment" => correction.sentiment = SentimentLabel::from_name(&value),
            "intents" => correction.intents = Some(vec![value.into_owned()]),
            "back" => back = value.into_owned(),
            _ => {}
        }
    }
    if posts.is_empty() {
        let detail = "No mention is selected. Select some in the inbox, then say what they are.";
        return Err(Problem::bad_request(detail));
    }
    let became = api::mentions::take_all(site, &posts, correction).await?;
    let back = if is_own(&back) { &*back } else { "/" };
    let subjects = api::mentions::subjects(ids, &became);
    Ok((Extension(subjects), Redirect::to(back)).into_response())
}

/// Within this page only: an address of elsewhere would be a trap.
fn is_own(back: &str) -> bool {
    back.starts_with("/?") || back == "/"
}

async fn page(site: &SharedSite, reader: &PageReader, id: &str) -> Result<MentionPage, Problem> {
    let record = api::mentions::record(site, id).await?;
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    let title = record.post.title.as_deref().unwrap_or_default();
    let (title, text) = (segments(title, &[]), segments(&record.post.text, &[]));
    Ok(MentionPage {
        chrome: chrome(site, Place::Elsewhere, reader).await?,
        m: Sheet::new(&record, title, text, true, moment).correctable(&record, reader.role, ""),
    })
}
