//! `overheard deliveries`: what could not be delivered, and another try.

use super::args::DeliveriesCommand;
use super::daemon::{self, Writer};
use super::output::Output;
use crate::app;
use crate::config::Config;
use crate::insight::DeadLetterDto;
use crate::runtime::Clock;

/// The most that is listed of one endpoint.
const MOST: usize = 1_000;

/// Lists or replays dead deliveries.
///
/// # Errors
/// When there is nothing to read yet.
pub async fn run(
    config: &Config,
    command: DeliveriesCommand,
    output: &Output,
) -> anyhow::Result<i32> {
    match command {
        DeliveriesCommand::Dead { json } => {
            let store = app::open_store_read_only(config).await?;
            let mut dead = Vec::new();
            for endpoint in &config.endpoints {
                let letters = store.dead_letters(&endpoint.id, 0, MOST).await?;
                dead.extend(letters.iter().map(DeadLetterDto::from));
            }
            if json {
                output.json(&dead)?;
            } else if dead.is_empty() {
                output.print("No delivery was given up.")?;
            } else {
                let mut table =
                    output.table(&["event", "type", "endpoint", "attempts", "status", "reason"]);
                for letter in dead {
                    table.add_row([
                        letter.event,
                        letter.kind,
                        letter.endpoint,
                        letter.attempts.to_string(),
                        letter
                            .last_status
                            .map_or(String::new(), |status| status.to_string()),
                        letter.last_error.unwrap_or_default(),
                    ]);
                }
                output.print(&table.to_string())?;
            }
        }
        DeliveriesCommand::Replay { event } => {
            daemon::heard(config)?;
            let count = match daemon::writer(config)? {
                Writer::Daemon(client) => {
                    let path = match &event {
                        Some(event) => format!("/api/v1/deliveries/replay?event={event}"),
                        None => "/api/v1/deliveries/replay".to_owned(),
                    };
                    let body = daemon::accepted(
                        &client.post(&path, "application/json", Vec::new()).await?,
                    )?;
                    body.get("requeued")
                        .and_then(serde_json::Value::as_u64)
                        .unwrap_or(0)
                }
                Writer::Files(_lock) => {
                    let now = Clock::system().now();
                    let store = app::open_store(config, now).await?;
                    let mut count = 0;
                    for endpoint in &config.endpoints {
                        count += store
                            .requeue(&endpoint.id, event.clone().map(|event| vec![event]), now)
                            .await?;
                    }
                    store.close().await;
                    count
                }
            };
            output.print(&format!("{count} deliveries wait for another try."))?;
        }
    }
    Ok(0)
}
