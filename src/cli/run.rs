//! `overheard run`: the daemon, or one round of it.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Global, RunArgs};
use super::daemon;
use super::output::Output;
use super::{config_path, load};
use crate::app::{App, AppOptions};
use crate::config::Config;
use crate::runtime::Clock;
use crate::runtime::telemetry::{self, Metrics};

/// Runs until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.
///
/// # Errors
/// When the configuration is wrong or a part can't start.
pub async fn run(global: &Global, args: &RunArgs, output: &Output) -> anyhow::Result<i32> {
    let config = load(global)?;
    telemetry::init_logs(&config.log, |name| std::env::var_os(name))?;
    let metrics = Metrics::install(Clock::system())?;
    let config_path = config_path(global);
    let options = AppOptions {
        config_path: config_path.clone(),
        listener: None,
    };
    let app = App::build(config, options, Clock::system()).await?;
    if args.once {
        let summary = app.run_once().await?;
        if args.json {
            output.json(&summary)?;
        } else {
            output.print(&format!(
                "{} sources answered, {} failed, {} not asked yet; {} posts new, {} changed; {} indexed; {} webhooks delivered, {} to be tried again.",
                summary.sources_polled,
                summary.sources_failed,
                summary.sources_held,
                summary.new_posts,
                summary.changed_posts,
                summary.indexed,
                summary.delivered,
                summary.deliveries_failed,
            ))?;
        }
        return Ok(i32::from(summary.sources_failed > 0));
    }
    let mut terminate = signal(SignalKind::terminate()).context("could not watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not watch for Ctrl-C")?;
    let mut hangup = signal(SignalKind::hangup()).context("could not watch for SIGHUP")?;
    let running = app.start(metrics).await?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                // A bad file keeps the old configuration; the log says what is wrong with it.
                if let Err(error) = running.reload().await {
                    tracing::error!(error = format!("{error:#}"), "kept the old configuration");
                }
            }
        }
    }
    running.stop().await;
    Ok(0)
}

/// Lets the running daemon read its configuration again, as SIGHUP does; on an error the old one stays.
///
/// # Errors
/// When no daemon runs, or the configuration is wrong.
pub async fn reload(config: &Config, output: &Output) -> anyhow::Result<i32> {
    let client = daemon::running(config)?;
    let answer = client
        .post("/api/v1/reload", "application/json", Vec::new())
        .await?;
    let body = daemon::accepted(&answer)?;
    let said = body["message"].as_str().unwrap_or_default();
    output.print(&format!("Reloaded: {said}."))?;
    Ok(0)
}
