//! `ETag` and `If-None-Match` (RFC 9110, 8.8.3 and 13.1.2): who asks again for what did not change gets a 304.
//!
//! The tag is a hash of the answer, so nothing has to be kept. It saves the way, not the work.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::domain::hex;
use crate::web::Problem;

/// Answers of the API are pages of lists; none comes near.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Middleware: tags JSON answers to GET, unless the handler did, and leaves out what the client has.
pub(super) async fn tagged(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let json = kind.is_some_and(|kind| kind == "application/json");
    if !reads || response.status() != StatusCode::OK || !json {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = match to_bytes(body, MOST_BYTES).await {
        Ok(body) => body,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let tag = head
        .headers
        .entry(header::ETAG)
        .or_insert_with(|| tag(&body))
        .clone();
    // To be kept by the asker alone, and asked for again each time.
    let private = HeaderValue::from_static("private, no-cache");
    head.headers.insert(header::CACHE_CONTROL, private);
    if known.is_some_and(|known| has(&known, &tag)) {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_TYPE);
        head.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(head, Body::empty());
    }
    Response::from_parts(head, Body::from(body))
}

/// The weak tag of these bytes: what they mean is equal, be it compressed on its way.
pub(super) fn tag(bytes: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(bytes);
    let hash = hex(&digest[..12]);
    HeaderValue::from_str(&format!("W/\"{hash}\""))
        .expect("invariant: hexadecimal digits are ASCII")
}

/// Whether a list of tags has this one, by the weak comparison.
fn has(list: &HeaderValue, tag: &HeaderValue) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Ok(list), Ok(tag)) = (list.to_str(), tag.to_str()) else {
        return false;
    };
    list.split(',')
        .any(|known| known.trim() == "*" || bare(known) == bare(tag))
}
