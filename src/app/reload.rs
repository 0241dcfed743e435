//! SIGHUP: the configuration again. Everything new is built before anything old stops, so that a bad
//! file changes nothing.

use std::sync::Arc;

use crate::config::Config;

use super::endpoints;
use super::monitors::{self, Heard};
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
        let Heard { monitors, made } = monitors::all(&config, &app.store).await?;
        let endpoints = endpoints::all(&config, &app.store, &app.seal_key).await?;
        let pollers = app.build_pollers(&config)?;

        let restart = needs_restart(&app.config, &config);
        let count = endpoints.ready.len();
        let declared = status::declared(&config, &monitors, &made, endpoints.declared.clone());
        let _ = self.declared.send(Arc::new(declared));
        let monitor_count = monitors.summaries().count();
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
        self.restart_endpoints(&config, endpoints).await?;
        self.start_ears(&config, pollers).await?;
        let said = format!(
            "{} sources, {} monitors, {count} endpoints{restart}",
            config.sources.len(),
            monitor_count,
        );
        *self.config.lock().await = config;
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
        (
            "deliver.key_file",
            old.deliver.key_file != new.deliver.key_file,
        ),
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
