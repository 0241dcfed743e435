//! A customer: who they are, how we know them, and what they said over all networks.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::mention_view::{Moment, Row};
use super::{Chrome, Place, chrome, error_page, format, html, links};
use crate::domain::{Customer, Identity, PostRecord};
use crate::insight::Segment;
use crate::insight::marks::segments;
use crate::query::snippet;
use crate::web::api::customers::Parameter;
use crate::web::auth::guard::PageReader;
use crate::web::{Problem, SharedSite, api};

/// Characters of a post in the timeline.
const EXCERPT: usize = 280;

#[derive(Template)]
#[template(path = "web/customer.html")]
struct CustomerPage {
    chrome: Chrome,
    name: String,
    about: String,
    identities: Vec<Known>,
    rows: Vec<Row>,
    older: Option<String>,
}

struct Known {
    name: String,
    value: String,
}

pub(in crate::web) async fn customer(
    State(site): State<SharedSite>,
    reader: PageReader,
    Path(id): Path<String>,
    parameters: Result<Parameters<Parameter>, QueryRejection>,
) -> Response {
    let cursor = parameters.map(|Parameters(parameter)| parameter.cursor);
    match page(&site, &reader, &id, &cursor.unwrap_or_default()).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

async fn page(
    site: &SharedSite,
    reader: &PageReader,
    id: &str,
    cursor: &str,
) -> Result<CustomerPage, Problem> {
    let (customer, timeline) = api::customers::with_timeline(site, id, cursor).await?;
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    Ok(CustomerPage {
        chrome: chrome(site, Place::Customers, reader).await?,
        about: about(&customer),
        identities: customer.identities.iter().map(known).collect(),
        rows: timeline
            .records
            .iter()
            .map(|record| row(record, moment))
            .collect(),
        older: timeline.next.map(|next| {
            let path = links::customer(&customer.id);
            links::with_query(&path, &[("cursor", &next.to_string())])
        }),
        name: customer.name,
    })
}

fn row(record: &PostRecord, moment: Moment<'_>) -> Row {
    let post = &record.post;
    let title: Vec<Segment> = segments(post.title.as_deref().unwrap_or_default(), &[]);
    let cut = snippet(&post.text, &[], EXCERPT);
    let mut row = Row::new(
        record,
        title,
        segments(&cut.text, &[]),
        links::mention(&post.id),
        moment,
    );
    // The page already says who it is.
    row.customer = None;
    row
}

fn about(customer: &Customer) -> String {
    let mut parts = vec![format!("Customer {}", customer.id)];
    parts.extend(customer.segment.clone());
    parts.extend(
        customer
            .value
            .map(|value| format!("value {}", format::amount(value))),
    );
    parts.extend(customer.tags.iter().cloned());
    parts.join(" · ")
}

fn known(identity: &Identity) -> Known {
    let (name, value) = match identity {
        Identity::Handle { network, handle } => (format::network(network), format!("@{handle}")),
        Identity::Url { url } => ("Web".to_owned(), url.clone()),
        Identity::Email { email } => ("E-mail".to_owned(), email.clone()),
    };
    Known { name, value }
}
