//! Measures the feed reader on corpora that others made: `cargo run --example corpora -- DIR [--failures]`.
//!
//! DIR (default `../shared/corpora`) holds a folder for each corpus, with a README that says how its
//! expectations are written; what is not there is said and passed over. Nothing of a corpus is part of
//! this project. Texts are equal when they are, or when they are the same characters after unescaping:
//! the reader shows all texts as HTML, and some corpora show plain ones plain.

mod feedparser;
mod feeds;
mod others;
#[allow(
    dead_code,
    reason = "the module is used as it is, and has more than this needs"
)]
#[path = "../../src/fetch/robots_txt.rs"]
mod robots_txt;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use overheard::cli::feed::ShownFeed;
use overheard::fetch::Url;
use serde_json::Value;

/// What one corpus came to.
#[derive(Debug, Default)]
struct Row {
    corpus: &'static str,
    cases: usize,
    equal: usize,
    /// Cases whose expectations lie outside of what the reader shows.
    not_shown: usize,
    panics: usize,
    failures: Vec<String>,
}

/// How a case ended.
enum Verdict {
    Equal,
    Different(String),
    NotShown,
}

impl Row {
    fn new(corpus: &'static str) -> Self {
        Self {
            corpus,
            ..Self::default()
        }
    }

    /// Runs a case; a panic in it is counted, and ends nothing else.
    fn case(&mut self, name: &str, run: impl FnOnce() -> Verdict) {
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Verdict::NotShown) => {
                self.not_shown += 1;
                return;
            }
            Ok(Verdict::Equal) => self.equal += 1,
            Ok(Verdict::Different(why)) => self.failures.push(format!("{name}: {why}")),
            Err(_) => {
                self.panics += 1;
                self.failures.push(format!("{name}: panic"));
            }
        }
        self.cases += 1;
    }
}

/// A corpus: its folder, and what reads it.
type Corpus = (&'static str, fn(&Path) -> Vec<Row>);

const CORPORA: [Corpus; 8] = [
    ("feedparser", feedparser::run),
    ("gofeed", feeds::gofeed),
    ("feedvalidator", feeds::feedvalidator),
    ("feed-rs-fixtures", feeds::feed_rs),
    ("feed-dates", others::dates),
    ("feed-autodiscovery", others::autodiscovery),
    ("xss-dompurify", others::xss),
    ("robots-real", others::robots),
];

fn main() {
    let mut folder = PathBuf::from("../shared/corpora");
    let mut failures = false;
    for argument in std::env::args_os().skip(1) {
        if argument == "--failures" {
            failures = true;
        } else {
            folder = PathBuf::from(argument);
        }
    }
    let rows = measure(&folder);
    if failures {
        for row in &rows {
            for failure in &row.failures {
                println!("{}: {failure}", row.corpus);
            }
        }
    }
    println!(
        "{:<26}{:>7}{:>7}{:>8}{:>11}{:>8}",
        "corpus", "cases", "equal", "%", "not shown", "panics"
    );
    for row in &rows {
        let share = 100.0 * row.equal as f64 / row.cases.max(1) as f64;
        println!(
            "{:<26}{:>7}{:>7}{share:>8.1}{:>11}{:>8}",
            row.corpus, row.cases, row.equal, row.not_shown, row.panics
        );
    }
}

fn measure(folder: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, run) in CORPORA {
        let corpus = folder.join(name);
        if !corpus.is_dir() {
            println!("{name}: not measured, there is no {}", corpus.display());
            continue;
        }
        let start = Instant::now();
        rows.extend(run(&corpus));
        eprintln!("{name}: {:.1} s", start.elapsed().as_secs_f64());
    }
    rows
}

/// The entries of a corpus's expectation file; a corpus that cannot be read is measured as nothing.
fn expectations(path: &Path) -> Vec<Value> {
    let read = std::fs::read(path).map_err(|error| error.to_string());
    let parsed =
        read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    parsed.unwrap_or_else(|error| {
        println!("{}: {error}", path.display());
        Vec::new()
    })
}

/// What `overheard feed read` prints of a document.
fn shown(bytes: &[u8], content_type: Option<&str>, base: &str) -> Value {
    let base = Url::parse(base).ok();
    let shown = ShownFeed::read("case", bytes, content_type, base.as_ref());
    serde_json::to_value(shown).unwrap_or_default()
}

/// Whether a text is what was expected, as HTML or as plain text.
fn same_text(found: &Value, expected: &str) -> bool {
    let Some(found) = found.as_str() else {
        return expected.trim().is_empty() && found.is_null();
    };
    let plain = |text: &str| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
    };
    found.trim() == expected.trim() || plain(found.trim()) == plain(expected.trim())
}

/// Whether two texts are the same moment.
fn same_time(found: &Value, expected: &str) -> bool {
    let expected = expected
        .parse::<jiff::Timestamp>()
        .ok()
        .or_else(|| Some(jiff::fmt::rfc2822::parse(expected).ok()?.timestamp()));
    let found = found
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    found.map(jiff::Timestamp::as_second) == expected.map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests;
