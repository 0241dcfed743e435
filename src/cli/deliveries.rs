//! `overheard deliveries`: what went to whom, what could not be delivered, and another try.

use anyhow::Context;

use super::access;
use super::daemon::{self, Writer};
use super::deliveries_args::{DeliveriesCommand, DeliveryState};
use super::output::Output;
use crate::app;
use crate::config::Config;
use crate::deliver::Outcome;
use crate::deliver::probe::probe;
use crate::domain::{EndpointId, EventId};
use crate::fetch::Fetcher;
use crate::insight::DeadLetterDto;
use crate::insight::admin_dto::{DeliveryDto, EventDeliveriesDto};
use crate::runtime::Clock;
use crate::store::Store;

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
        DeliveriesCommand::List {
            endpoint,
            state,
            limit,
            json,
        } => list(config, endpoint, state, limit, json, output).await?,
        DeliveriesCommand::Show { event, json } => show(config, &event, json, output).await?,
        DeliveriesCommand::Test { endpoint, json } => {
            return test(config, &endpoint, json, output).await;
        }
        DeliveriesCommand::Dead { json } => {
            let store = app::open_store_read_only(config).await?;
            let mut dead = Vec::new();
            for endpoint in &app::endpoint_names(config, &store).await? {
                let letters = store.dead_letters(endpoint, 0, MOST).await?;
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
                        status(letter.last_status),
                        letter.last_error.unwrap_or_default(),
                    ]);
                }
                output.print(&table.to_string())?;
            }
        }
        DeliveriesCommand::Pause { endpoint } => {
            pause_or_resume(config, &endpoint, true, output).await?;
        }
        DeliveriesCommand::Resume { endpoint } => {
            pause_or_resume(config, &endpoint, false, output).await?;
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
                    for endpoint in &app::endpoint_names(config, &store).await? {
                        count += store
                            .requeue(endpoint, event.clone().map(|event| vec![event]), now)
                            .await?;
                    }
                    access::note(&store, "deliveries replay", "").await?;
                    store.close().await;
                    count
                }
            };
            output.print(&format!("{count} deliveries wait for another try."))?;
        }
    }
    Ok(0)
}

async fn pause_or_resume(
    config: &Config,
    endpoint: &EndpointId,
    pause: bool,
    output: &Output,
) -> anyhow::Result<()> {
    daemon::heard(config)?;
    let store = app::open_store_read_only(config).await?;
    endpoints(config, &store, Some(endpoint)).await?;
    match daemon::writer(config)? {
        Writer::Daemon(client) => {
            let action = if pause { "pause" } else { "resume" };
            let path = format!("/api/v1/endpoints/{endpoint}/{action}");
            daemon::accepted(&client.post(&path, "application/json", Vec::new()).await?)?;
        }
        Writer::Files(_lock) => {
            let now = Clock::system().now();
            let store = app::open_store(config, now).await?;
            if pause {
                store.pause_endpoint(endpoint, now).await?;
            } else {
                store.resume_endpoint(endpoint).await?;
            }
            let action = if pause {
                "deliveries pause"
            } else {
                "deliveries resume"
            };
            access::note(&store, action, endpoint.as_str()).await?;
            store.close().await;
        }
    }
    output.print(&if pause {
        format!("Endpoint {endpoint} is paused: events wait until `overheard deliveries resume {endpoint}`.")
    } else {
        format!("Endpoint {endpoint} gets what waits.")
    })
}

