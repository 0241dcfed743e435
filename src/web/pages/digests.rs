//! Digests: the daily reports that were written, each a click away as it was written.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::format::ShownTime;
use super::mention_view::Moment;
use super::{Chrome, Place, chrome, error_page, html};
use crate::web::api::digests::{Form, all_digests, report};
use crate::web::auth::guard::PageReader;
use crate::web::{Problem, SharedSite};

/// A report has a style of its own and nothing else: it runs nothing and loads nothing.
const REPORT_CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox allow-popups";

#[derive(Template)]
#[template(path = "web/digests.html")]
struct DigestsPage {
    chrome: Chrome,
    digests: Vec<Digest>,
}

struct Digest {
    name: String,
    reports: Vec<Report>,
}

struct Report {
    date: String,
    at: ShownTime,
    /// The page, where there is one, and the other forms.
    forms: Vec<(String, String)>,
}

pub(in crate::web) async fn digests(
    State(site): State<SharedSite>,
    reader: PageReader,
) -> Response {
    match page(&site, &reader).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

/// A report as a page.
pub(in crate::web) async fn digest(
    State(site): State<SharedSite>,
    _: PageReader,
    Path((id, date)): Path<(String, String)>,
) -> Response {
    match report(&site, &id, &date, Form::Html).await {
        Ok((kind, bytes)) => {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_SECURITY_POLICY, REPORT_CSP),
            ];
            (headers, bytes).into_response()
        }
        Err(problem) => error_page(&site, &problem),
    }
}

async fn page(site: &SharedSite, reader: &PageReader) -> Result<DigestsPage, Problem> {
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    let all = all_digests(site).await;
    let mut by_name: BTreeMap<String, Vec<Report>> = BTreeMap::new();
    for digest in all.map_err(|error| Problem::internal(&error))? {
        let forms = digest.formats.iter().map(|form| {
            let (id, date) = (&digest.id, &digest.date);
            let href = match form.as_str() {
                "html" => format!("/digests/{id}/{date}"),
                form => format!("/api/v1/digests/{id}/{date}?format={form}"),
            };
            (form.clone(), href)
        });
        let report = Report {
            forms: forms.collect(),
            at: moment.time(digest.at),
            date: digest.date,
        };
        by_name.entry(digest.id).or_default().push(report);
    }
    Ok(DigestsPage {
        chrome: chrome(site, Place::Digests, reader).await?,
        digests: by_name
            .into_iter()
            .map(|(name, reports)| Digest { name, reports })
            .collect(),
    })
}
