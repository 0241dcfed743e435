//! The demo's state directory: what was chosen at the first start (ports, seed, secret), so that a second
//! start on the same directory goes on where the first one was.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::crm::{Crm, Notice};
use super::town::{CUSTOMERS_CSV, Ports, Town};
use crate::app::App;
use crate::customers::{ImportFormat, read_customers};
use crate::runtime::Clock;
use crate::runtime::atomic_file::write_atomically;

/// A new post comes about this often, in milliseconds.
const PACE_MS: i64 = 700;
/// Each source is polled this often, in seconds.
const INTERVAL_SECS: u64 = 2;
const STATE_FILE: &str = "demo.json";
const SECRET_FILE: &str = "webhook-secret";

/// What is remembered between two starts.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    seed: u64,
    started_at: Timestamp,
    ports: Option<Ports>,
    crm_port: u16,
}

/// One demo on one directory.
pub(super) struct Scene {
    dir: PathBuf,
    state: State,
    secret: String,
}

impl Scene {
    /// Reads what an earlier start left, or chooses anew.
    pub(super) fn open(dir: &Path, seed: u64, now: Timestamp) -> anyhow::Result<Self> {
        let path = dir.join(STATE_FILE);
        let state = match std::fs::read(&path) {
            Ok(content) => serde_json::from_slice(&content).with_context(|| {
                format!(
                    "{} is damaged: remove the directory to start anew",
                    path.display()
                )
            })?,
            Err(_) => State {
                seed,
                started_at: now,
                ports: None,
                crm_port: 0,
            },
        };
        Ok(Self {
            secret: secret(&dir.join(SECRET_FILE))?,
            dir: dir.to_owned(),
            state,
        })
    }

    pub(super) async fn start_town(
        &self,
        now: Timestamp,
        stop: CancellationToken,
    ) -> anyhow::Result<Town> {
        let state = &self.state;
        let town = Town::start(
            state.seed,
            state.started_at,
            PACE_MS,
            state.ports.as_ref(),
            stop,
        )
        .await
        .with_context(|| {
            format!(
                "could not start the town: is another demo running on {}?",
                self.dir.display()
            )
        })?;
        // What would have been said since an earlier start.
        town.advance(now);
        Ok(town)
    }

    pub(super) async fn start_crm(
        &self,
        clock: Clock,
        stop: CancellationToken,
    ) -> anyhow::Result<(Crm, mpsc::Receiver<Notice>)> {
        Crm::start(self.state.crm_port, &self.secret, move || clock.now(), stop)
            .await
            .context("could not start the fake CRM")
    }

    /// Remembers the ports for the next start.
    pub(super) fn keep(mut self, town: &Town, crm: &Crm) -> anyhow::Result<Self> {
        self.state.ports = Some(town.ports());
        self.state.crm_port = crm.port();
        let path = self.dir.join(STATE_FILE);
        write_atomically(&path, &serde_json::to_vec_pretty(&self.state)?)
            .with_context(|| format!("could not write {}", path.display()))?;
        Ok(self)
    }

    /// Writes an ordinary configuration file that points at the town.
    pub(super) fn write_config(&self, town: &Town, crm: &Crm) -> anyhow::Result<PathBuf> {
        let path = self.dir.join("overheard.toml");
        let data_dir = toml::Value::String(self.dir.display().to_string());
        let secret_file = toml::Value::String(self.dir.join(SECRET_FILE).display().to_string());
        let text = format!(
            r#"# Written by `overheard demo`: an ordinary configuration that points at fake networks on this machine.
data_dir = {data_dir}

[fetch]
contact_url = "https://overheard.invalid/demo"
allow_private = ["127.0.0.0/8"]   # the fake networks are here; never needed for real ones
allow_ports = []
host_spacing_ms = 50
backoff_secs = 2
max_backoff_secs = 30
max_interval_secs = 2

[log]
filter = "warn"

[[monitors]]
id = "voltra"
query = "voltra"
brand = "Voltra"

[[monitors]]
id = "battery-trouble"
query = "(battery OR charger OR charging) AND sentiment:negative"
brand = "Voltra"

[[monitors]]
id = "might-leave"
query = "voltra AND (intent:churn_risk OR intent:complaint)"
brand = "Voltra"

[[endpoints]]
id = "crm"
url = "{crm_url}"
secret_file = {secret_file}
allow_http = true

[[digests]]
id = "daily"

{sources}"#,
            crm_url = crm.url(),
            sources = town.sources_toml(INTERVAL_SECS),
        );
        write_atomically(&path, text.as_bytes())
            .with_context(|| format!("could not write {}", path.display()))?;
        Ok(path)
    }
}

/// Imports the town's customers, as `overheard customers import` does.
pub(super) async fn import_customers(app: &App, now: Timestamp) -> anyhow::Result<()> {
    let import = read_customers(CUSTOMERS_CSV.as_bytes(), ImportFormat::Csv)?;
    anyhow::ensure!(
        import.rejects.is_empty(),
        "the town's customers: {:?}",
        import.rejects
    );
    app.store().import_customers(import.customers, now).await?;
    Ok(())
}

/// The webhook secret of an earlier start, or a new one, readable by this user alone.
fn secret(path: &Path) -> anyhow::Result<String> {
    if let Ok(secret) = std::fs::read_to_string(path) {
        return Ok(secret.trim().to_owned());
    }
    let key: [u8; 32] = rand::random();
    let secret = format!("whsec_{}", STANDARD.encode(key));
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{secret}"))
        .with_context(|| format!("could not write {}", path.display()))?;
    Ok(secret)
}
