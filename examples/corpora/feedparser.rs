//! The corpus of feedparser: paths into its own model, translated to what the reader shows.

use std::path::Path;

use serde_json::Value;

use super::{Row, Verdict, expectations, same_text, same_time, shown};

pub fn run(folder: &Path) -> Vec<Row> {
    let mut core = Row::new("feedparser core");
    let mut other = Row::new("feedparser other");
    let mut safety = Row::new("feedparser safety");
    for case in expectations(&folder.join("expectations.json")) {
        let file = case["file"].as_str().unwrap_or_default();
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        let header = |name: &str| {
            let headers = case["response_headers"].as_object()?;
            let (_, value) = headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            value.as_str()
        };
        let path = file.trim_start_matches("cases/");
        let base = header("content-location").map_or_else(
            || format!("http://127.0.0.1:8097/tests/{path}"),
            str::to_owned,
        );
        let read = || shown(&bytes, header("content-type"), &base);
        if case["mode"] == "safety" {
            safety.case(file, || match unsafe_text(&read()) {
                None => Verdict::Equal,
                Some(text) => Verdict::Different(format!("unsafe: {text}")),
            });
            continue;
        }
        let row = if case["core"] == true {
            &mut core
        } else {
            &mut other
        };
        row.case(file, || judge(&case, &read()));
    }
    vec![core, other, safety]
}

/// A case is equal when all that the reader could show of it is; one that need not crash is when it did not.
fn judge(case: &Value, shown: &Value) -> Verdict {
    let asserts = case["asserts"].as_array().cloned().unwrap_or_default();
    if asserts.is_empty() {
        return Verdict::Equal;
    }
    let mut judged = false;
    for assert in &asserts {
        let Some(holds) = holds(assert, shown) else {
            continue;
        };
        judged = true;
        if !holds {
            let excerpt: String = shown.to_string().chars().take(700).collect();
            return Verdict::Different(format!("expected {assert} in {excerpt}"));
        }
    }
    if judged {
        Verdict::Equal
    } else {
        Verdict::NotShown
    }
}

/// Whether an assertion holds; `None` when the reader shows nothing like it.
fn holds(assert: &Value, shown: &Value) -> Option<bool> {
    let path: Vec<String> = match &assert["path"] {
        Value::Array(parts) => parts
            .iter()
            .map(|part| {
                part.as_str()
                    .map_or_else(|| part.to_string(), str::to_owned)
            })
            .collect(),
        path => path.as_str()?.split('.').map(str::to_owned).collect(),
    };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (found, is_time) = find(&path, assert, shown)?;
    let expected = &assert["value"];
    Some(match assert["op"].as_str()? {
        "eq" if is_time => {
            let moment = expected["$utc"].as_str().or_else(|| expected.as_str())?;
            same_time(&found, moment)
        }
        "eq" => match expected {
            Value::String(text) if path == ["encoding"] => same_encoding(&found, text),
            Value::String(text) => same_text(&found, text),
            Value::Null => found.is_null(),
            Value::Object(parts) => parts.iter().all(|(key, value)| {
                let key = if key == "href" { "url" } else { key };
                let text = value.as_str().unwrap_or_default();
                found[key].to_string().trim_matches('"') == text
            }),
            other => found == *other,
        },
        "ne" => !same_text(&found, expected.as_str()?),
        "absent" | "falsy" => found.is_null() || found.as_str() == Some(""),
        "truthy" => !found.is_null(),
        "len_eq" => found.as_array().map(Vec::len) == expected.as_u64().map(|n| n as usize),
        "ord_eq" => {
            found.as_str()?.chars().next().map(u32::from) == expected.as_u64().map(|n| n as u32)
        }
        "contains" => found
            .as_str()
            .unwrap_or_default()
            .contains(expected.as_str()?),
        "not_contains" => !found
            .as_str()
            .unwrap_or_default()
            .contains(expected.as_str()?),
        _ => return None,
    })
}

/// The value at a path of feedparser's model, and whether it is a time.
fn find(path: &[&str], assert: &Value, shown: &Value) -> Option<(Value, bool)> {
    let text = |value: &Value| Some((value.clone(), false));
    match path {
        ["encoding" | "version"] => text(&shown[path[0]]),
        ["entries"] => text(&shown["entries"]),
        ["feed", name @ ("title" | "link" | "language")] => text(&shown[*name]),
        ["feed", "ttl"] => {
            let minutes = shown["ttl_secs"]
                .as_u64()
                .map(|secs| (secs / 60).to_string());
            Some((minutes.into(), false))
        }
        ["entries", index, rest @ ..] => {
            let entry = &shown["entries"][index.parse::<usize>().ok()?];
            match rest {
                [
                    name @ ("title" | "link" | "id" | "summary" | "author" | "tags" | "enclosures"),
                ] => text(&entry[*name]),
                ["description"] => text(&entry["summary"]),
                ["guid"] => text(&entry["id"]),
                ["category"] => text(&entry["tags"][0]),
                ["published" | "published_parsed" | "issued" | "issued_parsed"] => {
                    Some((entry["published"].clone(), true))
                }
                ["updated" | "updated_parsed" | "modified" | "modified_parsed"] => {
                    Some((entry["updated"].clone(), true))
                }
                ["content", "0", "value"] => text(&entry["content"]),
                ["content", "0", "language"] => text(&entry["language"]),
                ["author_detail" | "publisher_detail", "name"] | ["authors", "0", "name"] => {
                    text(&entry["author"])
                }
                ["tags", tag, "term"] => text(&entry["tags"][tag.parse::<usize>().ok()?]),
                ["links", "0", "href"] if assert["op"] == "eq" => {
                    // Of several links the reader shows one alone; enclosures stand elsewhere.
                    let known = !entry["link"].is_null();
                    known.then(|| (entry["link"].clone(), false))
                }
                ["enclosures", number] => text(&entry["enclosures"][number.parse::<usize>().ok()?]),
                ["enclosures", number, part] => {
                    let part = if *part == "href" { "url" } else { part };
                    let found = &entry["enclosures"][number.parse::<usize>().ok()?][part];
                    let found = found
                        .as_u64()
                        .map_or_else(|| found.clone(), |n| n.to_string().into());
                    Some((found, false))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The same encoding, by any of its names.
fn same_encoding(found: &Value, expected: &str) -> bool {
    let found = found.as_str().unwrap_or_default();
    let name = |label: &str| {
        encoding_rs::Encoding::for_label(label.as_bytes()).map_or_else(
            || label.to_ascii_lowercase(),
            |found| found.name().to_owned(),
        )
    };
    // ASCII is a label of Windows-1252 for the web, but not the same claim.
    found.eq_ignore_ascii_case(expected)
        || (!expected.contains("ascii")
            && !found.contains("ascii")
            && name(found) == name(expected))
}

fn unsafe_text(shown: &Value) -> Option<String> {
    let mut texts = vec![shown["title"].as_str()];
    for entry in shown["entries"].as_array().into_iter().flatten() {
        texts.extend(["title", "summary", "content"].map(|name| entry[name].as_str()));
    }
    texts
        .into_iter()
        .flatten()
        .find_map(|text| super::others::danger(text).map(|why| format!("{why} in {text}")))
}
