//! Customers: who the CRM knows, found by id, name, handle or address; and authors who may be one of them, for a person to decide.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Chrome, Filled, Place, Stated, chrome, error_page, format, html, links};
use crate::domain::{AuthorId, CustomerId};
use crate::store::StoreError;
use crate::web::auth::Right;
use crate::web::auth::guard::{Manager, PageReader};
use crate::web::{Problem, SharedSite, api};

/// Customers and suggestions that are shown.
const SHOWN: usize = 100;

#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Parameter {
    #[serde(default)]
    q: String,
    /// The id of the last customer before.
    #[serde(default)]
    after: String,
}

/// What a person decided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct LinkForm {
    author: AuthorId,
    customer: CustomerId,
    linked: bool,
    /// Where the page goes on.
    back: String,
}

#[derive(Template)]
#[template(path = "web/customers.html")]
struct CustomersPage {
    chrome: Chrome,
    query: String,
    customers: Vec<Line>,
    more: Option<String>,
    suggestions: Vec<Suggestion>,
    may_decide: bool,
}

struct Line {
    id: String,
    name: String,
    href: String,
    segment: String,
    identities: String,
}

struct Suggestion {
    author: String,
    handle: String,
    network: String,
    customer: String,
    name: String,
    href: String,
    why: String,
}

pub(in crate::web) async fn customers(
    State(site): State<SharedSite>,
    reader: PageReader,
    Stated(state): Stated<Parameter>,
) -> Response {
    match page(&site, &reader, &state).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

/// Notes what a person decided, and comes back.
pub(in crate::web) async fn link(
    State(site): State<SharedSite>,
    _: Manager,
    Filled(form): Filled<LinkForm>,
) -> Response {
    match api::links::decide(&site, &form.author, &form.customer, form.linked).await {
        // Within this page only: an address of elsewhere would be a trap.
        Ok(()) if form.back.starts_with("/?") || form.back.starts_with("/mentions/") => {
            Redirect::to(&form.back).into_response()
        }
        Ok(()) => Redirect::to("/customers").into_response(),
        Err(problem) => error_page(&site, &problem),
    }
}

async fn page(
    site: &SharedSite,
    reader: &PageReader,
    state: &Parameter,
) -> Result<CustomersPage, Problem> {
    let query = state.q.trim();
    let failed = |error: StoreError| Problem::internal(&error);
    let store = &site.web.store;
    let after = CustomerId::parse(state.after.clone()).ok();
    let found = store.customers(query, after.as_ref(), SHOWN + 1).await;
    let mut found = found.map_err(failed)?;
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    let last = found.last().filter(|_| more);
    let more = last.map(|customer| {
        let after = customer.id.as_str();
        links::with_query("/customers", &[("q", query), ("after", after)])
    });
    let mut suggestions = Vec::new();
    for found in store.suggested_links(SHOWN).await.map_err(failed)? {
        let customer = store.customer(&found.link.customer).await.map_err(failed)?;
        suggestions.push(Suggestion {
            author: found.link.author.to_string(),
            handle: found.author.label().to_owned(),
            network: format::network(&found.network),
            name: customer.map_or_else(String::new, |customer| customer.name),
            href: links::customer(&found.link.customer),
            customer: found.link.customer.to_string(),
            why: format!("{}, {:.2}", found.link.evidence, found.link.confidence),
        });
    }
    Ok(CustomersPage {
        chrome: chrome(site, Place::Customers, reader).await?,
        query: query.to_owned(),
        customers: found
            .into_iter()
            .map(|customer| Line {
                href: links::customer(&customer.id),
                id: customer.id.to_string(),
                name: customer.name,
                segment: customer.segment.unwrap_or_default(),
                identities: format::number(customer.identities.len() as u64),
            })
            .collect(),
        more,
        suggestions,
        may_decide: reader.role.may(Right::Curate),
    })
}
