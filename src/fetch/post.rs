//! One delivery to one endpoint, and one form for a hub.
//!
//! A delivery never follows a redirect and never waits for another endpoint; a form is sent in its host's turn and
//! where a redirect says that the same may be sent. Neither retries, and at most 64 KiB of an answer are read.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::error::{FetchError, Refusal};
use super::failure::connect_error;
use super::headers::retry_after;
use super::trip::{check_redirect, heed_pauses};
use super::{Inner, PostAnswer, PostRequest, Url};

/// What is read of an answer, in bytes; the connection is dropped there.
const MAX_ANSWER: usize = 64 * 1024;
/// What is kept of an answer, in bytes.
const MAX_EXCERPT: usize = 1024;

pub(super) async fn post(inner: &Inner, request: PostRequest) -> Result<PostAnswer, FetchError> {
    let PostRequest {
        url,
        headers,
        body,
        timeout,
        allow_http,
    } = request;
    let refused = |refusal| FetchError::Refused {
        url: url.clone(),
        refusal,
    };
    inner.guard.check_url(&url).map_err(refused)?;
    if url.scheme() == "http" && !allow_http {
        return Err(refused(Refusal::PlainHttp));
    }
    let mut sending = inner.post_client.post(url.clone()).body(body);
    for (name, value) in headers {
        sending = sending.header(name, value);
    }
    let deadline = Instant::now() + timeout;
    let answer = sent(&url, timeout, deadline, sending).await?;
    Ok(read(inner, answer, deadline).await)
}

/// Sends a form in its host's turn.
pub(super) async fn submit(
    inner: &Inner,
    mut url: Url,
    fields: &[(&str, &str)],
) -> Result<PostAnswer, FetchError> {
    let timeout = inner.bounds.timeout;
    let mut seen = Vec::new();
    loop {
        let checked = inner.guard.check_url(&url);
        checked.map_err(|refusal| FetchError::Refused {
            url: url.clone(),
            refusal,
        })?;
        let turn = inner.limits.turn(&url, "").await;
        let _turn = turn.map_err(|until| FetchError::RateLimited {
            url: url.clone(),
            retry_at: Some(until),
        })?;
        let deadline = Instant::now() + timeout;
        let sending = inner.post_client.post(url.clone()).form(fields);
        let answer = sent(&url, timeout, deadline, sending).await?;
        heed_pauses(inner, &url, "", &answer)?;
        if !matches!(answer.status().as_u16(), 307 | 308) {
            return Ok(read(inner, answer, deadline).await);
        }
        let location = answer.headers().get(LOCATION);
        let target = location
            .and_then(|location| location.to_str().ok())
            .and_then(|location| url.join(location).ok());
        let target =
            check_redirect(&url, target, &seen).map_err(|problem| FetchError::Redirects {
                url: url.clone(),
                problem,
            })?;
        seen.push(std::mem::replace(&mut url, target));
    }
}

async fn sent(
    url: &Url,
    timeout: Duration,
    deadline: Instant,
    sending: reqwest::RequestBuilder,
) -> Result<Response, FetchError> {
    match timeout_at(deadline, sending.send()).await {
        Ok(sent) => sent.map_err(|error| connect_error(url, timeout, error)),
        Err(_) => Err(FetchError::Timeout {
            url: url.clone(),
            after: timeout,
        }),
    }
}

/// The status and what is kept of the rest.
async fn read(inner: &Inner, mut answer: Response, deadline: Instant) -> PostAnswer {
    let status = answer.status();
    let retry_after = (status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::SERVICE_UNAVAILABLE)
        .then(|| retry_after(answer.headers(), inner.clock.now()))
        .flatten();
    // The status is the verdict; a body that trickles, breaks off or never ends does not change it.
    let mut read = 0;
    let mut kept = BytesMut::new();
    while read < MAX_ANSWER {
        let Ok(Ok(Some(chunk))) = timeout_at(deadline, answer.chunk()).await else {
            break;
        };
        read += chunk.len();
        let room = MAX_EXCERPT.saturating_sub(kept.len()).min(chunk.len());
        kept.extend_from_slice(&chunk[..room]);
    }
    PostAnswer {
        status: status.as_u16(),
        retry_after,
        excerpt: String::from_utf8_lossy(&kept).into_owned(),
    }
}
