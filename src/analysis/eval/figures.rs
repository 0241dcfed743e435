//! What the model said against the labels, as figures.
//!
//! F1, precision and recall of a class that nobody has and nobody predicts are 0, as everywhere, but
//! averages over classes leave out the classes that no row has. The expected calibration error has 15
//! bins of equal width (Guo et al. 2017): of the chosen class's probability where a row has one class,
//! of every label's probability where it has any number of labels.

use serde::Serialize;

use super::Judged;
use super::gold::{Gold, LabelSet};
use crate::domain::analysis::LabelScore;
use crate::domain::{Analysis, Sentiment, SentimentLabel};

const BINS: usize = 15;

/// Figures of one label set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// A row has one class.
    Classes {
        /// Share of rows that are right.
        accuracy: f64,
        /// Mean F1 of the classes.
        macro_f1: f64,
        /// Mean recall of the classes.
        macro_recall: f64,
        /// Expected calibration error; none where the model gives no probability.
        ece: Option<f64>,
        /// Each class.
        classes: Vec<ClassFigures>,
        /// Rows by label (outer) and by what the model said (inner), in the order of `classes`.
        confusion: Vec<Vec<usize>>,
    },
    /// A row has any number of labels.
    Sets {
        /// Mean F1 of the labels that occur.
        macro_f1: f64,
        /// Mean recall of the labels that occur.
        macro_recall: f64,
        /// F1 of all decisions together.
        micro_f1: f64,
        /// Share of rows whose labels are all right.
        exact: f64,
        /// Expected calibration error of all labels together.
        ece: Option<f64>,
        /// Each label.
        classes: Vec<ClassFigures>,
    },
    /// A row has a number.
    Numbers {
        /// Pearson's correlation of the number with the sentiment score.
        pearson_r: f64,
        /// Spearman's rank correlation.
        spearman_rho: f64,
    },
}

/// Figures of one class or label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Its name.
    pub label: String,
    /// Share of its predictions that are right.
    pub precision: f64,
    /// Share of its rows that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Rows that have it.
    pub support: usize,
    /// Rows that the model gives it.
    pub predicted: usize,
    /// Rows that have it and that the model gives it.
    pub hits: usize,
}

/// Labels and predictions of the rows that are measured.
#[derive(Debug)]
pub(super) enum Said {
    Classes {
        names: Vec<String>,
        /// (label, prediction)
        rows: Vec<(usize, usize)>,
        /// (probability, right)
        sure: Vec<(f64, bool)>,
    },
    Sets {
        names: Vec<String>,
        rows: Vec<(u64, u64)>,
        sure: Vec<(f64, bool)>,
    },
    Numbers(Vec<(f64, f64)>),
}

impl Said {
    pub(super) fn new(set: &LabelSet, gold: &Gold, judged: &[Judged], picked: &[usize]) -> Self {
        let picked = picked
            .iter()
            .filter_map(|&row| Some((row, judged[row].analysis.as_ref()?)));
        match gold {
            Gold::Classes { names, rows } => {
                let mut names = names.clone();
                let mut pairs = Vec::new();
                let mut sure = Vec::new();
                for (row, analysis) in picked {
                    let Some(label) = rows[row] else { continue };
                    let (name, probability) = chosen(set, &names, analysis, &judged[row]);
                    let said = place(&mut names, &name);
                    pairs.push((label, said));
                    sure.extend(probability.map(|probability| (probability, label == said)));
                }
                Self::Classes {
                    names,
                    rows: pairs,
                    sure,
                }
            }
            Gold::Sets { names, rows } => {
                let mut pairs = Vec::new();
                let mut sure = Vec::new();
                for (row, analysis) in picked {
                    let Some(labels) = rows[row] else { continue };
                    let mut said = 0;
                    for (bit, name) in names.iter().enumerate() {
                        let Some(score) = score_of(set, analysis, name) else {
                            continue;
                        };
                        said |= u64::from(score.present) << bit;
                        sure.push((score.probability, labels >> bit & 1 == 1));
                    }
                    pairs.push((labels, said));
                }
                Self::Sets {
                    names: names.clone(),
                    rows: pairs,
                    sure,
                }
            }
            Gold::Numbers(rows) => Self::Numbers(
                picked
                    .filter_map(|(row, analysis)| Some((rows[row]?, analysis.sentiment.score)))
                    .collect(),
            ),
        }
    }

