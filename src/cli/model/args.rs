//! What can be typed after `overheard model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::analysis::eval::LabelSet;

/// `overheard model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Score texts: one text a line on stdin, one JSON object a line on stdout, in order
    Score(ScoreArgs),
    /// Measure the model on a file of labelled texts
    Eval(EvalArgs),
    /// Show how much each word moved the sentiment and the intents
    Explain(ExplainArgs),
    /// Learn from what people corrected; kept only when it is better on corrections that it did not see
    Tune(TuneArgs),
    /// Score history again after a change of the model (by the daemon, if one is running)
    Rescore(RescoreArgs),
    /// List the models that score, with their languages and labels
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Check the embedded files against their SHA-256 sums; exits with 1 when one differs
    Verify {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
}

/// `overheard model score`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each line of the output has the keys language, sentiment, emotions, goemotions, intents,
labels (what passes the thresholds), urgency (0 to 3), supported and model. With \"supported\": false
no model serves the language and the values are a guess. A line that cannot be scored (an empty one)
has null for its scores and says why under \"error\".

Examples:
  echo 'My battery died after two days' | overheard model score
  overheard model score < posts.txt > scores.ndjson
  overheard model score --tsv text < posts.tsv | jq -c 'select(.labels.intents | index(\"complaint\"))'"
)]
pub struct ScoreArgs {
    /// Read tab-separated values with a header line, and score this column
    #[arg(long, value_name = "COLUMN")]
    pub tsv: Option<String>,
    /// The language of all texts, such as en [default: detected for each]
    #[arg(long, value_name = "CODE", value_parser = language_code)]
    pub language: Option<String>,
    /// Worker threads [default: one a core]
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    pub threads: usize,
}

/// `overheard model eval`.
#[derive(Debug, Args)]
#[command(
    after_help = "The file has a header line and tab-separated columns, among them `text` and `label` (or those that --text
and --label name). What a label says depends on --labels:
  sentiment    negative, neutral or positive; or -1, 0, 1; or 0, 1, 2; or, for two classes, 0, 1.
               A file of negative and positive alone is judged between those two
  strength     any number that grows with how positive the text is: gives correlations
  emotions     any of Ekman's six and neutral, such as joy|surprise; names of the 28 count for their group
  goemotions   any of GoEmotions' 28
  intents      any of the eight intents, such as complaint|churn_risk; an empty cell is none
  complaint    (or another intent's name) 1 or 0, or a cell of intents
  urgency      a level from 0 to 3
  language     a code such as de
Averages over classes leave out classes that no row has. Intervals are 95 % of bootstrap resamples.

Examples:
  overheard model eval airline.tsv
  overheard model eval complaints.tsv --labels complaint --json
  overheard model eval goemotions.tsv --labels goemotions --label emotions
  overheard model eval --corrections --labels intents
  overheard model eval dynasent.tsv --map mixed= --language en"
)]
pub struct EvalArgs {
    /// The file; - is stdin
    #[arg(required_unless_present = "corrections")]
    pub file: Option<PathBuf>,
    /// Measure on what people corrected in the store (`overheard mentions correct`)
    #[arg(long, conflicts_with_all = ["file", "text", "label", "map"])]
    pub corrections: bool,
    /// What the labels say: sentiment, strength, emotions, goemotions, intents, an intent, urgency, language
    #[arg(long, default_value = "sentiment", value_name = "SET", value_parser = LabelSet::parse)]
    pub labels: LabelSet,
    /// The column of texts
    #[arg(long, default_value = "text", value_name = "COLUMN")]
    pub text: String,
    /// The column of labels
    #[arg(long, default_value = "label", value_name = "COLUMN")]
    pub label: String,
    /// Read one label as another; as nothing, to leave such rows out
    #[arg(long, value_name = "FROM=TO", value_parser = renaming, value_delimiter = ',')]
    pub map: Vec<(String, String)>,
    /// The language of all texts, such as en [default: detected for each, as the daemon does]
    #[arg(long, value_name = "CODE", value_parser = language_code)]
    pub language: Option<String>,
    /// How many times rows are drawn anew for the intervals; 0 gives none
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub resamples: usize,
    /// Seed of the drawing
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub seed: u64,
    /// Worker threads [default: one a core]
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    pub threads: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `overheard model tune`.
#[derive(Debug, Args)]
#[command(
    after_help = "Fits small heads for sentiment and intents on top of the embedded model, from 30 corrections each on. Heads
that were fitted on four fifths of the corrections must be better on the other fifth; else nothing changes.

Examples:
  overheard model tune
  overheard model tune --back"
)]
pub struct TuneArgs {
    /// Go back to the heads before, or to the model as it was shipped
    #[arg(long)]
    pub back: bool,
    /// Worker threads [default: one a core, at most two]
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    pub threads: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `overheard model rescore`.
#[derive(Debug, Args)]
#[command(
    after_help = "Posts that one of today's models scored are passed over, so it goes on where it was interrupted.
What people corrected stays. It neither makes nor unmakes mentions.

Example:
  overheard model rescore --per-second 100"
)]
pub struct RescoreArgs {
    /// Most posts a second; 0 is as many as the processor can
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub per_second: u32,
    /// Worker threads [default: one a core]
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    pub threads: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `overheard model explain`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each word is left out in turn; what changes is what it did. A long text is taken in runs of words.

Examples:
  overheard model explain 'Great phone, but the battery died after two days'
  overheard model explain --json 'How do I cancel?' | jq '.words[] | {text, sentiment}'"
)]
pub struct ExplainArgs {
    /// The text; several arguments are joined with spaces
    #[arg(required = true, value_name = "TEXT")]
    pub text: Vec<String>,
    /// The text's language, such as en [default: detected]
    #[arg(long, value_name = "CODE", value_parser = language_code)]
    pub language: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

fn language_code(text: &str) -> Result<String, String> {
    let code = text.to_ascii_lowercase();
    if (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        Ok(code)
    } else {
        Err("write the two or three letters of ISO 639, such as en".to_owned())
    }
}

fn renaming(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(from, to)| (from.trim().to_owned(), to.trim().to_owned()))
        .ok_or_else(|| "write FROM=TO".to_owned())
}
