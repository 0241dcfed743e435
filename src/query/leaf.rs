//! Builds one test out of a field and what was written for it; checks labels, numbers and times.

use std::ops::Bound;

use crate::domain::{CustomerId, MonitorId, SourceId};
use crate::text::tokenize;

use super::ast::{Form, LabelField, NumberField, Scope, Term, Test, TextTest};
use super::fields::{self, Field, FlagOrAlias, closest};
use super::time::{TimeEdge, When};

/// The fewest characters before `*`.
const MIN_PREFIX: usize = 3;
/// Numbers beyond are refused: they are slips, and floats get coarse.
const MAX_NUMBER: f64 = 1e15;

/// A word or a quoted text as it was written.
pub(super) struct Written {
    text: String,
    quoted: bool,
}

impl Written {
    pub(super) fn bare(text: String) -> Self {
        Self {
            text,
            quoted: false,
        }
    }

    pub(super) fn quoted(text: String) -> Self {
        Self { text, quoted: true }
    }
}

/// What is wrong with a leaf, without the place.
pub(super) struct Fault {
    pub message: String,
    pub expected: Option<String>,
}

fn fault<T>(message: impl Into<String>, expected: impl Into<String>) -> Result<T, Fault> {
    Err(Fault {
        message: message.into(),
        expected: Some(expected.into()),
    })
}

pub(super) fn build(field: Field, written: &Written) -> Result<Test, Fault> {
    match field {
        Field::Words(scope) => words(scope, written),
        Field::Label(field) => label(field, &written.text),
        Field::Number(field) => number(field, &written.text),
        Field::Time(edge) => time(edge, &written.text),
        Field::Is => flag("is", &written.text),
        Field::Has => flag("has", &written.text),
    }
}

fn words(scope: Scope, written: &Written) -> Result<Test, Fault> {
    if written.quoted {
        let terms = terms(&written.text);
        if terms.is_empty() {
            return fault(
                "there is no word in these quotes",
                "write a word between them",
            );
        }
        let source = written.text.clone();
        return Ok(Test::Text(TextTest {
            scope,
            form: Form::Phrase,
            source,
            terms,
        }));
    }
    let word = written.text.as_str();
    if word == "*" && scope == Scope::Anywhere {
        return Ok(Test::Everything);
    }
    not_yet(word)?;
    if let Some(stem) = word.strip_suffix('*') {
        return prefix(scope, stem);
    }
    let terms = terms(word);
    if terms.is_empty() {
        return fault(
            format!("there is no word in \"{word}\""),
            "write letters, digits or an emoji",
        );
    }
    let source = word.to_owned();
    Ok(Test::Text(TextTest {
        scope,
        form: Form::Word,
        source,
        terms,
    }))
}

/// Refuses forms of the language that come later, and habits from other languages.
fn not_yet(word: &str) -> Result<(), Fault> {
    if word == "NEAR" || word.starts_with("NEAR/") {
        return fault(
            "NEAR is not available yet",
            "AND finds the words anywhere in the post",
        );
    }
    if word.contains(['{', '}']) {
        return fault(
            "{...} (exactly these characters) is not available yet",
            "write the word without the braces; case does not count",
        );
    }
    match word {
        "&&" | "&" => return fault(format!("{word} is not an operator"), "write AND"),
        "||" | "|" => return fault(format!("{word} is not an operator"), "write OR"),
        _ => {}
    }
    if let Some(rest) = word.strip_prefix(['-', '!'])
        && rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '#' | '@'))
    {
        return fault(
            format!("{word} is not an operator"),
            format!("write NOT {rest}"),
        );
    }
    if let Some(rest) = word.strip_prefix('+')
        && rest.starts_with(char::is_alphabetic)
    {
        let expected = format!("write {rest}; words side by side must all be there");
        return fault(format!("{word} is not an operator"), expected);
    }
    let stem = word.strip_suffix('*').unwrap_or(word);
    let inner = stem
        .find('?')
        .is_some_and(|at| stem[at + 1..].contains(char::is_alphanumeric));
    if stem.contains('*') || inner {
        return fault(
            "a wildcard within a word is not available yet",
            "a * at the end of a word works, as in charg*",
        );
    }
    Ok(())
}

fn prefix(scope: Scope, stem: &str) -> Result<Test, Fault> {
    if stem.chars().filter(|c| c.is_alphanumeric()).count() < MIN_PREFIX {
        return fault(
            "this wildcard would find too many words",
            format!("write at least {MIN_PREFIX} letters before the *"),
        );
    }
    let terms = terms(stem);
    let ends_in_word = tokenize(stem)
        .last()
        .is_some_and(|token| token.end == stem.len());
    if terms.len() != 1 || !ends_in_word {
        return fault(
            format!("\"{stem}\" is more than one word"),
            "a * works after a single word; put several words in quotes, without it",
        );
    }
    let source = stem.to_owned();
    Ok(Test::Text(TextTest {
        scope,
        form: Form::Prefix,
        source,
        terms,
    }))
}

/// The tokens to find, one for each position: a hashtag or handle stands for its first word, and
/// for all of them when it is the whole text.
fn terms(text: &str) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    let mut signed_to = 0;
    for token in tokenize(text) {
        let signed = token.text.starts_with(['#', '@']);
        if token.start < signed_to && !signed {
            continue;
        }
        if signed {
            signed_to = token.end;
        }
        terms.push(Term {
            offset: token.position,
            text: token.text.into_owned(),
        });
    }
    terms
}