/// The endpoint with this name, or all of them.
async fn endpoints(
    config: &Config,
    store: &Store,
    name: Option<&EndpointId>,
) -> anyhow::Result<Vec<EndpointId>> {
    let known = app::endpoint_names(config, store).await?;
    let Some(name) = name else {
        return Ok(known);
    };
    anyhow::ensure!(
        !known.is_empty(),
        "there is no endpoint \"{name}\", nor any other; add an [[endpoints]] block, or make one with `overheard endpoints set`"
    );
    anyhow::ensure!(
        known.contains(name),
        "there is no endpoint \"{name}\"; there are: {}",
        known
            .iter()
            .map(EndpointId::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(vec![name.clone()])
}

async fn list(
    config: &Config,
    endpoint: Option<EndpointId>,
    state: Option<DeliveryState>,
    limit: usize,
    json: bool,
    output: &Output,
) -> anyhow::Result<()> {
    let store = app::open_store_read_only(config).await?;
    let endpoints = endpoints(config, &store, endpoint.as_ref()).await?;
    let state = state.map(DeliveryState::as_str);
    let mut listed = Vec::new();
    for endpoint in &endpoints {
        let deliveries = store
            .list_deliveries(endpoint, state, None, None, limit)
            .await?;
        listed.extend(deliveries.iter().map(DeliveryDto::from));
    }
    if json {
        return output.json(&listed);
    }
    if listed.is_empty() {
        return output.print("There are no such deliveries.");
    }
    let mut table = output.table(&[
        "event", "type", "endpoint", "state", "attempts", "status", "reason",
    ]);
    for delivery in listed {
        table.add_row([
            delivery.event,
            delivery.kind,
            delivery.endpoint,
            delivery.state,
            delivery.attempts.to_string(),
            status(delivery.last_status),
            delivery.last_error.unwrap_or_default(),
        ]);
    }
    output.print(&table.to_string())
}

async fn show(config: &Config, event: &EventId, json: bool, output: &Output) -> anyhow::Result<()> {
    let store = app::open_store_read_only(config).await?;
    let endpoints = endpoints(config, &store, None).await?;
    let shown = EventDeliveriesDto::of(&store, &endpoints, event).await?;
    let shown = shown.with_context(|| {
        format!("there is no event {event}: `overheard deliveries list` prints ids")
    })?;
    if json {
        return output.json(&shown);
    }
    output.print(&format!("{}  {event}  {}", shown.kind, shown.occurred_at))?;
    for shown in &shown.deliveries {
        output.print(&format!(
            "\n{}: {}",
            shown.delivery.endpoint, shown.delivery.state
        ))?;
        for attempt in &shown.attempted {
            let reason = attempt.error.as_deref().unwrap_or("arrived");
            output.print(&format!("  {}. {}  {reason}", attempt.number, attempt.at))?;
        }
    }
    match shown.body {
        Some(body) => output.print(&format!("\n{}", serde_json::to_string_pretty(&body)?)),
        None => output.print("\nThere is no body: nothing was sent yet, or its post is gone."),
    }
}

async fn test(
    config: &Config,
    endpoint: &EndpointId,
    json: bool,
    output: &Output,
) -> anyhow::Result<i32> {
    let built = &app::endpoint(config, endpoint).await?;
    let clock = Clock::system();
    let fetcher = Fetcher::new(&config.fetch, clock.clone())?;
    let timeout = std::time::Duration::from_secs(config.deliver.timeout_secs);
    let public_url = config.public_url.as_deref();
    let (good, code, error) = match probe(built, &fetcher, public_url, timeout, &clock).await {
        Outcome::Answered(answer) => {
            let good = (200..300).contains(&answer.status);
            (good, Some(answer.status), None)
        }
        Outcome::Taken => (true, None, None),
        Outcome::Failed(error) | Outcome::Refused(error) => (false, None, Some(error)),
    };
    if json {
        output.json(&serde_json::json!({
            "endpoint": endpoint, "delivered": good, "status": code, "error": error,
        }))?;
    } else {
        let said = match (code, error) {
            (Some(code), _) if good => format!("It answered {code}: the test event arrived."),
            (Some(code), _) => format!(
                "It answered {code}: an event that gets such an answer is tried again for three days, then given up."
            ),
            (None, None) => "It was taken: the test event arrived.".to_owned(),
            (None, Some(error)) => format!("It did not arrive: {error}"),
        };
        output.print(&said)?;
    }
    Ok(i32::from(!good))
}

fn status(status: Option<u16>) -> String {
    status.map_or(String::new(), |status| status.to_string())
}
