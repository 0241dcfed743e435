//! Starts all parts and stops them in order.
//!
//! Four groups, each with its own supervisor and token: *ears* (pollers, replaced by a reload), *mouths* (dispatchers, replaced
//! whenever an endpoint changes), *desk* (page, API, digests, housekeeping) and *index*. They stop in that order, so that
//! what was committed last is still indexed and still served until then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::build::App;
use super::endpoints::Mouths;
use super::files::socket_path;
use super::status;
use crate::config::Config;
use crate::ingest::{self, Indexer, Poller, Rota, RotaHandle};
use crate::runtime::notify::Notifier;
use crate::runtime::telemetry::Metrics;
use crate::runtime::{Clock, Supervisor, caught};
use crate::web::{self, Auth, Declared, Door, FIRST_USER, Rebuild, Rescoring, WebState};

/// The longest that a group may take to stop; then the next one is stopped all the same.
const STOP_DEADLINE: Duration = Duration::from_secs(3);
/// Commands from the API that may wait for the app.
const COMMANDS: usize = 16;

/// A running daemon.
pub struct Running {
    pub(super) app: Arc<App>,
    /// What was read last.
    pub(super) config: Mutex<Config>,
    pub(super) ears: Mutex<Group>,
    pub(super) mouths: Mutex<Mouths>,
    pub(super) declared: watch::Sender<Arc<Declared>>,
    rebuild: watch::Sender<Rebuild>,
    /// Somebody wants a new index.
    rebuild_wanted: Notify,
    pub(super) rescoring: watch::Sender<Rescoring>,
    pub(super) rescore_wanted: mpsc::Sender<u32>,
    pub(super) desk: Group,
    index: Group,
    indexer: Arc<Mutex<Indexer>>,
    auth: Arc<Auth>,
    address: SocketAddr,
    notifier: Notifier,
    metrics: Metrics,
}

/// Tasks that stop together.
pub(super) struct Group {
    pub(super) supervisor: Arc<Supervisor>,
    /// The way to those who poll; absent in groups that do not.
    pub(super) rota: Option<RotaHandle>,
    stop: CancellationToken,
}

impl Group {
    pub(super) fn new(clock: &Clock) -> Self {
        let stop = CancellationToken::new();
        Self {
            supervisor: Arc::new(Supervisor::new(clock.clone(), stop.clone())),
            rota: None,
            stop,
        }
    }

    /// Stops the tasks; those that do not end in time are named in the log.
    pub(super) async fn stopped(&self) {
        self.stopped_within(STOP_DEADLINE).await;
    }

    pub(super) async fn stopped_within(&self, deadline: Duration) {
        self.stop.cancel();
        let late = self.supervisor.stopped(deadline).await;
        if !late.is_empty() {
            tracing::warn!(tasks = late.join(", "), "tasks did not stop in time");
        }
    }
}

impl App {
    /// Starts everything and returns when the page answers.
    ///
    /// # Errors
    /// When the address or the socket can't be bound.
    pub async fn start(mut self, metrics: Metrics) -> anyhow::Result<Arc<Running>> {
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => TcpListener::bind(self.config.web.listen)
                .await
                .with_context(|| {
                    format!(
                        "could not listen on {}: set `web.listen` to another address",
                        self.config.web.listen
                    )
                })?,
        };
        let address = listener.local_addr()?;
        let socket = socket_path(&self.config);
        let unix = web::bind_socket(&socket)
            .await
            .with_context(|| format!("could not listen on {}", socket.display()))?;
        let indexer = self.indexer.take().context("the app was started before")?;
        let pollers = std::mem::take(&mut self.pollers);
        let endpoints = self
            .endpoints
            .take()
            .context("the app was started before")?;

