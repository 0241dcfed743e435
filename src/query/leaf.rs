//! Builds one test out of a field and what was written for it; checks labels, numbers and times.

use std::ops::Bound;

use crate::domain::{CustomerId, MonitorId, PostId, SourceId};
use crate::text::{fold, plain_text, tokenize};

use super::address::{address, is_host};
use super::ast::{
    AddressField, Form, LabelField, MAX_DISTANCE, NumberField, Pattern, Phrase, Scope, Term, Test,
    TextTest, Word,
};
use super::fields::{self, Field, FlagOrAlias, closest};
use super::time::{TimeEdge, When};
use super::tokens::position;
use super::wildcard::{TooWide, Wildcard};

/// Numbers beyond are refused: they are slips, and floats get coarse.
const MAX_NUMBER: f64 = 1e15;

/// A word or a quoted text as it was written.
pub(super) struct Written {
    pub text: String,
    pub how: How,
}

/// How a text was written.
pub(super) enum How {
    /// Plainly.
    Bare,
    /// In quotes; with what stood behind `~`.
    Quoted(Option<u32>),
    /// In braces.
    Exact,
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
    if let Field::Words(scope) = field {
        return words(scope, written);
    }
    match written.how {
        How::Exact => {
            return fault("{...} compares words of a text", "remove the braces");
        }
        How::Quoted(Some(_)) => {
            return fault(
                "~ counts words of a text",
                "remove what stands behind the quotes",
            );
        }
        How::Bare | How::Quoted(None) => {}
    }
    match field {
        Field::Words(scope) => words(scope, written),
        Field::Label(field) => label(field, &written.text),
        Field::Address(field) => self::web_address(field, &written.text),
        Field::Number(field) => number(field, &written.text),
        Field::Time(edge) => time(edge, &written.text),
        Field::Date => date(&written.text),
        Field::Is => flag("is", &written.text),
        Field::Has => flag("has", &written.text),
    }
}

fn words(scope: Scope, written: &Written) -> Result<Test, Fault> {
    let text = written.text.as_str();
    let pattern = match written.how {
        How::Bare if text == "*" && scope == Scope::Anywhere => return Ok(Test::Everything),
        How::Bare => Pattern::Phrase(bare(text)?),
        How::Exact if matches!(scope, Scope::AuthorName | Scope::Bio) => {
            return fault(
                "{...} compares words of title and text",
                "remove the braces; case does not count here",
            );
        }
        How::Exact => Pattern::Phrase(exact(text)?),
        How::Quoted(reach) => {
            let phrase = quoted(text)?;
            match reach {
                None => Pattern::Phrase(phrase),
                Some(reach) => within(phrase, reach)?,
            }
        }
    };
    Ok(Test::Text(TextTest { scope, pattern }))
}

fn quoted(text: &str) -> Result<Phrase, Fault> {
    let terms = terms(text);
    if terms.is_empty() {
        return fault(
            "there is no word in these quotes",
            "write a word between them",
        );
    }
    Ok(Phrase {
        form: Form::Quoted,
        source: text.to_owned(),
        terms,
    })
}

fn within(phrase: Phrase, reach: u32) -> Result<Pattern, Fault> {
    if !(1..=MAX_DISTANCE).contains(&reach) {
        return fault(
            format!("the words can be 1 to {MAX_DISTANCE} positions apart, not {reach}"),
            "write ~5, or AND between the words to find them anywhere",
        );
    }
    let words = phrase.terms.len();
    if words < 2 {
        return fault(
            "~ needs at least two words in the quotes",
            "write a second word, or remove it",
        );
    }
    if words > reach as usize + 1 {
        let least = words - 1;
        return fault(
            format!("{words} words do not fit into {reach} positions"),
            format!("write ~{least} or more"),
        );
    }
    Ok(Pattern::Within { phrase, reach })
}

fn bare(word: &str) -> Result<Phrase, Fault> {
    no_operator(word)?;
    // A question mark behind a word is a question mark.
    let asked = word.trim_end_matches('?');
    if asked.contains(['*', '?']) {
        return wildcard(asked);
    }
    let terms = terms(asked);
    if terms.is_empty() {
        return fault(
            format!("there is no word in \"{word}\""),
            "write letters, digits or an emoji",
        );
    }
    // Without its question mark `NOT?` would be an operator; words are the same in any case.
    let is_operator = matches!(asked, "AND" | "OR" | "NOT" | "NEAR");
    let source = if is_operator {
        asked.to_lowercase()
    } else {
        asked.to_owned()
    };
    Ok(Phrase {
        form: Form::Word,
        source,
        terms,
    })
}

