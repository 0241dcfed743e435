//! What happens to every request: metrics, headers, panics, deadline, size, and who is asking.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use super::auth::guard;
use super::{Door, Problem, SharedSite, websub};

/// No request takes longer.
const DEADLINE: Duration = Duration::from_secs(30);
/// Most bytes of a body; the import has its own limit.
const BODY_BYTES: usize = 64 * 1024;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Wraps the routes; the last layer is the first that a request meets.
pub(super) fn wrap(
    routes: Router<SharedSite>,
    site: &SharedSite,
    door: Door,
) -> Router<SharedSite> {
    routes
        .layer(from_fn_with_state((site.clone(), door), guard::identify))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        // Hubs are no visitors: what they know is the address, and what they sign.
        .merge(websub::routes())
        .layer(from_fn(deadline))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(measure))
}

async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = "the answer took longer than 30 seconds; ask for less, or try again later";
            Problem::unavailable(detail).into_response()
        }
    }
}

fn panicked(_cause: Box<dyn Any + Send + 'static>) -> Response {
    // The panic hook has logged the place; the message could hold post text.
    tracing::error!("a request handler panicked");
    let detail = "the daemon met a fault of its own; its log says where";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error", detail).into_response()
}

/// Puts the headers in that every answer has.
fn set_headers(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), browsing-topics=()",
        ),
    ];
    for (name, value) in fixed {
        // A handler may be stricter in its own way.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Counts and times each request, and completes its answer. One layer for both: each costs every request an allocation or two.
async fn measure(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = method_label(request.method());
    let began = Instant::now();
    let mut response = next.run(request).await;
    set_headers(response.headers_mut());
    let status = response.status().as_u16().to_string();
    metrics::counter!("overheard_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("overheard_http_request_seconds", "route" => route)
        .record(began.elapsed().as_secs_f64());
    response
}

/// Clients may invent methods; labels are bounded.
fn method_label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    }
}
