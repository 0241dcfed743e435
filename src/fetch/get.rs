//! One fetch: validators go out, and what comes back is either current or a body with new ones.
//!
//! Never stores anything; a state that is not committed with its items is as if it never was.

use reqwest::header::{
    ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LINK,
};
use secrecy::ExposeSecret;
use url::Url;

use super::error::{FetchError, Refusal};
use super::headers::{
    fresh_until, rate_limit_pause, replace_validators, retry_after, text, update_validators,
};
use super::trip::{Arrival, Overflow, Trip, travel};
use super::{Credential, Fetched, GetRequest, Inner, Response};
use crate::domain::{HttpKey, HttpState, Moved};

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
    let (start, secret) = settled_start(url, state.as_ref(), secret);
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let conditional = add_conditions(&mut headers, state.as_ref());
    let arrival = travel(
        inner,
        Trip {
            url: start.clone(),
            headers,
            secret,
            obey_robots,
            cap: inner.bounds.max_body,
            overflow: Overflow::Fail,
        },
    )
    .await?;
    match arrival.status.as_u16() {
        200 | 203 | 204 => {
            let moved = moved(state.as_ref(), &start, arrival.moved_to.as_ref());
            Ok(Fetched::Fresh(fresh(inner, arrival, key, moved)))
        }
        304 => match state.filter(|_| conditional) {
            Some(mut state) => {
                state.moved = moved(Some(&state), &start, arrival.moved_to.as_ref());
                Ok(not_modified(inner, &arrival, state))
            }
            None => Err(FetchError::UnexpectedNotModified { url: arrival.url }),
        },
        status => Err(FetchError::Status {
            url: arrival.url,
            status,
        }),
    }
}

/// Where the trip begins: at the configured URL, or where permanent redirects led often enough. A credential
/// goes along only within its own origin, as on the way there.
fn settled_start(
    url: Url,
    state: Option<&HttpState>,
    secret: Option<Secret>,
) -> (Url, Option<Secret>) {
    let settled = state
        .and_then(|state| state.moved.as_ref())
        .filter(|moved| moved.is_settled())
        .and_then(|moved| Url::parse(&moved.to).ok())
        // What is stored may be older than our rules.
        .filter(|target| url.scheme() != "https" || target.scheme() == "https");
    match settled {
        Some(target) => {
            let secret = secret.filter(|_| target.origin() == url.origin());
            (target, secret)
        }
        None => (url, secret),
    }
}

/// The permanent redirect after this answer: counted on while it leads to the same place, begun anew where it leads
/// elsewhere, forgotten where there is none.
fn moved(before: Option<&HttpState>, start: &Url, to: Option<&Url>) -> Option<Moved> {
    let before = before.and_then(|state| state.moved.as_ref());
    match (to, before) {
        (Some(to), Some(before)) if before.to == to.as_str() => Some(Moved {
            to: before.to.clone(),
            seen: before.seen.saturating_add(1),
        }),
        (Some(to), _) => Some(Moved {
            to: to.to_string(),
            seen: 1,
        }),
        // Asked directly and answered without a further redirect.
        (None, Some(before)) if before.is_settled() && before.to == start.as_str() => {
            Some(before.clone())
        }
        (None, _) => None,
    }
}

type Secret = (String, HeaderName, HeaderValue);

fn secret_header(credential: &Credential) -> Option<Secret> {
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

fn fresh(inner: &Inner, arrival: Arrival, key: HttpKey, moved: Option<Moved>) -> Response {
    let now = inner.clock.now();
    let headers = &arrival.headers;
    let pause_until = rate_limit_pause(headers, now).max(arrival.asked_in_body);
    let mut state = HttpState::unknown(key);
    state.moved = moved;
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
