//! What can be typed after `overheard feed`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `overheard feed`.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// Read a feed and print what the reader sees, as one JSON object a line
    #[command(after_help = READ_EXAMPLES)]
    Read(ReadArgs),
}

/// `overheard feed read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// A file, a URL, or - for stdin
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    pub input: Option<String>,
    /// The Content-Type that the feed came with; empty is unknown
    #[arg(long, value_name = "TYPE", conflicts_with = "list")]
    pub content_type: Option<String>,
    /// Where the feed came from: relative URLs in it are joined with this one
    #[arg(long, value_name = "URL", conflicts_with = "list")]
    pub url: Option<String>,
    /// Read the files that this one lists: a path a line, then, after tabs, content type and URL if known
    #[arg(long, value_name = "LIST")]
    pub list: Option<PathBuf>,
    /// Print JSON, as without it
    #[arg(long)]
    pub json: bool,
}

const READ_EXAMPLES: &str = "Texts are sanitised HTML, times RFC 3339 in UTC, URLs absolute where the base is known.
Exit status: 0, or 1 when a single feed can't be read.

Examples:
  overheard feed read https://example.com/feed.xml
  overheard feed read saved.xml --url https://example.com/feed.xml --content-type 'text/xml; charset=utf-8'
  curl -s https://example.com/feed | overheard feed read - | jq '.entries[].title'
  overheard feed read --list feeds.tsv --json";
