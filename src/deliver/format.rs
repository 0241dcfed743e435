//! How a frozen body goes out: as it is, or as a CloudEvents 1.0 event over HTTP.
//!
//! Pure and deterministic: every attempt sends the same bytes. What is signed is what is sent, in each format.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chat::{self, Chat};
use crate::config::WebhookFormat;

/// What is sent besides the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wire {
    /// `Content-Type` first, then what the format adds; values are visible ASCII.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// The frozen body, taken apart; `data` stays as it was written.
#[derive(Deserialize)]
struct Frozen<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    occurred_at: &'a str,
    sequence: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// CloudEvents in its JSON format (1.0.2, section 3); `sequence` is the extension of that name.
#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    /// A text, as the extension wants it: 20 digits, so that it sorts as the number does.
    sequence: String,
    data: &'a RawValue,
}

/// Turns a frozen body into what the endpoint wants; `source` names this installation. A body that is no event of ours
/// (there is none) goes out as it is.
pub(super) fn wire(
    format: WebhookFormat,
    frozen: Vec<u8>,
    source: &str,
    template: Option<&str>,
) -> Wire {
    let json = "application/json";
    let plain = |body: Vec<u8>| Wire {
        headers: vec![("content-type", json.to_owned())],
        body,
    };
    let chat = match format {
        WebhookFormat::Standard | WebhookFormat::Ndjson | WebhookFormat::Email => {
            return plain(frozen);
        }
        WebhookFormat::Slack => Some(Chat::Slack),
        WebhookFormat::Teams => Some(Chat::Teams),
        WebhookFormat::Cloudevents | WebhookFormat::CloudeventsBinary => None,
    };
    if let Some(chat) = chat {
        return plain(chat::message(chat, &frozen, template).unwrap_or(frozen));
    }
    let Ok(event) = serde_json::from_slice::<Frozen<'_>>(&frozen) else {
        return plain(frozen);
    };
    let sequence = format!("{:020}", event.sequence);
    if format == WebhookFormat::CloudeventsBinary {
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", event.id),
            ("ce-source", source),
            ("ce-type", event.kind),
            ("ce-time", event.occurred_at),
            ("ce-sequence", &sequence),
        ];
        let headers = headers.map(|(name, value)| (name, encoded(value)));
        return Wire {
            headers: [("content-type", json.to_owned())]
                .into_iter()
                .chain(headers)
                .collect(),
            body: event.data.get().as_bytes().to_vec(),
        };
    }
    let structured = Structured {
        specversion: "1.0",
        id: event.id,
        source,
        kind: event.kind,
        time: event.occurred_at,
        datacontenttype: json,
        sequence,
        data: event.data,
    };
    match serde_json::to_vec(&structured) {
        Ok(body) => Wire {
            headers: vec![(
                "content-type",
                "application/cloudevents+json; charset=utf-8".to_owned(),
            )],
            body,
        },
        Err(_) => plain(frozen),
    }
}

/// A header's value (CloudEvents HTTP binding 1.0.2, section 3.1.3.2): all but visible ASCII, `"` and `%` as UTF-8 in
/// percent signs.
fn encoded(value: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'%' {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const FROZEN: &str = r#"{"id":"evt_1","type":"mention.created","version":1,"occurred_at":"2026-01-05T10:00:00Z","sequence":7,"data":{"b":1.50,"a":"käse"}}"#;

    fn sent(format: WebhookFormat) -> Wire {
        wire(
            format,
            FROZEN.as_bytes().to_vec(),
            "https://listen.acme.example/",
            None,
        )
    }

    #[test]
    fn the_standard_format_is_the_frozen_body() {
        let plain = sent(WebhookFormat::Standard);
        assert_eq!(plain.body, FROZEN.as_bytes());
        assert_eq!(
            plain.headers,
            [("content-type", "application/json".to_owned())]
        );
    }

    #[test]
    fn a_structured_event_holds_all_attributes_and_the_data_unchanged() {
        let structured = sent(WebhookFormat::Cloudevents);
        let body: Value = serde_json::from_slice(&structured.body).unwrap();
        assert_eq!(
            body,
            json!({
                "specversion": "1.0", "id": "evt_1", "source": "https://listen.acme.example/",
                "type": "mention.created", "time": "2026-01-05T10:00:00Z",
                "datacontenttype": "application/json", "sequence": "00000000000000000007",
                "data": { "b": 1.5, "a": "käse" }
            })
        );
        let text = String::from_utf8(structured.body).unwrap();
        assert!(text.contains(r#""data":{"b":1.50,"a":"käse"}"#), "{text}");
        assert!(
            structured.headers[0]
                .1
                .starts_with("application/cloudevents+json")
        );
    }

    #[test]
    fn a_binary_event_has_its_attributes_in_headers() {
        let binary = sent(WebhookFormat::CloudeventsBinary);
        assert_eq!(binary.body, r#"{"b":1.50,"a":"käse"}"#.as_bytes());
        let header = |name: &str| {
            let found = binary.headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!(header("ce-specversion"), Some("1.0"));
        assert_eq!(header("ce-id"), Some("evt_1"));
        assert_eq!(header("ce-type"), Some("mention.created"));
        assert_eq!(header("ce-time"), Some("2026-01-05T10:00:00Z"));
        assert_eq!(header("ce-sequence"), Some("00000000000000000007"));
    }

    #[test]
    fn values_are_percent_encoded_as_the_binding_says() {
        assert_eq!(
            encoded("Euro \u{20ac} \u{1f600}"),
            "Euro%20%E2%82%AC%20%F0%9F%98%80"
        );
        assert_eq!(encoded("a\"b%c\n"), "a%22b%25c%0A");
        assert_eq!(
            encoded("https://a.example/x?y=z"),
            "https://a.example/x?y=z"
        );
    }
}
