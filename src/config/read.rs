//! Reads a table into its type and goes on after a mistake, so that all of them are found.
//!
//! The types' own `Deserialize` is the only schema. When it fails, the entry at fault is noted,
//! replaced by its default (or a stand-in, when it has none) and the table is read again.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

use super::explain::{Complaint, bad_value, classify, suggestion};
use super::layers::{Findings, NOWHERE};
use super::report::is_secret_name;

/// What a missing text is replaced by, so that reading can go on.
const STAND_IN: &str = "stand-in";

/// A value that was read, with the places of its keys.
pub(super) struct Section<'a, T> {
    /// The value; mistakes are replaced by defaults.
    pub(super) value: T,
    table: DeTable<'a>,
    span: Range<usize>,
}

impl<'a, T> Section<'a, T> {
    /// The value, and the places without it.
    pub(super) fn into_parts(self) -> (T, Section<'a, ()>) {
        let places = Section {
            value: (),
            table: self.table,
            span: self.span,
        };
        (self.value, places)
    }

    /// The place of a key's value; the table's when the key is not there.
    pub(super) fn span(&self, key: &str) -> Range<usize> {
        self.table
            .get(key)
            .map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// The place of one item of a key's list.
    pub(super) fn item_span(&self, key: &str, index: usize) -> Range<usize> {
        self.table
            .get(key)
            .and_then(|value| value.get_ref().as_array())
            .and_then(|items| items.get(index))
            .map_or_else(|| self.span(key), Spanned::span)
    }
}

/// A table that is about to be read.
pub(super) struct Draft<'a> {
    /// What the table is called in messages: `[fetch]`.
    pub(super) name: String,
    /// Where its header stands.
    pub(super) span: Range<usize>,
    /// Its entries.
    pub(super) table: DeTable<'a>,
    /// What a wrong entry is replaced by.
    pub(super) defaults: DeTable<'a>,
    /// Keys that are known beside those of the type.
    pub(super) also_known: &'static [&'static str],
}

impl<'a> Draft<'a> {
    /// Reads the table as a `T`. `None` only when nothing can stand in for what is wrong.
    pub(super) fn read<T: DeserializeOwned>(
        mut self,
        findings: &mut Findings,
    ) -> Option<Section<'a, T>> {
        // Each round removes or adds one entry, so this bound is never met by a table that can be repaired.
        for _ in 0..self.table.len() * 2 + 64 {
            let value = Spanned::new(self.span.clone(), DeValue::Table(self.table.clone()));
            match T::deserialize(ValueDeserializer::from(value)) {
                Ok(value) => {
                    return Some(Section {
                        value,
                        table: self.table,
                        span: self.span,
                    });
                }
                Err(error) => self.repair(&error, findings)?,
            }
        }
        None
    }

    fn repair(&mut self, error: &Error, findings: &mut Findings) -> Option<()> {
        let complaint = classify(error.message());
        if let Complaint::Missing { name } = complaint {
            return self.stand_in(name, findings);
        }
        let Some((key, key_span, value_span)) = self.at_fault(error) else {
            let message = format!("{}: {}", self.name, error.message());
            findings.add(self.span.clone(), message);
            return None;
        };
        if value_span == NOWHERE {
            return None;
        }
        match complaint {
            Complaint::UnknownKey { name, mut known } => {
                known.extend(self.also_known.iter().map(|key| (*key).to_owned()));
                let help = suggestion(&name, &known);
                let message = format!("unknown key \"{name}\" in {}", self.name);
                findings.note(key_span, message, help);
            }
            Complaint::Missing { .. } | Complaint::Value => {
                let (message, help) = bad_value(&key, error.message());
                let message = if is_secret_name(&key) {
                    format!("\"{key}\" has a value of the wrong kind")
                } else {
                    message
                };
                let span = error.span().unwrap_or(value_span);
                findings.note(span, message, help);
            }
        }
        self.table.remove(key.as_str());
        if let Some((name, default)) = self.defaults.get_key_value(key.as_str()) {
            self.table.insert(name.clone(), default.clone());
        } else if matches!(classify(error.message()), Complaint::Value) {
            // Keys without a default that are required come back as a stand-in; see `stand_in`.
            self.defaults.insert(
                Spanned::new(NOWHERE, key.into()),
                Spanned::new(NOWHERE, DeValue::String(STAND_IN.into())),
            );
        }
        Some(())
    }

    /// Replaces a missing key; it is noted unless it was there and wrong.
    fn stand_in(&mut self, name: String, findings: &mut Findings) -> Option<()> {
        if self.table.contains_key(name.as_str()) {
            return None;
        }
        let was_wrong = self.defaults.contains_key(name.as_str());
        if !was_wrong {
            findings.add_with_help(
                self.span.clone(),
                format!("{} lacks the key \"{name}\"", self.name),
                format!("add {name} = \"...\"; config/overheard.toml has an example"),
            );
        }
        self.table.insert(
            Spanned::new(NOWHERE, name.into()),
            Spanned::new(NOWHERE, DeValue::String(STAND_IN.into())),
        );
        Some(())
    }

    /// The entry that an error is about, by its place.
    fn at_fault(&self, error: &Error) -> Option<(String, Range<usize>, Range<usize>)> {
        let span = error.span()?;
        self.table
            .iter()
            .find(|(key, value)| {
                let whole = value.span();
                key.span() == span || (whole.start <= span.start && span.end <= whole.end)
            })
            .map(|(key, value)| (key.get_ref().to_string(), key.span(), value.span()))
    }
}
