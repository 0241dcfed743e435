//! Who is told: the endpoints that the configuration file declares, and those that were made by API.
//!
//! The file wins where both have a name. An endpoint of the file that cannot work stops the start, as every fault of the file does;
//! one made by API is left out and says why, so that it can be mended by API.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use tokio::sync::Notify;

use super::files::open_store_read_only;
use super::run::{Group, Running};
use super::status;
use crate::config::Config;
use crate::deliver::managed::{self, ManagedEndpoint};
use crate::deliver::{Dispatcher, Endpoint};
use crate::domain::EndpointId;
use crate::runtime::Clock;
use crate::runtime::seal::SealKey;
use crate::store::{Store, StoreError, StoredEndpoint};
use crate::web::{DeclaredEndpoint, Origin, PartStatus};

/// Endpoints that work, and what is said of all.
pub(super) struct Endpoints {
    pub(super) ready: Vec<Endpoint>,
    pub(super) declared: Vec<DeclaredEndpoint>,
}

/// The key of the secrets in the store; one of our own is made where none is configured.
///
/// # Errors
/// When its file cannot be used.
pub(super) fn seal_key(config: &Config) -> anyhow::Result<SealKey> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let file = &config.deliver.key_file;
    Ok(if file.as_os_str().is_empty() {
        SealKey::read_or_create(&config.data_dir.join("endpoints.key"))?
    } else {
        SealKey::read(file, credentials.as_deref())?
    })
}

/// The endpoints of the configuration file, ready for use.
///
/// # Errors
/// When the address, the secret or the filter of one cannot work.
pub(super) fn build_endpoints(config: &Config) -> anyhow::Result<Vec<Endpoint>> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    config
        .endpoints
        .iter()
        .map(|endpoint| Ok(Endpoint::build(endpoint, credentials.as_deref())?))
        .collect()
}

/// The names of all endpoints: those of the file first.
///
/// # Errors
/// When the store cannot be read.
pub async fn endpoint_names(config: &Config, store: &Store) -> anyhow::Result<Vec<EndpointId>> {
    let mut names: Vec<EndpointId> = config.endpoints.iter().map(|e| e.id.clone()).collect();
    for stored in store.managed_endpoints().await? {
        if !names.contains(&stored.id) {
            names.push(stored.id);
        }
    }
    Ok(names)
}

/// One endpoint of file or store, ready for use by a command beside a daemon or without one.
///
/// # Errors
/// When there is none of this name, or it cannot work.
pub async fn endpoint(config: &Config, name: &EndpointId) -> anyhow::Result<Endpoint> {
    let of_file = build_endpoints(config)?;
    let found = of_file.into_iter().find(|endpoint| endpoint.id() == name);
    if let Some(found) = found {
        return Ok(found);
    }
    let kept = match open_store_read_only(config).await {
        Ok(store) => store.managed_endpoints().await?,
        Err(error) if is_missing(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    let kept = kept.into_iter().find(|kept| kept.id == *name);
    let kept = kept.with_context(|| {
        format!("there is no endpoint \"{name}\": `overheard endpoints list` shows all")
    })?;
    Ok(ManagedEndpoint::open(&kept, &seal_key(config)?)?.endpoint()?)
}

/// Whether there is no store yet.
fn is_missing(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(StoreError::Missing { .. })))
}

/// All endpoints of file and store.
///
/// # Errors
/// When one of the file cannot work, or the store cannot be read.
pub(super) async fn all(
    config: &Config,
    store: &Store,
    key: &SealKey,
) -> anyhow::Result<Endpoints> {
    let mut ready = build_endpoints(config)?;
    let mut declared: Vec<DeclaredEndpoint> = config
        .endpoints
        .iter()
        .zip(&ready)
        .map(|(config, endpoint)| DeclaredEndpoint {
            id: config.id.clone(),
            origin: Origin::File,
            address: endpoint.target().address(),
            settings: config.into(),
            problem: None,
        })
        .collect();
    for stored in store.managed_endpoints().await? {
        if let Some(of_file) = declared.iter_mut().find(|known| known.id == stored.id) {
            tracing::warn!(endpoint.id = %stored.id, "the configuration file has an endpoint of the same name as one made by API, which is left out");
            of_file.problem = Some(
                "an endpoint of this name was made by API and is left out: rename this one to have both".to_owned(),
            );
            continue;
        }
        let (endpoint, said) = open(&stored, key);
        ready.extend(endpoint);
        declared.push(said);
    }
    Ok(Endpoints { ready, declared })
}

