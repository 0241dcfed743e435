//! `overheard endpoints`: who is told, and those that are made without the configuration file. All of it asks the daemon.

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::daemon;
use super::endpoints_args::{EndpointsCommand, SetArgs};
use super::output::Output;
use crate::config::Config;

/// Lists, sets, rotates or removes endpoints.
///
/// # Errors
/// When no daemon runs, or it refuses.
pub async fn run(
    config: &Config,
    command: EndpointsCommand,
    output: &Output,
) -> anyhow::Result<i32> {
    let client = daemon::running(config)?;
    match command {
        EndpointsCommand::List { json } => {
            let body = daemon::accepted(&client.get("/api/v1/endpoints").await?)?;
            list(&body["endpoints"], json, output)?;
        }
        EndpointsCommand::Set(args) => {
            let path = format!("/api/v1/endpoints/{}", args.name);
            let body = serde_json::to_vec(&wanted(&args))?;
            let body = daemon::accepted(&client.put(&path, body).await?)?;
            eprintln!("Endpoint \"{}\" is set.", args.name);
            print_key(&body, output)?;
        }
        EndpointsCommand::Rotate {
            name,
            signature,
            keep,
        } => {
            let hours = keep.as_hours();
            anyhow::ensure!(
                keep.as_secs() == hours * 3600,
                "--keep takes whole hours, such as 24h or 0h"
            );
            let path = format!("/api/v1/endpoints/{name}/rotate");
            let body = serde_json::to_vec(&json!({ "signature": signature, "keep_hours": hours }))?;
            let body = daemon::accepted(&client.post(&path, "application/json", body).await?)?;
            match body["old_keys_until"].as_str() {
                Some(until) => eprintln!("The old key signs beside this one until {until}."),
                None => eprintln!("The old key signs no more."),
            }
            print_key(&body, output)?;
        }
        EndpointsCommand::Remove { name } => {
            let path = format!("/api/v1/endpoints/{name}");
            daemon::accepted(&client.delete(&path).await?)?;
            output.print(&format!("Endpoint \"{name}\" is removed."))?;
        }
    }
    Ok(0)
}

fn wanted(args: &SetArgs) -> Value {
    let mut body = Map::new();
    let texts = [
        ("url", &args.url),
        ("format", &args.format),
        ("payload", &args.payload),
        ("filter", &args.filter),
        ("message", &args.message),
        ("signature", &args.signature),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            body.insert(name.to_owned(), json!(text));
        }
    }
    body.insert("events".to_owned(), json!(args.events));
    body.insert("ordered".to_owned(), json!(args.ordered));
    body.insert("allow_http".to_owned(), json!(args.allow_http));
    Value::Object(body)
}

/// Prints a new key alone on stdout, so that it can go into a file.
fn print_key(body: &Value, output: &Output) -> anyhow::Result<()> {
    let key = body["secret"].as_str().or(body["public_key"].as_str());
    let Some(key) = key else {
        return Ok(());
    };
    output.print(key)?;
    if body["secret"].is_string() {
        eprintln!("Keep it: it is not shown again. Receivers verify with it.");
    }
    Ok(())
}

fn list(endpoints: &Value, json: bool, output: &Output) -> anyhow::Result<()> {
    let endpoints = endpoints
        .as_array()
        .context("the daemon answered something else than a list")?;
    if json {
        return output.json(endpoints);
    }
    if endpoints.is_empty() {
        return output.print(
            "There are no endpoints: add an [[endpoints]] block, or make one with `overheard endpoints set`.",
        );
    }
    let mut table = output.table(&[
        "name",
        "made by",
        "to",
        "format",
        "state",
        "waiting",
        "delivered",
        "dead",
    ]);
    for endpoint in endpoints {
        let text = |name: &str| endpoint[name].as_str().unwrap_or_default().to_owned();
        table.add_row([
            text("id"),
            text("origin"),
            text("address"),
            text("format"),
            text("state"),
            endpoint["waiting"].to_string(),
            endpoint["delivered"].to_string(),
            endpoint["dead"].to_string(),
        ]);
    }
    output.print(&table.to_string())?;
    for endpoint in endpoints {
        if let (Some(id), Some(problem)) = (endpoint["id"].as_str(), endpoint["problem"].as_str()) {
            output.print(&format!("{id}: {problem}"))?;
        }
    }
    Ok(())
}
