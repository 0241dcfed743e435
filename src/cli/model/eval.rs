//! `overheard model eval`: figures on a file of labelled texts.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;

use super::super::output::{BOLD, Output};
use super::super::read_input;
use super::args::EvalArgs;
use super::progress::Progress;
use crate::analysis::eval::{
    Bootstrap, ClassFigures, Figures, Gold, Judged, LabelSet, Report, measure,
};
use crate::analysis::{self, AnalyzerHandle, Outcome, Text};
use crate::app;
use crate::config::Config;
use crate::domain::Language;
use crate::ingest::scored_text;

/// Texts that are sorted by length together.
const WINDOW: usize = 4096;

/// A report with the time that scoring took.
#[derive(Debug, Serialize)]
struct Timed {
    #[serde(flatten)]
    report: Report,
    seconds: f64,
    texts_per_second: f64,
}

/// Measures the model on a file.
///
/// # Errors
/// When the file can't be read, has other columns or labels, or the engine fails.
pub async fn run(config: &Config, args: &EvalArgs, output: &Output) -> anyhow::Result<i32> {
    let rows = match &args.file {
        Some(file) => from_file(file, args)?,
        None => from_corrections(config, &args.labels).await?,
    };
    let labels: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    let map = args.map.iter().cloned().collect();
    let gold = Gold::read(&args.labels, &labels, &map, &analysis::emotion_groups()?)?;
    // A cache would measure itself.
    let handle = super::start(config, args.threads, 0).await?;
    let (texts, languages): (Vec<Text>, Vec<Language>) = rows
        .into_iter()
        .map(|row| {
            let text = Text {
                text: row.text,
                language: row.language.code.clone(),
            };
            (text, row.language)
        })
        .unzip();
    let begin = Instant::now();
    let outcomes = score(&handle, &texts).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let judged: Vec<Judged> = outcomes
        .into_iter()
        .zip(languages)
        .map(|(outcome, language)| Judged {
            analysis: match outcome {
                Outcome::Scored(analysis) => Some(analysis),
                Outcome::Fault(_) | Outcome::Off => None,
            },
            language,
        })
        .collect();
    let bootstrap = Bootstrap {
        resamples: args.resamples,
        seed: args.seed,
    };
    #[allow(clippy::cast_precision_loss)]
    let timed = Timed {
        report: measure(&args.labels, &gold, &judged, bootstrap)?,
        seconds,
        texts_per_second: texts.len() as f64 / seconds,
    };
    if args.json {
        output.json(&timed)?;
    } else {
        print(&timed, output)?;
    }
    Ok(0)
}

/// A labelled text.
struct Row {
    text: String,
    language: Language,
    label: String,
}

fn from_file(file: &Path, args: &EvalArgs) -> anyhow::Result<Vec<Row>> {
    let content = read_input(file)?;
    let content = String::from_utf8_lossy(&content);
    let (texts, labels) = columns(&content, &args.text, &args.label)
        .with_context(|| format!("{} cannot be measured", file.display()))?;
    let row = |(text, label): (&&str, &&str)| Row {
        text: (*text).to_owned(),
        language: super::language_of(text, args.language.as_deref()),
        label: (*label).to_owned(),
    };
    Ok(texts.iter().zip(&labels).map(row).collect())
}

/// The posts of which a person said what the set asks for, as the daemon scores them.
async fn from_corrections(config: &Config, set: &LabelSet) -> anyhow::Result<Vec<Row>> {
    let all = app::open_store_read_only(config)
        .await?
        .corrections()
        .await?;
    let mut rows = Vec::new();
    for corrected in all {
        let correction = corrected.correction;
        let label = match set {
            LabelSet::Sentiment => correction.sentiment.map(|label| label.as_str().to_owned()),
            LabelSet::Intents | LabelSet::Intent(_) => {
                correction.intents.map(|names| names.join("|"))
            }
            LabelSet::Urgency => correction.urgency.map(|urgency| urgency.to_string()),
            LabelSet::Strength | LabelSet::Emotions | LabelSet::GoEmotions | LabelSet::Language => {
                anyhow::bail!(
                    "people correct sentiment, intents and urgency: there is nothing to measure {set} on"
                )
            }
        };
        let post = corrected.record.post;
        rows.extend(label.map(|label| Row {
            text: scored_text(post.title.as_deref(), &post.text),
            language: post.language,
            label,
        }));
    }
    anyhow::ensure!(
        !rows.is_empty(),
        "nobody corrected {set} yet: `overheard mentions correct ID` does it"
    );
    Ok(rows)
}

async fn score(handle: &AnalyzerHandle, texts: &[Text]) -> anyhow::Result<Vec<Outcome>> {
    let progress = Progress::of_texts(texts.len());
    let mut outcomes = Vec::with_capacity(texts.len());
    for window in texts.chunks(WINDOW) {
        outcomes.extend(handle.analyze(window.to_vec()).await?);
        progress.advance(window.len());
    }
    progress.done();
    Ok(outcomes)
}

