//! Errors of the API as `application/problem+json` (RFC 9457). The detail says what to do; the cause
//! of a fault of ours goes to the log and never to the client.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// An error as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    status: u16,
    title: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rendering: Option<String>,
    #[serde(skip)]
    retry_after_secs: Option<i64>,
}

impl Problem {
    /// An error with what to do about it.
    #[must_use]
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            status: status.as_u16(),
            title,
            detail: detail.into(),
            position: None,
            rendering: None,
            retry_after_secs: None,
        }
    }

    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad request", detail)
    }

    /// 404.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// 401.
    #[must_use]
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not signed in", detail)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not allowed", detail)
    }

    /// 500: the fault is ours; the cause is logged here, once.
    #[must_use]
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(error = chain, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal error",
            "the daemon could not answer; its log says why",
        )
    }

    /// 503: a part is not there yet or any more.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// 429, with the seconds after which it makes sense to come back.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, retry_after_secs: i64) -> Self {
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too many attempts", detail);
        problem.retry_after_secs = Some(retry_after_secs.max(1));
        problem
    }

    /// Adds where in the query the fault is (a byte offset), and the lines that show it with a caret.
    #[must_use]
    pub fn at(mut self, position: usize, rendering: String) -> Self {
        self.position = Some(position);
        self.rendering = Some(rendering);
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What to do.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The query with a caret, when the query is at fault.
    #[must_use]
    pub fn rendering(&self) -> Option<&str> {
        self.rendering.as_deref()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry = self.retry_after_secs;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"overheard\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed",
        "this path exists, but not with this method; the Allow header lists those that do",
    )
}
