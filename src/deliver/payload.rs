//! What receivers read: `{id, type, version, occurred_at, sequence, data}` as JSON.
//!
//! Pure: renders what it is given. Never writes a post's raw markup, only its plain text, and never
//! guesses the installation's address: without `public_url` the links are absent. These types are
//! the wire; they change by addition only, and `version` counts changes that break receivers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::data::{
    CustomerData, Data, DeletedMentionData, DigestData, LinkedData, Links, MentionData, SourceData,
    ThinData,
};
use crate::domain::{Customer, Event, EventKind, PostRecord, SourceStatus, Subject};

/// The version of all payloads.
pub const VERSION: u32 = 1;

/// Bodies above this are sent thin: ids, a few facts and a link.
pub const MAX_BODY_BYTES: usize = 20_000;

/// The current state of what an event is about. `None` means that it is gone.
#[derive(Debug, Clone, PartialEq)]
pub enum Facts {
    /// A mention, its post joined with all that is known.
    Mention(Option<Box<PostRecord>>),
    /// A customer.
    Customer(Option<Box<Customer>>),
    /// A digest; its name and date are in the event.
    Digest,
    /// A source.
    Source(Option<Box<SourceStatus>>),
}

/// Renders an event's body. `public_url` is the installation's own address, if it has one.
///
/// A mention whose post is gone is rendered as `mention.deleted`, whatever the event was.
#[must_use]
pub fn render(event: &Event, sequence: u64, facts: &Facts, public_url: Option<&str>) -> Vec<u8> {
    let links = Links { public_url };
    let (kind, data) = match &event.subject {
        Subject::Mention { id } => match facts {
            Facts::Mention(Some(record)) if event.kind != EventKind::MentionDeleted => (
                event.kind,
                Data::Mention(Box::new(MentionData::new(record, &links))),
            ),
            _ => (
                EventKind::MentionDeleted,
                Data::DeletedMention(DeletedMentionData {
                    id: id.as_str(),
                    post_id: id.post().to_string(),
                }),
            ),
        },
        Subject::Customer { id } => {
            let customer = match facts {
                Facts::Customer(Some(customer)) => Some(CustomerData::new(customer)),
                _ => None,
            };
            let data = LinkedData {
                customer_id: id.as_str(),
                link: links.to(&["customers", id.as_str()]),
                customer,
            };
            (event.kind, Data::Linked(Box::new(data)))
        }
        Subject::Digest { id, date } => {
            let data = DigestData {
                digest: id.as_str(),
                date,
            };
            (event.kind, Data::Digest(data))
        }
        Subject::Source { id } => {
            let status = match facts {
                Facts::Source(Some(status)) => Some(status.as_ref()),
                _ => None,
            };
            let data = SourceData::new(id.as_str(), status, &links);
            (event.kind, Data::Source(data))
        }
    };
    let body = encode(event, kind, sequence, &data);
    if body.len() <= MAX_BODY_BYTES {
        return body;
    }
    let thin = thin(event, facts, &links);
    encode(event, kind, sequence, &Data::Thin(thin))
}

fn encode(event: &Event, kind: EventKind, sequence: u64, data: &Data<'_>) -> Vec<u8> {
    let envelope = Envelope {
        id: event.id.as_str(),
        kind,
        version: VERSION,
        occurred_at: event.occurred_at,
        sequence,
        data,
    };
    serde_json::to_vec(&envelope).expect("invariant: the payload types have text keys only")
}

fn thin<'a>(event: &'a Event, facts: &'a Facts, links: &Links<'_>) -> ThinData<'a> {
    let (id, link) = match &event.subject {
        Subject::Mention { id } => (id.as_str(), links.post(&id.post())),
        Subject::Customer { id } => (id.as_str(), links.to(&["customers", id.as_str()])),
        Subject::Digest { id, .. } => (id.as_str(), None),
        Subject::Source { id } => (id.as_str(), links.to(&["sources"])),
    };
    let network = match facts {
        Facts::Mention(Some(record)) => Some(record.post.key.network.as_str()),
        _ => None,
    };
    ThinData {
        id,
        thin: true,
        network: network.filter(|network| network.len() <= 64),
        link,
    }
}

/// A frozen body with ids and a link alone, as [`MAX_BODY_BYTES`] makes of a long one. What is no event of ours (there is none)
/// stays as it is.
#[must_use]
pub(super) fn thinned(frozen: Vec<u8>) -> Vec<u8> {
    let Ok(event) = serde_json::from_slice::<Frozen<'_, serde_json::Value>>(&frozen) else {
        return frozen;
    };
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| event.data.get(*name)?.as_str())
    };
    let thin = ThinData {
        id: text(&["id", "customer_id", "digest", "source"]).unwrap_or_default(),
        thin: true,
        network: text(&["network"]),
        link: text(&["link"]).map(str::to_owned),
    };
    let envelope = Frozen {
        id: event.id,
        kind: event.kind,
        version: event.version,
        occurred_at: event.occurred_at,
        sequence: event.sequence,
        data: thin,
    };
    serde_json::to_vec(&envelope).unwrap_or(frozen)
}

/// A frozen body, taken apart to be written again with other data.
#[derive(Deserialize, Serialize)]
struct Frozen<'a, D> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    version: u32,
    occurred_at: &'a str,
    sequence: u64,
    data: D,
}