fn label(field: LabelField, written: &str) -> Result<Test, Fault> {
    let name = field.as_str();
    if let Some(known) = fields::labels(field) {
        let value = written.to_lowercase();
        if known.contains(&value.as_str()) {
            return Ok(Test::Label { field, value });
        }
        let all = known.join(", ");
        let expected = match closest(written, known.into_iter()) {
            Some(meant) => format!("did you mean {name}:{meant} ? There are {all}"),
            None => format!("there are {all}"),
        };
        return fault(format!("{name}: has no value \"{written}\""), expected);
    }
    let value = match field {
        LabelField::Source => SourceId::parse(written).map(|id| id.as_str().to_owned()),
        LabelField::Monitor => MonitorId::parse(written).map(|id| id.as_str().to_owned()),
        LabelField::Customer => CustomerId::parse(written).map(|id| id.as_str().to_owned()),
        LabelField::Lang => return language(written),
        LabelField::Author => Ok(author_key(written)),
        _ => Ok(written.to_lowercase()),
    };
    match value {
        Ok(value) if !value.trim().is_empty() => Ok(Test::Label { field, value }),
        Ok(_) => fault(format!("nothing stands after {name}:"), "write a value"),
        Err(invalid) => Err(Fault {
            message: invalid.to_string(),
            expected: None,
        }),
    }
}

/// The form in which handles are compared: lower case, without `@`.
#[must_use]
pub(crate) fn author_key(handle: &str) -> String {
    handle.trim().trim_start_matches('@').to_lowercase()
}

fn language(written: &str) -> Result<Test, Fault> {
    let value = written
        .split(['-', '_'])
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let is_code =
        (2..=3).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_lowercase());
    if !is_code {
        return fault(
            format!("\"{written}\" is not a language code"),
            "write two letters, such as lang:de, or lang:und for undetermined",
        );
    }
    Ok(Test::Label {
        field: LabelField::Lang,
        value,
    })
}

fn number(field: NumberField, written: &str) -> Result<Test, Fault> {
    let name = field.as_str();
    let (low, high) = match interval(written) {
        Some(bounds) => bounds,
        None => {
            let expected = format!("write {name}:>10, {name}:<=2, {name}:1..2 or {name}:3");
            return fault(
                format!("\"{written}\" is not a number or a range"),
                expected,
            );
        }
    };
    if let (Bound::Included(low), Bound::Included(high)) = (low, high)
        && low > high
    {
        return fault("this range is empty", format!("write {name}:{high}..{low}"));
    }
    Ok(Test::Number { field, low, high })
}

fn interval(written: &str) -> Option<(Bound<f64>, Bound<f64>)> {
    use Bound::{Excluded, Included, Unbounded};
    if let Some(rest) = written.strip_prefix(">=") {
        return Some((Included(float(rest)?), Unbounded));
    }
    if let Some(rest) = written.strip_prefix("<=") {
        return Some((Unbounded, Included(float(rest)?)));
    }
    if let Some(rest) = written.strip_prefix('>') {
        return Some((Excluded(float(rest)?), Unbounded));
    }
    if let Some(rest) = written.strip_prefix('<') {
        return Some((Unbounded, Excluded(float(rest)?)));
    }
    match written.split_once("..") {
        Some((low, "")) => Some((Included(float(low)?), Unbounded)),
        Some(("", high)) => Some((Unbounded, Included(float(high)?))),
        Some((low, high)) => Some((Included(float(low)?), Included(float(high)?))),
        None => {
            let value = float(written.strip_prefix('=').unwrap_or(written))?;
            Some((Included(value), Included(value)))
        }
    }
}

fn float(text: &str) -> Option<f64> {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
    if !text.chars().all(plain) || !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Adding 0 makes -0 a plain 0, which orders the same everywhere.
    (value.abs() <= MAX_NUMBER).then_some(value + 0.0)
}

fn time(edge: TimeEdge, written: &str) -> Result<Test, Fault> {
    let name = edge.as_str();
    match When::parse(written) {
        Some(when) => Ok(Test::Time { edge, when }),
        None => fault(
            format!("\"{written}\" is not a time"),
            format!(
                "write {name}:7d, {name}:36h, {name}:today, {name}:yesterday, {name}:2026-11-01 or {name}:2026-11-01T10:00:00Z"
            ),
        ),
    }
}

fn flag(prefix: &str, written: &str) -> Result<Test, Fault> {
    let value = written.to_lowercase();
    match fields::flag(prefix, &value) {
        Some(FlagOrAlias::Flag(flag)) => return Ok(Test::Flag(flag)),
        Some(FlagOrAlias::Alias(field, value)) => return Ok(Test::Label { field, value }),
        None => {}
    }
    if matches!((prefix, value.as_str()), ("has", "media" | "case")) {
        return Err(Fault {
            message: format!("has:{value} is not available yet"),
            expected: None,
        });
    }
    let known = fields::flag_values(prefix);
    let all = known.join(", ");
    let expected = match closest(&value, known.into_iter()) {
        Some(meant) => format!("did you mean {prefix}:{meant} ?"),
        None => format!("there are {all}"),
    };
    fault(format!("{prefix}: has no value \"{written}\""), expected)
}
