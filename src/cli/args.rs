//! What can be typed. Help texts and examples live here; what commands do lives in their own files.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;

use super::model::ModelCommand;
use crate::domain::{DigestId, MentionId, SentimentLabel, SourceId};
use crate::index::Position;
use crate::query::Sort;
use crate::web::Role;

/// Hears what customers say in public, understands it, and tells the people who should act.
#[derive(Debug, Parser)]
#[command(
    name = "overheard",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = "Examples:
  overheard demo                                    see it at work on an invented brand
  overheard check --config ./overheard.toml         find every mistake in a configuration
  overheard run --config ./overheard.toml           listen
  overheard search 'battery AND sentiment:negative' find what was heard")]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The configuration file [default: /etc/overheard/overheard.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE", env = "OVERHEARD_CONFIG")]
    pub config: Option<PathBuf>,
    /// The directory of store, index and digests [default: `data_dir` of the configuration]
    #[arg(long, global = true, value_name = "DIR", env = "OVERHEARD_DATA")]
    pub data: Option<PathBuf>,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the whole path at work: fake networks, the real daemon, a fake CRM
    Demo(DemoArgs),
    /// Listen: poll, score, index, link, deliver
    Run(RunArgs),
    /// Check the configuration: keys, values, monitors, secrets
    Check,
    /// Find posts (reads the files; works beside a running daemon)
    Search(SearchArgs),
    /// Explain a query, or filter posts by one
    #[command(subcommand)]
    Query(super::query::QueryCommand),
    /// Show one mention with its analysis and customer (reads the files; works beside a running daemon)
    Show(ShowArgs),
    /// Import and show customers
    #[command(subcommand)]
    Customers(super::customers_args::CustomersCommand),
    /// Show how sources fare, add one, poll one now, resume one
    #[command(subcommand)]
    Sources(SourcesCommand),
    /// Look at a URL as the poller does
    #[command(subcommand)]
    Fetch(FetchCommand),
    /// Look at a feed as the reader sees it
    #[command(subcommand)]
    Feed(super::feed_args::FeedCommand),
    /// Write a day's digest (reads the files; works beside a running daemon)
    Digest(DigestArgs),
    /// List and replay webhook deliveries
    #[command(subcommand)]
    Deliveries(super::deliveries_args::DeliveriesCommand),
    /// List what is listened for, and make monitors without the configuration file (through the running daemon)
    #[command(subcommand)]
    Monitors(super::monitors::MonitorsCommand),
    /// List, save and forget searches that the team shares (through the running daemon)
    #[command(subcommand)]
    Searches(super::searches::SearchesCommand),
    /// List who is told, and make webhook endpoints without the configuration file (through the running daemon)
    #[command(subcommand)]
    Endpoints(super::endpoints_args::EndpointsCommand),
    /// Sign and verify webhooks by hand, for those who write receivers
    #[command(subcommand)]
    Webhook(super::webhook::WebhookCommand),
    /// Look after the search index
    #[command(subcommand)]
    Index(IndexCommand),
    /// Correct what the model says of a mention
    #[command(subcommand)]
    Mentions(MentionsCommand),
    /// Score texts, measure and explain the model
    #[command(subcommand)]
    Model(ModelCommand),
    /// Let the running daemon read its configuration again; on an error the old one stays
    Reload,
    /// Print a one-time link to the page of the running daemon
    Login {
        /// Whom it lets in [default: the administrator "admin"]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Say who may come in by browser, and with which role
    #[command(subcommand)]
    User(super::access::UserCommand),
    /// Show who changed what, and check that the log is whole
    #[command(subcommand)]
    Audit(super::access::AuditCommand),
    /// Create, list and revoke API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the default configuration, every key with its unit and comment
    Config,
    /// Print a shell's completion script
    #[command(after_help = "Example:
  overheard completions bash > /etc/bash_completion.d/overheard")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `overheard demo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  overheard demo
  overheard demo --for 30s --json
  overheard demo --data ./demo     keep the state, and go on from it the next time")]
pub struct DemoArgs {
    /// Stop after this time, such as 30s or 5m, and print a summary
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub duration: Option<std::time::Duration>,
    /// Print the summary as one line of JSON, and nothing else on stdout
    #[arg(long)]
    pub json: bool,
    /// What the invented people will say
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// `overheard run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  overheard run --config /etc/overheard/overheard.toml
  overheard run --once --json        poll every source once, deliver what is due, and exit (for cron)
  cat posts.ndjson | overheard run --once --config backfill.toml   with a `file` source whose path is \"-\"")]
