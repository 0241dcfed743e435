//! The table of fields and of the labels that they take. Knows what is spelled almost right.

use crate::domain::analysis::{EMOTIONS, INTENTS};
use crate::domain::{PostKind, SentimentLabel};

use super::ast::{AddressField, Flag, LabelField, NumberField, Scope, Sort};
use super::time::TimeEdge;

/// What stands before a `:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Words(Scope),
    Label(LabelField),
    Address(AddressField),
    Number(NumberField),
    Time(TimeEdge),
    Date,
    Is,
    Has,
}

/// Why there is no such field.
pub(super) enum NoField {
    /// It belongs to the language and cannot be answered yet; perhaps with what to write instead.
    NotYet(Option<&'static str>),
    /// Nobody knows it; perhaps with the one that was meant.
    Unknown(Option<String>),
}

/// Fields of the language that come later.
const LATER: [(&str, Option<&str>); 8] = [
    ("country", None),
    ("tag", Some("#tag finds a hashtag in the text")),
    ("reach", Some("followers:>1000 works")),
    ("status", None),
    ("assignee", None),
    ("priority", None),
    ("near", Some("write battery NEAR/5 dead")),
    ("topic", None),
];

impl Field {
    pub(super) fn named(name: &str) -> Result<Self, NoField> {
        let fields = Self::all();
        if let Some((_, field)) = fields.iter().find(|(known, _)| *known == name) {
            return Ok(*field);
        }
        if let Some((_, instead)) = LATER.iter().find(|(later, _)| *later == name) {
            return Err(NoField::NotYet(*instead));
        }
        let names = fields.iter().map(|(known, _)| *known);
        Err(NoField::Unknown(closest(name, names)))
    }

    fn all() -> Vec<(&'static str, Self)> {
        let mut fields = vec![
            ("title", Self::Words(Scope::Title)),
            ("text", Self::Words(Scope::Text)),
            ("author_name", Self::Words(Scope::AuthorName)),
            ("bio", Self::Words(Scope::Bio)),
            ("url", Self::Address(AddressField::Url)),
            ("link", Self::Address(AddressField::Link)),
            ("date", Self::Date),
            ("since", Self::Time(TimeEdge::Since)),
            ("until", Self::Time(TimeEdge::Until)),
            ("is", Self::Is),
            ("has", Self::Has),
        ];
        fields.extend(
            LabelField::ALL
                .iter()
                // Reached through `AddressField::Link`.
                .filter(|field| **field != LabelField::LinkSite)
                .map(|field| (field.as_str(), Self::Label(*field))),
        );
        fields.extend(
            NumberField::ALL
                .iter()
                .map(|field| (field.as_str(), Self::Number(*field))),
        );
        fields
    }
}

/// The names that a label takes when they are a closed set.
pub(super) fn labels(field: LabelField) -> Option<Vec<&'static str>> {
    match field {
        LabelField::Kind => Some(PostKind::ALL.iter().map(|kind| kind.as_str()).collect()),
        LabelField::Sentiment => Some(
            SentimentLabel::ALL
                .iter()
                .map(|label| label.as_str())
                .collect(),
        ),
        LabelField::Intent => Some(INTENTS.to_vec()),
        LabelField::Emotion => Some(EMOTIONS.to_vec()),
        _ => None,
    }
}

/// The fields by name, each with the values that it takes where they are a closed set: for those who complete queries.
#[must_use]
pub fn vocabulary() -> Vec<(&'static str, Vec<&'static str>)> {
    let values = |name: &str, field: Field| match field {
        Field::Label(field) => labels(field).unwrap_or_default(),
        Field::Is | Field::Has => flag_values(name),
        _ => Vec::new(),
    };
    let mut fields: Vec<_> = Field::all()
        .into_iter()
        .map(|(name, field)| (name, values(name, field)))
        .collect();
    fields.push(("similar", Vec::new()));
    fields.push(("sort", Sort::ALL.iter().map(|sort| sort.as_str()).collect()));
    fields.sort_unstable();
    fields
}

/// What `is:` or `has:` with this value asks for.
pub(super) enum FlagOrAlias {
    Flag(Flag),
    Alias(LabelField, String),
}

/// Flags, and `is:reply` for `kind:reply`, `is:question` for `intent:question`.
pub(super) fn flag(prefix: &str, value: &str) -> Option<FlagOrAlias> {
    let full = format!("{prefix}:{value}");
    if let Some(flag) = Flag::ALL.iter().find(|flag| flag.as_str() == full) {
        return Some(FlagOrAlias::Flag(*flag));
    }
    if prefix != "is" {
        return None;
    }
    [LabelField::Kind, LabelField::Intent]
        .into_iter()
        .find(|field| labels(*field).is_some_and(|names| names.contains(&value)))
        .map(|field| FlagOrAlias::Alias(field, value.to_owned()))
}

/// The values of `is:` and `has:`, to show and to choose a suggestion from.
pub(super) fn flag_values(prefix: &str) -> Vec<&'static str> {
    let mut values: Vec<&'static str> = Flag::ALL
        .iter()
        .filter_map(|flag| flag.as_str().split_once(':'))
        .filter(|(known, _)| *known == prefix)
        .map(|(_, value)| value)
        .collect();
    if prefix == "is" {
        values.extend(PostKind::ALL.iter().map(|kind| kind.as_str()));
        values.extend(INTENTS);
    }
    values
}

/// The name that was probably meant.
pub(super) fn closest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for known in names {
        let near = strsim::damerau_levenshtein(&name, known) <= 2;
        let begins = name.len() >= 3 && (known.starts_with(&name) || name.starts_with(known));
        let likeness = strsim::jaro_winkler(&name, known);
        if (begins || near && likeness > 0.7 || likeness > 0.88)
            && best.is_none_or(|(most, _)| likeness > most)
        {
            best = Some((likeness, known));
        }
    }
    best.map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_find_theirs() {
        let fields = ["sentiment", "source", "score", "intent", "is"];
        let cases = [
            ("sentimant", Some("sentiment")),
            ("Source", Some("source")),
            ("scroe", Some("score")),
            ("sent", Some("sentiment")),
            ("http", None),
            ("re", None),
        ];
        for (name, expected) in cases {
            assert_eq!(
                closest(name, fields.into_iter()).as_deref(),
                expected,
                "{name}"
            );
        }
        let intents = closest("purchase", INTENTS.into_iter());
        assert_eq!(intents.as_deref(), Some("purchase_intent"));
    }
}
