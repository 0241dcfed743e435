//! The texts that make a configuration (defaults, file, environment) as one tree with places.
//!
//! All texts lie in one row of byte offsets, so that any span in the merged tree tells which text
//! it came from. Only shapes are handled here; what a key means is not known.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{ConfigProblem, Place};

/// The span of what stands nowhere: a stand-in for a missing key.
pub(super) const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// One text and where it begins in the row.
pub(super) struct Text {
    origin: String,
    pub(super) content: String,
    pub(super) start: usize,
    numbered: bool,
}

/// All texts of one configuration. The first is the defaults.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) texts: Vec<Text>,
}

impl Texts {
    /// Adds a text; `numbered` when it has lines (a file), not for variables.
    pub(super) fn add(&mut self, origin: &str, content: String, numbered: bool) {
        let start = self
            .texts
            .last()
            .map_or(0, |text| text.start + text.content.len() + 1);
        self.texts.push(Text {
            origin: origin.to_owned(),
            content,
            start,
            numbered,
        });
    }

    /// What is written at a span, if it lies within one text.
    pub(super) fn slice(&self, span: &Range<usize>) -> Option<&str> {
        let text = self
            .texts
            .iter()
            .rev()
            .find(|text| text.start <= span.start)?;
        text.content
            .get(span.start - text.start..span.end.checked_sub(text.start)?)
    }

    fn place(&self, span: &Range<usize>) -> Option<Place> {
        let text = self
            .texts
            .iter()
            .rev()
            .find(|text| text.start <= span.start)
            .filter(|text| span.start <= text.start + text.content.len())?;
        let local = span.start - text.start..span.end.saturating_sub(text.start);
        Some(Place::new(
            &text.origin,
            &text.content,
            &local,
            text.numbered,
        ))
    }
}

/// Problems with the spans that order them.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<(Range<usize>, String, Option<String>)>,
}

impl Findings {
    /// Notes a problem. One at a stand-in for a missing key is a consequence of another and dropped.
    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.note(span, message.into(), None);
    }

    /// Notes a problem and what to do about it.
    pub(super) fn add_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(span, message.into(), Some(help.into()));
    }

    /// Notes a problem with help, if there is any.
    pub(super) fn note(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        if span != NOWHERE {
            self.found.push((span, message, help));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The problems in the order of their places.
    pub(super) fn into_problems(mut self, texts: &Texts) -> Vec<ConfigProblem> {
        self.found.sort_by_key(|(span, ..)| span.start);
        self.found.dedup();
        self.found
            .into_iter()
            .map(|(span, message, help)| ConfigProblem {
                message,
                place: texts.place(&span),
                help,
            })
            .collect()
    }
}

/// Parses a text; every syntax error is noted.
pub(super) fn parse<'a>(text: &'a Text, findings: &mut Findings) -> DeTable<'a> {
    let (table, errors) = DeTable::parse_recoverable(&text.content);
    let end = text.content.len();
    for error in errors {
        let span = error.span().unwrap_or(end..end);
        findings.add(
            span.start + text.start..span.end + text.start,
            format!("not valid TOML: {}", error.message().replace('`', "\"")),
        );
    }
    moved_table(table.into_inner(), text.start)
}

/// Moves every span of a value by `offset`.
pub(super) fn moved<'a>(value: Spanned<DeValue<'a>>, offset: usize) -> Spanned<DeValue<'a>> {
    let span = moved_span(&value.span(), offset);
    let value = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(moved_table(table, offset)),
        DeValue::Array(items) => {
            DeValue::Array(items.into_iter().map(|item| moved(item, offset)).collect())
        }
        scalar => scalar,
    };
    Spanned::new(span, value)
}

fn moved_table(table: DeTable<'_>, offset: usize) -> DeTable<'_> {
    table
        .into_iter()
        .map(|(key, value)| {
            let span = moved_span(&key.span(), offset);
            (Spanned::new(span, key.into_inner()), moved(value, offset))
        })
        .collect()
}

fn moved_span(span: &Range<usize>, offset: usize) -> Range<usize> {
    span.start + offset..span.end + offset
}

/// Lays `over` on `under`: tables are merged, anything else is replaced, place included.
pub(super) fn merge<'a>(under: &mut DeTable<'a>, over: DeTable<'a>) {
    for (key, value) in over {
        let merged = match (under.remove_entry(key.get_ref().as_ref()), value) {
            (Some((_, old)), new) if old.get_ref().is_table() && new.get_ref().is_table() => {
                let span = new.span();
                match (old.into_inner(), new.into_inner()) {
                    (DeValue::Table(mut old), DeValue::Table(new)) => {
                        merge(&mut old, new);
                        Spanned::new(span, DeValue::Table(old))
                    }
                    (_, new) => Spanned::new(span, new),
                }
            }
            (_, new) => new,
        };
        under.insert(key, merged);
    }
}
