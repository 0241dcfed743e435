//! Arguments of API handlers that refuse what they can't read as a problem, like every other error of the API.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::web::Problem;

/// A JSON body.
#[derive(Debug)]
pub(in crate::web) struct Body<T>(pub T);

/// The parameters behind `?`.
#[derive(Debug)]
pub(in crate::web) struct Parameters<T>(pub T);

/// The variable part of the path.
#[derive(Debug)]
pub(in crate::web) struct Named<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Json::<T>::from_request(request, state).await;
        body.map(|Json(body)| Self(body)).map_err(|rejection| {
            let title = match rejection.status() {
                StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported media type",
                StatusCode::PAYLOAD_TOO_LARGE => "too large",
                StatusCode::UNPROCESSABLE_ENTITY => "not what is expected",
                _ => "bad request",
            };
            Problem::new(rejection.status(), title, rejection.body_text())
        })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(parameters)| Self(parameters))
            .map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        // A name that can't be one names nothing.
        path.map(|Path(name)| Self(name))
            .map_err(|rejection| Problem::not_found(rejection.body_text()))
    }
}
