//! What the labels of a file mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::domain::SentimentLabel;
use crate::domain::analysis::{EMOTIONS, INTENTS};

/// What a file's labels say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelSet {
    /// One of negative, neutral, positive.
    Sentiment,
    /// A number that grows with how positive the text is, on any scale.
    Strength,
    /// Any of Ekman's six and neutral; GoEmotions' names count for their group.
    Emotions,
    /// Any of GoEmotions' 28.
    GoEmotions,
    /// Any of the intents.
    Intents,
    /// Whether one intent is present.
    Intent(&'static str),
    /// A level from 0 to 3.
    Urgency,
    /// A language code.
    Language,
}

impl LabelSet {
    /// The set with this name, as `--labels` takes it.
    ///
    /// # Errors
    /// When there is no such set; the message lists all of them.
    pub fn parse(name: &str) -> Result<Self, String> {
        let set = match name {
            "sentiment" => Self::Sentiment,
            "strength" => Self::Strength,
            "emotions" | "ekman" => Self::Emotions,
            "goemotions" => Self::GoEmotions,
            "intents" => Self::Intents,
            "urgency" => Self::Urgency,
            "language" => Self::Language,
            _ => match INTENTS.iter().find(|intent| **intent == name) {
                Some(intent) => Self::Intent(intent),
                None => {
                    return Err(format!(
                        "there is no label set \"{name}\": use sentiment, strength, emotions, goemotions, \
                         intents, urgency, language, or one intent ({})",
                        INTENTS.join(", ")
                    ));
                }
            },
        };
        Ok(set)
    }
}

impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sentiment => "sentiment",
            Self::Strength => "strength",
            Self::Emotions => "emotions",
            Self::GoEmotions => "goemotions",
            Self::Intents => "intents",
            Self::Intent(name) => name,
            Self::Urgency => "urgency",
            Self::Language => "language",
        })
    }
}

/// Why labels cannot be judged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoldError {
    /// A cell is no label of the set.
    #[error(
        "row {row}: \"{cell}\" is no label of {set}: {help}; write --map '{cell}=LABEL', or --map '{cell}=' to leave such rows out"
    )]
    Unknown {
        /// Number of the row, from 1, the header not counted.
        row: usize,
        /// What stands there.
        cell: String,
        /// The set's name.
        set: String,
        /// What may stand there.
        help: String,
    },
    /// No row has both a label and a score.
    #[error("nothing to measure: no row has both a label and a text that could be scored")]
    Nothing,
}

/// The labels of all rows; none for a row whose label was mapped away.
#[derive(Debug, Clone, PartialEq)]
pub enum Gold {
    /// One class a row.
    Classes {
        /// The classes that occur.
        names: Vec<String>,
        /// Places in `names`.
        rows: Vec<Option<usize>>,
    },
    /// Any number of labels a row.
    Sets {
        /// All labels of the set.
        names: Vec<String>,
        /// Bit n is `names[n]`.
        rows: Vec<Option<u64>>,
    },
    /// A number a row.
    Numbers(Vec<Option<f64>>),
}

/// Names of the fine emotions and of the group of each.
pub type Groups = BTreeMap<String, String>;

