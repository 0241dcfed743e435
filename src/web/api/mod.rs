//! `/api/v1`: JSON for programs. Every answer is a DTO of `insight`; every error a problem with what to do.

pub mod admin;
pub mod customers;
pub mod mentions;
pub mod search;
pub mod status;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::SharedSite;

/// Most bytes of a customer file: about 200,000 customers.
const IMPORT_BYTES: usize = 32 * 1024 * 1024;

pub(super) fn routes() -> Router<SharedSite> {
    let import = post(customers::import).layer(DefaultBodyLimit::max(IMPORT_BYTES));
    Router::new()
        .route("/api/v1/search", get(search::search))
        .route("/api/v1/counts", get(search::counts))
        .route("/api/v1/mentions/{id}", get(mentions::mention))
        .route("/api/v1/mentions/{id}/correction", post(mentions::correct))
        .route("/api/v1/customers/import", import)
        .route("/api/v1/customers/{id}", get(customers::customer))
        .route("/api/v1/sources", get(status::sources))
        .route("/api/v1/monitors", get(status::monitors))
        .route("/api/v1/index/rebuild", post(admin::rebuild))
        .route("/api/v1/reload", post(admin::reload))
        .route("/api/v1/login-links", post(admin::login_link))
        .route("/api/v1/tokens", post(admin::create_token))
        .route("/api/v1/tokens/revoke", post(admin::revoke_token))
        .route("/api/v1/sources/{id}/resume", post(admin::resume_source))
        .route("/api/v1/sources/{id}/refresh", post(admin::refresh_source))
        .route("/api/v1/deliveries/replay", post(admin::replay))
}