/// Refuses habits from other languages.
fn no_operator(word: &str) -> Result<(), Fault> {
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
    Ok(())
}

fn wildcard(word: &str) -> Result<Phrase, Fault> {
    let folded = fold(word);
    let one_word = folded
        .split(['*', '?'])
        .enumerate()
        .all(|(at, piece)| is_piece_of_word(piece, at == 0));
    if !one_word {
        return fault(
            format!("\"{word}\" is more than one word"),
            "* and ? work within a single word; put several words in quotes, without them",
        );
    }
    match Wildcard::new(&folded) {
        Ok(wildcard) => Ok(Phrase {
            form: Form::Wildcard,
            source: word.to_owned(),
            terms: vec![Term::new(0, Word::Like(wildcard))],
        }),
        Err(TooWide { needed, sign }) => {
            let letters = if needed == 1 {
                "a letter".to_owned()
            } else {
                format!("at least {needed} letters")
            };
            fault(
                "this wildcard would find too many words",
                format!("write {letters} before the {sign}"),
            )
        }
    }
}

/// Whether a piece between wildcards can be part of one token: nothing in it ends a word.
fn is_piece_of_word(piece: &str, first: bool) -> bool {
    let body = match first {
        true => piece.strip_prefix(['#', '@']).unwrap_or(piece),
        false => piece,
    };
    let signed = body.len() < piece.len();
    body.is_empty()
        || tokenize(body).next().is_some_and(|token| {
            let whole = token.start == 0 && token.end == body.len();
            whole || signed && body.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

fn exact(text: &str) -> Result<Phrase, Fault> {
    let source = plain_text(text);
    let source = source.trim();
    let mut terms: Vec<Term> = Vec::new();
    let mut end = 0;
    for token in tokenize(source) {
        if token.text.starts_with(['#', '@']) {
            return fault(
                "a hashtag or handle cannot be compared exactly",
                "write it without the braces; case does not count there",
            );
        }
        if source[end..token.start].contains(|c: char| !c.is_whitespace()) {
            return not_a_letter(source);
        }
        end = token.end;
        let word = Word::Exact {
            written: source[token.start..token.end].to_owned(),
            folded: token.text.into_owned(),
        };
        terms.push(Term::new(position(token.position), word));
    }
    if terms.is_empty() {
        return fault(
            "there is no word in these braces",
            "write a word between them",
        );
    }
    if end < source.len() {
        return not_a_letter(source);
    }
    Ok(Phrase {
        form: Form::Exact,
        source: source.to_owned(),
        terms,
    })
}

fn not_a_letter(source: &str) -> Result<Phrase, Fault> {
    fault(
        format!("{{{source}}} holds a sign that belongs to no word"),
        "only letters, digits and emoji can be compared exactly",
    )
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
        let word = Word::Folded(token.text.into_owned());
        terms.push(Term::new(position(token.position), word));
    }
    terms
}

fn web_address(field: AddressField, written: &str) -> Result<Test, Fault> {
    let prefix = address(written);
    if prefix.is_empty() {
        let name = field.as_str();
        return fault(
            format!("nothing stands after {name}:"),
            format!("write {name}:acme.com or {name}:acme.com/blog"),
        );
    }
    if field == AddressField::Link && is_host(&prefix) {
        let field = LabelField::LinkSite;
        return Ok(Test::Label {
            field,
            value: prefix,
        });
    }
    Ok(Test::Address { field, prefix })
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
        LabelField::Site | LabelField::LinkSite => Ok(address(written)),
        LabelField::Duplicate => return duplicate(written),
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

fn duplicate(written: &str) -> Result<Test, Fault> {
    let value = written.to_lowercase();
    if !matches!(value.as_str(), "yes" | "no") && PostId::parse(&value).is_err() {
        return fault(
            format!("duplicate: has no value \"{written}\""),
            "write duplicate:no for originals, duplicate:yes for copies, or the id of a post for its group",
        );
    }
    let field = LabelField::Duplicate;
    Ok(Test::Label { field, value })
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

fn date(written: &str) -> Result<Test, Fault> {
    let (from, to) = written.split_once("..").unwrap_or((written, written));
    match (When::parse(from), When::parse(to)) {
        (Some(from), Some(to)) => Ok(Test::Date { from, to }),
        _ => fault(
            format!("\"{written}\" is not a day or a range of days"),
            "write date:2026-10-01, date:2026-10-01..2026-10-31, date:today or date:14d..7d",
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