    pub(super) fn figures(&self) -> Figures {
        match self {
            Self::Classes { names, rows, sure } => {
                let confusion = confusion(names.len(), rows.iter());
                let classes = of_classes(names, &confusion);
                Figures::Classes {
                    accuracy: accuracy(&confusion),
                    macro_f1: mean(&classes, |class| class.f1),
                    macro_recall: mean(&classes, |class| class.recall),
                    ece: calibration_error(sure),
                    classes,
                    confusion,
                }
            }
            Self::Sets { names, rows, sure } => {
                let classes = of_labels(names, rows.iter());
                Figures::Sets {
                    macro_f1: mean(&classes, |class| class.f1),
                    macro_recall: mean(&classes, |class| class.recall),
                    micro_f1: micro_f1(&classes),
                    exact: share(rows.iter().filter(|(a, b)| a == b).count(), rows.len()),
                    ece: calibration_error(sure),
                    classes,
                }
            }
            Self::Numbers(rows) => Figures::Numbers {
                pearson_r: pearson(rows),
                spearman_rho: pearson(&ranks(rows)),
            },
        }
    }

    /// The figures that get intervals, of a sample of rows.
    pub(super) fn headline(&self, sample: &[usize]) -> Vec<(&'static str, f64)> {
        match self {
            Self::Classes { names, rows, .. } => {
                let confusion = confusion(names.len(), sample.iter().map(|&row| &rows[row]));
                let classes = of_classes(names, &confusion);
                vec![
                    ("accuracy", accuracy(&confusion)),
                    ("macro_f1", mean(&classes, |class| class.f1)),
                    ("macro_recall", mean(&classes, |class| class.recall)),
                ]
            }
            Self::Sets { names, rows, .. } => {
                let classes = of_labels(names, sample.iter().map(|&row| &rows[row]));
                vec![
                    ("macro_f1", mean(&classes, |class| class.f1)),
                    ("macro_recall", mean(&classes, |class| class.recall)),
                    ("micro_f1", micro_f1(&classes)),
                ]
            }
            Self::Numbers(rows) => {
                let rows: Vec<(f64, f64)> = sample.iter().map(|&row| rows[row]).collect();
                vec![("pearson_r", pearson(&rows))]
            }
        }
    }
}

/// The class that the model chose among `names`, and how sure it was.
fn chosen(
    set: &LabelSet,
    names: &[String],
    analysis: &Analysis,
    judged: &Judged,
) -> (String, Option<f64>) {
    match set {
        LabelSet::Intent(intent) => {
            let found = analysis
                .intents
                .0
                .iter()
                .find(|score| score.label == *intent);
            let present = found.is_some_and(|score| score.present);
            let probability = found.map(|score| score.probability);
            match present {
                true => ((*intent).to_owned(), probability),
                false => ("other".to_owned(), probability.map(|p| 1.0 - p)),
            }
        }
        LabelSet::Urgency => (analysis.urgency.to_string(), None),
        LabelSet::Language => {
            let language = &judged.language;
            (language.code.clone(), Some(language.confidence))
        }
        _ => most_probable(names, &analysis.sentiment),
    }
}

/// The most probable class. A file of negative and positive alone is judged between those two.
fn most_probable(names: &[String], sentiment: &Sentiment) -> (String, Option<f64>) {
    let has = |name: &str| names.iter().any(|other| other == name);
    let two_classes = has("negative") && has("positive") && !has("neutral");
    let neutral = if two_classes { 0.0 } else { sentiment.neutral };
    let (negative, positive) = (sentiment.negative, sentiment.positive);
    let sum = negative + neutral + positive;
    let said = Sentiment::of(negative, neutral, positive);
    let top = match said.label {
        SentimentLabel::Negative => negative,
        SentimentLabel::Neutral => neutral,
        SentimentLabel::Positive => positive,
    };
    let name = said.label.as_str().to_owned();
    (name, (sum > 0.0).then(|| top / sum))
}

fn place(names: &mut Vec<String>, name: &str) -> usize {
    names
        .iter()
        .position(|other| other == name)
        .unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
}

fn score_of<'a>(set: &LabelSet, analysis: &'a Analysis, name: &str) -> Option<&'a LabelScore> {
    let scores = match set {
        LabelSet::Emotions => &analysis.emotions.ekman,
        LabelSet::GoEmotions => &analysis.emotions.fine,
        _ => &analysis.intents.0,
    };
    scores.iter().find(|score| score.label == name)
}