pub struct RunArgs {
    /// Poll every source once, score, index, deliver what is due, and exit
    #[arg(long)]
    pub once: bool,
    /// With --once: print the summary as one line of JSON
    #[arg(long, requires = "once")]
    pub json: bool,
}

/// `overheard search`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  overheard search 'battery AND sentiment:negative'
  overheard search '\"customer service\" AND (intent:complaint OR rating:<=2)' --limit 50
  overheard search 'intent:purchase_intent NOT source:forum' --csv > leads.csv
  overheard search '(battery OR charg*) NEAR/5 (dead OR \"catches fire\")' --sort engagement
  overheard search 'urgency:>=2' --follow
  overheard search 'since:30d brand' --limit 0 --facets --histogram
  overheard search 'lang:de' --json | jq .hits[].mention.url")]
pub struct SearchArgs {
    /// The query; several arguments are joined with spaces
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Most hits to print
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
    /// Go on where an answer ended; it prints the cursor
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<Position>,
    /// The order; `sort:` in the query says the same
    #[arg(long, value_name = "ORDER", value_parser = sort)]
    pub sort: Option<Sort>,
    /// Also count the matches by network, sentiment, intent, language and so on
    #[arg(long)]
    pub facets: bool,
    /// Also count the matches by hour, day, week or month
    #[arg(long)]
    pub histogram: bool,
    /// Print one JSON object, in the form of `GET /api/v1/search`
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV, safe to open in a spreadsheet
    #[arg(long)]
    pub csv: bool,
    /// Print the number of hits alone
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    pub count: bool,
    /// Go on and print each new match as it is heard, until Ctrl-C; with --json one object a line
    #[arg(long, conflicts_with_all = ["csv", "count", "after", "sort", "facets", "histogram"])]
    pub follow: bool,
}

/// An order by its name in queries.
fn sort(name: &str) -> Result<Sort, String> {
    let known = Sort::ALL.iter().find(|sort| sort.as_str() == name);
    known.copied().ok_or_else(|| {
        let all: Vec<&str> = Sort::ALL.iter().map(|sort| sort.as_str()).collect();
        format!("write one of {}", all.join(", "))
    })
}

/// `overheard show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The mention's id, as `search` prints it
    pub id: MentionId,
    /// Print one JSON object, in the form of `GET /api/v1/mentions/{id}`
    #[arg(long)]
    pub json: bool,
}

/// `overheard mentions`.
#[derive(Debug, Subcommand)]
pub enum MentionsCommand {
    /// Say what a mention is; no later score changes it back (through the daemon, if one is running)
    #[command(
        after_help = "What is not named stays the model's. When the author changes the text, the correction goes.

Examples:
  overheard mentions correct mention_0123.. --sentiment negative --urgency 2
  overheard mentions correct mention_0123.. --intents complaint,churn_risk
  overheard mentions correct mention_0123.. --intents none
  overheard model eval --corrections                 how often the model is right where people looked"
    )]
    Correct {
        /// The mention's id, as `search` prints it
        id: MentionId,
        /// negative, neutral or positive
        #[arg(long, value_parser = parse_sentiment)]
        sentiment: Option<SentimentLabel>,
        /// All its intents, with commas between them; none for none
        #[arg(long, value_name = "NAMES")]
        intents: Option<String>,
        /// 0 nothing to answer, 1 some time, 2 waiting or blocked, 3 now
        #[arg(long, value_name = "LEVEL")]
        urgency: Option<u8>,
    },
    /// List what was corrected (reads the files; works beside a running daemon)
    Corrections {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
}

/// `overheard sources`.
#[derive(Debug, Subcommand)]
pub enum SourcesCommand {
    /// List sources: state, last and next poll, last error (reads the files; works beside a running daemon)
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one source: how it fares, what was heard and what may have been missed, what was rejected
    #[command(after_help = "Example:
  overheard sources show acme-blog")]
    Show {
        /// The source's name
        id: SourceId,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Poll a source now, or as soon as its server wants a request (through the daemon, if one is running)
    #[command(after_help = "Example:
  overheard sources refresh acme-blog")]
    Refresh {
        /// The source's name
        id: SourceId,
    },
    /// Find the feed of a page, show what would be read, and print its block for the configuration
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArgs),
    /// Poll a paused source again (through the daemon, if one is running)
    Resume {
        /// The source's name
        id: SourceId,
    },
}

