//! The API's reference, made of its own description (`/api/v1/openapi.json`), for people to read.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use super::{Chrome, Place, chrome, error_page, html};
use crate::web::SharedSite;
use crate::web::auth::guard::PageReader;

#[derive(Template)]
#[template(path = "web/reference.html")]
struct ReferencePage<'a> {
    chrome: Chrome,
    base_url: &'a str,
    groups: &'a [Group],
}

/// Operations that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct Group {
    name: String,
    text: String,
    operations: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Operation {
    method: String,
    path: String,
    summary: String,
    /// Parameters, body and answer, as far as there are any.
    parts: Vec<(&'static str, Vec<Field>)>,
}

/// A name with what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    kind: String,
    text: String,
}

pub(in crate::web) async fn reference(
    State(site): State<SharedSite>,
    reader: PageReader,
) -> Response {
    match chrome(&site, Place::Elsewhere, &reader).await {
        Ok(chrome) => {
            let page = ReferencePage {
                chrome,
                base_url: site.web.base_url.trim_end_matches('/'),
                groups: &site.reference,
            };
            html(StatusCode::OK, &page)
        }
        Err(problem) => error_page(&site, &problem),
    }
}

/// What the page shows of a description.
pub(in crate::web) fn groups(description: &OpenApi) -> Vec<Group> {
    let description = serde_json::to_value(description).unwrap_or_default();
    let mut groups: Vec<Group> = list(&description["tags"])
        .map(|tag| Group {
            name: text(&tag["name"]),
            text: text(&tag["description"]),
            operations: Vec::new(),
        })
        .collect();
    for (path, operations) in entries(&description["paths"]) {
        for (method, operation) in entries(operations) {
            let tag = text(&operation["tags"][0]);
            let group = groups.iter_mut().find(|group| group.name == tag);
            if let Some(group) = group {
                let operation = operation_of(&description, path, method, operation);
                group.operations.push(operation);
            }
        }
    }
    groups
}

fn operation_of(description: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let parameters = list(&operation["parameters"]).map(|parameter| Field {
        name: text(&parameter["name"]),
        kind: kind(&parameter["schema"]),
        text: text(&parameter["description"]),
    });
    let answers = entries(&operation["responses"]).find(|(status, _)| status.starts_with('2'));
    let answer = answers.map(|(_, answer)| &answer["content"]["application/json"]["schema"]);
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let answer = answer.map_or_else(Vec::new, |schema| fields(description, schema));
    let parts = [
        ("Parameters", parameters.collect()),
        ("Body", fields(description, body)),
        ("Answer", answer),
    ];
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        parts: parts
            .into_iter()
            .filter(|(_, fields)| !fields.is_empty())
            .collect(),
    }
}

/// The properties of an object, its parts in `allOf` included.
fn fields(description: &Value, schema: &Value) -> Vec<Field> {
    let schema = resolved(description, schema);
    let mut found: Vec<Field> = list(&schema["allOf"])
        .flat_map(|part| fields(description, part))
        .collect();
    found.extend(
        entries(&schema["properties"]).map(|(name, property)| Field {
            name: name.to_owned(),
            kind: kind(property),
            text: text(&property["description"]),
        }),
    );
    found
}

fn resolved<'a>(description: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(name_of);
    name.map_or(schema, |name| &description["components"]["schemas"][name])
}

/// A type in few words: `text`, `number`, `list of MentionDto`.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(name_of) {
        return name.to_owned();
    }
    let one_of = list(&schema["oneOf"])
        .map(kind)
        .filter(|kind| kind != "null");
    let one_of: Vec<String> = one_of.collect();
    if !one_of.is_empty() {
        return one_of.join(" or ");
    }
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let names = names.iter().filter(|name| *name != "null");
    let names = names.map(|name| match name.as_str() {
        "string" => "text".to_owned(),
        "integer" => "number".to_owned(),
        "array" => format!("list of {}", kind(&schema["items"])),
        other => other.to_owned(),
    });
    names.collect::<Vec<_>>().join(" or ")
}

fn name_of(reference: &str) -> Option<&str> {
    reference.rsplit('/').next()
}

/// Words without the marks of Markdown, which the descriptions use for code alone.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('`', "")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.as_str(), value))
}
