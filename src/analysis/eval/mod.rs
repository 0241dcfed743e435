//! Measures a model on labelled texts: what labels mean (`gold`), what the model said against them
//! (`figures`), and how sure a figure is (`bootstrap`).
//!
//! Pure: it neither reads files nor runs a model. Rows whose text could not be scored and rows whose
//! label was mapped away are left out of every figure, and counted.

mod bootstrap;
mod figures;
mod gold;

use std::collections::BTreeMap;

use serde::Serialize;

pub use bootstrap::{Bootstrap, Interval};
pub use figures::{ClassFigures, Figures};
pub use gold::{Gold, GoldError, LabelSet};

use crate::domain::{Analysis, Language};

/// What became of one labelled text.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What the model said; none when the text was at fault.
    pub analysis: Option<Analysis>,
    /// Its language, as detected or given.
    pub language: Language,
}

/// Figures of a model on a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The label set that was judged.
    pub labels: String,
    /// Labelled texts in the figures.
    pub rows: usize,
    /// Rows left out because their label was mapped away.
    pub dropped: usize,
    /// Rows left out because their text could not be scored.
    pub faults: usize,
    /// Rows in the figures whose language no model serves.
    pub unsupported: usize,
    /// Which models spoke, each with its rows.
    pub models: BTreeMap<String, usize>,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// 95 % intervals of the figures by name, from resampling rows.
    pub intervals: BTreeMap<&'static str, Interval>,
    /// How the intervals were drawn.
    pub bootstrap: Bootstrap,
}

/// Compares labels and judgements, which belong together by position.
///
/// # Errors
/// When nothing is left to measure.
pub fn measure(
    set: &LabelSet,
    gold: &Gold,
    judged: &[Judged],
    bootstrap: Bootstrap,
) -> Result<Report, GoldError> {
    let labelled = gold.labelled();
    let dropped = labelled.iter().filter(|labelled| !**labelled).count();
    let rows: Vec<usize> = (0..judged.len().min(labelled.len()))
        .filter(|&row| labelled[row] && judged[row].analysis.is_some())
        .collect();
    if rows.is_empty() {
        return Err(GoldError::Nothing);
    }
    let mut models = BTreeMap::new();
    let mut unsupported = 0;
    for analysis in rows.iter().filter_map(|&row| judged[row].analysis.as_ref()) {
        *models.entry(analysis.model.to_string()).or_insert(0) += 1;
        unsupported += usize::from(!analysis.supported);
    }
    let said = figures::Said::new(set, gold, judged, &rows);
    Ok(Report {
        labels: set.to_string(),
        rows: rows.len(),
        dropped,
        faults: judged.len() - dropped - rows.len(),
        unsupported,
        models,
        figures: said.figures(),
        intervals: bootstrap.intervals(rows.len(), |sample| said.headline(sample)),
        bootstrap,
    })
}

#[cfg(test)]
mod tests;
