//! `GET /api/v1/export`: everything that a query finds, as one long answer that never stands in memory as a whole.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::extract::Parameters;
use super::openapi::{Answers, TAG_SEARCH};
use super::search::{parse, search_problem};
use crate::insight::export::{COLUMNS, cells, csv, ndjson};
use crate::insight::{Hit, Request, SearchError};
use crate::query::{Query, Sort};
use crate::web::auth::guard::Reader;
use crate::web::{Problem, SharedSite};

/// Posts read at a time.
const PAGE: usize = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Parameter {
    /// The query; without one all posts. They come the newest first, whatever its `sort:` says.
    #[serde(default)]
    #[param(example = "battery sentiment:negative")]
    q: String,
    /// How posts are written.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// How posts are written.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum Format {
    /// The post format, one object a line, with analysis, monitors and customer.
    #[default]
    Ndjson,
    /// A table that is safe to open in a spreadsheet.
    Csv,
}

impl Format {
    fn head(self) -> (&'static str, &'static str) {
        match self {
            Self::Ndjson => (
                "application/x-ndjson",
                "attachment; filename=\"overheard.ndjson\"",
            ),
            Self::Csv => (
                "text/csv; charset=utf-8",
                "attachment; filename=\"overheard.csv\"",
            ),
        }
    }

    fn write(self, hits: &[Hit], first: bool) -> Result<String, csv::Error> {
        match self {
            Self::Ndjson => Ok(hits.iter().map(|hit| ndjson(&hit.record)).collect()),
            Self::Csv => {
                let head = first.then(|| COLUMNS.map(str::to_owned));
                csv(head
                    .into_iter()
                    .chain(hits.iter().map(|hit| cells(&hit.record))))
            }
        }
    }
}

/// Streams everything that a query finds. An answer that breaks off is not whole: the connection is cut then.
#[utoipa::path(get, path = "/api/v1/export", tag = TAG_SEARCH, params(Parameter),
    responses((status = 200, content((String = "application/x-ndjson"), (String = "text/csv"))), Answers))]
pub(in crate::web) async fn export(
    State(site): State<SharedSite>,
    _: Reader,
    Parameters(parameter): Parameters<Parameter>,
) -> Result<Response, Problem> {
    let query = parse(&parameter.q)?;
    let format = parameter.format;
    let mut export = Export {
        request: Request {
            sort: Some(Sort::Newest),
            ..Request::first(PAGE, site.web.clock.now(), site.web.zone.clone())
        },
        site,
        query,
        format,
        first: true,
    };
    // The first page is looked up before the head is sent, so that a query at fault is a problem and no torso.
    let first = export.page().await;
    let first = first.map_err(|error| search_problem(&error))?;
    let whole = stream::try_unfold((export, first), |(mut export, chunk)| async move {
        let chunk = match chunk {
            Some(chunk) => chunk,
            None => return Ok(None),
        };
        let next = export.page().await?;
        Ok::<_, SearchError>(Some((chunk, (export, next))))
    });
    let (kind, disposition) = format.head();
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, Body::from_stream(whole)).into_response())
}

struct Export {
    site: SharedSite,
    query: Query,
    request: Request,
    format: Format,
    first: bool,
}

impl Export {
    /// The next posts as they are sent; `None` behind the last.
    async fn page(&mut self) -> Result<Option<Bytes>, SearchError> {
        if !self.first && self.request.after.is_none() {
            return Ok(None);
        }
        let searcher = &self.site.web.searcher;
        let answer = searcher.search(&self.query, &self.request).await?;
        self.request.after = answer.next;
        let text = self.format.write(&answer.hits, self.first);
        self.first = false;
        // A row that can't be written would be a fault of the program: the export ends there, cut off.
        let text = text.map_err(|_| SearchError::CutOff)?;
        Ok(Some(Bytes::from(text)))
    }
}
