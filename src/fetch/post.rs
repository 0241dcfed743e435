//! One delivery to one endpoint.
//!
//! Never follows a redirect, never retries, never waits for another endpoint, and reads at most
//! 64 KiB of the answer. Retrying is the outbox's business.

use bytes::BytesMut;
use reqwest::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::error::{FetchError, Refusal};
use super::failure::connect_error;
use super::headers::retry_after;
use super::{Inner, PostAnswer, PostRequest};

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
    let mut answer = match timeout_at(deadline, sending.send()).await {
        Ok(sent) => sent.map_err(|error| connect_error(&url, timeout, error))?,
        Err(_) => {
            return Err(FetchError::Timeout {
                url,
                after: timeout,
            });
        }
    };
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
    Ok(PostAnswer {
        status: status.as_u16(),
        retry_after,
        excerpt: String::from_utf8_lossy(&kept).into_owned(),
    })
}
