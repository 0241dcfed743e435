//! `overheard monitors`: what is listened for, and monitors that are made without the configuration file. All of it asks the daemon.

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::daemon;
use super::output::Output;
use crate::config::Config;
use crate::domain::MonitorId;

/// `overheard monitors`.
#[derive(Debug, Subcommand)]
pub enum MonitorsCommand {
    /// List what is listened for, of the configuration file and made by API
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Make a monitor, or change one; it judges what is heard from now on
    #[command(after_help = "Example:
  overheard monitors set battery 'battery NEAR/5 (dead OR swollen)' --brand Voltra
  overheard monitors set zipp 'zipp' --brand Zipp --role competitor")]
    Set {
        /// The monitor's name
        name: MonitorId,
        /// The query
        query: String,
        /// The brand that it listens for
        #[arg(long)]
        brand: Option<String>,
        /// own, competitor or topic
        #[arg(long, default_value = "own")]
        role: String,
    },
    /// Remove a monitor that was made by API; what it caught stays
    Remove {
        /// The monitor's name
        name: MonitorId,
    },
}

/// Lists, sets or removes monitors.
///
/// # Errors
/// When no daemon runs, or it refuses.
pub async fn run(
    config: &Config,
    command: MonitorsCommand,
    output: &Output,
) -> anyhow::Result<i32> {
    let client = daemon::running(config)?;
    match command {
        MonitorsCommand::List { json } => {
            let body = daemon::accepted(&client.get("/api/v1/monitors").await?)?;
            let monitors = body["monitors"].as_array();
            let monitors = monitors.context("the daemon answered something else than a list")?;
            if json {
                output.json(monitors)?;
                return Ok(0);
            }
            let mut table = output.table(&["name", "made by", "brand", "role", "query"]);
            for monitor in monitors {
                let text = |name: &str| monitor[name].as_str().unwrap_or_default().to_owned();
                table.add_row(["id", "origin", "brand", "role", "query"].map(text));
            }
            output.print(&table.to_string())?;
        }
        MonitorsCommand::Set {
            name,
            query,
            brand,
            role,
        } => {
            let body = json!({ "query": query, "brand": brand, "role": role });
            let path = format!("/api/v1/monitors/{name}");
            daemon::accepted(&client.put(&path, serde_json::to_vec(&body)?).await?)?;
            output.print(&format!("Monitor \"{name}\" listens from now on."))?;
        }
        MonitorsCommand::Remove { name } => {
            let path = format!("/api/v1/monitors/{name}");
            daemon::accepted(&client.delete(&path).await?)?;
            output.print(&format!(
                "Monitor \"{name}\" is removed; what it caught stays."
            ))?;
        }
    }
    Ok(0)
}
