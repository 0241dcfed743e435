//! Builds all parts from a configuration. What can be wrong is found here, before anything runs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::endpoints::{self, Endpoints, seal_key};
use super::files::{create_data_dir, open_index, open_store, zone};
use super::monitors::{self, Heard};
use crate::analysis::{self, AnalyzerHandle};
use crate::config::Config;
use crate::deliver::{Dispatcher, DispatcherSetup, Endpoint};
use crate::domain::{MonitorId, MonitorSummary};
use crate::fetch::Fetcher;
use crate::ingest::{Indexer, Monitors, Pipeline, Poller};
use crate::insight::Searcher;
use crate::runtime::Clock;
use crate::runtime::lock::DataLock;
use crate::runtime::seal::SealKey;
use crate::sources;
use crate::store::Store;

/// What a configuration file can't say.
pub struct AppOptions {
    /// The file that SIGHUP reads again.
    pub config_path: Option<PathBuf>,
    /// A listener to use instead of `web.listen`.
    pub listener: Option<TcpListener>,
}

/// All parts, ready to run.
pub struct App {
    pub(super) config: Config,
    pub(super) config_path: Option<PathBuf>,
    pub(super) clock: Clock,
    pub(super) zone: TimeZone,
    pub(super) store: Store,
    pub(super) fetcher: Fetcher,
    pub(super) monitors: watch::Sender<Arc<Monitors>>,
    pub(super) made_monitors: Vec<MonitorId>,
    pub(super) analyzer: AnalyzerHandle,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) pollers: Vec<Arc<Poller>>,
    pub(super) seal_key: Arc<SealKey>,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) indexer: Option<Indexer>,
    pub(super) searcher: Searcher,
    pub(super) listener: Option<TcpListener>,
    pub(super) _lock: DataLock,
}

impl App {
    /// Builds all parts: takes the data lock, opens store and index, loads the model, makes the sources.
    ///
    /// # Errors
    /// Whatever keeps the daemon from working, in words that say what to do.
    pub async fn build(config: Config, options: AppOptions, clock: Clock) -> anyhow::Result<Self> {
        create_data_dir(&config.data_dir)?;
        let lock = DataLock::acquire(&config.data_dir)?;
        let fetcher = Fetcher::new(&config.fetch, clock.clone())?;
        let seal_key = Arc::new(seal_key(&config)?);
        let zone = zone(&config)?;
        let store = open_store(&config, clock.now()).await?;
        let Heard { monitors, made } = monitors::all(&config, &store).await?;
        let endpoints = endpoints::all(&config, &store, &seal_key).await?;
        fetcher.restore_holds(store.holds().await?);
        let opened = open_index(&config, &store).await?;
        let searcher = Searcher::new(opened.reader.clone(), store.clone());
        let indexer = Indexer::new(store.clone(), opened.writer, opened.reader);
        let analyzer = start_analyzer(&config).await?;
        let (monitors, receiver) = watch::channel(monitors);
        let pipeline = Arc::new(Pipeline::new(
            store.clone(),
            analyzer.clone(),
            receiver,
            config.ingest.keep_unmatched_days,
        ));
        let mut app = Self {
            config_path: options.config_path,
            listener: options.listener,
            clock,
            zone,
            store,
            fetcher,
            monitors,
            made_monitors: made,
            analyzer,
            pipeline,
            pollers: Vec::new(),
            seal_key,
            endpoints: Some(endpoints),
            indexer: Some(indexer),
            searcher,
            config,
            _lock: lock,
        };
        app.pollers = app.build_pollers(&app.config)?;
        Ok(app)
    }

    /// The search that API, page and callers share.
    #[must_use]
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The configuration that it was built from.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The zone in which days begin for people.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The monitors that posts are judged by now.
    #[must_use]
    pub fn monitors(&self) -> Vec<MonitorSummary> {
        self.monitors.borrow().summaries().cloned().collect()
    }

    /// A dispatcher for each endpoint.
    pub(super) fn dispatchers_to(
        &self,
        config: &Config,
        endpoints: Vec<Endpoint>,
    ) -> Vec<Dispatcher> {
        let dispatcher = |endpoint| {
            let setup = DispatcherSetup {
                store: self.store.clone(),
                fetcher: self.fetcher.clone(),
                clock: self.clock.clone(),
                config: config.deliver.clone(),
                public_url: config.public_url.clone(),
                zone: self.zone.clone(),
                seed: rand::random(),
            };
            Dispatcher::new(endpoint, setup)
        };
        endpoints.into_iter().map(dispatcher).collect()
    }
}

/// Loads the model on its own threads; seconds of blocking work.
async fn start_analyzer(config: &Config) -> anyhow::Result<AnalyzerHandle> {
    let (analysis_config, models) = (config.analysis.clone(), config.models.clone());
    let heads = super::read_heads(config)?;
    tokio::task::spawn_blocking(move || analysis::build(&analysis_config, &models, heads))
        .await?
        .context("could not load the model")
}

/// Everything that only building finds out: connectors, secrets, addresses. Empty when all is well.
#[must_use]
pub fn check(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    let clock = Clock::system();
    match Fetcher::new(&config.fetch, clock.clone()) {
        Ok(fetcher) => {
            for source in &config.sources {
                if let Err(error) = sources::build(source, &fetcher, &clock) {
                    faults.push(format!("{:#}", anyhow::Error::from(error)));
                }
            }
        }
        Err(error) => faults.push(format!("{:#}", anyhow::Error::from(error))),
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    for endpoint in &config.endpoints {
        if let Err(error) = Endpoint::build(endpoint, credentials.as_deref()) {
            faults.push(format!("{:#}", anyhow::Error::from(error)));
        }
    }
    faults
}
