//! A test event, sent once and kept nowhere: whether a receiver answers and believes us.

use std::time::Duration;

use serde_json::json;

use super::endpoint::Endpoint;
use super::send::{Door, Outcome, Sending};
use crate::domain::EventId;
use crate::fetch::Fetcher;
use crate::runtime::Clock;

/// The type of test events; receivers may ignore it, and no real event has it.
pub const KIND: &str = "endpoint.test";

/// Sends a test event to the endpoint, as its events are sent; no retry follows.
pub async fn probe(
    endpoint: &Endpoint,
    fetcher: &Fetcher,
    public_url: Option<&str>,
    timeout: Duration,
    clock: &Clock,
) -> Outcome {
    let at = clock.now();
    let id = EventId::derive(KIND, endpoint.id().as_str(), at.as_second().unsigned_abs());
    let body = json!({
        "id": id.as_str(),
        "type": KIND,
        "version": super::payload::VERSION,
        "occurred_at": at,
        "sequence": 0,
        "data": { "endpoint": endpoint.id().as_str() },
    });
    let door = Door {
        fetcher,
        clock,
        public_url,
        timeout,
    };
    let sending = Sending {
        id: &id,
        at,
        frozen: body.to_string().into_bytes(),
        report: None,
    };
    door.send(endpoint, sending).await
}
