//! The JSON Schema of each event, made of the types that are sent, against `docs/events/` and against what is rendered.

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::data::{DeletedMentionData, DigestData, LinkedData, MentionData, SourceData, ThinData};
use super::payload::{Facts, VERSION, render};
use super::testing;
use crate::domain::{CustomerId, DigestId, Event, EventKind, SourceId, Subject};

/// The schema of events of this kind (JSON Schema 2020-12).
fn schema(kind: EventKind) -> Value {
    let mut parts = Vec::new();
    let whole = match kind {
        EventKind::MentionCreated | EventKind::MentionUpdated => {
            part::<MentionData<'_>>(&mut parts)
        }
        EventKind::MentionDeleted => part::<DeletedMentionData<'_>>(&mut parts),
        EventKind::CustomerLinked => part::<LinkedData<'_>>(&mut parts),
        EventKind::DigestReady => part::<DigestData<'_>>(&mut parts),
        EventKind::SourceFailed => part::<SourceData<'_>>(&mut parts),
    };
    let data = match kind {
        // What is too long comes thin.
        EventKind::MentionCreated | EventKind::MentionUpdated => {
            let thin = part::<ThinData<'_>>(&mut parts);
            json!({ "oneOf": [whole, thin] })
        }
        _ => whole,
    };
    let definitions: Map<String, Value> = parts.into_iter().collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.as_str(),
        "type": "object",
        "required": ["id", "type", "version", "occurred_at", "sequence", "data"],
        "properties": {
            "id": {
                "type": "string",
                "pattern": "^evt_[0-9a-f]{32}$",
                "description": "Constant over attempts, and the header webhook-id: deduplicate on it"
            },
            "type": { "const": kind.as_str() },
            "version": { "const": VERSION },
            "occurred_at": { "type": "string", "format": "date-time" },
            "sequence": {
                "type": "integer",
                "minimum": 1,
                "description": "Grows with each event; drop what is older than what you know of the same thing"
            },
            "data": data
        },
        "$defs": definitions
    });
    // The generator's references are OpenAPI's.
    let text = schema
        .to_string()
        .replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap()
}

/// A reference to a type's schema; the schema and all that it refers to are added to `parts`.
fn part<T: ToSchema>(parts: &mut Vec<(String, Value)>) -> Value {
    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    parts.extend(
        schemas
            .into_iter()
            .map(|(name, schema)| (name, json!(schema))),
    );
    json!({ "$ref": format!("#/$defs/{}", T::name()) })
}

fn validator(kind: EventKind) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema(kind))
        .unwrap()
}

fn check(kind: EventKind, subject: Subject, facts: &Facts) -> Value {
    let event = Event::new(kind, subject, 1, testing::start());
    let body = render(&event, 7, facts, Some("https://listen.acme.example"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    let found = EventKind::from_name(body["type"].as_str().unwrap()).unwrap();
    let errors: Vec<String> = validator(found)
        .iter_errors(&body)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{kind:?}: {errors:?} in {body}");
    body
}

#[test]
fn every_event_is_as_its_schema_says() {
    for text in ["the coffee is cold", &"long ".repeat(5_000)] {
        let record = testing::record("1", text);
        let id = record.post.id.mention();
        for kind in [EventKind::MentionCreated, EventKind::MentionUpdated] {
            let facts = Facts::Mention(Some(Box::new(record.clone())));
            check(kind, Subject::Mention { id: id.clone() }, &facts);
        }
        let mut plain = record.clone();
        (plain.analysis, plain.customer, plain.post.author) = (None, None, None);
        let facts = Facts::Mention(Some(Box::new(plain)));
        check(
            EventKind::MentionCreated,
            Subject::Mention { id: id.clone() },
            &facts,
        );
        let gone = Facts::Mention(None);
        check(
            EventKind::MentionDeleted,
            Subject::Mention { id: id.clone() },
            &gone,
        );
        check(EventKind::MentionCreated, Subject::Mention { id }, &gone);
    }
    let id = CustomerId::parse("C 1").unwrap();
    let (customer, _) = testing::record("1", "x").customer.unwrap();
    for facts in [
        Facts::Customer(Some(Box::new(customer))),
        Facts::Customer(None),
    ] {
        check(
            EventKind::CustomerLinked,
            Subject::Customer { id: id.clone() },
            &facts,
        );
    }
    let digest = Subject::Digest {
        id: DigestId::parse("daily").unwrap(),
        date: "2026-01-04".to_owned(),
    };
    check(EventKind::DigestReady, digest, &Facts::Digest);
    let source = Subject::Source {
        id: SourceId::parse("acme-forum").unwrap(),
    };
    let failed = Facts::Source(Some(Box::new(testing::failed_source())));
    check(EventKind::SourceFailed, source, &failed);
}

#[test]
fn a_schema_refuses_what_is_something_else() {
    let record = testing::record("1", "the coffee is cold");
    let id = record.post.id.mention();
    let facts = Facts::Mention(Some(Box::new(record)));
    let good = check(EventKind::MentionCreated, Subject::Mention { id }, &facts);
    let validator = validator(EventKind::MentionCreated);
    for (pointer, wrong) in [
        ("/id", json!("1")),
        ("/type", json!("mention.deleted")),
        ("/version", json!(2)),
        ("/sequence", json!("7")),
        ("/occurred_at", json!("yesterday")),
        ("/data/text", json!(null)),
        ("/data/author/verified", json!("no")),
        ("/data/analysis/urgency", json!("high")),
        ("/data", json!({})),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&body), "{pointer}");
    }
}

/// With `OVERHEARD_TEST_ACCEPT` it writes the files instead, for somebody to read and commit.
#[test]
fn the_files_in_docs_are_these_schemas() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events");
    for kind in EventKind::ALL {
        let path = dir.join(format!("{}.schema.json", kind.as_str()));
        let text = serde_json::to_string_pretty(&schema(kind)).unwrap() + "\n";
        if std::env::var_os("OVERHEARD_TEST_ACCEPT").is_some() {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(&path, text).unwrap();
            continue;
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text,
            "{}: run this with OVERHEARD_TEST_ACCEPT=1",
            path.display()
        );
    }
}
