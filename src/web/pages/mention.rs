//! One mention on a page of its own.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::mention_view::{Moment, Sheet};
use super::{Chrome, Place, chrome, error_page, html};
use crate::insight::marks::segments;
use crate::web::auth::guard::PageReader;
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
        m: Sheet::new(&record, title, text, true, moment),
    })
}