        let app = Arc::new(self);
        let (commands, commanded) = mpsc::channel(COMMANDS);
        let (rescore_wanted, rescores) = mpsc::channel(1);
        let (declared, declared_receiver) = watch::channel(Arc::new(status::declared(
            &app.config,
            &app.monitors.borrow(),
            &app.made_monitors,
            endpoints.declared,
        )));
        let running = Arc::new(Running {
            config: Mutex::new(app.config.clone()),
            ears: Mutex::new(Group::new(&app.clock)),
            mouths: Mutex::default(),
            desk: Group::new(&app.clock),
            index: Group::new(&app.clock),
            indexer: Arc::new(Mutex::new(indexer)),
            auth: Arc::new(Auth::default()),
            notifier: Notifier::from_env(|name| std::env::var_os(name)),
            metrics,
            declared,
            rebuild: watch::Sender::default(),
            rebuild_wanted: Notify::new(),
            rescoring: watch::Sender::default(),
            rescore_wanted,
            address,
            app,
        });

        let config = &running.app.config;
        let dispatchers = running.app.dispatchers_to(config, endpoints.ready);
        let mut mouths = running.mouths.lock().await;
        mouths.start(dispatchers, &running.app.clock).await?;
        drop(mouths);
        running.follow_store();
        running.rebuild_when_wanted();
        running.start_ears(config, pollers).await?;
        // It is bound; who connects now waits a moment.
        tracing::info!(address = %address, "listening");
        running.serve(
            listener.into_std()?,
            unix.into_std()?,
            declared_receiver,
            commands,
        );
        running.keep_house(commanded);
        running.rescore_when_wanted(rescores);
        running.notifier.ready(&running.summary());
        Ok(running)
    }
}

impl Running {
    /// The address of API and page.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The app behind it.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// A fresh one-time link to the page, valid for an hour.
    #[must_use]
    pub fn login_link(&self) -> String {
        let secret =
            self.auth
                .sessions
                .new_link(FIRST_USER, self.app.clock.now(), &mut rand::rng());
        format!("{}/login?token={}", self.base_url(), secret.expose_secret())
    }

