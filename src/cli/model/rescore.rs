//! `overheard model rescore`: history again, after a change of the model; by the daemon where one runs.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::access;
use super::super::daemon::{self, Writer};
use super::super::output::Output;
use super::args::RescoreArgs;
use super::progress::Progress;
use crate::app;
use crate::config::Config;
use crate::fetch::local::LocalClient;
use crate::ingest::{Rescored, rescore};
use crate::runtime::Clock;

/// Between two looks at how far the daemon is.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Serialize)]
struct Counts {
    rescored: u64,
    other_sentiment: u64,
    failed: u64,
    seconds: f64,
}

/// Scores history again.
///
/// # Errors
/// When the store can't be used, or the engine fails.
pub async fn run(config: &Config, args: &RescoreArgs, output: &Output) -> anyhow::Result<i32> {
    daemon::heard(config)?;
    let begin = Instant::now();
    let progress = Progress::of_history();
    let told = |done: Rescored| progress.at(done.rescored + done.failed);
    let done = match daemon::writer(config)? {
        Writer::Daemon(client) => by_daemon(&client, args.per_second, told).await?,
        Writer::Files(_lock) => {
            let analyzer = super::start(config, args.threads, config.analysis.cache_texts).await?;
            let (models, clock) = (app::todays_models(config)?, Clock::system());
            let store = app::open_store(config, clock.now()).await?;
            let rescored = rescore(&store, &analyzer, &models, args.per_second, &clock, told);
            let rescored = rescored.await?;
            access::note(&store, "model rescore", "").await?;
            store.close().await;
            rescored
        }
    };
    progress.done();
    let counts = Counts {
        rescored: done.rescored,
        other_sentiment: done.other_sentiment,
        failed: done.failed,
        seconds: begin.elapsed().as_secs_f64(),
    };
    if args.json {
        output.json(&counts)?;
    } else {
        output.print(&format!(
            "Scored {} posts again in {:.1} s; {} have another sentiment now, {} could not be scored.",
            counts.rescored, counts.seconds, counts.other_sentiment, counts.failed
        ))?;
    }
    Ok(0)
}

/// Lets the daemon do it, and waits until it has. Whoever breaks this off stops the waiting alone.
async fn by_daemon(
    client: &LocalClient,
    per_second: u32,
    told: impl Fn(Rescored),
) -> anyhow::Result<Rescored> {
    let path = format!("/api/v1/model/rescore?per_second={per_second}");
    daemon::accepted(&client.post(&path, "application/json", Vec::new()).await?)?;
    let clock = Clock::system();
    loop {
        let state = daemon::accepted(&client.get("/api/v1/model/rescore").await?)?;
        let number = |name: &str| state[name].as_u64().unwrap_or_default();
        let done = Rescored {
            rescored: number("rescored"),
            other_sentiment: number("other_sentiment"),
            failed: number("failed"),
        };
        told(done);
        if state["is_running"] != serde_json::Value::Bool(true) {
            let error = state["error"].as_str();
            return error.map_or(Ok(done), |error| Err(anyhow::anyhow!("{error}")));
        }
        clock.sleep(LOOK).await;
    }
}
