//! The description of the API (OpenAPI 3.1), made of the handlers: `/api/v1/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use utoipa::IntoResponses;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, SecurityRequirement,
};

use crate::web::auth::guard::COOKIE;
use crate::web::{Problem, SharedSite};

pub(super) const TAG_SEARCH: &str = "search";
pub(super) const TAG_MENTIONS: &str = "mentions";
pub(super) const TAG_CUSTOMERS: &str = "customers";
pub(super) const TAG_DELIVERIES: &str = "deliveries";
pub(super) const TAG_DIGESTS: &str = "digests";
pub(super) const TAG_DAEMON: &str = "daemon";
pub(super) const TAG_ACCESS: &str = "access";

/// What every route may answer beside its own: a problem that says what to do.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(super) enum Answers {
    /// The request can't be understood or carried out; `detail` says why, and what would be right
    #[response(status = "4XX", content_type = "application/problem+json")]
    Refused(Problem),
    /// The daemon could not answer
    #[response(status = "5XX", content_type = "application/problem+json")]
    Failed(Problem),
}

/// The description without any route.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Overheard")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What was heard, what is known of it, and who should act. Every error is `application/problem+json` (RFC 9457) with a \
             `detail` that says what to do. Lists go on with the `next_cursor` of the answer before. Times are RFC 3339 in UTC.",
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ));
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API token: `overheard token create NAME`"));
    let session = ApiKeyValue::with_description(COOKIE, "The page's session");
    let tags = [
        (TAG_SEARCH, "Finding and counting posts"),
        (TAG_MENTIONS, "One mention, and what people say of it"),
        (TAG_CUSTOMERS, "People that the CRM knows"),
        (TAG_DELIVERIES, "Who is told: endpoints and deliveries"),
        (TAG_DIGESTS, "Daily reports"),
        (TAG_DAEMON, "Sources, monitors and the daemon itself"),
        (TAG_ACCESS, "Who may look"),
    ];
    let tag =
        |(name, text): (&str, &str)| TagBuilder::new().name(name).description(Some(text)).build();
    OpenApiBuilder::new()
        .info(info.build())
        .tags(Some(tags.map(tag)))
        .security(Some([
            SecurityRequirement::new("token", [""; 0]),
            SecurityRequirement::new("session", [""; 0]),
        ]))
        .components(Some(
            ComponentsBuilder::new()
                .schema_from::<Problem>()
                .security_scheme("token", SecurityScheme::Http(token.build()))
                .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)))
                .build(),
        ))
        .build()
}

/// Serves the description. Anybody may read it: it holds nothing of this installation.
pub(in crate::web) fn route(description: &OpenApi) -> Router<SharedSite> {
    let json = serde_json::to_vec_pretty(description)
        .expect("invariant: the description has text keys only");
    let json = Arc::new(Bytes::from(json));
    let serve = move || async move {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (kind, Bytes::clone(&json))
    };
    Router::new().route("/api/v1/openapi.json", get(serve))
}
