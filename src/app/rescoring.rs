//! History scored again beside the running daemon: by the same engine, in turns with what arrives.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::build::App;
use super::run::Running;
use crate::analysis;
use crate::config::Config;
use crate::domain::ModelId;
use crate::ingest;
use crate::runtime::caught;
use crate::web::Rescoring;

/// The models that score today.
///
/// # Errors
/// When a model or the heads of one's own cannot be read.
pub fn todays_models(config: &Config) -> anyhow::Result<Vec<ModelId>> {
    let heads = super::read_heads(config)?;
    let models = analysis::models(&config.analysis, &config.models, heads.as_ref())?;
    let models = models.into_iter().map(|card| ModelId::parse(card.model));
    Ok(models.collect::<Result<_, _>>()?)
}

impl App {
    async fn rescore(
        &self,
        per_second: u32,
        told: impl Fn(ingest::Rescored),
    ) -> anyhow::Result<ingest::Rescored> {
        let models = todays_models(&self.config)?;
        let (store, analyzer) = (&self.store, &self.analyzer);
        let rescored = ingest::rescore(store, analyzer, &models, per_second, &self.clock, told);
        Ok(rescored.await?)
    }
}

impl Running {
    /// Scores history again whenever somebody wants it, at so many posts a second.
    pub(super) fn rescore_when_wanted(self: &Arc<Self>, wanted: mpsc::Receiver<u32>) {
        let (running, wanted) = (Arc::clone(self), Arc::new(Mutex::new(wanted)));
        self.desk.supervisor.spawn("rescoring", move |stop| {
            let (running, wanted) = (Arc::clone(&running), Arc::clone(&wanted));
            async move {
                let mut wanted = wanted.lock().await;
                loop {
                    let per_second = tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        per_second = wanted.recv() => per_second,
                    };
                    let Some(per_second) = per_second else {
                        return Ok(());
                    };
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = running.rescore(per_second) => {}
                    }
                }
            }
        });
    }

    async fn rescore(&self, per_second: u32) {
        let told = |done: ingest::Rescored| {
            self.rescoring.send_modify(|state| state.done = done);
        };
        let rescored = caught(self.app.rescore(per_second, told)).await;
        let error = rescored.err().map(|error| format!("{error:#}"));
        match &error {
            None => tracing::info!("scored history again"),
            Some(error) => tracing::error!(error, "could not score history again"),
        }
        self.rescoring.send_modify(|state| {
            state.is_running = false;
            state.error = error;
        });
    }

    /// Begins to score history again; refused while that is under way.
    pub(super) fn begin_rescoring(&self, per_second: u32) -> Result<String, String> {
        if self.app.analyzer.model().is_none() {
            return Err(
                "scoring is switched off: set engine = \"embedded\" in [analysis]".to_owned(),
            );
        }
        let under_way = || "history is being scored again already".to_owned();
        if self.rescoring.borrow().is_running {
            return Err(under_way());
        }
        self.rescoring.send_replace(Rescoring {
            is_running: true,
            ..Rescoring::default()
        });
        if self.rescore_wanted.try_send(per_second).is_err() {
            self.rescoring.send_replace(Rescoring::default());
            return Err(under_way());
        }
        Ok("scores history again".to_owned())
    }
}
