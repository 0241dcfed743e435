//! Posts as they leave in bulk: a line of the post format with what is known beside it, or a row of CSV.
//!
//! A line can be read again by a `file` source, which leaves out what we add. A cell can be opened in a
//! spreadsheet: no text of a stranger becomes a formula.

use serde::Serialize;

use super::dto::{AnalysisDto, LinkedCustomerDto, MentionDto};
use crate::domain::PostRecord;
use crate::sources::post_format::PostLine;

/// A line of an export: the post format, and what is known of the post.
#[derive(Debug, Serialize)]
struct ExportLine {
    #[serde(flatten)]
    post: PostLine,
    post_id: String,
    mention_id: Option<String>,
    source: String,
    monitors: Vec<String>,
    analysis: Option<AnalysisDto>,
    customer: Option<LinkedCustomerDto>,
}

/// The record as a line of NDJSON, its line end included.
#[must_use]
pub fn ndjson(record: &PostRecord) -> String {
    let known = MentionDto::from(record);
    let line = ExportLine {
        post: PostLine::from(&record.post),
        post_id: known.id,
        mention_id: known.mention_id,
        source: known.source,
        monitors: known.monitors,
        analysis: known.analysis,
        customer: known.customer,
    };
    let mut line = serde_json::to_string(&line).expect("invariant: a line has text keys only");
    line.push('\n');
    line
}

/// The names of the columns.
pub const COLUMNS: [&str; 14] = [
    "id",
    "published_at",
    "network",
    "source",
    "author",
    "sentiment",
    "score",
    "intents",
    "rating",
    "language",
    "customer",
    "url",
    "title",
    "text",
];

/// The record as cells, in the order of [`COLUMNS`].
#[must_use]
pub fn cells(record: &PostRecord) -> [String; 14] {
    let post = &record.post;
    let analysis = record.analysis.as_ref();
    let author = post.author.as_ref();
    let supported = analysis.filter(|analysis| analysis.supported);
    let intents: Vec<&str> = analysis
        .into_iter()
        .flat_map(|analysis| analysis.present_intents())
        .collect();
    let customer = record.customer.as_ref();
    [
        post.id.mention().to_string(),
        post.ordered_at().to_string(),
        neutral(&post.key.network),
        post.source.to_string(),
        author.map_or(String::new(), |author| neutral(author.label())),
        analysis
            .and_then(|analysis| analysis.sentiment_label())
            .map_or("", |label| label.as_str())
            .to_owned(),
        supported.map_or(String::new(), |analysis| {
            format!("{:.3}", analysis.sentiment.score)
        }),
        neutral(&intents.join("|")),
        post.rating
            .map_or(String::new(), |rating| rating.value.to_string()),
        neutral(&post.language.code),
        customer.map_or(String::new(), |(customer, _)| neutral(customer.id.as_str())),
        neutral(post.url.as_deref().unwrap_or_default()),
        neutral(post.title.as_deref().unwrap_or_default()),
        neutral(&post.text),
    ]
}

/// Rows as CSV (RFC 4180).
///
/// # Errors
/// Never in practice: it is written to memory.
pub fn csv(rows: impl Iterator<Item = [String; 14]>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that a spreadsheet would run as a formula, or read as a number with a sign, gets an apostrophe (OWASP, CSV injection).
fn neutral(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_a_formula_or_a_number_is_neutralised() {
        assert_eq!(neutral("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(neutral("+4912345"), "'+4912345");
        assert_eq!(neutral("@ann"), "'@ann");
        assert_eq!(neutral("fine"), "fine");
    }
}
