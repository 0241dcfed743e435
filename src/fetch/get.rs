//! One fetch: validators go out, and what comes back is either current or a body with new ones.
//!
//! Never stores anything; a state that is not committed with its items is as if it never was.

use reqwest::header::{
    ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LINK,
};
use secrecy::ExposeSecret;

use super::error::{FetchError, Refusal};
use super::headers::{
    fresh_until, rate_limit_pause, replace_validators, retry_after, text, update_validators,
};
use super::trip::{Arrival, Overflow, Trip, travel};
use super::{Credential, Fetched, GetRequest, Inner, Response};
use crate::domain::{HttpKey, HttpState};

pub(super) async fn get(inner: &Inner, request: GetRequest) -> Result<Fetched, FetchError> {
    let key = request.key();
    let GetRequest {
        url,
        accept,
        state,
        credential,
        obey_robots,
    } = request;
    // Validators of another URL or credential are worse than none.
    let state = state.filter(|state| state.key == key);
    if let Some(until) = state.as_ref().and_then(|state| state.not_before)
        && until > inner.clock.now()
    {
        return Err(FetchError::RateLimited {
            url,
            retry_at: Some(until),
        });
    }
    let secret = match &credential {
        Some(credential) => Some(
            secret_header(credential).ok_or_else(|| FetchError::Refused {
                url: url.clone(),
                refusal: Refusal::Credential(credential.name.clone()),
            })?,
        ),
        None => None,
    };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let conditional = add_conditions(&mut headers, state.as_ref());
    let arrival = travel(
        inner,
        Trip {
            url,
            headers,
            secret,
            obey_robots,
            cap: inner.bounds.max_body,
            overflow: Overflow::Fail,
        },
    )
    .await?;
    match arrival.status.as_u16() {
        200 | 203 | 204 => Ok(Fetched::Fresh(fresh(inner, arrival, key))),
        304 => match state.filter(|_| conditional) {
            Some(state) => Ok(not_modified(inner, &arrival, state)),
            None => Err(FetchError::UnexpectedNotModified { url: arrival.url }),
        },
        status => Err(FetchError::Status {
            url: arrival.url,
            status,
        }),
    }
}

fn secret_header(
    credential: &Credential,
) -> Option<(String, reqwest::header::HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(credential.value.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some((credential.name.clone(), credential.header.clone(), value))
}

/// Adds the validators byte-exact; says whether there were any.
fn add_conditions(headers: &mut HeaderMap, state: Option<&HttpState>) -> bool {
    let Some(state) = state else {
        return false;
    };
    for (name, validator) in [
        (IF_NONE_MATCH, &state.etag),
        (IF_MODIFIED_SINCE, &state.last_modified),
    ] {
        let value = validator
            .as_ref()
            .and_then(|validator| HeaderValue::from_bytes(validator.as_bytes()).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MODIFIED_SINCE)
}

fn fresh(inner: &Inner, arrival: Arrival, key: HttpKey) -> Response {
    let now = inner.clock.now();
    let headers = &arrival.headers;
    let pause_until = rate_limit_pause(headers, now);
    let mut state = HttpState::unknown(key);
    // The other statuses describe something else than the resource.
    if arrival.status.as_u16() == 200 {
        replace_validators(&mut state, headers);
    }
    state.not_before = pause_until;
    Response {
        content_type: text(headers, &CONTENT_TYPE),
        link: headers
            .get_all(LINK)
            .iter()
            .map(|link| String::from_utf8_lossy(link.as_bytes()).into_owned())
            .collect(),
        fresh_until: fresh_until(headers, now),
        pause_until,
        state,
        url: arrival.url,
        body: arrival.body,
        moved_to: arrival.moved_to,
    }
}

fn not_modified(inner: &Inner, arrival: &Arrival, mut state: HttpState) -> Fetched {
    let now = inner.clock.now();
    update_validators(&mut state, &arrival.headers);
    state.not_before =
        rate_limit_pause(&arrival.headers, now).max(retry_after(&arrival.headers, now));
    Fetched::NotModified {
        state,
        fresh_until: fresh_until(&arrival.headers, now),
    }
}
