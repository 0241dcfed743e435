//! `/api/v1/links`: which author is which customer: what rules are not sure of, and what a person decides.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::admin::Done;
use super::extract::Body;
use super::openapi::{Answers, TAG_CUSTOMERS};
use crate::domain::{AuthorId, CustomerId, LinkState};
use crate::store::{AuthorLink, StoreError};
use crate::web::auth::guard::{Manager, Reader};
use crate::web::{Problem, SharedSite};

/// Most links of one answer.
const MOST: usize = 500;

/// `{"links": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Links {
    links: Vec<LinkDto>,
}

/// An author who may be a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct LinkDto {
    /// The author.
    author: String,
    /// Where the author writes.
    network: String,
    /// The author's handle.
    handle: String,
    /// The customer's id in the CRM.
    customer: String,
    /// From 0 to 1.
    confidence: f64,
    /// Why.
    evidence: String,
}

impl From<&AuthorLink> for LinkDto {
    fn from(found: &AuthorLink) -> Self {
        Self {
            author: found.link.author.to_string(),
            network: found.network.clone(),
            handle: found.author.handle.clone(),
            customer: found.link.customer.to_string(),
            confidence: found.link.confidence,
            evidence: found.link.evidence.clone(),
        }
    }
}

/// What a person decides; rules never change it again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct LinkRequest {
    /// `author_..`, as mentions have it.
    #[schema(value_type = String)]
    author: AuthorId,
    /// The customer's id in the CRM.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// Whether the author is this customer.
    linked: bool,
}

/// Lists the links that wait for a person, the newest first.
#[utoipa::path(get, path = "/api/v1/links", tag = TAG_CUSTOMERS,
    responses((status = 200, body = Links), Answers))]
pub(in crate::web) async fn links(
    State(site): State<SharedSite>,
    _: Reader,
) -> Result<Json<Links>, Problem> {
    let found = site.web.store.suggested_links(MOST).await;
    let found = found.map_err(|error| Problem::internal(&error))?;
    let links = found.iter().map(LinkDto::from).collect();
    Ok(Json(Links { links }))
}

/// Says that an author is a customer, or is not.
#[utoipa::path(post, path = "/api/v1/links", tag = TAG_CUSTOMERS, request_body = LinkRequest,
    responses((status = 200, body = Done), Answers))]
pub(in crate::web) async fn link(
    State(site): State<SharedSite>,
    _: Manager,
    Body(wanted): Body<LinkRequest>,
) -> Result<Json<Done>, Problem> {
    decide(&site, &wanted.author, &wanted.customer, wanted.linked).await?;
    let word = if wanted.linked { "is" } else { "is not" };
    let message = format!("{} {word} customer \"{}\"", wanted.author, wanted.customer);
    Ok(Json(Done { message }))
}

/// Notes what a person decided.
pub(in crate::web) async fn decide(
    site: &SharedSite,
    author: &AuthorId,
    customer: &CustomerId,
    linked: bool,
) -> Result<(), Problem> {
    let state = match linked {
        true => LinkState::Linked,
        false => LinkState::Refused,
    };
    let now = site.web.clock.now();
    let decided = site.web.store.decide_link(author, customer, state, now);
    decided.await.map_err(|error| match error {
        StoreError::Invalid { .. } => Problem::not_found(error.to_string()),
        fault => Problem::internal(&fault),
    })
}