impl Gold {
    /// Reads the cells of a file. `map` renames cells first; a cell that is renamed to nothing leaves its
    /// row out. `groups` has the model's fine emotions, each with its Ekman group.
    ///
    /// # Errors
    /// When a cell is no label of the set.
    pub fn read(
        set: &LabelSet,
        cells: &[&str],
        map: &BTreeMap<String, String>,
        groups: &Groups,
    ) -> Result<Self, GoldError> {
        let mapped: Vec<Option<&str>> = cells
            .iter()
            .map(|cell| match map.get(cell.trim()) {
                Some(new) if new.is_empty() => None,
                Some(new) => Some(new.as_str()),
                None => Some(cell.trim()),
            })
            .collect();
        match set {
            LabelSet::Sentiment => {
                let scale = Scale::of(&mapped);
                let help =
                    "use negative, neutral, positive; -1, 0, 1; 0, 1, 2; or, for two classes, 0, 1";
                classes(set, &mapped, help, |cell| scale.label(cell))
            }
            LabelSet::Intent(intent) => {
                let help = format!("use 1 or {intent} where it is present, 0 where it is not");
                classes(set, &mapped, &help, |cell| yes_or_no(intent, cell))
            }
            LabelSet::Urgency => classes(set, &mapped, "use a level from 0 to 3", |cell| {
                matches!(cell, "0" | "1" | "2" | "3").then(|| cell.to_owned())
            }),
            LabelSet::Language => classes(set, &mapped, "use a code such as en or yue", |cell| {
                let code = cell.to_ascii_lowercase();
                let good =
                    (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
                good.then_some(code)
            }),
            LabelSet::Emotions => {
                let names = EMOTIONS.map(str::to_owned).to_vec();
                sets(set, &mapped, names, |name| {
                    groups.get(name).map_or(name, String::as_str)
                })
            }
            LabelSet::GoEmotions => {
                sets(set, &mapped, groups.keys().cloned().collect(), |name| name)
            }
            LabelSet::Intents => sets(set, &mapped, INTENTS.map(str::to_owned).to_vec(), |name| {
                name
            }),
            LabelSet::Strength => numbers(set, &mapped),
        }
    }

    /// Whether each row has a label.
    pub(super) fn labelled(&self) -> Vec<bool> {
        match self {
            Self::Classes { rows, .. } => rows.iter().map(Option::is_some).collect(),
            Self::Sets { rows, .. } => rows.iter().map(Option::is_some).collect(),
            Self::Numbers(rows) => rows.iter().map(Option::is_some).collect(),
        }
    }
}

fn unknown(set: &LabelSet, row: usize, cell: &str, help: &str) -> GoldError {
    GoldError::Unknown {
        row: row + 1,
        cell: cell.to_owned(),
        set: set.to_string(),
        help: help.to_owned(),
    }
}

fn classes(
    set: &LabelSet,
    cells: &[Option<&str>],
    help: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<Gold, GoldError> {
    let mut found = Vec::with_capacity(cells.len());
    for (row, cell) in cells.iter().enumerate() {
        found.push(match cell {
            Some(cell) => Some(read(cell).ok_or_else(|| unknown(set, row, cell, help))?),
            None => None,
        });
    }
    let occurring: BTreeSet<&String> = found.iter().flatten().collect();
    let names: Vec<String> = occurring.into_iter().cloned().collect();
    let place = |name: &String| names.iter().position(|other| other == name);
    let rows = found
        .iter()
        .map(|name| name.as_ref().and_then(place))
        .collect();
    Ok(Gold::Classes { names, rows })
}

fn sets<'a>(
    set: &LabelSet,
    cells: &[Option<&'a str>],
    names: Vec<String>,
    rename: impl Fn(&'a str) -> &'a str,
) -> Result<Gold, GoldError> {
    let help = format!(
        "use none or some of {}, with | between them",
        names.join(", ")
    );
    let mut rows = Vec::with_capacity(cells.len());
    for (row, cell) in cells.iter().enumerate() {
        let Some(cell) = cell else {
            rows.push(None);
            continue;
        };
        let mut bits = 0;
        for name in cell.split(['|', ',']).map(str::trim) {
            if name.is_empty() || name == "none" {
                continue;
            }
            let renamed = rename(name);
            let place = names.iter().position(|other| other == renamed);
            bits |= 1 << place.ok_or_else(|| unknown(set, row, name, &help))?;
        }
        rows.push(Some(bits));
    }
    Ok(Gold::Sets { names, rows })
}

fn numbers(set: &LabelSet, cells: &[Option<&str>]) -> Result<Gold, GoldError> {
    let mut rows = Vec::with_capacity(cells.len());
    for (row, cell) in cells.iter().enumerate() {
        rows.push(match cell {
            Some(cell) => {
                let number = cell.parse().ok().filter(|number: &f64| number.is_finite());
                Some(number.ok_or_else(|| unknown(set, row, cell, "use a number"))?)
            }
            None => None,
        });
    }
    Ok(Gold::Numbers(rows))
}

fn yes_or_no(intent: &str, cell: &str) -> Option<String> {
    match cell.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Some(intent.to_owned()),
        "0" | "false" | "no" | "" | "none" | "other" => Some("other".to_owned()),
        // A cell of several intents, as `intents` takes them.
        cell => {
            let mut names = cell.split(['|', ',']).map(str::trim);
            if names.clone().any(|name| name == intent) {
                return Some(intent.to_owned());
            }
            names
                .all(|name| INTENTS.contains(&name))
                .then(|| "other".to_owned())
        }
    }
}

/// How numbers stand for classes of sentiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// -1, 0, 1.
    Signed,
    /// 0, 1, 2.
    ThreeSteps,
    /// 0, 1 without neutral.
    TwoSteps,
}

impl Scale {
    fn of(cells: &[Option<&str>]) -> Self {
        let has = |wanted: &str| cells.contains(&Some(wanted));
        match (has("-1"), has("2")) {
            (true, _) => Self::Signed,
            (false, true) => Self::ThreeSteps,
            (false, false) => Self::TwoSteps,
        }
    }

    fn label(self, cell: &str) -> Option<String> {
        let name = match (self, cell) {
            (Self::Signed, "-1") | (Self::ThreeSteps | Self::TwoSteps, "0") => "negative",
            (Self::Signed, "0") | (Self::ThreeSteps, "1") => "neutral",
            (Self::Signed | Self::TwoSteps, "1") | (Self::ThreeSteps, "2") => "positive",
            (_, name) => name,
        };
        let name = name.to_ascii_lowercase();
        SentimentLabel::from_name(&name).map(|label| label.as_str().to_owned())
    }
}
