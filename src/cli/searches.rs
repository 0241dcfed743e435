//! `overheard searches`: searches that the team keeps by name, and how much each finds. All of it asks the daemon.

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::access::segment;
use super::daemon;
use super::output::Output;
use super::search::printable;
use crate::config::Config;

/// `overheard searches`.
#[derive(Debug, Subcommand)]
pub enum SearchesCommand {
    /// List the saved searches with how much each finds
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Save a search for everybody, or change one; it stands beside every page
    #[command(after_help = "Example:
  overheard searches save 'Angry about batteries' 'battery sentiment:negative' --range 7d")]
    Save {
        /// What people call it
        name: String,
        /// The query
        query: String,
        /// 24h, 7d or 30d; any time when nothing is said
        #[arg(long, default_value = "")]
        range: String,
        /// Also posts that no monitor matches
        #[arg(long)]
        all: bool,
    },
    /// Forget a saved search
    Remove {
        /// What people call it
        name: String,
    },
}

/// Lists, saves or forgets searches.
///
/// # Errors
/// When no daemon runs, or it refuses.
pub async fn run(
    config: &Config,
    command: SearchesCommand,
    output: &Output,
) -> anyhow::Result<i32> {
    let client = daemon::running(config)?;
    let path = |name: &str| format!("/api/v1/searches/{}", segment(name));
    match command {
        SearchesCommand::List { json } => {
            let body = daemon::accepted(&client.get("/api/v1/searches?counts=true").await?)?;
            let searches = body["searches"].as_array();
            let searches = searches.context("the daemon answered something else than a list")?;
            if json {
                output.json(searches)?;
                return Ok(0);
            }
            let mut table = output.table(&["name", "finds", "range", "among", "query"]);
            for search in searches {
                table.add_row(row(search));
            }
            output.print(&table.to_string())?;
        }
        SearchesCommand::Save {
            name,
            query,
            range,
            all,
        } => {
            let scope = if all { "all" } else { "" };
            let body = json!({ "query": query, "range": range, "scope": scope });
            daemon::accepted(&client.put(&path(&name), serde_json::to_vec(&body)?).await?)?;
            output.print(&format!("Search \"{name}\" is saved."))?;
        }
        SearchesCommand::Remove { name } => {
            daemon::accepted(&client.delete(&path(&name)).await?)?;
            output.print(&format!("Search \"{name}\" is forgotten."))?;
        }
    }
    Ok(0)
}

fn row(search: &Value) -> [String; 5] {
    let text = |name: &str| printable(search[name].as_str().unwrap_or_default());
    let finds = match search["total"].as_u64() {
        Some(total) => total.to_string(),
        None => text("error"),
    };
    let among = match search["scope"].as_str() {
        Some("all") => "posts",
        _ => "mentions",
    };
    [
        text("name"),
        finds,
        text("range"),
        among.to_owned(),
        text("query"),
    ]
}
