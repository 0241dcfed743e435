//! `GET /api/v1/customers`, `GET /api/v1/customers/{id}` and `POST /api/v1/customers/import`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Named, Parameters};
use super::openapi::{Answers, TAG_CUSTOMERS};

use crate::customers::{ImportFormat, read_customers};
use crate::domain::{Customer, CustomerId};
use crate::insight::{CustomerDto, CustomerSummaryDto, ImportDto};
use crate::store::{Page, PagePosition};
use crate::web::auth::guard::{Crm, Reader};
use crate::web::{Problem, SharedSite};

/// Posts of a customer in one answer.
const TIMELINE: usize = 50;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Parameter {
    /// Where the timeline goes on: the `next_cursor` of the answer before.
    #[serde(default)]
    pub cursor: String,
}

/// Customers in one answer when nothing is said.
const DEFAULT_LIMIT: usize = 50;
/// Most customers in one answer.
const MAX_LIMIT: usize = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Wanted {
    /// Only customers whose id, name, handle, profile or e-mail address holds this.
    #[serde(default)]
    q: String,
    /// Most customers, 1 to 500; 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// Where the answer before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// `{"customers": [..], "next_cursor": ".."}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Customers {
    customers: Vec<CustomerSummaryDto>,
    /// Give this as `cursor` for more; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists customers by id, or finds some.
#[utoipa::path(get, path = "/api/v1/customers", tag = TAG_CUSTOMERS, params(Wanted),
    responses((status = 200, body = Customers), Answers))]
pub(in crate::web) async fn customers(
    State(site): State<SharedSite>,
    _: Reader,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Customers>, Problem> {
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    let after = wanted.cursor.map(CustomerId::parse).transpose();
    let after = after
        .map_err(|_| Problem::bad_request("cursor must be the next_cursor of an earlier answer"))?;
    // One more says whether there is a next page.
    let found = site
        .web
        .store
        .customers(wanted.q.trim(), after.as_ref(), limit + 1);
    let mut found = found.await.map_err(|error| Problem::internal(&error))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    Ok(Json(Customers {
        next_cursor: last.map(|customer| customer.id.to_string()),
        customers: found.iter().map(CustomerSummaryDto::from).collect(),
    }))
}

/// Shows a customer with the timeline of what they said, the newest first.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = TAG_CUSTOMERS,
    params(("id" = String, Path, description = "The customer's id in the CRM"), Parameter),
    responses((status = 200, body = CustomerDto), Answers))]
pub(in crate::web) async fn customer(
    State(site): State<SharedSite>,
    _: Reader,
    Named(id): Named<String>,
    Parameters(parameter): Parameters<Parameter>,
) -> Result<Json<CustomerDto>, Problem> {
    let (customer, page) = with_timeline(&site, &id, &parameter.cursor).await?;
    let next = page.next.map(|position| position.to_string());
    Ok(Json(CustomerDto::new(&customer, &page.records, next)))
}

/// The customer and a page of what they said, the newest first.
pub(in crate::web) async fn with_timeline(
    site: &SharedSite,
    id: &str,
    cursor: &str,
) -> Result<(Customer, Page), Problem> {
    let id = CustomerId::parse(id).map_err(|error| Problem::not_found(error.to_string()))?;
    let after: Option<PagePosition> = match cursor {
        "" => None,
        cursor => Some(cursor.parse().map_err(|_| {
            Problem::bad_request("cursor must be the next_cursor of an earlier answer")
        })?),
    };
    let store = &site.web.store;
    let customer = store.customer(&id).await;
    let customer = customer
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(|| {
            Problem::not_found(
                "there is no such customer; import it with \"overheard customers import\"",
            )
        })?;
    let page = store.timeline(&id, TIMELINE, after).await;
    Ok((customer, page.map_err(|error| Problem::internal(&error))?))
}

/// Takes customers from a file of at most 32 MiB; the same file twice changes nothing.
#[utoipa::path(post, path = "/api/v1/customers/import", tag = TAG_CUSTOMERS,
    request_body(description = "A header line and a customer a row, or an array or lines of JSON", content(
        (String = "text/csv"), (serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, body = ImportDto), Answers))]
pub(in crate::web) async fn import(
    State(site): State<SharedSite>,
    _: Crm,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ImportDto>, Problem> {
    let format = format(&headers)?;
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too large",
            "the file is more than 32 MiB; import it in parts",
        ),
        status => Problem::new(status, "bad request", rejection.body_text()),
    })?;
    // Parsing a large file takes a second; the runtime's own threads must stay free.
    let reading = tokio::task::spawn_blocking(move || read_customers(&body[..], format));
    let mut import = reading
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let now = site.web.clock.now();
    let outcome = site
        .web
        .store
        .import_customers(std::mem::take(&mut import.customers), now);
    let outcome = outcome.await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(ImportDto::new(&outcome, &import)))
}

fn format(headers: &HeaderMap) -> Result<ImportFormat, Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "text/csv" => Ok(ImportFormat::Csv),
        "application/json" | "application/x-ndjson" => Ok(ImportFormat::Json),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported media type",
            "send text/csv, application/json or application/x-ndjson as Content-Type",
        )),
    }
}
