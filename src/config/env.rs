//! Environment overrides: `OVERHEARD_FETCH__TIMEOUT_SECS=10` is `timeout_secs = 10` in `[fetch]`.
//!
//! Takes the variables as an argument and never reads the process's own. Refuses secrets, because
//! other processes and crash reports can see an environment.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::explain::suggestion;
use super::layers::{Findings, Text, Texts, merge, moved};
use super::report::is_secret_name;

/// How the names of overrides begin.
pub const ENV_PREFIX: &str = "OVERHEARD_";

/// Variables with the prefix that the command line reads; they are no keys.
pub const ENV_RESERVED: [&str; 2] = ["OVERHEARD_CONFIG", "OVERHEARD_DATA"];

/// Adds one text for each variable that is an override, in the order of their names.
pub(super) fn add_texts(variables: impl IntoIterator<Item = (String, String)>, texts: &mut Texts) {
    let mut ours: Vec<(String, String)> = variables
        .into_iter()
        .filter(|(name, _)| name.starts_with(ENV_PREFIX) && !ENV_RESERVED.contains(&name.as_str()))
        .collect();
    ours.sort();
    for (name, value) in ours {
        let origin = format!("environment variable {name}");
        texts.add(&origin, format!("{name}={value}"), false);
    }
}

/// Lays one variable's value on the tree. `defaults` tells which shape the key has.
pub(super) fn overlay<'a>(
    text: &'a Text,
    defaults: &DeTable<'_>,
    tree: &mut DeTable<'a>,
    findings: &mut Findings,
) {
    let Some((name, value)) = text.content.split_once('=') else {
        return;
    };
    let name_span = text.start..text.start + name.len();
    if is_secret_name(name) {
        findings.add_with_help(
            name_span,
            "secrets are not taken from the environment",
            "put it into a file that only the daemon's user can read, and name that file with a key that ends in _file",
        );
        return;
    }
    let path = name[ENV_PREFIX.len()..].to_ascii_lowercase();
    let (section, key) = match path.split_once("__") {
        Some((section, key)) => (Some(section), key),
        None => (None, path.as_str()),
    };
    if ["sources", "models", "monitors", "endpoints", "digests"].contains(&section.unwrap_or(key)) {
        findings.add_with_help(
            name_span,
            format!("{name} cannot be set from the environment"),
            "lists of tables stand in the configuration file",
        );
        return;
    }
    let home = match section {
        None => Some(defaults),
        Some(section) => defaults
            .get(section)
            .and_then(|value| value.get_ref().as_table()),
    };
    let Some(home) = home else {
        let known = variables(defaults);
        let help = suggestion(name, &known);
        findings.note(
            name_span,
            format!("{name} is no key of the configuration"),
            help,
        );
        return;
    };
    let default = home.get(key).map(Spanned::get_ref);
    if let Some(DeValue::Table(inner)) = default {
        let example = inner.keys().next().map_or("", |key| key.get_ref());
        findings.add_with_help(
            name_span,
            format!("{name} is a table of keys"),
            format!(
                "set one of its keys, such as {}",
                variable_name(Some(key), example)
            ),
        );
        return;
    }
    if default.is_none() && !is_optional(section, key) {
        let known = variables(defaults);
        let help = suggestion(name, &known);
        findings.note(
            name_span,
            format!("{name} is no key of the configuration"),
            help,
        );
        return;
    }
    let value_span = name_span.end + 1..text.start + text.content.len();
    let value = Spanned::new(value_span.clone(), read_value(value, default, &value_span));
    let mut layer = DeTable::new();
    layer.insert(
        Spanned::new(name_span.clone(), key.to_owned().into()),
        value,
    );
    if let Some(section) = section {
        let mut outer = DeTable::new();
        outer.insert(
            Spanned::new(name_span.clone(), section.to_owned().into()),
            Spanned::new(name_span, DeValue::Table(layer)),
        );
        layer = outer;
    }
    merge(tree, layer);
}

/// Keys without a default, which the embedded file cannot show as values.
fn is_optional(section: Option<&str>, key: &str) -> bool {
    section.is_none() && key == "public_url"
}

/// The names of all variables that set a key.
fn variables(defaults: &DeTable<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for (key, value) in defaults {
        match value.get_ref() {
            DeValue::Table(section) => names.extend(
                section
                    .keys()
                    .map(|inner| variable_name(Some(key.get_ref()), inner.get_ref())),
            ),
            _ => names.push(variable_name(None, key.get_ref())),
        }
    }
    names
}

fn variable_name(section: Option<&str>, key: &str) -> String {
    let key = key.to_ascii_uppercase();
    match section {
        Some(section) => format!("{ENV_PREFIX}{}__{key}", section.to_ascii_uppercase()),
        None => format!("{ENV_PREFIX}{key}"),
    }
}

/// Reads a value in the shape of the default: texts as they are, lists with or without brackets.
fn read_value<'a>(
    value: &'a str,
    default: Option<&DeValue<'_>>,
    span: &std::ops::Range<usize>,
) -> DeValue<'a> {
    match default {
        Some(DeValue::Array(_)) => {
            let inner = value
                .trim()
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or(value);
            let mut items = DeArray::new();
            for item in inner
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
            {
                items.push(Spanned::new(span.clone(), scalar(item, span.start)));
            }
            DeValue::Array(items)
        }
        Some(DeValue::String(_)) | None => DeValue::String(value.into()),
        Some(_) => scalar(value.trim(), span.start),
    }
}

fn scalar(value: &str, offset: usize) -> DeValue<'_> {
    DeValue::parse(value).map_or_else(
        |_| DeValue::String(value.into()),
        |parsed| moved(parsed, offset).into_inner(),
    )
}