/// Texts and labels of tab-separated values with a header line. There is no quoting: a cell holds neither
/// tab nor line end.
fn columns<'a>(
    content: &'a str,
    text: &str,
    label: &str,
) -> anyhow::Result<(Vec<&'a str>, Vec<&'a str>)> {
    let mut lines = content.trim_start_matches('\u{feff}').lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let place = |option: &str, column: &str| {
        header
            .iter()
            .position(|name| *name == column)
            .with_context(|| {
                format!(
                    "there is no column \"{column}\" (it has {}): name another with --{option}",
                    header.join(", ")
                )
            })
    };
    let (text, label) = (place("text", text)?, place("label", label)?);
    let (mut texts, mut labels) = (Vec::new(), Vec::new());
    for (row, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        let (Some(text), Some(label)) = (cells.get(text), cells.get(label)) else {
            anyhow::bail!(
                "line {} has {} columns, the header has {}",
                row + 2,
                cells.len(),
                header.len()
            );
        };
        texts.push(*text);
        labels.push(*label);
    }
    Ok((texts, labels))
}

fn print(timed: &Timed, output: &Output) -> anyhow::Result<()> {
    let report = &timed.report;
    let mut facts = vec![("rows", counts(report))];
    let figure = |name: &'static str, value: f64| {
        let interval = report
            .intervals
            .get(name)
            .map_or(String::new(), |interval| {
                format!("  ({:.3} to {:.3})", interval.low, interval.high)
            });
        (name, format!("{value:.4}{interval}"))
    };
    let ece = |ece: &Option<f64>| {
        (
            "ece",
            ece.map_or("none".to_owned(), |ece| format!("{ece:.4}")),
        )
    };
    match &report.figures {
        Figures::Classes {
            accuracy,
            macro_f1,
            macro_recall,
            ece: error,
            ..
        } => facts.extend([
            figure("accuracy", *accuracy),
            figure("macro_f1", *macro_f1),
            figure("macro_recall", *macro_recall),
            ece(error),
        ]),
        Figures::Sets {
            macro_f1,
            macro_recall,
            micro_f1,
            exact,
            ece: error,
            ..
        } => facts.extend([
            figure("macro_f1", *macro_f1),
            figure("macro_recall", *macro_recall),
            figure("micro_f1", *micro_f1),
            figure("exact", *exact),
            ece(error),
        ]),
        Figures::Numbers {
            pearson_r,
            spearman_rho,
        } => {
            facts.extend([
                figure("pearson_r", *pearson_r),
                figure("spearman_rho", *spearman_rho),
            ]);
        }
    }
    facts.push(("speed", format!("{:.0} texts/s", timed.texts_per_second)));
    for (model, rows) in &report.models {
        facts.push(("model", format!("{model} ({rows} rows)")));
    }
    for (name, value) in facts {
        output.print(&format!(
            "{}  {value}",
            output.paint(BOLD, &format!("{name:<12}"))
        ))?;
    }
    let (Figures::Classes { classes, .. } | Figures::Sets { classes, .. }) = &report.figures else {
        return Ok(());
    };
    output.print("")?;
    output.print(&table(classes, output))?;
    if let Figures::Classes { confusion, .. } = &report.figures {
        output.print("")?;
        output.print(&confusion_table(classes, confusion, output))?;
    }
    Ok(())
}

fn counts(report: &Report) -> String {
    let mut counts = format!("{} of {}", report.rows, report.labels);
    for (number, what) in [
        (report.unsupported, "in languages that no model serves"),
        (report.faults, "left out: the text could not be scored"),
        (report.dropped, "left out: label mapped away"),
    ] {
        if number > 0 {
            counts.push_str(&format!("; {number} {what}"));
        }
    }
    counts
}

fn table(classes: &[ClassFigures], output: &Output) -> String {
    let mut table = output.table(&["class", "precision", "recall", "F1", "rows", "predicted"]);
    for class in classes {
        table.add_row([
            class.label.clone(),
            format!("{:.3}", class.precision),
            format!("{:.3}", class.recall),
            format!("{:.3}", class.f1),
            class.support.to_string(),
            class.predicted.to_string(),
        ]);
    }
    table.to_string()
}

fn confusion_table(classes: &[ClassFigures], confusion: &[Vec<usize>], output: &Output) -> String {
    let said: Vec<String> = classes
        .iter()
        .map(|class| format!("said {}", class.label))
        .collect();
    let mut header = vec!["label"];
    header.extend(said.iter().map(String::as_str));
    let mut table = output.table(&header);
    for (class, row) in classes.iter().zip(confusion) {
        let mut cells = vec![class.label.clone()];
        cells.extend(row.iter().map(ToString::to_string));
        table.add_row(cells);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_faults_are_named() {
        let content = "\u{feff}id\tlabel\ttext\r\n1\tnegative\tbad \"day\r\n\r\n2\t\tok\n";
        let (texts, labels) = columns(content, "text", "label").unwrap();
        assert_eq!(texts, ["bad \"day", "ok"]);
        assert_eq!(labels, ["negative", ""]);
        let error = columns(content, "body", "label").unwrap_err().to_string();
        assert!(
            error.contains("no column \"body\" (it has id, label, text)")
                && error.contains("--text"),
            "{error}"
        );
        let error = columns("text\tlabel\na\n", "text", "label")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "line 2 has 1 columns, the header has 2");
    }
}