#[derive(Serialize)]
struct Envelope<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: EventKind,
    version: u32,
    occurred_at: Timestamp,
    /// Grows with each event; an unordered receiver drops what is older than what it knows.
    sequence: u64,
    data: &'a Data<'a>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::deliver::testing;
    use crate::domain::{CustomerId, DigestId, SourceId};

    fn event(kind: EventKind, subject: Subject) -> Event {
        Event::new(kind, subject, 1, testing::start())
    }

    fn value(event: &Event, facts: &Facts, public_url: Option<&str>) -> Value {
        serde_json::from_slice(&render(event, 7, facts, public_url)).unwrap()
    }

    fn mention(record: &PostRecord) -> Event {
        let id = record.post.id.mention();
        event(EventKind::MentionCreated, Subject::Mention { id })
    }

    #[test]
    fn a_mention_says_what_is_known_and_no_markup() {
        let record = testing::record("1", "the coffee is cold");
        let event = mention(&record);
        let facts = Facts::Mention(Some(Box::new(record.clone())));
        let body = value(&event, &facts, Some("https://listen.acme.example/town/"));
        assert_eq!(
            body,
            json!({
                "id": event.id, "type": "mention.created", "version": 1,
                "occurred_at": "2026-01-05T10:00:00Z", "sequence": 7,
                "data": {
                    "id": record.post.id.mention(), "post_id": record.post.id,
                    "monitors": ["acme"], "network": "forum", "source": "acme-forum",
                    "kind": "post", "url": "https://forum.example/1",
                    "link": format!("https://listen.acme.example/town/mentions/{}", record.post.id.mention()),
                    "title": null, "text": "the coffee is cold", "language": "en",
                    "author": {
                        "id": record.post.author_id(), "handle": "ann", "display_name": null,
                        "url": null, "followers": 12, "verified": false
                    },
                    "engagement": { "likes": 3, "replies": null, "shares": 0 },
                    "rating": { "value": 2.0, "best": 5.0 },
                    "published_at": "2026-01-05T09:59:00Z", "fetched_at": "2026-01-05T10:00:00Z",
                    "duplicate_of": null,
                    "analysis": {
                        "model": "m@1", "supported": true,
                        "sentiment": { "label": "negative", "score": -0.5 },
                        "emotions": ["anger"], "intents": ["complaint"],
                        "urgency": 2
                    },
                    "customer": {
                        "id": "C 1", "name": "Ann", "segment": "gold", "value": 10.0, "tags": ["vip"],
                        "confidence": 0.9, "evidence": "handle"
                    }
                }
            })
        );
    }

    #[test]
    fn a_mention_whose_post_is_gone_is_a_deleted_one() {
        let record = testing::record("1", "gone");
        let id = record.post.id.mention();
        let updated = event(
            EventKind::MentionUpdated,
            Subject::Mention { id: id.clone() },
        );
        let body = value(&updated, &Facts::Mention(None), None);
        assert_eq!(body["id"], json!(updated.id));
        assert_eq!(body["type"], "mention.deleted");
        assert_eq!(body["data"], json!({ "id": id, "post_id": record.post.id }));

        // A post that came back later does not turn the news of its deletion into its text.
        let deleted = event(EventKind::MentionDeleted, Subject::Mention { id });
        let body = value(&deleted, &Facts::Mention(Some(Box::new(record))), None);
        assert_eq!(body["type"], "mention.deleted");
        assert_eq!(body["data"].get("text"), None);
    }

    #[test]
    fn the_other_events_say_what_they_are_about() {
        let id = CustomerId::parse("C 1/ä").unwrap();
        let linked = event(EventKind::CustomerLinked, Subject::Customer { id });
        let body = value(
            &linked,
            &Facts::Customer(None),
            Some("http://localhost:8080"),
        );
        assert_eq!(
            body["data"],
            json!({
                "customer_id": "C 1/ä", "customer": null,
                "link": "http://localhost:8080/customers/C%201%2F%C3%A4"
            })
        );

        let id = DigestId::parse("daily").unwrap();
        let date = "2026-01-04".to_owned();
        let ready = event(EventKind::DigestReady, Subject::Digest { id, date });
        let body = value(&ready, &Facts::Digest, Some("https://a.example"));
        assert_eq!(
            body["data"],
            json!({
                "digest": "daily", "date": "2026-01-04"
            })
        );

        let id = SourceId::parse("acme-forum").unwrap();
        let failed = event(EventKind::SourceFailed, Subject::Source { id });
        let status = testing::failed_source();
        let body = value(&failed, &Facts::Source(Some(Box::new(status))), None);
        assert_eq!(
            body["data"],
            json!({
                "source": "acme-forum", "kind": "feed", "state": "paused", "error": "401",
                "failures": 3, "polled_at": "2026-01-05T10:00:00Z", "succeeded_at": null
            })
        );
    }

    #[test]
    fn item_14_a_body_over_20_kb_is_thin_and_links_to_the_whole() {
        let record = testing::record("1", &"long ".repeat(4_000));
        let event = mention(&record);
        let facts = Facts::Mention(Some(Box::new(record.clone())));
        let body = value(&event, &facts, Some("https://a.example"));
        assert_eq!(body["type"], "mention.created");
        assert_eq!(
            body["data"],
            json!({
                "id": record.post.id.mention(), "thin": true, "network": "forum",
                "link": format!("https://a.example/mentions/{}", record.post.id.mention())
            })
        );
        // Without an address of its own, the installation names no link.
        let body = value(&event, &facts, None);
        assert_eq!(body["data"].get("link"), None);
        assert_eq!(body["data"]["id"], json!(record.post.id.mention()));
    }
}
