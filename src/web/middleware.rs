//! What happens to every request: metrics, headers, panics, deadline, size, and who is asking.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

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
        // Hubs are no visitors: what they know is the address, and what they sign.
        .merge(websub::routes())
        .layer(from_fn(surround))
}

/// Answers within the deadline, whatever the handler does.
async fn answer(handled: impl Future<Output = Response>, deadline: Duration) -> Response {
    let handled = AssertUnwindSafe(handled).catch_unwind();
    match tokio::time::timeout(deadline, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // The panic hook has logged the place; the message could hold post text.
            tracing::error!("a request handler panicked");
            let detail = "the daemon met a fault of its own; its log says where";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error", detail)
                .into_response()
        }
        Err(_) => {
            let detail = "the answer took longer than 30 seconds; ask for less, or try again later";
            Problem::unavailable(detail).into_response()
        }
    }
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
    headers.reserve(fixed.len() + 1);
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

/// Counts and times each request, and completes its answer. One layer for all: each costs every request some allocations.
async fn surround(mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route: Arc<str> = route.map_or("other", MatchedPath::as_str).into();
    let method = method_label(request.method());
    let began = Instant::now();
    DefaultBodyLimit::max(BODY_BYTES).apply(&mut request);
    let mut response = answer(next.run(request), DEADLINE).await;
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
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_handler_that_panics_answers_all_the_same() {
        async fn faulty() -> &'static str {
            panic!("what was posted")
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/faulty", get(faulty));
        let served = axum::serve(listener, routes.layer(from_fn(surround)));
        let asked = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = b"GET /faulty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
            assert!(answer.contains("application/problem+json"), "{answer}");
            assert!(answer.contains("content-security-policy: "), "{answer}");
            assert!(!answer.contains("what was posted"), "{answer}");
            assert!(answer.contains("its log says where"), "{answer}");
        };
        tokio::select! {
            () = asked => {}
            ended = served => panic!("the server ended: {ended:?}"),
        }
    }

    #[tokio::test]
    async fn a_handler_that_never_ends_is_answered_for_at_the_deadline() {
        let answer = answer(std::future::pending(), Duration::from_millis(1)).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
