//! What a browser's form must hold: the session's own mark, which no other site knows.
//!
//! The check of the origin in `guard` would do; this holds where a browser sends neither.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use subtle::ConstantTimeEq;

use crate::web::Problem;

/// The header that a script sends it in.
pub const HEADER: &str = "x-csrf-token";
/// The field of a form.
const FIELD: &str = "csrf";
/// Most bytes of a form.
const MOST: usize = 64 * 1024;

/// The request, when it holds the mark; without the field, which is no handler's business.
///
/// # Errors
/// 403 without the mark, 413 when the form is too large.
pub(super) async fn checked(request: Request, expected: &str) -> Result<Request, Problem> {
    let fits = |found: &str| bool::from(found.as_bytes().ct_eq(expected.as_bytes()));
    if text(request.headers(), HEADER).is_some_and(fits) {
        return Ok(request);
    }
    let is_form = text(request.headers(), header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let refused = || {
        Problem::forbidden(
            "the form does not belong to this session; load the page again, or send x-csrf-token or an API token",
        )
    };
    if !is_form {
        return Err(refused());
    }
    let (mut parts, body) = request.into_parts();
    let bytes = to_bytes(body, MOST).await.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too large",
            "a form has at most 64 KiB",
        )
    })?;
    let mut found = false;
    let mut rest = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(&bytes) {
        if name == FIELD {
            found |= fits(&value);
        } else {
            rest.append_pair(&name, &value);
        }
    }
    if !found {
        return Err(refused());
    }
    let rest = rest.finish();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(rest.len()));
    Ok(Request::from_parts(parts, Body::from(rest)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
