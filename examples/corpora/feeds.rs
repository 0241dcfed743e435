//! Corpora of whole feeds: gofeed, feedvalidator, feed-rs.

use std::path::Path;

use serde_json::Value;

use super::{Row, Verdict, expectations, same_text, same_time, shown};

/// gofeed's universal model, where it has what the reader shows; its other layers must be read, no more.
pub fn gofeed(folder: &Path) -> Vec<Row> {
    let mut translator = Row::new("gofeed translator");
    let mut parser = Row::new("gofeed parser, read");
    for case in expectations(&folder.join("expectations.json")) {
        let file = case["file"].as_str().unwrap_or_default();
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        let model = case["expected"].as_str().and_then(|path| {
            serde_json::from_slice::<Value>(&std::fs::read(folder.join(path)).ok()?).ok()
        });
        let read = || shown(&bytes, None, "");
        match (case["layer"].as_str(), model) {
            (Some("translator"), Some(model)) => {
                translator.case(file, || judged(universal(&model, &read())));
            }
            (_, model) => parser.case(file, || {
                let shown = read();
                // Where nothing is expected, any answer is right but a crash.
                if model.is_none() || shown["ok"] == true {
                    Verdict::Equal
                } else {
                    Verdict::Different(shown["error"].to_string())
                }
            }),
        }
    }
    vec![translator, parser]
}

fn judged(difference: Option<String>) -> Verdict {
    difference.map_or(Verdict::Equal, Verdict::Different)
}

/// The first difference between gofeed's model and what is shown.
fn universal(model: &Value, shown: &Value) -> Option<String> {
    for name in ["title", "link", "language"] {
        if let Some(text) = model[name].as_str()
            && !same_text(&shown[name], text)
        {
            return Some(format!("{name} is {}, expected {text:?}", shown[name]));
        }
    }
    let expected = model["items"].as_array().cloned().unwrap_or_default();
    let found = shown["entries"].as_array().cloned().unwrap_or_default();
    if expected.len() != found.len() {
        return Some(format!(
            "{} entries, expected {}",
            found.len(),
            expected.len()
        ));
    }
    expected
        .iter()
        .zip(&found)
        .find_map(|(expected, found)| universal_item(expected, found))
}

fn universal_item(expected: &Value, found: &Value) -> Option<String> {
    let fields = [
        ("title", "title"),
        ("description", "summary"),
        ("content", "content"),
        ("link", "link"),
        ("guid", "id"),
    ];
    for (theirs, ours) in fields {
        if let Some(text) = expected[theirs].as_str()
            && !same_text(&found[ours], text)
        {
            return Some(format!("{ours} is {}, expected {text:?}", found[ours]));
        }
    }
    for (theirs, ours) in [
        ("publishedParsed", "published"),
        ("updatedParsed", "updated"),
    ] {
        if let Some(text) = expected[theirs].as_str()
            && !same_time(&found[ours], text)
        {
            return Some(format!("{ours} is {}, expected {text}", found[ours]));
        }
    }
    let author = &expected["author"];
    if let Some(name) = author["name"].as_str().or_else(|| author["email"].as_str())
        && found["author"] != name
    {
        return Some(format!("author is {}, expected {name}", found["author"]));
    }
    if expected["categories"].is_array() && expected["categories"] != found["tags"] {
        return Some(format!(
            "tags are {}, expected {}",
            found["tags"], expected["categories"]
        ));
    }
    let enclosures = expected["enclosures"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for (index, enclosure) in enclosures.iter().enumerate() {
        let ours = &found["enclosures"][index];
        let same = ours["url"] == enclosure["url"]
            && ours["type"] == enclosure["type"]
            && ours["length"].as_u64() == enclosure["length"].as_str().and_then(|n| n.parse().ok());
        if !same {
            return Some(format!("enclosure is {ours}, expected {enclosure}"));
        }
    }
    None
}

/// feedvalidator: as many entries as the document has, whatever else is wrong with it.
pub fn feedvalidator(folder: &Path) -> Vec<Row> {
    let mut row = Row::new("feedvalidator, entries");
    for case in expectations(&folder.join("expectations.json")) {
        let file = case["file"].as_str().unwrap_or_default();
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        row.case(file, || {
            let shown = shown(&bytes, None, "http://127.0.0.1/feed");
            let Some(stated) = case["item_or_entry_elements"].as_u64() else {
                return Verdict::Equal;
            };
            let found = shown["entries"].as_array().map_or(0, Vec::len) as u64;
            let text = String::from_utf8_lossy(&bytes);
            // Of elements inside others only an upper bound is known.
            let nested = text.contains("<source") || text.contains("<content");
            let right = found == stated || (nested && found > 0 && found < stated);
            let no_feed = shown["ok"] == false && stated == 0;
            if right || no_feed {
                Verdict::Equal
            } else {
                Verdict::Different(format!(
                    "{found} entries, expected {stated}: {}",
                    shown["error"]
                ))
            }
        });
    }
    vec![row]
}

/// feed-rs' own fixtures: the same entries with the same titles and times.
pub fn feed_rs(folder: &Path) -> Vec<Row> {
    let mut row = Row::new("feed-rs fixtures");
    for case in expectations(&folder.join("expectations.json")) {
        let file = case["file"].as_str().unwrap_or_default();
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        let model = case["expected_model"]
            .as_str()
            .and_then(|path| std::fs::read(folder.join(path)).ok())
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let Some(model) = model else { continue };
        row.case(file, || {
            let shown = shown(&bytes, None, "");
            let expected = model["entries"].as_array().cloned().unwrap_or_default();
            let found = shown["entries"].as_array().cloned().unwrap_or_default();
            if expected.len() != found.len() {
                return Verdict::Different(format!(
                    "{} entries, expected {}: {}",
                    found.len(),
                    expected.len(),
                    shown["error"]
                ));
            }
            for (expected, found) in expected.iter().zip(&found) {
                let published = expected["published"].as_str();
                if published.is_some_and(|time| !same_time(&found["published"], time)) {
                    return Verdict::Different(format!(
                        "published is {}, expected {published:?}",
                        found["published"]
                    ));
                }
                let title = expected["title"]["content"].as_str();
                let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                let ours = words(found["title"].as_str().unwrap_or_default());
                if title.is_some_and(|title| !same_text(&ours.clone().into(), &words(title))) {
                    return Verdict::Different(format!("title is {ours:?}, expected {title:?}"));
                }
            }
            Verdict::Equal
        });
    }
    vec![row]
}
