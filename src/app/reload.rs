//! SIGHUP: the configuration again. Everything new is built before anything old stops, so that a bad
//! file changes nothing.

use std::sync::Arc;

use crate::config::Config;
use crate::ingest::Monitors;

use super::build::build_endpoints;
use super::files::zone;
use super::run::{Group, Running};
use super::status;

impl Running {
    /// Reads the configuration again and replaces sources, monitors and endpoints. Returns what changed in words.
    ///
    /// # Errors
    /// When the new configuration is wrong; the old one goes on.
    pub async fn reload(&self) -> anyhow::Result<String> {
        let app = &self.app;
        let mut config = Config::load(app.config_path.as_deref(), std::env::vars())?;
        config.data_dir.clone_from(&app.config.data_dir);
        let monitors = Arc::new(Monitors::parse(&config.monitors, zone(&config)?)?);
        let endpoints = build_endpoints(&config)?;
        let pollers = app.build_pollers(&config)?;

        let restart = needs_restart(&app.config, &config);
        let _ = self
            .declared
            .send(Arc::new(status::declared(&config, &monitors)));
        app.monitors.send_replace(monitors);
        {
            let mut ears = self.ears.lock().await;
            ears.stopped().await;
            *ears = Group::new(&app.clock);
        }
        // A person acted: what was paused for a fault is tried once more.
        for poller in &pollers {
            poller.resume_mended().await?;
        }
        let dispatchers = app.dispatchers_to(&config, endpoints);
        self.start_ears(&config, pollers, dispatchers).await?;
        let said = format!(
            "{} sources, {} monitors, {} endpoints{restart}",
            config.sources.len(),
            config.monitors.len(),
            config.endpoints.len()
        );
        tracing::info!("reloaded the configuration: {said}");
        Ok(said)
    }
}

/// Names the sections whose changes only a restart takes.
fn needs_restart(old: &Config, new: &Config) -> String {
    let sections = [
        ("web", old.web != new.web),
        ("fetch", old.fetch != new.fetch),
        ("analysis", old.analysis != new.analysis),
        ("models", old.models != new.models),
        ("index", old.index != new.index),
        ("ingest", old.ingest != new.ingest),
        ("log", old.log != new.log),
        ("digests", old.digests != new.digests),
        ("time_zone", old.time_zone != new.time_zone),
        ("public_url", old.public_url != new.public_url),
    ];
    let changed: Vec<&str> = sections
        .iter()
        .filter(|(_, changed)| *changed)
        .map(|(name, _)| *name)
        .collect();
    if changed.is_empty() {
        String::new()
    } else {
        format!(
            "; restart the daemon for the changes of {}",
            changed.join(", ")
        )
    }
}
