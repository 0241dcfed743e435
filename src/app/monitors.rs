//! What is listened for: the monitors that the configuration file declares, and those that were made by API. The file wins where
//! both have a name.

use std::sync::Arc;

use super::files::zone;
use super::run::Running;
use crate::config::{Config, MonitorConfig};
use crate::domain::{MonitorId, MonitorSummary};
use crate::ingest::Monitors;
use crate::store::Store;
use crate::web::Declared;

/// All monitors, and which of them were made by API.
pub(super) struct Heard {
    pub(super) monitors: Arc<Monitors>,
    pub(super) made: Vec<MonitorId>,
}

/// The monitors of file and store, without their parsed queries, by name.
///
/// # Errors
/// When one of the file cannot work, or the store cannot be read.
pub async fn monitors(config: &Config, store: &Store) -> anyhow::Result<Vec<MonitorSummary>> {
    let heard = all(config, store).await?;
    Ok(heard.monitors.summaries().cloned().collect())
}

/// The monitors of file and store.
///
/// # Errors
/// When one of the file cannot work, or the store cannot be read.
pub(super) async fn all(config: &Config, store: &Store) -> anyhow::Result<Heard> {
    let zone = zone(config)?;
    let mut configs = config.monitors.clone();
    let mut made = Vec::new();
    for kept in store.managed_monitors().await? {
        if configs.iter().any(|known| known.id == kept.id) {
            tracing::warn!(monitor.id = %kept.id, "the configuration file has a monitor of the same name as one made by API, which is left out");
            continue;
        }
        let config = MonitorConfig {
            id: kept.id.clone(),
            query: kept.query,
            brand: kept.brand,
            role: kept.role,
        };
        // It was checked when it was made; a later program may read it otherwise.
        if let Err(fault) = Monitors::parse(std::slice::from_ref(&config), zone.clone()) {
            tracing::error!(error = %fault, "a monitor made by API hears nothing until its query is mended");
            continue;
        }
        configs.push(config);
        made.push(kept.id);
    }
    Ok(Heard {
        monitors: Arc::new(Monitors::parse(&configs, zone)?),
        made,
    })
}

impl Running {
    /// Listens for what is to be listened for now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn listen_anew(&self) -> anyhow::Result<String> {
        let config = self.config.lock().await.clone();
        let Heard { monitors, made } = all(&config, &self.app.store).await?;
        let summaries: Vec<MonitorSummary> = monitors.summaries().cloned().collect();
        let said = format!("{} monitors", summaries.len());
        self.app.monitors.send_replace(monitors);
        self.declared.send_modify(|declared| {
            let changed = Declared {
                monitors: summaries,
                made_monitors: made,
                ..declared.as_ref().clone()
            };
            *declared = changed.into();
        });
        Ok(said)
    }
}