/// An endpoint made by API: ready for use, or with what is wrong with it.
fn open(stored: &StoredEndpoint, key: &SealKey) -> (Option<Endpoint>, DeclaredEndpoint) {
    let opened = ManagedEndpoint::open(stored, key);
    let ready = opened.and_then(|endpoint| Ok(endpoint.endpoint()?));
    let problem = ready.as_ref().err().map(ToString::to_string);
    if let Some(problem) = &problem {
        tracing::error!(endpoint.id = %stored.id, error = problem, "an endpoint gets nothing until it is mended");
    }
    let endpoint = ready.ok();
    let declared = DeclaredEndpoint {
        id: stored.id.clone(),
        origin: Origin::Api,
        address: endpoint
            .as_ref()
            .map(|endpoint| endpoint.target().address())
            .unwrap_or_default(),
        settings: managed::settings(stored).unwrap_or_default(),
        problem,
    };
    (endpoint, declared)
}

/// The dispatchers, each with its own task: one is replaced without the others.
#[derive(Default)]
pub(super) struct Mouths(BTreeMap<EndpointId, Mouth>);

struct Mouth {
    group: Group,
    wake: Arc<Notify>,
}

impl Mouths {
    /// Starts a task for each dispatcher, once all have their place in the outbox.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) async fn start(
        &mut self,
        dispatchers: Vec<Dispatcher>,
        clock: &Clock,
    ) -> anyhow::Result<()> {
        for dispatcher in &dispatchers {
            dispatcher.register().await?;
        }
        for dispatcher in dispatchers {
            let dispatcher = Arc::new(dispatcher);
            let id = dispatcher.endpoint().id().clone();
            let mouth = Mouth {
                group: Group::new(clock),
                wake: dispatcher.wake(),
            };
            mouth
                .group
                .supervisor
                .spawn(format!("endpoint {id}"), move |stop| {
                    let dispatcher = Arc::clone(&dispatcher);
                    async move { Ok(dispatcher.run(stop).await?) }
                });
            self.0.insert(id, mouth);
        }
        Ok(())
    }

    /// Lets all look at their queues.
    pub(super) fn wake(&self) {
        for mouth in self.0.values() {
            mouth.wake.notify_one();
        }
    }

    /// How all fare.
    pub(super) fn parts(&self) -> Vec<PartStatus> {
        let groups = self.0.values().map(|mouth| &mouth.group);
        groups
            .flat_map(|group| status::parts(&group.supervisor))
            .collect()
    }

    /// Stops all; those that do not end in time are named in the log.
    pub(super) async fn stopped_within(&mut self, deadline: Duration) {
        let mouths = std::mem::take(&mut self.0);
        join_all(
            mouths
                .values()
                .map(|mouth| mouth.group.stopped_within(deadline)),
        )
        .await;
    }
}

impl Running {
    /// Starts one endpoint's dispatcher anew, as the endpoint is now; ends it where the endpoint is gone.
    ///
    /// # Errors
    /// When an endpoint of the file cannot work any more, or the store fails; the old one goes on then.
    pub(super) async fn restart_endpoint(&self, id: &EndpointId) -> anyhow::Result<String> {
        let config = self.config.lock().await.clone();
        let mut endpoints = all(&config, &self.app.store, &self.app.seal_key).await?;
        endpoints.ready.retain(|endpoint| endpoint.id() == id);
        let mut mouths = self.mouths.lock().await;
        if let Some(old) = mouths.0.remove(id) {
            // An attempt under way ends before the next one begins, or its event would go out twice.
            let longest = Duration::from_secs(config.deliver.timeout_secs + 1);
            old.group.stopped_within(longest).await;
        }
        self.tell_of(endpoints.declared);
        let dispatchers = self.app.dispatchers_to(&config, endpoints.ready);
        mouths.start(dispatchers, &self.app.clock).await?;
        Ok(format!("endpoint \"{id}\" is as it was asked for"))
    }

    /// Starts all dispatchers anew.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn restart_endpoints(
        &self,
        config: &Config,
        endpoints: Endpoints,
    ) -> anyhow::Result<()> {
        let mut mouths = self.mouths.lock().await;
        // As for one: what is under way ends before it could go out again.
        let longest = Duration::from_secs(config.deliver.timeout_secs + 1);
        mouths.stopped_within(longest).await;
        self.tell_of(endpoints.declared);
        let dispatchers = self.app.dispatchers_to(config, endpoints.ready);
        mouths.start(dispatchers, &self.app.clock).await
    }

    fn tell_of(&self, endpoints: Vec<DeclaredEndpoint>) {
        self.declared.send_modify(|declared| {
            let mut changed = declared.as_ref().clone();
            changed.endpoints = endpoints;
            *declared = changed.into();
        });
    }
}