/// `overheard fetch`.
#[derive(Debug, Subcommand)]
pub enum FetchCommand {
    /// Say what the poller would do with a URL, and why: address guard, robots.txt, limits, what is stored, the earliest next request
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
}

/// `overheard fetch explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The URL, as in the configuration
    pub url: String,
    /// Ask nobody: judge the address, and show what is stored
    #[arg(long)]
    pub offline: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `overheard sources add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// A feed, or a page that names one
    pub url: String,
    /// The source's name [default: made of the host]
    #[arg(long, value_name = "NAME")]
    pub id: Option<SourceId>,
    /// Which feed to take where a page names several, counted from 1
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub pick: u16,
    /// Append the block to the configuration file
    #[arg(long)]
    pub write: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

const EXPLAIN_EXAMPLES: &str = "Asks as a poll would, and not before the server wants a request. Exit status: 0 when the URL answers or --offline finds nothing against it, else 1.

Examples:
  overheard fetch explain https://example.com/feed.xml
  overheard fetch explain --offline http://192.168.1.1/
  overheard fetch explain https://example.com/feed.xml --json | jq .earliest_next_request";

const ADD_EXAMPLES: &str = "Examples:
  overheard sources add https://example.com/blog
  overheard sources add https://example.com/feed.xml --id acme-blog --write --config overheard.toml
  overheard sources add https://example.com/blog --pick 2 > block.toml   what was found goes to stderr";

/// `overheard digest`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  overheard digest                                   yesterday, every configured digest
  overheard digest --date 2026-11-21 --digest daily
  overheard digest --date today --stdout             today so far, as Markdown")]
pub struct DigestArgs {
    /// The local day: YYYY-MM-DD, today or yesterday
    #[arg(long, default_value = "yesterday", value_name = "DAY")]
    pub date: String,
    /// One digest by name [default: all]
    #[arg(long, value_name = "NAME")]
    pub digest: Option<DigestId>,
    /// Print Markdown instead of writing files
    #[arg(long)]
    pub stdout: bool,
}

/// `overheard index`.
#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Build the index anew from the store (through the daemon, if one is running)
    Rebuild,
}

/// `overheard token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token and print it once (through the daemon, if one is running)
    #[command(
        after_help = "Roles: all read; manager also corrects the model and polls sources, crm imports customers and tries deliveries again,
marketing reads for its reports, admin does everything.

Examples:
  overheard token create dashboard --role viewer --expires 90d
  overheard token create crm-sync --role crm"
    )]
    Create {
        /// What it is for
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = Role::Admin)]
        role: Role,
        /// When it ends, such as 90d or 12h [default: never]
        #[arg(long, value_name = "TIME", value_parser = parse_lifetime)]
        expires: Option<SignedDuration>,
    },
    /// List tokens: names and uses, never the tokens
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token (through the daemon, if one is running)
    Revoke {
        /// Its name
        name: String,
    },
}

fn parse_sentiment(text: &str) -> Result<SentimentLabel, String> {
    SentimentLabel::from_name(text).ok_or_else(|| "write negative, neutral or positive".to_owned())
}

/// Parses `12h`, `90d` and the like; a day has 24 hours.
fn parse_lifetime(text: &str) -> Result<SignedDuration, String> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i32>().ok());
    let hours = text
        .strip_suffix('h')
        .and_then(|hours| hours.parse::<i32>().ok());
    let hours = days.and_then(|days| days.checked_mul(24)).or(hours);
    hours
        .filter(|hours| *hours > 0)
        .map(|hours| SignedDuration::from_hours(i64::from(hours)))
        .ok_or_else(|| format!("\"{text}\" is not a time; write 12h or 90d"))
}

/// Parses `30s`, `5m`, `1h30m` and the like.
fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not a time; write 30s, 5m or 1h30m"))?;
    std::time::Duration::try_from(span)
        .map_err(|_| format!("\"{text}\" lies in the past; write 30s, 5m or 1h30m"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_is_read_or_explained() {
        assert_eq!(
            parse_duration("30s"),
            Ok(std::time::Duration::from_secs(30))
        );
        assert_eq!(
            parse_duration("1h30m"),
            Ok(std::time::Duration::from_secs(5400))
        );
        assert_eq!(
            parse_duration("soon").unwrap_err(),
            "\"soon\" is not a time; write 30s, 5m or 1h30m"
        );
        assert!(parse_duration("-5s").is_err());
    }
}