    /// What links to the page begin with.
    fn base_url(&self) -> String {
        match &self.app.config.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.address),
        }
    }

    fn summary(&self) -> String {
        format!(
            "{} sources, {} monitors",
            self.app.config.sources.len(),
            self.app.config.monitors.len()
        )
    }

    /// Stops everything in order and closes the store.
    pub async fn stop(&self) {
        self.notifier.stopping();
        tracing::info!("stopping");
        self.ears.lock().await.stopped().await;
        let mouths = &self.mouths;
        mouths.lock().await.stopped_within(STOP_DEADLINE).await;
        self.desk.stopped().await;
        self.index.stopped().await;
        if let Err(error) = self.indexer.lock().await.catch_up().await {
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "the index catches up at the next start"
            );
        }
        self.app.store.close().await;
        // A socket without a daemon behind it would only confuse commands; a leftover is harmless.
        let _ = std::fs::remove_file(socket_path(&self.app.config));
        tracing::info!("stopped");
    }

    fn follow_store(&self) {
        let (indexer, clock) = (Arc::clone(&self.indexer), self.app.clock.clone());
        let tip = self.app.store.tip();
        let interval = Duration::from_millis(self.app.config.index.commit_interval_ms);
        self.index.supervisor.spawn("indexer", move |stop| {
            let (indexer, clock, tip) = (Arc::clone(&indexer), clock.clone(), tip.clone());
            async move { Ok(ingest::follow(&indexer, tip, &clock, interval, &stop).await?) }
        });
    }

    /// Starts pollers in the group that a reload replaces.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) async fn start_ears(
        &self,
        config: &Config,
        pollers: Vec<Arc<Poller>>,
    ) -> anyhow::Result<()> {
        let subscriber = self.app.subscriber(config, &pollers).await?;
        let mut ears = self.ears.lock().await;
        let (rota, handle) = Rota::new(pollers, self.app.store.clone(), self.app.clock.clone());
        let rota = Arc::new(rota);
        ears.rota = Some(handle);
        ears.supervisor.spawn("sources", move |stop| {
            let rota = Arc::clone(&rota);
            async move { rota.run(stop).await }
        });
        if let Some(subscriber) = subscriber {
            let subscriber = Arc::new(subscriber);
            ears.supervisor.spawn("hubs", move |stop| {
                let subscriber = Arc::clone(&subscriber);
                async move { Ok(subscriber.run(stop).await?) }
            });
        }
        Ok(())
    }

    /// Builds the index anew whenever somebody wants it. Not where commands are obeyed: it may take minutes.
    fn rebuild_when_wanted(self: &Arc<Self>) {
        let running = Arc::clone(self);
        self.index.supervisor.spawn("index rebuild", move |stop| {
            let running = Arc::clone(&running);
            async move {
                loop {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = running.rebuild_wanted.notified() => {}
                    }
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = running.rebuild_index() => {}
                    }
                }
            }
        });
    }

    async fn rebuild_index(&self) {
        let total = self.app.store.counts().await.map(|counts| counts.posts);
        self.rebuild.send_replace(Rebuild {
            is_running: true,
            total: total.unwrap_or_default(),
            ..Rebuild::default()
        });
        let progress = |posts| self.rebuild.send_modify(|rebuild| rebuild.posts = posts);
        let rebuilt = caught(async { Ok(self.indexer.lock().await.rebuild(progress).await?) });
        let error = rebuilt.await.err().map(|error| format!("{error:#}"));
        match &error {
            None => tracing::info!("built the index anew"),
            Some(error) => {
                tracing::error!(error, "could not build the index anew, the old one goes on")
            }
        }
        self.rebuild.send_modify(|rebuild| {
            rebuild.is_running = false;
            rebuild.error = error;
        });
    }

    fn serve(
        self: &Arc<Self>,
        listener: std::net::TcpListener,
        unix: std::os::unix::net::UnixListener,
        declared: watch::Receiver<Arc<Declared>>,
        commands: mpsc::Sender<web::Command>,
    ) {
        let app = &self.app;
        let metrics = self.metrics.clone();
        let weak = Arc::downgrade(self);
        let state = WebState {
            searcher: app.searcher.clone(),
            store: app.store.clone(),
            clock: app.clock.clone(),
            zone: app.zone.clone(),
            base_url: self.base_url(),
            behind_proxy: app.config.web.behind_proxy,
            requests_per_second: app.config.web.requests_per_second,
            auth: Arc::clone(&self.auth),
            declared,
            status: Arc::new(move || {
                weak.upgrade()
                    .map_or_else(Vec::new, |running| running.parts())
            }),
            metrics: Arc::new(move || metrics.render()),
            rebuild: self.rebuild.subscribe(),
            rescoring: self.rescoring.subscribe(),
            seal_key: Arc::clone(&app.seal_key),
            commands,
            stop: self.desk.stop.clone(),
        };
        let (tcp, local) = (
            web::router(state.clone(), Door::Tcp),
            web::router(state, Door::Socket),
        );
        let (clock, local_clock) = (app.clock.clone(), app.clock.clone());
        self.desk.supervisor.spawn("page and API", move |stop| {
            let (listener, router, clock) = (listener.try_clone(), tcp.clone(), clock.clone());
            async move {
                Ok(web::serve_tcp(TcpListener::from_std(listener?)?, router, stop, clock).await?)
            }
        });
        self.desk.supervisor.spawn("socket", move |stop| {
            let (unix, router, clock) = (unix.try_clone(), local.clone(), local_clock.clone());
            async move {
                Ok(web::serve_unix(UnixListener::from_std(unix?)?, router, stop, clock).await?)
            }
        });
    }

    /// How each part fares: the tasks of all groups.
    fn parts(&self) -> Vec<web::PartStatus> {
        let mut parts = status::parts(&self.index.supervisor);
        parts.extend(status::parts(&self.desk.supervisor));
        match self.ears.try_lock() {
            Ok(ears) => {
                parts.extend(status::parts(&ears.supervisor));
                let troubles = ears.rota.iter().flat_map(RotaHandle::troubles);
                parts.extend(troubles.map(status::troubled));
            }
            Err(_) => parts.push(status::reloading("sources")),
        }
        match self.mouths.try_lock() {
            Ok(mouths) => parts.extend(mouths.parts()),
            Err(_) => parts.push(status::reloading("endpoints")),
        }
        parts
    }

    fn keep_house(self: &Arc<Self>, commanded: mpsc::Receiver<web::Command>) {
        let commanded = Arc::new(Mutex::new(commanded));
        let running = Arc::clone(self);
        self.desk.supervisor.spawn("commands", move |stop| {
            let (running, commanded) = (Arc::clone(&running), Arc::clone(&commanded));
            async move {
                let mut commanded = commanded.lock().await;
                loop {
                    let command = tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        command = commanded.recv() => command,
                    };
                    match command {
                        Some(command) => running.obey(command).await,
                        None => return Ok(()),
                    }
                }
            }
        });
        let running = Arc::clone(self);
        self.desk.supervisor.spawn("digests", move |stop| {
            let running = Arc::clone(&running);
            async move { running.app.write_digests_until(&stop).await }
        });
        let running = Arc::clone(self);
        self.desk.supervisor.spawn("housekeeping", move |stop| {
            let running = Arc::clone(&running);
            async move { running.app.keep_house_until(&stop).await }
        });
        let running = Arc::clone(self);
        self.desk.supervisor.spawn("metrics", move |stop| {
            let running = Arc::clone(&running);
            async move {
                tokio::select! {
                    () = stop.cancelled() => Ok(()),
                    () = running.metrics.upkeep() => Ok(()),
                }
            }
        });
        let running = Arc::clone(self);
        self.desk.supervisor.spawn("watchdog", move |stop| {
            let running = Arc::clone(&running);
            async move {
                let clock = running.app.clock.clone();
                let alive = || {
                    running
                        .index
                        .supervisor
                        .states()
                        .iter()
                        .all(status::is_alive)
                };
                running.notifier.watchdog(&clock, alive, stop).await
            }
        });
    }

    async fn obey(&self, command: web::Command) {
        // Whoever asked may be gone; what was asked for is done all the same.
        match command {
            web::Command::RebuildIndex(answer) => {
                let is_running = self.rebuild.borrow().is_running;
                let _ = answer.send(if is_running {
                    Err("the index is being built anew already".to_owned())
                } else {
                    self.rebuild
                        .send_modify(|rebuild| rebuild.is_running = true);
                    self.rebuild_wanted.notify_one();
                    Ok("builds the index anew".to_owned())
                });
            }
            web::Command::Poll(source) => {
                let rota = self.ears.lock().await.rota.clone();
                if let Some(rota) = rota {
                    rota.nudge(source).await;
                }
            }
            web::Command::Push(push, answer) => {
                if let Some(rota) = &self.ears.lock().await.rota {
                    rota.push(push, answer);
                }
            }
            web::Command::Deliver(endpoint, answer) => {
                let restarted = self.restart_endpoint(&endpoint).await;
                let _ = answer.send(restarted.map_err(|error| format!("{error:#}")));
            }
            web::Command::Rescore(per_second, answer) => {
                let _ = answer.send(self.begin_rescoring(per_second));
            }
            web::Command::Listen(answer) => {
                let heard = self.listen_anew().await;
                let _ = answer.send(heard.map_err(|error| format!("{error:#}")));
            }
            web::Command::Wake => self.mouths.lock().await.wake(),
            web::Command::Reload(answer) => {
                let _ = answer.send(self.reload().await.map_err(|error| format!("{error:#}")));
            }
        }
    }
}
