//! A signed test event, sent once and kept nowhere: whether a receiver answers and believes us.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::attempt::request;
use super::endpoint::Endpoint;
use crate::domain::EventId;
use crate::fetch::{FetchError, Fetcher, PostAnswer};

/// The type of test events; receivers may ignore it, and no real event has it.
pub const KIND: &str = "endpoint.test";

/// Sends a test event to the endpoint, as its events are sent; no retry follows.
///
/// # Errors
/// When no answer came; an answer with any status is none.
pub async fn probe(
    endpoint: &Endpoint,
    fetcher: &Fetcher,
    public_url: Option<&str>,
    timeout: Duration,
    now: Timestamp,
) -> Result<PostAnswer, FetchError> {
    let id = EventId::derive(KIND, endpoint.id().as_str(), now.as_second().unsigned_abs());
    let body = json!({
        "id": id.as_str(),
        "type": KIND,
        "version": super::payload::VERSION,
        "occurred_at": now,
        "sequence": 0,
        "data": { "endpoint": endpoint.id().as_str() },
    })
    .to_string()
    .into_bytes();
    let request = request(endpoint, public_url, id.as_str(), now, body, timeout);
    fetcher.post(request).await
}
