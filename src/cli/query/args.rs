//! What can be typed after `overheard query`.

use clap::{Args, Subcommand};

use crate::domain::MentionId;

/// `overheard query`.
#[derive(Debug, Subcommand)]
pub enum QueryCommand {
    /// Say what a query means and costs, and which of its parts match a post
    Explain(ExplainArgs),
    /// Copy the lines of NDJSON on stdin whose post matches (the format of a `file` source; see docs/post-format.md)
    Match(MatchArgs),
}

/// `overheard query explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  overheard query explain 'battery charger OR cable'
  overheard query explain '(slow OR late) NEAR/5 delivery' --post mention_0123456789abcdef0123456789abcdef")]
pub struct ExplainArgs {
    /// The query; several arguments are joined with spaces
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Hold it against this mention
    #[arg(long, value_name = "ID")]
    pub post: Option<MentionId>,
    /// Print one JSON object; places are byte ranges
    #[arg(long)]
    pub json: bool,
}

/// `overheard query match`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  overheard query match 'battery NEAR/5 dead' < posts.ndjson > hits.ndjson
  overheard query match 'sentiment:negative lang:en' < posts.ndjson | wc -l

Lines that are no posts are named on stderr, and the exit status is 1.")]
pub struct MatchArgs {
    /// The query; several arguments are joined with spaces
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Copy those that do not match
    #[arg(long, short = 'v')]
    pub invert: bool,
}