fn confusion<'a>(
    classes: usize,
    rows: impl Iterator<Item = &'a (usize, usize)>,
) -> Vec<Vec<usize>> {
    let mut confusion = vec![vec![0; classes]; classes];
    for &(label, said) in rows {
        confusion[label][said] += 1;
    }
    confusion
}

fn accuracy(confusion: &[Vec<usize>]) -> f64 {
    let right = (0..confusion.len())
        .map(|class| confusion[class][class])
        .sum();
    share(right, confusion.iter().flatten().sum())
}

fn of_classes(names: &[String], confusion: &[Vec<usize>]) -> Vec<ClassFigures> {
    names
        .iter()
        .enumerate()
        .map(|(class, name)| {
            let support = confusion[class].iter().sum();
            let predicted = confusion.iter().map(|row| row[class]).sum();
            class_figures(name, support, predicted, confusion[class][class])
        })
        .collect()
}

fn of_labels<'a>(
    names: &[String],
    rows: impl Iterator<Item = &'a (u64, u64)>,
) -> Vec<ClassFigures> {
    let mut counts = vec![(0, 0, 0); names.len()];
    for &(labels, said) in rows {
        for (bit, (support, predicted, hits)) in counts.iter_mut().enumerate() {
            let (has, gets) = (labels >> bit & 1 == 1, said >> bit & 1 == 1);
            *support += usize::from(has);
            *predicted += usize::from(gets);
            *hits += usize::from(has && gets);
        }
    }
    names
        .iter()
        .zip(counts)
        .map(|(name, (support, predicted, hits))| class_figures(name, support, predicted, hits))
        .collect()
}

fn class_figures(label: &str, support: usize, predicted: usize, hits: usize) -> ClassFigures {
    ClassFigures {
        label: label.to_owned(),
        precision: share(hits, predicted),
        recall: share(hits, support),
        f1: share(2 * hits, support + predicted),
        support,
        predicted,
        hits,
    }
}

fn micro_f1(classes: &[ClassFigures]) -> f64 {
    let sum = |part: fn(&ClassFigures) -> usize| classes.iter().map(part).sum::<usize>();
    let both = sum(|class| class.support) + sum(|class| class.predicted);
    share(2 * sum(|class| class.hits), both)
}

/// Mean over the classes that some row has.
#[allow(clippy::cast_precision_loss)]
fn mean(classes: &[ClassFigures], part: fn(&ClassFigures) -> f64) -> f64 {
    let there: Vec<f64> = classes
        .iter()
        .filter(|class| class.support > 0)
        .map(part)
        .collect();
    there.iter().sum::<f64>() / there.len().max(1) as f64
}

#[allow(clippy::cast_precision_loss)]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 {
        0.0
    } else {
        part as f64 / of as f64
    }
}

/// The mean distance of probability and share of right ones over the bins, each with its rows' weight.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn calibration_error(sure: &[(f64, bool)]) -> Option<f64> {
    if sure.is_empty() {
        return None;
    }
    let mut bins = [(0.0, 0.0); BINS];
    for &(probability, right) in sure {
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        bins[bin].0 += probability;
        bins[bin].1 += f64::from(u8::from(right));
    }
    let apart: f64 = bins.iter().map(|(sum, right)| (sum - right).abs()).sum();
    Some(apart / sure.len() as f64)
}

/// Pearson's correlation; 0 when one side does not vary.
#[allow(clippy::cast_precision_loss)]
fn pearson(rows: &[(f64, f64)]) -> f64 {
    let number = rows.len() as f64;
    let (sum_a, sum_b) = rows
        .iter()
        .fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    let (mean_a, mean_b) = (sum_a / number, sum_b / number);
    let (mut both, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (a, b) in rows {
        both += (a - mean_a) * (b - mean_b);
        square_a += (a - mean_a).powi(2);
        square_b += (b - mean_b).powi(2);
    }
    let scale = (square_a * square_b).sqrt();
    if scale > 0.0 { both / scale } else { 0.0 }
}

fn ranks(rows: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let first = ranks_of(rows.iter().map(|row| row.0).collect());
    let second = ranks_of(rows.iter().map(|row| row.1).collect());
    first.into_iter().zip(second).collect()
}

/// Ranks from 1; equal values share the mean of theirs.
#[allow(clippy::cast_precision_loss)]
fn ranks_of(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (equal.len() as f64 + 1.0) / 2.0;
        for &row in equal {
            ranks[row] = rank;
        }
        start += equal.len();
    }
    ranks
}
