//! `/api/v1`: JSON for programs. Every answer is a DTO of `insight`; every error a problem with what to do.
//!
//! A route is added together with its description, so that `openapi.json` can't lack one.

pub mod admin;
pub mod customers;
pub mod deliveries;
pub mod digests;
pub mod endpoints;
mod etag;
pub mod export;
pub(in crate::web) mod extract;
pub mod links;
pub mod live;
pub mod managed;
pub mod mentions;
pub mod model;
pub mod monitors;
pub mod openapi;
pub mod overview;
pub mod search;
pub mod searches;
pub mod status;
pub mod users;
pub mod vocabulary;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::SharedSite;

/// Most bytes of a customer file: about 200,000 customers.
const IMPORT_BYTES: usize = 32 * 1024 * 1024;

/// All routes with their descriptions.
pub(super) fn routes() -> OpenApiRouter<SharedSite> {
    let import = routes!(customers::import).layer(DefaultBodyLimit::max(IMPORT_BYTES));
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(search::search))
        .routes(routes!(search::counts))
        .routes(routes!(searches::searches))
        .routes(routes!(searches::put, searches::remove))
        .routes(routes!(vocabulary::fields))
        .routes(routes!(live::live))
        .routes(routes!(export::export))
        .routes(routes!(overview::overview))
        .routes(routes!(mentions::mention))
        .routes(routes!(mentions::correct))
        .routes(routes!(mentions::correct_all))
        .routes(import)
        .routes(routes!(customers::customers))
        .routes(routes!(customers::customer))
        .routes(routes!(links::links, links::link))
        .routes(routes!(digests::digests))
        .routes(routes!(digests::digest))
        .routes(routes!(status::sources))
        .routes(routes!(status::monitors))
        .routes(routes!(monitors::put, monitors::remove))
        .routes(routes!(admin::index))
        .routes(routes!(admin::rebuild))
        .routes(routes!(admin::reload))
        .routes(routes!(model::rescoring, model::rescore))
        .routes(routes!(admin::login_link))
        .routes(routes!(admin::tokens, admin::create_token))
        .routes(routes!(admin::revoke_token))
        .routes(routes!(users::users))
        .routes(routes!(users::put, users::disable))
        .routes(routes!(users::audit))
        .routes(routes!(admin::resume_source))
        .routes(routes!(admin::refresh_source))
        .routes(routes!(admin::replay))
        .routes(routes!(deliveries::deliveries))
        .routes(routes!(deliveries::event))
        .routes(routes!(endpoints::endpoints))
        .routes(routes!(managed::endpoint, managed::put, managed::remove))
        .routes(routes!(managed::rotate))
        .routes(routes!(endpoints::pause))
        .routes(routes!(endpoints::resume))
        .layer(from_fn(etag::tagged))
}
