//! Turns the deserializer's messages into sentences for people, with a suggestion.
//!
//! The messages that it knows are pinned by the tests in `load_tests.rs`; one that it does not know
//! is passed on as it is.

use super::report::nearest;

/// What a message of the deserializer is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// A key that the table does not have, with the keys that it has.
    UnknownKey { name: String, known: Vec<String> },
    /// A key that must be there.
    Missing { name: String },
    /// A value that does not fit.
    Value,
}

/// Sorts a message.
pub(super) fn classify(message: &str) -> Complaint {
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
    if message.starts_with("unknown field") {
        let name = quoted.next().unwrap_or_default();
        return Complaint::UnknownKey {
            name,
            known: quoted.collect(),
        };
    }
    if message.starts_with("missing field") {
        return Complaint::Missing {
            name: quoted.next().unwrap_or_default(),
        };
    }
    Complaint::Value
}

/// The help for a name that is not known.
pub(super) fn suggestion(name: &str, known: &[String]) -> Option<String> {
    if let Some(name) = nearest(name, known.iter().map(String::as_str)) {
        return Some(format!("did you mean \"{name}\"?"));
    }
    (!known.is_empty()).then(|| format!("use one of {}", known.join(", ")))
}

/// What is wrong with a key's value, and help.
pub(super) fn bad_value(key: &str, message: &str) -> (String, Option<String>) {
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let mut quoted = rest.split('`').skip(1).step_by(2).map(str::to_owned);
        let name = quoted.next().unwrap_or_default();
        let known: Vec<String> = quoted.collect();
        let help = suggestion(&name, &known);
        return (format!("\"{key}\" cannot be \"{name}\""), help);
    }
    if message.starts_with("wanted string or table") {
        return (format!("\"{key}\" must be a text in quotes"), None);
    }
    for prefix in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) = message
            .strip_prefix(prefix)
            .and_then(|rest| rest.rsplit_once(", expected "))
        {
            let expected = expectation(expected);
            return (
                format!("\"{key}\" must be {expected}, not {}", finding(found)),
                None,
            );
        }
    }
    if message.contains("socket address") {
        return (
            format!("\"{key}\" is not an address with a port"),
            Some("write it like \"127.0.0.1:8787\"".to_owned()),
        );
    }
    if message == "integer number overflowed" || message == "floating-point number overflowed" {
        return (format!("\"{key}\" is too large a number"), None);
    }
    (format!("\"{key}\": {message}"), None)
}

fn expectation(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i64" | "i32" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" | "path string" => "a text in quotes",
        "a sequence" => "a list in brackets",
        other if other.starts_with("struct ") || other == "a map" => "a table of keys",
        "socket address" => "an address with a port in quotes, such as \"127.0.0.1:8787\"",
        other => other,
    };
    words.to_owned()
}

fn finding(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let value = value.trim_matches('`');
    match kind {
        "string" => format!("the text {}", shortened(value)),
        "integer" => format!("the number {value}"),
        "boolean" => value.to_owned(),
        "floating" => format!(
            "the number {}",
            value.trim_start_matches("point").trim_matches([' ', '`'])
        ),
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        _ => found.to_owned(),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    let start: String = text.chars().take(36).collect();
    format!("{start}...\"")
}
